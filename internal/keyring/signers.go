package keyring

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

// TokenSigner signs access and id tokens. The room that issues tokens is its only holder.
type TokenSigner struct{ ring *Ring }

// Tokens is the signer of access and id tokens.
func (r *Ring) Tokens() TokenSigner { return TokenSigner{r} }

// SignAccess signs an access token with the tenant's current key for alg: typ at+jwt (RFC 9068,
// section 2.1). Unsupported for an unknown algorithm, Unavailable if there is no key to be had.
func (s TokenSigner) SignAccess(ctx context.Context, t id.Tenant, alg Alg, c Claims) (string, error) {
	return s.ring.issue(ctx, t, slot{Tokens, alg}, AccessToken, c)
}

// SignID signs an id token: typ JWT.
func (s TokenSigner) SignID(ctx context.Context, t id.Tenant, alg Alg, c Claims) (string, error) {
	return s.ring.issue(ctx, t, slot{Tokens, alg}, IDToken, c)
}

// LogoutSigner signs logout tokens.
type LogoutSigner struct{ ring *Ring }

// Logout is the signer of logout tokens.
func (r *Ring) Logout() LogoutSigner { return LogoutSigner{r} }

// LogoutClaims are the claims of a logout token (OpenID Connect Back-Channel Logout 1.0, section
// 2.4). The claim events is added, and nonce cannot be. Times are Unix seconds.
type LogoutClaims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"` // the client
	Subject  string `json:"sub,omitzero"`
	Session  string `json:"sid,omitzero"` // Subject, Session or both
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	ID       string `json:"jti"`
}

// AppendJSON implements Claims.
func (c LogoutClaims) AppendJSON(b []byte) ([]byte, error) {
	if c.Issuer == "" || c.Audience == "" || c.ID == "" || c.Issued <= 0 || c.Expires <= c.Issued || c.Subject+c.Session == "" {
		return nil, errors.New("keyring: a logout token lacks a claim")
	}
	return appendJSON(b, struct {
		LogoutClaims
		Events map[string]struct{} `json:"events"`
	}{c, map[string]struct{}{"http://schemas.openid.net/event/backchannel-logout": {}}})
}

// Sign signs a logout token: typ logout+jwt.
func (s LogoutSigner) Sign(ctx context.Context, t id.Tenant, alg Alg, c LogoutClaims) (string, error) {
	return s.ring.issue(ctx, t, slot{Logout, alg}, LogoutToken, c)
}

// ContextSigner signs what the gateway tells the services behind it about a request.
type ContextSigner struct{ ring *Ring }

// Context is the gateway's signer.
func (r *Ring) Context() ContextSigner { return ContextSigner{r} }

// ContextClaims say who makes the request that the gateway passes on. They replace the credential,
// which stops at the gateway. Times are Unix seconds.
type ContextClaims struct {
	Issuer       string            `json:"iss"`
	Audience     string            `json:"aud"` // the service behind the gateway
	Subject      string            `json:"sub"`
	Issued       int64             `json:"iat"`
	Expires      int64             `json:"exp"` // at most five minutes after Issued
	ID           string            `json:"jti"`
	Client       string            `json:"client_id,omitzero"`
	Session      string            `json:"sid,omitzero"`
	Organisation string            `json:"org_id,omitzero"`
	Scope        string            `json:"scope,omitzero"`
	ACR          string            `json:"acr,omitzero"`
	AuthTime     int64             `json:"auth_time,omitzero"`
	Attributes   map[string]string `json:"attributes,omitzero"` // what the route asks for
}

// maxContextLife is how long a gateway's word may be good, in seconds.
const maxContextLife = 300

// AppendJSON implements Claims.
func (c ContextClaims) AppendJSON(b []byte) ([]byte, error) {
	switch {
	case c.Issuer == "" || c.Audience == "" || c.Subject == "" || c.ID == "" || c.Issued <= 0:
		return nil, errors.New("keyring: a context token lacks a claim")
	case c.Expires <= c.Issued || c.Expires > c.Issued+maxContextLife:
		return nil, errors.New("keyring: a context token lives too long")
	}
	return appendJSON(b, c)
}

// Sign signs the gateway's word, with ES256: typ context+jwt.
func (s ContextSigner) Sign(ctx context.Context, t id.Tenant, c ContextClaims) (string, error) {
	return s.ring.issue(ctx, t, slot{Context, ES256}, ContextToken, c)
}

func (r *Ring) issue(ctx context.Context, t id.Tenant, at slot, kind Kind, c Claims) (string, error) {
	if c == nil {
		return "", errs.Wrap(errs.Internal, errors.New("keyring: no claims"), "", "Something went wrong on our side.")
	}
	k, err := r.signer(ctx, t, at)
	if err != nil {
		return "", err
	}
	return k.compact(kind, c)
}

// appendJSON appends v, with the names of maps in order.
func appendJSON(b []byte, v any) ([]byte, error) {
	text, err := json.Marshal(v, json.Deterministic(true))
	return append(b, text...), err
}

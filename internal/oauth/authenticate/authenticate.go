// Package authenticate turns any credential into an access.Caller: a session cookie, a bearer token of
// either form, an API key. It is the only such road, so every route answers the same user the same
// way. Which of several credentials counts is the door's rule: it hands over exactly one.
//
// A credential of one kind is never taken for another: each has its prefix, its checksum and its
// collection, and a refresh or id token sent as bearer is token_invalid like any other text.
package authenticate

import (
	"context"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
)

// Kind is what kind of credential was sent.
type Kind uint8

// The kinds. The zero value is no credential.
const (
	None    Kind = iota
	Bearer       // Authorization: Bearer: a JWT, an opaque access token, or an API key
	APIKey       // X-API-Key
	Session      // the session cookie
)

// Credential is the one credential of a request.
type Credential struct {
	Kind  Kind
	Value secret.Value
}

// Found is whom a cookie or a key has proved.
type Found struct {
	Subject access.Subject
	Proof   access.Proof
}

// Sessions finds sessions by the cookie's value.
type Sessions interface {
	// Resolve is Unauthenticated with code session_expired for anything but a live session.
	Resolve(ctx context.Context, t id.Tenant, cookie secret.Value) (Found, error)
}

// APIKeys finds the owners of API keys.
type APIKeys interface {
	// Resolve is Unauthenticated, with one of the codes for tokens, for anything but a live key of an
	// owner in good standing. The proof is limited to the key's scopes.
	Resolve(ctx context.Context, t id.Tenant, key secret.Value) (Found, error)
}

// Config is what an Authenticator needs. A nil Sessions or APIKeys refuses that kind.
type Config struct {
	Reader   *tokens.Reader
	Sessions Sessions
	APIKeys  APIKeys
}

// Authenticator authenticates requests.
type Authenticator struct{ Config }

// New makes an Authenticator.
func New(c Config) *Authenticator { return &Authenticator{Config: c} }

// Authenticate says who is behind a credential of tenant t; anonymous for no credential. Errors are
// Unauthenticated with code token_invalid, token_expired, token_revoked or session_expired, or
// Unavailable if it could not be found out. A bad credential never becomes an anonymous caller.
func (a *Authenticator) Authenticate(ctx context.Context, t id.Tenant, cred Credential, from access.Origin) (access.Caller, error) {
	switch cred.Kind {
	case None:
		return access.Anonymous(t, from), nil
	case Bearer:
		if strings.HasPrefix(cred.Value.Reveal(), string(opaque.APIKey)+"_") {
			return a.apiKey(ctx, t, cred.Value, from)
		}
		return a.bearer(ctx, t, cred.Value, from)
	case APIKey:
		return a.apiKey(ctx, t, cred.Value, from)
	case Session:
		return a.session(ctx, t, cred.Value, from)
	}
	return access.Caller{}, invalid()
}

func (a *Authenticator) session(ctx context.Context, t id.Tenant, cookie secret.Value, from access.Origin) (access.Caller, error) {
	if a.Sessions == nil {
		return access.Caller{}, errs.New(errs.Unauthenticated, "session_expired", "The session has ended; sign in again.")
	}
	found, err := a.Sessions.Resolve(ctx, t, cookie)
	return caller(t, found, from, err)
}

func (a *Authenticator) apiKey(ctx context.Context, t id.Tenant, key secret.Value, from access.Origin) (access.Caller, error) {
	if a.APIKeys == nil {
		return access.Caller{}, invalid()
	}
	found, err := a.APIKeys.Resolve(ctx, t, key)
	found.Proof.Scoped = true // a key is always limited, whatever its finder says
	return caller(t, found, from, err)
}

// bearer reads an access token. It must be for the issuer itself: a token for another service opens
// nothing here.
func (a *Authenticator) bearer(ctx context.Context, t id.Tenant, token secret.Value, from access.Origin) (access.Caller, error) {
	said, now, err := a.Reader.Read(ctx, t, token.Reveal())
	if err != nil {
		return access.Caller{}, err
	}
	if !said.For(now.Tenant.Issuer) {
		return access.Caller{}, invalid()
	}
	found := Found{Subject: access.Service(string(said.Client))}
	found.Proof = access.Proof{
		Strength: access.OneFactor, Client: string(said.Client), Scoped: true, Scopes: said.Scopes,
	}
	if said.User != "" {
		found.Subject = access.User(said.User)
		found.Proof.Strength, found.Proof.At = oauth.StrengthOf(said.ACR), said.AuthTime
		found.Proof.Methods, found.Proof.Session, found.Proof.Until = now.Session.Methods, said.Session, now.Session.Until
	}
	return caller(t, found, from, nil)
}

// caller makes the caller; nobody is behind a finder's empty answer.
func caller(t id.Tenant, f Found, from access.Origin, err error) (access.Caller, error) {
	if err != nil {
		return access.Caller{}, err
	}
	if f.Subject == (access.Subject{}) {
		return access.Caller{}, invalid()
	}
	return access.Authenticated(t, f.Subject, f.Proof, from), nil
}

func invalid() error {
	return errs.New(errs.Unauthenticated, tokens.CodeInvalid, "The credential is not valid here.")
}

package tokens

import (
	"context"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/oauth"
)

// Access is what an access token says, whatever its form. It is shared: it must not be changed.
type Access struct {
	Form     oauth.Format
	JTI      string
	Client   oauth.ClientID
	User     string // empty: the client acts for itself
	Session  string
	Org      string
	Scopes   oauth.Scopes
	Audience []string
	Epochs   oauth.Epochs
	Issued   time.Time
	Expires  time.Time
	AuthTime time.Time
	ACR      string
	KeyID    string // of a JWT
}

// Subject is the token's sub: the user, or the client acting for itself.
func (a *Access) Subject() string {
	if a.User != "" {
		return a.User
	}
	return string(a.Client)
}

// For reports whether the token is for audience.
func (a *Access) For(audience string) bool { return slices.Contains(a.Audience, audience) }

// who is what the token says is behind it.
func (a *Access) who() Who {
	return Who{
		Client: a.Client, User: a.User, Session: a.Session, Org: a.Org, Offline: a.Scopes.Has(oauth.ScopeOfflineAccess),
		Remembered: &a.Epochs, AuthTime: a.AuthTime, Strength: oauth.StrengthOf(a.ACR),
	}
}

// Claims are what the token says, as claims.
func (a *Access) Claims(issuer string) *oauth.AccessClaims {
	return &oauth.AccessClaims{
		Issuer: issuer, Audience: a.Audience, Subject: a.Subject(), Client: a.Client, Scope: a.Scopes.String(),
		Issued: a.Issued.Unix(), Expires: a.Expires.Unix(), JTI: a.JTI, Session: a.Session, Org: a.Org,
		Epochs: a.Epochs, ACR: a.ACR, AuthTime: unix(a.AuthTime),
	}
}

// unix is t in Unix seconds; 0 for the zero time, which claims leave out.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func fromUnix(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

// list is the aud claim: one string or a list of them (RFC 7519, section 4.1.3).
type list []string

// UnmarshalJSON reads either form. Anything else is an error.
func (l *list) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*l = make(list, 1)
		return json.Unmarshal(b, &(*l)[0])
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// parseClaims reads the claims of a JWT access token of ours, of which the signature is known to be
// good. A claim that must be there and is not makes it no access token.
func parseClaims(claims []byte, issuer string) (*Access, error) {
	var c struct {
		Issuer   string         `json:"iss"`
		Audience list           `json:"aud"`
		Subject  string         `json:"sub"`
		Client   oauth.ClientID `json:"client_id"`
		Scope    string         `json:"scope"`
		Issued   int64          `json:"iat"`
		Expires  int64          `json:"exp"`
		JTI      string         `json:"jti"`
		Session  string         `json:"sid"`
		Org      string         `json:"org_id"`
		Epochs   oauth.Epochs   `json:"ep"`
		ACR      string         `json:"acr"`
		AuthTime int64          `json:"auth_time"`
	}
	if err := json.Unmarshal(claims, &c); err != nil {
		return nil, errInvalid()
	}
	scopes, err := oauth.ParseScopes(c.Scope)
	if err != nil || c.Issuer != issuer || len(c.Audience) == 0 || c.Subject == "" || c.Client == "" || c.JTI == "" || c.Expires == 0 {
		return nil, errInvalid()
	}
	a := &Access{
		Form: oauth.JWT, JTI: c.JTI, Client: c.Client, User: c.Subject, Session: c.Session, Org: c.Org, Scopes: scopes,
		Audience: c.Audience, Epochs: c.Epochs, Issued: fromUnix(c.Issued), Expires: fromUnix(c.Expires),
		AuthTime: fromUnix(c.AuthTime), ACR: c.ACR,
	}
	if c.Subject == string(c.Client) {
		a.User = ""
	}
	return a, nil
}

// The codes with which a bearer token is refused.
const (
	CodeInvalid = "token_invalid"
	CodeExpired = "token_expired"
	CodeRevoked = "token_revoked"
)

func errInvalid() error {
	return errs.New(errs.Unauthenticated, CodeInvalid, "The token is not valid here.")
}

func errExpired() error {
	return errs.New(errs.Unauthenticated, CodeExpired, "The token has expired.")
}

// errRevoked says that the token, or something behind it, is not good any more; only the log learns
// what.
func errRevoked(cause error) error {
	return errs.Wrap(errs.Unauthenticated, cause, CodeRevoked, "The token was revoked.")
}

// dead turns a *Gone into token_revoked and passes other errors on.
func dead(err error) error {
	if IsGone(err) {
		return errRevoked(err)
	}
	return err
}

// Verifier checks JWTs of our own making: the keyring. A token that is no JWT of ours, of that type, by a key that
// still counts is Unauthenticated.
type Verifier interface {
	// VerifyAccess returns the claims of an access token (typ at+jwt) and the id of its key.
	VerifyAccess(ctx context.Context, t id.Tenant, token string) (claims []byte, keyID string, err error)
	// VerifyID returns the claims of an id token. Its times are not checked.
	VerifyID(ctx context.Context, t id.Tenant, token string) (claims []byte, err error)
	// Counts reports whether signatures by that key still count.
	Counts(ctx context.Context, t id.Tenant, keyID string) (bool, error)
}

// parseHint reads the claims of an id token of ours, of which the signature is known to be good.
func parseHint(claims []byte, issuer string) (IDToken, error) {
	var c struct {
		Issuer   string         `json:"iss"`
		Audience oauth.ClientID `json:"aud"`
		Subject  string         `json:"sub"`
		Session  string         `json:"sid"`
		Expires  int64          `json:"exp"`
	}
	if err := json.Unmarshal(claims, &c); err != nil || c.Issuer != issuer || c.Subject == "" || c.Audience == "" {
		return IDToken{}, errInvalid()
	}
	return IDToken{Audience: c.Audience, User: c.Subject, Session: c.Session, Expires: fromUnix(c.Expires)}, nil
}

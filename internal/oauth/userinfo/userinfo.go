// Package userinfo says who the user behind an access token is (OpenID Connect Core, section 5.3), as
// far as the token's scopes open it.
package userinfo

import (
	"context"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
)

// Person is what may be said about the user of a token.
type Person struct {
	Subject string
	Claims  oauth.UserClaims
}

// AppendJSON appends the answer (OpenID Connect Core, section 5.3.2).
func (p Person) AppendJSON(b []byte) ([]byte, error) { return p.Claims.AppendJSON(b, p.Subject) }

// Of reads the person behind an access token. Errors: token_invalid, token_expired, token_revoked;
// insufficient_scope for a token without openid; Unavailable if it could not be found out.
func Of(ctx context.Context, r *tokens.Reader, t id.Tenant, token string) (Person, error) {
	a, now, err := r.Read(ctx, t, token)
	if err != nil {
		return Person{}, err
	}
	if a.User == "" || !a.Scopes.Has(oauth.ScopeOpenID) || !a.For(now.Tenant.Issuer) {
		e := errs.New(errs.Denied, string(oauth.InsufficientScope), "The token lacks the scope openid.")
		e.Missing = oauth.ScopeOpenID
		return Person{}, e
	}
	profile, err := r.World.Users.Profile(ctx, t, a.User)
	if errs.Is(err, errs.NotFound) {
		return Person{}, errs.Wrap(errs.Unauthenticated, err, tokens.CodeRevoked, "The token was revoked.")
	}
	return Person{Subject: a.User, Claims: oauth.ClaimsFor(profile, a.Scopes)}, err
}

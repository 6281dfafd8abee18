// Package introspect answers services that ask whether a token is good (RFC 7662). A token is active
// only for its own client and for clients that answer for one of its audiences; for everybody else,
// and whenever anything behind it is not good any more, it is not active, and that is all they learn.
package introspect

import (
	"context"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/clientauth"
	"github.com/cardea-auth/cardea/internal/oauth/refresh"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
)

// Config is what an Introspector needs. Activity may be nil.
type Config struct {
	Reader   *tokens.Reader
	World    tokens.World
	Families *refresh.Families
	Now      func() time.Time
	Activity func(t id.Tenant, name string)
}

// Introspector answers about tokens.
type Introspector struct{ Config }

// New makes an Introspector.
func New(c Config) *Introspector { return &Introspector{Config: c} }

// Answer is what may be said about a token. The zero Answer says that it is not active.
type Answer struct {
	claims    *oauth.AccessClaims
	tokenType string
}

// Active reports whether the token is good for the one who asks.
func (a Answer) Active() bool { return a.claims != nil }

// Claims are what the token says; nil if it is not active.
func (a Answer) Claims() *oauth.AccessClaims { return a.claims }

// AppendJSON appends the answer (RFC 7662, section 2.2).
func (a Answer) AppendJSON(b []byte) ([]byte, error) {
	if a.claims == nil {
		return append(b, `{"active":false}`...), nil
	}
	return a.claims.AppendIntrospection(b, a.tokenType)
}

// Introspect answers client about token. A hint of its type is not needed: tokens say what they are.
// Errors: invalid_client for a client that has not proved itself; Unavailable if it could not be
// found out, which must not be read as not active.
func (i *Introspector) Introspect(ctx context.Context, client clientauth.Proven, token string) (Answer, error) {
	if !client.Confidential() {
		return Answer{}, oauth.Refuse(oauth.InvalidClient, "Introspection asks for a client that authenticates.")
	}
	if i.Activity != nil {
		i.Activity(client.Tenant(), "token.introspected")
	}
	answer, err := i.read(ctx, client, token)
	if errs.Is(err, errs.Unauthenticated) || oauth.CodeOf(err) == oauth.InvalidGrant {
		return Answer{}, nil
	}
	return answer, err
}

func (i *Introspector) read(ctx context.Context, client clientauth.Proven, token string) (Answer, error) {
	if strings.HasPrefix(token, string(opaque.RefreshToken)+"_") {
		return i.refreshToken(ctx, client, token)
	}
	a, now, err := i.Reader.Read(ctx, client.Tenant(), token)
	if err != nil {
		return Answer{}, err
	}
	if !mayAsk(client.Client(), a) {
		return Answer{}, nil
	}
	return Answer{claims: a.Claims(now.Tenant.Issuer), tokenType: "Bearer"}, nil
}

// mayAsk reports whether c is the token's client or answers for one of its audiences.
func mayAsk(c *oauth.Client, a *tokens.Access) bool {
	if a.Client == c.ClientID() {
		return true
	}
	for _, served := range c.Serves {
		if a.For(served) {
			return true
		}
	}
	return false
}

// refreshToken answers a client about its own refresh token.
func (i *Introspector) refreshToken(ctx context.Context, client clientauth.Proven, token string) (Answer, error) {
	f, err := i.Families.Find(ctx, client.Tenant(), token)
	if err != nil || f.Client != client.Client().ClientID() || !f.CurrentIs(token) {
		return Answer{}, err
	}
	now, err := i.World.Stand(ctx, client.Tenant(), tokens.Who{
		Client: f.Client, User: f.User, Session: f.Session, Org: f.Org, Offline: f.Offline, Remembered: &f.Epochs, Strength: f.Strength,
	})
	if tokens.IsGone(err) {
		return Answer{}, nil
	}
	bounds := refresh.BoundsOf(now.Tenant)
	if err != nil || !f.Alive(bounds, i.Now()) {
		return Answer{}, err
	}
	return Answer{tokenType: "refresh_token", claims: &oauth.AccessClaims{
		Issuer: now.Tenant.Issuer, Audience: f.Audience, Subject: f.User, Client: f.Client, Scope: f.Scopes.String(),
		Issued: f.Rotated.Unix(), Expires: f.End(bounds).Unix(), JTI: f.ID, Session: f.Session, Org: f.Org,
	}}, nil
}

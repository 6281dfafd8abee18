// Package grants holds what a client can exchange for tokens: a code, a refresh token, its own
// credentials, and, for our own pages alone, a session. Each is a small type that proves its artefact
// and says how it is used up; everything else is the issuer's (package tokens).
package grants

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/codes"
	"github.com/cardea-auth/cardea/internal/oauth/refresh"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
	"github.com/cardea-auth/cardea/internal/store"
)

// Code is the authorization code grant (RFC 6749, section 4.1.3).
type Code struct {
	codes *codes.Codes
	proof codes.Proof
	found *codes.Code
}

// NewCode is the grant of one code.
func NewCode(c *codes.Codes, p codes.Proof) *Code { return &Code{codes: c, proof: p} }

// Type implements tokens.Grant.
func (*Code) Type() oauth.GrantType { return oauth.GrantCode }

// Prove implements tokens.Grant.
func (g *Code) Prove(ctx context.Context, a tokens.Asked) (tokens.Subject, error) {
	var err error
	g.found, err = g.codes.Redeem(ctx, a.Caller, a.Client.ClientID(), g.proof)
	if err != nil {
		return tokens.Subject{}, err
	}
	f := g.found
	return tokens.Subject{
		Who:    tokens.Who{User: f.User, Session: f.Session, Org: f.Org, Remembered: &f.Epochs},
		Scopes: f.Scopes, Audience: f.Audience, Nonce: f.Nonce, Family: true,
	}, nil
}

// Spend implements tokens.Grant.
func (g *Code) Spend(ctx context.Context, a tokens.Asked, p tokens.Promise) []store.DocOp {
	return []store.DocOp{g.codes.Spend(ctx, a.Caller, g.found, p.Family, p.Access)}
}

// Refresh is the refresh token grant (RFC 6749, section 6).
type Refresh struct {
	families *refresh.Families
	token    secret.Value
}

// NewRefresh is the grant of one refresh token.
func NewRefresh(f *refresh.Families, token secret.Value) *Refresh {
	return &Refresh{families: f, token: token}
}

// Type implements tokens.Grant.
func (*Refresh) Type() oauth.GrantType { return oauth.GrantRefresh }

// Prove implements tokens.Grant.
func (g *Refresh) Prove(ctx context.Context, a tokens.Asked) (tokens.Subject, error) {
	turn, err := g.families.Present(ctx, a.Caller, a.Client.ClientID(), g.token.Reveal(), refresh.BoundsOf(a.Tenant))
	if err != nil {
		return tokens.Subject{}, err
	}
	f := turn.Family
	return tokens.Subject{
		Who: tokens.Who{
			User: f.User, Session: f.Session, Org: f.Org, Offline: f.Offline, Remembered: &f.Epochs,
			AuthTime: f.AuthTime, Strength: f.Strength, Methods: f.Methods,
		},
		Scopes: f.Scopes, Audience: f.Audience, Turn: turn,
	}, nil
}

// Spend implements tokens.Grant. The turn itself is advanced by the issuer.
func (*Refresh) Spend(context.Context, tokens.Asked, tokens.Promise) []store.DocOp { return nil }

// ClientCredentials is the grant of a client that acts for itself (RFC 6749, section 4.4).
type ClientCredentials struct{}

// Type implements tokens.Grant.
func (ClientCredentials) Type() oauth.GrantType { return oauth.GrantClientCredentials }

// Prove implements tokens.Grant. The artefact is the client's own proof, which the issuer has asked
// for; what is only about users cannot be had without one.
func (ClientCredentials) Prove(_ context.Context, a tokens.Asked) (tokens.Subject, error) {
	if a.Client.Public() {
		return tokens.Subject{}, oauth.Refuse(oauth.UnauthorizedClient, "A public client cannot act for itself.")
	}
	return tokens.Subject{
		Who:    tokens.Who{Org: a.Client.Org},
		Scopes: a.Client.Scopes.Without(oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopePhone, oauth.ScopeOfflineAccess),
	}, nil
}

// Spend implements tokens.Grant. Nothing is used up.
func (ClientCredentials) Spend(context.Context, tokens.Asked, tokens.Promise) []store.DocOp {
	return nil
}

// SessionLife is the life of a token that one of our own pages gets for its session.
const SessionLife = 5 * time.Minute

// Session exchanges the browser session of the caller for a short token for our own API. It has no
// grant_type: only a door on our own origin that has checked cookie and CSRF makes one, for a client
// of the operator that has oauth.GrantSession.
type Session struct{}

// Type implements tokens.Grant.
func (Session) Type() oauth.GrantType { return oauth.GrantSession }

// Prove implements tokens.Grant. The artefact is the caller, whom the session cookie has proved.
func (Session) Prove(_ context.Context, a tokens.Asked) (tokens.Subject, error) {
	user, sid := a.Caller.UserID(), a.Caller.Proof().Session
	if user == "" || sid == "" || a.Caller.Proof().Scoped || a.Caller.Home() != a.Caller.Tenant() {
		return tokens.Subject{}, errs.New(errs.Unauthenticated, "session_expired", "The session has ended; sign in again.")
	}
	if !a.Client.FirstParty {
		return tokens.Subject{}, oauth.Refuse(oauth.UnauthorizedClient, "The client may not use this grant.")
	}
	return tokens.Subject{
		Who: tokens.Who{User: user, Session: sid}, Scopes: a.Client.Scopes, Audience: []string{a.Tenant.Issuer},
		MaxLife: SessionLife,
	}, nil
}

// Spend implements tokens.Grant. The session goes on.
func (Session) Spend(context.Context, tokens.Asked, tokens.Promise) []store.DocOp { return nil }

// Package revoke lets a client give a token back (RFC 7009), public clients too. A refresh token takes
// its whole family with it. Success means that the token is dead, durably; a store that does not
// answer is an error and never a success.
package revoke

import (
	"context"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/clientauth"
	"github.com/cardea-auth/cardea/internal/oauth/refresh"
	"github.com/cardea-auth/cardea/internal/oauth/revocations"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
	"github.com/cardea-auth/cardea/internal/store"
)

// Config is what a Revoker needs. All of it is required.
type Config struct {
	DB       *store.DB
	Guard    *access.Guard
	Reader   *tokens.Reader
	Families *refresh.Families
	Board    *revocations.Board
}

// Revoker revokes tokens.
type Revoker struct{ Config }

// New makes a Revoker.
func New(c Config) *Revoker { return &Revoker{Config: c} }

// Revoke ends a token of client. A text that is no token of ours, or one that is dead already, is a
// success (RFC 7009, section 2.2); a token of another client is refused with unauthorized_client.
func (r *Revoker) Revoke(ctx context.Context, c access.Caller, client clientauth.Proven, token string) error {
	if !client.Valid() || client.Tenant() != c.Tenant() {
		return oauth.Refuse(oauth.InvalidClient, "Client authentication failed.")
	}
	if strings.HasPrefix(token, string(opaque.RefreshToken)+"_") {
		return r.family(ctx, c, client, token)
	}
	a, err := r.Reader.Peek(ctx, c.Tenant(), token)
	if errs.Is(err, errs.Unauthenticated) {
		return nil
	}
	if err != nil {
		return err
	}
	if a.Client != client.Client().ClientID() {
		return foreign()
	}
	if !r.DB.Now().Before(a.Expires) {
		return nil
	}
	return r.access(ctx, c, a)
}

func (r *Revoker) family(ctx context.Context, c access.Caller, client clientauth.Proven, token string) error {
	f, err := r.Families.Find(ctx, c.Tenant(), token)
	if oauth.CodeOf(err) == oauth.InvalidGrant {
		return nil
	}
	if err != nil {
		return err
	}
	if f.Client != client.Client().ClientID() {
		return foreign()
	}
	return r.Families.End(ctx, c, f.ID, refresh.Revoked)
}

func (r *Revoker) access(ctx context.Context, c access.Caller, a *tokens.Access) error {
	dead, err := r.Board.Dead(ctx, c.Tenant(), a.JTI)
	if err != nil || dead {
		return err
	}
	permit, err := r.Guard.Open(c, "token.revoke", oauth.ClientObject(a.Client))
	if err != nil {
		return err
	}
	facts := map[string]string{"client": string(a.Client), "reason": string(refresh.Revoked), "jti": a.JTI}
	_, err = r.DB.Commit(ctx, store.Batch{
		Permit: permit, Docs: []store.DocOp{r.Board.RevokeToken(ctx, c.Tenant(), a.JTI)},
		Events: []store.Event{{Kind: "token.revoked", Public: facts, Person: a.User}},
	})
	r.Board.Notice(c.Tenant())
	return err
}

func foreign() error {
	return oauth.Refuse(oauth.UnauthorizedClient, "The token belongs to another client.")
}

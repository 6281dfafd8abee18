// Package codes keeps authorization codes: 60 seconds, one use, bound to client, redirect URI and
// PKCE challenge.
//
// A code is spent by a Replace in the batch that begins what it gives, before anything is signed: when
// the process dies in between, the code is spent and the user signs in again. A spent code is kept, so
// that a second use is seen: it ends what the first one gave (RFC 9700, section 4.5). A code that
// shows up with the wrong client, redirect URI or verifier has leaked and is spent with nothing given.
package codes

import (
	"context"
	"crypto/subtle"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/refresh"
	"github.com/cardea-auth/cardea/internal/oauth/revocations"
	"github.com/cardea-auth/cardea/internal/store"
)

const (
	// Life is how long a code may be exchanged.
	Life = 60 * time.Second
	// keep is how long a code is remembered, so that a replay is noticed.
	keep = time.Hour
)

// Code is what an authorization code stands for. Its id is the SHA-256 of the code.
type Code struct {
	store.Meta
	Client    oauth.ClientID    `json:"client"`
	Redirect  oauth.RedirectURI `json:"redirect_uri"`
	Challenge oauth.Challenge   `json:"challenge,omitzero"`
	Nonce     string            `json:"nonce,omitzero"`
	Scopes    oauth.Scopes      `json:"scopes,omitzero"`
	Audience  []string          `json:"audience"`
	User      string            `json:"user"`
	Session   string            `json:"session"`
	Org       string            `json:"org,omitzero"`
	Epochs    oauth.Epochs      `json:"epochs"`
	Issued    time.Time         `json:"issued"`
	Spent     time.Time         `json:"spent,omitzero"`
	Family    string            `json:"family,omitzero"` // of refresh tokens, begun by it
	Given     refresh.Access    `json:"given,omitzero"`  // the access token it gave
}

// Codes are the authorization codes of all tenants.
type Codes struct {
	db       *store.DB
	guard    *access.Guard
	board    *revocations.Board
	families *refresh.Families
	all      *store.Collection[Code]
}

// New declares codes to db.
func New(db *store.DB, g *access.Guard, board *revocations.Board, families *refresh.Families) *Codes {
	return &Codes{db: db, guard: g, board: board, families: families, all: store.NewCollection(db, store.Kind[Code]{
		Name: "code", Noun: "code",
		Meta: func(c *Code) *store.Meta { return &c.Meta },
	})}
}

// Make stores what a new code stands for and returns the code.
func (s *Codes) Make(ctx context.Context, c access.Caller, code Code) (secret.Value, error) {
	permit, err := s.guard.Open(c, "code.issue", oauth.ClientObject(code.Client))
	if err != nil {
		return secret.Value{}, err
	}
	text := opaque.New(opaque.Code)
	code.Issued = s.db.Now()
	code.Meta = store.Meta{ID: opaque.Hash(text), Expires: code.Issued.Add(keep)}
	_, err = s.db.Commit(ctx, store.Batch{Permit: permit, Docs: []store.DocOp{s.all.In(c.Tenant()).Insert(ctx, &code)}})
	return secret.New(text), err
}

// Proof is what a client shows to exchange a code (RFC 6749, section 4.1.3; RFC 7636, section 4.5).
type Proof struct {
	Code     secret.Value
	Redirect string
	Verifier secret.Value
}

// Redeem finds the code and checks that client may exchange it. The caller must then commit Spend.
// Every refusal is invalid_grant.
func (s *Codes) Redeem(ctx context.Context, c access.Caller, client oauth.ClientID, p Proof) (*Code, error) {
	if !opaque.Valid(opaque.Code, p.Code.Reveal()) {
		return nil, refuse()
	}
	code, err := s.all.In(c.Tenant()).Get(ctx, opaque.Hash(p.Code.Reveal()))
	if errs.Is(err, errs.NotFound) {
		return nil, refuse()
	}
	if err != nil {
		return nil, err
	}
	switch {
	case !code.Spent.IsZero():
		return nil, s.replayed(ctx, c, code)
	case !s.db.Now().Before(code.Issued.Add(Life)):
		return nil, refuse()
	case code.Client != client:
		return nil, s.burn(ctx, c, code, "client")
	case subtle.ConstantTimeCompare([]byte(code.Redirect), []byte(p.Redirect)) != 1:
		return nil, s.burn(ctx, c, code, "redirect_uri")
	case !code.Challenge.Meets(p.Verifier.Reveal()):
		return nil, s.burn(ctx, c, code, "code_verifier")
	}
	return code, nil
}

// Spend is the operation that uses the code up, with what it gives: an access token and, unless
// family is empty, a family of refresh tokens.
func (s *Codes) Spend(ctx context.Context, c access.Caller, code *Code, family string, given refresh.Access) store.DocOp {
	spent := *code
	spent.Spent, spent.Family, spent.Given = s.db.Now(), family, given
	return s.all.In(c.Tenant()).Replace(ctx, &spent)
}

// replayed ends what the first use of a code gave.
func (s *Codes) replayed(ctx context.Context, c access.Caller, code *Code) error {
	if code.Family != "" {
		if err := s.families.End(ctx, c, code.Family, refresh.CodeReused); err != nil {
			return err
		}
		return refuse()
	}
	if code.Given.JTI == "" || !s.db.Now().Before(code.Given.Expires) {
		return refuse()
	}
	dead, err := s.board.Dead(ctx, c.Tenant(), code.Given.JTI)
	if err != nil {
		return err
	}
	if dead {
		return refuse()
	}
	err = s.commit(ctx, c, code, "token.reuse_detected", "code_reused", s.board.RevokeToken(ctx, c.Tenant(), code.Given.JTI))
	s.board.Notice(c.Tenant())
	if err != nil {
		return err
	}
	return refuse()
}

// burn uses a code up that gives nothing, because it was shown with something that does not fit.
func (s *Codes) burn(ctx context.Context, c access.Caller, code *Code, what string) error {
	err := s.commit(ctx, c, code, "code.burned", what, s.Spend(ctx, c, code, "", refresh.Access{}))
	// Somebody else was faster: redeeming again finds out what became of the code.
	if err != nil && errs.CodeOf(err) != "changed_meanwhile" {
		return err
	}
	return refuse()
}

func (s *Codes) commit(ctx context.Context, c access.Caller, code *Code, event, reason string, op store.DocOp) error {
	permit, err := s.guard.Open(c, "token.revoke", oauth.ClientObject(code.Client))
	if err != nil {
		return err
	}
	facts := map[string]string{"client": string(code.Client), "reason": reason}
	_, err = s.db.Commit(ctx, store.Batch{
		Permit: permit, Docs: []store.DocOp{op}, Events: []store.Event{{Kind: event, Public: facts, Person: code.User}},
	})
	return err
}

// refuse is the one answer to every code that is not good.
func refuse() error {
	return oauth.Refuse(oauth.InvalidGrant, "The code is not valid, has expired, was used before or is not for this request.")
}

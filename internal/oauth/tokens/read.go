package tokens

import (
	"context"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/revocations"
)

// maxToken bounds a token before anything looks at it.
const maxToken = 8 << 10

// ReaderConfig is what a Reader needs. All of it is required.
type ReaderConfig struct {
	World    World
	Opaque   *Opaque
	Verifier Verifier
	Board    *revocations.Board
	Now      func() time.Time
}

// Reader is the one way to read an access token.
type Reader struct {
	ReaderConfig
	memory *memory
}

// NewReader makes a Reader.
func NewReader(c ReaderConfig) *Reader { return &Reader{ReaderConfig: c, memory: newMemory()} }

// Read says what is behind an access token of tenant t that is good at this moment, and how that
// stands. Errors are Unauthenticated with code token_invalid, token_expired or token_revoked, or
// Unavailable if it could not be found out. Whether the token is for the one who asks (Access.For) and
// opens enough (Access.Scopes) is the caller's question.
func (r *Reader) Read(ctx context.Context, t id.Tenant, token string) (*Access, Standing, error) {
	a, err := r.open(ctx, t, token)
	if err != nil {
		return nil, Standing{}, err
	}
	if !r.Now().Before(a.Expires) {
		return nil, Standing{}, errExpired()
	}
	isDead, err := r.Board.Dead(ctx, t, a.JTI)
	if err != nil {
		return nil, Standing{}, err
	}
	if isDead {
		return nil, Standing{}, errRevoked(nil)
	}
	now, err := r.World.Stand(ctx, t, a.who())
	if err != nil {
		return nil, Standing{}, dead(err)
	}
	return a, now, nil
}

// Peek says what an access token of ours says, dead or expired ones too: for revoking it.
func (r *Reader) Peek(ctx context.Context, t id.Tenant, token string) (*Access, error) {
	return r.open(ctx, t, token)
}

// open finds out what a token says, by its form alone: an opaque one by look-up, a JWT by signature.
func (r *Reader) open(ctx context.Context, t id.Tenant, token string) (*Access, error) {
	switch {
	case token == "" || len(token) > maxToken:
		return nil, errInvalid()
	case strings.HasPrefix(token, string(opaque.AccessToken)+"_"):
		return r.Opaque.find(ctx, t, token)
	case strings.Count(token, ".") != 2:
		return nil, errInvalid()
	}
	k := keyOf(t, token)
	if a := r.memory.find(k); a != nil {
		return a, r.checkKey(ctx, t, a)
	}
	a, err := r.verify(ctx, t, token)
	if err == nil && r.Now().Before(a.Expires) {
		r.memory.put(k, a)
	}
	return a, err
}

// checkKey looks at what can change of a signature: whether its key still counts.
func (r *Reader) checkKey(ctx context.Context, t id.Tenant, a *Access) error {
	ok, err := r.Verifier.Counts(ctx, t, a.KeyID)
	if err == nil && !ok {
		return errInvalid()
	}
	return err
}

func (r *Reader) verify(ctx context.Context, t id.Tenant, token string) (*Access, error) {
	home, err := r.World.Tenants.Standing(ctx, t)
	if errs.Is(err, errs.NotFound) {
		return nil, errInvalid()
	}
	if err != nil {
		return nil, err
	}
	claims, keyID, err := r.Verifier.VerifyAccess(ctx, t, token)
	if errs.Is(err, errs.Unauthenticated) {
		return nil, errInvalid()
	}
	if err != nil {
		return nil, err
	}
	a, err := parseClaims(claims, home.Issuer)
	if err == nil {
		a.KeyID = keyID
	}
	return a, err
}

// IDToken is what an id token of ours says, as a hint of who is meant (id_token_hint).
type IDToken struct {
	Audience oauth.ClientID
	User     string
	Session  string
	Expires  time.Time
}

// ReadHint reads an id token that was given out by tenant t, expired ones too. The error is
// token_invalid for anything else. A hint proves nothing about who sends it.
func (r *Reader) ReadHint(ctx context.Context, t id.Tenant, token string) (IDToken, error) {
	if token == "" || len(token) > maxToken {
		return IDToken{}, errInvalid()
	}
	home, err := r.World.Tenants.Standing(ctx, t)
	if err != nil {
		return IDToken{}, err
	}
	claims, err := r.Verifier.VerifyID(ctx, t, token)
	if errs.Is(err, errs.Unauthenticated) {
		return IDToken{}, errInvalid()
	}
	if err != nil {
		return IDToken{}, err
	}
	return parseHint(claims, home.Issuer)
}

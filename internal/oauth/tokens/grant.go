package tokens

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/refresh"
	"github.com/cardea-auth/cardea/internal/store"
)

// Grant is something that a client exchanges for tokens. It proves its artefact and says how that is
// used up; everything else is the issuer's. A grant serves one request.
type Grant interface {
	// Type is the grant's type. The issuer refuses a client that may not use it.
	Type() oauth.GrantType
	// Prove checks the artefact and says who is behind it. It is called again after a conflict, and
	// must then read again. An artefact that shows theft is dealt with here, before the refusal.
	Prove(context.Context, Asked) (Subject, error)
	// Spend returns the operations that use the artefact up, in the batch before the signing.
	Spend(context.Context, Asked, Promise) []store.DocOp
}

// Asked is the request that a grant is part of.
type Asked struct {
	Caller access.Caller
	Client *oauth.Client
	Tenant oauth.TenantStanding
}

// Subject is who is behind a proved artefact, and the most that may be given for it.
type Subject struct {
	Who
	Scopes   oauth.Scopes
	Audience []string // empty: the client's default, and any other that it may ask for
	Nonce    string   // for the id token
	// Family is true if a family of refresh tokens may begin.
	Family bool
	// Turn is the refresh token that was presented, if any.
	Turn *refresh.Turn
	// MaxLife bounds the life of the access token; zero does not.
	MaxLife time.Duration
}

// Promise is what will be signed once the batch is durable.
type Promise struct {
	Access refresh.Access
	Family string // of the refresh token, if one begins
}

// Request is what the client asks for besides the artefact.
type Request struct {
	// Scopes narrows the access token. Nil asks for all there is.
	Scopes oauth.Scopes
	// Resources narrows the audience (RFC 8707).
	Resources []string
}

// Package mint is the press of the house: it holds the signer of tokens. Go itself lets nobody but
// internal/oauth/tokens import it, so no other road to the key can be built. It decides nothing: what
// it is told to sign has been proved, read again and narrowed by the issuer.
package mint

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/oauth"
)

// Signer signs tokens with the tenant's current key for alg. It fixes typ (at+jwt for access tokens,
// JWT for id tokens) and never signs anything else.
type Signer interface {
	SignAccess(ctx context.Context, t id.Tenant, alg oauth.Alg, claims *oauth.AccessClaims) (string, error)
	SignID(ctx context.Context, t id.Tenant, alg oauth.Alg, claims *oauth.IDClaims) (string, error)
}

// Press makes tokens.
type Press struct{ signer Signer }

// New makes a press over the only signer of tokens.
func New(s Signer) Press { return Press{signer: s} }

// Access signs an access token.
func (p Press) Access(ctx context.Context, t id.Tenant, alg oauth.Alg, c *oauth.AccessClaims) (string, error) {
	token, err := p.signer.SignAccess(ctx, t, alg, c)
	return token, wrap(err)
}

// ID signs an id token that goes with an access token (OpenID Connect Core, section 3.1.3.6).
func (p Press) ID(ctx context.Context, t id.Tenant, alg oauth.Alg, c *oauth.IDClaims, access string) (string, error) {
	c.AtHash = atHash(alg, access)
	token, err := p.signer.SignID(ctx, t, alg, c)
	return token, wrap(err)
}

// JTI draws the id of a new token: 128 random bits.
func JTI() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// atHash is the left half of the hash that belongs to alg. For EdDSA the standard names none, so
// there is no at_hash.
func atHash(alg oauth.Alg, access string) string {
	if alg == oauth.EdDSA {
		return ""
	}
	sum := sha256.Sum256([]byte(access))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return errs.Busy(0, err, "signing_unavailable", "The token could not be signed just now.")
}

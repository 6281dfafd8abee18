// Package mint is the press of the house: it holds the signer of tokens. Go itself lets nobody but
// internal/oauth/tokens import it, so no other road to the key can be built. It decides nothing: what
// it is told to sign has been proved, read again and narrowed by the issuer.
package mint

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/oauth"
)

// Signer signs tokens with the tenant's current key for alg: the keyring's signer of tokens. It fixes
// typ (at+jwt for access tokens, JWT for id tokens) and never signs anything else.
type Signer interface {
	SignAccess(context.Context, id.Tenant, keyring.Alg, keyring.Claims) (string, error)
	SignID(context.Context, id.Tenant, keyring.Alg, keyring.Claims) (string, error)
}

// Press makes tokens.
type Press struct{ signer Signer }

// New makes a press over the only signer of tokens.
func New(s Signer) Press { return Press{signer: s} }

// Access signs an access token.
func (p Press) Access(ctx context.Context, t id.Tenant, alg oauth.Alg, c *oauth.AccessClaims) (string, error) {
	return p.signer.SignAccess(ctx, t, alg, c)
}

// ID signs an id token that goes with an access token (OpenID Connect Core, section 3.1.3.6).
func (p Press) ID(ctx context.Context, t id.Tenant, alg oauth.Alg, c *oauth.IDClaims, access string) (string, error) {
	c.AtHash = atHash(alg, access)
	return p.signer.SignID(ctx, t, alg, c)
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
	if alg == keyring.EdDSA {
		return ""
	}
	sum := sha256.Sum256([]byte(access))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

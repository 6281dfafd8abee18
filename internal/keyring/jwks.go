package keyring

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/kit/id"
)

// Set is a published JSON Web Key Set (RFC 7517, section 5), ready to be sent. It is shared and must
// not be changed.
type Set struct {
	Body   []byte        // application/jwk-set+json
	ETag   string        // with its quotation marks
	MaxAge time.Duration // for Cache-Control
}

// webKey is a public key (RFC 7517, section 4; RFC 7518, section 6; RFC 8037, section 2).
type webKey struct {
	Type  string `json:"kty"`
	Use   string `json:"use"`
	Alg   Alg    `json:"alg"`
	ID    string `json:"kid"`
	Curve string `json:"crv,omitzero"`
	X     string `json:"x,omitzero"`
	Y     string `json:"y,omitzero"`
	N     string `json:"n,omitzero"`
	E     string `json:"e,omitzero"`
}

// IssuerKeys are the keys with which tokens and logout tokens of a tenant are verified: its jwks_uri.
// Logout tokens have keys of their own, but OpenID Connect wants them found in the same place. While
// the store does not answer, the set may be up to an hour old.
func (r *Ring) IssuerKeys(ctx context.Context, t id.Tenant) (Set, error) {
	v, err := r.published(ctx, t)
	if err != nil {
		return Set{}, err
	}
	return v.issuer, nil
}

// ContextKeys are the keys with which services behind the gateway verify what it tells them. They
// are never in the issuer's set, so no service takes a gateway's word for an access token.
func (r *Ring) ContextKeys(ctx context.Context, t id.Tenant) (Set, error) {
	v, err := r.published(ctx, t)
	if err != nil {
		return Set{}, err
	}
	return v.context, nil
}

// published is the view, which may be older than for signing: a key set that cannot be fetched stops
// every service, and one that is a little old stops none.
func (r *Ring) published(ctx context.Context, t id.Tenant) (*view, error) {
	v, err := r.view(ctx, t)
	if err == nil {
		return v, nil
	}
	if last := r.home(t).view.Load(); r.aged(last, maxSetAge) {
		return last, nil
	}
	return nil, err
}

func newSet(keys []*key, cache time.Duration) (Set, error) {
	all := struct {
		Keys []webKey `json:"keys"`
	}{Keys: make([]webKey, 0, len(keys))}
	for _, k := range keys {
		w, err := k.webKey()
		if err != nil {
			return Set{}, err
		}
		all.Keys = append(all.Keys, w)
	}
	body, err := json.Marshal(all)
	if err != nil {
		return Set{}, fmt.Errorf("writing a key set: %w", err)
	}
	sum := sha256.Sum256(body)
	return Set{Body: body, ETag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, MaxAge: cache}, nil
}

func (k *key) webKey() (webKey, error) {
	w := webKey{Use: "sig", Alg: k.alg, ID: k.id}
	encode := base64.RawURLEncoding.EncodeToString
	switch public := k.public.(type) {
	case *ecdsa.PublicKey:
		point, err := public.Bytes() // 4 ‖ x ‖ y, each half of full width (SEC 1, section 2.3.3)
		if err != nil {
			return webKey{}, fmt.Errorf("writing a public key: %w", err)
		}
		w.Type, w.Curve, w.X, w.Y = "EC", "P-256", encode(point[1:1+es256Half]), encode(point[1+es256Half:])
	case ed25519.PublicKey:
		w.Type, w.Curve, w.X = "OKP", "Ed25519", encode(public)
	case *rsa.PublicKey:
		w.Type, w.N, w.E = "RSA", encode(public.N.Bytes()), encode(big.NewInt(int64(public.E)).Bytes())
	default:
		return webKey{}, fmt.Errorf("keyring: key %s has no public form", k.id)
	}
	return w, nil
}

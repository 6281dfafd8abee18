package clientauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/strict"
	"github.com/cardea-auth/cardea/internal/oauth"
)

// Bounds of a client's key set.
const (
	maxKeys     = 10
	maxKeySet   = 32 << 10
	minRSABits  = 2048
	maxRSABits  = 8192
	keepFetched = 10 * time.Minute
	// refetchAfter bounds how often an unknown kid makes us ask again.
	refetchAfter = 30 * time.Second
	maxFetched   = 1000
)

// ParseKeys reads a JSON Web Key Set (RFC 7517, section 5) of at most ten public signature keys: EC
// P-256, Ed25519, or RSA of 2048 to 8192 bits. A set with a private or a symmetric key is refused.
func ParseKeys(data []byte) (*jose.JSONWebKeySet, error) {
	var raw map[string]any
	if len(data) > maxKeySet || strict.UnmarshalOpen(data, &raw) != nil {
		return nil, errors.New("clientauth: malformed key set")
	}
	set := new(jose.JSONWebKeySet)
	if err := json.Unmarshal(data, set); err != nil || len(set.Keys) == 0 || len(set.Keys) > maxKeys {
		return nil, errors.New("clientauth: malformed key set, or not one to ten keys")
	}
	for _, k := range set.Keys {
		if !k.IsPublic() || !k.Valid() || k.Use == "enc" || !strongEnough(k.Key) {
			return nil, errors.New("clientauth: a key that is not public, not for signatures or too weak")
		}
	}
	return set, nil
}

func strongEnough(key any) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= minRSABits && k.N.BitLen() <= maxRSABits && k.E >= 3
	case *ecdsa.PublicKey:
		return k.Curve.Params().BitSize == 256
	case ed25519.PublicKey:
		return len(k) == ed25519.PublicKeySize
	}
	return false
}

// fits reports whether key is of the type that alg needs, so that a key is never used with an
// algorithm it was not made for.
func fits(key jose.JSONWebKey, alg oauth.Alg) bool {
	if key.Algorithm != "" && key.Algorithm != string(alg) {
		return false
	}
	switch key.Key.(type) {
	case *rsa.PublicKey:
		return alg == keyring.RS256 || alg == keyring.PS256
	case *ecdsa.PublicKey:
		return alg == keyring.ES256
	case ed25519.PublicKey:
		return alg == keyring.EdDSA
	}
	return false
}

// keyCache remembers fetched key sets.
type keyCache struct {
	fetcher KeySets
	now     func() time.Time

	mu   sync.Mutex
	sets map[string]fetched
}

type fetched struct {
	set *jose.JSONWebKeySet
	at  time.Time
}

func newKeyCache(f KeySets, now func() time.Time) *keyCache {
	return &keyCache{fetcher: f, now: now, sets: map[string]fetched{}}
}

// find is the one key of the client that fits its algorithm and has the given kid. Without a kid the
// set must hold one fitting key only.
func (k *keyCache) find(ctx context.Context, c *oauth.Client, kid string) (jose.JSONWebKey, error) {
	if c.KeysURL == "" {
		set, err := ParseKeys([]byte(c.Keys))
		if err != nil {
			return jose.JSONWebKey{}, refuse(err)
		}
		return pick(set, c.AuthAlg, kid)
	}
	set, age, err := k.set(ctx, c.KeysURL, keepFetched)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	key, err := pick(set, c.AuthAlg, kid)
	if err == nil || age < refetchAfter {
		return key, err
	}
	// The client may have rotated its keys since.
	if set, _, err = k.set(ctx, c.KeysURL, refetchAfter); err != nil {
		return jose.JSONWebKey{}, err
	}
	return pick(set, c.AuthAlg, kid)
}

func pick(set *jose.JSONWebKeySet, alg oauth.Alg, kid string) (jose.JSONWebKey, error) {
	var found []jose.JSONWebKey
	for _, key := range set.Keys {
		if fits(key, alg) && (kid == "" || key.KeyID == kid) {
			found = append(found, key)
		}
	}
	if len(found) != 1 {
		return jose.JSONWebKey{}, refuse(errors.New("clientauth: no key, or more than one, fits the assertion"))
	}
	return found[0], nil
}

// set is the key set at url, at most maxAge old, and its age.
func (k *keyCache) set(ctx context.Context, url string, maxAge time.Duration) (*jose.JSONWebKeySet, time.Duration, error) {
	now := k.now()
	k.mu.Lock()
	known, ok := k.sets[url]
	k.mu.Unlock()
	if age := now.Sub(known.at); ok && age < maxAge {
		return known.set, age, nil
	}
	if k.fetcher == nil {
		return nil, 0, refuse(errors.New("clientauth: key sets cannot be fetched here"))
	}
	data, err := k.fetcher.FetchKeys(ctx, url)
	if err != nil {
		return nil, 0, errs.Busy(5*time.Second, err, "client_keys_unavailable", "The keys of the client could not be fetched.")
	}
	set, err := ParseKeys(data)
	if err != nil {
		return nil, 0, refuse(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.sets) >= maxFetched {
		clear(k.sets)
	}
	k.sets[url] = fetched{set: set, at: now}
	return set, 0, nil
}

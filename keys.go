package cardea

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Times of the key set.
const (
	minKeyLife     = time.Minute
	maxKeyLife     = time.Hour
	defaultKeyLife = 5 * time.Minute  // without a usable Cache-Control
	keyGrace       = 24 * time.Hour   // how long keys outlive their cache life when the issuer is away
	refetchEvery   = 10 * time.Second // at most one fetch for unknown kids in this time
	keyRetry       = 5 * time.Second
	maxKeyCount    = 64
)

// keySet is the issuer's keys as of one fetch. It never changes.
type keySet struct {
	byID  map[string]*signingKey
	stale time.Time // when it should be fetched again
}

// keyRing keeps the issuer's key set fresh. Readers never wait.
type keyRing struct {
	remote remote
	url    string
	now    func() time.Time
	notice func(string, error)

	set   atomic.Pointer[keySet]
	fetch single

	mu      sync.Mutex
	refetch time.Time // when an unknown kid may cause a fetch again
}

func newKeyRing(r remote, url string, now func() time.Time, notice func(string, error)) *keyRing {
	k := &keyRing{remote: r, url: url, now: now, notice: notice}
	k.set.Store(&keySet{})
	return k
}

// find is the key with the given kid, or nil. It looks in memory only.
func (k *keyRing) find(kid string) *signingKey { return k.set.Load().byID[kid] }

// overdue reports whether the set is so old that a key taken out of use might still be in it.
func (k *keyRing) overdue() bool {
	return k.now().After(k.set.Load().stale.Add(keyGrace))
}

// findNew is find after one fetch, if the last fetch for an unknown kid is long enough ago. Strangers
// choose kids, so this is rate limited for all of them together: the issuer publishes a key for longer
// than its cache life before it signs with it, and this is for the rare case that it could not.
func (k *keyRing) findNew(ctx context.Context, life *lifetime, kid string) *signingKey {
	k.mu.Lock()
	now := k.now()
	if now.Before(k.refetch) && k.refetch.Sub(now) <= refetchEvery {
		k.mu.Unlock()
		// A fetch under way may bring the key.
		k.fetch.wait(ctx)
		return k.find(kid)
	}
	k.refetch = now.Add(refetchEvery)
	k.mu.Unlock()
	if err := k.fetch.do(ctx, life, k.refresh); err != nil {
		k.notice("The issuer's keys could not be fetched for an unknown key id.", err)
	}
	return k.find(kid)
}

// refresh fetches the set once. A key that is unchanged stays the same object, so that remembered
// tokens stay verified. If the fetch fails, the old set stays.
func (k *keyRing) refresh(ctx context.Context) error {
	a, err := k.remote.get(ctx, k.url, maxKeys)
	if err != nil {
		return err
	}
	doc, err := a.object()
	if err != nil {
		return err
	}
	list, ok := doc["keys"].([]any)
	if !ok || len(list) > maxKeyCount {
		return fmt.Errorf("the key set has no list of at most %d keys", maxKeyCount)
	}
	byID := readKeys(list)
	old := k.set.Load()
	for kid, key := range byID {
		if was := old.byID[kid]; was != nil && was.equal(key) {
			byID[kid] = was
		}
	}
	k.set.Store(&keySet{byID: byID, stale: k.now().Add(cacheLife(a.header.Get("Cache-Control")))})
	return nil
}

// keepFresh fetches the set whenever its cache life ends, until ctx ends.
func (k *keyRing) keepFresh(ctx context.Context) {
	lost := false
	for {
		wait := max(k.set.Load().stale.Sub(k.now()), keyRetry)
		if !pause(ctx, min(wait, maxKeyLife)) {
			return
		}
		if k.now().Before(k.set.Load().stale) {
			continue
		}
		err := k.refresh(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !lost {
			k.notice("The issuer's keys could not be refreshed; the old ones stay in use for a day.", err)
		}
		if err == nil && lost {
			k.notice("The issuer's keys are fresh again.", nil)
		}
		lost = err != nil
	}
}

// pause waits for d and reports true, or reports false as soon as ctx ends.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// readKeys takes the usable keys out of a set. Unusable ones are skipped (RFC 7517 section 5); a kid
// that appears twice names no key, because a token could not say which it means.
func readKeys(list []any) map[string]*signingKey {
	byID := make(map[string]*signingKey)
	seen := make(map[string]bool)
	for _, entry := range list {
		object, _ := entry.(map[string]any)
		kid, ok := stringOf(object, "kid")
		switch {
		case !ok:
		case seen[kid]:
			delete(byID, kid)
		default:
			seen[kid] = true
			if key := readKey(object); key != nil {
				byID[kid] = key
			}
		}
	}
	return byID
}

// readKey is one JWK as a verification key, or nil: it must be public, for signatures, and its type
// must fit the one algorithm that it is pinned to.
func readKey(object map[string]any) *signingKey {
	if ops, ok := optionalStrings(object, "key_ops"); !ok || (ops != nil && (len(ops) != 1 || ops[0] != "verify")) {
		return nil
	}
	raw, err := json.Marshal(object)
	if err != nil {
		return nil
	}
	var jwk jose.JSONWebKey
	if err := json.Unmarshal(raw, &jwk); err != nil || !jwk.Valid() || !jwk.IsPublic() {
		return nil
	}
	if jwk.Use != "" && jwk.Use != "sig" {
		return nil
	}
	alg := pinnedAlgorithm(jwk)
	if alg == "" {
		return nil
	}
	return &signingKey{kid: jwk.KeyID, alg: alg, key: jwk.Key}
}

// pinnedAlgorithm is the one algorithm a key may be used with, or "". An RSA key must say whether it
// is for RS256 or PS256; the other types leave no choice.
func pinnedAlgorithm(jwk jose.JSONWebKey) string {
	alg := jwk.Algorithm
	switch key := jwk.Key.(type) {
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() && (alg == "" || alg == algES256) {
			return algES256
		}
	case ed25519.PublicKey:
		if alg == "" || alg == algEdDSA {
			return algEdDSA
		}
	case *rsa.PublicKey:
		if key.N.BitLen() >= 2048 && (alg == algRS256 || alg == algPS256) {
			return alg
		}
	}
	return ""
}

func (k *signingKey) equal(other *signingKey) bool {
	key, ok := k.key.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.kid == other.kid && k.alg == other.alg && key.Equal(other.key)
}

// cacheLife is the max-age of a Cache-Control header (RFC 9111 section 5.2), within our own bounds.
func cacheLife(header string) time.Duration {
	for directive := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return minKeyLife
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err != nil {
				return minKeyLife
			}
			return min(max(time.Duration(seconds)*time.Second, minKeyLife), maxKeyLife)
		}
	}
	return defaultKeyLife
}

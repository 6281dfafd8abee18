package cardea_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea"
	"github.com/cardea-auth/cardea/cardeatest"
)

// wantCode fails unless err is a *cardea.Error with the code; "" wants no error.
func wantCode(t *testing.T, err error, code cardea.Code) {
	t.Helper()
	var got cardea.Code
	if e, ok := errors.AsType[*cardea.Error](err); ok {
		got = e.Code
	} else if err != nil {
		t.Fatalf("the error is a %T and not an *Error: %v", err, err)
	}
	if got != code {
		t.Errorf("code %q, want %q (%v)", got, code, err)
	}
}

func verify(t *testing.T, c *cardea.Client, token string, code cardea.Code) cardea.Caller {
	t.Helper()
	who, err := c.Verify(t.Context(), token)
	wantCode(t, err, code)
	if code != "" && who.Subject != "" {
		t.Error("a refused token has a caller")
	}
	return who
}

func TestVerifyReadsTheCaller(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	token := srv.Token(cardeatest.Claims{
		Subject: "alice", Scope: "invoice:read  invoice:write", Roles: []string{"editor"}, SessionID: "s1", ACR: "mfa",
		Age: time.Minute, Extra: map[string]any{"jti": "t1", "org_id": "acme", "plan": map[string]any{"seats": 3}, "amr": []string{"pwd", "otp"}},
	})
	who := verify(t, auth, token, "")
	got := []any{
		who.Subject, who.ClientID, who.SessionID, who.TokenID, who.Organisation, who.ACR, who.Scopes(), who.Roles(), who.AMR(),
		who.IsService(), who.IssuedAt.Sub(who.AuthTime), who.Expires.Sub(who.IssuedAt), who.HasScope("invoice:write"), who.HasScope("invoice"), who.HasScope(""),
	}
	want := []any{
		"alice", "test-app", "s1", "t1", "acme", "mfa", []string{"invoice:read", "invoice:write"}, []string{"editor"}, []string{"pwd", "otp"},
		false, time.Minute, 10 * time.Minute, true, false, false,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	var plan struct{ Seats int }
	if ok, err := who.Claim("plan", &plan); !ok || err != nil || plan.Seats != 3 {
		t.Errorf("claim plan: %v %v %v", plan, ok, err)
	}
	if ok, err := who.Claim("PLAN", &plan); ok || err != nil {
		t.Error("claims must be found by their exact name only")
	}
	if ok, err := who.Claim("plan", new(int)); !ok || err == nil {
		t.Error("a claim of another type must be an error")
	}
	if ok, err := (cardea.Caller{}).Claim("sub", new(string)); ok || err != nil {
		t.Error("nobody has no claims")
	}
}

// A caller is shared by all requests with the same token, so nobody may change it for the others.
func TestCallersAreCopies(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	token := srv.Token(cardeatest.Claims{Scope: "read", Roles: []string{"viewer"}, Extra: map[string]any{"amr": []string{"pwd"}}})
	who := verify(t, auth, token, "")
	who.Scopes()[0], who.Roles()[0], who.AMR()[0] = "admin", "admin", "mfa"
	who.Subject = "mallory"
	again := verify(t, auth, token, "")
	if again.HasScope("admin") || again.Subject != "alice" || again.Roles()[0] != "viewer" || again.AMR()[0] != "pwd" {
		t.Error("a request changed what another one sees")
	}
}

func TestServiceTokens(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	who := verify(t, srv.NewClient(t), srv.Token(cardeatest.Claims{Service: true, ClientID: "batch"}), "")
	if d := cmp.Diff(cardea.Entity{Type: "service", ID: "batch"}, who.Entity()); !who.IsService() || d != "" {
		t.Error("not a service", d)
	}
}

// TestClaims changes one thing at a time in a token with a good signature.
func TestClaims(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	now := time.Now().Unix()
	cases := []struct {
		claim string
		value any
		code  cardea.Code
	}{
		{"iss", srv.URL + "/", cardea.CodeTokenInvalid}, {"iss", strings.ToUpper(srv.URL), cardea.CodeTokenInvalid},
		{"iss", []string{srv.URL}, cardea.CodeTokenInvalid}, {"iss", nil, cardea.CodeTokenInvalid}, {"iss", "", cardea.CodeTokenInvalid},
		{"aud", []string{"https://other", cardeatest.Audience}, ""}, {"aud", cardeatest.Audience + "/", cardea.CodeTokenInvalid},
		{"sub", nil, cardea.CodeTokenInvalid}, {"sub", "", cardea.CodeTokenInvalid}, {"sub", 7, cardea.CodeTokenInvalid},
		{"sub", []string{"alice"}, cardea.CodeTokenInvalid}, {"client_id", nil, cardea.CodeTokenInvalid}, {"client_id", "", cardea.CodeTokenInvalid},
		{"jti", nil, cardea.CodeTokenInvalid}, {"jti", 1, cardea.CodeTokenInvalid}, {"sid", 1, cardea.CodeTokenInvalid}, {"sid", nil, ""},
		{"exp", nil, cardea.CodeTokenInvalid}, {"exp", fmt.Sprint(now + 600), cardea.CodeTokenInvalid}, {"exp", -1, cardea.CodeTokenInvalid},
		{"exp", 1e300, cardea.CodeTokenInvalid}, {"exp", true, cardea.CodeTokenInvalid}, {"exp", float64(now) + 600.5, ""},
		{"exp", now - 3600, cardea.CodeTokenInvalid}, // before iat: nonsense, and not merely expired
		{"iat", nil, cardea.CodeTokenInvalid}, {"iat", "now", cardea.CodeTokenInvalid}, {"iat", now + 300, cardea.CodeTokenInvalid}, {"iat", now + 30, ""},
		{"nbf", now + 300, cardea.CodeTokenInvalid}, {"nbf", now - 5, ""}, {"nbf", "soon", cardea.CodeTokenInvalid},
		{"nbf", json.RawMessage("null"), cardea.CodeTokenInvalid},
		{"scope", []string{"read"}, cardea.CodeTokenInvalid}, {"scope", nil, ""}, {"roles", "admin", cardea.CodeTokenInvalid},
		{"roles", []any{"admin", 1}, cardea.CodeTokenInvalid}, {"acr", 1, cardea.CodeTokenInvalid}, {"amr", "pwd", cardea.CodeTokenInvalid},
		{"auth_time", "today", cardea.CodeTokenInvalid}, {"auth_time", now + 500, cardea.CodeTokenInvalid}, {"auth_time", nil, ""},
		{"ep", nil, ""}, {"ep", 1, cardea.CodeTokenInvalid}, {"ep", map[string]any{"u": -1}, cardea.CodeTokenInvalid},
		{"ep", map[string]any{"u": "1"}, cardea.CodeTokenInvalid}, {"ep", map[string]any{"s": 1.5}, cardea.CodeTokenInvalid},
		{"cnf", map[string]any{"jkt": "x"}, cardea.CodeTokenInvalid}, {"org_id", 3, cardea.CodeTokenInvalid},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s=%v", c.claim, c.value), func(t *testing.T) {
			claims := cardeatest.Claims{Extra: map[string]any{c.claim: c.value}}
			if c.claim != "auth_time" {
				claims.Extra["auth_time"] = nil
			}
			verify(t, auth, srv.Token(claims), c.code)
		})
	}
}

func TestTokenTypes(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	for typ, code := range map[any]cardea.Code{
		"at+jwt": "", "application/at+jwt": "", "JWT": cardea.CodeTokenInvalid, "jwt": cardea.CodeTokenInvalid, "rt+jwt": cardea.CodeTokenInvalid,
		"logout+jwt": cardea.CodeTokenInvalid, "dpop+jwt": cardea.CodeTokenInvalid, "": cardea.CodeTokenInvalid, nil: cardea.CodeTokenInvalid,
		"at+jwt ": cardea.CodeTokenInvalid, 1: cardea.CodeTokenInvalid,
	} {
		verify(t, auth, srv.Token(cardeatest.Claims{Header: map[string]any{"typ": typ}}), code)
	}
	// E18: what a confused client may send instead.
	verify(t, auth, "cdr_"+base64.RawURLEncoding.EncodeToString(make([]byte, 60)), cardea.CodeTokenInvalid)
	verify(t, auth, "", cardea.CodeTokenMissing)
}

func TestTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		auth := srv.NewClient(t)
		token := srv.Token(cardeatest.Claims{Life: 10 * time.Minute})
		for _, step := range []struct {
			pass time.Duration
			code cardea.Code
		}{{0, ""}, {10*time.Minute + 59*time.Second, ""}, {time.Second, cardea.CodeTokenExpired}, {time.Hour, cardea.CodeTokenExpired}} {
			time.Sleep(step.pass)
			verify(t, auth, token, step.code) // remembered, and yet its time is looked at
		}
		verify(t, auth, srv.Token(cardeatest.Claims{Life: -time.Hour}), cardea.CodeTokenExpired)
	})
}

func TestNoLeeway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		cfg := srv.Config()
		cfg.Leeway = -1
		auth, err := cardea.New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer auth.Close()
		token := srv.Token(cardeatest.Claims{Life: time.Minute})
		verify(t, auth, token, "")
		time.Sleep(time.Minute)
		verify(t, auth, token, cardea.CodeTokenExpired)
		verify(t, auth, srv.Token(cardeatest.Claims{Extra: map[string]any{"nbf": time.Now().Unix() + 1}}), cardea.CodeTokenInvalid)
	})
}

// jwk is key as a published JWK with a kid and an algorithm.
func jwk(t *testing.T, key crypto.PublicKey, kid, alg string) map[string]any {
	t.Helper()
	raw, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: alg, Use: "sig"})
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

// joseToken signs the claims of token with go-jose, an implementation that is not ours.
func joseToken(t *testing.T, token, alg, kid string, key crypto.PrivateKey) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", kid)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// TestAlgorithms lets go-jose sign with each algorithm, and sees that a key verifies its own only.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	srv.PublishKeys(
		jwk(t, &rsaKey.PublicKey, "rs", "RS256"), jwk(t, &rsaKey.PublicKey, "ps", "PS256"), jwk(t, edPublic, "ed", "EdDSA"),
		jwk(t, &rsaKey.PublicKey, "any", ""), jwk(t, &rsaKey.PublicKey, "rs512", "RS512"), jwk(t, &rsaKey.PublicKey, "hs", "HS256"))
	auth := srv.NewClient(t)
	plain := srv.Token(cardeatest.Claims{})
	for _, c := range []struct {
		alg, kid string
		key      crypto.PrivateKey
		code     cardea.Code
	}{
		{"RS256", "rs", rsaKey, ""}, {"PS256", "ps", rsaKey, ""}, {"EdDSA", "ed", edKey, ""},
		{"PS256", "rs", rsaKey, cardea.CodeTokenInvalid}, {"RS256", "ps", rsaKey, cardea.CodeTokenInvalid},
		{"RS256", "any", rsaKey, cardea.CodeTokenInvalid}, {"RS512", "rs512", rsaKey, cardea.CodeTokenInvalid},
		{"RS512", "rs", rsaKey, cardea.CodeTokenInvalid}, {"RS256", "hs", rsaKey, cardea.CodeTokenInvalid},
		{"EdDSA", "rs", edKey, cardea.CodeTokenInvalid}, {"RS256", "ed", rsaKey, cardea.CodeTokenInvalid},
	} {
		t.Run(c.alg+" with "+c.kid, func(t *testing.T) {
			verify(t, auth, joseToken(t, plain, c.alg, c.kid, c.key), c.code)
		})
	}
}

// TestPublishedKeys shows which keys of a set are used at all.
func TestPublishedKeys(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(map[string]any){
		"as it is":         func(map[string]any) {},
		"no alg":           func(k map[string]any) { delete(k, "alg") },
		"no use":           func(k map[string]any) { delete(k, "use") },
		"key_ops verify":   func(k map[string]any) { k["key_ops"] = []string{"verify"} },
		"! no kid":         func(k map[string]any) { delete(k, "kid") },
		"! for encryption": func(k map[string]any) { k["use"] = "enc" },
		"! key_ops sign":   func(k map[string]any) { k["key_ops"] = []string{"sign"} },
		"! key_ops both":   func(k map[string]any) { k["key_ops"] = []string{"verify", "sign"} },
		"! private":        func(k map[string]any) { k["d"] = k["x"] },
		"! other alg":      func(k map[string]any) { k["alg"] = "ES384" },
		"! symmetric":      func(k map[string]any) { k["kty"], k["k"] = "oct", k["x"] },
		"! off the curve":  func(k map[string]any) { k["y"] = k["x"] },
		"! other curve":    func(k map[string]any) { k["crv"] = "P-384" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := cardeatest.NewServer(t)
			keys := srv.PublishedKeys()
			change(keys[0])
			srv.PublishKeys(keys...)
			code := cardea.Code("")
			if strings.HasPrefix(name, "!") {
				code = cardea.CodeTokenInvalid
			}
			verify(t, srv.NewClient(t, cardea.Offline()), srv.Token(cardeatest.Claims{}), code)
		})
	}
}

func TestSmallRSAKeysAreNotUsed(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	srv.PublishKeys(append(srv.PublishedKeys(), jwk(t, &small.PublicKey, "small", "RS256"))...)
	auth := srv.NewClient(t)
	plain := srv.Token(cardeatest.Claims{})
	verify(t, auth, plain, "") // the rest of the set is used
	verify(t, auth, joseToken(t, plain, "RS256", "small", small), cardea.CodeTokenInvalid)
}

func TestTheSameKidTwiceNamesNoKey(t *testing.T) {
	t.Parallel()
	for _, reversed := range []bool{false, true} {
		srv := cardeatest.NewServer(t)
		srv.RotateKey()
		keys := srv.PublishedKeys()
		keys[0]["kid"] = keys[1]["kid"]
		if reversed {
			keys[0], keys[1] = keys[1], keys[0]
		}
		srv.PublishKeys(keys...)
		verify(t, srv.NewClient(t), srv.Token(cardeatest.Claims{}), cardea.CodeTokenInvalid)
	}
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		auth := srv.NewClient(t)
		before := srv.Token(cardeatest.Claims{Life: time.Hour})
		verify(t, auth, before, "")
		srv.RotateKey()
		after := srv.Token(cardeatest.Claims{Life: time.Hour})
		verify(t, auth, after, "") // fetched because the kid is unknown
		verify(t, auth, before, "")
		srv.PublishKeys(srv.PublishedKeys()[1:]...) // the old key is withdrawn
		time.Sleep(5*time.Minute + time.Second)     // the cache life ends
		synctest.Wait()
		verify(t, auth, before, cardea.CodeTokenInvalid) // although it was remembered
		verify(t, auth, after, "")
		if n := auth.Remembered(); n != 1 {
			t.Errorf("%d tokens are remembered, want the one that holds", n)
		}
	})
}

// A kid is a name: what counts is the key that the issuer publishes under it now.
func TestAnotherKeyUnderTheSameKid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		auth := srv.NewClient(t)
		kid, before := srv.KeyID(), srv.Token(cardeatest.Claims{Life: time.Hour})
		verify(t, auth, before, "")
		srv.RotateKey()
		key := srv.PublishedKeys()[1]
		key["kid"] = kid
		srv.PublishKeys(key)
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		verify(t, auth, before, cardea.CodeTokenInvalid)
		verify(t, auth, srv.Token(cardeatest.Claims{Header: map[string]any{"kid": kid}}), "")
	})
}

// Strangers choose kids; that must not make us hammer the issuer.
func TestUnknownKidsAreRateLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		auth := srv.NewClient(t)
		start := srv.Calls("/jwks")
		for i := range 1000 {
			verify(t, auth, srv.Token(cardeatest.Claims{Header: map[string]any{"kid": fmt.Sprint(i)}}), cardea.CodeTokenInvalid)
		}
		if n := srv.Calls("/jwks") - start; n != 1 {
			t.Errorf("%d fetches for 1000 unknown kids, want 1", n)
		}
		time.Sleep(11 * time.Second)
		srv.RotateKey()
		verify(t, auth, srv.Token(cardeatest.Claims{}), "")
		if n := srv.Calls("/jwks") - start; n != 2 {
			t.Errorf("%d fetches after the limit, want 2", n)
		}
	})
}

func TestKeysOutliveTheIssuerForADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		auth := srv.NewClient(t)
		srv.Break(cardeatest.Keys)
		time.Sleep(24 * time.Hour)
		verify(t, auth, srv.Token(cardeatest.Claims{}), "")
		time.Sleep(10 * time.Minute)
		verify(t, auth, srv.Token(cardeatest.Claims{}), cardea.CodeRevocationUnknown)
		srv.Mend(cardeatest.Keys)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		verify(t, auth, srv.Token(cardeatest.Claims{}), "")
	})
}

func TestCacheLife(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"": 5 * time.Minute, "public, max-age=600": 10 * time.Minute, "Max-Age=600": 10 * time.Minute, "max-age=0": time.Minute,
		"max-age=99999999": time.Hour, "max-age=99999999999999999999": time.Minute, "no-store": time.Minute, "no-cache, max-age=600": time.Minute,
		"max-age=-1": time.Minute, `max-age="120"`: 2 * time.Minute, "private": 5 * time.Minute, "max-age": time.Minute,
	} {
		if got := cardea.CacheLife(header); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

func TestTheMemoryIsBounded(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	for _, size := range []struct{ entries, bytes int }{{20, 1 << 20}, {1000, 40_000}} {
		auth.NewMemory(size.entries, size.bytes)
		first := srv.Token(cardeatest.Claims{})
		for range 60 {
			verify(t, auth, srv.Token(cardeatest.Claims{}), "")
			verify(t, auth, first, "") // used all the time, so it moves along
		}
		if n := auth.Remembered(); n > 20 || n < 5 {
			t.Errorf("%v: %d tokens are remembered", size, n)
		}
	}
}

// A remembered token costs no signature and no allocation.
func TestRememberedTokensAreCheap(t *testing.T) {
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	token := srv.Token(cardeatest.Claims{})
	verify(t, auth, token, "")
	if n := testing.AllocsPerRun(1000, func() { _, _ = auth.Verify(t.Context(), token) }); n != 0 {
		t.Errorf("%v allocations for a remembered token, want none", n)
	}
}

func TestVerifyIsSafeForManyGoroutines(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	auth.NewMemory(8, 1<<20)
	tokens := make([]string, 16)
	for i := range tokens {
		tokens[i] = srv.Token(cardeatest.Claims{Subject: fmt.Sprint("user", i)})
	}
	var wrong atomic.Int64
	done := make(chan struct{})
	for range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := range 400 {
				who, err := auth.Verify(t.Context(), tokens[i%16])
				if err != nil || who.Subject != fmt.Sprint("user", i%16) {
					wrong.Add(1)
				}
			}
		}()
	}
	for range 8 {
		<-done
	}
	if n := wrong.Load(); n != 0 {
		t.Errorf("%d answers about the wrong token", n)
	}
}

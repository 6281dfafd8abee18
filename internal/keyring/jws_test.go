package keyring_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

func TestSignedTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	for _, alg := range keyring.Tokens.Algs() {
		token := h.access(alg)
		kid := h.in(keyring.Tokens, alg, keyring.Active)[0].ID
		if want := fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"at+jwt"}`, alg, kid); header(t, token) != want {
			t.Errorf("header %s, want %s", header(t, token), want)
		}
		if !h.verifies(token) || !foreign(t, h.keySet(), token) {
			t.Errorf("%s: a good token does not verify", alg)
		}
		idToken, err := h.Tokens().SignID(t.Context(), acme, alg, someClaims)
		if err != nil || !strings.HasSuffix(header(t, idToken), `,"typ":"JWT"}`) {
			t.Errorf("%s: id token with header %s, %v", alg, header(t, idToken), err)
		}
		if got, err := h.VerifyID(t.Context(), acme, idToken); err != nil || string(got) != string(someClaims) {
			t.Errorf("%s: id token: %s, %v", alg, got, err)
		}
	}
	if _, err := h.Tokens().SignAccess(t.Context(), acme, "HS256", someClaims); !errs.Is(err, errs.Unsupported) {
		t.Errorf("HS256: %v", err)
	}
	if _, err := h.Tokens().SignAccess(t.Context(), acme, "", someClaims); !errs.Is(err, errs.Unsupported) {
		t.Errorf("no algorithm: %v", err)
	}
}

// TestGoJoseVerifiesManySignatures: r and s of ES256 are padded by hand, and one in 256 is short.
func TestGoJoseVerifiesManySignatures(t *testing.T) {
	t.Parallel()
	counts := map[keyring.Alg]int{keyring.ES256: 100_000, keyring.EdDSA: 5_000, keyring.RS256: 100, keyring.PS256: 100}
	if testing.Short() || raceEnabled {
		counts = map[keyring.Alg]int{keyring.ES256: 2_000, keyring.EdDSA: 100, keyring.RS256: 5, keyring.PS256: 5}
	}
	h := newHouse(t, options{})
	for alg, n := range counts {
		h.access(alg)
		key := h.keySet().Key(h.in(keyring.Tokens, alg, keyring.Active)[0].ID)[0]
		var both sync.WaitGroup
		for half := range 2 {
			both.Go(func() {
				for i := half; i < n; i += 2 {
					c := claims(fmt.Sprintf(`{"jti":"%d"}`, i))
					token, err := h.Tokens().SignAccess(context.Background(), acme, alg, c)
					if err != nil {
						t.Error(err)
						return
					}
					parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
					if err != nil {
						t.Errorf("%s: %v", token, err)
						return
					}
					if got, err := parsed.Verify(key); err != nil || string(got) != string(c) {
						t.Errorf("%s: %q, %v", token, got, err)
						return
					}
				}
			})
		}
		both.Wait()
	}
}

// No token is taken for one of another kind, purpose or tenant.
func TestKindsAndTenantsDoNotMix(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	ctx := t.Context()
	sign := map[keyring.Kind]func(id.Tenant) (string, error){
		keyring.AccessToken: func(to id.Tenant) (string, error) {
			return h.Tokens().SignAccess(ctx, to, keyring.ES256, someClaims)
		},
		keyring.IDToken: func(to id.Tenant) (string, error) {
			return h.Tokens().SignID(ctx, to, keyring.ES256, someClaims)
		},
		keyring.LogoutToken: func(to id.Tenant) (string, error) {
			return h.Logout().Sign(ctx, to, keyring.ES256, keyring.LogoutClaims{Issuer: "i", Audience: "a", Session: "s", Issued: 1, Expires: 2, ID: "x"})
		},
		keyring.ContextToken: func(to id.Tenant) (string, error) {
			return h.Context().Sign(ctx, to, keyring.ContextClaims{Issuer: "i", Audience: "a", Subject: "s", Issued: 1, Expires: 2, ID: "x"})
		},
	}
	for made, f := range sign {
		for _, home := range []id.Tenant{acme, "other"} {
			token, err := f(home)
			if err != nil {
				t.Fatal(err)
			}
			for asked := range sign {
				_, err := h.Verify(ctx, acme, asked, token)
				if good := made == asked && home == acme; good != (err == nil) {
					t.Errorf("a token of kind %d of %s, asked for as kind %d of %s: %v", made, home, asked, acme, err)
				}
			}
		}
	}
}

func TestLogoutAndContextClaims(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	ctx := t.Context()
	good := keyring.LogoutClaims{Issuer: "https://id.example", Audience: "client", Subject: "u1", Issued: 10, Expires: 20, ID: "x"}
	token, err := h.Logout().Sign(ctx, acme, keyring.ES256, good)
	if err != nil {
		t.Fatal(err)
	}
	v, err := h.Verify(ctx, acme, keyring.LogoutToken, token)
	want := `{"iss":"https://id.example","aud":"client","sub":"u1","iat":10,"exp":20,"jti":"x","events":{"http://schemas.openid.net/event/backchannel-logout":{}}}`
	if err != nil || string(v.Claims) != want {
		t.Errorf("claims %s, %v", v.Claims, err)
	}
	if !foreign(t, h.keySet(), token) {
		t.Error("the issuer's key set does not verify a logout token")
	}
	for name, change := range map[string]func(*keyring.LogoutClaims){
		"neither sub nor sid": func(c *keyring.LogoutClaims) { c.Subject = "" },
		"no audience":         func(c *keyring.LogoutClaims) { c.Audience = "" },
		"no jti":              func(c *keyring.LogoutClaims) { c.ID = "" },
		"no expiry":           func(c *keyring.LogoutClaims) { c.Expires = 0 },
	} {
		c := good
		change(&c)
		if _, err := h.Logout().Sign(ctx, acme, keyring.ES256, c); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
	word := keyring.ContextClaims{Issuer: "i", Audience: "a", Subject: "s", Issued: 10, Expires: 10 + 301, ID: "x"}
	if _, err := h.Context().Sign(ctx, acme, word); err == nil {
		t.Error("a gateway's word of more than five minutes is signed")
	}
}

func TestClaimsMustBeAnObject(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	for _, c := range []keyring.Claims{nil, claims(""), claims("null"), claims(`"text"`), claims(`[{}]`)} {
		if token, err := h.Tokens().SignAccess(t.Context(), acme, keyring.ES256, c); err == nil {
			t.Errorf("%v was signed: %s", c, token)
		}
	}
	big := claims(`{"a":"` + strings.Repeat("x", keyring.MaxToken) + `"}`)
	if _, err := h.Tokens().SignAccess(t.Context(), acme, keyring.ES256, big); errs.CodeOf(err) != "token_too_large" {
		t.Errorf("a token that our own doors would refuse: %v", err)
	}
	fits := claims(`{"a":"` + strings.Repeat("x", 5_900) + `"}`)
	token, err := h.Tokens().SignAccess(t.Context(), acme, keyring.ES256, fits)
	if err != nil || len(token) > keyring.MaxToken {
		t.Fatalf("%d bytes, %v", len(token), err)
	}
	if _, err := h.Verify(t.Context(), acme, keyring.AccessToken, token); err != nil {
		t.Errorf("a large token: %v", err)
	}
}

func TestKeySets(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	ctx := t.Context()
	h.tick()
	for _, alg := range keyring.Tokens.Algs() {
		h.access(alg)
	}
	if _, err := h.Context().Sign(ctx, acme, keyring.ContextClaims{Issuer: "i", Audience: "a", Subject: "s", Issued: 1, Expires: 2, ID: "x"}); err != nil {
		t.Fatal(err)
	}
	issuer, err1 := h.IssuerKeys(ctx, acme)
	gateway, err2 := h.ContextKeys(ctx, acme)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	purpose := map[string]keyring.Purpose{}
	for _, k := range h.list() {
		purpose[k.ID] = k.Purpose
	}
	for _, k := range readSet(t, issuer).Keys {
		if p := purpose[k.KeyID]; p != keyring.Tokens && p != keyring.Logout {
			t.Errorf("the issuer's set holds a key for %q", p)
		}
	}
	if n := len(readSet(t, issuer).Keys); n != 5 { // four for tokens, and the logout key that every tenant has
		t.Errorf("%d keys in the issuer's set", n)
	}
	if keys := readSet(t, gateway).Keys; len(keys) != 1 || purpose[keys[0].KeyID] != keyring.Context {
		t.Errorf("the gateway's set: %+v", keys)
	}
	var members struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(issuer.Body, &members); err != nil {
		t.Fatal(err)
	}
	for _, k := range members.Keys {
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if _, ok := k[private]; ok {
				t.Errorf("member %q is published", private)
			}
		}
	}
	again, err := h.IssuerKeys(ctx, acme)
	if err != nil || again.ETag != issuer.ETag || again.ETag == gateway.ETag || again.MaxAge <= 0 {
		t.Errorf("%+v, %v", again, err)
	}
	empty, err := h.IssuerKeys(ctx, "other")
	if err != nil || string(empty.Body) != `{"keys":[]}` {
		t.Errorf("a tenant without keys: %s, %v", empty.Body, err)
	}
}

func BenchmarkSignAccess(b *testing.B) {
	for _, alg := range keyring.Tokens.Algs() {
		b.Run(string(alg), func(b *testing.B) {
			h := newHouse(b, options{})
			h.access(alg)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Tokens().SignAccess(b.Context(), acme, alg, someClaims); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, alg := range keyring.Tokens.Algs() {
		b.Run(string(alg), func(b *testing.B) {
			h := newHouse(b, options{})
			token := h.access(alg)
			b.ReportAllocs()
			for b.Loop() {
				if !h.verifies(token) {
					b.Fatal("does not verify")
				}
			}
		})
	}
}

package clientauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/clientauth"
	"github.com/cardea-auth/cardea/internal/oauth/oauthtest"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// service is a draft of a client that acts for itself.
func service(auth oauth.AuthMethod) oauth.Client {
	return oauth.Client{Name: "Service", Type: oauth.Service, Auth: auth}
}

func try(w *oauthtest.World, at clientauth.Attempt) error {
	p, err := w.Auth.Authenticate(w.T.Context(), w.Nobody(), at)
	if (err == nil) != p.Valid() {
		w.T.Errorf("Proven.Valid is %v with error %v", p.Valid(), err)
	}
	return err
}

func TestSecretsByTheirOwnMethodOnly(t *testing.T) {
	w := oauthtest.New(t)
	basic, post := w.Register(service(oauth.AuthBasic)), w.Register(service(oauth.AuthPost))
	spa := w.Register(oauth.Client{Name: "SPA", Type: oauth.SPA, Redirect: []oauth.RedirectURI{"https://app.example.com/"}})
	good, posted := basic.Attempt(), post.Attempt()
	wrong := secret.New(opaque.New(opaque.ClientSecret))
	cases := []struct {
		name string
		at   clientauth.Attempt
		want oauth.Code
	}{
		{"basic", good, ""},
		{"post", posted, ""},
		{"none", spa.Attempt(), ""},
		{"basic and the same client_id", clientauth.Attempt{Basic: good.Basic, ClientID: basic.ID}, ""},
		{"basic client by post", clientauth.Attempt{ClientID: basic.ID, Secret: good.Basic.Secret}, oauth.InvalidClient},
		{"post client by basic", clientauth.Attempt{Basic: &clientauth.Basic{ID: post.ID, Secret: posted.Secret}}, oauth.InvalidClient},
		{"confidential client without proof", clientauth.Attempt{ClientID: basic.ID}, oauth.InvalidClient},
		{"public client with a secret", clientauth.Attempt{ClientID: spa.ID, Secret: good.Basic.Secret}, oauth.InvalidClient},
		{"wrong secret", clientauth.Attempt{Basic: &clientauth.Basic{ID: basic.ID, Secret: wrong}}, oauth.InvalidClient},
		{"empty secret", clientauth.Attempt{Basic: &clientauth.Basic{ID: basic.ID}}, oauth.InvalidClient},
		{"another's secret", clientauth.Attempt{Basic: &clientauth.Basic{ID: basic.ID, Secret: posted.Secret}}, oauth.InvalidClient},
		{"unknown client", clientauth.Attempt{Basic: &clientauth.Basic{ID: "app_unknown", Secret: wrong}}, oauth.InvalidClient},
		{"basic without an id", clientauth.Attempt{Basic: &clientauth.Basic{Secret: wrong}}, oauth.InvalidClient},
		{"nobody", clientauth.Attempt{}, oauth.InvalidClient},
		{"two ways", clientauth.Attempt{Basic: good.Basic, ClientID: basic.ID, Secret: good.Basic.Secret}, oauth.InvalidRequest},
		{"basic and another client_id", clientauth.Attempt{Basic: good.Basic, ClientID: post.ID}, oauth.InvalidRequest},
		{"unknown assertion type", clientauth.Attempt{ClientID: basic.ID, AssertionType: "urn:x", Assertion: wrong}, oauth.InvalidRequest},
		{"assertion type without assertion", clientauth.Attempt{ClientID: basic.ID, AssertionType: clientauth.AssertionType}, oauth.InvalidClient},
		{"assertion without its type", clientauth.Attempt{ClientID: basic.ID, Assertion: wrong}, oauth.InvalidRequest},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := try(w, c.at); oauth.CodeOf(err) != c.want {
				t.Errorf("Authenticate: %v", err)
			}
		})
	}
}

func TestEveryFailedProofSaysTheSame(t *testing.T) {
	w := oauthtest.New(t)
	basic := w.Register(service(oauth.AuthBasic))
	texts := map[string]bool{}
	for _, at := range []clientauth.Attempt{
		{ClientID: basic.ID}, {Basic: &clientauth.Basic{ID: basic.ID, Secret: secret.New("x")}},
		{Basic: &clientauth.Basic{ID: "app_unknown", Secret: secret.New("x")}},
	} {
		e, ok := errors.AsType[*oauth.Error](try(w, at))
		if !ok {
			t.Fatal("no refusal")
		}
		texts[e.Description] = true
	}
	if len(texts) != 1 {
		t.Errorf("the answers differ: %v", texts)
	}
}

func TestRotatedSecretsOverlap(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(service(oauth.AuthBasic))
	old := app.Attempt()
	next, err := w.Clients.RotateSecret(t.Context(), w.Admin(), app.ClientID(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	fresh := clientauth.Attempt{Basic: &clientauth.Basic{ID: app.ID, Secret: next.Secret}}
	if try(w, old) != nil || try(w, fresh) != nil {
		t.Errorf("old and new secret do not live side by side")
	}
	third, err := w.Clients.RotateSecret(t.Context(), w.Admin(), app.ClientID(), time.Hour)
	if err != nil || len(third.Client.Secrets) != 2 {
		t.Fatalf("second rotation: %v", err)
	}
	if try(w, old) == nil {
		t.Errorf("three secrets live")
	}
	w.Clock.Advance(time.Hour)
	if try(w, fresh) == nil {
		t.Errorf("the old secret outlives the overlap")
	}
	if err := try(w, clientauth.Attempt{Basic: &clientauth.Basic{ID: app.ID, Secret: third.Secret}}); err != nil {
		t.Errorf("the new secret: %v", err)
	}
}

func TestDecodeBasic(t *testing.T) {
	b, err := clientauth.DecodeBasic("a%3Ab", "p+q%25")
	if err != nil || b.ID != "a:b" || b.Secret.Reveal() != "p q%" {
		t.Errorf("DecodeBasic: %+v, %v", b, err)
	}
	if _, err := clientauth.DecodeBasic("%zz", "x"); oauth.CodeOf(err) != oauth.InvalidClient {
		t.Errorf("malformed: %v", err)
	}
}

// signed is a client that signs assertions.
type signed struct {
	*oauthtest.App
	key *ecdsa.PrivateKey
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func keySet(t testing.TB, keys ...jose.JSONWebKey) string {
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func newSigned(w *oauthtest.World) signed {
	key := newKey(w.T)
	draft := service(oauth.AuthPrivateKeyJWT)
	draft.Keys = keySet(w.T, jose.JSONWebKey{Key: key.Public(), KeyID: "k1", Algorithm: "ES256"})
	return signed{w.Register(draft), key}
}

// claims of a good assertion.
func (s signed) claims(w *oauthtest.World, jti string) map[string]any {
	now := w.Clock.Now().Unix()
	return map[string]any{"iss": s.ID, "sub": s.ID, "aud": oauthtest.Issuer, "iat": now, "exp": now + 60, "jti": jti}
}

func sign(t testing.TB, alg jose.SignatureAlgorithm, key any, head map[string]any, claims any) secret.Value {
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	if raw, ok := claims.(string); ok {
		body = []byte(raw)
	}
	o := &jose.SignerOptions{}
	for k, v := range head {
		o = o.WithHeader(jose.HeaderKey(k), v)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, o)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := s.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return secret.New(text)
}

func attempt(assertion secret.Value) clientauth.Attempt {
	return clientauth.Attempt{AssertionType: clientauth.AssertionType, Assertion: assertion}
}

func TestAssertionClaims(t *testing.T) {
	w := oauthtest.New(t)
	app := newSigned(w)
	now := w.Clock.Now().Unix()
	cases := []struct {
		name   string
		change map[string]any // nil removes
		good   bool
	}{
		{"good", nil, true},
		{"without iat", map[string]any{"iat": nil}, true},
		{"unknown claim", map[string]any{"x": 1}, true},
		{"aud is the token end point", map[string]any{"aud": oauthtest.Issuer + "/token"}, false},
		{"aud with a slash", map[string]any{"aud": oauthtest.Issuer + "/"}, false},
		{"aud is an array", map[string]any{"aud": []string{oauthtest.Issuer}}, false},
		{"aud is an array of two", map[string]any{"aud": []string{oauthtest.Issuer, "https://evil.example"}}, false},
		{"aud is a number", map[string]any{"aud": 1}, false},
		{"aud is an object", map[string]any{"aud": map[string]any{}}, false},
		{"aud is empty", map[string]any{"aud": ""}, false},
		{"no aud", map[string]any{"aud": nil}, false},
		{"another iss", map[string]any{"iss": "app_other"}, false},
		{"no iss", map[string]any{"iss": nil}, false},
		{"another sub", map[string]any{"sub": "app_other"}, false},
		{"no sub", map[string]any{"sub": nil}, false},
		{"no exp", map[string]any{"exp": nil}, false},
		{"exp is a text", map[string]any{"exp": "1"}, false},
		{"expired", map[string]any{"exp": now - 31}, false},
		{"expired within the leeway", map[string]any{"exp": now - 29}, true},
		{"lives too long", map[string]any{"exp": now + 3600}, false},
		{"exp overflows", map[string]any{"exp": 1 << 62}, false},
		{"from the future", map[string]any{"iat": now + 120}, false},
		{"not yet", map[string]any{"nbf": now + 120}, false},
		{"no jti", map[string]any{"jti": nil}, false},
		{"empty jti", map[string]any{"jti": ""}, false},
		{"huge jti", map[string]any{"jti": strings.Repeat("j", 257)}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			claims := app.claims(w, c.name)
			for k, v := range c.change {
				if claims[k] = v; v == nil {
					delete(claims, k)
				}
			}
			err := try(w, attempt(sign(t, jose.ES256, app.key, map[string]any{"kid": "k1"}, claims)))
			if c.good != (err == nil) || err != nil && oauth.CodeOf(err) != oauth.InvalidClient {
				t.Errorf("Authenticate: %v", err)
			}
		})
	}
}

// Row 30: an assertion is good once, also for a hundred at once.
func TestRegress_030_AssertionIsGoodOnce(t *testing.T) {
	w := oauthtest.New(t)
	app, other := newSigned(w), newSigned(w)
	at := attempt(sign(t, jose.ES256, app.key, map[string]any{"kid": "k1"}, app.claims(w, "once")))
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 100 {
		wg.Go(func() {
			_, err := w.Auth.Authenticate(t.Context(), w.Nobody(), at)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if oauth.CodeOf(err) != oauth.InvalidClient {
				t.Errorf("a loser got %v", err)
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d of 100 succeeded", won)
	}
	w.Clock.Advance(89 * time.Second) // 60 of its life, and the leeway
	if try(w, at) == nil {
		t.Errorf("the assertion is good again before it has expired")
	}
	if err := try(w, attempt(sign(t, jose.ES256, other.key, nil, other.claims(w, "once")))); err != nil {
		t.Errorf("another client with the same jti: %v", err)
	}
	// Two assertions with one jti are one.
	if try(w, attempt(sign(t, jose.ES256, other.key, nil, other.claims(w, "once")))) == nil {
		t.Errorf("a second assertion with the same jti")
	}
}

// What the header says decides nothing, and claims are read in one way only.
func TestRegress_043_044_046_047_048_049_052_060_AssertionHeaders(t *testing.T) {
	w := oauthtest.New(t)
	app := newSigned(w)
	stranger := newKey(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	fresh := func() map[string]any { n++; return app.claims(w, "h"+string(rune('a'+n))) }
	point, err := app.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	body, _ := json.Marshal(fresh())
	good := sign(t, jose.ES256, app.key, map[string]any{"kid": "k1"}, fresh()).Reveal()
	parts := strings.Split(good, ".")
	cases := map[string]secret.Value{
		"another key":            sign(t, jose.ES256, stranger, map[string]any{"kid": "k1"}, fresh()),
		"its own key in jwk":     sign(t, jose.ES256, stranger, map[string]any{"kid": "k1", "jwk": jose.JSONWebKey{Key: stranger.Public()}}, fresh()),
		"its own key in jku":     sign(t, jose.ES256, stranger, map[string]any{"kid": "k1", "jku": "https://evil.example/jwks"}, fresh()),
		"unknown kid":            sign(t, jose.ES256, app.key, map[string]any{"kid": "../../dev/null"}, fresh()),
		"another algorithm":      sign(t, jose.RS256, rsaKey, map[string]any{"kid": "k1"}, fresh()),
		"HS256, our public key":  sign(t, jose.HS256, point, map[string]any{"kid": "k1"}, fresh()),
		"HS256, the key set":     sign(t, jose.HS256, []byte(app.Keys), map[string]any{"kid": "k1"}, fresh()),
		"none":                   secret.New(encode([]byte(`{"alg":"none"}`)) + "." + encode(body) + "."),
		"none with a signature":  secret.New(encode([]byte(`{"alg":"none"}`)) + "." + encode(body) + "." + parts[2]),
		"crit":                   sign(t, jose.ES256, app.key, map[string]any{"kid": "k1", "crit": []string{"x"}, "x": 1}, fresh()),
		"claims twice":           sign(t, jose.ES256, app.key, map[string]any{"kid": "k1"}, `{"iss":"`+app.ID+`","iss":"`+app.ID+`"}`),
		"claims are no object":   sign(t, jose.ES256, app.key, map[string]any{"kid": "k1"}, `[]`),
		"padded":                 secret.New(good + "="),
		"line break":             secret.New(parts[0] + "." + parts[1] + "\n." + parts[2]),
		"stray bits":             secret.New(good[:len(good)-1] + string(strayBit(good[len(good)-1]))),
		"four parts":             secret.New(good + ".x"),
		"JSON serialisation":     secret.New(`{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`),
		"dots":                   secret.New(strings.Repeat(".", 1<<20)),
		"header in another case": secret.New(encode([]byte(`{"ALG":"ES256","kid":"k1"}`)) + "." + parts[1] + "." + parts[2]),
	}
	for name, assertion := range cases {
		if err := try(w, attempt(assertion)); oauth.CodeOf(err) != oauth.InvalidClient {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := try(w, attempt(secret.New(good))); err != nil {
		t.Errorf("forgeries have used the good one up: %v", err)
	}
}

// strayBit is another last character for a signature of 64 bytes, whose last four bits say nothing.
func strayBit(c byte) byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, c)^1]
}

func TestKeysAreForTheirAlgorithmOnly(t *testing.T) {
	w := oauthtest.New(t)
	key := newKey(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	draft := service(oauth.AuthPrivateKeyJWT)
	draft.Keys = keySet(t, jose.JSONWebKey{Key: rsaKey.Public()}, jose.JSONWebKey{Key: key.Public()})
	app := signed{w.Register(draft), key}
	if err := try(w, attempt(sign(t, jose.ES256, key, nil, app.claims(w, "one")))); err != nil {
		t.Errorf("the only key for the client's algorithm, without a kid: %v", err)
	}
	draft.Keys = keySet(t, jose.JSONWebKey{Key: key.Public(), Algorithm: "ES384"})
	other := signed{w.Register(draft), key}
	if err := try(w, attempt(sign(t, jose.ES256, key, nil, other.claims(w, "two")))); oauth.CodeOf(err) != oauth.InvalidClient {
		t.Errorf("a key that says it is for another algorithm: %v", err)
	}
}

func TestKeySetsThatAreRefused(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("the library makes no small keys")
	}
	ec := newKey(t)
	many := make([]jose.JSONWebKey, 11)
	for i := range many {
		many[i] = jose.JSONWebKey{Key: ec.Public()}
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]string{
		"nothing": "", "no JSON": "{", "no keys": `{"keys":[]}`, "keys twice": `{"keys":[],"keys":[]}`,
		"private": keySet(t, jose.JSONWebKey{Key: ec}), "symmetric": keySet(t, jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef")}),
		"for encryption": keySet(t, jose.JSONWebKey{Key: ec.Public(), Use: "enc"}), "small": keySet(t, jose.JSONWebKey{Key: small.Public()}),
		"P-384": keySet(t, jose.JSONWebKey{Key: p384.Public()}), "eleven": keySet(t, many...), "too large": strings.Repeat(" ", 1<<16),
	} {
		if _, err := clientauth.ParseKeys([]byte(set)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if set, err := clientauth.ParseKeys([]byte(keySet(t, jose.JSONWebKey{Key: ec.Public()}))); err != nil || len(set.Keys) != 1 {
		t.Errorf("a good set: %v", err)
	}
}

// fetcher is the client's server.
type fetcher struct {
	mu    sync.Mutex
	set   string
	err   error
	calls int
}

func (f *fetcher) FetchKeys(context.Context, string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	return []byte(f.set), f.err
}

func TestKeysFromTheClientsServer(t *testing.T) {
	f := &fetcher{}
	w := oauthtest.New(t)
	auth := clientauth.New(clientauth.Config{DB: w.DB, Guard: w.Guard, Clients: w.Clients, Tenants: w.Tenants, KeySets: f})
	storetest.Ensure(t, w.DB)
	old, next := newKey(t), newKey(t)
	draft := service(oauth.AuthPrivateKeyJWT)
	draft.KeysURL = "https://client.example/jwks"
	app := signed{w.Register(draft), old}
	f.set = keySet(t, jose.JSONWebKey{Key: old.Public(), KeyID: "old"})
	n := 0
	ask := func(key *ecdsa.PrivateKey, kid string) error {
		n++
		_, err := auth.Authenticate(t.Context(), w.Nobody(), attempt(sign(t, jose.ES256, key, map[string]any{"kid": kid}, app.claims(w, "f"+string(rune('a'+n))))))
		return err
	}
	first, again := ask(old, "old"), ask(old, "old")
	if first != nil || again != nil || f.calls != 1 {
		t.Errorf("%d fetches for two assertions", f.calls)
	}
	f.set = keySet(t, jose.JSONWebKey{Key: next.Public(), KeyID: "next"})
	if err := ask(next, "next"); oauth.CodeOf(err) != oauth.InvalidClient || f.calls != 1 {
		t.Errorf("a new kid at once: %v, %d fetches", err, f.calls)
	}
	w.Clock.Advance(31 * time.Second)
	if err := ask(next, "next"); err != nil || f.calls != 2 {
		t.Errorf("a new kid after a while: %v, %d fetches", err, f.calls)
	}
	w.Clock.Advance(11 * time.Minute)
	f.err = errors.New("no answer")
	if err := ask(next, "next"); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a server that does not answer: %v", err)
	}
	if err := try(w, attempt(sign(t, jose.ES256, next, nil, app.claims(w, "x")))); oauth.CodeOf(err) != oauth.InvalidClient {
		t.Errorf("without a way to fetch: %v", err)
	}
}

func FuzzParseAssertion(f *testing.F) {
	f.Add("eyJhbGciOiJFUzI1NiIsImtpZCI6ImsxIn0.eyJpc3MiOiJhIiwiYXVkIjoiYiJ9.AAAA")
	f.Add("..")
	f.Add(strings.Repeat("A", 9000))
	f.Fuzz(func(t *testing.T, text string) {
		said, err := clientauth.ParseAssertion(text)
		if err != nil {
			return
		}
		parts := strings.Split(text, ".")
		if len(parts) != 3 || len(text) > 8<<10 {
			t.Fatalf("accepted %q", text)
		}
		raw, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
		if err != nil {
			t.Fatalf("accepted %q", text)
		}
		var c map[string]any
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatalf("accepted %q: %v", raw, err)
		}
		if iss, _ := c["iss"].(string); iss != said.Issuer {
			t.Fatalf("iss is %q in one reading and %q in the other", iss, said.Issuer)
		}
	})
}

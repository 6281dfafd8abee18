package cardea_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/cardea-auth/cardea"
	"github.com/cardea-auth/cardea/cardeatest"
)

// The numbers are those of the project's catalogue of known failures of other systems.

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// parts takes a token apart.
func parts(token string) (header, payload, signature string) {
	p := strings.Split(token, ".")
	return p[0], p[1], p[2]
}

func header(srv *cardeatest.Server, members string) string {
	return fmt.Sprintf(`{"typ":"at+jwt","kid":%q%s}`, srv.KeyID(), members)
}

// A verified token is remembered per client, with its audience, issuer and time checked each time.
func TestRegress_039_MemoryDoesNotCrossAudiences(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	here := srv.NewClient(t)
	cfg := srv.Config()
	cfg.Audience = "https://other.test"
	there, err := cardea.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	token := srv.Token(cardeatest.Claims{})
	for range 2 {
		verify(t, here, token, "")
		verify(t, there, token, cardea.CodeTokenInvalid)
	}
}

func TestRegress_043_AlgNone(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	_, payload, signature := parts(srv.Token(cardeatest.Claims{}))
	for _, alg := range []string{
		`,"alg":"none"`, `,"alg":"None"`, `,"alg":"NoNe"`, `,"alg":"NONE"`, `,"alg":" none"`, `,"alg":"none\u0000"`, `,"alg":""`, ``,
		`,"alg":null`, `,"alg":0`, `,"alg":["none"]`, `,"alg":{}`, `,"alg":["ES256"]`, `,"ALG":"ES256"`, `,"alg":"es256"`, `,"alg":"none","alg":"ES256"`,
	} {
		head := header(srv, alg)
		for _, sig := range []string{"", signature, b64("x"), "AA"} {
			verify(t, auth, b64(head)+"."+payload+"."+sig, cardea.CodeTokenInvalid)
		}
		raw, err := base64.RawURLEncoding.DecodeString(payload)
		if err != nil {
			t.Fatal(err)
		}
		verify(t, auth, srv.Sign([]byte(head), raw), cardea.CodeTokenInvalid) // even with a good signature
	}
}

// publicForms is the server's public key in every form somebody may have taken for an HMAC secret.
func publicForms(t *testing.T, srv *cardeatest.Server) [][]byte {
	t.Helper()
	members := srv.PublishedKeys()[0]
	raw, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	var key jose.JSONWebKey
	if err := json.Unmarshal(raw, &key); err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Key)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.Key.(*ecdsa.PublicKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	x, err := base64.RawURLEncoding.DecodeString(members["x"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return [][]byte{raw, der, text, bytes.TrimSpace(text), point, point[1:], x, []byte(members["x"].(string)), []byte(members["kid"].(string))}
}

func hmacToken(hash func() hash.Hash, key []byte, head, payload string) string {
	input := b64(head) + "." + payload
	mac := hmac.New(hash, key)
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestRegress_044_PublicKeyAsHMACSecret(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	_, payload, _ := parts(srv.Token(cardeatest.Claims{}))
	for _, key := range publicForms(t, srv) {
		for alg, h := range map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New, "ES256": sha512.New} {
			verify(t, auth, hmacToken(h, key, header(srv, `,"alg":"`+alg+`"`), payload), cardea.CodeTokenInvalid)
		}
	}
}

func TestRegress_045_EmptyKey(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	srv.PublishKeys(append(srv.PublishedKeys(),
		map[string]any{"kty": "oct", "kid": "empty", "k": "", "alg": "HS256"}, map[string]any{"kty": "oct", "kid": "zero", "k": "AA", "alg": "HS256"},
		map[string]any{"kty": "EC", "kid": "nothing", "crv": "P-256", "x": "", "y": ""}, map[string]any{"kid": "bare"},
		map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": "short", "x": "AA"}, map[string]any{"kty": "RSA", "kid": "none", "alg": "RS256", "n": "", "e": ""},
	)...)
	auth := srv.NewClient(t)
	plain := srv.Token(cardeatest.Claims{})
	verify(t, auth, plain, "")
	_, payload, signature := parts(plain)
	for _, kid := range []string{`"empty"`, `"zero"`, `"nothing"`, `"bare"`, `"short"`, `"none"`, `""`, `null`, `0`, `[]`, `"unknown"`} {
		for _, alg := range []string{"HS256", "ES256", "EdDSA", "RS256"} {
			head := fmt.Sprintf(`{"typ":"at+jwt","alg":%q,"kid":%s}`, alg, kid)
			for _, key := range [][]byte{nil, {0}} {
				verify(t, auth, hmacToken(sha256.New, key, head, payload), cardea.CodeTokenInvalid)
			}
			verify(t, auth, b64(head)+"."+payload+"."+signature, cardea.CodeTokenInvalid)
		}
	}
	verify(t, auth, b64(`{"typ":"at+jwt","alg":"ES256"}`)+"."+payload+"."+signature, cardea.CodeTokenInvalid)
	for _, key := range []any{nil, []byte{}, "", struct{}{}, ed25519.PublicKey{}, ed25519.PublicKey(nil)} {
		for _, alg := range []string{"ES256", "EdDSA", "RS256", "PS256", "HS256", "none", ""} {
			if cardea.VerifySignature(alg, key, []byte("x"), make([]byte, 64)) || cardea.VerifySignature(alg, key, nil, nil) {
				t.Errorf("a key of type %T verifies %q", key, alg)
			}
		}
	}
}

// An attacker brings the key along, or says where to find it. Nothing is fetched and nothing believed.
func TestRegress_046_EmbeddedKeys(t *testing.T) {
	t.Parallel()
	var fetched atomic.Int64
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched.Add(1) }))
	defer trap.Close()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	mine, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	members := jwk(t, &mine.PublicKey, "mine", "ES256")
	for _, extra := range []map[string]any{
		{"jwk": members}, {"jku": trap.URL}, {"x5u": trap.URL}, {"x5c": []string{"MIIB"}}, {"jwk": members, "jku": trap.URL, "kid": "mine"},
		{"jku": srv.URL + "/jwks"},
	} {
		forged := cardeatest.Claims{Header: extra}
		head, payload, _ := parts(srv.Token(forged))
		digest := sha256.Sum256([]byte(head + "." + payload))
		r, s, err := ecdsa.Sign(rand.Reader, mine, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		sig := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		verify(t, auth, head+"."+payload+"."+base64.RawURLEncoding.EncodeToString(sig), cardea.CodeTokenInvalid)
		if extra["kid"] == nil { // RFC 7515 section 4.1.2 and on: hints that we do not take
			verify(t, auth, srv.Token(forged), "")
		}
	}
	if n := fetched.Load(); n != 0 {
		t.Errorf("%d fetches of what a token points to", n)
	}
}

func TestRegress_047_KidInjection(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	for _, kid := range []string{
		"../../dev/null", "/dev/null", "' OR 1=1 --", "|/bin/true", "http://127.0.0.1/", "\x00", srv.KeyID() + "\x00", srv.KeyID() + " ",
		strings.ToUpper(srv.KeyID()), strings.ToLower(srv.KeyID()) + "x", "*", "${jndi:ldap://x}", strings.Repeat("k", 4000), strings.Repeat("k", 1<<20),
	} {
		verify(t, auth, srv.Token(cardeatest.Claims{Header: map[string]any{"kid": kid}}), cardea.CodeTokenInvalid)
	}
}

// What a token was verified with is the key's algorithm; the header has no say.
func TestRegress_048_TheHeaderIsNotThePolicy(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	for _, alg := range []string{"RS256", "PS256", "EdDSA", "ES384", "ES512", "ES256K", "HS256", "Ed25519"} {
		verify(t, auth, srv.Token(cardeatest.Claims{Header: map[string]any{"alg": alg}}), cardea.CodeTokenInvalid)
	}
}

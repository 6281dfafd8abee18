package credential_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

const all = credential.Header | credential.Cookie | credential.ClientCert

func read(r *http.Request, a credential.Accept) (credential.Credential, error) {
	return credential.Read(credential.Source{Header: r.Header, Tenant: id.Default}, a)
}

func request(lines ...string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// TestRead is S8: one credential, an explicit header wins, a bad one is refused.
func TestRead(t *testing.T) {
	session, key := opaque.New(opaque.Session), opaque.New(opaque.APIKey)
	cookie := "Cookie: a=b; __Host-cardea-default=" + session
	tests := []struct {
		name   string
		accept credential.Accept
		lines  []string
		kind   credential.Kind
		token  string
		code   string // of the error
	}{
		{"nothing", all, nil, credential.None, "", ""},
		{"bearer", all, []string{"Authorization: Bearer abc.def"}, credential.Bearer, "abc.def", ""},
		{"any case", all, []string{"Authorization: bEARER abc"}, credential.Bearer, "abc", ""},
		{"key as bearer", all, []string{"Authorization: Bearer " + key}, credential.APIKey, key, ""},
		{"key", all, []string{"X-API-Key: " + key}, credential.APIKey, key, ""},
		{"dpop", all, []string{"Authorization: DPoP abc", "DPoP: x.y.z"}, credential.DPoP, "abc", ""},
		{"cookie", all, []string{cookie}, credential.Session, session, ""},
		{"header wins", all, []string{"Authorization: Bearer abc", cookie}, credential.Bearer, "abc", ""},
		{"key wins", all, []string{"X-API-Key: abc", cookie}, credential.APIKey, "abc", ""},
		{"bad header is not replaced", all, []string{"Authorization: Bearer", cookie}, 0, "", "token_invalid"},
		{"empty header is not replaced", all, []string{"Authorization: ", cookie}, 0, "", "token_invalid"},
		{"unknown scheme is not replaced", all, []string{"Authorization: Basic YTpi", cookie}, 0, "", "token_invalid"},
		{"bad key is not replaced", all, []string{"X-API-Key: ", cookie}, 0, "", "token_invalid"},
		{"two blanks", all, []string{"Authorization: Bearer  abc"}, 0, "", "token_invalid"},
		{"only padding", all, []string{"Authorization: Bearer ==="}, 0, "", "token_invalid"},
		{"padding inside", all, []string{"Authorization: Bearer a=b"}, 0, "", "token_invalid"},
		{"dpop without proof", all, []string{"Authorization: DPoP abc"}, 0, "", "token_invalid"},
		{"proof with bearer", all, []string{"Authorization: Bearer abc", "DPoP: x.y.z"}, 0, "", "token_invalid"},
		{"proof alone", all, []string{"DPoP: x.y.z"}, 0, "", "token_invalid"},
		{"proof with a key", all, []string{"X-API-Key: abc", "DPoP: x.y.z"}, 0, "", "token_invalid"},
		{"too long", all, []string{"Authorization: Bearer " + strings.Repeat("a", 8193)}, 0, "", "token_invalid"},
		{"twice", all, []string{"Authorization: Bearer abc", "Authorization: Bearer abc"}, 0, "", "malformed_request"},
		{"two kinds", all, []string{"Authorization: Bearer abc", "X-API-Key: abc"}, 0, "", "malformed_request"},
		{"two proofs", all, []string{"Authorization: DPoP abc", "DPoP: x", "DPoP: x"}, 0, "", "malformed_request"},
		{"cookie twice", all, []string{cookie + "; __Host-cardea-default=" + session}, 0, "", "malformed_request"},
		{"cookie in two lines", all, []string{cookie, cookie}, 0, "", "malformed_request"},
		{"another tenant's cookie", all, []string{"Cookie: __Host-cardea-acme=" + session}, credential.None, "", ""},
		{"cookie without prefix", all, []string{"Cookie: cardea-default=" + session}, credential.None, "", ""},
		{"cookie with exotic space", all, []string{"Cookie: \u2000__Host-cardea-default=" + session}, credential.None, "", ""},
		{"cookie in other case", all, []string{"Cookie: __host-cardea-default=" + session}, credential.None, "", ""},
		{"cookie where none is read", credential.Header, []string{cookie}, credential.None, "", ""},
		{"header where none is read", credential.Cookie, []string{"Authorization: Bearer abc", cookie}, 0, "", "token_invalid"},
		{"route that reads nothing", 0, []string{"Authorization: Basic YTpi", cookie}, credential.None, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := read(request(tt.lines...), tt.accept)
			if errs.CodeOf(err) != tt.code || c.Kind != tt.kind || c.Token.Reveal() != tt.token {
				t.Errorf("kind %s, token %q, error %v", c.Kind, c.Token.Reveal(), err)
			}
		})
	}
}

func TestBearerInQueryIsNotRead(t *testing.T) {
	for _, q := range []string{"access_token=abc", "token=abc", "api_key=abc"} {
		r := httptest.NewRequest("GET", "/?"+q, nil)
		if c, err := read(r, all); c.Kind != credential.None || err != nil {
			t.Errorf("%s gives %s, %v", q, c.Kind, err)
		}
	}
}

func TestCertificate(t *testing.T) {
	cert := &x509.Certificate{}
	source := func(lines ...string) credential.Source {
		return credential.Source{Header: request(lines...).Header, Tenant: id.Default, Certificate: cert}
	}
	alone, _ := credential.Read(source(), all)
	bound, _ := credential.Read(source("Authorization: Bearer abc"), all)
	unwanted, _ := credential.Read(source(), credential.Header)
	if alone.Kind != credential.Certificate || bound.Kind != credential.Bearer || unwanted.Kind != credential.None {
		t.Errorf("kinds %s, %s, %s", alone.Kind, bound.Kind, unwanted.Kind)
	}
	if alone.Certificate != cert || bound.Certificate != cert {
		t.Error("the certificate is lost")
	}
}

func selfSigned(t *testing.T) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestClientCertificate(t *testing.T) {
	client, proxy := selfSigned(t), selfSigned(t)
	header := ":" + base64.StdEncoding.EncodeToString(client.Raw) + ":"
	tests := []struct {
		name    string
		lines   []string
		proxied bool
		want    *x509.Certificate
		code    string
	}{
		{"direct", nil, false, proxy, ""},
		{"direct with a planted header", []string{"Client-Cert: " + header}, false, proxy, ""},
		{"proxied", []string{"Client-Cert: " + header}, true, client, ""},
		{"the proxy's own certificate proves nothing", nil, true, nil, ""},
		{"twice", []string{"Client-Cert: " + header, "Client-Cert: " + header}, true, nil, "malformed_request"},
		{"no byte sequence", []string{"Client-Cert: " + header[1:]}, true, nil, "malformed_request"},
		{"no certificate", []string{"Client-Cert: :AAAA:"}, true, nil, "malformed_request"},
		{"empty", []string{"Client-Cert: "}, true, nil, "malformed_request"},
	}
	for _, tt := range tests {
		r := request(tt.lines...)
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{proxy}}
		got, err := credential.ClientCertificate(r, tt.proxied)
		if errs.CodeOf(err) != tt.code || (got == nil) != (tt.want == nil) || (got != nil && !got.Equal(tt.want)) {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
	}
}

// TestRegress_090_MutatedCookies: 10^5 mutated cookies are anonymous and broken, never a session.
func TestRegress_090_MutatedCookies(t *testing.T) {
	session := opaque.New(opaque.Session)
	rng := mathrand.New(mathrand.NewPCG(1, 2))
	for range 100_000 {
		b := []byte(session)
		switch rng.IntN(4) {
		case 0:
			b[rng.IntN(len(b))] ^= byte(1 + rng.IntN(127))
		case 1:
			b = b[:rng.IntN(len(b))]
		case 2:
			b = append(b, byte(rng.IntN(128)))
		case 3:
			i, j := rng.IntN(len(b)), rng.IntN(len(b))
			b[i], b[j] = b[j], b[i]
		}
		r := request()
		r.Header["Cookie"] = []string{"__Host-cardea-default=" + string(b)}
		c, err := read(r, credential.Cookie)
		if c.Kind == credential.Session && c.Token.Reveal() != session {
			t.Fatalf("accepted %q", b)
		}
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		if c.Kind == credential.None && !c.Broken && !strings.ContainsAny(string(b), ";") {
			t.Fatalf("%q is not reported as broken", b)
		}
	}
}

func TestJar(t *testing.T) {
	v := secret.New(opaque.New(opaque.Session))
	tests := []struct {
		jar  credential.Jar
		name credential.Name
		want string
	}{
		{credential.Jar{}, credential.SessionCookie, "__Host-cardea-acme=" + v.Reveal() + "; Max-Age=60; Path=/; SameSite=Lax; Secure; HttpOnly"},
		{credential.Jar{}, credential.CSRFCookie, "__Host-cardea-acme.csrf=" + v.Reveal() + "; Max-Age=60; Path=/; SameSite=Lax; Secure"},
		{credential.Jar{Insecure: true}, credential.FlowCookie, "cardea-acme.flow=" + v.Reveal() + "; Max-Age=60; Path=/; SameSite=Lax; HttpOnly"},
	}
	for _, tt := range tests {
		h := http.Header{}
		tt.jar.Set(h, tt.name, "acme", v, time.Minute)
		if got := h.Get("Set-Cookie"); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
		if c, err := http.ParseSetCookie(h.Get("Set-Cookie")); err != nil || c.Domain != "" || c.Path != "/" {
			t.Errorf("net/http reads %+v, %v", c, err)
		}
	}
	h := http.Header{}
	credential.Jar{}.Set(h, credential.SessionCookie, "acme", secret.New("a; Domain=evil"), 0)
	if len(h) != 0 {
		t.Errorf("an injected attribute was sent: %v", h)
	}
}

// TestRegress_092_CookieNamesDoNotMeet: no tenant's name can make one cookie look like another.
func TestRegress_092_CookieNamesDoNotMeet(t *testing.T) {
	seen := map[string]string{}
	for _, tenant := range []id.Tenant{"a", "csrf", "a-csrf", "flow", "a-flow", "default"} {
		for _, n := range []credential.Name{credential.SessionCookie, credential.CSRFCookie, credential.FlowCookie, credential.DeviceCookie} {
			full := credential.Jar{}.Full(n, tenant)
			if other, ok := seen[full]; ok {
				t.Errorf("%s is both %s and %s%s", full, other, tenant, n)
			}
			seen[full] = fmt.Sprint(tenant, n)
			if !strings.HasPrefix(full, "__Host-") {
				t.Errorf("%s has no __Host- prefix", full)
			}
		}
	}
}

func TestCheckCSRF(t *testing.T) {
	const own = "https://id.example.com"
	bound := secret.New(opaque.New(opaque.Session))
	good := "X-CSRF-Token: " + credential.CSRFToken(bound)
	tests := []struct {
		name  string
		lines []string
		field string
		ok    bool
	}{
		{"our page", []string{"Sec-Fetch-Site: same-origin", good}, "", true},
		{"typed by the user", []string{"Sec-Fetch-Site: none", good}, "", true},
		{"form", []string{"Sec-Fetch-Site: same-origin", "Origin: null"}, credential.CSRFToken(bound), true},
		{"older browser", []string{"Origin: " + own, good}, "", true},
		{"no token", []string{"Sec-Fetch-Site: same-origin"}, "", false},
		{"another session's token", []string{"Sec-Fetch-Site: same-origin", "X-CSRF-Token: " + credential.CSRFToken(secret.New("x"))}, "", false},
		{"token twice", []string{"Sec-Fetch-Site: same-origin", good, good}, "", false},
		{"header overrides form", []string{"Sec-Fetch-Site: same-origin", "X-CSRF-Token: x"}, credential.CSRFToken(bound), false},
		{"sibling host", []string{"Sec-Fetch-Site: same-site", good}, "", false},
		{"other site", []string{"Sec-Fetch-Site: cross-site", good}, "", false},
		{"other origin", []string{"Origin: https://evil.example", good}, "", false},
		{"null origin alone", []string{"Origin: null", good}, "", false},
		{"contradiction", []string{"Sec-Fetch-Site: same-origin", "Origin: https://evil.example", good}, "", false},
		{"empty metadata", []string{"Sec-Fetch-Site: ", good}, "", false},
		{"metadata twice", []string{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: same-origin", good}, "", false},
		{"neither", []string{good}, "", false},
	}
	for _, tt := range tests {
		err := credential.CheckCSRF(request(tt.lines...), own, bound, tt.field)
		if (err == nil) != tt.ok || (err != nil && errs.CodeOf(err) != "csrf_failed") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if credential.CheckCSRF(request("Sec-Fetch-Site: same-origin"), own, secret.Value{}, credential.CSRFToken(secret.Value{})) == nil {
		t.Error("a request without a cookie has passed with the token of the empty cookie")
	}
}

func FuzzRead(f *testing.F) {
	f.Add("Bearer abc", "", "", "a=b; __Host-cardea-default=cds_x")
	f.Add("", "cdk_abc", "", "")
	f.Add("DPoP a", "", "b", ";;;=;=")
	f.Fuzz(func(t *testing.T, auth, key, proof, cookie string) {
		r := request()
		for name, v := range map[string]string{"Authorization": auth, "X-Api-Key": key, "Dpop": proof, "Cookie": cookie} {
			if v != "" {
				r.Header[name] = []string{v}
			}
		}
		c, err := read(r, all)
		switch {
		case err != nil && c != (credential.Credential{}):
			t.Fatal("a refused credential was handed on")
		case err != nil && !errs.Is(err, errs.Invalid) && !errs.Is(err, errs.Unauthenticated):
			t.Fatalf("%v", err)
		case c.Kind == credential.Session && (auth != "" || key != ""):
			t.Fatal("a cookie replaced a header")
		case c.Kind == credential.Session && !strings.Contains(cookie, c.Token.Reveal()):
			t.Fatal("a token that was not sent")
		case c.Kind != credential.None && c.Token.Empty():
			t.Fatal("an empty token")
		}
	})
}

// FuzzClientCertificate: whatever a proxy hands on, there is a certificate or a refusal.
func FuzzClientCertificate(f *testing.F) {
	for _, seed := range []string{":MIIB:", "::", ":", "", "MIIB", ":MIIB", ": MIIB :", ":%%%:"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := request()
		r.Header[credential.CertificateHeader] = []string{value}
		cert, err := credential.ClientCertificate(r, true)
		if (cert == nil) == (err == nil) || err != nil && !errs.Is(err, errs.Invalid) {
			t.Fatalf("%q: %v, %v", value, cert, err)
		}
		if cert, err := credential.ClientCertificate(r, false); cert != nil || err != nil {
			t.Fatalf("%q from nobody: %v, %v", value, cert, err)
		}
	})
}

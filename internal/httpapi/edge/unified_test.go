package edge_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

func clientCertificate(t *testing.T) string {
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
	return "Client-Cert: :" + base64.StdEncoding.EncodeToString(der) + ":"
}

// TestUnified is example E20 at the door: one route, every kind of credential, the same user.
func TestUnified(t *testing.T) {
	session := opaque.New(opaque.Session)
	cookie := "Cookie: __Host-cardea-default=" + session
	csrf := "X-CSRF-Token: " + credential.CSRFToken(secret.New(session))
	cert := clientCertificate(t)
	tests := []struct {
		name  string
		lines []string
		kind  credential.Kind
	}{
		{"session", []string{cookie, csrf, "Sec-Fetch-Site: same-origin"}, credential.Session},
		{"JWT", []string{"Authorization: Bearer a.b.c"}, credential.Bearer},
		{"opaque token", []string{"Authorization: Bearer " + opaque.New(opaque.AccessToken)}, credential.Bearer},
		{"API key", []string{"X-API-Key: " + opaque.New(opaque.APIKey)}, credential.APIKey},
		{"API key as bearer", []string{"Authorization: Bearer " + opaque.New(opaque.APIKey)}, credential.APIKey},
		{"DPoP", []string{"Authorization: DPoP a.b.c", "DPoP: x.y.z"}, credential.DPoP},
		{"certificate", []string{cert}, credential.Certificate},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, func(c *edge.Config) {
				c.TrustedProxies, c.ProxiesSendCertificates = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, true
			})
			resp := w.do("POST", "/account", "", tt.lines...)
			if resp.StatusCode != 200 || len(w.seen) != 1 || w.seen[0].UserID() != "alice" || w.asked[0].Kind != tt.kind {
				t.Errorf("%d, asked %v, seen %v", resp.StatusCode, w.asked, w.seen)
			}
			if c := w.asked[0]; c.Kind == credential.DPoP && (c.Method != "POST" || c.URI != origin+"/account") {
				t.Errorf("the proof must be about %s %s", c.Method, c.URI)
			}
		})
	}
}

// TestPlantedCertificate: Client-Cert is believed from trusted proxies only, and only if they are said
// to send it.
func TestPlantedCertificate(t *testing.T) {
	cert := clientCertificate(t)
	for name, change := range map[string]func(*edge.Config){
		"no proxy":            func(c *edge.Config) { c.ProxiesSendCertificates = true },
		"a proxy without TLS": func(c *edge.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} },
		"another proxy is trusted": func(c *edge.Config) {
			c.TrustedProxies, c.ProxiesSendCertificates = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, true
		},
	} {
		w := newWorld(t, change)
		if resp := w.do("GET", "/account", "", cert); resp.StatusCode != 401 || len(w.asked) != 0 {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
}

// TestRegress_094_HostIsConfigured: what links are made of comes from the configuration, whatever a
// request says about hosts.
func TestRegress_094_HostIsConfigured(t *testing.T) {
	w := newWorld(t, func(c *edge.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	var issuers []string
	c := w.Config
	c.Metrics = prometheus.NewRegistry()
	door, err := edge.New(c, []edge.Route{{
		Method: "GET", Path: "/link", Name: "test.link", Access: edge.Open("it is only a test"),
		Handle: func(x *edge.Exchange, _ access.Caller) error {
			issuers = append(issuers, x.Site.Issuer+" "+x.Site.Origin)
			x.WriteHeader(204)
			return nil
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	forms := []string{
		"X-Forwarded-Host: evil.example", "X-Forwarded-Host: evil.example, id.example.com", "Forwarded: host=evil.example", "Forwarded: for=1.1.1.1;host=evil.example;proto=http",
		"X-Host: evil.example", "X-Original-Host: evil.example", "X-Forwarded-Server: evil.example", "X-HTTP-Host-Override: evil.example",
		"X-Forwarded-Proto: http", "X-Forwarded-Port: 8443", "X-Forwarded-Prefix: /evil", "X-Rewrite-URL: //evil.example/",
	}
	for _, form := range forms {
		name, value, _ := strings.Cut(form, ": ")
		r := httptest.NewRequest("GET", "/link", nil)
		r.Host = "id.example.com"
		r.Header.Set(name, value)
		door.ServeHTTP(httptest.NewRecorder(), r)
	}
	for i, got := range issuers {
		if got != origin+" "+origin {
			t.Errorf("%s: %s", forms[i], got)
		}
	}
	if len(issuers) != len(forms) {
		t.Errorf("%d of %d requests came through", len(issuers), len(forms))
	}
	for _, host := range []string{"evil.example", "id.example.com.evil.example", "id.example.com@evil.example", "id.example.com:443@evil.example", "", "id.example.com/evil", "ID.EXAMPLE.COM:8080"} {
		if resp := w.do("GET", "/session", "", "Host: "+host); resp.StatusCode != 421 {
			t.Errorf("Host %q: %d", host, resp.StatusCode)
		}
	}
	for _, host := range []string{"id.example.com", "ID.Example.Com", "id.example.com:443"} {
		if resp := w.do("GET", "/session", "", "Host: "+host); resp.StatusCode != 200 {
			t.Errorf("Host %q: %d", host, resp.StatusCode)
		}
	}
}

// TestRegress_141_HeaderValues: a line break in a value that reaches a header cannot make another
// header on the wire.
func TestRegress_141_HeaderValues(t *testing.T) {
	const evil = "https://app.example/\r\nSet-Cookie: planted=1\r\n\r\n<script>"
	w := newWorld(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := w.Config
	c.Metrics = prometheus.NewRegistry()
	c.Directory, err = edge.NewSharedHost("http://"+l.Addr().String(), nil, w.standing)
	if err != nil {
		t.Fatal(err)
	}
	door, err := edge.New(c, []edge.Route{{
		Method: "GET", Path: "/evil", Name: "test.evil", Access: edge.Open("it is only a test"),
		Handle: func(x *edge.Exchange, _ access.Caller) error {
			x.Header().Set("X-Title", evil)
			x.Redirect(evil)
			return nil
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: door}
	go func() { _ = s.Serve(l) }()
	defer s.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /evil HTTP/1.1\r\nHost: %s\r\n\r\n", l.Addr())
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 303 || len(resp.Cookies()) != 0 || strings.Contains(text(resp), "script") {
		t.Errorf("%d, cookies %v", resp.StatusCode, resp.Cookies())
	}
}

package edge_test

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/httpapi/edge"
)

// FuzzDoor sends whatever net/http would hand on. No input makes a 5xx (the two routes that fail on
// purpose apart), a panic, or a caller without a credential.
func FuzzDoor(f *testing.F) {
	for _, line := range []string{
		"GET /session HTTP/1.1\r\nHost: id.example.com\r\nAuthorization: Bearer\r\n\r\n",
		"POST /reads HTTP/1.1\r\nHost: id.example.com\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"GET /t/acme/api/users/%2e%2e HTTP/1.1\r\nHost: id.example.com\r\nCookie: ;;=;a=\"b\r\nX-Forwarded-For: ,\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: id.example.com\r\n\r\n",
		"CONNECT id.example.com:443 HTTP/1.1\r\nHost: id.example.com\r\n\r\n",
		"GET http://id.example.com/session?a=%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /account HTTP/1.1\r\nHost: id.example.com\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=%",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return // net/http answers 400 by itself
		}
		r.RemoteAddr = "192.0.2.1:4711"
		w := newWorld(t, func(c *edge.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
		w.check(t, r)
	})
}

// check sends r and looks at what must hold for every answer.
func (w *world) check(t *testing.T, r *http.Request) {
	t.Helper()
	w.seen, w.asked = nil, nil
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	onPurpose := strings.Contains(r.URL.Path, "fails") || strings.Contains(r.URL.Path, "panics")
	if rec.Code >= 500 && !onPurpose {
		t.Fatalf("%d for %s %q %v: %s", rec.Code, r.Method, r.URL, r.Header, rec.Body)
	}
	if rec.Code >= 400 && rec.Header().Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%d is no problem document: %v", rec.Code, rec.Header())
	}
	if len(w.seen) == 1 && !w.seen[0].IsAnonymous() && len(w.asked) == 0 {
		t.Fatal("a caller whom nobody has authenticated")
	}
	if rec.Header().Get("Access-Control-Allow-Credentials") != "" {
		t.Fatal("credentials over origins")
	}
}

// TestRegress_152_HeaderGrammar sends 30,000 requests made of pieces that header parsers stumble
// over. The expectation is that of FuzzDoor.
func TestRegress_152_HeaderGrammar(t *testing.T) {
	w := newWorld(t, func(c *edge.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
		c.LogOneIn = 1 << 30
	})
	w.reachable(t)
	rng := rand.New(rand.NewPCG(1, 2))
	names := []string{"Authorization", "Cookie", "X-Api-Key", "Dpop", "Origin", "Sec-Fetch-Site", "X-Csrf-Token", "X-Forwarded-For",
		"X-Request-Id", "Content-Type", "Client-Cert", "User-Agent", "Access-Control-Request-Method", "Range", "Expect", "If-None-Match", "Te"}
	pieces := []string{"Bearer", "bearer ", "Basic ", "DPoP ", "Digest", " ", "\t", ",", ";", "=", "==", "\"", "\\", "a", "abc.def.ghi", "cds_x", "cdk_",
		"__Host-cardea-default", "__Host-cardea-default=", "null", "https://", "://", "same-origin", "127.0.0.1", "::", "%00", "%zz", "\x00", "\xff", "é",
		"application/json", "application/x-www-form-urlencoded", "; charset=", "utf-16", ":", strings.Repeat("a", 8200)}
	targets := []string{"/session", "/account", "/api/users", "/token", "/authorize", "/flow/step", "/reads", "/.well-known/jwks", "/t/acme/account"}
	bodies := []string{"", "a=b", "a=b&a=c", "csrf_token=%", "{", "&&&=", ";", "\x00", "a=%ff"}
	for range 30_000 {
		body := bodies[rng.IntN(len(bodies))]
		r := httptest.NewRequest([]string{"GET", "POST", "OPTIONS", "HEAD", "PUT"}[rng.IntN(5)], targets[rng.IntN(len(targets))], strings.NewReader(body))
		r.Host = "id.example.com"
		for range 1 + rng.IntN(4) {
			var v strings.Builder
			for range rng.IntN(5) {
				v.WriteString(pieces[rng.IntN(len(pieces))])
			}
			name := names[rng.IntN(len(names))]
			r.Header[name] = append(r.Header[name], v.String())
		}
		w.check(t, r)
	}
}

// reachable makes sure that the requests above reach handlers at all.
func (w *world) reachable(t *testing.T) {
	t.Helper()
	for _, target := range []string{"/session", "/authorize", "/.well-known/jwks"} {
		if resp := w.do("GET", target, ""); resp.StatusCode != 200 {
			t.Fatal(fmt.Sprint(target, resp.StatusCode))
		}
	}
}

func FuzzParseValues(f *testing.F) {
	for _, s := range []string{"a=b&c=d", "a=%zz", "a=1&a=2", "=;", "a=%00", "%ff=1", strings.Repeat("a&", 200), "a+b=c+d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := edge.ParseValues(s, "resource")
		if err != nil {
			return
		}
		for name, values := range v {
			if name == "" || len(values) == 0 || (len(values) > 1 && name != "resource") {
				t.Fatalf("%q gives %q", s, v)
			}
		}
		again, err := edge.ParseValues(v.Encode(), "resource")
		if err != nil || again.Encode() != v.Encode() {
			t.Fatalf("%q is read as %q and then as %q", s, v, again)
		}
	})
}

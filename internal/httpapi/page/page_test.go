//go:build !noui

package page_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/page"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/limit"
)

type nobody struct{}

func (nobody) Authenticate(_ context.Context, t id.Tenant, _ credential.Credential, from access.Origin) (access.Caller, error) {
	return access.Anonymous(t, from), nil
}

func (nobody) Listed(context.Context, id.Tenant, edge.CORS, string) (bool, error) { return false, nil }

type site struct{}

func (site) Resolve(_ context.Context, _ string, named id.Tenant) (edge.Site, error) {
	s := edge.Site{Tenant: id.Default, Origin: "https://id.example", Issuer: "https://id.example"}
	if named != "" {
		s.Tenant, s.Issuer = named, s.Origin+"/t/"+string(named)
	}
	return s, nil
}

// door serves the pages alone, and one plain page. The tenant acme has a colour.
func door(t *testing.T) http.Handler {
	t.Helper()
	pages, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	pages.Accent = func(_ context.Context, t id.Tenant) (string, error) {
		if t == "acme" {
			return "#7a1fa2", nil
		}
		return "", nil
	}
	told := edge.Route{Method: "GET", Path: "/told", Name: "test.told", Access: edge.Open("a page of this test"),
		Handle: func(x *edge.Exchange, _ access.Caller) error {
			return pages.Plain(x, http.StatusTeapot, `A <title> & more`, `<p>told</p>`)
		}}
	d, err := edge.New(edge.Config{
		Directory: site{}, Authenticator: nobody{}, Origins: nobody{}, Now: time.Now, Metrics: prometheus.NewRegistry(),
		Gate: limit.NewGate(limit.NewLimiter(limit.Config{Now: time.Now}), nil, limit.Policy{}), Log: slog.New(slog.DiscardHandler),
	}, append(pages.Routes(), told))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func get(t *testing.T, h http.Handler, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest("GET", "https://id.example"+path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// TestDocuments: every page is a document with the strict policy that knows where it lives, and all that it
// names is there.
func TestDocuments(t *testing.T) {
	t.Parallel()
	h := door(t)
	assets := regexp.MustCompile(`="([^"]*/assets/[^"]+)"`)
	for path, base := range map[string]string{
		"/": "", "/sign-in": "", "/set-up": "", "/account": "", "/account/security": "", "/admin": "", "/admin/users/u1": "",
		"/t/acme/sign-in": "/t/acme", "/t/acme/account/devices": "/t/acme",
	} {
		r := get(t, h, path)
		text := body(t, r)
		if r.StatusCode != 200 || r.Header.Get("Content-Security-Policy") != policy || r.Header.Get("Cross-Origin-Opener-Policy") != "same-origin" ||
			r.Header.Get("Cache-Control") != "no-cache" || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d, %v", path, r.StatusCode, r.Header)
		}
		if !strings.Contains(text, `data-base="`+base+`"`) || strings.Contains(text, "__") && !strings.Contains(text, "__Host-") || strings.Contains(text, `"./`) {
			t.Errorf("%s does not know where it lives:\n%s", path, text)
		}
		found := assets.FindAllStringSubmatch(text, -1)
		if len(found) < 3 {
			t.Errorf("%s names %d assets", path, len(found))
		}
		for _, m := range found {
			if !strings.HasPrefix(m[1], base+"/assets/") {
				t.Errorf("%s names %s", path, m[1])
			}
			if a := get(t, h, m[1]); a.StatusCode != 200 || a.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
				t.Errorf("%s: %d, %v", m[1], a.StatusCode, a.Header)
			}
		}
	}
}

// TestNoFallback: what is no page is answered as such, and never with a document.
// TestAccent: a document knows the colour of its tenant, and is another document with it.
func TestAccent(t *testing.T) {
	d := door(t)
	tags := map[string]bool{}
	for path, want := range map[string]string{"/t/acme/sign-in": `data-accent="#7a1fa2"`, "/t/other/sign-in": `data-accent=""`, "/account": `data-accent=""`} {
		r := get(t, d, path)
		if text := body(t, r); !strings.Contains(text, want) || !strings.Contains(text, `data-dev=""`) {
			t.Errorf("%s lacks %s", path, want)
		}
		tags[r.Header.Get("ETag")] = true
	}
	if len(tags) != 3 {
		t.Errorf("tags %v", tags)
	}
}

func TestNoFallback(t *testing.T) {
	t.Parallel()
	h := door(t)
	for _, path := range []string{
		"/api/users", "/assets/none.js", "/assets/auth.html", "/assets/..%2fauth.html", "/assets", "/.well-known/x", "/auth.html", "/app.html",
		"/sources.sha256", "/sign-in/x", "/administer", "/accounts", "/favicon.ico", "/index.html",
	} {
		if r := get(t, h, path); r.StatusCode != 404 || r.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d, %s", path, r.StatusCode, r.Header.Get("Content-Type"))
		}
	}
}

// TestTags: an unchanged answer is sent once. The tag changes with the place and with the coding.
func TestTags(t *testing.T) {
	t.Parallel()
	h := door(t)
	first := get(t, h, "/sign-in")
	tag := first.Header.Get("ETag")
	script := regexp.MustCompile(`src="(/assets/auth-[^"]+\.js)"`).FindStringSubmatch(body(t, first))[1]
	if other := get(t, h, "/t/acme/sign-in").Header.Get("ETag"); tag == "" || other == tag || strings.HasPrefix(tag, "W/") {
		t.Errorf("tags %s and %s", tag, other)
	}
	for match, want := range map[string]int{tag: 304, `"x", W/` + tag: 304, "*": 304, `"x"`: 200, "": 200, strings.Trim(tag, `"`): 200} {
		if r := get(t, h, "/sign-in", "If-None-Match", match); r.StatusCode != want {
			t.Errorf("If-None-Match %s: %d, want %d", match, r.StatusCode, want)
		}
	}

	plain := get(t, h, script)
	want := body(t, plain)
	for accept, coding := range map[string]string{
		"": "", "br": "", "gzip": "gzip", "br, gzip;q=0.5": "gzip", "gzip;q=0": "", "*": "gzip", "*;q=0": "", "gzip;q=0, *": "", "GZIP": "gzip", "gzip;q=x": "gzip",
	} {
		r := get(t, h, script, "Accept-Encoding", accept)
		b := []byte(body(t, r))
		if r.Header.Get("Content-Encoding") != coding || r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: %v", accept, r.Header)
			continue
		}
		if coding == "gzip" {
			if r.Header.Get("ETag") == plain.Header.Get("ETag") {
				t.Error("two representations have one tag")
			}
			if n := get(t, h, script, "Accept-Encoding", accept, "If-None-Match", r.Header.Get("ETag")); n.StatusCode != 304 || n.Header.Get("Content-Encoding") != "" {
				t.Errorf("unchanged: %d, %v", n.StatusCode, n.Header)
			}
			z, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if b, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		if string(b) != want {
			t.Errorf("Accept-Encoding %q: another script", accept)
		}
	}
}

// TestPlain: what the server tells is dressed like a page, and its title is text.
func TestPlain(t *testing.T) {
	t.Parallel()
	r := get(t, door(t), "/t/acme/told")
	text := body(t, r)
	if r.StatusCode != http.StatusTeapot || r.Header.Get("Content-Security-Policy") != policy || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d, %v", r.StatusCode, r.Header)
	}
	for _, want := range []string{"<title>A &lt;title&gt; &amp; more</title>", "<p>told</p>", `href="/t/acme/assets/theme-`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, "<script") {
		t.Error("a plain page has a script")
	}
}

// TestRobots: the pages of one person are not for search engines, and the sign-in page may be found.
func TestRobots(t *testing.T) {
	t.Parallel()
	text := body(t, get(t, door(t), "/robots.txt"))
	if !strings.Contains(text, "Disallow: /account\n") || strings.Contains(text, "/sign-in") || !strings.HasPrefix(text, "User-agent: *\n") {
		t.Error(text)
	}
}

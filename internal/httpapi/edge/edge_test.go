package edge_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/limit"
)

const (
	origin = "https://id.example.com"
	// hunter stands for a secret that must appear in no log line.
	hunter = "hunter2hunter2"
)

// world is a door with everything that a test may want to look at.
type world struct {
	*edge.Door
	logs    *bytes.Buffer
	metrics *prometheus.Registry
	asked   []credential.Credential // what the authenticator was asked about
	seen    []access.Caller         // who reached a handler
	dead    error                   // what the authenticator says about every credential
	down    error                   // what the directory says about every tenant
}

func (w *world) Authenticate(_ context.Context, t id.Tenant, c credential.Credential, from access.Origin) (access.Caller, error) {
	w.asked = append(w.asked, c)
	if w.dead != nil {
		return access.Caller{}, w.dead
	}
	if strings.Contains(c.Token.Reveal(), "elsewhere") {
		t = "elsewhere"
	}
	return access.Authenticated(t, access.User("alice"), access.Proof{Client: "app"}, from), nil
}

func (w *world) Listed(_ context.Context, t id.Tenant, by edge.CORS, o string) (bool, error) {
	return o == "https://"+by.String()+"."+string(t)+".example", nil
}

func (w *world) standing(_ context.Context, t id.Tenant) error {
	if t == "unknown" {
		return errs.Missing("tenant")
	}
	return w.down
}

func (w *world) handle(x *edge.Exchange, c access.Caller) error {
	w.seen = append(w.seen, c)
	return x.JSON(http.StatusOK, map[string]string{"tenant": string(x.Site.Tenant), "caller": c.Subject().String()})
}

func (w *world) routes() []edge.Route {
	r := func(method, path string, a edge.Access) edge.Route {
		name := strings.NewReplacer("/", "_", "{", "", "}", "", ".", "", "-", "_").Replace(strings.ToLower(path))
		return edge.Route{Method: method, Path: path, Name: "test." + strings.ToLower(method) + name, Access: a, Handle: w.handle}
	}
	hot := r("GET", "/hot", edge.Needs("user.read"))
	hot.Hot = true
	keys := r("GET", "/.well-known/jwks", edge.Open("keys are public"))
	keys.CORS = edge.AnyOrigin
	token := r("POST", "/token", edge.Open("the client authenticates in the body"))
	token.CORS, token.Intent = edge.ClientOrigins, limit.Token
	api := r("GET", "/api/users", edge.Needs("user.read"))
	api.CORS = edge.TenantOrigins
	apiPost := r("POST", "/api/users", edge.Needs("user.create"))
	apiPost.CORS = edge.TenantOrigins
	panics := r("GET", "/panics", edge.Open("it is only a test"))
	panics.Handle = func(*edge.Exchange, access.Caller) error { panic(hunter) }
	breaks := r("GET", "/breaks", edge.Open("it is only a test"))
	breaks.Handle = func(x *edge.Exchange, _ access.Caller) error {
		_ = x.JSON(200, 1)
		return errors.New(hunter)
	}
	client := r("POST", "/client", edge.Open("the client authenticates in the request"))
	client.Handle = func(x *edge.Exchange, _ access.Caller) error { return x.JSON(401, "invalid_client") }
	fails := r("GET", "/fails", edge.Open("it is only a test"))
	fails.Handle = func(*edge.Exchange, access.Caller) error { return errors.New("the disk is full") }
	reads := r("POST", "/reads", edge.Open("it is only a test"))
	reads.Handle = func(x *edge.Exchange, _ access.Caller) error {
		b, err := x.Body()
		if err != nil {
			return err
		}
		return x.JSON(200, len(b))
	}
	return []edge.Route{
		hot, keys, token, api, apiPost, panics, breaks, fails, reads, client,
		r("GET", "/api/users/{id}", edge.Needs("user.read")),
		r("GET", "/account", edge.Own("user.read")), r("POST", "/account", edge.Own("user.update")),
		r("GET", "/session", edge.Optional("it says whether there is a session")),
		r("POST", "/session/token", edge.InSession("the session gives out a short token")),
		r("GET", "/authorize", edge.Visitor("it changes nothing by itself")),
		r("POST", "/flow/start", edge.StartsFlow("a flow begins with nothing proved")),
		r("POST", "/flow/step", edge.InFlow("the handle of the flow is the proof")),
	}
}

func newWorld(t *testing.T, change func(*edge.Config)) *world {
	t.Helper()
	w := &world{logs: &bytes.Buffer{}, metrics: prometheus.NewRegistry()}
	dir, err := edge.NewSharedHost(origin, nil, w.standing)
	if err != nil {
		t.Fatal(err)
	}
	c := edge.Config{
		Directory: dir, Authenticator: w, Origins: w, Now: time.Now, LogOneIn: 1,
		Gate:    limit.NewGate(limit.NewLimiter(limit.Config{Now: time.Now}), nil, limit.Defaults()),
		Log:     slog.New(slog.NewJSONHandler(w.logs, nil)),
		Metrics: w.metrics,
	}
	if change != nil {
		change(&c)
	}
	if w.Door, err = edge.New(c, w.routes()); err != nil {
		t.Fatal(err)
	}
	return w
}

// do sends a request with the given header lines.
func (w *world) do(method, target, body string, lines ...string) *http.Response {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "id.example.com"
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	return rec.Result()
}

func text(resp *http.Response) string {
	b, _ := io.ReadAll(resp.Body)
	return string(b)
}

// code is the code of a problem document, or the status alone.
func code(resp *http.Response) string {
	body := text(resp)
	if _, after, ok := strings.Cut(body, `"code":"`); ok {
		c, _, _ := strings.Cut(after, `"`)
		return c
	}
	return http.StatusText(resp.StatusCode)
}

func TestEveryAnswerCarries(t *testing.T) {
	w := newWorld(t, nil)
	want := map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cross-Origin-Resource-Policy": "same-origin",
		"Strict-Transport-Security": "max-age=31536000",
	}
	for _, target := range []string{"/api/users", "/session", "/nothing", "/panics", "/fails", "/token"} {
		resp := w.do("GET", target, "")
		for name, value := range want {
			if got := resp.Header.Get(name); got != value {
				t.Errorf("%s (%d): %s is %q, want %q", target, resp.StatusCode, name, got, value)
			}
		}
		if len(resp.Header.Get("X-Request-ID")) != 26 {
			t.Errorf("%s: X-Request-ID %q", target, resp.Header.Get("X-Request-ID"))
		}
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t, nil)
	tests := []struct {
		name, method, target, body string
		lines                      []string
		status                     int
		code                       string
	}{
		{"no route", "GET", "/nothing", "", nil, 404, "not_found"},
		{"wrong method", "DELETE", "/api/users", "", nil, 405, "method_not_allowed"},
		{"preflight where there is no CORS", "OPTIONS", "/account", "", nil, 405, "method_not_allowed"},
		{"unknown host", "GET", "/session", "", []string{"Host: evil.example"}, 421, "misdirected_request"},
		{"host with another port", "GET", "/session", "", []string{"Host: id.example.com:8443"}, 421, "misdirected_request"},
		{"host with final dot", "GET", "/session", "", []string{"Host: id.example.com."}, 421, "misdirected_request"},
		{"unknown tenant", "GET", "/t/unknown/session", "", nil, 404, "not_found"},
		{"no tenant's name", "GET", "/t/UP/session", "", nil, 404, "not_found"},
		{"second address of the default tenant", "GET", "/t/default/session", "", nil, 404, "not_found"},
		{"declared body too large", "POST", "/reads", strings.Repeat("a", 64<<10+1), nil, 413, "body_too_large"},
		{"fault of ours", "GET", "/fails", "", nil, 500, "internal"},
		{"panic", "GET", "/panics", "", nil, 500, "internal"},
		{"too many cookies", "GET", "/session", "", []string{"Cookie: a=" + strings.Repeat("b", 17<<10)}, 431, "headers_too_large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp := w.do(tt.method, tt.target, tt.body, tt.lines...)
			if c := code(resp); resp.StatusCode != tt.status || c != tt.code {
				t.Errorf("%d %s, want %d %s", resp.StatusCode, c, tt.status, tt.code)
			}
			if ct := resp.Header.Get("Content-Type"); ct != "application/problem+json" {
				t.Errorf("Content-Type %q", ct)
			}
			if tt.status == 405 && resp.Header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
		})
	}
}

func TestBodyWithoutLengthIsBounded(t *testing.T) {
	w := newWorld(t, nil)
	r := httptest.NewRequest("POST", "/reads", io.LimitReader(zeros{}, 1<<20))
	r.Host, r.ContentLength = "id.example.com", -1
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	if rec.Code != 413 {
		t.Errorf("status %d, want 413", rec.Code)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

func TestTenants(t *testing.T) {
	w := newWorld(t, nil)
	for target, want := range map[string]string{
		"/session":                        "default",
		"/t/acme/session":                 "acme",
		"/.well-known/jwks":               "default",
		"/t/acme/.well-known/jwks":        "acme",
		"/.well-known/jwks/t/acme":        "acme",
		"/t/acme/api/users/t":             "",
		"/.well-known/jwks/t/acme/nested": "",
	} {
		body := text(w.do("GET", target, ""))
		if got := strings.Contains(body, `"tenant":"`+want+`"`); got != (want != "") {
			t.Errorf("%s: %s, want tenant %q", target, body, want)
		}
	}
}

// TestHalfAnAnswerIsCut: an error after the first byte cannot be told any more, so the connection
// is cut instead of leaving a document that looks whole.
func TestHalfAnAnswerIsCut(t *testing.T) {
	w := newWorld(t, nil)
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("recovered %v", p)
		}
		if strings.Count(w.logs.String(), `"msg":"request"`) != 1 {
			t.Errorf("log: %s", w.logs)
		}
	}()
	w.do("GET", "/breaks", "")
	t.Error("the answer was not cut")
}

func TestPanicIsLoggedOnce(t *testing.T) {
	w := newWorld(t, nil)
	resp := w.do("GET", "/panics", "")
	if body := text(resp); resp.StatusCode != 500 || strings.Contains(body, hunter) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if n := strings.Count(w.logs.String(), `"msg":"panic"`); n != 1 || strings.Contains(w.logs.String(), hunter) {
		t.Errorf("%d lines about the panic: %s", n, w.logs)
	}
}

func TestStoreDownIsNotAnonymous(t *testing.T) {
	w := newWorld(t, nil)
	w.dead = errs.Busy(time.Second, errors.New("no"), "store_unavailable", "Wait.")
	resp := w.do("GET", "/session", "", "Cookie: __Host-cardea-default="+opaque.New(opaque.Session))
	if resp.StatusCode != 503 || len(w.seen) != 0 || len(resp.Cookies()) != 0 {
		t.Errorf("%d, %d callers, cookies %v", resp.StatusCode, len(w.seen), resp.Cookies())
	}
	w.dead, w.down = nil, w.dead
	if resp := w.do("GET", "/session", ""); resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("directory down: %d", resp.StatusCode)
	}
}

func TestTrustedProxyGivesIDs(t *testing.T) {
	trusted := newWorld(t, func(c *edge.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	strange := newWorld(t, nil)
	for id, ok := range map[string]bool{"abc-DEF_1.23": true, "short": false, "with blank here": false, strings.Repeat("a", 65): false, "line\nbreak\n": false} {
		if got := trusted.do("GET", "/session", "", "X-Request-ID: "+id).Header.Get("X-Request-ID"); (got == id) != ok {
			t.Errorf("trusted proxy sent %q: answered %q", id, got)
		}
		if got := strange.do("GET", "/session", "", "X-Request-ID: "+id).Header.Get("X-Request-ID"); got == id {
			t.Errorf("a stranger has chosen the id %q", id)
		}
	}
}

// TestLongRoutesOutliveTheWriteTimeout: a stream is not cut by the limit for ordinary answers.
func TestLongRoutesOutliveTheWriteTimeout(t *testing.T) {
	w := newWorld(t, nil)
	long := edge.Route{
		Method: "GET", Path: "/long", Name: "test.long", Access: edge.Open("it is only a test"), Timeout: time.Minute,
		Handle: func(x *edge.Exchange, _ access.Caller) error {
			<-time.After(60 * time.Millisecond)
			x.WriteHeader(http.StatusNoContent)
			return nil
		},
	}
	s := httptest.NewUnstartedServer(nil)
	c := w.Config
	c.Metrics = prometheus.NewRegistry()
	dir, err := edge.NewSharedHost("http://"+s.Listener.Addr().String(), nil, w.standing)
	if err != nil {
		t.Fatal(err)
	}
	c.Directory = dir
	if s.Config.Handler, err = edge.New(c, []edge.Route{long}); err != nil {
		t.Fatal(err)
	}
	s.Config.WriteTimeout = 20 * time.Millisecond
	s.Start()
	defer s.Close()
	resp, err := http.Get(s.URL + "/long")
	if err != nil {
		t.Fatalf("the answer was cut: %v", err)
	}
	resp.Body.Close()
}

// TestFollowersEndWithTheServer: what is followed ends when the server is told to, and nothing else does.
func TestFollowersEndWithTheServer(t *testing.T) {
	w := newWorld(t, nil)
	serving, leave := context.WithCancel(t.Context())
	ended := map[string]error{}
	route := func(name string, follows bool) edge.Route {
		return edge.Route{
			Method: "GET", Path: "/" + name, Name: "test." + name, Access: edge.Open("it is only a test"), Timeout: time.Minute, Follows: follows,
			Handle: func(x *edge.Exchange, _ access.Caller) error {
				leave()
				if follows {
					<-x.R.Context().Done()
				}
				ended[name] = x.R.Context().Err()
				return nil
			},
		}
	}
	c := w.Config
	c.Metrics, c.Serving = prometheus.NewRegistry(), serving
	door, err := edge.New(c, []edge.Route{route("feed", true), route("page", false)})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/feed", "/page"} {
		door.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "http://id.example.com"+path, nil))
	}
	if len(ended) != 2 || !errors.Is(ended["feed"], context.Canceled) || ended["page"] != nil {
		t.Errorf("%v", ended)
	}
}

func TestPage(t *testing.T) {
	x := httptest.NewRecorder()
	w := newWorld(t, nil)
	c := w.Config
	c.Metrics = prometheus.NewRegistry()
	door, err := edge.New(c, []edge.Route{{
		Method: "GET", Path: "/page", Name: "test.page", Access: edge.Open("it is only a test"),
		Handle: func(x *edge.Exchange, _ access.Caller) error {
			x.Page(edge.PagePolicy{Nonce: "abc", FormAction: []string{"https://app.example"}})
			x.WriteHeader(200)
			return nil
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/page", nil)
	r.Host = "id.example.com"
	door.ServeHTTP(x, r)
	csp := x.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self' 'nonce-abc'", "form-action 'self' https://app.example", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the policy lacks %s: %s", want, csp)
		}
	}
	if strings.Contains(csp, "unsafe") || x.Header().Get("Cross-Origin-Opener-Policy") != "same-origin" {
		t.Errorf("headers %v", x.Header())
	}
	if first, second := edge.NewNonce(), edge.NewNonce(); first == second || len(first) < 22 {
		t.Error("nonces repeat or are short")
	}
}

// TestFurtherHosts: machines may use another name; the issuer and the origin of pages stay.
func TestFurtherHosts(t *testing.T) {
	dir, err := edge.NewSharedHost(origin, []string{"cardea.internal", "10.0.0.7", "fd00::7"}, func(context.Context, id.Tenant) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{
		"cardea.internal": true, "cardea.internal:8420": true, "10.0.0.7:8420": true, "[fd00::7]:8420": true, "[fd00::7]": true,
		"": false, "internal": false, "a.cardea.internal": false, "cardea.internal.": false, "cardea.internal:8420:1": false,
	} {
		site, err := dir.Resolve(t.Context(), host, "")
		if (err == nil) != want || err == nil && (site.Origin != origin || site.Issuer != origin) {
			t.Errorf("%q: %+v, %v", host, site, err)
		}
	}
}

package edge_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/limit"
	"github.com/prometheus/client_golang/prometheus"
)

// garbage is what attackers put into headers that proxies fill.
var garbage = []string{
	"", " ", ",", ",,,", "unknown", "_hidden", "127.0.0.1,", ",127.0.0.1", "127.0.0.1, garbage", "localhost", "evil.example",
	"999.1.1.1", "0x7f.1", "127.1", "::", "[::1", "::1]:80", "1.2.3.4:99999", "1.2.3.4 5.6.7.8", "for=127.0.0.1", "127.0.0.1\x00",
	strings.Repeat("1.1.1.1,", 2000), strings.Repeat("a", 9000), "%31", "１２７.0.0.1", "fe80::1%eth0", "\"127.0.0.1\"",
}

func TestRegress_089_GarbageFromProxies(t *testing.T) {
	w := newWorld(t, func(c *edge.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override"} {
		for _, v := range garbage {
			w.seen = nil
			resp := w.do("GET", "/api/users", "", name+": "+v)
			if resp.StatusCode != 401 || len(w.seen) != 0 {
				t.Errorf("%s: %.40q: %d", name, v, resp.StatusCode)
			}
			w.do("GET", "/session", "", name+": "+v)
			if len(w.seen) != 1 || !w.seen[0].IsAnonymous() || w.seen[0].Tenant() != "default" {
				t.Errorf("%s: %.40q: reached as %v", name, v, w.seen)
			}
		}
	}
}

func TestRegress_109_ForwardedFor(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:aaaa::/48")}
	tests := []struct {
		name    string
		trusted []netip.Prefix
		lines   []string
		want    string
	}{
		{"nobody is trusted by default", nil, []string{"203.0.113.9"}, "192.0.2.1"},
		{"one proxy", proxies, []string{"203.0.113.9"}, "203.0.113.9"},
		{"invented addresses to the left", proxies, []string{"127.0.0.1, 10.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		{"a chain of proxies", proxies, []string{"203.0.113.9, 10.2.3.4, 2001:db8:aaaa::7"}, "203.0.113.9"},
		{"several lines", proxies, []string{"127.0.0.1", "203.0.113.9, 10.2.3.4"}, "203.0.113.9"},
		{"invented line first", proxies, []string{"203.0.113.9", "198.51.100.4"}, "198.51.100.4"},
		{"only proxies", proxies, []string{"10.0.0.1, 10.0.0.2"}, "10.0.0.1"},
		{"with ports", proxies, []string{"203.0.113.9:4711, [2001:db8:aaaa::7]:443"}, "203.0.113.9"},
		{"IPv4 in IPv6", proxies, []string{"::ffff:203.0.113.9, ::ffff:10.0.0.1"}, "203.0.113.9"},
		{"garbage at the right", proxies, []string{"203.0.113.9, garbage"}, "192.0.2.1"},
		{"garbage in the middle", proxies, []string{"203.0.113.9, garbage, 10.0.0.1"}, "10.0.0.1"},
		{"empty entry", proxies, []string{"203.0.113.9,"}, "192.0.2.1"},
		{"none", proxies, nil, "192.0.2.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, func(c *edge.Config) { c.TrustedProxies = tt.trusted })
			lines := make([]string, len(tt.lines))
			for i, l := range tt.lines {
				lines[i] = "X-Forwarded-For: " + l
			}
			w.do("GET", "/session", "", lines...)
			if got := w.seen[0].Origin().Address; got != netip.MustParseAddr(tt.want) {
				t.Errorf("address %s, want %s", got, tt.want)
			}
		})
	}
}

// TestRegress_114_NoDNS: a name where an address belongs is never looked up; the search just ends.
func TestRegress_114_NoDNS(t *testing.T) {
	w := newWorld(t, func(c *edge.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	began := time.Now()
	for range 100 {
		w.do("GET", "/session", "", "X-Forwarded-For: name-that-would-take-a-second-to-fail.invalid")
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("100 requests took %s", d)
	}
	if got := w.seen[0].Origin().Address; got != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("address %s", got)
	}
}

func TestRegress_108_PathsThatDodge(t *testing.T) {
	w := newWorld(t, func(c *edge.Config) {
		policy := limit.Defaults()
		policy.API.Address = limit.Rule{Count: 3, Per: time.Hour}
		c.Gate = limit.NewGate(limit.NewLimiter(limit.Config{Now: time.Now}), nil, policy)
	})
	for range 3 {
		w.do("GET", "/session", "")
	}
	if resp := w.do("GET", "/session", ""); resp.StatusCode != 429 {
		t.Fatalf("the limit does not work: %d", resp.StatusCode)
	}
	for _, target := range []string{
		"//session", "/./session", "/session/", "/session//", "/%2fsession", "/%2Fsession", "/session%2f", "/x/../session", "/%2e/session",
		"/x/%2e%2e/session", "/session/.", "/session/..", "/SESSION", "/Session", "/session%00", "/session%20", "/session%5c", "/\\session",
		"/session;x=1", "/%73ession", "/session?x=1", "/session?", "/sess%69on", "///session", "/session%0a", "/session%ff", "/.//session",
	} {
		resp := w.do("GET", target, "")
		if resp.StatusCode != 404 && resp.StatusCode != 429 {
			t.Errorf("%s: %d, want 404 or the same limit", target, resp.StatusCode)
		}
		if resp.Header.Get("Location") != "" {
			t.Errorf("%s: redirected", target)
		}
	}
	if len(w.seen) != 3 {
		t.Errorf("%d requests came through", len(w.seen))
	}
}

// TestRegress_108_WildcardsTakeOneSegment: an id in a path is one segment, however it is encoded.
func TestRegress_108_WildcardsTakeOneSegment(t *testing.T) {
	w := newWorld(t, nil)
	for _, segment := range []string{"a%2fb", "a%2Fb", "%2f", ".", "..", "%2e", "%2e%2e", ".%2e", "a/", "a%5cb", "a%00", "a%0d%0a", "%ff", "a//b", "%2fa"} {
		resp := w.do("GET", "/api/users/"+segment, "", "Authorization: Bearer abc")
		if resp.StatusCode != 404 || len(w.seen) != 0 {
			t.Errorf("%s: %d, reached %v", segment, resp.StatusCode, len(w.seen) != 0)
		}
		w.seen = nil
	}
	for _, segment := range []string{"a", "a.b", "...", "%61", "a%40b", "caf%C3%A9", "a:b"} {
		if resp := w.do("GET", "/api/users/"+segment, "", "Authorization: Bearer abc"); resp.StatusCode != 200 {
			t.Errorf("%s: %d", segment, resp.StatusCode)
		}
	}
}

// TestRegress_092_NoFraming: nothing that we answer can be framed, whatever the status.
func TestRegress_092_NoFraming(t *testing.T) {
	w := newWorld(t, nil)
	for _, target := range []string{"/session", "/nothing", "/panics", "/api/users", "//"} {
		if csp := w.do("GET", target, "").Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: %q", target, csp)
		}
	}
}

// TestRegress_090_BadCookieIsCleared: a cookie that is not ours is anonymous and cleared, and where a
// session is needed it is refused. One whose session has ended is not cleared: an answer that was under way
// while the session got a new secret would clear its successor.
func TestRegress_090_BadCookieIsCleared(t *testing.T) {
	live := opaque.New(opaque.Session)
	for _, tt := range []struct {
		name, target, cookie string
		dead                 bool
		status               int
		anonymous, cleared   bool
	}{
		{"live", "/session", live, false, 200, false, false},
		{"malformed", "/session", live[:20], false, 200, true, true},
		{"empty", "/session", "", false, 200, true, true},
		{"another kind of token", "/session", opaque.New(opaque.RefreshToken), false, 200, true, true},
		{"ended", "/session", live, true, 200, true, false},
		{"malformed where one is needed", "/account", live[:20], false, 401, true, true},
		{"ended where one is needed", "/account", live, true, 401, true, false},
		{"never read", "/api/users", live, false, 401, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, nil)
			if tt.dead {
				w.dead = errs.New(errs.Unauthenticated, "session_expired", "Your session has ended.")
			}
			resp := w.do("GET", tt.target, "", "Cookie: __Host-cardea-default="+tt.cookie)
			if resp.StatusCode != tt.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.status)
			}
			if reached := len(w.seen) == 1; reached && w.seen[0].IsAnonymous() != tt.anonymous {
				t.Errorf("reached as %s", w.seen[0].Subject())
			}
			cleared := false
			for _, c := range resp.Cookies() {
				cleared = cleared || c.Name == "__Host-cardea-default" && c.MaxAge < 0
			}
			if cleared != tt.cleared {
				t.Errorf("cleared: %v, want %v", cleared, tt.cleared)
			}
		})
	}
}

// TestCookieTable is the table of cookies, CSRF and CORS: who reads cookies, and what a write needs.
func TestCookieTable(t *testing.T) {
	session := opaque.New(opaque.Session)
	flow := opaque.New(opaque.Flow)
	cookies := "Cookie: __Host-cardea-default=" + session + "; __Host-cardea-default.flow=" + flow
	sessionToken := "X-CSRF-Token: " + credential.CSRFToken(secret.New(session))
	flowToken := "X-CSRF-Token: " + credential.CSRFToken(secret.New(flow))
	const same, cross = "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"
	tests := []struct {
		method, target string
		lines          []string
		status         int
		caller         string
	}{
		{"GET", "/api/users", []string{cookies, same}, 401, ""},
		{"POST", "/api/users", []string{cookies, same, sessionToken}, 401, ""},
		{"POST", "/token", []string{cookies, cross}, 200, "anonymous"},
		{"GET", "/authorize", []string{cookies, cross}, 200, "user:alice"},
		{"GET", "/account", []string{cookies, cross}, 200, "user:alice"},
		{"POST", "/account", []string{cookies, same, sessionToken}, 200, "user:alice"},
		{"POST", "/account", []string{cookies, same, flowToken}, 403, ""},
		{"POST", "/account", []string{cookies, same}, 403, ""},
		{"POST", "/account", []string{cookies, cross, sessionToken}, 403, ""},
		{"POST", "/account", []string{cookies, sessionToken}, 403, ""},
		{"POST", "/account", []string{cookies, "Authorization: Bearer abc"}, 200, "user:alice"},
		{"POST", "/account", []string{cookies, "Authorization: Basic abc", same, sessionToken}, 401, ""},
		{"POST", "/session/token", []string{cookies, same, sessionToken}, 200, "user:alice"},
		{"POST", "/session/token", []string{"Authorization: Bearer abc"}, 401, ""},
		{"POST", "/flow/start", []string{same}, 200, "anonymous"},
		{"POST", "/flow/start", []string{cross}, 403, ""},
		{"POST", "/flow/start", nil, 403, ""},
		{"POST", "/flow/step", []string{cookies, same, flowToken}, 200, "user:alice"},
		{"POST", "/flow/step", []string{cookies, same, sessionToken}, 403, ""},
		{"POST", "/flow/step", []string{same, flowToken}, 403, ""},
		{"GET", "/session", nil, 200, "anonymous"},
		{"GET", "/session", []string{"Authorization: Bearer elsewhere"}, 401, ""},
	}
	for _, tt := range tests {
		w := newWorld(t, nil)
		resp := w.do(tt.method, tt.target, "", tt.lines...)
		caller := ""
		if len(w.seen) == 1 {
			caller = w.seen[0].Subject().String()
		}
		if resp.StatusCode != tt.status || caller != tt.caller {
			t.Errorf("%s %s %q: %d as %q, want %d as %q", tt.method, tt.target, tt.lines, resp.StatusCode, caller, tt.status, tt.caller)
		}
		if tt.status == 401 && resp.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s %s: 401 without WWW-Authenticate", tt.method, tt.target)
		}
	}
}

func TestCSRFTokenInAForm(t *testing.T) {
	w := newWorld(t, nil)
	session := opaque.New(opaque.Session)
	lines := []string{"Cookie: __Host-cardea-default=" + session, "Sec-Fetch-Site: same-origin", "Content-Type: application/x-www-form-urlencoded"}
	good := "a=b&csrf_token=" + credential.CSRFToken(secret.New(session))
	for body, want := range map[string]int{good: 200, "a=b": 403, good + "&csrf_token=x": 400, "csrf_token=%zz": 400} {
		if resp := w.do("POST", "/account", body, lines...); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", body, resp.StatusCode, want)
		}
	}
}

func TestRegress_142_CORS(t *testing.T) {
	w := newWorld(t, nil)
	tests := []struct {
		method, target, origin, want string
	}{
		{"GET", "/.well-known/jwks", "https://any.example", "*"},
		{"POST", "/token", "https://clients.default.example", "https://clients.default.example"},
		{"POST", "/token", "https://tenant.default.example", ""},
		{"POST", "/token", "https://evil.example", ""},
		{"POST", "/token", "null", ""},
		{"POST", "/t/acme/token", "https://clients.default.example", ""},
		{"GET", "/api/users", "https://tenant.default.example", "https://tenant.default.example"},
		{"GET", "/api/users", "https://clients.default.example", ""},
		{"GET", "/account", "https://tenant.default.example", ""},
		{"OPTIONS", "/token", "https://clients.default.example", "https://clients.default.example"},
		{"OPTIONS", "/token", "https://evil.example", ""},
	}
	for _, tt := range tests {
		resp := w.do(tt.method, tt.target, "", "Origin: "+tt.origin)
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != tt.want {
			t.Errorf("%s %s from %s: allowed %q, want %q", tt.method, tt.target, tt.origin, got, tt.want)
		}
		if resp.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s %s: credentials are allowed", tt.method, tt.target)
		}
		vary := ""
		if tt.method == "GET" && tt.want != "*" && tt.target != "/account" { // nothing else is kept by a cache
			vary = "Origin"
		}
		if got := resp.Header.Get("Vary"); got != vary {
			t.Errorf("%s %s: Vary %q, want %q", tt.method, tt.target, got, vary)
		}
	}
	pre := w.do("OPTIONS", "/api/users", "", "Origin: https://tenant.default.example", "Access-Control-Request-Method: POST")
	if pre.StatusCode != 204 || pre.Header.Get("Access-Control-Allow-Methods") != "GET, POST" {
		t.Errorf("preflight: %d %v", pre.StatusCode, pre.Header)
	}
	two := w.do("GET", "/api/users", "", "Origin: https://tenant.default.example", "Origin: https://evil.example")
	if two.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("two origins were accepted")
	}
}

// TestRegress_131_DefaultDeny: a door cannot be built from a route that nobody has thought about.
func TestRegress_131_DefaultDeny(t *testing.T) {
	w := newWorld(t, nil)
	good := edge.Route{Method: "GET", Path: "/x", Name: "x.read", Access: edge.Needs("x.read"), Handle: w.handle}
	for name, change := range map[string]func(*edge.Route){
		"no access":              func(r *edge.Route) { r.Access = edge.Access{} },
		"no permission":          func(r *edge.Route) { r.Access = edge.Needs("") },
		"open without a reason":  func(r *edge.Route) { r.Access = edge.Open("") },
		"no handler":             func(r *edge.Route) { r.Handle = nil },
		"no name":                func(r *edge.Route) { r.Name = "" },
		"all methods":            func(r *edge.Route) { r.Method = "" },
		"final slash":            func(r *edge.Route) { r.Path = "/x/" },
		"catch-all":              func(r *edge.Route) { r.Path = "/{all...}" },
		"in the way of tenants":  func(r *edge.Route) { r.Path = "/t/x" },
		"cookies over origins":   func(r *edge.Route) { r.Access, r.CORS = edge.Own("x.read"), edge.TenantOrigins },
		"a second route like it": func(r *edge.Route) { r.Method, r.Path, r.Name = "GET", "/x", "x.read" },
	} {
		bad := good
		bad.Path, bad.Name = "/y", "y.read"
		change(&bad)
		c := w.Config
		c.Metrics = prometheus.NewRegistry()
		if _, err := edge.New(c, []edge.Route{good, bad}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestRegress_145_LogInjection: what strangers send cannot make or disguise lines.
func TestRegress_145_LogInjection(t *testing.T) {
	w := newWorld(t, nil)
	for _, evil := range []string{"a\r\n{\"msg\":\"forged\"}", "\x1b[2J", "\u202eevil", "\u0085\u2028", "\xff"} {
		w.do("GET", "/session", "", "User-Agent: "+evil)
	}
	w.do("GET", "/nothing/%0d%0a%1b%5b2J%e2%80%ae", "")
	lines := strings.Split(strings.TrimSpace(w.logs.String()), "\n")
	if len(lines) != 6 {
		t.Fatalf("%d lines: %s", len(lines), w.logs)
	}
	for _, l := range lines {
		for _, c := range l {
			if c < ' ' || c > 0x7e && c != '…' {
				t.Errorf("%U in %s", c, l)
			}
		}
	}
}

// TestRegress_146_NoSecretsInLogs: wherever a secret stands in a request, it is in no line and no metric.
func TestRegress_146_NoSecretsInLogs(t *testing.T) {
	w := newWorld(t, nil)
	token := opaque.New(opaque.Session)
	for _, target := range []string{"/session?token=" + hunter, "/nothing/" + token, "/fails?code=" + hunter, "/api/users/" + token} {
		w.do("GET", target, "", "Cookie: __Host-cardea-default="+token, "Referer: https://x/?"+hunter)
		w.do("GET", target, "", "Authorization: Bearer "+token, "X-Secret: "+hunter)
		w.do("POST", target, "password="+hunter, "X-API-Key: "+token)
	}
	families, err := w.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if all := w.logs.String() + fmt.Sprint(families); strings.Contains(all, hunter) || strings.Contains(all, token[:30]) {
		t.Errorf("a secret is in %s", all)
	}
	if !strings.Contains(w.logs.String(), `"cause":"the disk is full"`) {
		t.Error("the cause of a 500 is not in the log")
	}
}

func TestMetricsAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	series := func() (n int) {
		families, err := w.metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			n += len(f.GetMetric())
		}
		return n
	}
	if n := series(); n != 1 { // of failures
		t.Errorf("%d series before anything was asked", n)
	}
	visit := func(from, to int) {
		for i := from; i < to; i++ {
			w.do("GET", fmt.Sprintf("/t/tenant-%d/api/users/%d", i, i), "", fmt.Sprintf("Authorization: Bearer t%d", i))
			w.do("GET", fmt.Sprintf("/nothing-%d", i), "")
			w.do(fmt.Sprintf("M%d", i), "/session", "")
		}
	}
	visit(0, 1)
	before := series()
	visit(1, 200)
	if after := series(); after != before {
		t.Errorf("%d series became %d", before, after)
	}
}

// TestFailuresAreCounted: from none at the start, so that the first of them shows in a rate; what callers do
// wrong is not among them.
func TestFailuresAreCounted(t *testing.T) {
	w := newWorld(t, nil)
	for i, target := range []string{"", "/api/users", "/nothing", "/fails", "/panics", "/fails"} {
		if target != "" {
			w.do("GET", target, "")
		}
		families, err := w.metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := -1.0
		for _, f := range families {
			if f.GetName() == "cardea_http_failures_total" {
				got = f.GetMetric()[0].GetCounter().GetValue()
			}
		}
		if want := float64(max(0, i-2)); got != want {
			t.Errorf("after %q: %v failures, want %v", target, got, want)
		}
	}
}

func TestRefusedCredentialsAreLimited(t *testing.T) {
	w := newWorld(t, func(c *edge.Config) {
		policy := limit.Defaults()
		policy.Credential.Address = limit.Rule{Count: 5, Per: time.Minute}
		c.Gate = limit.NewGate(limit.NewLimiter(limit.Config{Now: time.Now}), nil, policy)
	})
	w.dead = errs.New(errs.Unauthenticated, "token_invalid", "It is not valid.")
	for range 5 {
		if resp := w.do("GET", "/api/users", "", "Authorization: Bearer guess"); resp.StatusCode != 401 {
			t.Fatalf("status %d", resp.StatusCode)
		}
	}
	asked := len(w.asked)
	resp := w.do("GET", "/api/users", "", "Authorization: Bearer guess")
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "60" || len(w.asked) != asked {
		t.Errorf("%d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	if got := resp.Header.Get("RateLimit"); got != `"credential-address";r=0;t=60` {
		t.Errorf("RateLimit %s", got)
	}
	if got := resp.Header.Get("RateLimit-Policy"); got != `"credential-address";q=5;w=60` {
		t.Errorf("RateLimit-Policy %s", got)
	}
	if resp := w.do("GET", "/session", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("a stranger without a credential: %d", resp.StatusCode)
	}
}

// TestGuessesAtEndpointsAreLimited: an endpoint that reads secrets itself is protected too.
func TestGuessesAtEndpointsAreLimited(t *testing.T) {
	w := newWorld(t, func(c *edge.Config) {
		policy := limit.Defaults()
		policy.Credential.Address = limit.Rule{Count: 5, Per: time.Minute}
		c.Gate = limit.NewGate(limit.NewLimiter(limit.Config{Now: time.Now}), nil, policy)
	})
	for i := range 7 {
		want := 401
		if i >= 5 {
			want = 429
		}
		if resp := w.do("POST", "/client", "", "Authorization: Basic YTpi"); resp.StatusCode != want {
			t.Errorf("guess %d: %d, want %d", i+1, resp.StatusCode, want)
		}
	}
	for _, target := range []string{"/.well-known/jwks", "/session", "/authorize"} {
		if resp := w.do("GET", target, ""); resp.StatusCode != 200 {
			t.Errorf("%s without a credential: %d", target, resp.StatusCode)
		}
	}
}

func TestHotSuccessesAreSampled(t *testing.T) {
	w := newWorld(t, func(c *edge.Config) { c.LogOneIn = 10 })
	for range 30 {
		w.do("GET", "/hot", "", "Authorization: Bearer abc")
	}
	if n := strings.Count(w.logs.String(), "\n"); n != 3 {
		t.Errorf("%d lines for 30 successes, want 3", n)
	}
	w.logs.Reset()
	for range 30 {
		w.do("GET", "/hot", "")
	}
	if n := strings.Count(w.logs.String(), "\n"); n != 30 {
		t.Errorf("%d lines for 30 refusals, want 30", n)
	}
}

package clients_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea"
)

// sdk is a service in the test that is protected with the SDK against the real server. now is its clock,
// nil for the machine's.
func (w *world) sdk(t testing.TB, now func() time.Time, protect func(*cardea.Client) func(http.Handler) http.Handler) *httptest.Server {
	t.Helper()
	c, err := cardea.New(t.Context(), cardea.Config{
		Issuer: w.server.issuer, Audience: audience, ClientID: w.asAPI.id, ClientSecret: cardea.Secret(w.asAPI.secret), Now: now,
		HTTPClient: w.server.http,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	service := httptest.NewServer(protect(c)(ok))
	t.Cleanup(service.Close)
	return service
}

// bearer asks a service with a token.
func bearer(t testing.TB, service *httptest.Server, token string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, service.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	a, err := send(http.DefaultClient, r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// wantChecks asks about a user by command, each question as "action resource": so is permitted, or else it is denied
// for want of that very permission. An end point that needs several asks the same questions.
func (w *world) wantChecks(t testing.TB, u user, want map[string]bool) {
	t.Helper()
	for question, allow := range want {
		action, resource, _ := strings.Cut(question, " ")
		r := w.server.check(t, "user:"+u.email, action, resource, "--json")
		var said struct {
			Decision bool
			Missing  []string
		}
		if err := json.Unmarshal([]byte(r.stdout), &said); err != nil || said.Decision != allow || (r.code == 0) != allow {
			t.Errorf("%s by command: %s", question, r)
		}
		if !allow && !slices.Equal(said.Missing, []string{action}) {
			t.Errorf("%s by command is for want of %v", question, said.Missing)
		}
	}
}

// TestE2_AllOfByCommandAndRequest: an end point needs two permissions, the caller has one; 403 names the other, and
// so does the command.
func TestE2_AllOfByCommandAndRequest(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	service := w.sdk(t, nil, func(c *cardea.Client) func(http.Handler) http.Handler {
		return c.RequirePermissions("e2posts:read", "e2users:delete")
	})
	p, bob := w.webParty(t, "bob@e2.example")
	w.server.cli(t, "role", "create", "e2-editor", "--permission", "e2posts:read")
	w.server.cli(t, "role", "assign", "e2-editor", bob.email)
	token := p.login(w.server.browser(t, bob)).AccessToken
	if a := bearer(t, service, token); a.status != http.StatusForbidden || a.refusal() != "permission_missing" || !strings.Contains(string(a.body), `"permission":"e2users:delete"`) {
		t.Errorf("one of two: %s", a)
	}
	w.wantChecks(t, bob, map[string]bool{"e2posts:read blog:1": true, "e2users:delete blog:1": false})
	w.server.cli(t, "role", "update", "e2-editor", "--add", "e2users:delete")
	if a := bearer(t, service, token); a.status != http.StatusNoContent {
		t.Errorf("both: %s", a)
	}
	w.wantChecks(t, bob, map[string]bool{"e2posts:read blog:1": true, "e2users:delete blog:1": true})
}

// TestE3_StaleRoleByCommandAndRequest: a role is taken away while the token of before is still good; the next call
// is refused, and the next command denies.
func TestE3_StaleRoleByCommandAndRequest(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	service := w.sdk(t, nil, func(c *cardea.Client) func(http.Handler) http.Handler {
		return c.RequireAnyRole("e3-admin", "e3-owner")
	})
	p, alice := w.webParty(t, "alice@e3.example")
	w.server.cli(t, "role", "create", "e3-admin", "--permission", "e3:anything")
	w.server.cli(t, "role", "create", "e3-owner", "--permission", "e3:anything")
	w.server.cli(t, "role", "assign", "e3-admin", alice.email)
	token := p.login(w.server.browser(t, alice)).AccessToken
	if a := bearer(t, service, token); a.status != http.StatusNoContent {
		t.Fatalf("with the role: %s", a)
	}
	w.wantChecks(t, alice, map[string]bool{"assignee role:e3-admin": true, "assignee role:e3-owner": false, "e3:anything blog:1": true})
	w.server.cli(t, "role", "unassign", "e3-admin", alice.email)
	if a := bearer(t, service, token); a.status != http.StatusForbidden || a.refusal() != "permission_missing" {
		t.Errorf("at the next call: %s", a)
	}
	w.wantChecks(t, alice, map[string]bool{"assignee role:e3-admin": false, "assignee role:e3-owner": false, "e3:anything blog:1": false})
	if a := bearer(t, service, ""); a.status != http.StatusUnauthorized {
		t.Errorf("without a token: %s", a)
	}
}

// TestE16_OwnershipOverHTTP: what somebody made, that person and an administrator may delete, another
// user may not, and a stranger is not known. The example API deletes where the story updates.
func TestE16_OwnershipOverHTTP(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, author := w.webParty(t, "author@e16.example")
	other, admin := w.server.addUser(t, "other@e16.example"), w.server.addUser(t, "admin@e16.example")
	w.server.cli(t, "role", "create", "e16-admin", "--permission", "invoice:delete")
	w.server.cli(t, "role", "assign", "e16-admin", admin.email)
	byAuthor, byOther, byAdmin := p.login(w.server.browser(t, author)), p.login(w.server.browser(t, other)), p.login(w.server.browser(t, admin))
	newInvoice := func() string {
		a := w.must(t, "POST", "/invoices", byAuthor.AccessToken, `{"cents":500}`)
		if a.status != http.StatusCreated {
			t.Fatalf("making an invoice: %s", a)
		}
		return a.header.Get("Location")
	}
	for _, c := range []struct {
		who, token string
		status     int
		code       string
	}{
		{"a stranger", "", http.StatusUnauthorized, "token_missing"},
		{"another user", byOther.AccessToken, http.StatusForbidden, "permission_missing"},
		{"the author", byAuthor.AccessToken, http.StatusNoContent, ""},
		{"an administrator", byAdmin.AccessToken, http.StatusNoContent, ""},
	} {
		if a := w.must(t, "DELETE", newInvoice(), c.token, ""); a.status != c.status || a.refusal() != c.code {
			t.Errorf("%s: %s", c.who, a)
		}
	}
}

// TestE18_TypesOverHTTP: nothing but an access token for that very service is one, at the example API
// and at Cardea itself; a session of another tenant is none here.
func TestE18_TypesOverHTTP(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	s := w.server
	p, u := w.webParty(t, "types@e18.example")
	b := s.browser(t, u)
	got := p.login(b)
	forItself := s.newParty(t, s.addApp(t, "web", scopes("openid")...), "openid").login(s.browser(t, u))
	if a := w.must(t, "GET", "/me", got.AccessToken, ""); a.status != http.StatusOK {
		t.Fatalf("the access token: %s", a)
	}
	for what, token := range map[string]string{
		"a refresh token": got.RefreshToken, "an id token": got.rawID, "the session": b.session(), "a token for Cardea itself": forItself.AccessToken,
		"a changed token": got.AccessToken[:len(got.AccessToken)-4] + "AAAA", "no token at all": "hello",
	} {
		if a := w.must(t, "GET", "/me", token, ""); a.status != http.StatusUnauthorized || a.refusal() != "token_invalid" {
			t.Errorf("%s at the API: %s", what, a)
		}
		if what == "a token for Cardea itself" {
			continue
		}
		for _, path := range []string{"/oauth/userinfo", "/session"} {
			if a := s.with(t, "GET", path, "Authorization", "Bearer "+token); a.status != http.StatusUnauthorized || a.refusal() != "token_invalid" {
				t.Errorf("%s at %s: %s", what, path, a)
			}
		}
	}
	elsewhere := s.serviceToken(t, s.addApp(t, "service", "--audience", audience))
	if a := s.with(t, "GET", "/session", "Authorization", "Bearer "+elsewhere); a.status != http.StatusUnauthorized || a.refusal() != "token_invalid" {
		t.Errorf("a token for the API at Cardea itself: %s", a)
	}
	s.cli(t, "tenant", "add", "e18")
	other := s.browser(t, u)
	other.cookies["__Host-cardea-e18"] = b.session()
	other.csrf = b.csrf
	if a := other.post("/t/e18/session/token", nil); a.status != http.StatusUnauthorized {
		t.Errorf("a session of another tenant: %s", a)
	}
	if a := s.with(t, "GET", "/t/e18/session", "Authorization", "Bearer "+forItself.AccessToken); a.status != http.StatusUnauthorized {
		t.Errorf("a token of another tenant: %s", a)
	}
}

// TestE20_OneUserByAnyCredential asks one route who is there, by every credential that is accepted.
func TestE20_OneUserByAnyCredential(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server
	u := s.addUser(t, "any@e20.example")
	b := s.browser(t, u).signIn()
	token := func(format string) string {
		return s.newParty(t, s.addApp(t, "web", append(scopes("openid"), "--access-token", format)...), "openid").login(b).AccessToken
	}
	var key struct{ Key string }
	s.ask(t, &key, "apikey", "create", u.email, "e20")
	for what, header := range map[string][2]string{
		"JWT":               {"Authorization", "Bearer " + token("jwt")},
		"opaque token":      {"Authorization", "Bearer " + token("opaque")},
		"API key":           {"X-API-Key", key.Key},
		"API key as bearer": {"Authorization", "Bearer " + key.Key},
		"cookie":            {"Cookie", sessionCookie + "default=" + b.session()},
	} {
		var m me
		if a := s.with(t, "GET", "/session", header[0], header[1]); a.status != http.StatusOK {
			t.Errorf("%s: %s", what, a)
		} else if a.read(t, &m); !m.Authenticated || m.User.ID != u.id {
			t.Errorf("%s: %+v", what, m)
		}
	}
	// A header wins over the cookie, and a bad one is refused, never replaced by it.
	r := b.request("GET", "/session", nil)
	r.Header.Set("Authorization", "Bearer nonsense")
	if a := b.do(r); a.status != http.StatusUnauthorized || a.refusal() != "token_invalid" {
		t.Errorf("a bad header beside a good cookie: %s", a)
	}
	// What is not offered is refused, not passed over: nobody believes in a binding that is not checked.
	for what, header := range map[string][2]string{
		"DPoP":                       {"Authorization", "DPoP " + token("opaque")},
		"a DPoP proof beside bearer": {"Authorization", "Bearer " + token("jwt")},
		"a DPoP proof beside cookie": {"Cookie", sessionCookie + "default=" + b.session()},
	} {
		r := b.request("GET", "/session", nil)
		r.Header = http.Header{header[0]: {header[1]}, "Dpop": {"a.b.c"}}
		for _, path := range []string{"/session", "/oauth/userinfo"} {
			r.URL.Path = path
			if a := s.send(t, r); a.status != http.StatusUnauthorized || a.refusal() != "token_invalid" {
				t.Errorf("%s at %s: %s", what, path, a)
			}
		}
	}
	service := s.addApp(t, "service")
	r = b.request("POST", "/oauth/token", nil)
	r.Header = http.Header{"Dpop": {"a.b.c"}}
	r.SetBasicAuth(service.id, service.secret)
	if a := s.send(t, r); a.status != http.StatusBadRequest || a.refusal() != "invalid_request" {
		t.Errorf("a DPoP proof at the token end point: %s", a)
	}
	// By cookie a write needs the CSRF token; see TestWritesByCookieNeedTheToken.
	r = b.request("DELETE", "/session", nil)
	r.Header.Del("X-CSRF-Token")
	if a := b.do(r); a.status != http.StatusForbidden || a.refusal() != "csrf_failed" {
		t.Errorf("a write by cookie alone: %s", a)
	}
}

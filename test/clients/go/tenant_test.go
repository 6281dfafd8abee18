package clients_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// admin is somebody who administers the tenant, with a token for the management API.
func (s *server) admin(t testing.TB, email string) string {
	t.Helper()
	u := s.addUser(t, email)
	s.cli(t, "role", "assign", "cardea:admin", u.email)
	var got struct {
		Token string `json:"access_token"`
	}
	b := s.browser(t, u).signIn()
	if a := b.post("/session/token", nil); a.status != http.StatusOK {
		t.Fatalf("a token for the own API: %s", a)
	} else {
		a.read(t, &got)
	}
	return got.Token
}

// change sends JSON to the management API.
func (s *server) change(t testing.TB, method, path, token, body string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.issuer+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	return s.send(t, r)
}

// TestAnotherTenantIsAnIssuer: a tenant at /t/NAME is an issuer of its own to go-oidc, with users,
// applications and keys of its own.
func TestAnotherTenantIsAnIssuer(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server
	acme := s.newTenant(t, "acme")
	u := acme.addUser(t, "ada@acme.example")
	p := acme.newParty(t, acme.addApp(t, "web", scopes("openid", "email")...), "openid", "email")
	got := p.login(acme.browser(t, u))
	if got.id.Issuer != s.origin+"/t/acme" || got.id.Subject != u.id {
		t.Errorf("id token of %s by %s", got.id.Subject, got.id.Issuer)
	}
	if a := acme.with(t, "GET", "/oauth/userinfo", "Authorization", "Bearer "+got.AccessToken); a.status != http.StatusOK {
		t.Errorf("at home: %s", a)
	}
	if a := s.with(t, "GET", "/oauth/userinfo", "Authorization", "Bearer "+got.AccessToken); a.status != http.StatusUnauthorized {
		t.Errorf("in the default tenant: %s", a)
	}
	// The other form of the address of the metadata (RFC 8414, section 3.1).
	both := s.with(t, "GET", "/.well-known/oauth-authorization-server/t/acme", "", "")
	mine := acme.with(t, "GET", "/.well-known/oauth-authorization-server", "", "")
	if both.status != http.StatusOK || string(both.body) != string(mine.body) {
		t.Errorf("the two forms of metadata differ: %s and %s", both, mine)
	}
	if a := s.browser(t, u).try(); a.status != http.StatusUnauthorized {
		t.Errorf("its user in the default tenant: %s", a)
	}
	stranger := s.browser(t, user{})
	if a := stranger.get(p.request()[len("/t/acme"):]); a.status != http.StatusBadRequest || a.header.Get("Location") != "" {
		t.Errorf("its application in the default tenant: %s", a)
	}
}

// TestE10_AfterTheGraceOverHTTP: once the grace is over, the token before the newest one is a stolen one
// as well. The tenant's administrator has made the grace short.
func TestE10_AfterTheGraceOverHTTP(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server.newTenant(t, "grace")
	admin := s.admin(t, "admin@grace.example")
	set := func(seconds string) {
		t.Helper()
		if a := s.change(t, "PATCH", "/api/tenant/settings", admin, `{"refresh_grace":`+seconds+`}`); a.status != http.StatusOK {
			t.Fatalf("changing the settings: %s", a)
		}
	}
	p := s.newParty(t, s.addApp(t, "web", scopes("openid")...), "openid")
	b := s.browser(t, s.addUser(t, "late@grace.example"))
	for _, c := range []struct {
		grace string
		wait  time.Duration
	}{{"1", time.Second + 100*time.Millisecond}, {"-1", 0}} {
		set(c.grace)
		v1 := p.login(b, oauth2.SetAuthURLParam("prompt", "login"))
		v2 := p.mustRefresh(t, v1.RefreshToken)
		<-time.After(c.wait)
		if _, err := p.refresh(t, v1.RefreshToken); !refusedWith(err, "invalid_grant") {
			t.Errorf("grace %s: the old token: %v", c.grace, err)
		}
		if _, err := p.refresh(t, v2.RefreshToken); !refusedWith(err, "invalid_grant") {
			t.Errorf("grace %s: the family is still alive: %v", c.grace, err)
		}
	}
	if a := s.change(t, "PATCH", "/api/tenant/settings", admin, `{"refresh_grace":61}`); a.status != http.StatusBadRequest && a.status != http.StatusUnprocessableEntity {
		t.Errorf("a grace that is too long: %s", a)
	}
}

// TestE12_AfterATrustedProxyOnly: a proxy that the operator has named speaks for its clients, each of
// which is counted by itself; nobody else does.
func TestE12_AfterATrustedProxyOnly(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{env: []string{"CARDEA_SERVER_TRUSTED_PROXIES=127.0.20.1/32"}})
	u := s.addUser(t, "proxied@e12.example")
	as := func(u user, from, forwarded string) answer {
		b := s.browserAt(t, u, from)
		b.begin(map[string]string{"kind": "sign_in"})
		r := b.request(http.MethodPost, "/flow/password", map[string]string{"email": u.email, "password": "not-the-password"})
		r.Header.Set("X-Forwarded-For", forwarded)
		return b.do(r)
	}
	try := func(from, forwarded string) answer { return as(u, from, forwarded) }
	for i := range 4 {
		if a := try("127.0.20.1", "198.51.100.7, 192.0.2.1"); a.status != http.StatusUnauthorized {
			t.Fatalf("failure %d: %s", i+1, a)
		}
	}
	// Another client of the proxy has failed less often; its fifth failure of the account locks that,
	// but its own limit is not used up.
	if a := try("127.0.20.1", "192.0.2.2"); a.status != http.StatusUnauthorized {
		t.Errorf("another client of the proxy: %s", a)
	}
	if a := try("127.0.20.1", "192.0.2.3"); a.status != http.StatusTooManyRequests || a.waits(t) > 60 {
		t.Errorf("the account waits a minute by now: %s", a)
	}
	s.cli(t, "user", "unlock", u.email)
	if a := try("127.0.20.1", "203.0.113.9, 192.0.2.1"); a.status != http.StatusUnauthorized {
		t.Errorf("the first client's fifth: %s", a)
	}
	if a := try("127.0.20.1", "203.0.113.10, 192.0.2.1"); a.status != http.StatusTooManyRequests || a.waits(t) < 400 {
		t.Errorf("the first client's sixth: %s", a)
	}
	// Whoever is no proxy is counted by the address from which it comes, whatever it says.
	other := user{email: "direct@e12.example"}
	for i := range 5 {
		if a := as(other, "127.0.20.2", fmt.Sprintf("192.0.2.%d", i+4)); a.status != http.StatusUnauthorized {
			t.Errorf("no proxy, failure %d: %s", i+1, a)
		}
	}
	if a := as(other, "127.0.20.2", "192.0.2.9"); a.status != http.StatusTooManyRequests || a.waits(t) < 400 {
		t.Errorf("no proxy, the sixth: %s", a)
	}
}

package clients_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// TestE19_FixationOverHTTP: the session is another one after each new proof, and the old one is dead.
func TestE19_FixationOverHTTP(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, u := w.webParty(t, "fixed@session.example")
	b := w.server.browser(t, u)
	b.cookies[sessionCookie+"default"] = "cds_planted-by-an-attacker"
	if m := b.me(); m.Authenticated {
		t.Fatal("a planted cookie is a session")
	}
	b.cookies[sessionCookie+"default"] = "cds_planted-by-an-attacker"
	b.signIn()
	first := b.clone()
	if b.session() == "" || strings.Contains(b.session(), "planted") {
		t.Fatal("the planted cookie is the session after signing in")
	}
	p.login(b, oauth2.SetAuthURLParam("prompt", "login"))
	second := b.clone()
	if second.session() == first.session() {
		t.Error("the session is the same after proving again")
	}
	if m := first.me(); m.Authenticated {
		t.Errorf("the session before is still good: %+v", m)
	}
	given, sid := p.login(b), b.me().Session.ID
	stepUp := b.begin(map[string]string{"kind": "step_up"})
	b.finish(b.enter(stepUp))
	if b.session() == second.session() {
		t.Error("the cookie is the same after stepping up")
	}
	if m := second.me(); m.Authenticated {
		t.Errorf("the cookie before stepping up is still good: %+v", m)
	}
	if m := b.me(); m.User.ID != u.id || m.Session.ID != sid {
		t.Errorf("another session, or nobody, is signed in after stepping up: %+v", m)
	}
	// Applications were given nothing that was in the cookie: what they have lives on.
	if !w.server.active(t, w.asAPI, given.AccessToken) {
		t.Error("stepping up has ended an application's access token")
	}
	next := p.mustRefresh(t, given.RefreshToken)
	const chosen = "tortoise-lantern-mountain"
	third := b.clone()
	if a := b.do(b.request("PUT", "/account/password", map[string]string{"current": password, "password": chosen})); a.status >= 300 {
		t.Fatalf("choosing a password: %s", a)
	}
	if m := b.me(); m.Session.ID != sid || third.me().Authenticated {
		t.Errorf("after the new password: %+v", m)
	}
	// A new password ends all that was given before, in this browser too; the application gets new
	// tokens of the same session without asking anybody.
	if _, err := p.refresh(t, next.RefreshToken); !refusedWith(err, "invalid_grant") || w.server.active(t, w.asAPI, next.AccessToken) {
		t.Errorf("tokens from before the new password: %v", err)
	}
	again := p.login(b, oauth2.SetAuthURLParam("prompt", "none"))
	var claims struct{ SID string }
	if err := again.id.Claims(&claims); err != nil || claims.SID != sid {
		t.Errorf("sid %q after the new password, want %q", claims.SID, sid)
	}
}

// TestRevokedDeviceStaysRevoked: offline access outlives a sign-out, but not the revocation of the
// device, however long ago that was.
func TestRevokedDeviceStaysRevoked(t *testing.T) {
	t.Parallel()
	s, jump := clocked(t, 32*24*time.Hour)
	admin := s.admin(t, "admin@device.example")
	if a := s.change(t, http.MethodPatch, "/api/tenant/settings", admin, `{"refresh_idle":7776000,"refresh_absolute":31536000}`); a.status != http.StatusOK {
		t.Fatalf("changing the settings: %s", a)
	}
	u, web := s.addUser(t, "owner@device.example"), s.addApp(t, "web", scopes("openid", "offline_access")...)
	p := s.newParty(t, web, "openid", "offline_access")
	lost, left := s.browser(t, u), s.browser(t, u)
	stolen, kept := p.login(lost).RefreshToken, p.login(left).RefreshToken
	s.cli(t, "session", "revoke", lost.me().Session.ID)
	left.get("/session")
	if a := left.do(left.request(http.MethodDelete, "/session", nil)); a.status != http.StatusNoContent {
		t.Fatalf("signing out: %s", a)
	}
	jump() // beyond the end that both sessions would have had
	if _, err := p.refresh(t, stolen); !refusedWith(err, "invalid_grant") {
		t.Errorf("the refresh token of the revoked device, a month later: %v", err)
	}
	lives, err := p.refresh(t, kept)
	if err != nil {
		t.Fatalf("offline access after signing out, a month later: %v", err)
	}
	// Signing out everywhere else reaches it all the same, though there is no session to find it by.
	here := s.browser(t, u).signIn()
	own := p.login(here).RefreshToken
	if a := here.do(here.request(http.MethodDelete, "/account/sessions", nil)); a.status != http.StatusOK {
		t.Fatalf("signing out everywhere else: %s", a)
	}
	if _, err := p.refresh(t, lives.RefreshToken); !refusedWith(err, "invalid_grant") {
		t.Errorf("offline access after signing out everywhere else: %v", err)
	}
	if s.active(t, web, lives.AccessToken) {
		t.Error("its access token is active")
	}
	if _, err := p.refresh(t, own); err != nil {
		t.Errorf("offline access given in the browser that stays: %v", err)
	}
}

// TestWritesByCookieNeedTheToken: whatever a cookie does needs the CSRF token and our own origin.
func TestWritesByCookieNeedTheToken(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server
	b := s.browser(t, s.addUser(t, "csrf@session.example")).signIn()
	for what, change := range map[string]func(http.Header){
		"no token":         func(h http.Header) { h.Del("X-CSRF-Token") },
		"another token":    func(h http.Header) { h.Set("X-CSRF-Token", strings.Repeat("A", 43)) },
		"another site":     func(h http.Header) { h.Set("Sec-Fetch-Site", "cross-site") },
		"a sibling":        func(h http.Header) { h.Set("Sec-Fetch-Site", "same-site") },
		"another origin":   func(h http.Header) { h.Set("Origin", "https://evil.example") },
		"neither metadata": func(h http.Header) { h.Del("Origin"); h.Del("Sec-Fetch-Site") },
	} {
		for _, path := range []string{"/session/token", "/oauth/authorize/resume", "/oauth/logout/confirm"} {
			r := b.request(http.MethodPost, path, map[string]string{})
			change(r.Header)
			if a := b.do(r); a.status != http.StatusForbidden || a.refusal() != "csrf_failed" {
				t.Errorf("%s at %s: %s", what, path, a)
			}
		}
	}
	if m := b.me(); !m.Authenticated {
		t.Error("a refused write has ended the session")
	}
	if a := b.post("/session/token", nil); a.status != http.StatusOK {
		t.Errorf("with everything: %s", a)
	}
}

// TestApplicationSignsOut is RP-initiated logout: with its id token the application signs the person
// out at once, without it the person is asked, and nobody is sent to an address that is not registered.
func TestApplicationSignsOut(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	const goodbye = "http://127.0.0.1:9/goodbye"
	web := w.server.addApp(t, "web", "--post-logout", goodbye)
	p := w.server.newParty(t, web, "openid")
	u := w.server.addUser(t, "logout@session.example")
	var meta struct {
		Logout string `json:"end_session_endpoint"`
	}
	if err := p.provider.Claims(&meta); err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(meta.Logout, w.server.issuer)
	ask := func(pairs ...string) string { return path + "?" + form(pairs).Encode() }

	b := w.server.browser(t, u)
	got := p.login(b)
	a := b.get(ask("id_token_hint", got.rawID, "post_logout_redirect_uri", "https://evil.example/"))
	if a.status != http.StatusBadRequest || a.header.Get("Location") != "" || !b.me().Authenticated {
		t.Errorf("an address that is not registered: %s %v", a, a.header)
	}
	a = b.get(ask("client_id", web.id, "post_logout_redirect_uri", goodbye, "state", "s1"))
	if where := a.header.Get("Location"); !strings.HasPrefix(where, w.server.issuer+"/sign-out?") || !b.me().Authenticated {
		t.Errorf("without a hint the person is not asked: %s %q", a, where)
	}
	a = b.get(ask("id_token_hint", got.rawID, "post_logout_redirect_uri", goodbye, "state", "s2"))
	if where := a.header.Get("Location"); a.status != http.StatusSeeOther || where != goodbye+"?state=s2" || b.me().Authenticated {
		t.Errorf("with a hint: %s %q", a, where)
	}
	if _, err := p.refresh(t, got.RefreshToken); !refusedWith(err, "invalid_grant") {
		t.Errorf("the refresh token of the session: %v", err)
	}

	p.login(b)
	a = b.post("/oauth/logout/confirm", map[string]string{"client_id": web.id, "post_logout_redirect_uri": goodbye, "state": "s3"})
	var next struct{ Location string }
	if a.read(t, &next); next.Location != goodbye+"?state=s3" || b.me().Authenticated {
		t.Errorf("after the person agreed: %s", a)
	}
}

// TestReturnToStaysHere: a flow goes on to a path of this server and nowhere else.
func TestReturnToStaysHere(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server
	b := s.browser(t, user{})
	for _, where := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "/\t/evil.example", "javascript:alert(1)", "account"} {
		if a := b.post("/flows", map[string]string{"kind": "sign_in", "return_to": where}); a.status != http.StatusBadRequest {
			t.Errorf("%q: %s", where, a)
		}
	}
	if f := b.begin(map[string]string{"kind": "sign_in", "return_to": "/account?" + url.QueryEscape("a=b")}); len(f.Steps) == 0 {
		t.Errorf("a path here: %+v", f)
	}
}

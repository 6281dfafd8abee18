package clients_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// request is the address of a good authorization request, changed by pairs; an empty value takes a
// parameter away.
func (p *party) request(pairs ...string) string {
	u, _ := url.Parse(p.config.AuthCodeURL("the-state", oidc.Nonce("the-nonce"), oauth2.S256ChallengeOption(theVerifier)))
	q := u.Query()
	for i := 0; i < len(pairs); i += 2 {
		if q.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			q.Del(pairs[i])
		}
	}
	u.RawQuery = q.Encode()
	return u.RequestURI()
}

const theVerifier = "a-verifier-that-is-long-enough-to-be-one-0123456789"

// TestWrongClientOrRedirectStaysHere: until client and redirect URI are known good the browser is sent
// nowhere; the person reads what is wrong here.
func TestWrongClientOrRedirectStaysHere(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server
	p := s.newParty(t, s.addApp(t, "web"), "openid")
	b := s.browser(t, s.addUser(t, "local@authorize.example")).signIn()
	for _, c := range [][]string{
		{"redirect_uri", "https://evil.example/callback"},
		{"redirect_uri", p.app.redirect + "/"},
		{"redirect_uri", p.app.redirect + "?x=1"},
		{"redirect_uri", strings.Replace(p.app.redirect, "127.0.0.1", "127.0.0.1@evil.example", 1)},
		{"redirect_uri", ""},
		{"client_id", "app_unknown"},
		{"client_id", ""},
		{"redirect_uri", "https://evil.example/callback", "prompt", "none"},
		{"redirect_uri", "javascript:alert(1)", "response_type", "token"},
	} {
		for _, accept := range []string{"text/html,application/xhtml+xml,*/*;q=0.8", "application/json"} {
			r := b.request(http.MethodGet, p.request(c...), nil)
			r.Header.Set("Accept", accept)
			a := b.do(r)
			page := strings.HasPrefix(a.header.Get("Content-Type"), "text/html") && strings.Contains(string(a.body), "<p>The ")
			if a.status != http.StatusBadRequest || a.header.Get("Location") != "" || page == (a.refusal() != "") || page != strings.HasPrefix(accept, "text/html") {
				t.Errorf("%v: %s %v", c, a, a.header)
			}
			if strings.Contains(string(a.body), "evil") {
				t.Errorf("%v: the page repeats the address: %s", c, a)
			}
		}
	}
}

// TestRefusalsGoBackToTheApplication names what is wrong to the application, with state and iss.
func TestRefusalsGoBackToTheApplication(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server
	b := s.browser(t, s.addUser(t, "back@authorize.example")).signIn()
	web, spa := s.newParty(t, s.addApp(t, "web"), "openid"), s.newParty(t, s.addApp(t, "spa"), "openid")
	for _, c := range []struct {
		want  string
		pairs []string
	}{
		{"invalid_request", []string{"code_challenge", "", "code_challenge_method", ""}},
		{"invalid_request", []string{"code_challenge_method", "plain"}},
		{"invalid_request", []string{"code_challenge_method", ""}},
		{"invalid_request", []string{"code_challenge", "short"}},
		{"unsupported_response_type", []string{"response_type", "token"}},
		{"unsupported_response_type", []string{"response_type", "code id_token"}},
		{"invalid_scope", []string{"scope", "openid invoice:read"}},
		{"invalid_target", []string{"resource", "https://other.example"}},
		{"request_not_supported", []string{"request", "e30.e30."}},
		{"consent_required", []string{"prompt", "none"}},
	} {
		for _, p := range []*party{web, spa} {
			a := b.get(p.request(c.pairs...))
			back := parameters(t, a.header.Get("Location"))
			if a.status != http.StatusSeeOther || back.Get("error") != c.want || back.Get("state") != "the-state" || back.Get("iss") != s.issuer || back.Has("code") {
				t.Errorf("%v: %s %v", c.pairs, a, back)
			}
		}
	}
	stranger := s.browser(t, user{})
	if back := parameters(t, stranger.get(web.request("prompt", "none")).header.Get("Location")); back.Get("error") != "login_required" {
		t.Errorf("prompt=none for a stranger: %v", back)
	}
}

// TestCodeIsGoodOnce: the second use of a code is refused and ends what the first gave.
func TestCodeIsGoodOnce(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, u := w.webParty(t, "once@authorize.example")
	verifier := oauth2.GenerateVerifier()
	back := w.server.browser(t, u).visit(p.config.AuthCodeURL(rand.Text(), oauth2.S256ChallengeOption(verifier)), p.app.redirect)
	first, err := p.config.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	if a := w.must(t, "GET", "/me", first.AccessToken, ""); a.status != http.StatusOK {
		t.Fatalf("the first use: %s", a)
	}
	if _, err := p.config.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(verifier)); !refusedWith(err, "invalid_grant") {
		t.Errorf("the second use: %v", err)
	}
	if w.server.active(t, w.asAPI, first.AccessToken) {
		t.Error("the access token of the first use is still good")
	}
	if _, err := p.refresh(t, first.RefreshToken); !refusedWith(err, "invalid_grant") {
		t.Errorf("the refresh token of the first use: %v", err)
	}
}

// TestCodeIsBound to its client, its redirect URI and its verifier. A wrong attempt uses it up.
func TestCodeIsBound(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, u := w.webParty(t, "bound@authorize.example")
	other := w.server.addApp(t, "web")
	b := w.server.browser(t, u)
	for _, c := range []struct {
		what  string
		as    app
		pairs []string
	}{
		{"another client", other, []string{"redirect_uri", p.app.redirect, "code_verifier", theVerifier}},
		{"another verifier", p.app, []string{"redirect_uri", p.app.redirect, "code_verifier", theVerifier + "x"}},
		{"no verifier", p.app, []string{"redirect_uri", p.app.redirect}},
		{"another redirect URI", p.app, []string{"redirect_uri", p.app.redirect + "/", "code_verifier", theVerifier}},
		{"no redirect URI", p.app, []string{"code_verifier", theVerifier}},
	} {
		back := b.visit(w.server.issuer+p.request(), p.app.redirect)
		a := w.server.post(t, c.as, "/oauth/token", append(c.pairs, "grant_type", "authorization_code", "code", back.Get("code"))...)
		if a.status != http.StatusBadRequest || a.refusal() != "invalid_grant" {
			t.Errorf("%s: %s", c.what, a)
		}
		a = w.server.post(t, p.app, "/oauth/token", "grant_type", "authorization_code", "code", back.Get("code"), "redirect_uri", p.app.redirect, "code_verifier", theVerifier)
		if a.refusal() != "invalid_grant" {
			t.Errorf("the right attempt after %s: %s", c.what, a)
		}
	}
}

// TestConsent is asked once, remembered, may be given in part or refused.
func TestConsent(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, u := w.webParty(t, "consent@authorize.example")
	b := w.server.browser(t, u)
	b.deny = true
	if back := b.visit(w.server.issuer+p.request(), p.app.redirect); back.Get("error") != "access_denied" || back.Get("state") != "the-state" || back.Get("iss") != w.server.issuer {
		t.Errorf("denied: %v", back)
	}
	b.deny, b.allow = false, []string{"openid", "invoice:read"}
	part := p.login(b)
	if scope, _ := part.Extra("scope").(string); !slices.Equal(strings.Fields(scope), b.allow) {
		t.Errorf("scope %q, want %v", scope, b.allow)
	}
	if back := parameters(t, b.get(p.request("scope", "openid invoice:read")).header.Get("Location")); back.Get("code") == "" {
		t.Errorf("what was allowed before is asked for again: %v", back)
	}
	if a := b.get(p.request()); !strings.HasPrefix(a.header.Get("Location"), w.server.issuer+"/consent?") {
		t.Errorf("more than was allowed before: %s %q", a, a.header.Get("Location"))
	}
}

// TestUserInfo is asked with JWTs and opaque tokens, and only answers with what the scope allows.
func TestUserInfo(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server
	u := s.addUser(t, "info@authorize.example", "--name", "Ines Info")
	for _, format := range []string{"jwt", "opaque"} {
		p := s.newParty(t, s.addApp(t, "web", "--access-token", format), "openid", "email")
		got := p.login(s.browser(t, u))
		if strings.Contains(got.AccessToken, ".") != (format == "jwt") {
			t.Errorf("%s token %q", format, got.AccessToken)
		}
		info, err := p.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(got.Token))
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		var more map[string]any
		if err := info.Claims(&more); err != nil {
			t.Fatal(err)
		}
		if info.Subject != u.id || info.Email != u.email || !info.EmailVerified || more["name"] != nil {
			t.Errorf("%s: %+v", format, more)
		}
	}
}

// TestTokensShowWhatTheirScopesOpen: asked who is signed in, the server tells a token no more than its
// scopes open, which is no more than user info does.
func TestTokensShowWhatTheirScopesOpen(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server
	u := s.addUser(t, "shown@authorize.example", "--name", "Sina Shown")
	b := s.browser(t, u)
	web := s.addApp(t, "web", scopes("openid", "email", "profile")...)
	show := func(header, value string) (got struct {
		User struct{ ID, Email, Name string }
	}) {
		t.Helper()
		s.with(t, "GET", "/session", header, value).read(t, &got)
		return got
	}
	for _, c := range []struct{ scope, email, name string }{
		{"openid", "", ""}, {"openid email", u.email, ""}, {"openid profile", "", "Sina Shown"},
	} {
		token := s.newParty(t, web, strings.Fields(c.scope)...).login(b).AccessToken
		if got := show("Authorization", "Bearer "+token).User; got.ID != u.id || got.Email != c.email || got.Name != c.name {
			t.Errorf("%s shows %+v", c.scope, got)
		}
	}
	if got := show("Cookie", sessionCookie+"default="+b.session()).User; got.Email != u.email || got.Name != "Sina Shown" {
		t.Errorf("the session itself shows %+v", got)
	}
}

// TestOpaqueTokens say nothing by themselves: whoever they concern asks, everybody else learns nothing.
func TestOpaqueTokens(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	web := w.server.addApp(t, "web", flags(scopes("openid"), []string{"--audience", audience, "--access-token", "opaque"})...)
	p := w.server.newParty(t, web, "openid")
	got := p.login(w.server.browser(t, w.server.addUser(t, "opaque@authorize.example")))
	other := w.server.addApp(t, "service", "--serves", "http://other.example")
	for _, c := range []struct {
		as   app
		want bool
	}{{web, true}, {w.asAPI, true}, {other, false}} {
		if active := w.server.active(t, c.as, got.AccessToken); active != c.want {
			t.Errorf("asked by %s: active %t", c.as.id, active)
		}
	}
	if a := w.server.post(t, app{}, "/oauth/introspect", "token", got.AccessToken); a.status != http.StatusUnauthorized {
		t.Errorf("asked by nobody: %s", a)
	}
	if a := w.server.post(t, web, "/oauth/revoke", "token", got.AccessToken); a.status != http.StatusOK {
		t.Fatalf("revoking: %s", a)
	}
	if w.server.active(t, w.asAPI, got.AccessToken) {
		t.Error("it is still good after it was given back")
	}
}

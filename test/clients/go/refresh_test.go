package clients_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// webParty is a web application that may call the example API, with a user of its own.
func (w *world) webParty(t testing.TB, email string) (*party, user) {
	t.Helper()
	web := w.server.addApp(t, "web", flags(scopes("openid", "email", "invoice:read", "invoice:write"), []string{"--audience", audience})...)
	return w.server.newParty(t, web, "openid", "email", "invoice:read", "invoice:write"), w.server.addUser(t, email)
}

// refusedWith reports whether x/oauth2 was answered with an error code of RFC 6749, section 5.2.
func refusedWith(err error, code string) bool {
	e, ok := errors.AsType[*oauth2.RetrieveError](err)
	return ok && e.ErrorCode == code
}

// TestTwoTabsRefreshAtOnce sends one refresh token from many tabs at the same time: all are served, and
// all hold the same refresh token afterwards, so that whichever goes on next does not look like a thief.
func TestTwoTabsRefreshAtOnce(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, u := w.webParty(t, "tabs@refresh.example")
	token := p.login(w.server.browser(t, u)).RefreshToken
	for round := range 5 {
		const tabs = 4
		var got [tabs]*oauth2.Token
		var errs [tabs]error
		var all sync.WaitGroup
		for i := range tabs {
			all.Go(func() { got[i], errs[i] = p.refresh(t, token) })
		}
		all.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for _, g := range got {
			if g.RefreshToken != got[0].RefreshToken || g.RefreshToken == token {
				t.Fatalf("round %d: the tabs were given different refresh tokens, or the old one", round)
			}
			if !w.server.active(t, w.asAPI, g.AccessToken) {
				t.Fatalf("round %d: a tab's access token is not good", round)
			}
		}
		token = got[0].RefreshToken
	}
}

// TestE10_TheftOverHTTP is the story of a stolen refresh token, told by requests.
func TestE10_TheftOverHTTP(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, u := w.webParty(t, "stolen@refresh.example")
	phone, laptop := p.login(w.server.browser(t, u)), p.login(w.server.browser(t, u))

	v2 := p.mustRefresh(t, phone.RefreshToken)
	v3 := p.mustRefresh(t, v2.RefreshToken)
	if again := p.mustRefresh(t, v2.RefreshToken); again.RefreshToken != v3.RefreshToken {
		t.Fatal("within the grace the same client was not given the identical successor")
	}
	v4 := p.mustRefresh(t, v3.RefreshToken)
	if a := w.must(t, "GET", "/me", v4.AccessToken, ""); a.status != http.StatusOK {
		t.Fatalf("before the theft: %s", a)
	}
	// The thief comes with v2, which is two generations old.
	if _, err := p.refresh(t, v2.RefreshToken); !refusedWith(err, "invalid_grant") {
		t.Fatalf("the stolen token: %v", err)
	}
	noticed := time.Now()
	if _, err := p.refresh(t, v4.RefreshToken); !refusedWith(err, "invalid_grant") {
		t.Errorf("the newest token of the dead family: %v", err)
	}
	if w.server.active(t, w.asAPI, v4.AccessToken) {
		t.Error("the access token of the dead family is still good")
	}
	w.deadAtAPI(t, v4.AccessToken, noticed)
	p.mustRefresh(t, laptop.RefreshToken)
	var events []struct {
		Kind   string
		Public map[string]string
	}
	w.server.ask(t, &events, "audit", "list", "--kind", "token.reuse_detected", "--limit", "200")
	if !slices.ContainsFunc(events, func(e struct {
		Kind   string
		Public map[string]string
	}) bool {
		return e.Public["client"] == p.app.id
	}) {
		t.Errorf("the audit log says nothing of the theft: %+v", events)
	}
}

// TestNarrowedRefresh asks for less than was granted: the access token has less, the family has not.
func TestNarrowedRefresh(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, u := w.webParty(t, "narrow@refresh.example")
	token := p.login(w.server.browser(t, u)).RefreshToken
	for _, c := range []struct{ scope, want string }{{"openid", "openid"}, {"", "openid email invoice:read invoice:write"}} {
		a := w.server.post(t, p.app, "/oauth/token", "grant_type", "refresh_token", "refresh_token", token, "scope", c.scope)
		var got struct {
			Scope   string
			Refresh string `json:"refresh_token"`
		}
		if a.read(t, &got); a.status != http.StatusOK || got.Scope != c.want {
			t.Fatalf("scope %q: %s", c.scope, a)
		}
		token = got.Refresh
	}
	a := w.server.post(t, p.app, "/oauth/token", "grant_type", "refresh_token", "refresh_token", token, "scope", "openid profile")
	if a.refusal() != "invalid_scope" {
		t.Errorf("more than was granted: %s", a)
	}
}

// TestRefreshTokenIsBoundToItsClient: a made-up token ends nothing; a real one in the hands of another
// application was stolen.
func TestRefreshTokenIsBoundToItsClient(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, u := w.webParty(t, "bound@refresh.example")
	other := w.server.addApp(t, "web")
	token := p.login(w.server.browser(t, u)).RefreshToken
	refused := func(what string, as app, token string) {
		t.Helper()
		a := w.server.post(t, as, "/oauth/token", "grant_type", "refresh_token", "refresh_token", token)
		if a.status != http.StatusBadRequest || a.refusal() != "invalid_grant" {
			t.Errorf("%s: %s", what, a)
		}
	}
	refused("an unknown token", p.app, "cdr_"+strings.Repeat("A", 120))
	refused("a broken token", p.app, token[:len(token)-2]+"AA")
	token = p.mustRefresh(t, token).RefreshToken
	refused("another client", other, token)
	refused("its own client after that", p.app, token)
}

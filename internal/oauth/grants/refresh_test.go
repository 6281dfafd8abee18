package grants_test

import (
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/grants"
	"github.com/cardea-auth/cardea/internal/oauth/oauthtest"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
	"github.com/cardea-auth/cardea/internal/store"
)

// chain rotates a fresh refresh token n times and returns all of them, the first one first.
func chain(t *testing.T, app *oauthtest.App, n int) []secret.Value {
	t.Helper()
	all := []secret.Value{app.Tokens().Refresh()}
	for range n {
		m, err := app.Refresh(all[len(all)-1])
		if err != nil {
			t.Fatalf("rotating: %v", err)
		}
		all = append(all, m.Refresh())
	}
	return all
}

// events are the kinds of all events of the tenant, counted.
func events(t *testing.T, w *oauthtest.World) map[string]int {
	t.Helper()
	out := map[string]int{}
	for q := (store.Query{}); ; {
		p, err := w.DB.Events().In(oauthtest.Tenant).Find(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Items {
			out[e.Kind]++
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			return out
		}
	}
}

func letters(t *testing.T, w *oauthtest.World) int {
	t.Helper()
	p, err := w.DB.Outbox().In(oauthtest.Tenant).Find(t.Context(), store.Query{})
	if err != nil {
		t.Fatal(err)
	}
	return len(p.Items)
}

// Example E10 of the requirements: theft of a refresh token.
func TestE10Theft(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	other := app.Tokens() // another device of the same user

	v := chain(t, app, 2) // v1 → v2 → v3
	again, err := app.Refresh(v[1])
	if err != nil || !again.Refresh().Equal(v[2]) {
		t.Fatalf("v2 within the grace, v3 unused: same v3 %v, %v", again.Refresh().Equal(v[2]), err)
	}
	if !app.Active(again.Access()) {
		t.Errorf("the repeated answer's access token is not active")
	}
	fourth, err := app.Refresh(v[2])
	if err != nil {
		t.Fatalf("v3 → v4: %v", err)
	}
	if events(t, w)["token.reuse_detected"] != 0 || letters(t, w) != 0 {
		t.Fatalf("an alarm before anything was stolen")
	}

	if _, err := app.Refresh(v[1]); oauth.CodeOf(err) != oauth.InvalidGrant {
		t.Fatalf("v2 after v3 was used: %v", err)
	}
	if _, err := app.Refresh(fourth.Refresh()); oauth.CodeOf(err) != oauth.InvalidGrant {
		t.Errorf("v4 after the theft: %v", err)
	}
	for name, m := range map[string]tokens.Minted{"v4": fourth, "repeat": again} {
		if app.Active(m.Access()) {
			t.Errorf("the access token of %s lives on", name)
		}
	}
	if n := events(t, w)["token.reuse_detected"]; n != 1 {
		t.Errorf("%d events token.reuse_detected", n)
	}
	if n := letters(t, w); n != 1 {
		t.Errorf("%d letters to the owner", n)
	}
	if _, err := app.Refresh(other.Refresh()); err != nil || !app.Active(other.Access()) {
		t.Errorf("the other device: %v", err)
	}
}

func TestE10TheftAfterTheGrace(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	v := chain(t, app, 1)
	w.Clock.Advance(10*time.Second - time.Millisecond)
	if _, err := app.Refresh(v[0]); err != nil {
		t.Fatalf("at the end of the grace: %v", err)
	}
	w.Clock.Advance(time.Millisecond)
	if _, err := app.Refresh(v[0]); oauth.CodeOf(err) != oauth.InvalidGrant {
		t.Errorf("after the grace: %v", err)
	}
	if _, err := app.Refresh(v[1]); oauth.CodeOf(err) != oauth.InvalidGrant {
		t.Errorf("the current token after the theft: %v", err)
	}
}

func TestNoGraceMeansNoRepeat(t *testing.T) {
	w := oauthtest.New(t)
	w.Tenants.Change(string(oauthtest.Tenant), func(s *oauth.TenantStanding) { s.RefreshGrace = 0 })
	app := w.Register(oauthtest.WebApp())
	v := chain(t, app, 1)
	if _, err := app.Refresh(v[0]); oauth.CodeOf(err) != oauth.InvalidGrant {
		t.Errorf("a repeat without grace: %v", err)
	}
}

func TestRegress_028_HundredRacersGetOneSuccessor(t *testing.T) {
	for _, form := range []oauth.Format{oauth.JWT, oauth.Opaque} {
		t.Run(string(form), func(t *testing.T) {
			w := oauthtest.New(t)
			draft := oauthtest.WebApp()
			draft.Access = form
			app := w.Register(draft)
			token := app.Tokens().Refresh()
			for range 3 {
				won := race(t, 100, func() (tokens.Minted, error) { return app.Refresh(token) })
				if len(won) != 100 {
					t.Fatalf("%d of 100 honest racers were answered", len(won))
				}
				for _, m := range won {
					if !m.Refresh().Equal(won[0].Refresh()) {
						t.Fatalf("two successors of one token")
					}
					if !app.Active(m.Access()) {
						t.Fatalf("a racer's access token is not active")
					}
				}
				token = won[0].Refresh()
			}
		})
	}
}

func TestRacersWithoutGraceHaveOneWinner(t *testing.T) {
	w := oauthtest.New(t)
	w.Tenants.Change(string(oauthtest.Tenant), func(s *oauth.TenantStanding) { s.RefreshGrace = 0 })
	app := w.Register(oauthtest.WebApp())
	token := app.Tokens().Refresh()
	if won := race(t, 100, func() (tokens.Minted, error) { return app.Refresh(token) }); len(won) > 1 {
		t.Errorf("%d winners", len(won))
	}
}

func TestRegress_018_RefreshTokenOfAnotherClientEndsTheFamily(t *testing.T) {
	w := oauthtest.New(t)
	a := w.Register(oauthtest.WebApp())
	public := oauthtest.WebApp()
	public.Type, public.Grants = oauth.SPA, nil
	b := w.Register(public)
	for name, pair := range map[string][2]*oauthtest.App{"confidential → public": {a, b}, "public → confidential": {b, a}} {
		t.Run(name, func(t *testing.T) {
			m := pair[0].Tokens()
			if _, err := pair[1].Refresh(m.Refresh()); oauth.CodeOf(err) != oauth.InvalidGrant {
				t.Fatalf("another client's refresh token: %v", err)
			}
			if _, err := pair[0].Refresh(m.Refresh()); oauth.CodeOf(err) != oauth.InvalidGrant {
				t.Errorf("the family lives on: %v", err)
			}
		})
	}
}

func TestRefreshTokensExpire(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	idle := app.Tokens().Refresh()
	w.Clock.Advance(7 * 24 * time.Hour)
	if _, err := app.Refresh(idle); oauth.CodeOf(err) != oauth.InvalidGrant {
		t.Errorf("unused for seven days: %v", err)
	}
	token, start := app.Tokens().Refresh(), w.Clock.Now()
	for range 5 {
		w.Clock.Advance(6 * 24 * time.Hour)
		m, err := app.Refresh(token)
		if err != nil {
			if w.Clock.Now().Sub(start) < 30*24*time.Hour {
				t.Fatalf("used every six days: %v", err)
			}
			return
		}
		token = m.Refresh()
	}
	t.Errorf("a family lives longer than thirty days")
}

// Row 34: a policy that is tightened ends what breaks it.
func TestRegress_034_TightenedPolicyEndsFamilies(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	token := app.Tokens().Refresh()
	w.Clock.Advance(2 * time.Hour)
	w.Tenants.Change(string(oauthtest.Tenant), func(s *oauth.TenantStanding) { s.RefreshIdle = time.Hour })
	if _, err := app.Refresh(token); oauth.CodeOf(err) != oauth.InvalidGrant {
		t.Errorf("a token that breaks the new policy: %v", err)
	}
}

func TestNarrowedScopeShapesTheAccessTokenOnly(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	token := app.Tokens("scope", "openid invoices:read invoices:write").Refresh()
	m, err := app.Issue(grants.NewRefresh(w.Families, token), tokens.Request{Scopes: oauth.Scopes{"invoices:read"}})
	if err != nil || m.Scope() != "invoices:read" || !m.ID().Empty() {
		t.Fatalf("narrowed: %q, %v", m.Scope(), err)
	}
	if m, err = app.Refresh(m.Refresh()); err != nil || m.Scope() != "openid invoices:read invoices:write" {
		t.Fatalf("the family was narrowed: %q, %v", m.Scope(), err)
	}
	_, err = app.Issue(grants.NewRefresh(w.Families, m.Refresh()), tokens.Request{Scopes: oauth.Scopes{"email"}})
	if oauth.CodeOf(err) != oauth.InvalidScope {
		t.Errorf("a scope that was not granted: %v", err)
	}
	if _, err := app.Refresh(m.Refresh()); err != nil {
		t.Errorf("a refused request has used the token up: %v", err)
	}
}

func TestFamiliesMoveToANewKey(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	token := app.Tokens().Refresh()
	for range 3 {
		if err := w.Families.RotateKeys(t.Context(), w.Admin()); err != nil {
			t.Fatal(err)
		}
		first, err := app.Refresh(token)
		if err != nil {
			t.Fatalf("a token under the old key: %v", err)
		}
		if err := w.Families.RotateKeys(t.Context(), w.Admin()); err != nil {
			t.Fatal(err)
		}
		again, err := app.Refresh(token)
		if err != nil || !again.Refresh().Equal(first.Refresh()) {
			t.Fatalf("a repeat across a rotation of keys: same %v, %v", again.Refresh().Equal(first.Refresh()), err)
		}
		token = first.Refresh()
	}
}

func TestRefreshTokenOfAnotherTenantIsUnknown(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	m := app.Tokens()
	if _, err := w.Families.Find(t.Context(), id.Tenant("other"), m.Refresh().Reveal()); oauth.CodeOf(err) != oauth.InvalidGrant {
		t.Errorf("another tenant: %v", err)
	}
}

func TestOnlySixteenAccessTokensOfAFamilyLive(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	m := app.Tokens()
	all := []secret.Value{m.Access()}
	for range 20 {
		var err error
		if m, err = app.Refresh(m.Refresh()); err != nil {
			t.Fatal(err)
		}
		all = append(all, m.Access())
		w.Clock.Advance(time.Second) // so that the board looks again
	}
	for i, token := range all {
		if app.Active(token) != (i >= len(all)-16) {
			t.Errorf("access token %d of %d: active %v", i, len(all), app.Active(token))
		}
	}
	if _, err := app.Refresh(all[0]); err == nil {
		t.Errorf("an access token works as a refresh token")
	}
}

func TestOfflineAccessOutlivesSigningOutButNotRevocation(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	online, offline := app.Tokens(), app.Tokens("scope", "openid offline_access")
	w.Sessions.Change(oauthtest.Sid, func(s *oauth.SessionStanding) { s.Alive, s.Epoch = false, s.Epoch+1 })
	if _, err := app.Refresh(online.Refresh()); oauth.CodeOf(err) != oauth.InvalidGrant {
		t.Errorf("a family outlives its session: %v", err)
	}
	m, err := app.Refresh(offline.Refresh())
	if err != nil || !app.Active(m.Access()) {
		t.Fatalf("offline access after signing out: %v", err)
	}
	got := claims(t, m.Access())
	if _, ok := got["sid"]; ok || got["acr"] != oauth.ACRTwoFactors {
		t.Errorf("claims after the session is over: %v", got)
	}
	w.Sessions.Change(oauthtest.Sid, func(s *oauth.SessionStanding) { s.Revoked = true })
	if _, err := app.Refresh(m.Refresh()); oauth.CodeOf(err) != oauth.InvalidGrant {
		t.Errorf("offline access after the session was revoked: %v", err)
	}
}

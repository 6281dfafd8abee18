package introspect_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/oauthtest"
)

// api is a resource server for the given audiences.
func api(w *oauthtest.World, serves ...string) *oauthtest.App {
	return w.Register(oauth.Client{Name: "API", Type: oauth.Service, Serves: serves})
}

func ask(w *oauthtest.World, by *oauthtest.App, token secret.Value) map[string]any {
	w.T.Helper()
	answer, err := w.Introspector.Introspect(w.T.Context(), by.Prove(), token.Reveal())
	if err != nil {
		w.T.Fatal(err)
	}
	body, err := answer.AppendJSON(nil)
	if err != nil {
		w.T.Fatal(err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(body, &out); err != nil {
		w.T.Fatalf("%v in %s", err, body)
	}
	if out["active"] != answer.Active() {
		w.T.Errorf("active is %v in the answer and %v beside it", out["active"], answer.Active())
	}
	return out
}

func inactive() map[string]any { return map[string]any{"active": false} }

// Row 40: a token is active only for its client and for those who answer for its audience.
func TestRegress_040_OnlyForItsClientAndItsAudience(t *testing.T) {
	for _, form := range []oauth.Format{oauth.JWT, oauth.Opaque} {
		w := oauthtest.New(t)
		draft := oauthtest.WebApp()
		draft.Access, draft.Audience = form, []string{oauthtest.API}
		app := w.Register(draft)
		token := app.Tokens("scope", "invoices:read").Access()
		now := float64(w.Clock.Now().Unix())
		want := map[string]any{
			"active": true, "token_type": "Bearer", "iss": oauthtest.Issuer, "aud": oauthtest.API, "sub": oauthtest.Alice,
			"client_id": app.ID, "scope": "invoices:read", "iat": now, "exp": now + 600, "sid": oauthtest.Sid,
			"acr": oauth.ACRTwoFactors, "auth_time": now, "ep": map[string]any{"s": 1.0, "u": 1.0, "c": float64(app.Epoch), "t": 1.0},
		}
		for name, by := range map[string]*oauthtest.App{"its client": app, "its API": api(w, "https://x.example", oauthtest.API)} {
			got := ask(w, by, token)
			delete(got, "jti")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", form, name, diff)
			}
		}
		for name, by := range map[string]*oauthtest.App{
			"another API": api(w, "https://other.example.com"), "an API for nothing": api(w), "a prefix": api(w, oauthtest.API+"/"),
		} {
			if got := ask(w, by, token); cmp.Diff(inactive(), got) != "" {
				t.Errorf("%s, %s: %v", form, name, got)
			}
		}
	}
}

func TestPublicClientsMayNotAsk(t *testing.T) {
	w := oauthtest.New(t)
	spa := w.Register(oauth.Client{Name: "SPA", Type: oauth.SPA, FirstParty: true, Redirect: []oauth.RedirectURI{oauthtest.Callback}})
	_, err := w.Introspector.Introspect(t.Context(), spa.Prove(), spa.Tokens().Access().Reveal())
	if oauth.CodeOf(err) != oauth.InvalidClient {
		t.Errorf("a public client: %v", err)
	}
}

func TestRefreshTokensOnlyForTheirClient(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	m := app.Tokens()
	got := ask(w, app, m.Refresh())
	if got["active"] != true || got["token_type"] != "refresh_token" || got["sub"] != oauthtest.Alice {
		t.Errorf("its client: %v", got)
	}
	if got := ask(w, api(w, oauthtest.Issuer), m.Refresh()); cmp.Diff(inactive(), got) != "" {
		t.Errorf("somebody else: %v", got)
	}
	next, err := app.Refresh(m.Refresh())
	if err != nil {
		t.Fatal(err)
	}
	if app.Active(m.Refresh()) || !app.Active(next.Refresh()) {
		t.Errorf("the used token is active, or the new one is not")
	}
	w.Clock.Advance(8 * 24 * time.Hour)
	if app.Active(next.Refresh()) {
		t.Errorf("an expired token is active")
	}
}

func TestAnythingElseIsNotActive(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	for _, token := range []secret.Value{{}, secret.New("x"), secret.New("cda_x"), secret.New("cdr_x"), app.Tokens().ID(), app.Code(), app.Attempt().Basic.Secret} {
		if got := ask(w, app, token); cmp.Diff(inactive(), got) != "" {
			t.Errorf("%.8s…: %v", token.Reveal(), got)
		}
	}
}

// Row 39: nothing that can change is remembered.
func TestRegress_039_RememberedTokensAreCheckedEachTime(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	token := app.Tokens().Access()
	own, other := api(w, oauthtest.Issuer), api(w, "https://other.example.com")
	if !isActive(w, own, token) || isActive(w, other, token) || !isActive(w, own, token) {
		t.Fatalf("the answer to one API depends on the answer to another")
	}
	w.Users.Change(oauthtest.Alice, func(u *oauthtest.User) { u.Active = false })
	if isActive(w, own, token) {
		t.Errorf("a disabled user's token is active")
	}
	w.Users.Change(oauthtest.Alice, func(u *oauthtest.User) { u.Active = true })
	if !isActive(w, own, token) {
		t.Errorf("the test did not undo its change")
	}
	down := errs.New(errs.Unavailable, "store_unavailable", "down")
	w.Users.Fail(down)
	if _, err := w.Introspector.Introspect(t.Context(), own.Prove(), token.Reveal()); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a store that does not answer: %v", err)
	}
}

func isActive(w *oauthtest.World, by *oauthtest.App, token secret.Value) bool {
	return ask(w, by, token)["active"] == true
}

package revoke_test

import (
	"testing"

	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/oauthtest"
	"github.com/cardea-auth/cardea/internal/oauth/revocations"
)

func spa() oauth.Client {
	return oauth.Client{Name: "SPA", Type: oauth.SPA, FirstParty: true, Redirect: []oauth.RedirectURI{oauthtest.Callback}}
}

func giveBack(w *oauthtest.World, by *oauthtest.App, token secret.Value) error {
	return w.Revoker.Revoke(w.T.Context(), w.Nobody(), by.Prove(), token.Reveal())
}

// good reports whether a token is good, also for another node with a board of its own.
func good(w *oauthtest.World, token secret.Value) bool {
	w.T.Helper()
	here, _, err := w.Reader.Read(w.T.Context(), oauthtest.Tenant, token.Reveal())
	other := *w.Reader
	other.Board = revocations.NewBoard(w.Revoked, w.Tenants, w.DB.Now)
	there, _, errThere := other.Read(w.T.Context(), oauthtest.Tenant, token.Reveal())
	if (err == nil) != (errThere == nil) {
		w.T.Errorf("here %+v, %v; there %+v, %v", here, err, there, errThere)
	}
	return err == nil
}

// Row 33: what a client gives back is dead at once, for public clients too.
func TestRegress_033_RevokedTokensAreDeadAtOnce(t *testing.T) {
	opaque := oauthtest.WebApp()
	opaque.Access = oauth.Opaque
	for name, draft := range map[string]oauth.Client{"confidential": oauthtest.WebApp(), "public": spa(), "opaque": opaque} {
		t.Run(name, func(t *testing.T) {
			w := oauthtest.New(t)
			app := w.Register(draft)
			first, second := app.Tokens(), app.Tokens()
			if !good(w, first.Access()) {
				t.Fatal("a fresh token is not good")
			}
			if err := giveBack(w, app, first.Access()); err != nil {
				t.Fatal(err)
			}
			if good(w, first.Access()) || !good(w, second.Access()) {
				t.Errorf("the access token lives on, or another one died")
			}
			if _, err := app.Refresh(first.Refresh()); err != nil {
				t.Errorf("the refresh token died with the access token: %v", err)
			}
			if err := giveBack(w, app, second.Refresh()); err != nil {
				t.Fatal(err)
			}
			if _, err := app.Refresh(second.Refresh()); oauth.CodeOf(err) != oauth.InvalidGrant {
				t.Errorf("the refresh token lives on: %v", err)
			}
			if good(w, second.Access()) {
				t.Errorf("the access token outlives its refresh token")
			}
			for _, again := range []secret.Value{first.Access(), second.Access(), second.Refresh()} {
				if err := giveBack(w, app, again); err != nil {
					t.Errorf("giving back twice: %v", err)
				}
			}
		})
	}
}

func TestOldRefreshTokenEndsItsFamilyWithoutAlarm(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	first := app.Tokens()
	second, err := app.Refresh(first.Refresh())
	if err != nil {
		t.Fatal(err)
	}
	if err := giveBack(w, app, first.Refresh()); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Refresh(second.Refresh()); err == nil {
		t.Errorf("the family lives on")
	}
}

func TestOnlyOnesOwn(t *testing.T) {
	w := oauthtest.New(t)
	a, b := w.Register(oauthtest.WebApp()), w.Register(oauthtest.WebApp())
	m := a.Tokens()
	for _, token := range []secret.Value{m.Access(), m.Refresh()} {
		if err := giveBack(w, b, token); oauth.CodeOf(err) != oauth.UnauthorizedClient {
			t.Errorf("another client's token: %v", err)
		}
	}
	if !good(w, m.Access()) || !a.Active(m.Refresh()) {
		t.Errorf("another client has ended the tokens")
	}
	for _, text := range []string{"", "x", "cda_x", "cdr_x", m.ID().Reveal(), a.Code().Reveal()} {
		if err := giveBack(w, a, secret.New(text)); err != nil {
			t.Errorf("%.6q…: %v", text, err)
		}
	}
}

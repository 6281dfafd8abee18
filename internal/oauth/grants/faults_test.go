package grants_test

import (
	"testing"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/oauthtest"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

func faults(t *testing.T, scenario func(t *testing.T, w *oauthtest.World, f *storetest.Faults, how storetest.Fault)) {
	for name, how := range map[string]storetest.Fault{"refused": storetest.Refused, "lost": storetest.Lost, "unsent": storetest.Unsent} {
		t.Run(name, func(t *testing.T) {
			storetest.SweepFaults(t, how, func(t *testing.T, f *storetest.Faults) {
				scenario(t, oauthtest.New(t, storetest.WithFaults(f)), f, how)
			})
		})
	}
}

// unavailable checks that a failure of the store is told as one, and never as a wrong artefact.
func unavailable(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil && (!errs.Is(err, errs.Unavailable) && !errs.Is(err, errs.Internal) || oauth.CodeOf(err) != "") {
		t.Errorf("%s: %v", what, err)
	}
}

func TestFaultsNeverTurnACodeIntoTwoSetsOfTokens(t *testing.T) {
	faults(t, func(t *testing.T, w *oauthtest.World, f *storetest.Faults, _ storetest.Fault) {
		app := w.Register(oauthtest.WebApp())
		code := app.Code()
		f.Arm()
		first, err := app.Exchange(code)
		f.Heal()
		unavailable(t, "first", err)
		second, again := app.Exchange(code)
		if err == nil && again == nil {
			t.Fatalf("one code was exchanged twice")
		}
		if err == nil && app.Active(first.Access()) {
			t.Errorf("the replay left the first tokens alive")
		}
		if again == nil && !app.Active(second.Access()) {
			t.Errorf("the second try's token is not active")
		}
	})
}

func TestFaultsNeverSignAnHonestClientOut(t *testing.T) {
	faults(t, func(t *testing.T, w *oauthtest.World, f *storetest.Faults, _ storetest.Fault) {
		app := w.Register(oauthtest.WebApp())
		token := app.Tokens().Refresh()
		f.Arm()
		first, err := app.Refresh(token)
		f.Heal()
		unavailable(t, "first", err)
		second, again := app.Refresh(token)
		if again != nil {
			t.Fatalf("the second try, within the grace: %v", again)
		}
		if err == nil && !first.Refresh().Equal(second.Refresh()) {
			t.Errorf("two successors of one token")
		}
		if events(t, w)["token.reuse_detected"] != 0 {
			t.Errorf("a fault looked like theft")
		}
	})
}

func TestFaultsWhileTheftIsDealtWith(t *testing.T) {
	faults(t, func(t *testing.T, w *oauthtest.World, f *storetest.Faults, _ storetest.Fault) {
		app := w.Register(oauthtest.WebApp())
		v := chain(t, app, 2)
		f.Arm()
		_, err := app.Refresh(v[0])
		f.Heal()
		if err == nil {
			t.Fatal("an old token was accepted")
		}
		if oauth.CodeOf(err) == oauth.InvalidGrant {
			if _, err := app.Refresh(v[2]); err == nil {
				t.Errorf("the theft was answered, and the family lives on")
			}
		}
	})
}

// Row 29: a revocation that the store did not take is no success.
func TestRegress_029_RevocationThatFailedIsNoSuccess(t *testing.T) {
	for what, token := range map[string]func(tokens.Minted) string{
		"refresh": func(m tokens.Minted) string { return m.Refresh().Reveal() },
		"access":  func(m tokens.Minted) string { return m.Access().Reveal() },
	} {
		for _, form := range []oauth.Format{oauth.JWT, oauth.Opaque} {
			t.Run(what+"/"+string(form), func(t *testing.T) {
				faults(t, func(t *testing.T, w *oauthtest.World, f *storetest.Faults, _ storetest.Fault) {
					draft := oauthtest.WebApp()
					draft.Access = form
					app := w.Register(draft)
					m := app.Tokens()
					proven := app.Prove()
					f.Arm()
					err := w.Revoker.Revoke(t.Context(), w.Nobody(), proven, token(m))
					f.Heal()
					unavailable(t, what, err)
					if err == nil && app.Active(secret.New(token(m))) {
						t.Errorf("revoked with success, and still active")
					}
				})
			})
		}
	}
}

package logout_test

import (
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/logout"
	"github.com/cardea-auth/cardea/internal/oauth/oauthtest"
)

const goodbye = "https://app.example.com/bye?x=1"

func setUp(t *testing.T) (*oauthtest.World, *oauthtest.App, string) {
	w := oauthtest.New(t)
	draft := oauthtest.WebApp()
	draft.Logout = []oauth.RedirectURI{goodbye}
	app := w.Register(draft)
	return w, app, app.Tokens().ID().Reveal()
}

func alive(w *oauthtest.World) bool {
	s, err := w.Sessions.Standing(w.T.Context(), oauthtest.Tenant, oauthtest.Sid)
	return err == nil && s.Alive
}

// Row 93: without an id token that names this very session, the person is asked.
func TestRegress_093_LogoutAsksWithoutAValidHint(t *testing.T) {
	w, app, hint := setUp(t)
	w.Sessions.Put("second", oauth.SessionStanding{Alive: true, Epoch: 1, UserID: oauthtest.Alice, AuthTime: w.Clock.Now(), Strength: access.TwoFactors})
	alice := w.Browser(oauthtest.Alice, oauthtest.Sid)
	for name, c := range map[string]struct {
		p  logout.Params
		by access.Caller
	}{
		"no hint":                  {logout.Params{}, alice},
		"client only":              {logout.Params{ClientID: app.ID, PostLogoutRedirectURI: goodbye}, alice},
		"hint of another session":  {logout.Params{IDTokenHint: hint}, w.Browser(oauthtest.Alice, "second")},
		"hint of somebody else":    {logout.Params{IDTokenHint: hint}, w.Browser("bob", oauthtest.Sid)},
		"hint, and where to go on": {logout.Params{IDTokenHint: hint, PostLogoutRedirectURI: goodbye}, w.Browser(oauthtest.Alice, "second")},
	} {
		answer, err := w.Logout.SignOut(t.Context(), c.by, c.p)
		if err != nil || !answer.Ask || answer.Next != nil || !alive(w) {
			t.Errorf("%s: %+v, %v, alive %v", name, answer, err, alive(w))
		}
	}
	answer, err := w.Logout.SignOut(t.Context(), alice, logout.Params{ClientID: app.ID, PostLogoutRedirectURI: goodbye, State: "s", Confirmed: true})
	if err != nil || answer.Next == nil || answer.Next.Location() != goodbye+"&state=s" || alive(w) {
		t.Errorf("confirmed: %+v, %v, alive %v", answer, err, alive(w))
	}
}

func TestHintEndsItsSession(t *testing.T) {
	w, app, hint := setUp(t)
	w.Clock.Advance(24 * time.Hour) // the hint has expired, and counts
	answer, err := w.Logout.SignOut(t.Context(), w.Browser(oauthtest.Alice, oauthtest.Sid), logout.Params{IDTokenHint: hint, PostLogoutRedirectURI: goodbye})
	if err != nil || answer.Ask || answer.Next == nil || answer.Next.Location() != goodbye || answer.Client.ID != app.ID || alive(w) {
		t.Errorf("%+v, %v, alive %v", answer, err, alive(w))
	}
	answer, err = w.Logout.SignOut(t.Context(), w.Nobody(), logout.Params{IDTokenHint: hint})
	if err != nil || answer.Ask || answer.Next != nil {
		t.Errorf("nobody is signed in: %+v, %v", answer, err)
	}
}

// Row 6: the address to go on to is compared byte for byte.
func TestRegress_006_PostLogoutRedirectURI(t *testing.T) {
	w, app, hint := setUp(t)
	alice := w.Browser(oauthtest.Alice, oauthtest.Sid)
	for _, uri := range []string{
		"https://app.example.com/bye", goodbye + "&", goodbye + ".evil.example", "https://app.example.com.evil.example/bye?x=1",
		"https://user@app.example.com/bye?x=1", "//app.example.com/bye?x=1", "javascript:alert(1)", oauthtest.Callback,
	} {
		for _, p := range []logout.Params{{IDTokenHint: hint}, {ClientID: app.ID, Confirmed: true}, {Confirmed: true}} {
			p.PostLogoutRedirectURI = uri
			if answer, err := w.Logout.SignOut(t.Context(), alice, p); oauth.CodeOf(err) != oauth.InvalidRequest || answer.Next != nil {
				t.Errorf("%q: %+v, %v", uri, answer, err)
			}
		}
	}
	for name, p := range map[string]logout.Params{
		"a forged hint":           {IDTokenHint: hint + "x"},
		"an access token":         {IDTokenHint: app.Tokens().Access().Reveal()},
		"hint and another client": {IDTokenHint: hint, ClientID: "app_other"},
		"unknown client":          {ClientID: "app_other", PostLogoutRedirectURI: goodbye},
		"no client":               {PostLogoutRedirectURI: goodbye},
	} {
		if _, err := w.Logout.SignOut(t.Context(), alice, p); oauth.CodeOf(err) != oauth.InvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !alive(w) {
		t.Errorf("a refused request has ended the session")
	}
}

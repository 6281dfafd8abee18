package userinfo_test

import (
	"testing"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/grants"
	"github.com/cardea-auth/cardea/internal/oauth/oauthtest"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
	"github.com/cardea-auth/cardea/internal/oauth/userinfo"
)

func TestScopesOpenClaims(t *testing.T) {
	w := oauthtest.New(t)
	draft := oauthtest.WebApp()
	draft.Audience = []string{oauthtest.API}
	for _, d := range []oauth.Client{oauthtest.WebApp(), draft} {
		app := w.Register(d)
		for scope, want := range map[string]string{
			"openid":               `{"sub":"` + oauthtest.Alice + `"}`,
			"openid profile":       `{"sub":"` + oauthtest.Alice + `","name":"Alice"}`,
			"openid email profile": `{"sub":"` + oauthtest.Alice + `","name":"Alice","email":"alice@example.com","email_verified":true}`,
		} {
			person, err := userinfo.Of(t.Context(), w.Reader, oauthtest.Tenant, app.Tokens("scope", scope).Access().Reveal())
			if err != nil {
				t.Fatalf("%s: %v", scope, err)
			}
			if got, err := person.AppendJSON(nil); err != nil || string(got) != want {
				t.Errorf("%s: %s, %v", scope, got, err)
			}
		}
	}
}

func TestTokensThatAreNotForUserinfo(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	own, err := app.Issue(grants.ClientCredentials{}, tokens.Request{})
	if err != nil {
		t.Fatal(err)
	}
	for what, token := range map[string]string{"without openid": app.Tokens("scope", "email").Access().Reveal(), "of a client": own.Access().Reveal()} {
		if _, err := userinfo.Of(t.Context(), w.Reader, oauthtest.Tenant, token); errs.CodeOf(err) != "insufficient_scope" {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, token := range map[string]string{"id token": app.Tokens().ID().Reveal(), "refresh token": app.Tokens().Refresh().Reveal(), "nothing": ""} {
		if _, err := userinfo.Of(t.Context(), w.Reader, oauthtest.Tenant, token); errs.CodeOf(err) != tokens.CodeInvalid {
			t.Errorf("%s: %v", what, err)
		}
	}
}

package grants_test

import (
	"testing"

	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/authenticate"
	"github.com/cardea-auth/cardea/internal/oauth/grants"
	"github.com/cardea-auth/cardea/internal/oauth/oauthtest"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
)

func BenchmarkClientCredentialsJWT(b *testing.B) {
	w := oauthtest.New(b)
	app := w.Register(oauth.Client{Name: "S", Type: oauth.Service, Scopes: oauth.Scopes{"invoices:read"}})
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		m, err := app.Issue(grants.ClientCredentials{}, tokens.Request{})
		if err != nil {
			b.Fatal(err)
		}
		buf = m.AppendJSON(buf[:0])
	}
}

func BenchmarkIntrospection(b *testing.B) {
	for _, form := range []oauth.Format{oauth.JWT, oauth.Opaque} {
		b.Run(string(form), func(b *testing.B) {
			w := oauthtest.New(b)
			draft := oauthtest.WebApp()
			draft.Access = form
			app := w.Register(draft)
			token, proven := app.Tokens().Access().Reveal(), app.Prove()
			buf := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				answer, err := w.Introspector.Introspect(b.Context(), proven, token)
				if err != nil || !answer.Active() {
					b.Fatal(err)
				}
				if buf, err = answer.AppendJSON(buf[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	w := oauthtest.New(b)
	cred := authenticate.Credential{Kind: authenticate.Bearer, Value: w.Register(oauthtest.WebApp()).Tokens().Access()}
	origin := w.Origin()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Authenticator.Authenticate(b.Context(), oauthtest.Tenant, cred, origin); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefresh(b *testing.B) {
	w := oauthtest.New(b)
	app := w.Register(oauthtest.WebApp())
	token := app.Tokens().Refresh()
	b.ReportAllocs()
	for b.Loop() {
		m, err := app.Refresh(token)
		if err != nil {
			b.Fatal(err)
		}
		token = m.Refresh()
	}
}

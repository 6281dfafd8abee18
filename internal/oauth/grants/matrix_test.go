package grants_test

import (
	"errors"
	"testing"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/authenticate"
	"github.com/cardea-auth/cardea/internal/oauth/codes"
	"github.com/cardea-auth/cardea/internal/oauth/grants"
	"github.com/cardea-auth/cardea/internal/oauth/oauthtest"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
	"github.com/cardea-auth/cardea/internal/oauth/userinfo"
)

// A change takes one thing away from a world in which everything is allowed.
type change struct {
	name string
	// user says that it only touches tokens of a user.
	user bool
	do   func(t *testing.T, w *oauthtest.World, app *oauthtest.App)
}

func changes() []change {
	return []change{
		{"disable the user", true, func(_ *testing.T, w *oauthtest.World, _ *oauthtest.App) {
			w.Users.Change(oauthtest.Alice, func(u *oauthtest.User) { u.Active, u.Epoch = false, u.Epoch+1 })
		}},
		{"lock the user", true, func(_ *testing.T, w *oauthtest.World, _ *oauthtest.App) {
			w.Users.Change(oauthtest.Alice, func(u *oauthtest.User) { u.Active = false })
		}},
		{"disable and enable the user", true, func(_ *testing.T, w *oauthtest.World, _ *oauthtest.App) {
			w.Users.Change(oauthtest.Alice, func(u *oauthtest.User) { u.Epoch++ })
		}},
		{"delete the user", true, func(_ *testing.T, w *oauthtest.World, _ *oauthtest.App) { w.Users.Remove(oauthtest.Alice) }},
		{"end the session", true, func(_ *testing.T, w *oauthtest.World, _ *oauthtest.App) {
			w.Sessions.Change(oauthtest.Sid, func(s *oauth.SessionStanding) { s.Alive, s.Epoch = false, s.Epoch+1 })
		}},
		{"raise the session's epoch", true, func(_ *testing.T, w *oauthtest.World, _ *oauthtest.App) {
			w.Sessions.Change(oauthtest.Sid, func(s *oauth.SessionStanding) { s.Epoch++ })
		}},
		{"sweep the session", true, func(_ *testing.T, w *oauthtest.World, _ *oauthtest.App) { w.Sessions.Remove(oauthtest.Sid) }},
		{"give the session to somebody else", true, func(_ *testing.T, w *oauthtest.World, _ *oauthtest.App) {
			w.Sessions.Change(oauthtest.Sid, func(s *oauth.SessionStanding) { s.UserID = "bob" })
		}},
		{"leave the organisation", true, func(_ *testing.T, w *oauthtest.World, _ *oauthtest.App) {
			w.Organisations.Put("acme/"+oauthtest.Alice, oauth.OrgStanding{Enabled: true})
		}},
		{"disable the organisation", false, func(_ *testing.T, w *oauthtest.World, _ *oauthtest.App) {
			w.Organisations.Put("acme/"+oauthtest.Alice, oauth.OrgStanding{Member: true})
			w.Organisations.Put("acme/", oauth.OrgStanding{})
		}},
		{"ask for a stronger proof", true, func(t *testing.T, w *oauthtest.World, app *oauthtest.App) {
			must(t)(w.Clients.Update(t.Context(), w.Admin(), app.ClientID(), func(c *oauth.Client) error {
				c.MinStrength = access.HardToPhish
				return nil
			}))
		}},
		{"take the consent back", true, func(t *testing.T, w *oauthtest.World, app *oauthtest.App) {
			if err := w.Consents.Take(t.Context(), w.Browser(oauthtest.Alice, oauthtest.Sid), oauthtest.Alice, app.ClientID()); err != nil {
				t.Fatal(err)
			}
		}},
		{"take the consent back and give it again", true, func(t *testing.T, w *oauthtest.World, app *oauthtest.App) {
			alice := w.Browser(oauthtest.Alice, oauthtest.Sid)
			if err := w.Consents.Take(t.Context(), alice, oauthtest.Alice, app.ClientID()); err != nil {
				t.Fatal(err)
			}
			must(t)(w.Consents.Allow(t.Context(), alice, app.ClientID(), app.Scopes))
		}},
		{"disable the client", false, func(t *testing.T, w *oauthtest.World, app *oauthtest.App) {
			must(t)(w.Clients.Disable(t.Context(), w.Admin(), app.ClientID()))
		}},
		{"disable and enable the client", false, func(t *testing.T, w *oauthtest.World, app *oauthtest.App) {
			must(t)(w.Clients.Disable(t.Context(), w.Admin(), app.ClientID()))
			must(t)(w.Clients.Enable(t.Context(), w.Admin(), app.ClientID()))
		}},
		{"delete the client", false, func(t *testing.T, w *oauthtest.World, app *oauthtest.App) {
			if err := w.Clients.Delete(t.Context(), w.Admin(), app.ClientID()); err != nil {
				t.Fatal(err)
			}
		}},
		{"end the client's tokens", false, func(t *testing.T, w *oauthtest.World, app *oauthtest.App) {
			must(t)(w.Clients.EndTokens(t.Context(), w.Admin(), app.ClientID()))
		}},
		{"disable the tenant", false, func(_ *testing.T, w *oauthtest.World, _ *oauthtest.App) {
			w.Tenants.Change(string(oauthtest.Tenant), func(s *oauth.TenantStanding) { s.Enabled = false })
		}},
		{"end everything of the tenant", false, func(_ *testing.T, w *oauthtest.World, _ *oauthtest.App) {
			w.Tenants.Change(string(oauthtest.Tenant), func(s *oauth.TenantStanding) { s.Epoch++ })
		}},
	}
}

func must(t *testing.T) func(_ any, err error) {
	return func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// matrixApp is a client of somebody else, of an organisation, with Alice's consent.
func matrixApp(t *testing.T, form oauth.Format) (*oauthtest.World, *oauthtest.App) {
	t.Helper()
	w := oauthtest.New(t)
	draft := oauthtest.WebApp()
	draft.FirstParty, draft.Access, draft.Org = false, form, "acme"
	app := w.Register(draft)
	w.Organisations.Put("acme/", oauth.OrgStanding{Enabled: true})
	w.Organisations.Put("acme/"+oauthtest.Alice, oauth.OrgStanding{Enabled: true, Member: true})
	must(t)(w.Consents.Allow(t.Context(), w.Browser(oauthtest.Alice, oauthtest.Sid), app.ClientID(), app.Scopes))
	return w, app
}

// For every grant and every way to use a token: each thing that can be taken away,
// taken away in turn.
func TestRegress_025_031_038_088_102_WhatIsTakenAwayEndsEveryGrantAndToken(t *testing.T) {
	for _, form := range []oauth.Format{oauth.JWT, oauth.Opaque} {
		for _, c := range changes() {
			t.Run(string(form)+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				w, app := matrixApp(t, form)
				code := app.Code("organization", "acme", "scope", "openid email invoices:read")
				m := app.Tokens("organization", "acme", "scope", "openid email invoices:read")
				own, err := app.Issue(grants.ClientCredentials{}, tokens.Request{})
				if err != nil {
					t.Fatal(err)
				}
				reader := w.Register(oauth.Client{Name: "API", Type: oauth.Service, Serves: []string{oauthtest.Issuer}})
				for what, token := range map[string]secret.Value{"access": m.Access(), "refresh": m.Refresh(), "own": own.Access()} {
					if !app.Active(token) {
						t.Fatalf("the %s token is not active at first", what)
					}
				}
				remembered := app.Prove()

				c.do(t, w, app)

				answers := map[string]error{}
				_, answers["code"] = w.Issuer.Issue(t.Context(), w.Nobody(), remembered, grants.NewCode(w.Codes, proofOf(code)), tokens.Request{})
				_, answers["refresh"] = w.Issuer.Issue(t.Context(), w.Nobody(), remembered, grants.NewRefresh(w.Families, m.Refresh()), tokens.Request{})
				_, answers["userinfo"] = userinfo.Of(t.Context(), w.Reader, oauthtest.Tenant, m.Access().Reveal())
				_, answers["authenticate"] = w.Authenticator.Authenticate(t.Context(), oauthtest.Tenant, authenticate.Credential{Kind: authenticate.Bearer, Value: m.Access()}, w.Origin())
				if !c.user {
					_, answers["authenticate own"] = w.Authenticator.Authenticate(t.Context(), oauthtest.Tenant, authenticate.Credential{Kind: authenticate.Bearer, Value: own.Access()}, w.Origin())
				}
				for what, err := range answers {
					if err == nil {
						t.Errorf("%s still works", what)
					} else if !errs.Is(err, errs.Unauthenticated) && oauth.CodeOf(err) == "" {
						t.Errorf("%s: %v", what, err)
					}
				}
				if answer, err := w.Introspector.Introspect(t.Context(), reader.Prove(), m.Access().Reveal()); err != nil || answer.Active() {
					t.Errorf("introspection: active %v, %v", answer.Active(), err)
				}
			})
		}
	}
}

func proofOf(code secret.Value) codes.Proof {
	return codes.Proof{Code: code, Redirect: oauthtest.Callback, Verifier: secret.New(oauthtest.Verifier)}
}

func TestWhatIsDisabledIsGivenNothingNew(t *testing.T) {
	w, app := matrixApp(t, oauth.JWT)
	remembered := app.Prove()
	must(t)(w.Clients.Disable(t.Context(), w.Admin(), app.ClientID()))
	if _, err := w.Issuer.Issue(t.Context(), w.Nobody(), remembered, grants.ClientCredentials{}, tokens.Request{}); oauth.CodeOf(err) != oauth.InvalidClient {
		t.Errorf("client credentials of a client that was disabled a moment ago: %v", err)
	}
	if _, err := w.Auth.Authenticate(t.Context(), w.Nobody(), app.Attempt()); oauth.CodeOf(err) != oauth.InvalidClient {
		t.Errorf("authentication of a disabled client: %v", err)
	}
}

// Row 31, the part where a token narrows instead of ending.
func TestRegress_031_RefreshNarrowsToWhatIsLeft(t *testing.T) {
	w := oauthtest.New(t)
	draft := oauthtest.WebApp()
	app := w.Register(draft)
	m := app.Tokens("scope", "openid invoices:read invoices:write")
	w.Policy.Put("invoices:write", true) // a role was taken away
	m, err := app.Refresh(m.Refresh())
	if err != nil || m.Scope() != "openid invoices:read" {
		t.Fatalf("after the policy took a scope: %q, %v", m.Scope(), err)
	}
	must(t)(w.Clients.Update(t.Context(), w.Admin(), app.ClientID(), func(c *oauth.Client) error {
		c.Scopes = oauth.Scopes{"openid"}
		return nil
	}))
	if m, err = app.Refresh(m.Refresh()); err != nil || m.Scope() != "openid" {
		t.Errorf("after the client lost a scope: %q, %v", m.Scope(), err)
	}
	w.Policy.Put("openid", true)
	if _, err = app.Refresh(m.Refresh()); oauth.CodeOf(err) != oauth.InvalidScope {
		t.Errorf("with nothing left: %v", err)
	}
}

func TestStoreOfStandingThatDoesNotAnswerGrantsNothing(t *testing.T) {
	down := errs.New(errs.Unavailable, "store_unavailable", "down")
	for name, fail := range map[string]func(*oauthtest.World, error){
		"tenants":       func(w *oauthtest.World, err error) { w.Tenants.Fail(err) },
		"users":         func(w *oauthtest.World, err error) { w.Users.Fail(err) },
		"sessions":      func(w *oauthtest.World, err error) { w.Sessions.Fail(err) },
		"organisations": func(w *oauthtest.World, err error) { w.Organisations.Fail(err) },
		"policy":        func(w *oauthtest.World, err error) { w.Policy.Fail(err) },
	} {
		t.Run(name, func(t *testing.T) {
			w, app := matrixApp(t, oauth.JWT)
			m := app.Tokens("organization", "acme")
			fail(w, down)
			if _, err := app.Refresh(m.Refresh()); !errors.Is(err, down) {
				t.Errorf("refresh: %v", err)
			}
			if name != "policy" {
				if _, _, err := w.Reader.Read(t.Context(), oauthtest.Tenant, m.Access().Reveal()); !errors.Is(err, down) {
					t.Errorf("read: %v", err)
				}
			}
			fail(w, nil)
			if _, err := app.Refresh(m.Refresh()); err != nil {
				t.Errorf("refresh afterwards: %v", err)
			}
		})
	}
}

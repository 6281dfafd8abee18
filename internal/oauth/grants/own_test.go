package grants_test

import (
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/authenticate"
	"github.com/cardea-auth/cardea/internal/oauth/clientauth"
	"github.com/cardea-auth/cardea/internal/oauth/grants"
	"github.com/cardea-auth/cardea/internal/oauth/oauthtest"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
	"github.com/cardea-auth/cardea/internal/oauth/userinfo"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

func TestClientCredentials(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	m, err := app.Issue(grants.ClientCredentials{}, tokens.Request{})
	if err != nil {
		t.Fatal(err)
	}
	got := claims(t, m.Access())
	if got["sub"] != app.ID || got["client_id"] != app.ID || got["scope"] != "invoices:read invoices:write" || got["aud"] != oauthtest.Issuer {
		t.Errorf("claims = %v", got)
	}
	for _, absent := range []string{"sid", "acr", "auth_time"} {
		if _, ok := got[absent]; ok {
			t.Errorf("%s in the token of a client", absent)
		}
	}
	if !m.Refresh().Empty() || !m.ID().Empty() {
		t.Errorf("a client got a refresh or an id token")
	}
	for _, scope := range []string{"openid", "offline_access", "invoices:delete"} {
		if _, err := app.Issue(grants.ClientCredentials{}, tokens.Request{Scopes: oauth.Scopes{scope}}); oauth.CodeOf(err) != oauth.InvalidScope {
			t.Errorf("scope %s: %v", scope, err)
		}
	}
	c, err := w.Authenticator.Authenticate(t.Context(), oauthtest.Tenant, authenticate.Credential{Kind: authenticate.Bearer, Value: m.Access()}, w.Origin())
	if err != nil || c.Subject() != access.Service(app.ID) || !c.HasScope("invoices:read") || c.HasScope("openid") || !c.Proof().At.IsZero() {
		t.Errorf("caller = %+v, %v", c, err)
	}
}

// What happens thousands of times a second writes nothing and reads from memory: it works while the
// store is down.
func TestHotRoadsDoNotTouchTheStore(t *testing.T) {
	f := storetest.NewFaults()
	w := oauthtest.New(t, storetest.WithFaults(f))
	app := w.Register(oauthtest.WebApp())
	api := w.Register(oauth.Client{Name: "API", Type: oauth.Service, Serves: []string{oauthtest.Issuer}})
	user := app.Tokens("scope", "openid")
	roads := func() {
		t.Helper()
		m, err := app.Issue(grants.ClientCredentials{}, tokens.Request{})
		if err != nil {
			t.Errorf("client credentials: %v", err)
		}
		for _, token := range []secret.Value{m.Access(), user.Access()} {
			if answer, err := w.Introspector.Introspect(t.Context(), api.Prove(), token.Reveal()); err != nil || !answer.Active() {
				t.Errorf("introspection: %v", err)
			}
		}
		if _, err := userinfo.Of(t.Context(), w.Reader, oauthtest.Tenant, user.Access().Reveal()); err != nil {
			t.Errorf("userinfo: %v", err)
		}
		if _, err := w.Authenticator.Authenticate(t.Context(), oauthtest.Tenant, authenticate.Credential{Kind: authenticate.Bearer, Value: user.Access()}, w.Origin()); err != nil {
			t.Errorf("authenticate: %v", err)
		}
	}
	roads()
	f.FailFrom(1, storetest.Refused)
	roads()
	if f.Calls() != 0 {
		t.Errorf("%d calls to the store", f.Calls())
	}
}

func TestGrantsThatTheClientDoesNotHave(t *testing.T) {
	w := oauthtest.New(t)
	draft := oauthtest.WebApp()
	draft.Grants = []oauth.GrantType{oauth.GrantCode}
	app := w.Register(draft)
	token := w.Register(oauthtest.WebApp()).Tokens().Refresh()
	for _, g := range []tokens.Grant{grants.ClientCredentials{}, grants.NewRefresh(w.Families, token), grants.Session{}} {
		if _, err := app.Issue(g, tokens.Request{}); oauth.CodeOf(err) != oauth.UnauthorizedClient {
			t.Errorf("%s: %v", g.Type(), err)
		}
	}
	if _, err := w.Issuer.Issue(t.Context(), w.Nobody(), clientauth.Proven{}, grants.ClientCredentials{}, tokens.Request{}); oauth.CodeOf(err) != oauth.InvalidClient {
		t.Errorf("a client that has proved nothing: %v", err)
	}
	proven := w.Register(oauthtest.WebApp()).Prove()
	other := access.Anonymous("other", w.Origin())
	if _, err := w.Issuer.Issue(t.Context(), other, proven, grants.ClientCredentials{}, tokens.Request{}); oauth.CodeOf(err) != oauth.InvalidClient {
		t.Errorf("a client of another tenant: %v", err)
	}
}

// console is a client of our own pages.
func console() oauth.Client {
	return oauth.Client{
		Name: "Console", Type: oauth.SPA, FirstParty: true, Redirect: []oauth.RedirectURI{oauthtest.Issuer + "/"},
		Grants: []oauth.GrantType{oauth.GrantCode, oauth.GrantSession}, Scopes: oauth.Scopes{access.ScopeAccount},
	}
}

func TestSessionForAShortToken(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(console())
	alice := w.Browser(oauthtest.Alice, oauthtest.Sid)
	m, err := w.Issuer.Issue(t.Context(), alice, app.Prove(), grants.Session{}, tokens.Request{})
	if err != nil || m.Expires().Sub(w.Clock.Now()) != grants.SessionLife || !m.Refresh().Empty() || !m.ID().Empty() {
		t.Fatalf("%v, %v", m.Expires(), err)
	}
	c, err := w.Authenticator.Authenticate(t.Context(), oauthtest.Tenant, authenticate.Credential{Kind: authenticate.Bearer, Value: m.Access()}, w.Origin())
	if err != nil || c.UserID() != oauthtest.Alice || !c.HasScope(access.ScopeAccount) || c.Proof().Strength != access.TwoFactors {
		t.Errorf("caller = %+v, %v", c, err)
	}
	w.Clock.Advance(grants.SessionLife)
	if _, err := w.Authenticator.Authenticate(t.Context(), oauthtest.Tenant, authenticate.Credential{Kind: authenticate.Bearer, Value: m.Access()}, w.Origin()); errs.CodeOf(err) != tokens.CodeExpired {
		t.Errorf("after five minutes: %v", err)
	}
	// A bearer token cannot be exchanged for another, nor can nobody.
	for name, by := range map[string]access.Caller{"bearer": c, "nobody": w.Nobody()} {
		if _, err := w.Issuer.Issue(t.Context(), by, app.Prove(), grants.Session{}, tokens.Request{}); errs.CodeOf(err) != "session_expired" {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.Sessions.Change(oauthtest.Sid, func(s *oauth.SessionStanding) { s.Alive = false })
	if _, err := w.Issuer.Issue(t.Context(), alice, app.Prove(), grants.Session{}, tokens.Request{}); oauth.CodeOf(err) != oauth.InvalidGrant {
		t.Errorf("a session that ended a moment ago: %v", err)
	}
}

// Example E20, as far as credentials of the provider go: one user, whichever credential comes.
func TestE20OneUserByAnyCredential(t *testing.T) {
	w := oauthtest.New(t)
	blind := oauthtest.WebApp()
	blind.Access = oauth.Opaque
	cookie := opaque.New(opaque.Session)
	w.Sessions.Cookie(cookie, oauthtest.Sid)
	for name, cred := range map[string]authenticate.Credential{
		"cookie":        {Kind: authenticate.Session, Value: secret.New(cookie)},
		"bearer JWT":    {Kind: authenticate.Bearer, Value: w.Register(oauthtest.WebApp()).Tokens().Access()},
		"bearer opaque": {Kind: authenticate.Bearer, Value: w.Register(blind).Tokens().Access()},
	} {
		c, err := w.Authenticator.Authenticate(t.Context(), oauthtest.Tenant, cred, w.Origin())
		if err != nil || c.UserID() != oauthtest.Alice || c.Proof().Session != oauthtest.Sid || c.Proof().Strength != access.TwoFactors {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
		if limited := cred.Kind == authenticate.Bearer; c.Proof().Scoped != limited {
			t.Errorf("%s: scoped %v", name, c.Proof().Scoped)
		}
	}
	c, err := w.Authenticator.Authenticate(t.Context(), oauthtest.Tenant, authenticate.Credential{}, w.Origin())
	if err != nil || !c.IsAnonymous() {
		t.Errorf("no credential: %+v, %v", c, err)
	}
	for name, cred := range map[string]authenticate.Credential{
		"empty bearer": {Kind: authenticate.Bearer}, "empty cookie": {Kind: authenticate.Session}, "empty key": {Kind: authenticate.APIKey},
		"unknown kind": {Kind: 99, Value: secret.New("x")}, "another cookie": {Kind: authenticate.Session, Value: secret.New(opaque.New(opaque.Session))},
		"key, of which there are none": {Kind: authenticate.APIKey, Value: secret.New(opaque.New(opaque.APIKey))},
	} {
		if c, err := w.Authenticator.Authenticate(t.Context(), oauthtest.Tenant, cred, w.Origin()); !errs.Is(err, errs.Unauthenticated) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

func TestAccessTokenLife(t *testing.T) {
	w := oauthtest.New(t)
	draft := oauthtest.WebApp()
	draft.AccessLife = 60
	if m := w.Register(draft).Tokens(); m.Expires().Sub(w.Clock.Now()) != time.Minute {
		t.Errorf("the client's own life: %v", m.Expires())
	}
	w.Tenants.Change(string(oauthtest.Tenant), func(s *oauth.TenantStanding) { s.AccessLife = 5 * time.Minute })
	if m := w.Register(oauthtest.WebApp()).Tokens(); m.Expires().Sub(w.Clock.Now()) != 5*time.Minute {
		t.Errorf("the tenant's life: %v", m.Expires())
	}
}

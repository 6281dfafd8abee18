package clients_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/clients"
	"github.com/cardea-auth/cardea/internal/oauth/oauthtest"
	"github.com/cardea-auth/cardea/internal/tenant"
)

func TestDefaultsByType(t *testing.T) {
	w := oauthtest.New(t)
	uris := []oauth.RedirectURI{oauthtest.Callback}
	for kind, want := range map[oauth.ClientType]struct {
		auth   oauth.AuthMethod
		grants []oauth.GrantType
		secret bool
	}{
		oauth.Web:     {oauth.AuthBasic, []oauth.GrantType{oauth.GrantCode, oauth.GrantRefresh}, true},
		oauth.SPA:     {oauth.AuthNone, []oauth.GrantType{oauth.GrantCode, oauth.GrantRefresh}, false},
		oauth.Native:  {oauth.AuthNone, []oauth.GrantType{oauth.GrantCode, oauth.GrantRefresh}, false},
		oauth.Service: {oauth.AuthBasic, []oauth.GrantType{oauth.GrantClientCredentials}, true},
	} {
		draft := oauth.Client{Name: "X", Type: kind, Redirect: uris}
		if kind == oauth.Service {
			draft.Redirect = nil
		}
		made, err := w.Clients.Create(t.Context(), w.Admin(), draft)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		c := made.Client
		if c.Auth != want.auth || !slices.Equal(c.Grants, want.grants) || made.Secret.Empty() == want.secret || c.Access != oauth.JWT {
			t.Errorf("%s: %+v, secret %v", kind, c, !made.Secret.Empty())
		}
		if c.Epoch != w.Clock.Now().Unix() || !strings.HasPrefix(c.ID, "app_") || c.DefaultAudience(oauthtest.Issuer) != oauthtest.Issuer {
			t.Errorf("%s: epoch %d, id %s", kind, c.Epoch, c.ID)
		}
		for _, s := range c.Secrets {
			if s.Hash == made.Secret.Reveal() {
				t.Errorf("%s: the secret itself is stored", kind)
			}
		}
	}
}

func TestRegress_129_ChangesPassTheChecksOfCreation(t *testing.T) {
	w := oauthtest.New(t)
	change := func(f func(*oauth.Client)) oauth.Client {
		c := oauthtest.WebApp()
		f(&c)
		return c
	}
	public := func(f func(*oauth.Client)) oauth.Client {
		return change(func(c *oauth.Client) { c.Type, c.Grants = oauth.SPA, nil; f(c) })
	}
	for name, draft := range map[string]oauth.Client{
		"no type":              change(func(c *oauth.Client) { c.Type = "" }),
		"unknown type":         change(func(c *oauth.Client) { c.Type = "x" }),
		"no name":              change(func(c *oauth.Client) { c.Name = "" }),
		"name with bidi":       change(func(c *oauth.Client) { c.Name = "a\u202eb" }),
		"long name":            change(func(c *oauth.Client) { c.Name = strings.Repeat("x", 201) }),
		"no redirect URI":      change(func(c *oauth.Client) { c.Redirect = nil }),
		"bad redirect URI":     change(func(c *oauth.Client) { c.Redirect = []oauth.RedirectURI{"http://app.example.com/"} }),
		"bad logout URI":       change(func(c *oauth.Client) { c.Logout = []oauth.RedirectURI{"javascript:x"} }),
		"origin with a path":   change(func(c *oauth.Client) { c.Origins = []string{"https://app.example.com/"} }),
		"origin by http":       change(func(c *oauth.Client) { c.Origins = []string{"http://app.example.com"} }),
		"origin null":          change(func(c *oauth.Client) { c.Origins = []string{"null"} }),
		"origin star":          change(func(c *oauth.Client) { c.Origins = []string{"*"} }),
		"scope with a blank":   change(func(c *oauth.Client) { c.Scopes = oauth.Scopes{"a b", "c"}; c.Scopes = append(c.Scopes, `"`) }),
		"audience no URI":      change(func(c *oauth.Client) { c.Audience = []string{"api"} }),
		"audience, fragment":   change(func(c *oauth.Client) { c.Audience = []string{"https://api.example.com#x"} }),
		"serves no URI":        change(func(c *oauth.Client) { c.Serves = []string{""} }),
		"refresh without code": change(func(c *oauth.Client) { c.Grants = []oauth.GrantType{oauth.GrantRefresh} }),
		"unknown grant":        change(func(c *oauth.Client) { c.Grants = append(c.Grants, "password") }),
		"grant twice":          change(func(c *oauth.Client) { c.Grants = append(c.Grants, oauth.GrantCode) }),
		"session grant":        change(func(c *oauth.Client) { c.Grants = append(c.Grants, oauth.GrantSession) }),
		"web without auth":     change(func(c *oauth.Client) { c.Auth = oauth.AuthNone }),
		"keys without use":     change(func(c *oauth.Client) { c.Keys = `{"keys":[]}` }),
		"no keys":              change(func(c *oauth.Client) { c.Auth = oauth.AuthPrivateKeyJWT }),
		"keys by http":         change(func(c *oauth.Client) { c.Auth, c.KeysURL = oauth.AuthPrivateKeyJWT, "http://app.example.com/jwks" }),
		"bad keys":             change(func(c *oauth.Client) { c.Auth, c.Keys = oauth.AuthPrivateKeyJWT, "{}" }),
		"assertion by HS256":   change(func(c *oauth.Client) { c.Auth, c.AuthAlg, c.Keys = oauth.AuthPrivateKeyJWT, "HS256", "{}" }),
		"signed by HS256":      change(func(c *oauth.Client) { c.SigningAlg = "HS256" }),
		"unsigned":             change(func(c *oauth.Client) { c.SigningAlg = "none" }),
		"unknown form":         change(func(c *oauth.Client) { c.Access = "saml" }),
		"short life":           change(func(c *oauth.Client) { c.AccessLife = 1 }),
		"long life":            change(func(c *oauth.Client) { c.AccessLife = 3601 }),
		"unknown strength":     change(func(c *oauth.Client) { c.MinStrength = 9 }),
		"logo by javascript":   change(func(c *oauth.Client) { c.URI = "javascript:alert(1)" }),
		"id of a user":         change(func(c *oauth.Client) { c.ID = id.New() }),
		"id in capitals":       change(func(c *oauth.Client) { c.ID = "Console" }),
		"short id":             change(func(c *oauth.Client) { c.ID = "a" }),
		"public with secret":   public(func(c *oauth.Client) { c.Auth = oauth.AuthBasic }),
		"public without PKCE":  public(func(c *oauth.Client) { c.UnsafeNoPKCE = true }),
		"public for itself":    public(func(c *oauth.Client) { c.Grants = []oauth.GrantType{oauth.GrantCode, oauth.GrantClientCredentials} }),
		"foreign session": public(func(c *oauth.Client) {
			c.FirstParty, c.Grants = false, []oauth.GrantType{oauth.GrantCode, oauth.GrantSession}
		}),
		"service with code": {Name: "X", Type: oauth.Service, Grants: []oauth.GrantType{oauth.GrantCode}},
		"service with URI":  {Name: "X", Type: oauth.Service, Redirect: []oauth.RedirectURI{oauthtest.Callback}},
	} {
		if _, err := w.Clients.Create(t.Context(), w.Admin(), draft); !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
		if draft.Type != oauth.Web || draft.ID != "" {
			continue
		}
		// Row 129: what cannot be created cannot be had by a change either.
		app := w.Register(oauthtest.WebApp())
		_, err := w.Clients.Update(t.Context(), w.Admin(), app.ClientID(), func(c *oauth.Client) error {
			meta := c.Meta
			*c = draft
			c.Meta = meta
			return nil
		})
		if !errs.Is(err, errs.Invalid) {
			t.Errorf("%s, by a change: %v", name, err)
		}
	}
}

func TestUpdateCannotTouchWhatIsNotItsOwn(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	got, err := w.Clients.Update(t.Context(), w.Admin(), app.ClientID(), func(c *oauth.Client) error {
		c.Name, c.Type, c.Disabled, c.Epoch, c.Secrets, c.ID = "New", oauth.SPA, true, 99, nil, "other"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "New" || got.Type != oauth.Web || got.Disabled || got.Epoch != app.Epoch || len(got.Secrets) != 1 || got.ID != app.ID {
		t.Errorf("%+v", got)
	}
	if _, err := w.Auth.Authenticate(t.Context(), w.Nobody(), app.Attempt()); err != nil {
		t.Errorf("the secret was lost: %v", err)
	}
}

func TestEpochsOnlyGrow(t *testing.T) {
	w := oauthtest.New(t)
	draft := oauthtest.WebApp()
	draft.ID = "my-app"
	app := w.Register(draft)
	last := app.Epoch
	for range 3 {
		c, err := w.Clients.EndTokens(t.Context(), w.Admin(), app.ClientID())
		if err != nil || c.Epoch <= last {
			t.Fatalf("epoch %d after %d, %v", c.Epoch, last, err)
		}
		last = c.Epoch
	}
	if err := w.Clients.Delete(t.Context(), w.Admin(), app.ClientID()); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(time.Minute)
	if again := w.Register(draft); again.Epoch <= last {
		t.Errorf("a client made again begins at epoch %d, the earlier one ended at %d", again.Epoch, last)
	}
	found, err := w.Revoked.After(t.Context(), oauthtest.Tenant, time.Time{}, page.Request{})
	var strictest int64
	for _, r := range found.Items {
		if r.About == "my-app" && r.Kind == tenant.RevokedClient {
			strictest = max(strictest, r.MinEpoch)
		}
	}
	if err != nil || len(found.Items) != 4 || strictest <= last {
		t.Errorf("%d revocations, of which the strictest is %d, %v", len(found.Items), strictest, err)
	}
}

func TestEnsureIsIdempotent(t *testing.T) {
	w := oauthtest.New(t)
	console := oauth.Client{
		Name: "Console", Type: oauth.SPA, FirstParty: true, Redirect: []oauth.RedirectURI{"https://id.example.com/"},
		Grants: []oauth.GrantType{oauth.GrantCode, oauth.GrantSession}, Scopes: oauth.Scopes{"openid", access.ScopeAccount},
	}
	console.ID = "cardea-console"
	for range 2 {
		made, err := w.Clients.Ensure(t.Context(), access.System(oauthtest.Tenant, "start"), console)
		if err != nil || made.Client.ID != console.ID || made.Client.Epoch != w.Clock.Now().Unix() {
			t.Fatalf("Ensure: %+v, %v", made.Client, err)
		}
	}
}

func TestRegress_013_142_OriginsOfEnabledClientsAreComparedWhole(t *testing.T) {
	w := oauthtest.New(t)
	draft := oauthtest.WebApp()
	draft.Origins = []string{"https://app.example.com", "http://localhost:5173"}
	app := w.Register(draft)
	listed := func(origin string) bool {
		ok, err := w.Clients.OriginListed(t.Context(), oauthtest.Tenant, origin)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !listed("https://app.example.com") || !listed("http://localhost:5173") || listed("https://app.example.com.evil.example") || listed("null") || listed("") {
		t.Errorf("origins are wrong")
	}
	if _, err := w.Clients.Disable(t.Context(), w.Admin(), app.ClientID()); err != nil {
		t.Fatal(err)
	}
	if listed("https://app.example.com") {
		t.Errorf("the origin of a disabled client is listed")
	}
}

func TestStrangersMayNothing(t *testing.T) {
	w := oauthtest.New(t)
	guard := access.NewGuard(nil, w.Clock.Now)
	closed := clients.New(w.DB, guard, w.Revoked)
	app := w.Register(oauthtest.WebApp())
	ctx, alice, name := t.Context(), w.Browser(oauthtest.Alice, oauthtest.Sid), app.ClientID()
	errors := map[string]error{}
	_, errors["create"] = closed.Create(ctx, alice, oauthtest.WebApp())
	_, errors["read"] = closed.Get(ctx, alice, name)
	_, errors["list"] = closed.List(ctx, alice, "", page.Request{})
	_, errors["update"] = closed.Update(ctx, alice, name, func(*oauth.Client) error { return nil })
	_, errors["disable"] = closed.Disable(ctx, alice, name)
	_, errors["enable"] = closed.Enable(ctx, alice, name)
	_, errors["end tokens"] = closed.EndTokens(ctx, alice, name)
	_, errors["rotate"] = closed.RotateSecret(ctx, alice, name, 0)
	errors["delete"] = closed.Delete(ctx, alice, name)
	for what, err := range errors {
		if !errs.Is(err, errs.Denied) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestListIsByName(t *testing.T) {
	w := oauthtest.New(t)
	for _, name := range []string{"beta", "Alpha", "alphabet"} {
		draft := oauthtest.WebApp()
		draft.Name = name
		w.Register(draft)
	}
	p, err := w.Clients.List(t.Context(), w.Admin(), "alpha", page.Request{})
	if err != nil || len(p.Items) != 2 || p.Items[0].Name != "Alpha" {
		t.Errorf("list: %+v, %v", p, err)
	}
}

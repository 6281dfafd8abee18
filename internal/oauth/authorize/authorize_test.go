package authorize_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/authorize"
	"github.com/cardea-auth/cardea/internal/oauth/oauthtest"
)

func alice(w *oauthtest.World) access.Caller { return w.Browser(oauthtest.Alice, oauthtest.Sid) }

// signInAgain gives Alice's session a fresh proof.
func signInAgain(w *oauthtest.World) {
	w.Sessions.Change(oauthtest.Sid, func(s *oauth.SessionStanding) { s.AuthTime = w.Clock.Now() })
}

// Rows 14, 27 and 41: the answer says who gives it, and no token is ever in an address.
func TestRegress_014_027_041_CodeComesBackWithStateAndIssuer(t *testing.T) {
	w := oauthtest.New(t)
	draft := oauthtest.WebApp()
	draft.Redirect = []oauth.RedirectURI{"https://app.example.com/cb?tenant=a%20b"}
	app := w.Register(draft)
	answer, err := app.Begin(alice(w), "state", "x y&z")
	if err != nil || answer.Response == nil {
		t.Fatalf("Begin: %+v, %v", answer, err)
	}
	location := answer.Response.Location()
	if !strings.HasPrefix(location, string(draft.Redirect[0])+"&") {
		t.Errorf("the redirect URI was rewritten: %s", location)
	}
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if len(q) != 4 || q.Get("state") != "x y&z" || q.Get("iss") != oauthtest.Issuer || !opaque.Valid(opaque.Code, q.Get("code")) || q.Get("tenant") != "a b" {
		t.Errorf("answer = %v", q)
	}
}

// Rows 1 to 10: whatever else the request says, nobody is sent to an address that is not registered.
func TestRegress_001_002_006_009_010_NoRedirectBeforeClientAndURIAreGood(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	disabled := w.Register(oauthtest.WebApp())
	if _, err := w.Clients.Disable(t.Context(), w.Admin(), disabled.ClientID()); err != nil {
		t.Fatal(err)
	}
	bad := []string{
		"", "https://app.example.com@evil.example/callback", "https://a@b@app.example.com/callback", "https://evil.example/callback",
		"https://app.example.com.evil.example/callback", "https://app.example.com/callback/../callback", "https://app.example.com/callback?",
		"https://app.example.com/callback#", "https://app.example.com/callback%00", "https://app.example.com/Callback",
		"https://app.example.com/callback ", "//app.example.com/callback", "javascript:alert(1)", "http://app.example.com/callback",
	}
	for _, uri := range bad {
		for _, mode := range []string{"", "query", "fragment", "form_post", "form_post.jwt", "query.jwt", "jwt", "x"} {
			for _, extra := range [][]string{nil, {"response_type", "token"}, {"scope", "x\"y"}, {"prompt", "none"}, {"request", "e30"}} {
				answer, err := app.Begin(alice(w), append([]string{"redirect_uri", uri, "response_mode", mode}, extra...)...)
				if answer.Response != nil || answer.Need != nil || oauth.CodeOf(err) != oauth.InvalidRequest {
					t.Fatalf("redirect_uri %q, response_mode %q, %v: %+v, %v", uri, mode, extra, answer, err)
				}
			}
		}
	}
	for what, client := range map[string]string{"unknown": "app_unknown", "none": "", "disabled": disabled.ID} {
		answer, err := app.Begin(alice(w), "client_id", client)
		if answer.Response != nil || oauth.CodeOf(err) != oauth.InvalidRequest {
			t.Errorf("%s client: %+v, %v", what, answer, err)
		}
	}
}

func TestRefusalsGoToTheApplication(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	service := oauthtest.WebApp()
	service.Grants = []oauth.GrantType{oauth.GrantClientCredentials}
	noCode := w.Register(service)
	long := strings.Repeat("x", 2000)
	cases := []struct {
		pairs []string
		want  oauth.Code
	}{
		{[]string{"response_type", "token"}, oauth.UnsupportedResponseType},
		{[]string{"response_type", "code id_token"}, oauth.UnsupportedResponseType},
		{[]string{"response_type", ""}, oauth.InvalidRequest},
		{[]string{"response_mode", "fragment"}, oauth.InvalidRequest},
		{[]string{"scope", "openid  email"}, oauth.InvalidScope},
		{[]string{"scope", "openid admin"}, oauth.InvalidScope},
		{[]string{"resource", "https://other.example"}, oauth.InvalidTarget},
		{[]string{"resource", "not a uri"}, oauth.InvalidTarget},
		{[]string{"request", "e30"}, oauth.RequestNotSupported},
		{[]string{"request_uri", "https://app.example.com/r"}, oauth.RequestURINotSupported},
		{[]string{"registration", "{}"}, oauth.RegistrationUnsupported},
		{[]string{"prompt", "none login"}, oauth.InvalidRequest},
		{[]string{"prompt", "dance"}, oauth.InvalidRequest},
		{[]string{"max_age", "-1"}, oauth.InvalidRequest},
		{[]string{"max_age", "x"}, oauth.InvalidRequest},
		{[]string{"max_age", "99999999999999999999"}, oauth.InvalidRequest},
		{[]string{"nonce", long}, oauth.InvalidRequest},
		{[]string{"nonce", "a\x00"}, oauth.InvalidRequest},
		{[]string{"state", long}, oauth.InvalidRequest},
		{[]string{"login_hint", long}, oauth.InvalidRequest},
		{[]string{"login_hint", "a\nb"}, oauth.InvalidRequest},
		{[]string{"id_token_hint", "x.y.z"}, oauth.InvalidRequest},
	}
	for _, c := range cases {
		answer, err := app.Begin(alice(w), c.pairs...)
		if err != nil || answer.Response == nil {
			t.Errorf("%.40q: %+v, %v", c.pairs, answer, err)
			continue
		}
		r := answer.Response
		if r.Get("error") != string(c.want) || r.Get("iss") != oauthtest.Issuer || r.Get("code") != "" {
			t.Errorf("%.40q: %+v", c.pairs, r.Params)
		}
		if c.pairs[0] != "state" && r.Get("state") != "the-state" {
			t.Errorf("%.40q: the state is missing", c.pairs)
		}
	}
	answer, err := noCode.Begin(alice(w), "redirect_uri", oauthtest.Callback)
	if err != nil || answer.Response.Get("error") != string(oauth.UnauthorizedClient) {
		t.Errorf("client without the grant: %+v, %v", answer, err)
	}
}

func TestParametersMustNotBeRepeated(t *testing.T) {
	if _, err := authorize.NewParams(url.Values{"client_id": {"a", "b"}}); oauth.CodeOf(err) != oauth.InvalidRequest {
		t.Errorf("client_id twice: %v", err)
	}
	if _, err := authorize.NewParams(url.Values{"resource": {"a", "b"}}); err != nil {
		t.Errorf("resource twice: %v", err)
	}
}

// TestUnreachableStrengthIsSaid: nobody is sent in circles for a proof that nobody can give.
func TestUnreachableStrengthIsSaid(t *testing.T) {
	w := oauthtest.New(t)
	w.Authorizer.Strongest = access.OneFactor
	app := w.Register(oauthtest.WebApp())
	strict := oauthtest.WebApp()
	strict.MinStrength = access.TwoFactors
	for name, begin := range map[string]func() (authorize.Answer, error){
		"acr_values":     func() (authorize.Answer, error) { return app.Begin(w.Nobody(), "acr_values", oauth.ACRTwoFactors) },
		"its own client": func() (authorize.Answer, error) { return w.Register(strict).Begin(w.Nobody()) },
	} {
		answer, err := begin()
		if err != nil || answer.Response == nil || answer.Response.Get("error") != string(oauth.UnmetAuthentication) {
			t.Errorf("%s: %+v, %v", name, answer, err)
		}
	}
	if answer, err := app.Begin(w.Nobody(), "acr_values", oauth.ACRTwoFactors+" "+oauth.ACROneFactor); err != nil || answer.Need == nil {
		t.Errorf("a weaker one that is enough: %+v, %v", answer, err)
	}
}

func TestNeeds(t *testing.T) {
	minute := time.Minute
	cases := []struct {
		name   string
		caller func(*oauthtest.World) access.Caller
		pairs  []string
		since  time.Duration // since Alice signed in
		want   authorize.Kind
		none   oauth.Code // the error with prompt=none
	}{
		{"nobody", (*oauthtest.World).Nobody, nil, 0, authorize.SignIn, oauth.LoginRequired},
		{"signed in", alice, nil, minute, "", ""},
		{"prompt=login", alice, []string{"prompt", "login"}, minute, authorize.SignIn, ""},
		{"max_age holds", alice, []string{"max_age", "60"}, minute, "", ""},
		{"max_age is over", alice, []string{"max_age", "59"}, minute, authorize.SignIn, oauth.LoginRequired},
		{"max_age=0", alice, []string{"max_age", "0"}, minute, authorize.SignIn, oauth.LoginRequired},
		{"select_account", alice, []string{"prompt", "select_account"}, minute, authorize.Select, ""},
		{"create", alice, []string{"prompt", "create"}, minute, authorize.SignUp, ""},
		{"create by nobody", (*oauthtest.World).Nobody, []string{"prompt", "create"}, 0, authorize.SignUp, ""},
		{"consent", alice, []string{"prompt", "consent"}, minute, authorize.Consent, ""},
		{"stronger", alice, []string{"acr_values", oauth.ACRNoPhishing}, minute, authorize.StepUp, oauth.InteractionRequired},
		{"strong enough", alice, []string{"acr_values", oauth.ACRNoPhishing + " " + oauth.ACRTwoFactors}, minute, "", ""},
		{"acr of others", alice, []string{"acr_values", "urn:mace:incommon:iap:silver"}, minute, "", ""},
		{"another's session", func(w *oauthtest.World) access.Caller { return w.Browser("mallory", oauthtest.Sid) }, nil, minute, authorize.SignIn, oauth.LoginRequired},
		{"an unknown session", func(w *oauthtest.World) access.Caller { return w.Browser(oauthtest.Alice, "x") }, nil, minute, authorize.SignIn, oauth.LoginRequired},
		{"a bearer token", func(w *oauthtest.World) access.Caller {
			p := access.Proof{Session: oauthtest.Sid, Scoped: true, Scopes: []string{access.ScopeAccount}}
			return access.Authenticated(oauthtest.Tenant, access.User(oauthtest.Alice), p, w.Origin())
		}, nil, minute, authorize.SignIn, oauth.LoginRequired},
		{"somebody of another tenant", func(w *oauthtest.World) access.Caller {
			p := access.Proof{Session: oauthtest.Sid}
			return access.Authenticated(id.System, access.User(oauthtest.Alice), p, w.Origin()).For(oauthtest.Tenant)
		}, nil, minute, authorize.SignIn, oauth.LoginRequired},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := oauthtest.New(t)
			app := w.Register(oauthtest.WebApp())
			signInAgain(w)
			w.Clock.Advance(c.since)
			answer, err := app.Begin(c.caller(w), c.pairs...)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case c.want == "" && (answer.Response == nil || answer.Response.Get("code") == ""):
				t.Errorf("no code: %+v %+v", answer.Response, answer.Need)
			case c.want != "" && (answer.Need == nil || answer.Need.Kind != c.want || answer.Need.Handle == ""):
				t.Errorf("need = %+v", answer.Need)
			}
			if c.none == "" {
				return
			}
			answer, err = app.Begin(c.caller(w), append(c.pairs, "prompt", "none")...)
			if err != nil || answer.Response == nil || answer.Response.Get("error") != string(c.none) {
				t.Errorf("prompt=none: %+v, %v", answer.Response, err)
			}
		})
	}
}

func TestResumeAfterSigningIn(t *testing.T) {
	for _, pairs := range [][]string{{"prompt", "login"}, {"max_age", "0"}, {"prompt", "create"}} {
		w := oauthtest.New(t)
		app := w.Register(oauthtest.WebApp())
		w.Clock.Advance(time.Minute)
		answer, err := app.Begin(alice(w), append(pairs, "login_hint", "alice@example.com")...)
		if err != nil || answer.Need == nil || answer.Need.Hint != "alice@example.com" {
			t.Fatalf("%v: %+v, %v", pairs, answer.Need, err)
		}
		handle := answer.Need.Handle
		if answer, err = w.Authorizer.Resume(t.Context(), alice(w), handle, authorize.Choice{}); err != nil || answer.Need == nil {
			t.Fatalf("%v: without signing in again: %+v, %v", pairs, answer, err)
		}
		w.Clock.Advance(time.Minute)
		signInAgain(w)
		answer, err = w.Authorizer.Resume(t.Context(), alice(w), handle, authorize.Choice{})
		if err != nil || answer.Response == nil || answer.Response.Get("code") == "" || answer.Response.Get("state") != "the-state" {
			t.Errorf("%v: after signing in again: %+v, %v", pairs, answer, err)
		}
	}
}

// What a person has chosen is remembered: the page that asks for consent is not sent back to the choice.
func TestTheChosenAccountIsAskedForConsent(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	w.Clock.Advance(time.Minute)
	answer, err := app.Begin(alice(w), "prompt", "select_account consent")
	if err != nil || answer.Need == nil || answer.Need.Kind != authorize.Select {
		t.Fatalf("%+v, %v", answer.Need, err)
	}
	first := answer.Need.Handle
	answer, err = w.Authorizer.Resume(t.Context(), alice(w), first, authorize.Choice{Selected: true})
	if err != nil || answer.Need == nil || answer.Need.Kind != authorize.Consent {
		t.Fatalf("after the choice: %+v, %v", answer.Need, err)
	}
	handle := answer.Need.Handle
	for handle, want := range map[string]authorize.Kind{handle: authorize.Consent, first: authorize.Select} {
		answer, err = w.Authorizer.Resume(t.Context(), alice(w), handle, authorize.Choice{})
		if err != nil || answer.Need == nil || answer.Need.Kind != want {
			t.Errorf("asked what is needed: %+v, %v, want %s", answer.Need, err, want)
		}
	}
}

// Row 21: nothing is decided by what went through the browser, unless it is sealed and checked again.
func TestRegress_021_ResumeChecksTheRequestAgain(t *testing.T) {
	begin := func(t *testing.T) (*oauthtest.World, *oauthtest.App, string) {
		w := oauthtest.New(t)
		app := w.Register(oauthtest.WebApp())
		answer, err := app.Begin(w.Nobody())
		if err != nil || answer.Need == nil {
			t.Fatalf("Begin: %+v, %v", answer, err)
		}
		return w, app, answer.Need.Handle
	}
	t.Run("disabled", func(t *testing.T) {
		w, app, handle := begin(t)
		if _, err := w.Clients.Disable(t.Context(), w.Admin(), app.ClientID()); err != nil {
			t.Fatal(err)
		}
		if answer, err := w.Authorizer.Resume(t.Context(), alice(w), handle, authorize.Choice{}); err == nil {
			t.Errorf("Resume: %+v", answer)
		}
	})
	t.Run("redirect URI removed", func(t *testing.T) {
		w, app, handle := begin(t)
		_, err := w.Clients.Update(t.Context(), w.Admin(), app.ClientID(), func(c *oauth.Client) error {
			c.Redirect = []oauth.RedirectURI{"https://app.example.com/new"}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := w.Authorizer.Deny(t.Context(), alice(w), handle); err == nil {
			t.Errorf("Deny: %+v", answer)
		}
	})
	t.Run("too old", func(t *testing.T) {
		w, _, handle := begin(t)
		w.Clock.Advance(authorize.Life)
		if _, err := w.Authorizer.Resume(t.Context(), w.Nobody(), handle, authorize.Choice{}); errs.CodeOf(err) != "flow_expired" {
			t.Errorf("Resume: %v", err)
		}
	})
	t.Run("another tenant", func(t *testing.T) {
		w, _, handle := begin(t)
		w.Tenants.Put("other", oauth.TenantStanding{Issuer: "https://other.example", Enabled: true})
		if _, err := w.Authorizer.Resume(t.Context(), access.Anonymous("other", w.Origin()), handle, authorize.Choice{}); errs.CodeOf(err) != "flow_expired" {
			t.Errorf("Resume: %v", err)
		}
	})
	t.Run("forged", func(t *testing.T) {
		w, _, handle := begin(t)
		for i := range len(handle) {
			changed := []byte(handle)
			changed[i] ^= 1
			if _, err := w.Authorizer.Resume(t.Context(), w.Nobody(), string(changed), authorize.Choice{}); errs.CodeOf(err) != "flow_expired" {
				t.Fatalf("byte %d changed: %v", i, err)
			}
		}
	})
}

func TestConsentIsRememberedAndAskedForMore(t *testing.T) {
	w := oauthtest.New(t)
	draft := oauthtest.WebApp()
	draft.FirstParty = false
	app := w.Register(draft)
	answer, err := app.Begin(alice(w), "scope", "openid email invoices:read")
	if err != nil || answer.Need == nil || answer.Need.Kind != authorize.Consent || len(answer.Need.Scopes) != 3 || answer.Need.Scopes[1].Words == "" {
		t.Fatalf("first: %+v, %v", answer.Need, err)
	}
	if denied, err := w.Authorizer.Deny(t.Context(), alice(w), answer.Need.Handle); err != nil || denied.Response.Get("error") != "access_denied" {
		t.Errorf("Deny: %+v, %v", denied, err)
	}
	if _, err := w.Authorizer.Allow(t.Context(), alice(w), answer.Need.Handle, oauth.Scopes{"invoices:write"}); !errs.Is(err, errs.Invalid) {
		t.Errorf("allowing what was not asked for: %v", err)
	}
	answer, err = w.Authorizer.Allow(t.Context(), alice(w), answer.Need.Handle, oauth.Scopes{"openid", "invoices:read"})
	if err != nil || answer.Response == nil || answer.Response.Get("code") == "" {
		t.Fatalf("Allow: %+v, %v", answer, err)
	}
	w.Clock.Advance(time.Second)
	if m := app.Tokens("scope", "openid invoices:read"); m.Scope() != "openid invoices:read" {
		t.Errorf("remembered: %q", m.Scope())
	}
	answer, err = app.Begin(alice(w), "scope", "openid email invoices:read")
	if err != nil || answer.Need == nil || answer.Need.Kind != authorize.Consent {
		t.Errorf("for more than was allowed: %+v, %v", answer, err)
	}
	answer, err = app.Begin(alice(w), "scope", "openid", "prompt", "consent")
	if err != nil || answer.Need == nil || answer.Need.Kind != authorize.Consent {
		t.Errorf("prompt=consent: %+v, %v", answer, err)
	}
}

func TestOnlyWhatWasAllowedIsGiven(t *testing.T) {
	w := oauthtest.New(t)
	draft := oauthtest.WebApp()
	draft.FirstParty = false
	app := w.Register(draft)
	answer, err := app.Begin(alice(w), "scope", "openid email invoices:read")
	if err != nil {
		t.Fatal(err)
	}
	answer, err = w.Authorizer.Allow(t.Context(), alice(w), answer.Need.Handle, oauth.Scopes{"openid"})
	if err != nil || answer.Response == nil {
		t.Fatalf("Allow: %+v, %v", answer, err)
	}
	m, err := app.Exchange(codeOf(answer))
	if err != nil || m.Scope() != "openid" {
		t.Errorf("scope = %q, %v", m.Scope(), err)
	}
}

// RFC 8252, section 8.6: another program on the device could have sent the request.
func TestNativeAppsAskEachTime(t *testing.T) {
	w := oauthtest.New(t)
	draft := oauthtest.WebApp()
	draft.Type, draft.Grants, draft.Redirect = oauth.Native, nil, []oauth.RedirectURI{"http://127.0.0.1/cb"}
	app := w.Register(draft)
	for range 2 {
		answer, err := app.Begin(alice(w), "redirect_uri", "http://127.0.0.1:51004/cb")
		if err != nil || answer.Need == nil || answer.Need.Kind != authorize.Consent {
			t.Fatalf("Begin: %+v, %v", answer, err)
		}
		answer, err = w.Authorizer.Allow(t.Context(), alice(w), answer.Need.Handle, oauth.Scopes{"openid", "email"})
		if err != nil || answer.Response == nil || !strings.HasPrefix(answer.Response.Location(), "http://127.0.0.1:51004/cb?code=") {
			t.Fatalf("Allow: %+v, %v", answer, err)
		}
		w.Clock.Advance(time.Second)
	}
}

func TestOrganisationMustBeTheUsers(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	answer, err := app.Begin(alice(w), "organization", "acme")
	if err != nil || answer.Response.Get("error") != "access_denied" {
		t.Errorf("not a member: %+v, %v", answer, err)
	}
	w.Organisations.Put("acme/"+oauthtest.Alice, oauth.OrgStanding{Enabled: true, Member: true})
	if answer, err = app.Begin(alice(w), "organization", "acme"); err != nil || answer.Response.Get("code") == "" {
		t.Errorf("a member: %+v, %v", answer, err)
	}
}

func TestIDTokenHintNamesTheUser(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	hint := app.Tokens().ID().Reveal()
	w.Clock.Advance(time.Hour) // hints may be old
	if answer, err := app.Begin(alice(w), "id_token_hint", hint); err != nil || answer.Response.Get("code") == "" {
		t.Errorf("the same user: %+v, %v", answer, err)
	}
	w.Sessions.Put("bobs", oauth.SessionStanding{Alive: true, Epoch: 1, UserID: "bob", AuthTime: w.Clock.Now(), Strength: access.TwoFactors})
	w.Users.Put("bob", oauthtest.User{UserStanding: oauth.UserStanding{Active: true, Epoch: 1}})
	answer, err := app.Begin(w.Browser("bob", "bobs"), "id_token_hint", hint, "prompt", "none")
	if err != nil || answer.Response.Get("error") != "login_required" {
		t.Errorf("another user: %+v, %v", answer, err)
	}
	answer, err = app.Begin(alice(w), "id_token_hint", app.Tokens().Access().Reveal())
	if err != nil || answer.Response.Get("error") != "invalid_request" {
		t.Errorf("an access token as hint: %+v, %v", answer, err)
	}
}

func FuzzBegin(f *testing.F) {
	w := oauthtest.New(f)
	app := w.Register(oauthtest.WebApp())
	f.Add(app.Params().Encode())
	f.Add("client_id=" + app.ID + "&redirect_uri=https%3A%2F%2Fevil.example&response_type=code")
	f.Add("max_age=1&prompt=none&acr_values=a+b&resource=x&resource=y")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		p, err := authorize.NewParams(values)
		if err != nil {
			return
		}
		for _, c := range []access.Caller{w.Nobody(), alice(w)} {
			answer, err := w.Authorizer.Begin(t.Context(), c, p)
			if err != nil && oauth.CodeOf(err) == "" {
				t.Fatalf("%q: %v", query, err)
			}
			if r := answer.Response; r != nil && r.Redirect != oauthtest.Callback {
				t.Fatalf("%q is answered at %q", query, r.Redirect)
			}
		}
	})
}

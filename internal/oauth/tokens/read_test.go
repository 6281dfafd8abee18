package tokens_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/authenticate"
	"github.com/cardea-auth/cardea/internal/oauth/grants"
	"github.com/cardea-auth/cardea/internal/oauth/oauthtest"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
)

// opaqueApp is a web application with opaque access tokens.
func opaqueApp() oauth.Client {
	draft := oauthtest.WebApp()
	draft.Access = oauth.Opaque
	return draft
}

func read(w *oauthtest.World, token string) error {
	_, _, err := w.Reader.Read(w.T.Context(), oauthtest.Tenant, token)
	return err
}

func TestReadSaysWhatTheTokenSays(t *testing.T) {
	w := oauthtest.New(t)
	for _, draft := range []oauth.Client{oauthtest.WebApp(), opaqueApp()} {
		app := w.Register(draft)
		token := app.Tokens("scope", "openid invoices:read").Access().Reveal()
		for range 2 { // the second time from memory
			a, now, err := w.Reader.Read(t.Context(), oauthtest.Tenant, token)
			if err != nil {
				t.Fatal(err)
			}
			if a.Form != app.Access || a.User != oauthtest.Alice || a.Client != app.ClientID() || a.Session != oauthtest.Sid || a.Scopes.String() != "openid invoices:read" {
				t.Errorf("access = %+v", a)
			}
			if !a.For(oauthtest.Issuer) || a.For("") || !a.AuthTime.Equal(w.Clock.Now()) || a.ACR != oauth.ACRTwoFactors || now.Client.ID != app.ID {
				t.Errorf("access = %+v", a)
			}
		}
		w.Clock.Advance(10 * time.Minute)
		if err := read(w, token); errs.CodeOf(err) != tokens.CodeExpired && errs.CodeOf(err) != tokens.CodeInvalid {
			t.Errorf("expired: %v", err)
		}
		w.Clock.Advance(-10 * time.Minute)
	}
}

func TestExpiredJWTIsToldFromAnInvalidOne(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	known, fresh := app.Tokens().Access().Reveal(), app.Tokens().Access().Reveal()
	if err := read(w, known); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(10*time.Minute - time.Second)
	if err := read(w, known); err != nil {
		t.Errorf("a second before its end: %v", err)
	}
	w.Clock.Advance(time.Second)
	for _, token := range []string{known, fresh} {
		if err := read(w, token); errs.CodeOf(err) != tokens.CodeExpired {
			t.Errorf("at its end: %v", err)
		}
	}
}

// everyKind is one good artefact of every kind.
func everyKind(w *oauthtest.World) map[string]secret.Value {
	jwt, blind := w.Register(oauthtest.WebApp()), w.Register(opaqueApp())
	m := jwt.Tokens()
	cookie := opaque.New(opaque.Session)
	w.Sessions.Cookie(cookie, oauthtest.Sid)
	return map[string]secret.Value{
		"jwt": m.Access(), "opaque": blind.Tokens().Access(), "refresh": jwt.Tokens().Refresh(), "id": m.ID(), "code": jwt.Code(),
		"cookie": secret.New(cookie), "secret": jwt.Attempt().Basic.Secret,
	}
}

// Row 19 and example E18: an artefact of one kind is never taken for one of another.
func TestRegress_019_KindsAreNeverMixedUp(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	doors := map[string]func(secret.Value) error{
		"bearer": func(v secret.Value) error {
			_, err := w.Authenticator.Authenticate(t.Context(), oauthtest.Tenant, authenticate.Credential{Kind: authenticate.Bearer, Value: v}, w.Origin())
			return err
		},
		"cookie": func(v secret.Value) error {
			_, err := w.Authenticator.Authenticate(t.Context(), oauthtest.Tenant, authenticate.Credential{Kind: authenticate.Session, Value: v}, w.Origin())
			return err
		},
		"api key": func(v secret.Value) error {
			_, err := w.Authenticator.Authenticate(t.Context(), oauthtest.Tenant, authenticate.Credential{Kind: authenticate.APIKey, Value: v}, w.Origin())
			return err
		},
		"code":    func(v secret.Value) error { _, err := app.Exchange(v); return err },
		"refresh": func(v secret.Value) error { _, err := app.Refresh(v); return err },
		"hint": func(v secret.Value) error {
			_, err := w.Reader.ReadHint(t.Context(), oauthtest.Tenant, v.Reveal())
			return err
		},
	}
	fits := map[string]string{"bearer jwt": "", "bearer opaque": "", "cookie cookie": "", "hint id": ""}
	for kind, artefact := range everyKind(w) {
		for door, open := range doors {
			_, good := fits[door+" "+kind]
			err := open(artefact)
			if good != (err == nil) {
				t.Errorf("%s as %s: %v", kind, door, err)
			}
			if door == "bearer" && err != nil && errs.CodeOf(err) != tokens.CodeInvalid {
				t.Errorf("%s as bearer has the code %s", kind, errs.CodeOf(err))
			}
		}
	}
}

// Row 32: a token that is not exactly the one that was given out is none.
func TestRegress_032_MangledTokensAreRefused(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	use := map[string]func(string) error{
		"jwt":     func(s string) error { return read(w, s) },
		"opaque":  func(s string) error { return read(w, s) },
		"id":      func(s string) error { _, err := w.Reader.ReadHint(t.Context(), oauthtest.Tenant, s); return err },
		"refresh": func(s string) error { _, err := w.Families.Find(t.Context(), oauthtest.Tenant, s); return err },
		"code":    func(s string) error { _, err := app.Exchange(secret.New(s)); return err },
	}
	all := everyKind(w)
	for kind, try := range use {
		token := all[kind].Reveal()
		if kind != "code" {
			if err := try(token); err != nil {
				t.Fatalf("%s: the token itself: %v", kind, err)
			}
		}
		for _, bad := range mangled(token) {
			if bad == token {
				continue
			}
			if err := try(bad); err == nil {
				t.Errorf("%s: %q is taken for the token", kind, bad)
			}
		}
	}
}

// mangled are all proper prefixes and suffixes of a token, and changes of case, padding and blanks.
func mangled(token string) []string {
	out := []string{
		token + "=", token + "==", token + "A", token + " ", " " + token, token + "\n", "\n" + token, token + "\x00", token + ".",
		strings.ToUpper(token), strings.ToLower(token), strings.ReplaceAll(token, ".", "="), strings.ReplaceAll(token, "_", "-") + "x",
	}
	for i := range len(token) {
		out = append(out, token[:i])
		if i > 0 {
			out = append(out, token[i:])
		}
		c := token[i]
		swapped := c ^ 0x20
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			out = append(out, token[:i]+string(swapped)+token[i+1:])
		}
		out = append(out, token[:i]+"\n"+token[i:], token[:i]+"%"+token[i+1:])
	}
	last := token[len(token)-1]
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if byte(c) != last { // stray bits of the last character
			out = append(out, token[:len(token)-1]+string(c))
		}
	}
	return out
}

// Rows 37 and 40: a token of another tenant, or for another service, opens nothing here.
func TestRegress_037_040_AudienceAndTenantAreAlwaysChecked(t *testing.T) {
	w := oauthtest.New(t)
	w.Tenants.Put("other", oauth.TenantStanding{Issuer: "https://other.example.com", Enabled: true, Epoch: 1, AccessLife: time.Minute})
	draft := oauthtest.WebApp()
	draft.Audience = []string{oauthtest.API, "https://second.example.com"}
	app := w.Register(draft)
	api := app.Tokens("scope", "invoices:read").Access()
	bearer := func(t id.Tenant, v secret.Value) error {
		_, err := w.Authenticator.Authenticate(w.T.Context(), t, authenticate.Credential{Kind: authenticate.Bearer, Value: v}, w.Origin())
		return err
	}
	if err := bearer(oauthtest.Tenant, api); errs.CodeOf(err) != tokens.CodeInvalid {
		t.Errorf("a token for another service at our own API: %v", err)
	}
	for _, draft := range []oauth.Client{oauthtest.WebApp(), opaqueApp()} {
		own := w.Register(draft).Tokens().Access()
		if err := bearer(oauthtest.Tenant, own); err != nil {
			t.Errorf("a token for us: %v", err)
		}
		if err := bearer("other", own); errs.CodeOf(err) != tokens.CodeInvalid {
			t.Errorf("a token of another tenant: %v", err)
		}
	}
	// With openid, the issuer is an audience besides, for userinfo.
	a, _, err := w.Reader.Read(t.Context(), oauthtest.Tenant, app.Tokens("scope", "openid").Access().Reveal())
	if err != nil || !a.For(oauthtest.API) || !a.For(oauthtest.Issuer) || len(a.Audience) != 2 {
		t.Errorf("audience = %v, %v", a.Audience, err)
	}
}

func TestResourcesNarrowTheAudience(t *testing.T) {
	w := oauthtest.New(t)
	draft := oauthtest.WebApp()
	draft.Audience = []string{oauthtest.API, "https://second.example.com"}
	app := w.Register(draft)
	audience := func(m tokens.Minted) string {
		a, _, err := w.Reader.Read(t.Context(), oauthtest.Tenant, m.Access().Reveal())
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(a.Audience, " ")
	}
	m := app.Tokens("scope", "invoices:read", "resource", "https://second.example.com")
	if got := audience(m); got != "https://second.example.com" {
		t.Errorf("audience = %s", got)
	}
	_, err := app.Issue(grants.NewRefresh(w.Families, m.Refresh()), tokens.Request{Resources: []string{oauthtest.API}})
	if oauth.CodeOf(err) != oauth.InvalidTarget {
		t.Errorf("a resource that was not granted: %v", err)
	}
	own, err := app.Issue(grants.ClientCredentials{}, tokens.Request{Resources: []string{"https://second.example.com"}})
	if err != nil || audience(own) != "https://second.example.com" {
		t.Errorf("client credentials for the second resource: %v", err)
	}
	if _, err := app.Issue(grants.ClientCredentials{}, tokens.Request{Resources: []string{oauthtest.Issuer}}); oauth.CodeOf(err) != oauth.InvalidTarget {
		t.Errorf("client credentials for the issuer: %v", err)
	}
}

func TestOurOwnScopesAreForUsAlone(t *testing.T) {
	w := oauthtest.New(t)
	draft := oauthtest.WebApp()
	draft.Audience, draft.Scopes = []string{oauthtest.API, oauthtest.Issuer}, oauth.Scopes{"openid", "cardea:account"}
	app := w.Register(draft)
	answer, err := app.Begin(w.Browser(oauthtest.Alice, oauthtest.Sid), "scope", "cardea:account")
	if err != nil || answer.Response.Get("error") != "invalid_target" {
		t.Errorf("our own scope for another service: %+v, %v", answer.Response, err)
	}
	m := app.Tokens("scope", "openid cardea:account", "resource", oauthtest.Issuer)
	if a, _, err := w.Reader.Read(t.Context(), oauthtest.Tenant, m.Access().Reveal()); err != nil || len(a.Audience) != 1 {
		t.Errorf("our own scope for us: %+v, %v", a, err)
	}
	if _, err := app.Issue(grants.ClientCredentials{}, tokens.Request{}); oauth.CodeOf(err) != oauth.InvalidTarget {
		t.Errorf("our own scope for another service, by client credentials: %v", err)
	}
}

// Whatever looks like a JWT and was not signed by us is refused.
func TestRegress_043_044_045_046_047_049_052_053_055_ForgedJWTs(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	good := app.Tokens().Access().Reveal()
	parts := strings.Split(good, ".")
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	keys, err := w.Keys.List(t.Context(), w.Admin())
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	kid := keys[0].ID
	forged := map[string]string{
		"none":             encode(`{"alg":"none","kid":"`+kid+`","typ":"at+jwt"}`) + "." + parts[1] + ".",
		"NoNe":             encode(`{"alg":"NoNe","kid":"`+kid+`","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2],
		"empty alg":        encode(`{"alg":"","kid":"`+kid+`","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2],
		"no alg":           encode(`{"kid":"`+kid+`","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2],
		"HS256":            encode(`{"alg":"HS256","kid":"`+kid+`","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2],
		"unknown kid":      encode(`{"alg":"ES256","kid":"../../dev/null","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2],
		"injected kid":     encode(`{"alg":"ES256","kid":"' OR 1=1","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2],
		"huge kid":         encode(`{"alg":"ES256","kid":"`+strings.Repeat("k", 1<<20)+`","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2],
		"embedded jwk":     encode(`{"alg":"ES256","jwk":{"kty":"EC"},"typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2],
		"jku":              encode(`{"alg":"ES256","jku":"https://evil.example","kid":"`+kid+`","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2],
		"zero signature":   parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
		"empty signature":  parts[0] + "." + parts[1] + ".",
		"other claims":     parts[0] + "." + encode(`{"sub":"bob"}`) + "." + parts[2],
		"JWE":              good + "." + parts[1] + "." + parts[2],
		"JSON":             `{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`,
		"dots":             strings.Repeat(".", 1<<20),
		"two dots":         "..",
		"nothing":          "",
		"bearer of spaces": "   ",
	}
	for name, token := range forged {
		if err := read(w, token); errs.CodeOf(err) != tokens.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRevokedKeyEndsRememberedTokens(t *testing.T) {
	w := oauthtest.New(t)
	token := w.Register(oauthtest.WebApp()).Tokens().Access().Reveal()
	if err := read(w, token); err != nil {
		t.Fatal(err)
	}
	w.RevokeKeys()
	if err := read(w, token); errs.CodeOf(err) != tokens.CodeInvalid {
		t.Errorf("a token of a revoked key: %v", err)
	}
}

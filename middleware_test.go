package cardea_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea"
	"github.com/cardea-auth/cardea/cardeatest"
)

// greet is a protected handler: it answers with the caller's subject.
var greet = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	who, ok := cardea.Subject(r.Context())
	if !ok {
		who.Subject = "nobody"
	}
	_, _ = io.WriteString(w, who.Subject)
})

// call sends a GET with the token, if any, to h.
func call(h http.Handler, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/invoices/17", http.NoBody)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// problem is the body of a refusal.
type problem struct {
	Type, Title, Detail, Scope, Permission string
	Status                                 int
	Code                                   cardea.Code
	ACR                                    string `json:"acr_values"`
	MaxAge                                 int    `json:"max_age"`
}

// wantRefusal checks everything that each refusal has, and returns its body.
func wantRefusal(t *testing.T, w *httptest.ResponseRecorder, status int, code cardea.Code) problem {
	t.Helper()
	var p problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("body %q: %v", w.Body, err)
	}
	if w.Code != status || p.Status != status || p.Code != code {
		t.Errorf("%d %s, want %d %s", w.Code, w.Body, status, code)
	}
	h := w.Header()
	if h.Get("Content-Type") != "application/problem+json" || h.Get("Cache-Control") != "no-store" || p.Title != http.StatusText(status) {
		t.Errorf("headers %v, title %q", h, p.Title)
	}
	if (status == http.StatusUnauthorized) != strings.HasPrefix(h.Get("WWW-Authenticate"), "Bearer") && status != http.StatusBadRequest && code != cardea.CodeInsufficientScope {
		t.Errorf("%d with WWW-Authenticate %q", status, h.Get("WWW-Authenticate"))
	}
	return p
}

func wantPass(t *testing.T, w *httptest.ResponseRecorder, who string) {
	t.Helper()
	if w.Code != http.StatusOK || w.Body.String() != who {
		t.Errorf("%d %s, want 200 %s", w.Code, w.Body, who)
	}
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	h := auth.Authenticate(greet)
	wantPass(t, call(h, ""), "nobody")
	wantPass(t, call(h, srv.Token(cardeatest.Claims{})), "alice")
	wantRefusal(t, call(h, "nonsense"), 401, cardea.CodeTokenInvalid)
	wantRefusal(t, call(h, srv.Token(cardeatest.Claims{Life: -time.Hour})), 401, cardea.CodeTokenExpired)
}

// TestRegress_152_BearerWithoutToken: Keycloak answered 500 to a header without a token.
func TestRegress_152_BearerWithoutToken(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	token := srv.Token(cardeatest.Claims{})
	for name, c := range map[string]struct {
		headers []string
		query   string
		open    int // what Authenticate answers; 200 as the caller is alice
		closed  int // what RequireSignIn answers
	}{
		"none":                    {nil, "", 200, 401},
		"good":                    {[]string{"Bearer " + token}, "", 200, 200},
		"lower case":              {[]string{"bearer " + token}, "", 200, 200},
		"upper case":              {[]string{"BEARER " + token}, "", 200, 200},
		"two blanks":              {[]string{"Bearer  " + token}, "", 200, 200},
		"scheme only":             {[]string{"Bearer"}, "", 401, 401},
		"scheme and blank":        {[]string{"Bearer "}, "", 401, 401},
		"scheme and tab":          {[]string{"Bearer\t" + token}, "", 401, 401},
		"empty header":            {[]string{""}, "", 401, 401},
		"a comma":                 {[]string{"Bearer " + token + ", Bearer " + token}, "", 401, 401},
		"trailing blank":          {[]string{"Bearer " + token + " "}, "", 401, 401},
		"no scheme":               {[]string{token}, "", 401, 401},
		"no blank":                {[]string{"Bearer" + token}, "", 401, 401},
		"other scheme":            {[]string{"Basic YTpi"}, "", 401, 401},
		"DPoP":                    {[]string{"DPoP " + token}, "", 401, 401},
		"only padding":            {[]string{"Bearer ==="}, "", 401, 401},
		"not ASCII":               {[]string{"Bearer \xff\xfe"}, "", 401, 401},
		"twice":                   {[]string{"Bearer " + token, "Bearer " + token}, "", 400, 400},
		"good and empty":          {[]string{"Bearer " + token, ""}, "", 400, 400},
		"in the query":            {nil, "?access_token=" + token, 200, 401},
		"in the query and broken": {[]string{"Bearer"}, "?access_token=" + token, 401, 401},
	} {
		t.Run(name, func(t *testing.T) {
			for status, h := range map[*int]http.Handler{&c.open: auth.Authenticate(greet), &c.closed: auth.RequireSignIn(greet)} {
				r := httptest.NewRequest(http.MethodGet, "/"+c.query, http.NoBody)
				if c.headers != nil {
					r.Header["Authorization"] = c.headers
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code != *status {
					t.Errorf("%d %s, want %d", w.Code, w.Body, *status)
				}
				if w.Code == 200 && (w.Body.String() == "alice") != (len(c.headers) == 1) {
					t.Errorf("the caller is %s", w.Body)
				}
			}
		})
	}
}

func TestChallenges(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	token := srv.Token(cardeatest.Claims{Scope: "read", Age: time.Hour, ACR: "pwd"})
	for name, c := range map[string]struct {
		guard func(http.Handler) http.Handler
		token string
		want  string
	}{
		"missing":         {auth.RequireSignIn, "", `Bearer`},
		"missing scope":   {auth.RequireScope("read", "write"), "", `Bearer scope="read write"`},
		"missing step-up": {auth.RequireStepUp("mfa hwk", 90*time.Second), "", `Bearer acr_values="mfa hwk", max_age="90"`},
		"invalid":         {auth.RequireSignIn, "x.y.z", `Bearer error="invalid_token", error_description="The credential is not an access token of this issuer."`},
		"scope": {
			auth.RequireScope("read", "write"), token,
			`Bearer error="insufficient_scope", error_description="The access token was not granted every scope that is needed here.", scope="read write"`,
		},
		"step-up": {
			auth.RequireStepUp("mfa", 500*time.Millisecond), token,
			`Bearer error="insufficient_user_authentication", error_description="A more recent or a stronger sign-in is needed here.", acr_values="mfa", max_age="1"`,
		},
		"a quote in a name": {auth.RequireScope("a\"b\\c\r\nX: y"), "", `Bearer scope="abcX: y"`},
		"a permission":      {auth.RequirePermissions("x"), token, ``},
	} {
		t.Run(name, func(t *testing.T) {
			if got := call(c.guard(greet), c.token).Header().Get("WWW-Authenticate"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestRequireScope(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	h := auth.RequireScope("read", "write")(greet)
	wantPass(t, call(h, srv.Token(cardeatest.Claims{Scope: "write other read"})), "alice")
	for _, scope := range []string{"", "read", "write", "read,write", "readwrite", "READ WRITE", "read\u00a0write"} {
		p := wantRefusal(t, call(h, srv.Token(cardeatest.Claims{Scope: scope})), 403, cardea.CodeInsufficientScope)
		if p.Scope != "read write" {
			t.Errorf("scope %q", p.Scope)
		}
	}
	wantRefusal(t, call(h, ""), 401, cardea.CodeTokenMissing)
}

// E2, E3 and Z8: what is missing is named, and the token's own roles count for nothing.
func TestRequirePermissions(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	h := auth.RequirePermissions("posts:read", "users:delete")(greet)
	srv.Grant("alice", "posts:read")
	srv.Grant("alice", "users:delete")
	srv.Grant("bob", "posts:read")
	alice, bob := srv.Token(cardeatest.Claims{}), srv.Token(cardeatest.Claims{Subject: "bob", Roles: []string{"admin"}})
	wantPass(t, call(h, alice), "alice")
	if p := wantRefusal(t, call(h, bob), 403, cardea.CodePermissionMissing); p.Permission != "users:delete" {
		t.Errorf("permission %q", p.Permission)
	}
	srv.Ungrant("alice", "users:delete")
	wantRefusal(t, call(h, alice), 403, cardea.CodePermissionMissing)
	wantRefusal(t, call(h, ""), 401, cardea.CodeTokenMissing)
	one := auth.RequirePermissions("posts:read")(greet)
	wantPass(t, call(one, bob), "bob")
	srv.Break(cardeatest.Decisions)
	wantRefusal(t, call(one, bob), 503, cardea.CodeDecisionUnavailable)
	wantRefusal(t, call(h, alice), 503, cardea.CodeDecisionUnavailable)
}

func TestRequireAnyRole(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	h := auth.RequireAnyRole("admin", "editor")(greet)
	stale := srv.Token(cardeatest.Claims{Roles: []string{"admin"}})
	wantRefusal(t, call(h, stale), 403, cardea.CodePermissionMissing)
	srv.Assign("alice", "editor")
	wantPass(t, call(h, stale), "alice")
	srv.Unassign("alice", "editor")
	if p := wantRefusal(t, call(h, stale), 403, cardea.CodePermissionMissing); !strings.Contains(p.Detail, "admin, editor") {
		t.Errorf("detail %q does not name the roles", p.Detail)
	}
}

// E16: author 200, another user 403, administrator 200, anonymous 401.
func TestRequireOwnerOr(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	owner, failure := "alice", error(nil)
	h := auth.RequireOwnerOr(func(r *http.Request) (string, error) {
		if _, ok := cardea.Subject(r.Context()); !ok {
			t.Error("the owner is asked for although nobody is signed in")
		}
		return owner, failure
	}, "invoice:delete")(greet)
	srv.Grant("root", "invoice:delete")
	alice, bob, root := srv.Token(cardeatest.Claims{}), srv.Token(cardeatest.Claims{Subject: "bob"}), srv.Token(cardeatest.Claims{Subject: "root"})
	wantPass(t, call(h, alice), "alice")
	wantRefusal(t, call(h, bob), 403, cardea.CodePermissionMissing)
	wantPass(t, call(h, root), "root")
	wantRefusal(t, call(h, ""), 401, cardea.CodeTokenMissing)
	owner = ""
	wantRefusal(t, call(h, alice), 403, cardea.CodePermissionMissing)
	failure = &cardea.Error{Code: "not_found", Status: 404, Description: "There is no such invoice."}
	wantRefusal(t, call(h, root), 404, "not_found")
	failure = errors.New("secret database trouble")
	if p := wantRefusal(t, call(h, root), 500, "internal"); strings.Contains(fmt.Sprint(p), "secret") {
		t.Error("the cause is shown")
	}
	failure = (*cardea.Error)(nil) // a nil in an interface is an error all the same
	wantRefusal(t, call(h, root), 500, "internal")
	owner, failure = "alice", nil
	srv.Break(cardeatest.Decisions)
	wantPass(t, call(h, alice), "alice") // needs no decision
	wantRefusal(t, call(h, root), 503, cardea.CodeDecisionUnavailable)
}

func TestRequireStepUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		auth := srv.NewClient(t)
		for _, c := range []struct {
			acr, have string
			maxAge    time.Duration
			age       time.Duration
			pass      bool
		}{
			{"mfa", "mfa", 0, time.Hour, true}, {"mfa", "pwd", 0, 0, false}, {"mfa", "", 0, 0, false}, {"hwk mfa", "mfa", 0, 0, true},
			{"hwk mfa", "hwk mfa", 0, 0, false}, {"", "pwd", time.Minute, time.Minute, true}, {"", "pwd", time.Minute, 61 * time.Second, false},
			{"mfa", "mfa", time.Minute, 2 * time.Minute, false}, {"mfa", "pwd", time.Minute, 0, false}, {"", "mfa", 0, 0, false},
			{" ", "mfa", -time.Minute, 0, false},
		} {
			w := call(auth.RequireStepUp(c.acr, c.maxAge)(greet), srv.Token(cardeatest.Claims{ACR: c.have, Age: c.age}))
			if c.pass {
				wantPass(t, w, "alice")
				continue
			}
			p := wantRefusal(t, w, 401, cardea.CodeInsufficientAuthentication)
			if p.ACR != strings.TrimSpace(c.acr) || p.MaxAge != max(0, int(c.maxAge.Seconds())) {
				t.Errorf("%+v: acr_values %q max_age %d", c, p.ACR, p.MaxAge)
			}
		}
		never := srv.Token(cardeatest.Claims{Extra: map[string]any{"auth_time": nil}})
		wantRefusal(t, call(auth.RequireStepUp("", time.Hour)(greet), never), 401, cardea.CodeInsufficientAuthentication)
	})
}

// A denial that a sign-in would turn around says so, unless another permission is missing for good.
func TestDecisionsMayAskForStepUp(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	srv.DemandStepUp("user:alice", "pay", "api:"+cardeatest.Audience, "mfa", 5*time.Minute)
	token := srv.Token(cardeatest.Claims{})
	p := wantRefusal(t, call(auth.RequirePermissions("pay")(greet), token), 401, cardea.CodeInsufficientAuthentication)
	if p.ACR != "mfa" || p.MaxAge != 300 {
		t.Errorf("%+v", p)
	}
	if p := wantRefusal(t, call(auth.RequirePermissions("pay", "close")(greet), token), 403, cardea.CodePermissionMissing); p.Permission != "close" {
		t.Errorf("%+v", p)
	}
}

// An empty list is a mistake in the wiring, not an open door.
func TestEmptyDemandsRefuse(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	srv.Grant("*", "x")
	srv.Grant("*", "")
	srv.Assign("*", "*")
	token := srv.Token(cardeatest.Claims{Scope: "read"})
	nobody := func(*http.Request) (string, error) { return "", nil }
	for name, guard := range map[string]func(http.Handler) http.Handler{
		"scope": auth.RequireScope(), "empty scope": auth.RequireScope(""), "permissions": auth.RequirePermissions(),
		"empty permission": auth.RequirePermissions("x", ""), "roles": auth.RequireAnyRole(), "empty role": auth.RequireAnyRole(""),
		"owner or nothing": auth.RequireOwnerOr(nobody, ""), "step-up": auth.RequireStepUp("", 0),
	} {
		if w := call(guard(greet), token); w.Code != 403 && w.Code != 401 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

// The parts work in any order, the token is verified once, and another issuer's caller counts for nothing.
func TestGuardsCombine(t *testing.T) {
	t.Parallel()
	srv, other := cardeatest.NewServer(t), cardeatest.NewServer(t)
	auth, foreign := srv.NewClient(t), other.NewClient(t)
	token := srv.Token(cardeatest.Claims{Scope: "read"})
	wantPass(t, call(auth.RequireScope("read")(auth.Authenticate(auth.RequireSignIn(greet))), token), "alice")
	wantPass(t, call(auth.Authenticate(auth.Authenticate(greet)), ""), "nobody")
	wantRefusal(t, call(auth.Authenticate(foreign.RequireSignIn(greet)), token), 401, cardea.CodeTokenInvalid)
	wantRefusal(t, call(auth.Authenticate(foreign.RequireSignIn(greet)), ""), 401, cardea.CodeTokenMissing)
}

// A guard keeps its own copy of what it was given.
func TestGuardsOwnTheirDemands(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	list := []string{"write"}
	scope, permission, role := auth.RequireScope(list...), auth.RequirePermissions(list...), auth.RequireAnyRole(list...)
	list[0] = "read"
	srv.Grant("alice", "read")
	srv.Assign("alice", "read")
	for _, guard := range []func(http.Handler) http.Handler{scope, permission, role} {
		if w := call(guard(greet), srv.Token(cardeatest.Claims{Scope: "read"})); w.Code != 403 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

func TestWriteErrorHidesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errors.New("secret"), nil, (*cardea.Error)(nil), &cardea.Error{}, &cardea.Error{Status: 200, Description: "secret"}, &cardea.Error{Status: 999}} {
		w := httptest.NewRecorder()
		cardea.WriteError(w, err)
		wantRefusal(t, w, 500, "internal")
		if strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%v: body %s", err, w.Body)
		}
	}
	w := httptest.NewRecorder()
	cardea.WriteError(w, fmt.Errorf("deciding: %w", &cardea.Error{Code: cardea.CodeRevocationUnknown, Status: 503, Err: errors.New("secret")}))
	wantRefusal(t, w, 503, cardea.CodeRevocationUnknown)
	if w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
}

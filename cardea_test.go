package cardea_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea"
	"github.com/cardea-auth/cardea/cardeatest"
)

// TestRegress_040_AudienceIsAlwaysChecked: OpenFGA and Vault skipped the check when nothing was
// configured. Here nothing is built without an audience.
func TestRegress_040_AudienceIsAlwaysChecked(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	cfg := srv.Config()
	cfg.Audience = ""
	for _, options := range [][]cardea.Option{nil, {cardea.Offline()}} {
		if c, err := cardea.New(t.Context(), cfg, options...); err == nil {
			c.Close()
			t.Error("a client without an audience was built")
		}
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	for name, c := range map[string]struct {
		change  func(*cardea.Config)
		options []cardea.Option
		want    string
	}{
		"no issuer":        {func(c *cardea.Config) { c.Issuer = "" }, nil, "absolute URL"},
		"a relative one":   {func(c *cardea.Config) { c.Issuer = "/id" }, nil, "absolute URL"},
		"plain http":       {func(c *cardea.Config) { c.Issuer = "http://id.example.com" }, nil, "not https"},
		"almost loopback":  {func(c *cardea.Config) { c.Issuer = "http://localhost.example.com" }, nil, "not https"},
		"another scheme":   {func(c *cardea.Config) { c.Issuer = "ftp://localhost" }, nil, "not https"},
		"user information": {func(c *cardea.Config) { c.Issuer = "https://a:b@id.example.com" }, nil, "user information"},
		"a query":          {func(c *cardea.Config) { c.Issuer += "?x=1" }, nil, "query"},
		"an empty query":   {func(c *cardea.Config) { c.Issuer += "?" }, nil, "query"},
		"a fragment":       {func(c *cardea.Config) { c.Issuer += "#" }, nil, "fragment"},
		"a trailing slash": {func(c *cardea.Config) { c.Issuer += "/" }, nil, "slash"},
		"no credentials":   {func(c *cardea.Config) { c.ClientID, c.ClientSecret = "", "" }, nil, "revocations"},
		"no secret":        {func(c *cardea.Config) { c.ClientSecret = "" }, []cardea.Option{cardea.Offline()}, "belong together"},
		"no id":            {func(c *cardea.Config) { c.ClientID = "" }, nil, "belong together"},
		"too much leeway":  {func(c *cardea.Config) { c.Leeway = 6 * time.Minute }, nil, "Leeway"},
		"a wrong secret":   {func(c *cardea.Config) { c.ClientSecret = "wr%ng" }, nil, "may not follow revocations"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := srv.Config()
			c.change(&cfg)
			auth, err := cardea.New(t.Context(), cfg, c.options...)
			if err == nil {
				auth.Close()
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "wr%ng") {
				t.Errorf("error %q, want something about %q", err, c.want)
			}
		})
	}
}

// A client that is offline needs no credentials, makes no connection, and cannot decide.
func TestOffline(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	cfg := srv.Config()
	cfg.ClientID, cfg.ClientSecret = "", ""
	auth, err := cardea.New(t.Context(), cfg, cardea.Offline())
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()
	token := srv.Token(cardeatest.Claims{Roles: []string{"admin"}})
	verify(t, auth, token, "")
	wantRefusal(t, call(auth.RequirePermissions("x")(greet), token), 503, cardea.CodeDecisionUnavailable)
	wantRefusal(t, call(auth.RequireAnyRole("admin")(greet), token), 503, cardea.CodeDecisionUnavailable)
	if n := srv.Calls(feedPath) + srv.Calls(introspectPath) + srv.Calls(tokenPath); n != 0 {
		t.Errorf("%d calls that need credentials", n)
	}
}

func TestSecretsDoNotPrintThemselves(t *testing.T) {
	t.Parallel()
	cfg := cardea.Config{ClientID: "id", ClientSecret: "hunter2"}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", cfg.ClientSecret, "config", fmt.Sprintf("%+v", cfg))
	encoded, err := json.Marshal(map[string]any{"s": cfg.ClientSecret})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		fmt.Sprint(cfg), fmt.Sprintf("%+v %#v %s %q %x %d", cfg, cfg, cfg.ClientSecret, cfg.ClientSecret, cfg.ClientSecret, cfg.ClientSecret),
		cfg.ClientSecret.String(), cfg.ClientSecret.GoString(), log.String(), string(encoded),
	} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "68756e74657232") {
			t.Errorf("the secret is in %s", text)
		}
	}
}

// TestMetadata: keys come from the issuer's own origin, and secrets go nowhere else.
func TestMetadata(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(map[string]any)
		want   string
	}{
		"another issuer":          {func(m map[string]any) { m["issuer"] = "https://evil.example" }, "another issuer"},
		"the issuer with a slash": {func(m map[string]any) { m["issuer"] = m["issuer"].(string) + "/" }, "another issuer"},
		"no issuer":               {func(m map[string]any) { delete(m, "issuer") }, "another issuer"},
		"no keys":                 {func(m map[string]any) { delete(m, "jwks_uri") }, "jwks_uri"},
		"keys of a stranger":      {func(m map[string]any) { m["jwks_uri"] = "https://evil.example/jwks" }, "origin"},
		"keys on another port":    {func(m map[string]any) { m["jwks_uri"] = "http://127.0.0.1:1/jwks" }, "origin"},
		"keys with a user":        {func(m map[string]any) { m["jwks_uri"] = strings.Replace(m["jwks_uri"].(string), "://", "://x@", 1) }, "usable"},
		"no token endpoint":       {func(m map[string]any) { delete(m, "token_endpoint") }, "token_endpoint"},
		"introspection elsewhere": {func(m map[string]any) { m["introspection_endpoint"] = "https://evil.example/" }, "introspection_endpoint"},
		"a number":                {func(m map[string]any) { m["token_endpoint"] = 1 }, "token_endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := cardeatest.NewServer(t)
			doc := map[string]any{
				"issuer": srv.URL, "jwks_uri": srv.URL + "/jwks", "token_endpoint": srv.URL + "/token", "introspection_endpoint": srv.URL + "/introspect",
			}
			c.change(doc)
			body, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			wantNewError(t, srv, &fakeAnswer{prefix: "/.well-known/", inner: srv.HTTPClient().Transport, status: 200, body: string(body)}, c.want)
		})
	}
}

func TestAnswersThatNewRefuses(t *testing.T) {
	t.Parallel()
	big := `{"x":"` + strings.Repeat("x", 1<<19) + `"}`
	for name, c := range map[string]struct {
		path   string
		status int
		body   string
		want   string
	}{
		"metadata moved":      {"/.well-known/", 302, `{}`, "302"},
		"metadata too long":   {"/.well-known/", 200, big, "larger"},
		"metadata twice":      {"/.well-known/", 200, `{"issuer":"a","issuer":"b"}`, "JSON"},
		"keys moved":          {"/jwks", 307, `{}`, "307"},
		"keys too long":       {"/jwks", 200, big, "larger"},
		"keys not a list":     {"/jwks", 200, `{"keys":{}}`, "key set"},
		"too many keys":       {"/jwks", 200, `{"keys":[` + strings.Repeat("{},", 64) + `{}]}`, "key set"},
		"no feed":             {feedPath, 404, ``, "404"},
		"a feed of HTML":      {feedPath, 200, `<html>`, "application/json"},
		"a feed that is gone": {feedPath, 410, ``, "cursor"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := cardeatest.NewServer(t)
			wantNewError(t, srv, &fakeAnswer{prefix: c.path, inner: srv.HTTPClient().Transport, status: c.status, body: c.body}, c.want)
		})
	}
}

func wantNewError(t *testing.T, srv *cardeatest.Server, transport http.RoundTripper, want string) {
	t.Helper()
	cfg := srv.Config()
	cfg.HTTPClient = &http.Client{Transport: transport}
	auth, err := cardea.New(t.Context(), cfg)
	if err == nil {
		auth.Close()
		t.Fatal("accepted")
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("error %q, want something about %q", err, want)
	}
}

// New gives up after ten seconds, leaves nothing running, and does not outlive its context.
func TestNewGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		cfg := srv.Config()
		feed := newScript(`{"kind":"heartbeat","cursor":"x"}`)
		feed.inner = srv.HTTPClient().Transport
		cfg.HTTPClient = &http.Client{Transport: feed}
		start := time.Now()
		if _, err := cardea.New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "silent") {
			t.Errorf("error %v", err)
		}
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("New took %v", d)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := cardea.New(ctx, srv.Config()); err == nil {
			t.Error("New ignores its context")
		}
	})
}

// The client lives on when the context of New has ended.
func TestTheClientOutlivesTheContextOfNew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		ctx, cancel := context.WithCancel(t.Context())
		auth, err := cardea.New(ctx, srv.Config())
		if err != nil {
			t.Fatal(err)
		}
		defer auth.Close()
		cancel()
		time.Sleep(time.Minute)
		verify(t, auth, srv.Token(cardeatest.Claims{}), "")
		if n := srv.Calls(feedPath); n != 1 {
			t.Errorf("%d connections to the feed", n)
		}
	})
}

// The user's http.Client is copied, and its jar and timeout are not used.
func TestTheHTTPClientIsCopied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		cfg := srv.Config()
		mine := &http.Client{Transport: srv.HTTPClient().Transport, Timeout: 2 * time.Second, Jar: failingJar{t: t}}
		cfg.HTTPClient = mine
		auth, err := cardea.New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer auth.Close()
		time.Sleep(time.Minute)
		if n := srv.Calls(feedPath); n != 1 {
			t.Errorf("the timeout cut the feed: %d connections", n)
		}
		if mine.CheckRedirect != nil || mine.Timeout != 2*time.Second {
			t.Error("the client was changed")
		}
	})
}

type failingJar struct {
	http.CookieJar
	t *testing.T
}

// TestCredentialsStayAtHome: no redirect takes a secret or a token elsewhere.
func TestCredentialsStayAtHome(t *testing.T) {
	t.Parallel()
	trap := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s arrived elsewhere with %q", r.Method, r.URL, r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, `{"active":true,"decision":true}`)
	}))
	defer trap.Close()
	for _, path := range []string{"/.well-known/", "/jwks", tokenPath, "/access/", feedPath} {
		srv := cardeatest.NewServer(t)
		cfg := srv.Config()
		cfg.HTTPClient = &http.Client{Transport: &redirecting{path: path, to: trap.URL, inner: srv.HTTPClient().Transport}}
		auth, err := cardea.New(t.Context(), cfg)
		if err != nil {
			continue
		}
		_, err = auth.Decide(t.Context(), question("a", "b", "c"))
		wantCode(t, err, cardea.CodeDecisionUnavailable)
		auth.Close()
	}
}

// redirecting answers one path with a redirect that keeps method and body.
type redirecting struct {
	path, to string
	inner    http.RoundTripper
}

func (x *redirecting) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Path, x.path) {
		return x.inner.RoundTrip(r)
	}
	rec := httptest.NewRecorder()
	http.Redirect(rec, r, x.to, http.StatusTemporaryRedirect)
	return rec.Result(), nil
}

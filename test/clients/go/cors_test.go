package clients_test

import (
	"net/http"
	"testing"
)

// TestOriginsOfATenant: the pages of an origin may read answers once an administrator or an application
// has named it, and never with the browser's cookies.
func TestOriginsOfATenant(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server.newTenant(t, "origins")
	admin := s.admin(t, "admin@origins.example")
	const listed, of, other = "https://console.example.com", "https://app.example.com", "https://evil.example.com"
	s.addApp(t, "spa", append(scopes("openid"), "--origin", of)...)
	for _, bad := range []string{`["*"]`, `["https://a.example/"]`, `["http://a.example"]`, `["https://A.example"]`, `["null"]`, `["https://u@a.example"]`} {
		if a := s.change(t, http.MethodPatch, "/api/tenant/settings", admin, `{"origins":`+bad+`}`); a.status != http.StatusBadRequest {
			t.Errorf("listing %s: %s", bad, a)
		}
	}
	if a := s.change(t, http.MethodPatch, "/api/tenant/settings", admin, `{"origins":["`+listed+`"]}`); a.status != http.StatusOK {
		t.Fatalf("listing an origin: %s", a)
	}
	allowed := func(method, path, origin string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.issuer+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		a := s.send(t, r)
		if a.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s %s: cookies may go along", method, path)
		}
		return a.header.Get("Access-Control-Allow-Origin")
	}
	for _, path := range []string{"/api/users", "/access/v1/evaluation"} {
		for _, method := range []string{http.MethodOptions, http.MethodGet} {
			if path != "/api/users" && method == http.MethodGet {
				continue // decisions are asked for with POST
			}
			for origin, want := range map[string]string{listed: listed, of: of, other: ""} {
				if got := allowed(method, path, origin); got != want {
					t.Errorf("%s %s from %s: allowed %q", method, path, origin, got)
				}
			}
		}
	}
	// The token end point is for applications: the tenant's list does not open it.
	if got := allowed(http.MethodOptions, "/oauth/token", listed); got != "" {
		t.Errorf("the token end point from a listed origin: %q", got)
	}
	if got := allowed(http.MethodOptions, "/oauth/token", of); got != of {
		t.Errorf("the token end point from an application's origin: %q", got)
	}
	if got := allowed(http.MethodGet, "/session", listed); got != "" {
		t.Errorf("a route that reads cookies: %q", got)
	}
	if a := s.change(t, http.MethodPatch, "/api/tenant/settings", admin, `{"origins":[]}`); a.status != http.StatusOK {
		t.Fatalf("taking it off the list: %s", a)
	}
	if got := allowed(http.MethodGet, "/api/users", listed); got != "" {
		t.Errorf("after it was taken off the list: %q", got)
	}
}

// TestPlatformHasNoApplications: nobody is sent from the sign-in of the platform's administrators to
// somebody else's program.
func TestPlatformHasNoApplications(t *testing.T) {
	t.Parallel()
	s := *theWorld(t).server
	s.tenant = "system"
	for _, kind := range []string{"web", "spa", "native"} {
		r, err := s.command(t.Context(), "", "app", "create", "Foreign", "--type", kind, "--redirect", "http://127.0.0.1:9/callback", "--json")
		if err != nil || r.code == 0 {
			t.Errorf("%s: %v, %s", kind, err, r)
		}
	}
	s.addApp(t, "service")
}

package clients_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestGoClientSignsInAndCallsTheAPI is the story of the whole product once: somebody signs in at an
// application written with go-oidc, which calls an API written with the SDK.
func TestGoClientSignsInAndCallsTheAPI(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	s := w.server
	may, mayNot := s.addUser(t, "may@login.example"), s.addUser(t, "may-not@login.example")
	s.cli(t, "role", "create", "login-reader", "--permission", "invoice:read")
	s.cli(t, "role", "assign", "login-reader", may.email)
	web := s.addApp(t, "web", flags(scopes("openid", "email", "invoice:read"), []string{"--audience", audience})...)
	p := s.newParty(t, web, "openid", "email", "invoice:read")

	got := p.login(s.browser(t, may))
	var claims struct {
		Email    string
		Verified bool   `json:"email_verified"`
		AuthTime int64  `json:"auth_time"`
		SID      string `json:"sid"`
		ACR      string
		AMR      []string
	}
	if err := got.id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if got.id.Subject != may.id || claims.Email != may.email || !claims.Verified || claims.AuthTime == 0 || claims.SID == "" || claims.ACR == "" || len(claims.AMR) != 1 || claims.AMR[0] != "pwd" {
		t.Errorf("id token of %s says %+v", got.id.Subject, claims)
	}
	if a := w.must(t, "GET", "/invoices", got.AccessToken, ""); a.status != http.StatusOK {
		t.Errorf("with the permission: %s", a)
	}
	if a := w.must(t, "GET", "/me", got.AccessToken, ""); !strings.Contains(string(a.body), may.id) {
		t.Errorf("who am I: %s", a)
	}

	other := p.login(s.browser(t, mayNot))
	if a := w.must(t, "GET", "/invoices", other.AccessToken, ""); a.status != http.StatusForbidden || !strings.Contains(string(a.body), `"permission":"invoice:read"`) {
		t.Errorf("without the permission: %s", a)
	}
	a := w.must(t, "GET", "/invoices", "", "")
	if a.status != http.StatusUnauthorized || a.refusal() != "token_missing" || a.header.Get("WWW-Authenticate") == "" {
		t.Errorf("without a token: %s %v", a, a.header)
	}
}

package manage_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// platform makes boss an administrator of the platform and root one of the tenants default and acme.
func (w *world) platform() {
	w.t.Helper()
	w.allow = nil
	for t, who := range map[id.Tenant]string{id.System: "boss", id.Default: "root", "acme": "root"} {
		_, err := w.api.Decisions.Assign(w.t.Context(), access.Operator(t, "root", "test"),
			authz.Assignment{Role: authz.AdminRole, Subject: store.SubjectRef{Type: access.TypeUser, ID: who}})
		w.must(err)
	}
}

// TestOtherTenants: who is known in the system tenant names the tenant that it means; for everybody
// else there is no tenant but its own, whether it exists or not.
func TestOtherTenants(t *testing.T) {
	w := newWorld(t)
	w.platform()
	user := w.ok("boss", "POST", "/t/system/api/users?tenant=acme", `{"email":"a@example.com","email_verified":true}`).get("id")
	if a := w.ok("root", "GET", "/t/acme/api/users/"+user, ""); a.get("id") != user {
		t.Errorf("the account is not where it was meant to be: %s", a.body)
	}
	if a := w.do("root", "GET", "/api/users/"+user, ""); a.status != 404 {
		t.Errorf("the account is in another tenant too: %d", a.status)
	}
	if a := w.do("boss", "GET", "/t/system/api/users/"+user, ""); a.status != 404 {
		t.Errorf("without naming a tenant: %d", a.status)
	}
	if a := w.ok("boss", "GET", "/t/system/api/tenant?tenant=acme", ""); a.get("id") != "acme" {
		t.Errorf("the tenant that is named: %s", a.body)
	}
	w.ok("boss", "PATCH", "/t/system/api/tenant/settings?tenant=acme", `{"session_limit":7}`)
	if a := w.ok("root", "GET", "/api/tenant", ""); strings.Contains(a.body, `"session_limit":7`) {
		t.Errorf("another tenant was changed: %s", a.body)
	}
	if a := w.ok("root", "GET", "/t/acme/api/audit/events?kind=user.created", ""); !strings.Contains(a.body, `"home":"system"`) {
		t.Errorf("the event does not say where the administrator is from: %s", a.body)
	}
	if a := w.ok("root", "GET", "/api/tenant?tenant=default", ""); a.get("id") != "default" {
		t.Errorf("one's own tenant by name: %s", a.body)
	}
	// Somebody of the system tenant without a role has a name there, and no more.
	if a := w.do("clerk", "GET", "/t/system/api/users?tenant=acme", ""); a.status != 403 {
		t.Errorf("without a role: %d", a.status)
	}
}

// TestRegress_127_NamedTenant: the parameter gives nobody else anything, at any endpoint.
func TestRegress_127_NamedTenant(t *testing.T) {
	w := newWorld(t)
	ids := w.furnish("/t/acme")
	before := w.census("/t/acme", ids)
	for _, o := range w.api.Operations() {
		at := target(o, ids)
		named := map[bool]string{false: "?", true: "&"}[strings.Contains(at, "?")] + "tenant="
		for tenant, want := range map[string]int{"acme": 404, "system": 404, "nobody": 404, "": 400, "no/body": 400} {
			if o.Name == "contract.get" {
				continue
			}
			if strings.HasPrefix(o.Path, "/account") || strings.HasPrefix(o.Path, "/api/tenants") {
				want = 400 // the parameter is not known there
			}
			if a := w.do("root", o.Method, at+named+tenant, bodies()[o.Name]); a.status != want {
				t.Errorf("%s of tenant %q: %d %s, want %d", o.Name, tenant, a.status, a.body, want)
			}
		}
		if a := w.do("boss", o.Method, "/t/system"+at+named+"nobody", bodies()[o.Name]); a.status != 404 && a.status != 400 && o.Name != "contract.get" {
			t.Errorf("%s of no tenant, by the platform: %d %s", o.Name, a.status, a.body)
		}
	}
	if after := w.census("/t/acme", ids); after != before {
		t.Errorf("the other tenant has changed:\n%s\n%s", before, after)
	}
}

// TestPlatform: tenants are opened, refused and let in again by the platform only.
func TestPlatform(t *testing.T) {
	w := newWorld(t)
	w.platform()
	for _, at := range []string{"POST /api/tenants", "GET /api/tenants", "POST /api/tenants/acme/disable", "POST /api/tenants/acme/enable"} {
		method, path, _ := strings.Cut(at, " ")
		body := ""
		if at == "POST /api/tenants" {
			body = `{"id":"beta","name":"Beta"}`
		}
		if a := w.do("root", method, path, body); a.status != 403 {
			t.Errorf("%s by a tenant's administrator: %d %s", at, a.status, a.body)
		}
	}
	if a := w.ok("boss", "POST", "/t/system/api/tenants", `{"id":"beta","name":"Beta"}`); a.status != 201 || a.get("id") != "beta" {
		t.Errorf("opened: %s", a.body)
	}
	if n := len(w.items(w.ok("boss", "GET", "/t/system/api/tenants", "")).Items); n != 4 {
		t.Errorf("%d tenants, want 4", n)
	}
	if a := w.ok("boss", "POST", "/t/system/api/tenants/acme/disable", ""); !strings.Contains(a.body, `"disabled":true`) {
		t.Errorf("disabled: %s", a.body)
	}
	if _, err := w.api.Tenants.Standing(t.Context(), "acme"); err == nil {
		t.Error("a disabled tenant stands")
	}
	if a := w.ok("boss", "GET", "/t/system/api/users?tenant=acme", ""); a.status != 200 {
		t.Errorf("the platform cannot look into a disabled tenant: %s", a.body)
	}
	w.ok("boss", "POST", "/t/system/api/tenants/acme/enable", "")
	if _, err := w.api.Tenants.Standing(t.Context(), "acme"); err != nil {
		t.Errorf("an enabled tenant: %v", err)
	}
	for _, built := range []string{"system", "default"} {
		if a := w.do("boss", "POST", "/t/system/api/tenants/"+built+"/disable", ""); a.status != 412 || a.get("code") != "tenant_built_in" {
			t.Errorf("%s: %d %s", built, a.status, a.body)
		}
	}
	if a := w.do("boss", "POST", "/t/system/api/tenants/nobody/disable", ""); a.status != 404 {
		t.Errorf("no tenant: %d", a.status)
	}
}

// TestEndEverything: sessions of the tenant are dead at once.
func TestEndEverything(t *testing.T) {
	w := newWorld(t)
	w.person("alice@example.com")
	alice := w.signIn("alice@example.com")
	w.ok(alice, "GET", "/account/profile", "")
	w.ok("root", "POST", "/api/tenant/end-everything", "")
	if a := w.do(alice, "GET", "/account/profile", ""); a.status != 401 {
		t.Errorf("after the end: %d", a.status)
	}
}

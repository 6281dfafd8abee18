package manage_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
)

// TestRoleMadeAgain: a role is not deleted while somebody has it anywhere, and one that is made again under its
// name gives nobody anything: neither who had the old one, nor who was promised it.
func TestRoleMadeAgain(t *testing.T) {
	w := newWorld(t)
	bob := w.person("bob@example.com")
	w.allow = nil
	org := w.operator("POST", "/api/orgs", `{"name":"Org"}`).get("id")
	storeID := w.operator("POST", "/api/stores", `{"name":"Drive"}`).get("id")
	const role = `{"name":"writer","permissions":["posts:write"]}`
	w.operator("POST", "/api/roles", role)
	everything := func(access.Request) bool { return true }
	holder := `{"subject":{"type":"user","id":"` + bob + `"}`
	for what, place := range map[string]struct{ body, query string }{
		"in the whole tenant":    {holder + "}", ""},
		"in organisation " + org: {holder + `,"org":"` + org + `"}`, "&org=" + org},
		"on store " + storeID:    {holder + `,"store":"` + storeID + `"}`, "&store=" + storeID},
	} {
		w.operator("POST", "/api/roles/writer/assignments", place.body)
		w.allow = everything
		a := w.do("root", "DELETE", "/api/roles/writer", "")
		w.allow = nil
		if a.status != 412 || a.get("code") != "role_in_use" || !strings.Contains(a.body, "user:"+bob+" still has it "+what) {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
		w.operator("DELETE", "/api/roles/writer/assignments?subject_type=user&subject_id="+bob+place.query, "")
	}
	w.operator("POST", "/api/orgs/"+org+"/invitations", `{"email":"bob@example.com","role":"writer"}`)
	accept := `{"token":"` + w.mailed() + `"}`
	w.operator("DELETE", "/api/roles/writer", "")
	w.clock.Advance(time.Millisecond)
	w.operator("POST", "/api/roles", role)
	if a := w.do(bob, "POST", "/account/invitations", accept); a.status != 404 || a.get("code") != "role_gone" {
		t.Errorf("a promise of the old role: %d %s", a.status, a.body)
	}
	if a := w.ok(bob, "GET", "/account/roles", ""); a.body != `{"items":[]}` {
		t.Errorf("roles: %s", a.body)
	}
	if a := w.ok(bob, "GET", "/account/orgs", ""); a.body != `{"items":[]}` {
		t.Errorf("organisations: %s", a.body)
	}
}

package manage_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/access"
)

func TestUsers(t *testing.T) {
	w := newWorld(t)
	made := w.ok("root", "POST", "/api/users", `{"email":"Alice@Example.com","name":"Alice","email_verified":true}`)
	at := "/api/users/" + made.get("id")
	if made.status != 201 || made.get("state") != "active" || made.get("email") != "Alice@example.com" {
		t.Errorf("created: %s", made.body)
	}
	if a := w.do("root", "POST", "/api/users", `{"email":"alice@example.com"}`); a.status != 409 {
		t.Errorf("the same address again: %d %s", a.status, a.body)
	}
	if a := w.ok("root", "PATCH", at, `{"locale":"de"}`); a.get("locale") != "de" || a.get("name") != "Alice" {
		t.Errorf("changed: %s", a.body)
	}
	if a := w.ok("root", "POST", at+"/disable", ""); a.get("state") != "disabled" {
		t.Errorf("disabled: %s", a.body)
	}
	if a := w.ok("root", "POST", at+"/enable", ""); a.get("state") != "active" {
		t.Errorf("enabled: %s", a.body)
	}
	if a := w.ok("root", "GET", "/api/users?email=alice", ""); a.get("items.0.id") != made.get("id") {
		t.Errorf("listed: %s", a.body)
	}
	if a := w.ok("root", "DELETE", at, ""); a.status != 204 {
		t.Errorf("deleted: %d", a.status)
	}
	if a := w.do("root", "GET", at, ""); a.status != 404 {
		t.Errorf("a deleted account: %d", a.status)
	}
	if a := w.ok("root", "GET", "/api/audit/events?kind=user.disabled", ""); a.get("items.0.actor.id") != "root" {
		t.Errorf("events: %s", a.body)
	}
}

// TestRegress_137_ForgedCursors: a cursor that we did not make for this very list is refused.
func TestRegress_137_ForgedCursors(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.ok("root", "POST", "/api/users", fmt.Sprintf(`{"email":"user%d@example.com"}`, i))
		w.ok("root", "POST", "/api/orgs", fmt.Sprintf(`{"name":"Org %d"}`, i))
	}
	first := w.ok("root", "GET", "/api/users?limit=2", "")
	cursor := first.get("next")
	if second := w.ok("root", "GET", "/api/users?limit=2&cursor="+cursor, ""); second.get("items.0.id") == first.get("items.0.id") || second.get("items.0.id") == "" {
		t.Errorf("the second page: %s", second.body)
	}
	for name, target := range map[string]string{
		"another list":   "/api/orgs?cursor=" + cursor,
		"another filter": "/api/users?email=user&cursor=" + cursor,
		"another tenant": "/t/acme/api/users?cursor=" + cursor,
		"cut":            "/api/users?cursor=" + cursor[:len(cursor)-2],
		"changed":        "/api/users?cursor=" + map[bool]string{true: "B", false: "A"}[cursor[0] == 'A'] + cursor[1:],
		"invented":       "/api/users?cursor=eyJpZCI6IngnIE9SIDE9MSJ9",
		"SQL":            "/api/users?cursor=%27%20OR%201%3D1%3B--",
	} {
		if a := w.do("root", "GET", target, ""); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// TestRegress_129_InvitationRole: who may invite cannot give by invitation what it may not give.
func TestRegress_129_InvitationRole(t *testing.T) {
	w := newWorld(t)
	org := w.ok("root", "POST", "/api/orgs", `{"name":"Org"}`).get("id")
	w.ok("root", "POST", "/api/roles", `{"name":"editor","permissions":["posts:write"]}`)
	w.allow = func(r access.Request) bool { return r.Action == "member.invite" }
	at := "/api/orgs/" + org + "/invitations"
	for _, role := range []string{"editor", "cardea:admin", "nothing"} {
		if a := w.do("host", "POST", at, `{"email":"x@example.com","role":"`+role+`"}`); a.status != 403 {
			t.Errorf("with role %s: %d %s", role, a.status, a.body)
		}
	}
	if a := w.do("host", "POST", at, `{"email":"x@example.com"}`); a.status != 201 || strings.Contains(a.body, "link") {
		t.Errorf("without a role: %d %s", a.status, a.body)
	}
}

func TestOrganisations(t *testing.T) {
	w := newWorld(t)
	user := w.ok("root", "POST", "/api/users", `{"email":"a@example.com","email_verified":true}`).get("id")
	org := w.ok("root", "POST", "/api/orgs", `{"name":"Org","domains":["example.com"]}`).get("id")
	at := "/api/orgs/" + org
	w.ok("root", "POST", at+"/members", `{"user":"`+user+`"}`)
	w.ok("root", "POST", "/api/roles", `{"name":"editor","permissions":["posts:write"]}`)
	w.ok("root", "POST", "/api/roles/editor/assignments", `{"subject":{"type":"user","id":"`+user+`"},"org":"`+org+`"}`)
	if a := w.ok("root", "GET", "/api/users/"+user+"/roles", ""); a.get("items.0.role") != "editor" || a.get("items.0.org") != org {
		t.Errorf("roles: %s", a.body)
	}
	if a := w.do("root", "POST", at+"/members", `{"user":"nobody"}`); a.status != 404 {
		t.Errorf("a member who does not exist: %d %s", a.status, a.body)
	}
	if a := w.do("root", "DELETE", at, ""); a.status != 412 {
		t.Errorf("an organisation with members was deleted: %d", a.status)
	}
	w.ok("root", "DELETE", at+"/members/"+user, "")
	if a := w.ok("root", "GET", "/api/users/"+user+"/roles", ""); a.body != `{"items":[]}` {
		t.Errorf("roles after leaving: %s", a.body)
	}
	if a := w.ok("root", "PATCH", at, `{"name":"Org 2","domains":[]}`); a.get("name") != "Org 2" || !strings.Contains(a.body, `"domains":[]`) {
		t.Errorf("changed: %s", a.body)
	}
	w.ok("root", "DELETE", at, "")
}

// TestOwnAccount: a person reaches its own things without any permission, and nobody else's.
func TestOwnAccount(t *testing.T) {
	w := newWorld(t)
	alice := w.ok("root", "POST", "/api/users", `{"email":"alice@example.com","email_verified":true}`).get("id")
	bob := w.ok("root", "POST", "/api/users", `{"email":"bob@example.com","email_verified":true}`).get("id")
	bobsKey := w.ok("root", "POST", "/api/users/"+bob+"/apikeys", `{"name":"bob's"}`).get("key.id")
	w.allow = func(access.Request) bool { return false }
	if a := w.ok(alice, "GET", "/account/profile", ""); a.get("email") != "alice@example.com" {
		t.Errorf("profile: %s", a.body)
	}
	w.ok(alice, "PATCH", "/account/profile", `{"name":"A"}`)
	key := w.ok(alice, "POST", "/account/apikeys", `{"name":"mine"}`)
	if a := w.ok(alice, "GET", "/account/apikeys", ""); a.get("items.0.id") != key.get("key.id") || strings.Contains(a.body, "bob") {
		t.Errorf("keys: %s", a.body)
	}
	if a := w.do(alice, "DELETE", "/account/apikeys/"+bobsKey, ""); a.status != 403 && a.status != 404 {
		t.Errorf("somebody else's key: %d", a.status)
	}
	if a := w.do(alice, "GET", "/api/users/"+bob, ""); a.status != 403 {
		t.Errorf("somebody else's account: %d", a.status)
	}
	if a := w.do("svc", "GET", "/account/profile", ""); a.status != 403 {
		t.Errorf("a service's account: %d %s", a.status, a.body)
	}
	w.ok(alice, "DELETE", "/account/apikeys/"+key.get("key.id"), "")
	if a := w.ok(alice, "DELETE", "/account", ""); a.header.Get("Clear-Site-Data") == "" {
		t.Error("the browser is not told to forget")
	}
	if a := w.do(alice, "GET", "/account/profile", ""); a.status != 404 {
		t.Errorf("a deleted account: %d", a.status)
	}
}

func TestTenants(t *testing.T) {
	w := newWorld(t)
	if a := w.ok("root", "PATCH", "/api/tenant/settings", `{"session_limit":3,"session_idle":3600}`); !strings.Contains(a.body, `"session_limit":3`) || !strings.Contains(a.body, `"session_idle":3600`) {
		t.Errorf("settings: %s", a.body)
	}
	if a := w.do("root", "PATCH", "/api/tenant/settings", `{"session_idle":10}`); a.status != 400 {
		t.Errorf("a setting below its bound: %d", a.status)
	}
	if a := w.ok("root", "PATCH", "/api/tenant/settings", `{"accent":"#7a1fA2"}`); a.get("settings.accent") != "#7a1fA2" {
		t.Errorf("colour: %s", a.body)
	}
	for _, bad := range []string{"red", "#fff", "#12345g", "#1234567", "url(x)", "#0e6b5f;"} {
		if a := w.do("root", "PATCH", "/api/tenant/settings", `{"accent":"`+bad+`"}`); a.status != 400 {
			t.Errorf("the colour %q: %d", bad, a.status)
		}
	}
	if a := w.ok("root", "PATCH", "/api/tenant/settings", `{"accent":""}`); strings.Contains(a.body, "accent") {
		t.Errorf("no colour: %s", a.body)
	}
	if a := w.ok("root", "POST", "/api/tenants", `{"id":"beta","name":"Beta"}`); a.status != 201 {
		t.Errorf("created: %s", a.body)
	}
	if a := w.do("root", "POST", "/api/tenants", `{"id":"beta","name":"Beta"}`); a.status != 409 {
		t.Errorf("created twice: %d", a.status)
	}
}

// TestRegress_129_ClientsOfAdministrators: who may register clients cannot register one that asks for
// tokens for Cardea itself, nor take hold of one by changing it.
func TestRegress_129_ClientsOfAdministrators(t *testing.T) {
	w := newWorld(t)
	app := func(scopes string) string {
		return `{"name":"App","type":"web","first_party":true,"redirect_uris":["https://app.example/cb"],"scopes":[` + scopes + `]}`
	}
	console := w.ok("root", "POST", "/api/clients", app(`"openid","cardea:admin"`)).get("client.client_id")
	plain := w.ok("root", "POST", "/api/clients", app(`"openid"`)).get("client.client_id")
	w.allow = func(r access.Request) bool { return r.Action != "client.grant_own_scopes" }
	settings := func(scopes string) string { return strings.Replace(app(scopes), `"type":"web",`, "", 1) }
	for name, a := range map[string]answer{
		"made":          w.do("helen", "POST", "/api/clients", app(`"openid","cardea:admin"`)),
		"made for all":  w.do("helen", "POST", "/api/clients", app(`"openid","cardea:account"`)),
		"widened":       w.do("helen", "PUT", "/api/clients/"+plain, settings(`"openid","cardea:admin"`)),
		"taken":         w.do("helen", "PUT", "/api/clients/"+console, settings(`"openid","cardea:admin"`)),
		"taken by less": w.do("helen", "PUT", "/api/clients/"+console, settings(`"openid"`)),
	} {
		if a.status != 403 || a.get("missing") != "client.grant_own_scopes" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	w.ok("helen", "PUT", "/api/clients/"+plain, settings(`"openid","posts:read"`))
	w.ok("helen", "POST", "/api/clients", app(`"openid"`))
}

// TestRegress_135_NamesOfRoles: no spelling of the name of a role of ours is a role of ours, and no
// other spelling can be made.
func TestRegress_135_NamesOfRoles(t *testing.T) {
	w := newWorld(t)
	w.platform()
	for _, name := range []string{"cardea:admin", "cardea:", "cardea:x", "cardea:admin ", " cardea:admin", "cardea\u003aadmin", "cardea：admin", "CARDEA:ADMIN", "Cardea:x", "admin/x", "a b", "ädmin", "a\u0301", "*"} {
		if a := w.do("root", "POST", "/api/roles", `{"name":"`+name+`"}`); a.status != 400 {
			t.Errorf("role %q was made: %d %s", name, a.status, a.body)
		}
	}
	for _, name := range []string{"cardea.admin", "admin", "cardea-admin"} { // plain names like any other
		w.ok("root", "POST", "/api/roles", `{"name":"`+name+`"}`)
		w.ok("root", "POST", "/api/roles/"+name+"/assignments", `{"subject":{"type":"user","id":"eve"}}`)
	}
	if a := w.do("eve", "GET", "/api/users", ""); a.status != 403 {
		t.Errorf("a role that only looks like ours opens: %d", a.status)
	}
	if a := w.do("root", "GET", "/api/roles/cardea.ADMIN", ""); a.status != 404 {
		t.Errorf("names are the same in another case: %d", a.status)
	}
}

// TestRegress_132_ActorOnlyFromTheCredential: whom a body or a path names is whom something is done to,
// never who does it.
func TestRegress_132_ActorOnlyFromTheCredential(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice@example.com")
	w.person("bob@example.com")
	w.allow = nil
	bob := w.as("bob@example.com")
	for _, at := range []string{"", "?user=" + alice, "?owner_id=" + alice, "?subject=" + alice} {
		if a := w.do("", "POST", "/api/users/"+alice+"/apikeys"+at, `{"name":"x"}`); a.status != 401 {
			t.Errorf("nobody makes a key for alice: %d %s", a.status, a.body)
		}
		if a := w.do(bob, "POST", "/api/users/"+alice+"/apikeys"+at, `{"name":"x"}`); a.status != 403 && a.status != 400 {
			t.Errorf("bob makes a key for alice: %d %s", a.status, a.body)
		}
	}
	for _, member := range []string{"user", "user_id", "userId", "owner", "owner_id", "subject", "actor"} {
		if a := w.do(bob, "POST", "/account/apikeys", `{"name":"x","`+member+`":"`+alice+`"}`); a.status != 400 {
			t.Errorf("a key with %s in the body: %d %s", member, a.status, a.body)
		}
	}
	for _, header := range []string{"X-User-Id", "X-Forwarded-User", "X-Cardea-User", "X-Remote-User", "Remote-User"} {
		if a := w.ok(bob, "POST", "/account/apikeys", `{"name":"x"}`, header, alice); a.get("key.owner_id") != bob {
			t.Errorf("%s decides who asks: %s", header, a.body)
		}
	}
}

// TestAllSessions: an administrator sees who is signed in anywhere, newest first, page by page, and nobody
// who is not any more.
func TestAllSessions(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice@example.com"), w.person("bob@example.com")
	w.signIn("alice@example.com")
	w.signIn("bob@example.com")
	w.signIn("alice@example.com")
	var users []string
	for cursor := "?limit=2"; cursor != ""; {
		p := w.items(w.ok("root", "GET", "/api/sessions"+cursor, ""))
		for _, s := range p.Items {
			users = append(users, s["user"].(string))
		}
		if cursor = ""; p.Next != "" {
			cursor = "?limit=2&cursor=" + p.Next
		}
	}
	if diff := cmp.Diff([]string{alice, bob, alice}, users); diff != "" {
		t.Errorf("sessions of all:\n%s", diff)
	}
	w.ok("root", "POST", "/api/users/"+alice+"/disable", "")
	w.ok("root", "DELETE", "/api/sessions/"+w.items(w.ok("root", "GET", "/api/users/"+bob+"/sessions", "")).Items[0]["id"].(string), "")
	if p := w.items(w.ok("root", "GET", "/api/sessions", "")); len(p.Items) != 0 {
		t.Errorf("sessions that are over are listed: %v", p.Items)
	}
	if p := w.items(w.ok("root", "GET", "/t/acme/api/sessions", "")); len(p.Items) != 0 {
		t.Errorf("sessions of another tenant: %v", p.Items)
	}
}

// TestPolicies: a draft is checked before it is written, a version says who wrote it, and what was active before decides again.
func TestPolicies(t *testing.T) {
	w := newWorld(t)
	w.ok("root", "POST", "/api/policies", `{"name":"rules"}`)
	const at = "/api/policies/rules"
	draft := func(policies, expect string) string {
		return fmt.Sprintf(`{"policies":%q,"cases":[{"name":"anybody","subject":{"type":"user","id":"1"},"action":"read","resource":{"type":"doc","id":"1"},"expect":%q}]}`, policies, expect)
	}
	for name, c := range map[string]struct{ body, want string }{
		"sound":           {draft("permit(principal, action, resource);", "permit"), `"sound":true,"findings":[],"cases":[{"name":"anybody","passed":true`},
		"a case fails":    {draft("permit(principal, action, resource);", "forbid"), `"passed":false,"expected":"forbid","got":"permit"`},
		"not well formed": {draft("permit(principal, action, resource)\n;;", "permit"), `"sound":false,"findings":[{"in":"policies","line":2,"column":3`},
		"a schema":        {`{"policies":"permit(principal, action, resource);","schema":"entity"}`, `"findings":[{"in":"schema"`},
	} {
		if a := w.ok("root", "POST", at+"/check", c.body); !strings.Contains(a.body, c.want) {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	if a := w.do("root", "POST", at+"/check", draft("permit(principal, action, resource);", "permit")[:60]); a.status != 400 {
		t.Errorf("no JSON: %d", a.status)
	}
	if a := w.do("root", "POST", "/api/policies/others/check", draft("permit(principal, action, resource);", "permit")); a.status != 404 {
		t.Errorf("no such set: %d", a.status)
	}
	if a := w.ok("root", "GET", at+"/versions", ""); a.body != `{"items":[]}` {
		t.Errorf("a check has written: %s", a.body)
	}
	if a := w.do("root", "POST", at+"/rollback", ""); a.status != 412 {
		t.Errorf("nothing was active before: %d %s", a.status, a.body)
	}
	for n, text := range []string{"permit(principal, action, resource);", "forbid(principal, action, resource);"} {
		w.ok("root", "POST", at+"/versions", fmt.Sprintf(`{"policies":%q}`, text))
		w.ok("root", "PUT", at+"/active", fmt.Sprintf(`{"version":%d}`, n+1))
	}
	if a := w.ok("root", "GET", at+"/versions", ""); a.get("items.1.author.id") != "root" || a.get("items.1.author.type") != "user" {
		t.Errorf("versions: %s", a.body)
	}
	if a := w.ok("root", "POST", at+"/rollback", ""); !strings.Contains(a.body, `"active":1,"previous":2`) {
		t.Errorf("rolled back: %s", a.body)
	}
}

// TestDecisionLog: decisions are found by who, what and how they came out.
func TestDecisionLog(t *testing.T) {
	w := newWorld(t)
	entry := w.logged("")
	for query, want := range map[string]string{
		"": entry, "?subject=bob": entry, "?subject=eve": "", "?action=posts:write": entry, "?action=posts:read": "", "?resource=post": entry,
		"?resource=post:1": entry, "?resource=post:2": "", "?decision=false": entry, "?decision=true": "", "?until=2000-01-01T00:00:00Z": "",
		"?from=2000-01-01T00:00:00Z": entry,
	} {
		if a := w.ok("root", "GET", "/api/decisions"+query, ""); a.get("items.0.id") != want {
			t.Errorf("%s: %s", query, a.body)
		}
	}
}

package manage_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
)

// bodies are the smallest good bodies, by operation. Operations without a body are not listed.
func bodies() map[string]string {
	const holder, key = `{"type":"user","id":"bob"}`, `{"name":"ci"}`
	return map[string]string{
		"user.create": `{"email":"new@example.com"}`, "user.update": `{"name":"B"}`, "user.change_email": `{"email":"other@example.com"}`,
		"org.create": `{"name":"Org"}`, "org.update": `{"name":"Org 2"}`, "member.add": `{"user":"bob"}`, "invitation.create": `{"email":"x@example.com"}`,
		"client.create": `{"name":"App","type":"service"}`, "client.update": `{"name":"App 2"}`, "client.rotate_secret": `{}`,
		"apikey.create_for_user": key, "apikey.create_for_client": key, "apikey.rotate": `{}`,
		"role.create": `{"name":"editor"}`, "role.update": `{"description":"x"}`,
		"role.assign": `{"subject":` + holder + `}`, "role.unassign": `{"subject":` + holder + `}`,
		"group.add_member": holder, "group.remove_member": holder, "scope.declare": `{"name":"docs:read","words":"read documents"}`,
		"event.verify": `{}`, "key.rotate": `{"purpose":"token","alg":"ES256"}`,
		"tenant.configure": `{"session_limit":5}`, "tenant.create": `{"id":"other","name":"Other"}`,
		"account.update": `{"name":"B"}`, "account.change_email": `{"email":"mine@example.com"}`, "account.change_password": `{"password":"correct horse battery staple"}`,
		"account.create_key": key, "account.accept_invitation": `{"token":"x"}`,
	}
}

// queries are what operations cannot do without.
func queries() map[string]string {
	return map[string]string{"scope.remove": "?name=docs:read", "event.count": "?from=2026-01-01T00:00:00Z&until=2027-01-01T00:00:00Z"}
}

// target is the address of an operation with the wildcards filled in by name; x where there is none.
func target(o rest.Operation, ids map[string]string) string {
	parts := strings.Split(o.Path, "/")
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, "{"); ok {
			parts[i] = "x"
			if v := ids[strings.TrimSuffix(name, "}")]; v != "" {
				parts[i] = v
			}
		}
	}
	return strings.Join(parts, "/") + queries()[o.Name]
}

// TestRegress_131_NobodyGetsIn: without a credential every endpoint answers 401, also with a cookie.
func TestRegress_131_NobodyGetsIn(t *testing.T) {
	w := newWorld(t)
	for _, o := range w.api.Operations() {
		a := w.do("", o.Method, target(o, nil), bodies()[o.Name])
		if a.status != 401 || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %s", o.Name, a.status, a.body)
		}
	}
}

// TestRegress_131_DeclaredPermission: the permission that an endpoint names in the contract is the one
// that its domain asks for.
func TestRegress_131_DeclaredPermission(t *testing.T) {
	w := newWorld(t)
	w.allow = func(access.Request) bool { return false }
	for _, o := range w.api.Operations() {
		if strings.HasPrefix(o.Path, "/account") {
			continue // about the caller's own things, which need no permission
		}
		a := w.do("mallory", o.Method, target(o, nil), bodies()[o.Name])
		if a.status != 403 || a.get("missing") != string(o.Access.Action()) {
			t.Errorf("%s: %d, missing %q, declared %q: %s", o.Name, a.status, a.get("missing"), o.Access.Action(), a.body)
		}
	}
}

// TestScopesAreNeeded: a token without the scope opens nothing, whatever its subject may do.
func TestScopesAreNeeded(t *testing.T) {
	w := newWorld(t)
	for _, o := range w.api.Operations() {
		a := w.do("root.", o.Method, target(o, nil), bodies()[o.Name])
		if o.Name == "account.accept_invitation" {
			continue // the link is the proof; reading the account before needs the scope all the same
		}
		if a.status != 403 || a.get("code") != "insufficient_scope" {
			t.Errorf("%s: %d %s", o.Name, a.status, a.body)
		}
	}
}

// TestRegress_127_ForeignIDs: an administrator of one tenant cannot reach what belongs to another by
// naming its id. What is asked for by a foreign parent is empty.
func TestRegress_127_ForeignIDs(t *testing.T) {
	w := newWorld(t)
	ids := w.furnish("/t/acme")
	before := w.census("/t/acme", ids)
	local := w.ok("root", "POST", "/api/users", `{"email":"local@example.com"}`).get("id")
	for _, o := range w.api.Operations() {
		if !strings.Contains(o.Path, "{") || o.Name == "account.accept_invitation" {
			continue
		}
		body := strings.ReplaceAll(bodies()[o.Name], `"user":"bob"`, `"user":"`+local+`"`)
		a := w.do("root", o.Method, target(o, ids), body)
		harmless := a.status == 200 && (strings.HasPrefix(a.body, `{"items":[]`) || a.body == `{"ended":0}` || a.body == `{"erased":0}`)
		// A group is a name in the graph of the caller's own tenant.
		named := strings.HasPrefix(o.Name, "group.")
		if a.status != 404 && !harmless && !named {
			t.Errorf("%s %s with foreign ids: %d %s", o.Method, o.Path, a.status, a.body)
		}
	}
	if after := w.census("/t/acme", ids); after != before {
		t.Errorf("the other tenant has changed:\n%s\n%s", before, after)
	}
}

// furnish makes one of everything in a tenant and returns the ids by the names of wildcards.
func (w *world) furnish(base string) map[string]string {
	w.t.Helper()
	ids := map[string]string{}
	ids["user"] = w.ok("root", "POST", base+"/api/users", `{"email":"carol@example.com","email_verified":true}`).get("id")
	ids["org"] = w.ok("root", "POST", base+"/api/orgs", `{"name":"Org"}`).get("id")
	w.ok("root", "POST", base+"/api/orgs/"+ids["org"]+"/members", `{"user":"`+ids["user"]+`"}`)
	ids["invitation"] = w.ok("root", "POST", base+"/api/orgs/"+ids["org"]+"/invitations", `{"email":"dan@example.com"}`).get("id")
	ids["client"] = w.ok("root", "POST", base+"/api/clients", `{"name":"App","type":"service"}`).get("client.client_id")
	ids["key"] = w.ok("root", "POST", base+"/api/users/"+ids["user"]+"/keys", `{"name":"ci"}`).get("key.id")
	ids["role"] = w.ok("root", "POST", base+"/api/roles", `{"name":"editor","permissions":["posts:write"]}`).get("name")
	ids["group"], ids["session"] = "team", "x"
	return ids
}

// census is everything that the API shows of a tenant.
func (w *world) census(base string, ids map[string]string) string {
	var out []string
	for _, o := range w.api.Operations() {
		if o.Method == "GET" && strings.HasPrefix(o.Path, "/api/") && !strings.HasPrefix(o.Name, "event.") {
			out = append(out, o.Name+" "+w.do("root", "GET", base+target(o, ids), "").body)
		}
	}
	return strings.Join(out, "\n")
}

// TestRegress_133_SecretsAreShownOnce: the secret of a client or a key is in the answer that creates
// it and in no other.
func TestRegress_133_SecretsAreShownOnce(t *testing.T) {
	w := newWorld(t)
	client := w.ok("root", "POST", "/api/clients", `{"name":"App","type":"service"}`)
	user := w.ok("root", "POST", "/api/users", `{"email":"a@example.com","password":"correct horse battery staple"}`).get("id")
	key := w.ok("root", "POST", "/api/users/"+user+"/keys", `{"name":"ci"}`)
	rotated := w.ok("root", "POST", "/api/keys/"+key.get("key.id")+"/rotate", `{"overlap":60}`)
	again := w.ok("root", "POST", "/api/clients/"+client.get("client.client_id")+"/rotate-secret", `{}`)
	secrets := []string{client.get("client_secret"), key.get("secret"), rotated.get("secret"), again.get("client_secret")}
	ids := map[string]string{"client": client.get("client.client_id"), "user": user, "key": key.get("key.id")}
	all := w.census("", ids) + w.ok("root", "GET", "/api/events", "").body
	for i, s := range secrets {
		if len(s) < 40 {
			t.Errorf("secret %d was not shown: %q", i, s)
		}
		if strings.Contains(all, s) {
			t.Errorf("secret %d is shown again", i)
		}
	}
	if strings.Contains(all, "argon2") || strings.Contains(all, `"hash"`) {
		t.Error("a hash is shown")
	}
}

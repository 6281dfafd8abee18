package manage_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
)

// bodies are the smallest good bodies, by operation. Operations without a body are not listed.
func bodies() map[string]string {
	const holder, key = `{"type":"user","id":"bob"}`, `{"name":"ci"}`
	const anne, folders = `"user":"user:anne","relation":"viewer","object":"folder:x"`, `{"text":"model\n  schema 1.1\ntype user\ntype folder\n  relations\n    define viewer: [user]\n"}`
	return map[string]string{
		"user.create": `{"email":"new@example.com"}`, "user.update": `{"name":"B"}`, "user.change_email": `{"email":"other@example.com"}`,
		"org.create": `{"name":"Org"}`, "org.update": `{"name":"Org 2"}`, "member.add": `{"user":"bob"}`, "invitation.create": `{"email":"x@example.com"}`,
		"client.create": `{"name":"App","type":"service"}`, "client.update": `{"name":"App 2"}`, "client.rotate_secret": `{}`,
		"apikey.create_for_user": key, "apikey.create_for_client": key, "apikey.rotate": `{}`,
		"role.create": `{"name":"editor"}`, "role.update": `{"description":"x"}`,
		"role.assign": `{"subject":` + holder + `}`, "group.add_member": holder, "scope.declare": `{"name":"docs:read","words":"read documents"}`,
		"policy_set.create": `{"name":"records"}`, "policy_set.activate": `{"version":1}`, "plan.set": `{"roles":true}`, "decision_point.set": `{"url":"https://pdp.example"}`,
		"store.create": `{"name":"documents"}`, "store.rename": `{"name":"papers"}`, "model.pin": `{}`, "model.write": folders, "model.check": folders,
		"tuple.write": `{"tuples":[{` + anne + `}]}`, "store.check": `{` + anne + `}`, "store.explain": `{` + anne + `}`,
		"store.list_objects": `{"user":"user:anne","relation":"viewer","type":"folder"}`, "store.list_users": `{"object":"folder:x","relation":"viewer","type":"user"}`,
		"store.test":           `{"file":"tests:\n  - check:\n      - user: user:anne\n        object: folder:x\n        assertions: {viewer: false}\n"}`,
		"decision_log.set":     `{"share":0.5,"days":3}`,
		"decision.simulate":    `{"question":{"subject":{"type":"user","id":"bob"},"action":{"name":"posts:write"},"resource":{"type":"post","id":"1"}},"suppose":{}}`,
		"policy_version.write": `{"policies":"permit(principal, action, resource);"}`,
		"policy_version.check": `{"policies":"permit(principal, action, resource);"}`,
		"audit.verify":         `{}`, "key.rotate": `{"purpose":"token","alg":"ES256"}`,
		"tenant.configure": `{"session_limit":5}`, "tenant.create": `{"id":"other","name":"Other"}`,
		"account.update": `{"name":"B"}`, "account.change_email": `{"email":"mine@example.com"}`, "account.change_password": `{"password":"correct horse battery staple"}`,
		"account.create_apikey": key, "account.rotate_apikey": `{}`, "account.accept_invitation": `{"token":"x"}`, "account.password_strength": `{"password":"x"}`,
	}
}

// queries are what operations cannot do without.
func queries() map[string]string {
	const holder = "?subject_type=user&subject_id=bob"
	return map[string]string{
		"scope.remove": "?name=docs:read", "report.counters": "?from=2026-01-01T00:00:00Z&until=2027-01-01T00:00:00Z",
		"tuple.delete": "?user=user:anne&relation=viewer&object=folder:x", "role.unassign": holder, "group.remove_member": holder,
	}
}

// public are the operations that need no credential.
func public(name string) bool { return name == "contract.get" || name == "account.password_strength" }

// target is the address of an operation with the wildcards filled in by name; x where there is none.
func target(o rest.Operation, ids map[string]string) string {
	parts := strings.Split(o.Path, "/")
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, "{"); ok {
			parts[i] = "x"
			if p == "{number}" {
				parts[i] = "1"
			}
			if v := ids[strings.TrimSuffix(name, "}")]; v != "" {
				parts[i] = v
			}
		}
	}
	return strings.Join(parts, "/") + queries()[o.Name]
}

// TestRegress_131_NobodyGetsIn: without a credential every endpoint answers 401, with a cookie that is
// not ours too; and no cookie opens /api.
func TestRegress_131_NobodyGetsIn(t *testing.T) {
	w := newWorld(t)
	w.person("alice@example.com")
	alice := w.signIn("alice@example.com")
	for _, o := range w.api.Operations() {
		if public(o.Name) {
			continue
		}
		at, body := target(o, nil), bodies()[o.Name]
		if a := w.do("", o.Method, at, body); a.status != 401 || a.get("code") != "token_missing" || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %s", o.Name, a.status, a.body)
		}
		if a := w.do("cookie:cds_AAAA", o.Method, at, body); a.status != 401 {
			t.Errorf("%s with a broken cookie: %d %s", o.Name, a.status, a.body)
		}
		if a := w.do(alice, o.Method, at, body); strings.HasPrefix(o.Path, "/api/") && a.status != 401 {
			t.Errorf("%s with a session cookie: %d %s", o.Name, a.status, a.body)
		}
	}
}

// TestRegress_131_DeclaredPermission: the permission that an endpoint names in the contract is the one
// that its domain asks for.
func TestRegress_131_DeclaredPermission(t *testing.T) {
	w := newWorld(t)
	w.allow = func(access.Request) bool { return false }
	for _, o := range w.api.Operations() {
		if strings.HasPrefix(o.Path, "/account") || public(o.Name) {
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
		if public(o.Name) {
			continue
		}
		a := w.do("root.", o.Method, target(o, nil), bodies()[o.Name])
		if a.status != 403 || a.get("code") != "insufficient_scope" {
			t.Errorf("%s: %d %s", o.Name, a.status, a.body)
		}
		if a := w.do("account-root", o.Method, target(o, nil), bodies()[o.Name]); strings.HasPrefix(o.Path, "/api/") && a.get("code") != "insufficient_scope" {
			t.Errorf("%s with the scope of an account: %d %s", o.Name, a.status, a.body)
		}
	}
}

// TestRegress_127_ForeignTenant: an administrator of one tenant cannot reach what belongs to another by
// naming its id. What is asked for by a foreign parent is empty.
func TestRegress_127_ForeignTenant(t *testing.T) {
	w := newWorld(t)
	ids := w.furnish("/t/acme")
	before := w.census("/t/acme", ids)
	for _, o := range w.api.Operations() {
		if !strings.Contains(o.Path, "{") || strings.HasPrefix(o.Path, "/api/tenants/") {
			continue
		}
		a := w.do("root", o.Method, target(o, ids), bodies()[o.Name])
		harmless := a.status == 200 && (strings.HasPrefix(a.body, `{"items":[]`) || a.body == `{"ended":0}` || a.body == `{"erased":0}`)
		// Groups and holders of roles are names in the graph of the caller's own tenant.
		// So are types of resources in its own decision plans, and the names of its decision points.
		named := strings.HasPrefix(o.Name, "group.") || strings.HasPrefix(o.Name, "plan.") || strings.HasPrefix(o.Name, "decision_point.")
		if a.status != 404 && !harmless && !named {
			t.Errorf("%s %s with foreign ids: %d %s", o.Method, o.Path, a.status, a.body)
		}
		for name, foreign := range ids {
			if len(foreign) > 10 && strings.Contains(a.body, foreign) {
				t.Errorf("%s repeats the foreign %s: %s", o.Name, name, a.body)
			}
		}
	}
	if after := w.census("/t/acme", ids); after != before {
		t.Errorf("the other tenant has changed:\n%s\n%s", before, after)
	}
}

// TestRegress_127_ForeignUser: in one tenant a person without permissions reaches nothing of another
// person's, by any endpoint, and is not told whether it exists.
func TestRegress_127_ForeignUser(t *testing.T) {
	w := newWorld(t)
	ids := w.furnish("")
	w.person("mallory@example.com")
	w.allow = nil
	mallory := w.as("mallory@example.com")
	before := w.operatorCensus(ids)
	for _, o := range w.api.Operations() {
		if !strings.Contains(o.Path, "{") {
			continue
		}
		real := w.do(mallory, o.Method, target(o, ids), bodies()[o.Name])
		if real.status != 403 && real.status != 404 {
			t.Errorf("%s %s with somebody else's ids: %d %s", o.Method, o.Path, real.status, real.body)
		}
		invented := w.do(mallory, o.Method, target(o, nil), bodies()[o.Name])
		if real.status != invented.status || real.get("code") != invented.get("code") || real.get("detail") != invented.get("detail") {
			t.Errorf("%s tells what exists: %s and %s", o.Name, real.body, invented.body)
		}
	}
	if after := w.operatorCensus(ids); after != before {
		t.Errorf("something has changed:\n%s\n%s", before, after)
	}
}

// TestRegress_127_AccountIsOnesOwn: below /account even an administrator meets its own things only.
func TestRegress_127_AccountIsOnesOwn(t *testing.T) {
	w := newWorld(t)
	ids := w.furnish("")
	w.person("admin@example.com")
	admin := w.as("admin@example.com")
	before := w.census("", ids)
	for _, o := range w.api.Operations() {
		if strings.HasPrefix(o.Path, "/account/") && strings.Contains(o.Path, "{") {
			if a := w.do(admin, o.Method, target(o, ids), bodies()[o.Name]); a.status != 404 {
				t.Errorf("%s with somebody else's ids: %d %s", o.Name, a.status, a.body)
			}
		}
	}
	if after := w.census("", ids); after != before {
		t.Errorf("something has changed:\n%s\n%s", before, after)
	}
}

// TestRegress_127_ForeignParent: a child is looked up below its parent and nowhere else.
func TestRegress_127_ForeignParent(t *testing.T) {
	w := newWorld(t)
	ids := w.furnish("")
	other := w.ok("root", "POST", "/api/orgs", `{"name":"Other"}`).get("id")
	for _, at := range []string{"/members/" + ids["user"], "/invitations/" + ids["invitation"]} {
		if a := w.do("root", "DELETE", "/api/orgs/"+other+at, ""); a.status != 404 {
			t.Errorf("%s below another organisation: %d %s", at, a.status, a.body)
		}
		w.ok("root", "DELETE", "/api/orgs/"+ids["org"]+at, "")
	}
}

// furnish makes one of everything in a tenant and returns the ids by the names of wildcards.
func (w *world) furnish(base string) map[string]string {
	w.t.Helper()
	ids := map[string]string{}
	ids["user"] = w.ok("root", "POST", base+"/api/users", `{"email":"carol@example.com","email_verified":true,"password":"`+goodPassword+`"}`).get("id")
	ids["org"] = w.ok("root", "POST", base+"/api/orgs", `{"name":"Org"}`).get("id")
	w.ok("root", "POST", base+"/api/orgs/"+ids["org"]+"/members", `{"user":"`+ids["user"]+`"}`)
	ids["invitation"] = w.ok("root", "POST", base+"/api/orgs/"+ids["org"]+"/invitations", `{"email":"dan@example.com"}`).get("id")
	ids["client"] = w.ok("root", "POST", base+"/api/clients", `{"name":"App","type":"service"}`).get("client.client_id")
	ids["apikey"] = w.ok("root", "POST", base+"/api/users/"+ids["user"]+"/apikeys", `{"name":"ci"}`).get("key.id")
	ids["role"] = w.ok("root", "POST", base+"/api/roles", `{"name":"editor","permissions":["posts:write"]}`).get("name")
	ids["kid"] = w.ok("root", "POST", base+"/api/keys", `{"purpose":"token","alg":"ES256"}`).get("kid")
	ids["set"] = w.ok("root", "POST", base+"/api/policies", `{"name":"guardrails"}`).get("name")
	w.ok("root", "POST", base+"/api/policies/guardrails/versions", `{"policies":"forbid(principal, action, resource) when { context.environment.time < datetime(\"1971-01-01\") };"}`)
	w.ok("root", "PUT", base+"/api/policies/guardrails/active", `{"version":1}`)
	ids["point"] = w.ok("root", "PUT", base+"/api/decision-points/stock", `{"url":"https://stock.example"}`).get("name")
	ids["decision"] = w.logged(base)
	ids["store"] = w.ok("root", "POST", base+"/api/stores", `{"name":"Shop"}`).get("id")
	ids["model"] = w.ok("root", "POST", base+"/api/stores/"+ids["store"]+"/models", bodies()["model.write"]).get("id")
	w.ok("root", "POST", base+"/api/stores/"+ids["store"]+"/tuples", bodies()["tuple.write"])
	ids["group"], ids["session"] = "team", "x"
	if base == "" {
		token, _ := strings.CutPrefix(w.signIn("carol@example.com"), "cookie:")
		live, err := w.api.Sessions.Resolve(w.t.Context(), id.Default, token)
		w.must(err)
		ids["session"] = live.Session.ID
		_, err = w.api.Consents.Allow(w.t.Context(), access.Authenticated(id.Default, access.User(ids["user"]), access.Proof{}, access.Origin{}),
			oauth.ClientID(ids["client"]), oauth.Scopes{"openid"})
		w.must(err)
	}
	return ids
}

// logged is the id of a decision in the log of a tenant.
func (w *world) logged(base string) string {
	t := id.Default
	if base != "" {
		t = "acme"
	}
	w.api.Journal.Record(authz.Logged{At: w.db.Now(), Keep: 24 * time.Hour, Plan: authz.Plan{Roles: true}, Request: authz.Request{
		Tenant: t, Subject: authz.Subject{Type: "user", ID: "bob"}, Action: authz.Action{Name: "posts:write"}, Resource: authz.Resource{Type: "post", ID: "1"},
	}})
	w.must(w.api.Journal.Flush(w.t.Context()))
	return w.ok("root", "GET", base+"/api/decisions", "").get("items.0.id")
}

// as is somebody with a token, by the address of its account.
func (w *world) as(address string) string {
	w.t.Helper()
	u, err := w.api.Accounts.ByEmail(w.t.Context(), access.Operator(id.Default, "root", "test"), address)
	w.must(err)
	return u.ID
}

// census is everything that the API shows of a tenant.
func (w *world) census(base string, ids map[string]string) string {
	var out []string
	for _, o := range w.api.Operations() {
		if o.Method == "GET" && strings.HasPrefix(o.Path, "/api/") && !strings.HasPrefix(o.Name, "audit.") && o.Name != "contract.get" {
			out = append(out, o.Name+" "+w.do("root", "GET", base+target(o, ids), "").body)
		}
	}
	return strings.Join(out, "\n")
}

// operatorCensus is a census for a world in which the engine decides.
func (w *world) operatorCensus(ids map[string]string) string {
	decide := w.allow
	defer func() { w.allow = decide }()
	w.allow = func(access.Request) bool { return true }
	return w.census("", ids)
}

// TestRegress_128_ListsAndGets: what a list shows is what reading one by one shows, and no list of one
// tenant holds anything of another.
func TestRegress_128_ListsAndGets(t *testing.T) {
	w := newWorld(t)
	for _, base := range []string{"", "/t/acme"} {
		w.furnish(base)
		for i := range 4 {
			n := string(rune('a' + i))
			w.ok("root", "POST", base+"/api/users", `{"email":"user`+n+`@example.com"}`)
			w.ok("root", "POST", base+"/api/orgs", `{"name":"Org `+n+`"}`)
			w.ok("root", "POST", base+"/api/clients", `{"name":"App `+n+`","type":"service"}`)
			w.ok("root", "POST", base+"/api/roles", `{"name":"role-`+n+`"}`)
		}
	}
	other := w.census("/t/acme", nil)
	for list, key := range map[string]string{"/api/users": "id", "/api/orgs": "id", "/api/clients": "client_id", "/api/roles": "name"} {
		seen := 0
		for cursor := "?limit=2"; cursor != ""; {
			p := w.items(w.ok("root", "GET", list+cursor, ""))
			for _, item := range p.Items {
				seen++
				name, _ := item[key].(string)
				one := w.ok("root", "GET", list+"/"+name, "")
				var single map[string]any
				w.must(json.Unmarshal([]byte(one.body), &single))
				if diff := cmp.Diff(item, single); diff != "" {
					t.Errorf("%s/%s differs from its place in the list:\n%s", list, name, diff)
				}
				if list != "/api/roles" && strings.Contains(other, `"`+name+`"`) {
					t.Errorf("%s of one tenant is listed in another", name)
				}
			}
			if cursor = ""; p.Next != "" {
				cursor = "?limit=2&cursor=" + p.Next
			}
		}
		if seen != 5 {
			t.Errorf("%s lists %d, want 5", list, seen)
		}
	}
	// A key that was revoked is in no list, as it cannot be read.
	ids := w.ok("root", "POST", "/api/users", `{"email":"keys@example.com","email_verified":true}`).get("id")
	key := w.ok("root", "POST", "/api/users/"+ids+"/apikeys", `{"name":"ci"}`).get("key.id")
	w.ok("root", "DELETE", "/api/apikeys/"+key, "")
	if a := w.do("root", "GET", "/api/apikeys/"+key, ""); a.status != 404 {
		t.Errorf("a revoked key: %d", a.status)
	}
	if a := w.ok("root", "GET", "/api/users/"+ids+"/apikeys", ""); a.body != `{"items":[]}` {
		t.Errorf("a revoked key is listed: %s", a.body)
	}
}

// listed is a page as a client reads it.
type listed struct {
	Items []map[string]any `json:"items"`
	Next  string           `json:"next"`
}

func (w *world) items(a answer) listed {
	w.t.Helper()
	var p listed
	w.must(json.Unmarshal([]byte(a.body), &p))
	return p
}

// TestRegress_133_SecretsAreShownOnce: the secret of a client or a key is in the answer that creates
// it and in no other.
func TestRegress_133_SecretsAreShownOnce(t *testing.T) {
	w := newWorld(t)
	user := w.person("alice@example.com")
	alice := w.signIn("alice@example.com")
	client := w.ok("root", "POST", "/api/clients", `{"name":"App","type":"service"}`)
	key := w.ok("root", "POST", "/api/users/"+user+"/apikeys", `{"name":"ci"}`)
	mine := w.ok(alice, "POST", "/account/apikeys", `{"name":"mine"}`)
	rotated := w.ok("root", "POST", "/api/apikeys/"+key.get("key.id")+"/rotate", `{"overlap":60}`)
	again := w.ok("root", "POST", "/api/clients/"+client.get("client.client_id")+"/rotate-secret", `{}`)
	org := w.ok("root", "POST", "/api/orgs", `{"name":"Org"}`).get("id")
	w.ok("root", "POST", "/api/orgs/"+org+"/invitations", `{"email":"x@example.com"}`)
	token, _ := strings.CutPrefix(alice, "cookie:")
	secrets := []string{client.get("client_secret"), key.get("secret"), mine.get("secret"), rotated.get("secret"), again.get("client_secret"), w.mailed(), token}
	ids := map[string]string{"client": client.get("client.client_id"), "user": user, "apikey": key.get("key.id"), "org": org}
	all := w.census("", ids) + w.ok("root", "GET", "/api/audit/events?limit=500", "").body + w.ok(alice, "POST", "/account/export", "").body +
		w.ok(alice, "GET", "/account/events", "").body + w.ok(alice, "GET", "/account/sessions", "").body
	for i, s := range secrets {
		if len(s) < 40 {
			t.Errorf("secret %d was not shown: %q", i, s)
		}
		if strings.Contains(all, s) || strings.Contains(all, secret.Hash(s)) {
			t.Errorf("secret %d is shown again, or its hash", i)
		}
	}
	if strings.Contains(all, "argon2") || strings.Contains(all, `"hash"`) || strings.Contains(all, `"salt"`) {
		t.Error("a hash or a salt is shown")
	}
}

package manage_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/cardea-auth/cardea/internal/httpapi/manage"
	"github.com/cardea-auth/cardea/internal/httpapi/problem"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
)

// document is the contract as a program reads it.
type document struct {
	Paths      map[string]map[string]described `yaml:"paths"`
	Components struct {
		Schemas map[string]schema `yaml:"schemas"`
	} `yaml:"components"`
}

type described struct {
	ID         string `yaml:"operationId"`
	Parameters []struct {
		Name   string `yaml:"name"`
		In     string `yaml:"in"`
		Schema schema `yaml:"schema"`
	} `yaml:"parameters"`
	Body struct {
		Content map[string]struct {
			Schema schema `yaml:"schema"`
		} `yaml:"content"`
	} `yaml:"requestBody"`
	Responses map[string]struct {
		Content map[string]struct {
			Schema schema `yaml:"schema"`
		} `yaml:"content"`
	} `yaml:"responses"`
}

type schema struct {
	Ref        string            `yaml:"$ref"`
	Type       string            `yaml:"type"`
	Properties map[string]schema `yaml:"properties"`
	Items      *schema           `yaml:"items"`
}

// contract is the document of all operations. It is made once: writing and reading it takes longer than
// most tests.
var contract = sync.OnceValues(func() (document, error) {
	var d document
	text, err := rest.Document(rest.About{Title: "t", Version: "1"}, new(manage.API).Operations())
	if err == nil {
		err = yaml.Unmarshal(text, &d)
	}
	return d, err
})

func (w *world) document() document {
	w.t.Helper()
	d, err := contract()
	w.must(err)
	return d
}

func (d document) resolve(s schema) schema {
	if s.Ref == "" {
		return s
	}
	return d.Components.Schemas[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]]
}

// operations are those of the document by their ids, with method and path.
func (d document) operation(o rest.Operation) described {
	return d.Paths[o.Path][strings.ToLower(o.Method)]
}

// members are the paths of all members of a schema.
func (d document) members(s schema, at string, out []string) []string {
	s = d.resolve(s)
	for name, p := range s.Properties {
		out = append(out, at+name)
		out = d.members(p, at+name+".", out)
	}
	if s.Items != nil {
		out = d.members(*s.Items, at, out)
	}
	return out
}

// TestRegress_120_WritableMembers: what somebody may write of its own account is this list, and of
// other things that one. A new member must be put here by somebody who has thought about it.
func TestRegress_120_WritableMembers(t *testing.T) {
	w := newWorld(t)
	d := w.document()
	want := map[string]string{
		"account.update": "locale name", "account.change_email": "email", "account.change_password": "current password",
		"account.password_strength": "password words", "account.create_apikey": "life name scopes", "account.rotate_apikey": "overlap",
		"account.accept_invitation": "token",
		"user.create":               "email email_verified name password", "user.update": "locale name", "user.change_email": "email",
		"org.create": "domains name", "org.update": "disabled domains name", "member.add": "user", "invitation.create": "email role",
		"apikey.create_for_user": "life name scopes", "apikey.create_for_client": "life name scopes", "apikey.rotate": "overlap",
		"client.rotate_secret": "overlap", "role.create": "description inherits name permissions", "role.update": "description inherits permissions",
		"role.assign": "expires org store subject subject.id subject.relation subject.type", "group.add_member": "id relation type",
		"scope.declare": "name words", "audit.verify": "pinned", "key.rotate": "alg purpose", "tenant.create": "id name",
		"tenant.configure": "accent access_token_life origins refresh_absolute refresh_grace refresh_idle session_absolute session_idle session_limit session_refuse sign_up_closed",
	}
	want["policy_set.create"], want["policy_set.activate"], want["plan.set"] = "description name", "version", "points policies relations roles store"
	want["policy_version.write"] = "cases cases.acr cases.action cases.address cases.auth_age cases.by cases.context cases.expect cases.name" +
		" cases.resource cases.resource.id cases.resource.parents cases.resource.properties cases.resource.type cases.strength" +
		" cases.subject cases.subject.id cases.subject.parents cases.subject.properties cases.subject.type cases.time note policies schema"
	want["policy_version.check"] = want["policy_version.write"]
	want["decision_log.set"] = "days share"
	want["decision_point.set"] = "ca credential description rego rego.query rego.version timeout_ms url"
	want["decision.simulate"] = "last question question.action question.action.name question.action.properties question.context question.resource" +
		" question.resource.id question.resource.properties question.resource.type question.subject question.subject.id question.subject.properties" +
		" question.subject.type suppose suppose.model suppose.plan suppose.plan.points suppose.plan.policies suppose.plan.relations suppose.plan.roles suppose.plan.store" +
		" suppose.policies suppose.policies.policies suppose.policies.set suppose.policies.version suppose.roles suppose.roles.delete" +
		" suppose.roles.delete.object suppose.roles.delete.relation suppose.roles.delete.user suppose.roles.write suppose.roles.write.object" +
		" suppose.roles.write.relation suppose.roles.write.user suppose.store suppose.store.delete suppose.store.delete.object" +
		" suppose.store.delete.relation suppose.store.delete.user suppose.store.write suppose.store.write.object suppose.store.write.relation" +
		" suppose.store.write.user"
	tuple := func(at string) string {
		return strings.ReplaceAll("@ @.condition @.condition.context @.condition.name @.expires @.object @.relation @.user", "@", at)
	}
	terms := "context draft model suppose " + tuple("contextual") + " " + tuple("suppose.write") + " " + tuple("suppose.delete")
	for name, all := range map[string]string{
		"store.create": "name", "store.rename": "name", "store.test": "draft file model", "model.check": "text", "model.write": "text", "model.pin": "model",
		"tuple.write": tuple("tuples"), "store.check": "user relation object " + terms, "store.explain": "user relation object " + terms,
		"store.list_objects": "user relation type limit cursor " + terms, "store.list_users": "object relation type limit cursor " + terms,
	} {
		members := strings.Fields(all)
		slices.Sort(members)
		want[name] = strings.Join(members, " ")
	}
	client := "access_token_format access_token_life audience client_uri first_party grants jwks jwks_uri lean_id_tokens min_acr name org origins policy_uri post_logout_redirect_uris redirect_uris scopes serves signing_alg token_endpoint_auth_method token_endpoint_auth_signing_alg tos_uri unsafe_no_pkce"
	want["client.update"] = client
	got := map[string]string{}
	for _, o := range w.api.Operations() {
		for _, media := range d.operation(o).Body.Content {
			all := d.members(media.Schema, "", nil)
			slices.Sort(all)
			got[o.Name] = strings.Join(all, " ")
		}
	}
	all := strings.Fields(client + " client_id type")
	slices.Sort(all)
	want["client.create"] = strings.Join(all, " ")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRegress_120_NothingElseIsWritten: a member that an account shows and nobody may write is refused
// and stays as it is, for its owner and for an administrator.
func TestRegress_120_NothingElseIsWritten(t *testing.T) {
	w := newWorld(t)
	userID := w.person("alice@example.com")
	at := "/api/users/" + userID
	before := w.ok("root", "GET", at, "").body
	for _, member := range []string{
		`"id":"x"`, `"email":"m@example.com"`, `"email_verified":true`, `"state":"active"`, `"created":"2020-01-01T00:00:00Z"`, `"epoch":1`,
		`"password":"x"`, `"password_at":"2020-01-01T00:00:00Z"`, `"flagged":null`, `"disabled":true`, `"locked_for":0`, `"roles":["cardea:admin"]`, `"tenant":"acme"`,
	} {
		for who, path := range map[string]string{userID: "/account/profile", "root": at} {
			if a := w.do(who, "PATCH", path, `{"name":"N",`+member+`}`); a.status != 400 {
				t.Errorf("%s by %s: %d %s", member, who, a.status, a.body)
			}
		}
	}
	if after := w.ok("root", "GET", at, "").body; after != before {
		t.Errorf("before %s, after %s", before, after)
	}
}

// TestRegress_133_SchemasHoldNoSecrets: only the answers that create or rotate have a member for a
// secret, and no answer has one for a hash or a salt.
func TestRegress_133_SchemasHoldNoSecrets(t *testing.T) {
	w := newWorld(t)
	d := w.document()
	shown := map[string]bool{}
	for _, o := range w.api.Operations() {
		for status, r := range d.operation(o).Responses {
			for _, media := range r.Content {
				for _, m := range d.members(media.Schema, "", nil) {
					last := m[strings.LastIndexByte(m, '.')+1:]
					switch {
					case slices.Contains([]string{"hash", "salt", "digest", "password", "private", "email_key", "token"}, last):
						t.Errorf("%s answers %s with %s", o.Name, status, m)
					case last == "secret" || last == "client_secret":
						shown[o.Name] = true
					}
				}
			}
		}
	}
	want := map[string]bool{
		"client.create": true, "client.rotate_secret": true, "apikey.create_for_user": true, "apikey.create_for_client": true,
		"apikey.rotate": true, "account.create_apikey": true, "account.rotate_apikey": true,
	}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Error(diff)
	}
}

// oddBodies are what no endpoint takes.
func oddBodies() []string {
	return []string{
		"null", "[]", `"x"`, "1", "true", "{", "}", `{"`, "{}{}", "{} x", "\xff", "{\"a\":\"\xff\"}", "\ufeff{}", `{"hunter2":1}`, `{"__proto__":{"a":1}}`,
		strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), strings.Repeat("[", 40) + strings.Repeat("]", 40), "{" + strings.Repeat(" ", 70_000) + "}",
	}
}

// oddValues stand in for a member.
func oddValues() []string {
	return []string{
		"null", "{}", "[]", "[null]", "[[]]", "true", "0", "-1", "1e400", "99999999999999999999", "1.5", `""`, `"\u0000"`, `"\ud800"`, `"\u202e"`,
		`"hunter2' OR 1=1;--"`, `"../../x"`, `"%00"`, `"` + strings.Repeat("x", 2000) + `"`, `"2020-01-01T00:00:00Z"`, `{"hunter2":[{"a":1}]}`, `["hunter2"]`,
	}
}

// TestMalformedBodies: whatever stands in a body, the answer is not our fault, and does not repeat it.
func TestMalformedBodies(t *testing.T) {
	w := newWorld(t)
	ids := w.furnish("")
	d := w.document()
	for _, o := range w.api.Operations() {
		good, ok := bodies()[o.Name]
		if !ok {
			continue
		}
		at := target(o, ids)
		for _, body := range oddBodies() {
			if a := w.do("root", o.Method, at, body); a.status < 400 || a.status >= 500 {
				t.Errorf("%s with %.40q: %d %s", o.Name, body, a.status, a.body)
			}
		}
		if a := w.do("root", o.Method, at, good, "Content-Type", "text/plain"); a.status != 415 {
			t.Errorf("%s as plain text: %d", o.Name, a.status)
		}
		for _, body := range w.mutations(d, o, good) {
			a := w.do("root", o.Method, at, body)
			if a.status >= 500 {
				t.Errorf("%s with %.200s: %d %s", o.Name, body, a.status, a.body)
			}
			repeats := strings.Contains(a.body, "hunter2") && a.get("code") != "insufficient_scope" // which names the scope that lacks
			if a.status >= 400 && (a.header.Get("Content-Type") != problem.ContentType || repeats) {
				t.Errorf("%s with %.200s: %s", o.Name, body, a.body)
			}
		}
	}
}

// mutations are a good body with one member of the schema replaced, for each member and odd value, and
// with one that stands twice.
func (w *world) mutations(d document, o rest.Operation, good string) []string {
	w.t.Helper()
	var out []string
	for _, media := range d.operation(o).Body.Content {
		for name := range d.resolve(media.Schema).Properties {
			var members map[string]any
			w.must(json.Unmarshal([]byte(good), &members))
			delete(members, name)
			rest, err := json.Marshal(members)
			w.must(err)
			head := strings.TrimSuffix(string(rest), "}")
			if head != "{" {
				head += ","
			}
			for _, v := range oddValues() {
				out = append(out, fmt.Sprintf("%s%q:%s}", head, name, v))
			}
			out = append(out, fmt.Sprintf(`%s%q:"a",%q:"b"}`, head, name, name), string(rest))
		}
	}
	return out
}

// TestMalformedParameters: the same for what stands in the path and in the query.
func TestMalformedParameters(t *testing.T) {
	w := newWorld(t)
	ids := w.furnish("")
	d := w.document()
	odd := []string{
		"%00", "%0a", "%ff", "%2e%2e%2f", "%25", "'%20OR%201=1", strings.Repeat("x", 1500), "%e2%80%ae", "x%2fy", "*", "-1", "0", "99999999999999999999", "2020", "%f0%9f%98%80", "true",
	}
	for _, o := range w.api.Operations() {
		for _, value := range odd {
			all := map[string]string{}
			for name := range ids {
				all[name] = value
			}
			paths := []string{target(o, all)}
			if o.Name == "audit.tail" {
				paths = nil // it has a test of its own, and a good value would be followed
			}
			for _, p := range d.operation(o).Parameters {
				if p.In == "query" && o.Name != "audit.tail" {
					base, _, _ := strings.Cut(target(o, ids), "?")
					paths = append(paths, base+"?"+p.Name+"="+value, base+"?"+p.Name+"="+value+"&"+p.Name+"="+value)
				}
			}
			for _, at := range paths {
				if a := w.do("root", o.Method, at, bodies()[o.Name]); a.status >= 500 {
					t.Errorf("%s %s: %d %s", o.Method, at, a.status, a.body)
				}
			}
		}
	}
}

// FuzzBodies sends what a fuzzer thinks of to every endpoint that reads a body.
func FuzzBodies(f *testing.F) {
	var names []string
	for name, good := range bodies() {
		names = append(names, name)
		f.Add(uint8(len(names)-1), good)
	}
	slices.Sort(names)
	for i, body := range oddBodies() {
		if len(body) < 1000 {
			f.Add(uint8(i), body)
		}
	}
	w := newWorld(f)
	ids := w.furnish("")
	all := map[string]rest.Operation{}
	for _, o := range w.api.Operations() {
		all[o.Name] = o
	}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		o := all[names[int(which)%len(names)]]
		r := httptest.NewRequest(o.Method, target(o, ids), strings.NewReader(body))
		r.Host = "id.example"
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer root")
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, r)
		if rec.Code >= http.StatusInternalServerError {
			t.Errorf("%s: %d %s", o.Name, rec.Code, rec.Body)
		}
	})
}

package clients_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// manage calls the management API with an API key that may do everything.
type manager struct {
	server *server
	key    string
}

// manager is an administrator's API key.
func (s *server) manager(t testing.TB) manager {
	t.Helper()
	a := s.addApp(t, "service")
	s.cli(t, "role", "assign", "cardea:admin", "service:"+a.id)
	return manager{s, s.key(t, a, "cardea:admin")}
}

// key is an API key of a service.
func (s *server) key(t testing.TB, a app, scope string) string {
	t.Helper()
	var made struct {
		Key string `json:"key"`
	}
	s.ask(t, &made, "apikey", "create", "service:"+a.id, "key", "--scope", scope)
	if made.Key == "" {
		t.Fatal("no key")
	}
	return made.Key
}

// send calls an end point and reads the answer into out, if it is not nil.
func (m manager) send(t testing.TB, method, path string, body, out any) answer {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	var reader *strings.Reader
	if reader = strings.NewReader(string(text)); body == nil {
		reader = strings.NewReader("")
	}
	r, err := http.NewRequestWithContext(t.Context(), method, m.server.issuer+path, reader)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+m.key)
	a := m.server.send(t, r)
	if out != nil {
		a.read(t, out)
	}
	return a
}

// must is send for what has to succeed.
func (m manager) must(t testing.TB, method, path string, body, out any) {
	t.Helper()
	if a := m.send(t, method, path, body, out); a.status >= 300 {
		t.Fatalf("%s %s: %s", method, path, a)
	}
}

// policies has policies decide about a type of resource.
func (m manager) policies(t testing.TB, set, resourceType, text string) {
	t.Helper()
	m.must(t, "POST", "/api/policies", object{"name": set}, nil)
	var made struct{ Number int }
	m.must(t, "POST", "/api/policies/"+set+"/versions", object{"policies": text}, &made)
	m.must(t, "PUT", "/api/policies/"+set+"/active", object{"version": made.Number}, nil)
	m.must(t, "PUT", "/api/plans/"+resourceType, object{"policies": []string{set}}, nil)
}

// told is a question with properties and context.
func told(subject, action, resource string, of, about, context object) object {
	q := question(subject, action, resource, "")
	if of != nil {
		q["subject"].(object)["properties"] = of
	}
	if about != nil {
		q["resource"].(object)["properties"] = about
	}
	if context != nil {
		q["context"] = context
	}
	return q
}

// both asks by the decision API and by the command, which must agree.
func (d decisionPoint) both(t testing.TB, q object) decided {
	t.Helper()
	got := d.evaluate(t, q)
	entity := func(name string) string {
		return q[name].(object)["type"].(string) + ":" + q[name].(object)["id"].(string)
	}
	words := []string{"check", entity("subject"), q["action"].(object)["name"].(string), entity("resource"), "--json"}
	for flag, part := range map[string]any{"--subject": q["subject"].(object)["properties"], "--resource": q["resource"].(object)["properties"], "--context": q["context"]} {
		if part == nil {
			continue
		}
		text, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, flag, string(text))
	}
	r, err := d.server.command(t.Context(), "", words...)
	if err != nil {
		t.Fatal(err)
	}
	var said struct{ Decision bool }
	if err := json.Unmarshal([]byte(r.stdout), &said); err != nil || said.Decision != got.Decision {
		t.Errorf("%v: the API says %v, the command %s", q, got.Decision, r)
	}
	return got
}

// TestE4_OwnPatients: a doctor reads the records of her own patients and no others.
func TestE4_OwnPatients(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	m, d := s.manager(t), s.decisionPoint(t)
	s.cli(t, "role", "create", "doctor")
	s.cli(t, "role", "assign", "doctor", "user:42")
	m.policies(t, "records", "patient_record", `
		@id("own-patients")
		permit(principal in Role::"doctor", action == Action::"read", resource is PatientRecord)
		when { resource.doctor == principal.id };`)
	for _, c := range []struct {
		who, action, doctor string
		want                bool
	}{{"42", "read", "42", true}, {"42", "read", "43", false}, {"42", "write", "42", false}, {"43", "read", "43", false}} {
		got := d.both(t, told("user:"+c.who, c.action, "patient_record:7", nil, object{"doctor": c.doctor}, nil))
		if got.Decision != c.want {
			t.Errorf("%+v: %+v", c, got)
		}
		if c.want && !strings.Contains(got.Context.Reason, "own-patients") {
			t.Errorf("%+v: the reason is %q", c, got.Context.Reason)
		}
	}
	if got := d.both(t, question("user:42", "read", "patient_record:7", "")); got.Decision {
		t.Errorf("a record without a doctor: %+v", got)
	}
}

// TestE5_WorkingHours: writing is allowed in working hours of a stated zone, for one's own department. Only
// a trusted enforcement point says what time it is.
func TestE5_WorkingHours(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	m := s.manager(t)
	m.policies(t, "hours", "report", `
		permit(principal, action == Action::"write", resource is Report)
		when {
			principal.department == resource.department &&
			context.environment.local["Europe/Berlin"].hour >= 9 && context.environment.local["Europe/Berlin"].hour < 18
		};`)
	trusted := s.addApp(t, "service")
	s.cli(t, "role", "create", "gateway", "--permission", "cardea:decision.environment")
	s.cli(t, "role", "assign", "gateway", "service:"+trusted.id)
	d := decisionPoint{s, s.key(t, trusted, "cardea:authz")}
	at := func(clock string) object {
		return object{"environment": object{"time": "2026-11-02T" + clock + "+01:00"}}
	}
	own := object{"department": "sales"}
	for clock, want := range map[string]bool{"08:59:59": false, "09:00:00": true, "17:59:59": true, "18:00:00": false} {
		if got := d.both(t, told("user:bob", "write", "report:1", own, own, at(clock))); got.Decision != want {
			t.Errorf("%s: %+v", clock, got)
		}
	}
	if got := d.both(t, told("user:bob", "write", "report:1", own, object{"department": "research"}, at("12:00:00"))); got.Decision {
		t.Errorf("another department: %+v", got)
	}
	if got := d.both(t, told("user:bob", "write", "report:1", nil, nil, at("12:00:00"))); got.Decision {
		t.Errorf("no departments: %+v", got)
	}
	plain := decisionPoint{s, s.key(t, s.addApp(t, "service"), "cardea:authz")}
	if a := plain.post(t, "/access/v1/evaluation", told("user:bob", "write", "report:1", own, own, at("12:00:00"))); a.status != http.StatusForbidden || !strings.Contains(a.String(), "decision.environment") {
		t.Errorf("anybody says what time it is: %s", a)
	}
}

// TestE9_TopSecret: editors read and write in a folder and those below it, unless it is top secret.
func TestE9_TopSecret(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	m, d := s.manager(t), s.decisionPoint(t)
	s.cli(t, "role", "create", "editor")
	s.cli(t, "role", "assign", "editor", "user:erin")
	m.policies(t, "documents", "document", `
		permit(principal in Role::"editor", action in [Action::"read", Action::"write"], resource in Folder::"documents")
		unless { resource.classification == "top-secret" };`)
	in := func(classification string, parents ...any) object {
		o := object{"parents": parents}
		if classification != "" {
			o["classification"] = classification
		}
		return o
	}
	nested := object{"type": "folder", "id": "2026", "parents": []any{object{"type": "folder", "id": "reports", "parents": []any{"folder:documents"}}}}
	for _, c := range []struct {
		who, action string
		about       object
		want        bool
	}{
		{"erin", "read", in("internal", "folder:documents"), true}, {"erin", "write", in("internal", "folder:documents"), true},
		{"erin", "write", in("internal", nested), true}, {"erin", "delete", in("internal", "folder:documents"), false},
		{"erin", "read", in("top-secret", "folder:documents"), false}, {"erin", "read", in("top-secret", nested), false},
		{"erin", "read", in("", "folder:documents"), false}, {"erin", "read", in("internal", "folder:private"), false},
		{"erin", "read", in("internal"), false}, {"mallory", "read", in("internal", "folder:documents"), false},
	} {
		if got := d.both(t, told("user:"+c.who, c.action, "document:1", nil, c.about, nil)); got.Decision != c.want {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

// TestRegress_143_QuestionsOverHTTP: nothing in a question becomes policy, and nothing in it is our fault.
func TestRegress_143_QuestionsOverHTTP(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	m, d := s.manager(t), s.decisionPoint(t)
	m.policies(t, "data", "file", `permit(principal == User::"root", action, resource); forbid(principal, action == Action::"read", resource) when { context.note == "x" };`)
	for _, evil := range []string{`root", action, resource); permit(principal, action, resource); //`, `" || true`, "*", "..%2f..", "\u202eroot", `User::"root"`, "data.policies"} {
		for _, q := range []object{
			told("user:"+evil, "write", "file:1", nil, nil, object{"note": evil}), told("user:bob", evil, "file:1", nil, nil, object{"note": evil}),
			told("user:bob", "write", "file:"+evil, object{evil: evil}, object{evil: evil}, object{evil: evil, "note": evil}),
			told("user:bob", "write", "file:1", nil, nil, object{"note": object{"__entity": object{"type": evil, "id": "root"}}}),
		} {
			if a := d.post(t, "/access/v1/evaluation", q); a.status >= 500 || strings.Contains(a.String(), `"decision":true`) {
				t.Errorf("%v: %s", q, a)
			}
		}
	}
	for _, text := range []string{"permit(", strings.Repeat("(", 5000), "permit(principal, action, resource) when { http(\"http://127.0.0.1\") };", "\x00", strings.Repeat("permit(principal,action,resource);", 2000)} {
		if a := m.send(t, "POST", "/api/policies/data/versions", object{"policies": text}, nil); a.status != http.StatusBadRequest || !strings.Contains(a.String(), "policy_invalid") && !strings.Contains(a.String(), "invalid_input") {
			t.Errorf("%.40q: %s", text, a)
		}
	}
}

// TestRegress_164_PoliciesSeeWhoLeft: whoever loses a group or a role is denied by policies at the next
// question.
func TestRegress_164_PoliciesSeeWhoLeft(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	m, d := s.manager(t), s.decisionPoint(t)
	s.cli(t, "role", "create", "editor")
	m.policies(t, "groups", "file", `permit(principal in Role::"editor", action, resource);`)
	s.cli(t, "role", "assign", "editor", "group:staff#member")
	m.must(t, "POST", "/api/groups/staff/members", object{"type": "user", "id": "bob"}, nil)
	q := question("user:bob", "read", "file:1", "")
	for i := range 20 {
		if got := d.evaluate(t, q); !got.Decision {
			t.Fatalf("round %d: %+v", i, got)
		}
		m.must(t, "DELETE", "/api/groups/staff/members?subject_type=user&subject_id=bob", nil, nil)
		if got := d.evaluate(t, q); got.Decision {
			t.Fatalf("round %d, after leaving: %+v", i, got)
		}
		m.must(t, "POST", "/api/groups/staff/members", object{"type": "user", "id": "bob"}, nil)
	}
}

// drive is a store with folders and documents, and a plan by which the decision API asks it.
func (m manager) drive(t testing.TB, plan object) string {
	t.Helper()
	s := m.server
	model := s.file(t, "drive.fga", []byte(`model
  schema 1.1
type user
type team
  relations
    define member: [user]
type folder
  relations
    define viewer: [user, user:*, team#member]
type file
  relations
    define parent: [folder]
    define owner: [user]
    define reader: [user] or owner or viewer from parent
`))
	var made struct{ ID string }
	s.ask(t, &made, "authz", "store", "create", "drive")
	s.cli(t, "authz", "model", "write", model)
	for _, words := range []string{
		"user:bob member team:eng", "team:eng#member viewer folder:designs", "folder:designs parent file:plan", "user:alice owner file:plan",
		"user:alice owner file:diary", "user:* viewer folder:public", "folder:public parent file:menu", "user:carl reader file:secret",
	} {
		s.cli(t, append([]string{"authz", "tuple", "write"}, strings.Fields(words)...)...)
	}
	plan["store"], plan["relations"] = made.ID, object{"read": "reader", "delete": "owner"}
	m.must(t, "PUT", "/api/plans/file", plan, nil)
	return made.ID
}

// found are the ids or names of a search, over all its pages.
func (d decisionPoint) found(t testing.TB, kind string, q object, limit int) (all []string, context map[string]bool) {
	t.Helper()
	for token := ""; ; {
		q["page"] = object{"limit": limit, "token": token}
		a := d.post(t, "/access/v1/search/"+kind, q)
		if a.status != http.StatusOK {
			t.Fatalf("%v: %s", q, a)
		}
		var out struct {
			Results []struct{ ID, Name string }
			Page    struct {
				Next string `json:"next_token"`
			}
			Context map[string]bool
		}
		a.read(t, &out)
		for _, r := range out.Results {
			all = append(all, r.ID+r.Name)
		}
		if context, token = out.Context, out.Page.Next; token == "" {
			return all, context
		}
	}
}

// TestRegress_161_SearchesFollowThePlan: what AuthZEN lists of a store is what it allows, whole and in
// pages, with a guardrail in front of it too.
func TestRegress_161_SearchesFollowThePlan(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	m, d := s.manager(t), s.decisionPoint(t)
	m.drive(t, object{})
	people, files, actions := []string{"alice", "bob", "carl", "dora"}, []string{"diary", "menu", "plan", "secret"}, []string{"delete", "read"}
	compare := func() {
		t.Helper()
		may := func(who, action, file string) bool {
			return d.evaluate(t, question("user:"+who, action, "file:"+file, "")).Decision
		}
		same := func(what string, got []string, all []string, allowed func(string) bool) {
			t.Helper()
			var want []string
			for _, one := range all {
				if allowed(one) {
					want = append(want, one)
				}
			}
			if strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		for _, limit := range []int{1, 50} {
			for _, who := range people {
				for _, action := range actions {
					got, _ := d.found(t, "resource", object{"subject": object{"type": "user", "id": who}, "action": object{"name": action}, "resource": object{"type": "file"}}, limit)
					same(who+" may "+action, got, files, func(file string) bool { return may(who, action, file) })
				}
				for _, file := range files {
					got, _ := d.found(t, "action", object{"subject": object{"type": "user", "id": who}, "resource": object{"type": "file", "id": file}}, limit)
					same(who+" may with "+file, got, actions, func(action string) bool { return may(who, action, file) })
				}
			}
			for _, file := range files {
				got, context := d.found(t, "subject", object{"subject": object{"type": "user"}, "action": object{"name": "read"}, "resource": object{"type": "file", "id": file}}, limit)
				if context["everyone"] != (file == "menu") {
					t.Errorf("everyone may read %s: %v", file, context)
				}
				named := people[:3] // dora stands in no tuple
				same("who may read "+file, got, named, func(who string) bool { return may(who, "read", file) })
			}
		}
	}
	compare()
	if got := d.both(t, question("user:bob", "read", "file:plan", "")); !got.Decision || !strings.HasPrefix(got.Context.Reason, "user:bob is reader of file:plan") {
		t.Errorf("%+v", got)
	}
	m.policies(t, "guardrail", "other", `forbid(principal == User::"bob", action, resource == File::"plan"); forbid(principal, action == Action::"delete", resource) when { principal.id == "alice" };`)
	var plans struct {
		Items []struct {
			Type, Store string
			Relations   map[string]string
		}
	}
	m.must(t, "GET", "/api/plans", nil, &plans)
	for _, p := range plans.Items {
		if p.Type == "file" {
			m.must(t, "PUT", "/api/plans/file", object{"store": p.Store, "relations": p.Relations, "policies": []string{"guardrail"}}, nil)
		}
	}
	compare()
	if got := d.evaluate(t, question("user:bob", "read", "file:plan", "")); got.Decision {
		t.Errorf("the guardrail does not hold: %+v", got)
	}
	// A write is known to the next question that names it.
	got := d.evaluate(t, question("user:dora", "read", "file:secret", ""))
	if !strings.Contains(got.Context.Revision, ".") {
		t.Errorf("revision %q", got.Context.Revision)
	}
	s.cli(t, "authz", "tuple", "write", "user:dora", "reader", "file:secret")
	q := question("user:dora", "read", "file:secret", "")
	q["context"] = object{"revision": got.Context.Revision}
	if got := d.evaluate(t, q); !got.Decision {
		t.Errorf("%+v", got)
	}
	// What policies permit cannot be listed, and is not listed in part.
	m.policies(t, "open", "file", `permit(principal, action, resource);`)
	a := d.post(t, "/access/v1/search/resource", object{"subject": object{"type": "user", "id": "bob"}, "action": object{"name": "read"}, "resource": object{"type": "org"}})
	if a.status != http.StatusOK {
		t.Errorf("%s", a)
	}
	a = d.post(t, "/access/v1/search/subject", object{"subject": object{"type": "user"}, "action": object{"name": "read"}, "resource": object{"type": "file", "id": "plan"}})
	if a.status < 400 || a.status >= 500 || !strings.Contains(a.String(), "search_not_enumerable") {
		t.Errorf("%s", a)
	}
}

// TestDecisionLog: what applications ask is kept if that is wanted, made again as it was, and asked again as
// it would be: by the API and by the command.
func TestDecisionLog(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	m, d := s.manager(t), s.decisionPoint(t)
	store := m.drive(t, object{})
	m.must(t, "PUT", "/api/decision-log", object{"share": 1, "days": 1}, nil)
	q := question("user:bob", "read", "file:plan", "")
	if got := d.evaluate(t, q); !got.Decision {
		t.Fatalf("%+v", got)
	}
	type logged struct {
		ID     string
		Answer struct{ Decision bool }
		Store  string
	}
	var list struct{ Items []logged }
	within(t, func() bool {
		m.must(t, "GET", "/api/decisions", nil, &list)
		return len(list.Items) == 1
	})
	entry := list.Items[0]
	if !entry.Answer.Decision || entry.Store != store {
		t.Errorf("%+v", entry)
	}
	s.cli(t, "authz", "tuple", "delete", "user:bob", "member", "team:eng")
	if got := d.evaluate(t, q); got.Decision {
		t.Errorf("%+v", got)
	}
	var again struct {
		Again       struct{ Decision bool }
		Same, Exact bool
	}
	m.must(t, "POST", "/api/decisions/"+entry.ID+"/replay", nil, &again)
	if !again.Same || !again.Again.Decision || !again.Exact {
		t.Errorf("%+v", again)
	}
	if out := s.cli(t, "authz", "replay", entry.ID); !strings.Contains(out, "again  allowed: user:bob is reader of file:plan.") {
		t.Errorf("%s", out)
	}
	var sim struct {
		Looked, Changed int
		Items           []struct {
			ID            string
			Before, After struct{ Decision bool }
		}
	}
	back := object{"store": object{"write": []object{{"user": "user:bob", "relation": "member", "object": "team:eng"}}}}
	m.must(t, "POST", "/api/decisions/simulate", object{"question": q, "suppose": back}, &sim)
	if sim.Changed != 1 || sim.Items[0].Before.Decision || !sim.Items[0].After.Decision {
		t.Errorf("%+v", sim)
	}
	within(t, func() bool {
		m.must(t, "POST", "/api/decisions/simulate", object{"last": 50, "suppose": back}, &sim)
		return sim.Looked == 2
	})
	if sim.Changed != 2 {
		t.Errorf("%+v", sim)
	}
	if out := s.cli(t, "authz", "simulate", "--store-write", "user:bob member team:eng"); !strings.Contains(out, "2 decisions were asked again, 2 would change.") {
		t.Errorf("%s", out)
	}
	a := m.send(t, "POST", "/api/decisions/simulate", object{"question": q, "suppose": object{"store": object{"write": []object{{"user": "team:eng", "relation": "viewer", "object": "folder:x"}}}}}, nil)
	if a.status != http.StatusBadRequest && !strings.Contains(a.String(), `"failed"`) {
		t.Errorf("a tuple that the model refuses: %s", a)
	}
	plain := decisionPoint{s, s.key(t, s.addApp(t, "service"), "cardea:admin")}
	if a := plain.post(t, "/api/decisions/simulate", object{"question": q, "suppose": object{}}); a.status != http.StatusForbidden {
		t.Errorf("anybody simulates: %s", a)
	}
}

// TestNodesHearOfPlans: the first plan of a tenant, a version that is activated and a plan that is taken
// away count at the other node, which has said before that there is none.
func TestNodesHearOfPlans(t *testing.T) {
	t.Parallel()
	nodes := startCluster(t, 2)
	m, d := nodes[0].manager(t), nodes[0].decisionPoint(t)
	there := decisionPoint{nodes[1], d.token}
	q := question("user:bob", "read", "note:1", "")
	may := func() bool { return there.evaluate(t, q).Decision }
	if may() {
		t.Fatal("nobody has given bob anything")
	}
	m.policies(t, "notes", "note", `permit(principal, action, resource);`)
	took := map[string]time.Duration{"first plan": soon(t, "the first plan", may)}
	m.must(t, "POST", "/api/policies/notes/versions", object{"policies": `permit(principal, action, resource); forbid(principal == User::"bob", action, resource);`}, nil)
	m.must(t, "PUT", "/api/policies/notes/active", object{"version": 2}, nil)
	took["version"] = soon(t, "an activated version", func() bool { return !may() })
	m.must(t, "PUT", "/api/policies/notes/active", object{"version": 1}, nil)
	took["rollback"] = soon(t, "a rollback", may)
	m.must(t, "DELETE", "/api/plans/note", nil, nil)
	took["no plan"] = soon(t, "a plan that is gone", func() bool { return !may() })
	t.Logf("the other node knew after %v", took)
}

// within asks again and again for what happens in a moment.
func within(t testing.TB, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if f() {
			return
		}
	}
	t.Fatal("it did not happen")
}

package clients_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// decided is an answer of the decision API (AuthZEN 1.0, section 6.2).
type decided struct {
	Decision bool
	Context  struct {
		Reason  string
		Reasons []struct {
			Kind string
			Path []string
		}
		Missing  []string
		Revision string
		Error    *struct {
			Status  int
			Message string
		}
	}
}

// decisionPoint is a service that asks for decisions with a token of its own.
type decisionPoint struct {
	server *server
	token  string
}

func (s *server) decisionPoint(t testing.TB) decisionPoint {
	t.Helper()
	return decisionPoint{s, s.serviceToken(t, s.addApp(t, "service"))}
}

// serviceToken is an access token of a service for itself.
func (s *server) serviceToken(t testing.TB, a app, pairs ...string) string {
	t.Helper()
	got := s.post(t, a, "/oauth/token", append(pairs, "grant_type", "client_credentials")...)
	var said struct {
		Token string `json:"access_token"`
	}
	if got.read(t, &said); said.Token == "" {
		t.Fatalf("client credentials: %s", got)
	}
	return said.Token
}

func (d decisionPoint) post(t testing.TB, path string, body any) answer {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.server.issuer+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if d.token != "" {
		r.Header.Set("Authorization", "Bearer "+d.token)
	}
	return d.server.send(t, r)
}

type object map[string]any

// question is a question of AuthZEN; org may be empty.
func question(subject, action, resource, org string) object {
	entity := func(text string) object {
		kind, id, _ := strings.Cut(text, ":")
		return object{"type": kind, "id": id}
	}
	q := object{"subject": entity(subject), "action": object{"name": action}, "resource": entity(resource)}
	if org != "" {
		q["resource"].(object)["properties"] = object{"org": org}
	}
	return q
}

// evaluate asks one question, which must be answered.
func (d decisionPoint) evaluate(t testing.TB, q object) decided {
	t.Helper()
	a := d.post(t, "/access/v1/evaluation", q)
	if a.status != http.StatusOK {
		t.Fatalf("%v: %s", q, a)
	}
	var out decided
	a.read(t, &out)
	return out
}

// TestE1_RolesByCommandAndRequest: three roles with seven permissions and three people, asked by the
// command and by the decision API; a permission that is taken from a role is gone at the next check.
func TestE1_RolesByCommandAndRequest(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{}) // its roles have the names of the story
	roles := map[string][]string{
		"admin":  {"users:read", "users:write", "users:delete", "posts:read", "posts:write", "posts:delete", "settings:manage"},
		"editor": {"posts:read", "posts:write", "posts:delete", "users:read"},
		"viewer": {"posts:read", "users:read"},
	}
	people := map[string]string{"alice@e1.example": "admin", "bob@e1.example": "editor", "charlie@e1.example": "viewer"}
	for role, permissions := range roles {
		words := []string{"role", "create", role}
		for _, p := range permissions {
			words = append(words, "--permission", p)
		}
		s.cli(t, words...)
	}
	ids := map[string]string{}
	for email, role := range people {
		ids[email] = s.addUser(t, email).id
		s.cli(t, "role", "assign", role, email)
	}
	d := s.decisionPoint(t)
	for email, role := range people {
		for _, permission := range roles["admin"] {
			q := question("user:"+ids[email], permission, "blog:1", "")
			if got, want := d.evaluate(t, q).Decision, slices.Contains(roles[role], permission); got != want {
				t.Errorf("%s %s: %t", email, permission, got)
			}
		}
		var shown struct{ Permissions []string }
		s.ask(t, &shown, "user", "show", email)
		if len(shown.Permissions) != len(roles[role]) {
			t.Errorf("%s may %v", email, shown.Permissions)
		}
	}
	bob := "bob@e1.example"
	if r := s.check(t, "user:"+bob, "posts:delete", "blog:1"); r.code != 0 {
		t.Errorf("before: %s", r)
	}
	s.cli(t, "role", "update", "editor", "--remove", "posts:delete")
	if r := s.check(t, "user:"+bob, "posts:delete", "blog:1"); r.code != 1 {
		t.Errorf("after, by command: %s", r)
	}
	if d.evaluate(t, question("user:"+ids[bob], "posts:delete", "blog:1", "")).Decision {
		t.Error("after, by request: allowed")
	}
}

// check runs cardea check, whose status is the answer.
func (s *server) check(t testing.TB, words ...string) result {
	t.Helper()
	r, err := s.command(t.Context(), "", append([]string{"check"}, words...)...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCommandAndAuthZENAgree asks a matrix of questions both ways. The answers must be the same and
// say why in the same words.
func TestCommandAndAuthZENAgree(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server
	ann, ben, dan := s.addUser(t, "ann@matrix.example"), s.addUser(t, "ben@matrix.example"), s.addUser(t, "dan@matrix.example")
	service := s.addApp(t, "service")
	var org struct{ ID string }
	s.ask(t, &org, "org", "add", "Matrix")
	s.cli(t, "role", "create", "matrix-reader", "--permission", "page:read")
	s.cli(t, "role", "create", "matrix-writer", "--permission", "page:write", "--inherits", "matrix-reader")
	s.cli(t, "role", "assign", "matrix-writer", ann.email)
	s.cli(t, "org", "member", "add", org.ID, ben.email)
	s.cli(t, "role", "assign", "matrix-writer", ben.email, "--org", org.ID)
	s.cli(t, "role", "assign", "matrix-reader", "service:"+service.id)
	s.cli(t, "role", "assign", "matrix-writer", dan.email)
	s.cli(t, "user", "disable", dan.email)
	d := s.decisionPoint(t)
	questions := 0
	for _, subject := range []string{"user:" + ann.id, "user:" + ben.id, "user:" + dan.id, "user:nobody", "service:" + service.id, "robot:r2"} {
		for _, action := range []string{"page:read", "page:write", "page:delete"} {
			for _, in := range []string{"", org.ID, "other"} {
				questions++
				s.agree(t, d, subject, action, in)
			}
		}
	}
	t.Logf("%d questions were answered alike", questions)
	if got := d.evaluate(t, question("user:"+ben.id, "page:write", "page:1", org.ID)); !got.Decision || !strings.Contains(got.Context.Reason, "matrix-writer in org "+org.ID) {
		t.Errorf("ben in his organisation: %+v", got)
	}
	if got := d.evaluate(t, question("user:"+dan.id, "page:read", "page:1", "")); got.Decision || !strings.Contains(got.Context.Reason, "disabled") {
		t.Errorf("somebody who is disabled: %+v", got)
	}
	if got := d.evaluate(t, question("user:"+ben.id, "page:write", "page:1", "")); got.Decision || !slices.Equal(got.Context.Missing, []string{"page:write"}) {
		t.Errorf("ben elsewhere: %+v", got)
	}
}

// agree asks one question both ways.
func (s *server) agree(t *testing.T, d decisionPoint, subject, action, org string) {
	t.Helper()
	words := []string{subject, action, "page:1", "--explain", "--json"}
	if org != "" {
		words = append(words, "--org", org)
	}
	r := s.check(t, words...)
	q := question(subject, action, "page:1", org)
	q["context"] = object{"explain": true}
	asked := d.evaluate(t, q)
	var said struct {
		Decision bool
		Reason   string
		Reasons  []struct{ Path []string }
		Missing  []string
		Revision uint64
	}
	if err := json.Unmarshal([]byte(r.stdout), &said); err != nil {
		t.Fatalf("%s: %v", r, err)
	}
	where := fmt.Sprintf("%s %s in %q", subject, action, org)
	if said.Decision != asked.Decision || said.Decision != (r.code == 0) || !said.Decision && r.code != 1 {
		t.Errorf("%s: by command %t with status %d, by request %t", where, said.Decision, r.code, asked.Decision)
	}
	if said.Reason == "" || said.Reason != asked.Context.Reason || !slices.Equal(said.Missing, asked.Context.Missing) {
		t.Errorf("%s: by command %q %v, by request %q %v", where, said.Reason, said.Missing, asked.Context.Reason, asked.Context.Missing)
	}
	if said.Decision && (len(said.Reasons[0].Path) == 0 || !slices.Equal(said.Reasons[0].Path, asked.Context.Reasons[0].Path)) {
		t.Errorf("%s: by command %v, by request %v", where, said.Reasons[0].Path, asked.Context.Reasons[0].Path)
	}
}

// TestEvaluationsSemantics asks several questions at once in the three ways of AuthZEN, section 7.1.2.
func TestEvaluationsSemantics(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server
	u := s.addUser(t, "many@decision.example")
	s.cli(t, "role", "create", "many-reader", "--permission", "file:read")
	s.cli(t, "role", "assign", "many-reader", u.email)
	d := s.decisionPoint(t)
	action := func(name string) object { return object{"action": object{"name": name}} }
	deny, permit, broken := action("file:write"), action("file:read"), object{"action": object{"name": ""}}
	for _, c := range []struct {
		semantic string
		asked    []object
		want     []bool
	}{
		{"", []object{deny, permit, deny}, []bool{false, true, false}},
		{"execute_all", []object{permit, deny, permit}, []bool{true, false, true}},
		{"execute_all", []object{permit, broken, permit}, []bool{true, false, true}},
		{"deny_on_first_deny", []object{permit, deny, permit}, []bool{true, false}},
		{"deny_on_first_deny", []object{permit, broken, permit}, []bool{true, false}},
		{"deny_on_first_deny", []object{permit, permit}, []bool{true, true}},
		{"permit_on_first_permit", []object{deny, permit, deny}, []bool{false, true}},
		{"permit_on_first_permit", []object{deny, deny}, []bool{false, false}},
	} {
		body := question("user:"+u.id, "ignored", "file:1", "")
		body["evaluations"] = c.asked
		if c.semantic != "" {
			body["options"] = object{"evaluations_semantic": c.semantic}
		}
		var got struct{ Evaluations []decided }
		a := d.post(t, "/access/v1/evaluations", body)
		a.read(t, &got)
		var decisions []bool
		for _, e := range got.Evaluations {
			decisions = append(decisions, e.Decision)
		}
		if a.status != http.StatusOK || !slices.Equal(decisions, c.want) {
			t.Errorf("%s: %v, want %v: %s", c.semantic, decisions, c.want, a)
		}
	}
	one := d.post(t, "/access/v1/evaluations", question("user:"+u.id, "file:read", "file:1", ""))
	var single decided
	if one.read(t, &single); !single.Decision {
		t.Errorf("without evaluations it is one question: %s", one)
	}
	body := question("user:"+u.id, "file:read", "file:1", "")
	body["evaluations"], body["options"] = []object{permit}, object{"evaluations_semantic": "guess"}
	if a := d.post(t, "/access/v1/evaluations", body); a.status != http.StatusBadRequest {
		t.Errorf("an unknown semantic: %s", a)
	}
}

// TestDecisionAPIByItself: what it publishes about itself, who may ask, and what is no question.
func TestDecisionAPIByItself(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	s := w.server
	d := s.decisionPoint(t)
	var meta struct {
		Point      string `json:"policy_decision_point"`
		Evaluation string `json:"access_evaluation_endpoint"`
	}
	s.with(t, "GET", "/.well-known/authzen-configuration", "", "").read(t, &meta)
	if meta.Point != s.issuer || meta.Evaluation != s.issuer+"/access/v1/evaluation" {
		t.Errorf("metadata %+v", meta)
	}
	q := question("user:u1", "file:read", "file:1", "")
	if a := (decisionPoint{s, ""}).post(t, "/access/v1/evaluation", q); a.status != http.StatusUnauthorized {
		t.Errorf("nobody asks: %s", a)
	}
	for _, missing := range []string{"subject", "action", "resource"} {
		q := question("user:u1", "file:read", "file:1", "")
		delete(q, missing)
		if a := d.post(t, "/access/v1/evaluation", q); a.status != http.StatusBadRequest {
			t.Errorf("without %s: %s", missing, a)
		}
	}
	q["unknown"] = "is ignored"
	if a := d.post(t, "/access/v1/evaluation", q); a.status != http.StatusOK {
		t.Errorf("an unknown member: %s", a)
	}
	// A revision that was given out is known; one from the future has to be waited for.
	q["context"] = object{"revision": d.evaluate(t, q).Context.Revision}
	d.evaluate(t, q)
	q["context"] = object{"revision": "999999999"}
	if a := d.post(t, "/access/v1/evaluation", q); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("a revision from the future: %s", a)
	}
	// A person may ask about itself and about nobody else.
	u := s.addUser(t, "asks@decision.example")
	own := s.newParty(t, s.addApp(t, "web", scopes("openid")...), "openid").login(s.browser(t, u))
	asUser := decisionPoint{s, own.AccessToken}
	if a := asUser.post(t, "/access/v1/evaluation", question("user:"+u.id, "file:read", "file:1", "")); a.status != http.StatusOK {
		t.Errorf("about itself: %s", a)
	}
	if a := asUser.post(t, "/access/v1/evaluation", question("user:u2", "file:read", "file:1", "")); a.status != http.StatusForbidden {
		t.Errorf("about somebody else: %s", a)
	}
	// The command tells a question that it cannot answer from a no.
	if r := s.check(t, "user:nobody@decision.example", "file:read", "file:1"); r.code != 2 {
		t.Errorf("an unknown address: %s", r)
	}
	if r := s.check(t, "user:u1", "file:read", "file"); r.code != 2 {
		t.Errorf("no resource: %s", r)
	}
}

// TestSearches lists what AuthZEN 1.0, section 8, lets a service ask for, page by page.
func TestSearches(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server
	d := s.decisionPoint(t)
	s.cli(t, "role", "create", "search-reader", "--permission", "search:read", "--permission", "search:list")
	var ids []string
	for i := range 3 {
		u := s.addUser(t, fmt.Sprintf("found%d@search.example", i))
		s.cli(t, "role", "assign", "search-reader", u.email)
		ids = append(ids, u.id)
	}
	gone := s.addUser(t, "gone@search.example")
	s.cli(t, "role", "assign", "search-reader", gone.email)
	s.cli(t, "user", "disable", gone.email)
	slices.Sort(ids)
	type results struct {
		Page struct {
			NextToken string `json:"next_token"`
			Count     int
		}
		Results []struct{ Type, ID, Name string }
	}
	all := func(path string, body object) (found []string) {
		for page := (object{"limit": 1}); ; {
			body["page"] = page
			var got results
			a := d.post(t, path, body)
			if a.read(t, &got); a.status != http.StatusOK || got.Page.Count != len(got.Results) || len(got.Results) > 1 {
				t.Fatalf("%s: %s", path, a)
			}
			for _, r := range got.Results {
				found = append(found, r.ID+r.Name)
			}
			if got.Page.NextToken == "" {
				return found
			}
			page["token"] = got.Page.NextToken
		}
	}
	resource := object{"type": "file", "id": "1"}
	if got := all("/access/v1/search/subject", object{"subject": object{"type": "user"}, "action": object{"name": "search:read"}, "resource": resource}); !slices.Equal(got, ids) {
		t.Errorf("who may: %v, want %v", got, ids)
	}
	if got := all("/access/v1/search/action", object{"subject": object{"type": "user", "id": ids[0]}, "resource": resource}); !slices.Equal(got, []string{"search:list", "search:read"}) {
		t.Errorf("what: %v", got)
	}
	for path, body := range map[string]object{
		"/access/v1/search/resource": {"subject": object{"type": "user", "id": ids[0]}, "action": object{"name": "search:read"}, "resource": object{"type": "file"}},
		"/access/v1/search/subject":  {"subject": object{"type": "user"}, "action": object{"name": "search:read"}, "resource": resource, "page": object{"token": "!"}},
		"/access/v1/search/action":   {"subject": object{"type": "user", "id": ids[0]}, "resource": resource, "page": object{"limit": 501}},
	} {
		if a := d.post(t, path, body); a.status != http.StatusBadRequest {
			t.Errorf("%s: %s", path, a)
		}
	}
	if a := (decisionPoint{s, ""}).post(t, "/access/v1/search/subject", object{}); a.status != http.StatusUnauthorized {
		t.Errorf("nobody searches: %s", a)
	}
}

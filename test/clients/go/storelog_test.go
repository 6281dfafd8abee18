package clients_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestStoreLog: checks by OpenFGA's API are kept in the decision log with all that they brought, one by one
// and in batches, and are made again as they were when the tuples have changed since.
func TestStoreLog(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	m := s.manager(t)
	f := m.fga(t, `model
  schema 1.1
type user
type team
  relations
    define member: [user]
type doc
  relations
    define viewer: [user, team#member, user with big]
condition big(n: int) {
  n > 9007199254740992
}
`)
	f.write(t, tupleKey{"team:eng#member", "viewer", "doc:plan"}, tupleKey{"user:bob", "member", "team:eng"})
	m.must(t, "PUT", "/api/decision-log", object{"share": 1, "days": 1}, nil)
	if !f.check(t, tupleKey{"user:bob", "viewer", "doc:plan"}) || !f.check(t, tupleKey{"team:eng#member", "viewer", "doc:plan"}) {
		t.Fatal("bob and his team may view")
	}
	conditional := object{"user": "user:eve", "relation": "viewer", "object": "doc:plan", "condition": object{"name": "big"}}
	ask := func(id, n string) object {
		return object{
			"correlation_id": id, "tuple_key": tupleKey{"user:eve", "viewer", "doc:plan"},
			"contextual_tuples": object{"tuple_keys": []object{conditional}}, "context": json.RawMessage(`{"n":` + n + `}`),
		}
	}
	m.must(t, "POST", "/stores/"+f.id+"/batch-check", object{"checks": []object{
		ask("yes", "9007199254740993"), ask("no", "9007199254740992"), {"correlation_id": "bad", "tuple_key": tupleKey{"user:eve", "nothing", "doc:plan"}},
	}}, nil)

	type logged struct {
		ID, Store string
		Direct    bool
		Answer    struct{ Decision bool }
		Question  struct {
			Subject struct{ ID string }
			Action  struct{ Name string }
		}
		Contextual []tupleKey `json:"contextual_tuples"`
	}
	var list struct{ Items []logged }
	within(t, func() bool {
		m.must(t, "GET", "/api/decisions", nil, &list)
		return len(list.Items) == 4
	})
	seen := map[string]int{}
	replay := func(e logged) (same, exact bool) {
		t.Helper()
		var again struct{ Same, Exact bool }
		m.must(t, "POST", "/api/decisions/"+e.ID+"/replay", nil, &again)
		return again.Same, again.Exact
	}
	s.cli(t, "authz", "tuple", "delete", "--store", f.id, "user:bob", "member", "team:eng")
	f.write(t, tupleKey{"user:eve", "viewer", "doc:plan"})
	for _, e := range list.Items {
		seen[e.Question.Subject.ID]++
		if e.Store != f.id || !e.Direct || e.Question.Action.Name != "viewer" {
			t.Errorf("%+v", e)
		}
		if e.Question.Subject.ID == "eve" && len(e.Contextual) != 1 {
			t.Errorf("without what it brought: %+v", e)
		}
		if same, exact := replay(e); !same || !exact {
			t.Errorf("another answer (exact: %v): %+v", exact, e)
		}
	}
	if seen["bob"] != 1 || seen["eng#member"] != 1 || seen["eve"] != 2 {
		t.Errorf("%v", seen)
	}
	if f.check(t, tupleKey{"user:bob", "viewer", "doc:plan"}) {
		t.Error("bob has left the team")
	}
	if out := s.cli(t, "authz", "simulate", "--store-write", "user:bob member team:eng"); !strings.Contains(out, "would change.") || strings.Contains(out, " 0 would change") {
		t.Errorf("%s", out)
	}
}

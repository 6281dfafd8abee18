package clients_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// fga is a store of relation tuples, by OpenFGA's API.
type fga struct {
	manager
	id string
}

type tupleKey struct {
	User     string `json:"user"`
	Relation string `json:"relation"`
	Object   string `json:"object"`
}

// fga makes a store with a model.
func (m manager) fga(t testing.TB, model string) fga {
	t.Helper()
	var made struct{ ID string }
	m.must(t, "POST", "/stores", object{"name": "rows"}, &made)
	m.server.cli(t, "authz", "model", "write", "--store", made.ID, m.server.file(t, "model.fga", []byte(model)))
	return fga{m, made.ID}
}

func (f fga) write(t testing.TB, keys ...tupleKey) {
	t.Helper()
	f.must(t, "POST", "/stores/"+f.id+"/write", object{"writes": object{"tuple_keys": keys}}, nil)
}

func (f fga) check(t testing.TB, k tupleKey) bool {
	t.Helper()
	var said struct{ Allowed bool }
	f.must(t, "POST", "/stores/"+f.id+"/check", object{"tuple_key": k}, &said)
	return said.Allowed
}

func (f fga) objects(t testing.TB, user, relation, kind string) []string {
	t.Helper()
	var said struct{ Objects []string }
	f.must(t, "POST", "/stores/"+f.id+"/list-objects", object{"user": user, "relation": relation, "type": kind}, &said)
	return said.Objects
}

// TestRegress_157_WildcardsOverHTTP: everybody cannot stand where a tuple is followed, and a model that
// would let it is refused.
func TestRegress_157_WildcardsOverHTTP(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	m := s.manager(t)
	f := m.fga(t, "model\n  schema 1.1\ntype user\ntype folder\n  relations\n    define viewer: [user]\ntype doc\n  relations\n    define parent: [folder]\n    define viewer: viewer from parent\n")
	for _, k := range []tupleKey{{"folder:*", "parent", "doc:1"}, {"user:*", "viewer", "folder:a"}, {"folder:a#viewer", "parent", "doc:1"}, {"user:bob", "viewer", "doc:1"}, {"user:*", "parent", "doc:1"}} {
		if a := f.send(t, "POST", "/stores/"+f.id+"/write", object{"writes": object{"tuple_keys": []tupleKey{k}}}, nil); a.status != http.StatusBadRequest {
			t.Errorf("%v: %s", k, a)
		}
	}
	for _, model := range []string{
		`{"schema_version":"1.1","type_definitions":[{"type":"user"},{"type":"folder","relations":{"viewer":{"this":{}}},"metadata":{"relations":{"viewer":{"directly_related_user_types":[{"type":"user"}]}}}},{"type":"doc","relations":{"parent":{"this":{}},"viewer":{"tupleToUserset":{"tupleset":{"relation":"parent"},"computedUserset":{"relation":"viewer"}}}},"metadata":{"relations":{"parent":{"directly_related_user_types":[{"type":"folder","wildcard":{}}]},"viewer":{"directly_related_user_types":[]}}}}]}`,
		`{"schema_version":"1.1","type_definitions":[{"type":"user"},{"type":"doc","relations":{"parent":{"computedUserset":{"relation":"other"}},"other":{"this":{}},"viewer":{"tupleToUserset":{"tupleset":{"relation":"parent"},"computedUserset":{"relation":"viewer"}}}},"metadata":{"relations":{"other":{"directly_related_user_types":[{"type":"doc"}]}}}}]}`,
	} {
		r := strings.NewReader(model)
		q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.issuer+"/stores/"+f.id+"/authorization-models", r)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", "application/json")
		q.Header.Set("Authorization", "Bearer "+m.key)
		if a := s.send(t, q); a.status != http.StatusBadRequest {
			t.Errorf("%s", a)
		}
	}
	f.write(t, tupleKey{"folder:a", "parent", "doc:1"}, tupleKey{"user:bob", "viewer", "folder:a"})
	if !f.check(t, tupleKey{"user:bob", "viewer", "doc:1"}) || f.check(t, tupleKey{"user:*", "viewer", "doc:1"}) || f.check(t, tupleKey{"user:eve", "viewer", "doc:1"}) {
		t.Error("bob may view the document, and nobody else")
	}
}

// TestRegress_158_ExclusionsOverHTTP: exclusion, intersection and wildcards answer as plain sets do, and
// lists as checks do, over random tuples.
func TestRegress_158_ExclusionsOverHTTP(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	m := s.manager(t)
	const model = `model
  schema 1.1
type user
type team
  relations
    define member: [user, team#member]
type doc
  relations
    define named: [user, user:*, team#member]
    define blocked: [user, user:*, team#member]
    define cleared: [user, team#member]
    define reader: named but not blocked
    define secret: reader and cleared
    define mixed: cleared or (named but not (blocked and cleared))
`
	r := rand.New(rand.NewPCG(158, 1))
	people, teams := 5, 4
	for round := range 6 {
		f := m.fga(t, model)
		facts := map[tupleKey]bool{}
		one := func(n int) string { return fmt.Sprintf("user:u%d", n) }
		for range 14 {
			who := []string{one(r.IntN(people)), fmt.Sprintf("team:t%d#member", r.IntN(teams)), "user:*"}[r.IntN(3)]
			k := tupleKey{who, []string{"named", "blocked", "cleared"}[r.IntN(3)], fmt.Sprintf("doc:d%d", r.IntN(3))}
			if k.Relation != "cleared" || who != "user:*" {
				facts[k] = true
			}
			inner := []string{one(r.IntN(people)), fmt.Sprintf("team:t%d#member", r.IntN(teams))}[r.IntN(2)]
			facts[tupleKey{inner, "member", fmt.Sprintf("team:t%d", r.IntN(teams))}] = true
		}
		var all []tupleKey
		for k := range facts {
			if k.User != k.Object+"#member" { // says nothing, and is refused
				all = append(all, k)
			}
		}
		f.write(t, all...)
		w := sets{all}
		for p := range people + 1 { // the last one stands in no tuple
			for _, relation := range []string{"named", "blocked", "cleared", "reader", "secret", "mixed"} {
				var want []string
				for d := range 3 {
					k := tupleKey{one(p), relation, fmt.Sprintf("doc:d%d", d)}
					if w.has(k) {
						want = append(want, k.Object)
					}
					if got := f.check(t, k); got != w.has(k) {
						t.Errorf("round %d, %v: %v\n%v", round, k, got, all)
					}
				}
				if got := f.objects(t, one(p), relation, "doc"); strings.Join(got, " ") != strings.Join(want, " ") {
					t.Errorf("round %d, %s %s: %v, want %v\n%v", round, one(p), relation, got, want, all)
				}
			}
		}
	}
}

// sets answers by the definition, from all tuples.
type sets struct{ all []tupleKey }

func (s sets) in(user, team string, depth int) bool {
	for _, k := range s.all {
		if k.Object == team && k.Relation == "member" && depth < 10 &&
			(k.User == user || strings.HasSuffix(k.User, "#member") && s.in(user, strings.TrimSuffix(k.User, "#member"), depth+1)) {
			return true
		}
	}
	return false
}

func (s sets) direct(k tupleKey) bool {
	for _, one := range s.all {
		if one.Object == k.Object && one.Relation == k.Relation &&
			(one.User == k.User || one.User == "user:*" || strings.HasSuffix(one.User, "#member") && s.in(k.User, strings.TrimSuffix(one.User, "#member"), 0)) {
			return true
		}
	}
	return false
}

func (s sets) has(k tupleKey) bool {
	as := func(relation string) bool { return s.direct(tupleKey{k.User, relation, k.Object}) }
	switch k.Relation {
	case "reader":
		return as("named") && !as("blocked")
	case "secret":
		return as("named") && !as("blocked") && as("cleared")
	case "mixed":
		return as("cleared") || as("named") && !(as("blocked") && as("cleared"))
	}
	return as(k.Relation)
}

// TestRegress_162_SizesOverHTTP: around 65,536 tuples nothing is lost, neither of one object nor of one user.
func TestRegress_162_SizesOverHTTP(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	f := s.manager(t).fga(t, "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user]\n")
	next := 0
	grow := func(to int) {
		for next < to {
			var keys []tupleKey
			for ; next < to && len(keys) < 500; next++ {
				keys = append(keys, tupleKey{"user:bob", "viewer", fmt.Sprintf("doc:%06d", next)}, tupleKey{fmt.Sprintf("user:%06d", next), "viewer", "doc:all"})
			}
			f.write(t, keys...)
		}
	}
	for _, size := range []int{65_534, 65_535, 65_536, 65_537} {
		grow(size)
		if got := f.objects(t, "user:bob", "viewer", "doc"); len(got) != size || got[0] != "doc:000000" || got[size-1] != fmt.Sprintf("doc:%06d", size-1) {
			t.Fatalf("%d objects of %d", len(got), size)
		}
		var said struct{ Users []any }
		f.must(t, "POST", "/stores/"+f.id+"/list-users", object{
			"object": object{"type": "doc", "id": "all"}, "relation": "viewer", "user_filters": []object{{"type": "user"}},
		}, &said)
		if len(said.Users) != size {
			t.Fatalf("%d users of %d", len(said.Users), size)
		}
		for _, n := range []int{0, size - 1, size} {
			if got := f.check(t, tupleKey{fmt.Sprintf("user:%06d", n), "viewer", "doc:all"}); got != (n < size) {
				t.Errorf("user %d of %d: %v", n, size, got)
			}
		}
	}
}

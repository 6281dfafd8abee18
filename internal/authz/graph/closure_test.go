package graph_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
)

// TestPathBesideAnExpiringNest: of two groups of a subject one is nested for good and one for a time. What is
// remembered serves the first only, and the path must still be tuples that are there.
func TestPathBesideAnExpiringNest(t *testing.T) {
	t.Parallel()
	types := []graph.Type{
		{Name: "user"},
		{Name: "group", Relations: []graph.Relation{{Name: "member", Rewrite: graph.This("user", "group#member")}}},
		{Name: "doc", Relations: []graph.Relation{{Name: "viewer", Rewrite: graph.This("user", "group#member")}}},
	}
	bound := tuple(t, "group:high#member@group:b#member")
	bound.Expires = now.Add(time.Hour)
	g := load(t, types,
		tuple(t, "group:a#member@user:ann"), tuple(t, "group:b#member@user:ann"),
		tuple(t, "group:middle#member@group:a#member"), tuple(t, "group:top#member@group:middle#member"),
		bound, tuple(t, "doc:1#viewer@group:top#member"),
	)
	for range 2 { // the second time from what is remembered
		got, err := g.Check(t.Context(), now, graph.Query{
			Object: graph.Object{Type: "doc", ID: "1"}, Relation: "viewer", Subject: graph.Subject{Type: "user", ID: "ann"}, Explain: true,
		})
		want := "[doc:1#viewer@group:top#member group:top#member@group:middle#member group:middle#member@group:a#member group:a#member@user:ann]"
		if err != nil || !got.Allowed || fmt.Sprint(got.Path) != want {
			t.Fatalf("%v, %v\nwant %s", got, err, want)
		}
	}
}

package graph_test

import (
	"testing"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// FuzzCursor continues a tree at any text: it is refused, or the page holds only what comes after.
func FuzzCursor(f *testing.F) {
	for _, text := range []string{"", "1 user:a", "2 group:g#member", "1 user:%23", "9 user:*", "-1 user:a", "1  user:a", "1 user:a#", "x"} {
		f.Add(text)
	}
	m, err := graph.NewModel(named("public")...)
	if err != nil {
		f.Fatal(err)
	}
	g := graph.New(m, graph.Limits{})
	if err := g.Load(1, graph.All(tuples(f, "doc:1#viewer@user:a", "doc:1#viewer@user:*", "doc:1#viewer@group:g#member", "doc:1#viewer@user:%23%00")...)); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, after string) {
		left := 4
		for q := (graph.ExpandQuery{Object: graph.Object{Type: "doc", ID: "1"}, Relation: "viewer", After: after, Limit: 1}); ; {
			got, err := g.View().Expand(t.Context(), now, q)
			if err != nil {
				if errs.CodeOf(err) != "invalid_cursor" || q.After != after {
					t.Fatal(err)
				}
				return
			}
			if left -= len(got.Tree.Subjects); left < 0 {
				t.Fatal("a subject came twice")
			}
			if q.After = got.Next; got.Next == "" {
				return
			}
		}
	})
}

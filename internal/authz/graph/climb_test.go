package graph_test

import (
	"testing"

	"github.com/cardea-auth/cardea/internal/authz/graph"
)

// TestUnknownAboveAClimb: what a tuple with a condition gives to those who come by from folder to folder above
// rests on the condition, and says so. How long the way above is makes no difference.
func TestUnknownAboveAClimb(t *testing.T) {
	t.Parallel()
	rel := func(name string, w graph.Rewrite) graph.Relation { return graph.Relation{Name: name, Rewrite: w} }
	m, err := graph.NewConditionalModel(switches{},
		graph.Type{Name: "user"},
		graph.Type{Name: "folder", Relations: []graph.Relation{
			rel("parent", graph.This("folder")), rel("viewer", graph.This("user")),
			rel("view", graph.Union(graph.Computed("viewer"), graph.From("parent", "view"))),
		}},
		graph.Type{Name: "doc", Relations: []graph.Relation{rel("viewer", graph.This("folder#view with if"))}})
	if err != nil {
		t.Fatal(err)
	}
	g := loaded(t, m, "folder:1#viewer@user:ann", "folder:2#parent@folder:1", "folder:3#parent@folder:2",
		"doc:1#viewer@folder:1#view if x", "doc:2#viewer@folder:2#view if x", "doc:3#viewer@folder:3#view if x")
	for _, who := range []string{"user:ann", "folder:1#view"} {
		for _, doc := range []string{"doc:1", "doc:2", "doc:3"} {
			for want, given := range map[string]map[string]any{"missing x": nil, "broken_switch": {"x": "?"}, "yes": {"x": true}, "no": {"x": false}} {
				if got := decide(t, g, doc+"#viewer@"+who, given); got != want {
					t.Errorf("%s %s with %v: %s, want %s", doc, who, given, got, want)
				}
			}
		}
	}
}

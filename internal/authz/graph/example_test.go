package graph_test

import (
	"context"
	"fmt"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
)

func Example() {
	who := graph.This("user", "team#member")
	model, err := graph.NewModel(
		graph.Type{Name: "user"},
		graph.Type{Name: "team", Relations: []graph.Relation{{Name: "member", Rewrite: who}}},
		graph.Type{Name: "folder", Relations: []graph.Relation{
			{Name: "parent", Rewrite: graph.This("folder")},
			{Name: "editor", Rewrite: who},
			{Name: "viewer", Rewrite: graph.Union(who, graph.Computed("editor"), graph.From("parent", "viewer"))},
		}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	g := graph.New(model, graph.Limits{})
	var changes []graph.Change
	for _, text := range []string{
		"team:engineering#member@user:bob",
		"folder:designs#viewer@team:engineering#member",
		"folder:icons#parent@folder:designs",
	} {
		t, err := graph.ParseTuple(text)
		if err != nil || model.Accepts(t) != nil {
			fmt.Println("refused:", text)
			return
		}
		changes = append(changes, graph.Change{Tuple: t})
	}
	if err := g.Apply(1, changes); err != nil {
		fmt.Println(err)
		return
	}

	ctx, now := context.Background(), time.Now()
	bob := graph.Subject{Type: "user", ID: "bob"}
	answer, err := g.Check(ctx, now, graph.Query{
		Object: graph.Object{Type: "folder", ID: "icons"}, Relation: "viewer", Subject: bob, Explain: true,
	})
	fmt.Println(answer.Allowed, err)
	for _, step := range answer.Path {
		fmt.Println(" ", step)
	}
	list, err := g.Objects(ctx, now, graph.ObjectsQuery{Type: "folder", Relation: "viewer", Subject: bob})
	fmt.Println(list.IDs, err)

	wrong, _ := graph.ParseTuple("folder:designs#viewer@team:engineering")
	fmt.Println(model.Accepts(wrong))
	// Output:
	// true <nil>
	//   folder:icons#parent@folder:designs
	//   folder:designs#viewer@team:engineering#member
	//   team:engineering#member@user:bob
	// [designs icons] <nil>
	// The relation folder#viewer can be given to team#member, user. Perhaps the subject should end in #member.
}

package graph_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

func TestViewSupposesChanges(t *testing.T) {
	t.Parallel()
	g := loaded(t, guardedFiles(t, switches{}), "file:1#viewer@user:ann", "file:1#viewer@user:*", "file:2#viewer@user:bob if x", "file:2#blocked@user:zoe")
	change := func(text string, remove bool) graph.Change { return graph.Change{Tuple: when(t, text), Delete: remove} }
	ask := func(v graph.View, text string, want bool) {
		t.Helper()
		if got := allowed(t, v, text); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	with := func(v graph.View, changes ...graph.Change) graph.View {
		t.Helper()
		v, err := v.With(changes...)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	before := g.View()
	after := with(before, change("file:1#viewer@user:*", true), change("file:1#viewer@user:ann", true), change("file:3#viewer@user:new", false))
	ask(after, "file:1#viewer@user:ann", false)
	ask(after, "file:3#viewer@user:new", true)
	ask(before, "file:1#viewer@user:ann", true)
	ask(before, "file:3#viewer@user:new", false)
	// On top of what is supposed already; the last word on a tuple counts.
	again := with(after, change("file:1#viewer@user:ann", false), change("file:3#viewer@user:new", true), change("file:3#viewer@user:new", false), change("file:1#viewer@user:*", false))
	ask(again, "file:1#viewer@user:ann", true)
	ask(again, "file:3#viewer@user:new", true)
	// A tuple keeps one condition: the new one takes the place of the old.
	unless := with(before, change("file:2#viewer@user:bob unless y", false))
	q := question(t, "file:2#viewer@user:bob")
	if got, err := unless.Check(t.Context(), now, q); err != nil || !slices.Equal(got.Missing, []string{"y"}) {
		t.Error(got, err)
	}
	// Deleting needs to know no condition, and what the model does not have is not there.
	ask(with(before, change("file:2#viewer@user:bob", true), change("ghost:1#viewer@user:bob", true)), "file:2#viewer@user:bob", false)
	// Who stands in no tuple any more is not listed, though everyone is allowed.
	gone := with(before, change("file:1#viewer@user:ann", true), change("file:2#blocked@user:zoe", true))
	list, err := gone.Subjects(t.Context(), now, graph.SubjectsQuery{Object: graph.Object{Type: "file", ID: "1"}, Relation: "viewer", Type: "user"})
	if err != nil || !slices.Equal(list.IDs, []string{"bob"}) || !list.Everyone {
		t.Error(list, err)
	}
	// A tuple that the request brings counts beside it all.
	q = question(t, "file:1#viewer@user:ann")
	q.Contextual = []graph.Tuple{when(t, "file:1#viewer@user:ann")}
	if got, err := after.Check(t.Context(), now, q); err != nil || !got.Allowed {
		t.Error(got, err)
	}
	if _, err := before.With(change("file:1#viewer@bot:b", false)); errs.CodeOf(err) != "subject_not_allowed" {
		t.Error(err)
	}
	var many []graph.Change
	for i := range 10_001 {
		many = append(many, change(fmt.Sprintf("file:%d#viewer@user:ann", i), false))
	}
	if _, err := before.With(many...); errs.CodeOf(err) != "too_many_changes" {
		t.Error(err)
	}
	if g.Stats().Tuples != 4 || g.Revision() != 1 {
		t.Error("the graph has changed", g.Stats())
	}
}

// TestDeletingIgnoresTheCondition: a store that deletes by object, relation and subject has deleted.
func TestDeletingIgnoresTheCondition(t *testing.T) {
	t.Parallel()
	m, err := graph.NewConditionalModel(switches{}, graph.Type{Name: "user"}, graph.Type{Name: "file", Relations: []graph.Relation{{Name: "viewer", Rewrite: graph.This("user with if")}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, deleted := range []string{"file:1#viewer@user:ann", "file:1#viewer@user:ann if x", "file:1#viewer@user:ann if y", "file:1#viewer@user:ann unless x"} {
		g := loaded(t, m, "file:1#viewer@user:ann if x")
		if err := g.Apply(2, []graph.Change{{Tuple: when(t, deleted), Delete: true}}); err != nil || g.Stats().Tuples != 0 {
			t.Errorf("%s: %v, %v", deleted, g.Stats(), err)
		}
	}
}

// TestManyUsersetsUnderConditions: with many sets to try, the subject's groups are tried instead, and
// what was unknown so far is not forgotten.
func TestManyUsersetsUnderConditions(t *testing.T) {
	t.Parallel()
	texts := []string{"file:1#viewer@user:ann if x", "file:2#viewer@user:zoe", "group:g60#member@user:bob", "group:g61#member@user:cat if x", "group:lone#member@user:ann", "group:lone#member@user:dan"}
	for i := range 80 {
		condition := map[bool]string{true: " if y"}[i == 60]
		texts = append(texts, fmt.Sprintf("file:1#viewer@group:g%d#member%s", i, condition), fmt.Sprintf("file:2#viewer@group:g%d#member", i))
	}
	g := loaded(t, guardedFiles(t, switches{}), texts...)
	for text, want := range map[string]string{
		"file:1#viewer@user:ann": "missing x", "file:1#viewer@user:bob": "missing y", "file:1#viewer@user:cat": "missing x", "file:1#viewer@user:dan": "no",
		"file:2#viewer@user:bob": "yes", "file:2#viewer@user:cat": "missing x", "file:2#viewer@user:dan": "no", "file:1#read@user:ann": "missing x",
	} {
		if got := decide(t, g, text, nil); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestBatchGoesOnAfterTooMuchWork: a question that exhausts its work leaves the next its own.
func TestBatchGoesOnAfterTooMuchWork(t *testing.T) {
	t.Parallel()
	m, err := graph.NewModel(named("public")...)
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New(m, graph.Limits{Check: 1000})
	if err := g.Load(1, graph.All(append(groupChain(t, 5000), tuples(t, "doc:1#viewer@user:ann", "doc:2#viewer@group:g4999#member", "doc:3#viewer@group:g0#member")...)...)); err != nil {
		t.Fatal(err)
	}
	var b graph.Batch
	for _, text := range []string{"doc:3#read@user:ann", "doc:1#read@user:ann", "doc:3#read@user:ann", "doc:2#read@user:ann", "doc:4#read@user:ann"} {
		q := question(t, text)
		b.Questions = append(b.Questions, graph.Question{Object: q.Object, Relation: q.Relation, Subject: q.Subject})
	}
	got, err := graph.WithoutGroups(g).View().CheckBatch(t.Context(), now, b)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"work_exceeded", "true", "work_exceeded", "true", "false"} {
		said := fmt.Sprint(got[i].Allowed)
		if got[i].Err != nil {
			said = errs.CodeOf(got[i].Err)
		}
		if said != want {
			t.Errorf("question %d: %s, want %s", i, said, want)
		}
	}
}

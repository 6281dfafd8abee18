package graph_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/authz/condition"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// The traps are the classes of mistakes from which the advisories about engines like this one came.
// TestProperty is the general form of most; here each stands in its plainest one.

// guardedFiles is a model with conditions: a file is read by viewers who are not blocked, and signed
// by readers who are cleared as well.
func guardedFiles(t testing.TB, conditions graph.Conditions) *graph.Model {
	t.Helper()
	rel := func(name string, w graph.Rewrite) graph.Relation { return graph.Relation{Name: name, Rewrite: w} }
	who := func() graph.Rewrite {
		return graph.This("user", "user:*", "group#member", "user with if", "user:* with if", "group#member with if", "user with unless")
	}
	m, err := graph.NewConditionalModel(conditions,
		graph.Type{Name: "user"}, graph.Type{Name: "bot"},
		graph.Type{Name: "group", Relations: []graph.Relation{rel("member", graph.This("user", "group#member", "user with if", "group#member with if"))}},
		graph.Type{Name: "file", Relations: []graph.Relation{
			rel("parent", graph.This("file", "file with if")),
			rel("viewer", who()), rel("blocked", who()), rel("cleared", who()),
			rel("read", graph.Exclusion(graph.Computed("viewer"), graph.Computed("blocked"))),
			rel("sign", graph.Intersection(graph.Computed("read"), graph.Computed("cleared"))),
			rel("any", graph.Union(graph.Computed("viewer"), graph.Computed("blocked"), graph.From("parent", "any"))),
		}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// when gives a tuple the condition "if x", "unless x" or none.
func when(t testing.TB, text string) graph.Tuple {
	t.Helper()
	text, condition, _ := strings.Cut(text, " ")
	at := tuple(t, text)
	at.Condition.Name, at.Condition.Context, _ = strings.Cut(condition, " ")
	return at
}

func loaded(t testing.TB, m *graph.Model, texts ...string) *graph.Graph {
	t.Helper()
	g := graph.New(m, graph.Limits{})
	var all []graph.Tuple
	for _, text := range texts {
		all = append(all, when(t, text))
	}
	if err := g.Load(1, graph.All(all...)); err != nil || g.Stats().Ignored > 0 {
		t.Fatal(g.Stats(), err)
	}
	return g
}

// decide is yes, no, "missing ..." or the code of the error, in all the ways of asking.
func decide(t testing.TB, g *graph.Graph, text string, given map[string]any) string {
	t.Helper()
	q := question(t, text)
	q.Context = given
	say := func(got graph.Result, err error) string {
		switch {
		case err != nil && (got.Allowed || got.Missing != nil):
			t.Errorf("%s: %v with %v", text, got, err)
		case err != nil:
			return errs.CodeOf(err)
		case len(got.Missing) > 0 && got.Allowed:
			t.Errorf("%s: allowed without %v", text, got.Missing)
		case len(got.Missing) > 0:
			return "missing " + strings.Join(got.Missing, " ")
		}
		return map[bool]string{true: "yes", false: "no"}[got.Allowed]
	}
	first := say(g.Check(t.Context(), now, q))
	if again := say(graph.WithoutGroups(g).Check(t.Context(), now, q)); again != first {
		t.Errorf("%s: %s, from the object's side %s", text, first, again)
	}
	answers, err := g.View().CheckBatch(t.Context(), now, graph.Batch{Context: given, Questions: []graph.Question{{Object: q.Object, Relation: q.Relation, Subject: q.Subject}}})
	if err != nil {
		t.Fatal(err)
	}
	if again := say(answers[0].Result, answers[0].Err); again != first {
		t.Errorf("%s: %s, in a batch %s", text, first, again)
	}
	return first
}

func TestTrap01_VisitedIsNotRefuted(t *testing.T) {
	t.Parallel()
	// b is asked while a is open and finds only a: that is no answer about b.
	g := load(t, guarded(), tuples(t, "group:a#direct@group:b#member", "group:a#direct@user:ann", "group:b#direct@group:a#member",
		"group:a#cleared@user:*", "group:b#cleared@user:*", "group:c#direct@group:a#member", "group:c#cleared@group:b#member")...)
	for _, text := range []string{"group:c#member@user:ann", "group:b#member@user:ann", "group:a#member@user:ann"} {
		if !allowed(t, g, text) {
			t.Error(text)
		}
	}
}

func TestTrap02_SubtractedSideHasItsOwnFrame(t *testing.T) {
	t.Parallel()
	rel := func(name string, w graph.Rewrite) graph.Relation { return graph.Relation{Name: name, Rewrite: w} }
	for name, relations := range map[string][]graph.Relation{
		"itself":  {rel("a", graph.Exclusion(graph.This("user"), graph.Computed("a")))},
		"userset": {rel("a", graph.Exclusion(graph.This("user"), graph.Computed("b"))), rel("b", graph.This("user", "doc#a"))},
		"road":    {rel("up", graph.This("doc")), rel("a", graph.Exclusion(graph.This("user"), graph.From("up", "a")))},
		"nested":  {rel("a", graph.Exclusion(graph.This("user"), graph.Exclusion(graph.Computed("b"), graph.Computed("c")))), rel("b", graph.This("user", "doc#a")), rel("c", graph.This("user"))},
	} {
		if _, err := graph.NewModel(graph.Type{Name: "user"}, graph.Type{Name: "doc", Relations: relations}); errs.CodeOf(err) != "invalid_model" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The subtracted side is asked in the middle of a cycle of the base.
	g := load(t, guarded(), tuples(t, "group:a#direct@group:b#member", "group:b#direct@group:a#member", "group:b#direct@user:eve", "group:a#cleared@user:*",
		"group:b#cleared@user:*", "group:b#banned@user:eve")...)
	if allowed(t, g, "group:a#member@user:eve") || allowed(t, g, "group:b#member@user:eve") {
		t.Error("eve is in, though banned where she came in")
	}
}

func TestTrap03_UnknownIsNotFalse(t *testing.T) {
	t.Parallel()
	g := loaded(t, guardedFiles(t, switches{}), "file:1#viewer@user:ann", "file:1#blocked@user:ann if x",
		"file:2#viewer@user:ann", "file:2#blocked@group:g#member if x", "group:g#member@user:ann",
		"file:3#viewer@user:ann", "file:3#blocked@group:g#member", "file:3#blocked@user:* if x",
		"file:4#viewer@user:ann if x", "file:4#viewer@group:g#member", "file:5#viewer@user:ann if x", "file:5#blocked@user:ann unless x")
	for _, c := range []struct{ question, missing, broken, on, off string }{
		{"file:1#read@user:ann", "missing x", "broken_switch", "no", "yes"},
		{"file:2#read@user:ann", "missing x", "broken_switch", "no", "yes"},
		{"file:3#read@user:ann", "no", "no", "no", "no"},       // blocked for sure, besides
		{"file:4#viewer@user:ann", "yes", "yes", "yes", "yes"}, // a viewer for sure, besides
		{"file:5#read@user:ann", "missing x", "broken_switch", "yes", "no"},
	} {
		for want, given := range map[*string]map[string]any{
			&c.missing: nil, &c.broken: {"x": "?"}, &c.on: {"x": true}, &c.off: {"x": false},
		} {
			if got := decide(t, g, c.question, given); got != *want {
				t.Errorf("%s with %v: %s, want %s", c.question, given, got, *want)
			}
		}
	}
	// Lists say what is missing, and fail with what fails.
	ann := graph.Subject{Type: "user", ID: "ann"}
	list, err := g.Objects(t.Context(), now, graph.ObjectsQuery{Type: "file", Relation: "read", Subject: ann})
	if err != nil || !slices.Equal(list.IDs, []string{"4"}) || !slices.Equal(list.Missing, []string{"x"}) {
		t.Error(list, err)
	}
	if list, err := g.Objects(t.Context(), now, graph.ObjectsQuery{Type: "file", Relation: "read", Subject: ann, Context: map[string]any{"x": 1}}); errs.CodeOf(err) != "broken_switch" || list.IDs != nil {
		t.Error(list, err)
	}
	who, err := g.Subjects(t.Context(), now, graph.SubjectsQuery{Object: graph.Object{Type: "file", ID: "1"}, Relation: "read", Type: "user"})
	if err != nil || who.IDs != nil || !slices.Equal(who.Missing, []string{"x"}) {
		t.Error(who, err)
	}
}

func TestTrap04_WildcardExclusionIntersection(t *testing.T) {
	t.Parallel()
	g := loaded(t, guardedFiles(t, switches{}), "file:1#viewer@user:*", "file:1#blocked@user:eve", "file:1#blocked@group:g#member", "group:g#member@user:mal",
		"file:1#cleared@user:ann", "file:1#cleared@user:eve", "file:2#viewer@user:bob", "file:3#viewer@user:*", "file:3#blocked@user:*", "file:3#cleared@user:*",
		"file:4#viewer@user:* if x", "file:4#blocked@user:eve")
	for _, c := range []struct {
		object, relation string
		named            bool
		given            map[string]any
		want             string
	}{
		{"file:1", "read", false, nil, "ann bob + everyone"},
		{"file:1", "read", true, nil, "+ everyone - eve mal"},
		{"file:1", "sign", false, nil, "ann"},
		{"file:1", "sign", true, nil, "ann"},
		{"file:3", "read", false, nil, ""},
		{"file:3", "sign", true, nil, ""},
		{"file:3", "viewer", true, nil, "+ everyone"},
		{"file:4", "read", false, map[string]any{"x": true}, "ann bob mal + everyone"},
		{"file:4", "read", true, map[string]any{"x": true}, "+ everyone - eve"},
		{"file:4", "read", true, map[string]any{"x": false}, ""},
		{"file:4", "read", true, nil, "? x"},
	} {
		o, err := graph.ParseObject(c.object)
		if err != nil {
			t.Fatal(err)
		}
		got, err := g.Subjects(t.Context(), now, graph.SubjectsQuery{Object: o, Relation: c.relation, Type: "user", Named: c.named, Context: c.given})
		if err != nil {
			t.Fatal(err)
		}
		words := slices.Clone(got.IDs)
		if got.Everyone {
			words = append(words, "+", "everyone")
		}
		if got.Except != nil {
			words = append(append(words, "-"), got.Except...)
		}
		if got.Missing != nil {
			words = append(append(words, "?"), got.Missing...)
		}
		if text := strings.Join(words, " "); text != c.want {
			t.Errorf("%s of %s, named %v, with %v: %s, want %s", c.relation, c.object, c.named, c.given, text, c.want)
		}
	}
	// The wildcard is a subject of its own, and no way to get in by that name.
	for text, want := range map[string]string{
		"file:1#viewer@user:*": "yes", "file:1#read@user:*": "yes", "file:1#sign@user:*": "no", "file:2#viewer@user:*": "no", "file:3#read@user:*": "no", "file:1#viewer@group:g#member": "no",
	} {
		if got := decide(t, g, text, nil); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func TestTrap05_RestrictionsHoldWhenReading(t *testing.T) {
	t.Parallel()
	rel := func(name string, allowed ...string) graph.Relation {
		return graph.Relation{Name: name, Rewrite: graph.This(allowed...)}
	}
	m, err := graph.NewConditionalModel(switches{}, graph.Type{Name: "user"}, graph.Type{Name: "bot"}, graph.Type{Name: "file", Relations: []graph.Relation{
		rel("plain", "user"), rel("guarded", "user with if"), rel("wild", "user:* with if"), rel("both", "user", "user with if"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]any{"x": true}
	for text, ok := range map[string]bool{
		"file:1#plain@user:ann": true, "file:1#plain@user:ann if x": false, "file:1#plain@user:*": false, "file:1#plain@bot:ann": false,
		"file:1#guarded@user:ann": false, "file:1#guarded@user:ann if x": true, "file:1#guarded@user:ann unless x": false, "file:1#guarded@user:ann if nothing": false,
		"file:1#guarded@user:* if x": false, "file:1#wild@user:* if x": true, "file:1#wild@user:*": false, "file:1#wild@user:ann if x": false,
		"file:1#both@user:ann": true, "file:1#both@user:ann if x": true, "file:1#both@user:ann unless x": false, "file:1#guarded@user:ann other x": false,
	} {
		at := when(t, text)
		if err := m.Accepts(at); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
		// The store may hold it from an earlier model, and a request may bring it.
		g := graph.New(m, graph.Limits{})
		if err := g.Load(1, graph.All(at)); err != nil || (g.Stats().Ignored == 0) != ok {
			t.Errorf("%s: %v, %v", text, g.Stats(), err)
		}
		q := graph.Query{Object: at.Object, Relation: at.Relation, Subject: graph.Subject{Type: "user", ID: "ann"}, Context: given}
		if got, err := g.Check(t.Context(), now, q); err != nil || got.Allowed != ok {
			t.Errorf("%s: %v, %v", text, got, err)
		}
		q.Contextual = []graph.Tuple{at}
		if got, err := graph.New(m, graph.Limits{}).Check(t.Context(), now, q); got.Allowed != ok || (err == nil) != ok {
			t.Errorf("%s brought: %v, %v", text, got, err)
		}
		if _, err := g.View().With(graph.Change{Tuple: at}); (err == nil) != ok {
			t.Errorf("%s supposed: %v", text, err)
		}
		if err := g.Apply(2, []graph.Change{{Tuple: at}}); (err == nil) != ok {
			t.Errorf("%s applied: %v", text, err)
		}
	}
	// A context without a condition is a mistake, and not silently one that always holds.
	stray := tuple(t, "file:1#plain@user:ann")
	stray.Condition.Context = "x"
	if err := m.Accepts(stray); errs.CodeOf(err) != "invalid_condition_context" {
		t.Error(err)
	}
	if _, err := graph.NewModel(graph.Type{Name: "user"}, graph.Type{Name: "file", Relations: []graph.Relation{rel("a", "user with if")}}); errs.CodeOf(err) != "invalid_model" {
		t.Error(err)
	}
	for _, allowed := range []string{"user with", "user with ", "user with other", "user with if with if", "user  with if", "nobody with if", "file#nothing with if"} {
		if _, err := graph.NewConditionalModel(switches{}, graph.Type{Name: "user"}, graph.Type{Name: "file", Relations: []graph.Relation{rel("a", allowed)}}); errs.CodeOf(err) != "invalid_model" {
			t.Errorf("%q: %v", allowed, err)
		}
	}
}

// TestTrap06_QuestionsAreKeptApart: nothing is remembered from one set of circumstances to the next,
// and lists in a context are not taken for sets.
func TestTrap06_QuestionsAreKeptApart(t *testing.T) {
	t.Parallel()
	kind, err := condition.ParseType("list<list<string>>")
	if err != nil {
		t.Fatal(err)
	}
	set, err := condition.Compile(condition.Config{}, condition.Source{Name: "if", Expression: "l.size() == 2 && l[0] == l[1]", Parameters: []condition.Parameter{{Name: "l", Type: kind}}},
		condition.Source{Name: "unless", Expression: "true"})
	if err != nil {
		t.Fatal(err)
	}
	g := loaded(t, guardedFiles(t, set), "file:1#viewer@user:ann if ", "file:2#viewer@user:bob")
	list := func(items ...any) map[string]any { return map[string]any{"l": items} }
	one := []any{"a", "a"}
	for range 3 { // with pooled evaluators
		for want, given := range map[string]map[string]any{"yes": list(one, one), "no": list(one), "missing l": {"m": list(one, one)}, "invalid_context": {"l": "a,a"}} {
			if got := decide(t, g, "file:1#read@user:ann", given); got != want {
				t.Errorf("%v: %s, want %s", given, got, want)
			}
		}
		if got := decide(t, g, "file:1#read@user:ann", list(one, []any{"a"})); got != "no" {
			t.Error(got)
		}
	}
	// One bad question in a batch spoils neither its neighbours nor those of its subject.
	ask := func(object, subject string) graph.Question {
		q := question(t, object+"#read@"+subject)
		return graph.Question{Object: q.Object, Relation: q.Relation, Subject: q.Subject}
	}
	batch := graph.Batch{Context: list(one, one), Questions: []graph.Question{
		ask("file:1", "ghost:x"), ask("file:2", "user:bob"), ask("file:1", "ghost:x"), ask("file:1", "user:ann"), ask("ghost:1", "user:bob"), ask("file:1", "user:bob"), ask("file:2", "user:bob"),
	}}
	answers, err := g.View().CheckBatch(t.Context(), now, batch)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"unknown_type", "yes", "unknown_type", "yes", "unknown_type", "no", "yes"} {
		got := map[bool]string{true: "yes", false: "no"}[answers[i].Allowed]
		if answers[i].Err != nil {
			got = errs.CodeOf(answers[i].Err)
		}
		if got != want {
			t.Errorf("question %d of the batch: %s, want %s", i, got, want)
		}
	}
}

func TestTrap07_DelimitersAnywhere(t *testing.T) {
	t.Parallel()
	odd := []string{"a:b", "a#b", "a@b", "a|b", "a,b", "a b", "a with if", "\x00", "é", "\xff", "a#member@user:b"}
	g := graph.New(guardedFiles(t, switches{}), graph.Limits{})
	var all []graph.Tuple
	for i, id := range odd {
		all = append(all, graph.Tuple{
			Object: graph.Object{Type: "file", ID: id}, Relation: "viewer", Subject: graph.Subject{Type: "user", ID: odd[(i+1)%len(odd)]},
			Condition: graph.Condition{Name: "if", Context: []string{"x", "y"}[i%2]},
		})
	}
	if err := g.Load(1, graph.All(all...)); err != nil {
		t.Fatal(err)
	}
	var b graph.Batch
	b.Context = map[string]any{"x": true, "y": false}
	for _, object := range odd {
		for _, subject := range odd {
			b.Questions = append(b.Questions, graph.Question{Object: graph.Object{Type: "file", ID: object}, Relation: "read", Subject: graph.Subject{Type: "user", ID: subject}})
		}
	}
	answers, err := g.View().CheckBatch(t.Context(), now, b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range odd {
		for j := range odd {
			if got := answers[i*len(odd)+j]; got.Err != nil || got.Allowed != (j == (i+1)%len(odd) && i%2 == 0) {
				t.Errorf("%q, %q: %v", odd[i], odd[j], got)
			}
		}
	}
	// Pages of a tree are continued at a subject, whatever is in its id.
	var seen []string
	for q := (graph.ExpandQuery{Object: graph.Object{Type: "file", ID: "all"}, Relation: "viewer", Limit: 1}); ; {
		for _, id := range odd {
			q.Contextual = append(q.Contextual, graph.Tuple{Object: q.Object, Relation: "viewer", Subject: graph.Subject{Type: "user", ID: id}})
		}
		page, err := g.View().Expand(t.Context(), now, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Tree.Subjects {
			seen = append(seen, s.ID)
		}
		if q.After, q.Contextual = page.Next, nil; page.Next == "" {
			break
		}
	}
	want := slices.Sorted(slices.Values(odd))
	if !slices.Equal(seen, want) {
		t.Errorf("%q, want %q", seen, want)
	}
	for _, cursor := range []string{"x", "1", "0 user:a", "-1 user:a", "1 user", "99999999999999999999 user:a", "1 user:a#"} {
		q := graph.ExpandQuery{Object: graph.Object{Type: "file", ID: "all"}, Relation: "viewer", After: cursor}
		if got, err := g.View().Expand(t.Context(), now, q); errs.CodeOf(err) != "invalid_cursor" {
			t.Errorf("%q: %v, %v", cursor, got, err)
		}
	}
}

// stops is a condition that ends the context in which it is asked, the first time.
type stops struct {
	switches
	cancel context.CancelFunc
}

func (s stops) Bind(string, string) (graph.Bound, error) { return s, nil }

func (s stops) Evaluate(ctx context.Context, _ map[string]any) (bool, []string, error) {
	if s.cancel(); ctx.Err() != nil {
		return false, nil, ctx.Err()
	}
	return true, nil, nil
}

func TestTrap08_WhatWasStoppedIsForgotten(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	g := loaded(t, guardedFiles(t, stops{cancel: cancel}), "file:1#viewer@user:*", "file:1#blocked@user:ann if x")
	if got, err := g.Check(ctx, now, question(t, "file:1#read@user:ann")); got.Allowed || errs.CodeOf(err) != "stopped" || !errors.Is(err, context.Canceled) {
		t.Error(got, err)
	}
	for range 3 {
		if allowed(t, g, "file:1#read@user:ann") || !allowed(t, g, "file:1#read@user:bob") {
			t.Error("an evaluation that was stopped has left something behind")
		}
	}
	// In the middle of a walk, and of a batch.
	chain := load(t, named("public"), append(groupChain(t, 5000), tuple(t, "doc:1#viewer@group:g0#member"))...)
	late := &endsLater{Context: t.Context(), after: 3}
	if got, err := chain.Check(late, now, question(t, "doc:1#read@user:ann")); got.Allowed || errs.CodeOf(err) != "stopped" {
		t.Error(got, err)
	}
	q := question(t, "doc:1#read@user:ann")
	b := graph.Batch{Questions: []graph.Question{{Object: q.Object, Relation: q.Relation, Subject: q.Subject}}}
	if got, err := chain.View().CheckBatch(&endsLater{Context: t.Context(), after: 3}, now, b); got != nil || errs.CodeOf(err) != "stopped" {
		t.Error(got, err)
	}
	if !allowed(t, chain, "doc:1#read@user:ann") {
		t.Error("the next question was answered from half a walk")
	}
}

// TestTrap09_ManyConditions: numbers of conditions do not overflow either, and dead ones are let go.
func TestTrap09_ManyConditions(t *testing.T) {
	t.Parallel()
	const n = 65_537
	kind, err := condition.ParseType("int")
	if err != nil {
		t.Fatal(err)
	}
	set, err := condition.Compile(condition.Config{}, condition.Source{Name: "if", Expression: "x == y", Parameters: []condition.Parameter{{Name: "x", Type: kind}, {Name: "y", Type: kind}}},
		condition.Source{Name: "unless", Expression: "true"})
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New(guardedFiles(t, set), graph.Limits{})
	at := func(i int) graph.Tuple {
		return graph.Tuple{
			Object: graph.Object{Type: "file", ID: fmt.Sprint(i)}, Relation: "viewer", Subject: graph.Subject{Type: "user", ID: "ann"},
			Condition: graph.Condition{Name: "if", Context: fmt.Sprintf(`{"x":%d}`, i)},
		}
	}
	if err := g.Load(1, func(yield func(graph.Tuple, error) bool) {
		for i := 0; i < n && yield(at(i), nil); i++ {
		}
	}); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 1, 65_534, 65_535, 65_536} {
		for given, want := range map[int]string{i: "yes", i ^ 1: "no", i + 1<<16: "no"} {
			if got := decide(t, g, fmt.Sprintf("file:%d#read@user:ann", i), map[string]any{"y": given}); got != want {
				t.Errorf("%d with %d: %s", i, given, got)
			}
		}
	}
	list, err := g.Objects(t.Context(), now, graph.ObjectsQuery{Type: "file", Relation: "read", Subject: graph.Subject{Type: "user", ID: "ann"}, Context: map[string]any{"y": 65_536}, Limit: n})
	if err != nil || !slices.Equal(list.IDs, []string{"65536"}) || list.Missing != nil {
		t.Error(len(list.IDs), list.Missing, err)
	}
	// The same tuple under another condition each time: what it had before is let go.
	for i := range uint64(20_000) {
		change := at(int(i) + n)
		change.Object.ID = "0"
		if err := g.Apply(i+2, []graph.Change{{Tuple: change}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := decide(t, g, "file:0#read@user:ann", map[string]any{"y": n + 19_999}); got != "yes" {
		t.Error(got)
	}
	// Deleting needs to know neither condition nor context.
	var gone []graph.Change
	for i := range n {
		gone = append(gone, graph.Change{Tuple: bare(at(i)), Delete: true})
	}
	if err := g.Apply(g.Revision()+1, gone); err != nil || g.Stats().Tuples != 0 || graph.Bindings(g) > 1 {
		t.Error(g.Stats(), graph.Bindings(g), err)
	}
}

func TestTrap10_ListsAreChecksFiltered(t *testing.T) {
	t.Parallel()
	g := loaded(t, guardedFiles(t, switches{}), "file:1#viewer@group:g#member if x", "file:2#viewer@user:* if y", "file:3#viewer@user:ann unless x", "file:4#parent@file:1 if y",
		"file:5#parent@file:4", "group:g#member@user:ann", "group:g#member@group:h#member if y", "group:h#member@user:bob", "file:2#blocked@user:bob", "file:6#viewer@group:g#member")
	for _, given := range []map[string]any{nil, {"x": true}, {"x": false, "y": true}, {"x": true, "y": true}, {"y": false}} {
		for _, relation := range []string{"viewer", "read", "any", "sign"} {
			for _, subject := range []string{"user:ann", "user:bob", "user:zoe", "user:*", "group:h#member", "group:g#member"} {
				s, err := graph.ParseSubject(subject)
				if err != nil {
					t.Fatal(err)
				}
				var want, members []string
				for i := range 8 {
					if decide(t, g, fmt.Sprintf("file:%d#%s@%s", i, relation, subject), given) == "yes" {
						want = append(want, fmt.Sprint(i))
					}
					who, err := g.Subjects(t.Context(), now, graph.SubjectsQuery{
						Object: graph.Object{Type: "file", ID: fmt.Sprint(i)}, Relation: relation, Type: s.Type, SubjectRelation: s.Relation, Context: given,
					})
					if err != nil {
						t.Fatal(err)
					}
					if slices.Contains(who.IDs, s.ID) || who.Everyone && (s.ID == "*" || s.ID == "zoe") {
						members = append(members, fmt.Sprint(i))
					}
				}
				got, err := g.Objects(t.Context(), now, graph.ObjectsQuery{Type: "file", Relation: relation, Subject: s, Context: given})
				if err != nil || !slices.Equal(got.IDs, want) || !slices.Equal(members, want) {
					t.Errorf("%s of %s with %v: %v, %v, checks say %v: %v", relation, subject, given, got.IDs, members, want, err)
				}
			}
		}
	}
}

// TestRegress_160_TruthTables: every operator over every pair of truths, asked directly, through a
// userset and along a tupleset, with the unknown one missing a parameter and broken.
func TestRegress_160_TruthTables(t *testing.T) {
	t.Parallel()
	rel := func(name string, w graph.Rewrite) graph.Relation { return graph.Relation{Name: name, Rewrite: w} }
	m, err := graph.NewConditionalModel(switches{}, graph.Type{Name: "user"},
		graph.Type{Name: "group", Relations: []graph.Relation{rel("member", graph.This("user", "user with if")), rel("up", graph.This("group", "group with if")), rel("above", graph.From("up", "member"))}},
		graph.Type{Name: "file", Relations: []graph.Relation{
			rel("home", graph.This("group", "group with if")),
			rel("a", graph.This("user", "user with if", "group#member", "group#member with if", "group#above")), rel("b", graph.This("user", "user with if", "group#member", "group#above with if")),
			rel("union", graph.Union(graph.Computed("a"), graph.Computed("b"))), rel("intersection", graph.Intersection(graph.Computed("a"), graph.Computed("b"))),
			rel("exclusion", graph.Exclusion(graph.Computed("a"), graph.Computed("b"))),
			rel("twice", graph.Exclusion(graph.Computed("a"), graph.Exclusion(graph.Computed("a"), graph.Computed("b")))),
			rel("along", graph.From("home", "member")),
		}})
	if err != nil {
		t.Fatal(err)
	}
	// How a subject may come to have a relation, by truth; more than one way for some.
	ways := map[truth][][]string{
		never:   {nil, {"file:1#REL@user:bob"}, {"file:1#REL@group:none#member"}},
		perhaps: {{"file:1#REL@user:ann if x"}, {"file:1#REL@group:maybe#member"}, {"file:1#REL@user:bob", "file:1#REL@user:ann if x"}},
		surely:  {{"file:1#REL@user:ann"}, {"file:1#REL@group:all#member"}, {"file:1#REL@group:maybe#member", "file:1#REL@user:ann"}},
	}
	tables := map[string]func(a, b truth) truth{
		"union": func(a, b truth) truth { return max(a, b) }, "intersection": func(a, b truth) truth { return min(a, b) },
		"exclusion": func(a, b truth) truth { return min(a, surely-b) }, "twice": func(a, b truth) truth { return min(a, max(surely-a, b)) },
	}
	for a := never; a <= surely; a++ {
		for b := never; b <= surely; b++ {
			for _, left := range ways[a] {
				for _, right := range ways[b] {
					texts := []string{"group:all#member@user:ann", "group:maybe#member@user:ann if x", "group:none#member@user:bob"}
					for _, text := range left {
						texts = append(texts, strings.ReplaceAll(text, "REL", "a"))
					}
					for _, text := range right {
						texts = append(texts, strings.ReplaceAll(text, "REL", "b"))
					}
					g := loaded(t, m, texts...)
					for name, table := range tables {
						for unknown, given := range map[string]map[string]any{"missing x": nil, "broken_switch": {"x": 1}} {
							want := map[truth]string{never: "no", perhaps: unknown, surely: "yes"}[table(a, b)]
							if got := decide(t, g, "file:1#"+name+"@user:ann", given); got != want {
								t.Errorf("%s of %v and %v is %s, want %s: %v", name, a, b, got, want, texts)
							}
						}
					}
				}
			}
			// An edge and what it leads to.
			edge := map[truth]string{never: "file:1#home@group:other", perhaps: "file:1#home@group:g if x", surely: "file:1#home@group:g"}[a]
			member := map[truth]string{never: "group:g#member@user:bob", perhaps: "group:g#member@user:ann if x", surely: "group:g#member@user:ann"}[b]
			want := map[truth]string{never: "no", perhaps: "missing x", surely: "yes"}[min(a, b)]
			if got := decide(t, loaded(t, m, edge, member), "file:1#along@user:ann", nil); got != want {
				t.Errorf("along %v to %v: %s, want %s", a, b, got, want)
			}
		}
	}
}

package graph_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"pgregory.net/rapid"
)

// remedies are written as "+tuple -tuple ?condition(missing)".
func remedies(why graph.WhyNot) (out []string) {
	for _, r := range why.Remedies {
		var parts []string
		for _, t := range r.Write {
			parts = append(parts, "+"+t.String())
		}
		for _, t := range r.Delete {
			parts = append(parts, "-"+t.String())
		}
		for _, u := range r.Meet {
			parts = append(parts, fmt.Sprintf("?%s(%s)", u.Tuple.Condition.Name, strings.Join(u.Missing, " ")))
		}
		out = append(out, strings.Join(parts, " "))
	}
	return out
}

func TestWhyNot(t *testing.T) {
	t.Parallel()
	m, err := graph.NewConditionalModel(switches{}, append(named("public"), graph.Type{Name: "safe", Relations: []graph.Relation{
		{Name: "opener", Rewrite: graph.This("user with if", "group#member with unless")},
		{Name: "trusted", Rewrite: graph.This("user")},
		{Name: "open", Rewrite: graph.Intersection(graph.Computed("opener"), graph.Computed("trusted"))},
	}})...)
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New(m, graph.Limits{})
	store := tuples(t, "doc:1#viewer@group:g#member", "doc:2#viewer@user:ann", "doc:2#blocked@group:b#member", "group:b#member@user:ann",
		"doc:2#desk@notary:n", "doc:3#viewer@user:*", "doc:3#blocked@user:*", "safe:s#opener@user:ann")
	store[len(store)-1].Condition = graph.Condition{Name: "if", Context: "x"}
	if err := g.Load(1, graph.All(store...)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		question string
		given    map[string]any
		want     []string
	}{
		{"doc:1#read@user:ann", nil, []string{"+group:g#member@user:ann", "+doc:1#viewer@user:ann"}},
		{"doc:2#read@user:ann", nil, []string{"-group:b#member@user:ann", "-doc:2#blocked@group:b#member"}},
		{"doc:2#sign@user:ann", nil, []string{"+notary:n#holder@user:ann -group:b#member@user:ann", "+notary:n#holder@user:ann -doc:2#blocked@group:b#member"}},
		{"doc:3#read@user:ann", nil, []string{"-doc:3#blocked@user:*"}},
		{"doc:4#sign@user:ann", nil, nil}, // it has no desk, and none is invented
		{"doc:2#viewer@user:ann", nil, nil},
		{"safe:s#open@user:ann", nil, []string{"?if(x) +safe:s#trusted@user:ann"}},
		{"safe:s#opener@user:ann", nil, []string{"?if(x)"}},
		{"safe:s#opener@user:ann", map[string]any{"x": false}, []string{"?if()"}},
		{"doc:1#read@group:h#member", nil, []string{"+group:g#member@group:h#member", "+doc:1#viewer@group:h#member"}},
		{"doc:1#read@user:*", nil, []string{"+doc:1#viewer@user:*"}},
	} {
		q := question(t, c.question)
		q.Context = c.given
		why, err := g.View().WhyNot(t.Context(), now, q)
		if err != nil || why.Truncated {
			t.Errorf("%s: %v, %v", c.question, why, err)
		}
		got, want := remedies(why), slices.Clone(c.want)
		for i, r := range want { // in a remedy, what is met comes last
			if meet, rest, ok := strings.Cut(r, " "); ok && meet[0] == '?' {
				want[i] = rest + " " + meet
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s with %v: %q, want %q", c.question, c.given, got, want)
		}
	}
}

func TestWhyNotIsBounded(t *testing.T) {
	t.Parallel()
	var store []graph.Tuple
	for i := range 3000 {
		store = append(store, tuple(t, fmt.Sprintf("doc:1#viewer@group:g%d#member", i%300)), tuple(t, fmt.Sprintf("group:g%d#member@group:g%d#member", i, i+1)))
	}
	g := load(t, named("public"), store...)
	why, err := g.View().WhyNot(t.Context(), now, question(t, "doc:1#read@user:ann"))
	if err != nil || !why.Truncated || len(why.Remedies) == 0 || len(why.Remedies) > 5 {
		t.Error(remedies(why), why.Truncated, err)
	}
	m, err := graph.NewModel(named("public")...)
	if err != nil {
		t.Fatal(err)
	}
	small := graph.New(m, graph.Limits{Check: 500})
	if err := small.Load(1, graph.All(store...)); err != nil {
		t.Fatal(err)
	}
	if why, err := small.View().WhyNot(t.Context(), now, question(t, "doc:1#read@user:ann")); err != nil && errs.CodeOf(err) != "work_exceeded" || err == nil && !why.Truncated {
		t.Error(remedies(why), why.Truncated, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.View().WhyNot(ctx, now, question(t, "doc:1#read@user:ann")); errs.CodeOf(err) != "stopped" {
		t.Error(err)
	}
}

// TestPropertyWhyNot: whatever is suggested works, by the oracle, and where one change would do, one
// change is suggested.
func TestPropertyWhyNot(t *testing.T) {
	checkMany(t, func(t *rapid.T) {
		w := drawWorld(t)
		for range rapid.IntRange(0, 12).Draw(t, "stored") {
			w.store(w.drawTuple())
		}
		g := graph.New(w.model, graph.Limits{})
		if err := g.Load(1, graph.All(w.tuples()...)); err != nil {
			t.Fatal(err)
		}
		given := w.drawGiven()
		s := w.drawSubject()
		object := pick(t, slices.DeleteFunc(w.objects(), func(o graph.Object) bool { return len(w.rules[o.Type]) == 0 }))
		relation := pick(t, sortedKeys(w.rules[object.Type]))
		q := graph.Query{Object: object, Relation: relation, Subject: s, Context: given}
		why, err := g.View().WhyNot(context.Background(), now, q)
		compared.Add(100)
		if errs.CodeOf(err) == "broken_switch" {
			return
		}
		if err != nil || why.Allowed && why.Remedies != nil {
			t.Fatal(why, err)
		}
		smallest := 100
		for _, r := range why.Remedies {
			smallest = min(smallest, len(r.Write)+len(r.Delete)+len(r.Meet))
			if len(r.Meet) == 0 && !w.allowedAfter(q, r.Write, r.Delete) {
				t.Fatalf("%v does not help with %v in %v", r, q, w.tuples())
			}
		}
		if !why.Allowed && !why.Truncated && smallest > 1 {
			w.noSingleChange(q)
		}
	})
}

func (w *world) allowedAfter(q graph.Query, add, remove []graph.Tuple) bool {
	after := world{stored: map[graph.Tuple]graph.Tuple{}}
	for _, t := range append(w.tuples(), add...) {
		after.store(t)
	}
	for _, t := range remove {
		delete(after.stored, bare(t))
	}
	return newOracle(w.rules, after.tuples(), q.Context, now).has(q.Subject)[atom{q.Object, q.Relation}] == surely
}

// noSingleChange demands that neither deleting one tuple nor giving the subject one relation helps.
func (w *world) noSingleChange(q graph.Query) {
	for _, stored := range w.tuples() {
		if w.allowedAfter(q, nil, []graph.Tuple{stored}) {
			w.t.Fatalf("deleting %v would help with %v", stored, q)
		}
	}
	for _, o := range w.objects() {
		for _, relation := range sortedKeys(w.rules[o.Type]) {
			t := graph.Tuple{Object: o, Relation: relation, Subject: q.Subject}
			if relation == "road" && q.Relation != "road" {
				continue // a new way to some other object: none is invented
			}
			if _, exists := w.stored[t]; !exists && accepted(w.rules, t) && w.allowedAfter(q, []graph.Tuple{t}, nil) {
				w.t.Fatalf("writing %v would help with %v in %v", t, q, w.tuples())
			}
		}
	}
}

package graph_test

import (
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// belongs reports whether a tuple is of a part.
func belongs(t graph.Tuple, p graph.Part) bool {
	return t.Object.Type == p.Object.Type && (p.Object.ID == "" || t.Object == p.Object) && t.Relation == p.Relation &&
		(p.Subject == graph.Subject{} || t.Subject == p.Subject)
}

// part are the tuples of some parts.
func part(all []graph.Tuple, parts []graph.Part) (out []graph.Tuple) {
	for _, t := range all {
		for _, p := range parts {
			if belongs(t, p) {
				out = append(out, t)
				break
			}
		}
	}
	return out
}

// piecemeal is a partial graph over what the world holds at the time of each reading.
func (w *world) piecemeal(revision uint64, most int) *graph.Graph {
	var g *graph.Graph
	g = graph.NewPartial(w.model, graph.Limits{}, most, func(_ context.Context, parts []graph.Part) (int, error) {
		found := part(w.tuples(), parts)
		return len(found), g.Learn(g.Revision(), parts, found, nil)
	})
	g.Reset(revision)
	return g
}

// TestPartialWhileWritten: while parts are read, others write. An answer is what the oracle says of the
// tuples as they are when all has been read, though each part was read at another moment.
func TestPartialWhileWritten(t *testing.T) {
	checkMany(t, func(t *rapid.T) {
		w := drawWorld(t)
		for range rapid.IntRange(0, 10).Draw(t, "loaded") {
			w.store(w.drawTuple())
		}
		var g *graph.Graph
		writes := 6
		g = graph.NewPartial(w.model, graph.Limits{}, 10_000, func(_ context.Context, parts []graph.Part) (int, error) {
			since, steps, found := g.Revision(), []graph.Step(nil), []graph.Tuple(nil)
			revision := since
			for _, p := range parts {
				found = append(found, part(w.tuples(), []graph.Part{p})...)
				c := graph.Change{Tuple: w.drawTuple(), Delete: chance(t, 40)}
				if asked := part(w.tuples(), parts); c.Delete && len(asked) > 0 {
					c.Tuple = pick(t, asked)
				}
				if writes > 0 && (c.Delete || accepted(w.rules, c.Tuple)) {
					writes--
					revision++
					steps = append(steps, graph.Step{Revision: revision, Changes: []graph.Change{c}})
					if delete(w.stored, bare(c.Tuple)); !c.Delete {
						w.store(c.Tuple)
					}
				}
			}
			for _, s := range steps[:rapid.IntRange(0, len(steps)).Draw(t, "heard")] { // of these the graph hears by itself
				if err := g.Apply(s.Revision, s.Changes); err != nil {
					t.Fatal(err)
				}
			}
			return len(found), g.Learn(since, parts, found, steps)
		})
		for range 4 {
			s := w.drawSubject()
			object := pick(t, w.objects())
			if len(w.rules[object.Type]) == 0 {
				continue
			}
			q := graph.Query{Object: object, Relation: pick(t, sortedKeys(w.rules[object.Type])), Subject: s}
			got, err := g.Check(context.Background(), now, q)
			want := newOracle(w.rules, w.tuples(), nil, now).has(s)[atom{object, q.Relation}]
			compared.Add(60) // each costs as much as that many which read nothing
			if !agrees(want, got.Allowed, got.Missing, err) || err == nil && got.Revision != g.Revision() {
				t.Fatalf("%v: %v, %v, want %v\n%v\n%v", q, got, err, want, w.tuples(), w.rules)
			}
		}
	})
}

// TestPartialReadsByLevels: a question reads as often as the way to its answer is long, however many tuples
// lie beside it, and what it has read is not read again until something else needs the room.
func TestPartialReadsByLevels(t *testing.T) {
	t.Parallel()
	var all []graph.Tuple
	for i := range 50 {
		for j := range 20 {
			all = append(all, tuple(t, fmt.Sprintf("doc:%d#viewer@group:%d#member", i, j)), tuple(t, fmt.Sprintf("group:%d#member@user:%d", j, i)))
		}
	}
	whole := load(t, named("public"), all...)
	var g *graph.Graph
	rounds, tuples := 0, 0
	g = graph.NewPartial(whole.Model(), graph.Limits{}, 200, func(_ context.Context, parts []graph.Part) (int, error) {
		found := part(all, parts)
		rounds, tuples = rounds+1, tuples+len(found)
		return len(found), g.Learn(g.Revision(), parts, found, nil)
	})
	ask := func(text string, want bool, most int) {
		t.Helper()
		before := rounds
		if got := allowed(t, g, text); got != want {
			t.Errorf("%s: %v", text, got)
		}
		if rounds-before > most {
			t.Errorf("%s: read %d times", text, rounds-before)
		}
	}
	ask("doc:7#viewer@user:9", true, 3)
	ask("doc:7#viewer@user:9", true, 0)
	ask("doc:7#viewer@user:nobody", false, 3)
	for i := range 50 {
		ask(fmt.Sprintf("doc:%d#viewer@user:%d", i, 49-i), true, 3)
		if held := g.Stats().Tuples; held > 200 {
			t.Fatalf("holds %d", held)
		}
	}
	if tuples > 50*60 {
		t.Errorf("read %d tuples", tuples)
	}
	list, err := g.Objects(t.Context(), now, graph.ObjectsQuery{Type: "doc", Relation: "viewer", Subject: graph.Subject{Type: "user", ID: "1"}, Limit: 1000})
	if errs.CodeOf(err) != "work_exceeded" {
		t.Errorf("a list of what cannot be held at once: %d, %v", len(list.IDs), err)
	}
}

// TestPartialFollows: what changes in a part that a graph holds is seen, from whichever side it was read.
func TestPartialFollows(t *testing.T) {
	t.Parallel()
	all := []graph.Tuple{tuple(t, "doc:7#viewer@group:99#member")}
	var g *graph.Graph
	g = graph.NewPartial(load(t, named("public")).Model(), graph.Limits{}, 200, func(_ context.Context, parts []graph.Part) (int, error) {
		found := part(all, parts)
		return len(found), g.Learn(g.Revision(), parts, found, nil)
	})
	see := func(want bool) {
		t.Helper()
		if got := allowed(t, g, "doc:7#viewer@user:9"); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	step := func(text string, remove bool) {
		t.Helper()
		if err := g.Apply(g.Revision()+1, []graph.Change{{Tuple: tuple(t, text), Delete: remove}}); err != nil {
			t.Fatal(err)
		}
	}
	see(false)
	step("group:99#member@user:9", false) // known from the user only
	see(true)
	step("doc:7#viewer@group:99#member", true) // known from the document only
	see(false)
	step("doc:7#viewer@user:9", false) // known as a tuple that was not there
	see(true)
}

// TestPartialFails: what cannot be read is no answer.
func TestPartialFails(t *testing.T) {
	t.Parallel()
	m := load(t, named("public")).Model()
	broken := errs.Busy(0, nil, "decision_unavailable", "no")
	g := graph.NewPartial(m, graph.Limits{}, 100, func(context.Context, []graph.Part) (int, error) { return 0, broken })
	if got, err := g.Check(t.Context(), now, question(t, "doc:1#viewer@user:a")); err == nil || got.Allowed {
		t.Errorf("%v, %v", got, err)
	}
	var idle *graph.Graph // one that reads and never learns
	idle = graph.NewPartial(m, graph.Limits{}, 100, func(context.Context, []graph.Part) (int, error) { return 50, nil })
	if got, err := idle.Check(t.Context(), now, question(t, "doc:1#viewer@user:a")); errs.CodeOf(err) != "work_exceeded" || got.Allowed {
		t.Errorf("%v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	idle = graph.NewPartial(m, graph.Limits{}, 100, func(context.Context, []graph.Part) (int, error) { cancel(); return 0, nil })
	if _, err := idle.Check(ctx, now, question(t, "doc:1#viewer@user:a")); errs.CodeOf(err) != "stopped" {
		t.Errorf("stopped: %v", err)
	}
}

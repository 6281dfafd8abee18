package graph_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// split is a world whose relations have their tuples from two stores.
type split struct {
	*world
	foreign map[[2]string]bool
	model   *graph.Model
}

// drawSplit gives some relations to another store. They may depend on each other as they like.
func drawSplit(w *world) split {
	s := split{world: w, foreign: map[[2]string]bool{}}
	types := w.rules.types(w.rules.order()...)
	for i, t := range types {
		for j, r := range t.Relations {
			if chance(w.t, 40) {
				s.foreign[[2]string{t.Name, r.Name}] = true
				types[i].Relations[j].Foreign = "Elsewhere."
			}
		}
	}
	var err error
	if s.model, err = graph.NewConditionalModel(switches{}, types...); err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (s split) isForeign(t graph.Tuple) bool { return s.foreign[[2]string{t.Object.Type, t.Relation}] }

// load loads a graph with what the two stores hold. Each holds, besides, tuples of the relations that are not its.
func (s split) load(revision uint64) *graph.Graph {
	s.t.Helper()
	g := graph.New(s.model, graph.Limits{})
	err := g.LoadBoth(func(yield func(graph.Tuple) error) (uint64, error) {
		return revision, s.yield(yield, false)
	}, func(yield func(graph.Tuple) error) (uint64, error) { return 3, s.yield(yield, true) })
	if err != nil {
		s.t.Fatal(err)
	}
	return g
}

func (s split) yield(yield func(graph.Tuple) error, foreign bool) error {
	var all []graph.Tuple
	for _, t := range s.tuples() {
		if s.isForeign(t) == foreign {
			all = append(all, t)
		}
	}
	for range 3 {
		if stray := s.drawTuple(); s.isForeign(stray) != foreign {
			all = append(all, stray)
		}
	}
	return each(all, yield)
}

// change draws a change and makes it in a graph, by the way of the store that has it. Beside it a change of the
// same tuple in the other store is tried, which must come to nothing.
func (s split) change(g *graph.Graph, revision *uint64) {
	c := graph.Change{Tuple: s.drawTuple(), Delete: chance(s.t, 30)}
	if len(s.stored) > 0 && c.Delete && chance(s.t, 70) {
		c.Tuple = pick(s.t, s.tuples())
	}
	switch {
	case c.Delete:
		delete(s.stored, bare(c.Tuple))
	case accepted(s.rules, c.Tuple):
		c.Tuple.Expires = s.drawExpiry()
		s.store(c.Tuple)
	default:
		return
	}
	other := graph.Change{Tuple: c.Tuple, Delete: true}
	own, amended := []graph.Change{c}, []graph.Change{other}
	if s.isForeign(c.Tuple) {
		own, amended = []graph.Change{other}, []graph.Change{c}
	}
	*revision++
	if chance(s.t, 50) {
		if err := g.Amend([]graph.Step{{Revision: *revision, Changes: own}}, graph.Step{Revision: 3, Changes: amended}); err != nil {
			s.t.Fatal(err)
		}
	} else if err := errors.Join(g.Apply(*revision, own), g.Amend(nil, graph.Step{Revision: 2, Changes: amended})); err != nil {
		s.t.Fatal(err)
	}
	if v := g.View(); v.Revision() != *revision || v.Foreign() != 3 {
		s.t.Fatalf("revisions %d and %d, want %d", v.Revision(), v.Foreign(), *revision)
	}
	if c.Delete {
		return
	}
	written := []graph.Change{{Tuple: c.Tuple}}
	if s.isForeign(c.Tuple) {
		if err := g.Apply(*revision+1, written); errs.CodeOf(err) != "relation_foreign" {
			s.t.Fatalf("Apply of a foreign tuple: %v", err)
		}
	} else if err := g.Amend(nil, graph.Step{Changes: written}); errs.CodeOf(err) != "relation_not_foreign" {
		s.t.Fatalf("Amend with a tuple of the store: %v", err)
	}
}

// TestPropertyForeign: a graph that is fed by two stores answers as the oracle does of the union of both, whichever
// relations are whose, loaded and grown, with their changes in any order.
func TestPropertyForeign(t *testing.T) {
	checkMany(t, func(t *rapid.T) {
		s := drawSplit(drawWorld(t))
		for range rapid.IntRange(0, 10).Draw(t, "loaded") {
			if at := s.drawTuple(); accepted(s.rules, at) {
				at.Expires = s.drawExpiry()
				s.store(at)
			}
		}
		revision := uint64(7)
		grown := s.load(revision)
		before, past := grown.View(), *s.world
		past.stored = maps.Clone(s.stored)
		past.compare([]reader{grown}, circumstances{given: s.drawGiven()})
		for range rapid.IntRange(0, 12).Draw(t, "changes") {
			s.change(grown, &revision)
		}
		with := circumstances{given: s.drawGiven()}
		s.compare([]reader{grown, s.load(revision), graph.WithoutGroups(grown)}, with)
		past.compare([]reader{before}, with)
	})
}

// TestForeign: a foreign relation cannot be given by a write, a question or a supposition of the store, and nothing
// that is advised would need it.
func TestForeign(t *testing.T) {
	t.Parallel()
	m, err := graph.NewModel(
		graph.Type{Name: "user"},
		graph.Type{Name: "group", Relations: []graph.Relation{{Name: "member", Rewrite: graph.This("user", "group#member"), Foreign: "Groups are given elsewhere."}}},
		graph.Type{Name: "doc", Relations: []graph.Relation{
			{Name: "shared", Rewrite: graph.This("group#member")},
			{Name: "blocked", Rewrite: graph.This("group#member")},
			{Name: "owner", Rewrite: graph.This("user")},
			{Name: "viewer", Rewrite: graph.Exclusion(graph.Union(graph.Computed("owner"), graph.Computed("shared")), graph.Computed("blocked"))},
		}},
	)
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New(m, graph.Limits{})
	own, groups := tuples(t, "doc:1#shared@group:eng#member", "group:eng#member@user:stray"), []graph.Tuple(nil)
	for i := range 12 { // more than are kept of what would help
		groups = append(groups, tuple(t, fmt.Sprintf("group:%d#member@user:somebody", i)))
		own = append(own, tuple(t, fmt.Sprintf("doc:1#shared@group:%d#member", i)))
	}
	err = g.LoadBoth(func(yield func(graph.Tuple) error) (uint64, error) { return 1, each(own, yield) },
		func(yield func(graph.Tuple) error) (uint64, error) { return 1, each(groups, yield) })
	if err != nil {
		t.Fatal(err)
	}
	if s := g.Stats(); s.Ignored != 1 || s.Tuples != 25 {
		t.Errorf("%+v", s)
	}
	ask := func(v graph.View, user string, brought ...graph.Tuple) (graph.WhyNot, error) {
		return v.WhyNot(t.Context(), now, graph.Query{
			Object: graph.Object{Type: "doc", ID: "1"}, Relation: "viewer", Subject: graph.Subject{Type: "user", ID: user}, Contextual: brought,
		})
	}
	member := tuple(t, "group:eng#member@user:bob")
	if _, err := ask(g.View(), "bob", member); errs.CodeOf(err) != "relation_foreign" {
		t.Errorf("brought with the question: %v", err)
	}
	if _, err := g.View().With(graph.Change{Tuple: member}); errs.CodeOf(err) != "relation_foreign" {
		t.Errorf("supposed: %v", err)
	}
	why, err := ask(g.View(), "bob")
	if err != nil || why.Allowed || len(why.Remedies) != 1 || why.Remedies[0].Write[0] != tuple(t, "doc:1#owner@user:bob") {
		t.Errorf("%+v, %v", why, err)
	}
	supposed, err := g.View().WithForeign(graph.Change{Tuple: member})
	if err != nil {
		t.Fatal(err)
	}
	if why, err := ask(supposed, "bob"); err != nil || !why.Allowed {
		t.Errorf("supposed to be a member: %+v, %v", why, err)
	}
	if supposed, err = supposed.With(graph.Change{Tuple: member, Delete: true}); err != nil {
		t.Fatal(err)
	}
	if why, err := ask(supposed, "bob"); err != nil || !why.Allowed {
		t.Errorf("a store cannot suppose a member away: %+v, %v", why, err)
	}
	if err := g.Amend(nil, graph.Step{Changes: []graph.Change{{Tuple: member}}}); err != nil {
		t.Fatal(err)
	}
	if err := g.Apply(2, []graph.Change{{Tuple: tuple(t, "doc:1#blocked@group:eng#member")}, {Tuple: member, Delete: true}}); err != nil {
		t.Fatal(err)
	}
	why, err = ask(g.View(), "bob")
	if err != nil || why.Allowed {
		t.Errorf("%+v, %v", why, err)
	}
	for _, r := range why.Remedies {
		for _, d := range append(r.Delete, r.Write...) {
			if d.Object.Type == "group" {
				t.Errorf("advises %v", r)
			}
		}
	}
}

func each(all []graph.Tuple, yield func(graph.Tuple) error) error {
	for _, t := range all {
		if err := yield(t); err != nil {
			return err
		}
	}
	return nil
}

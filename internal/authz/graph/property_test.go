package graph_test

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// world is one random case: a model that NewModel accepts, and a store.
type world struct {
	t      *rapid.T
	rules  rules
	model  *graph.Model
	stored map[graph.Tuple]time.Time // without expiry → expiry
}

var ids = []string{"a", "b#c:d@e", "c\x00|,é"}

func pick[T any](t *rapid.T, from []T) T { return from[rapid.IntRange(0, len(from)-1).Draw(t, "pick")] }

func chance(t *rapid.T, percent int) bool { return rapid.IntRange(0, 99).Draw(t, "chance") < percent }

// drawRules draws one to three types with relations that refer to each other. Four of five models
// keep an order that makes them sound (subtract only lower relations, ask higher ones never), so
// that they may be as tangled as they like; the rest refer at will, and NewModel says which of them
// are sound.
func drawRules(t *rapid.T) rules {
	r := rules{"user": {}, "bot": {}}
	kinds := []string{"t0", "t1", "t2"}[:rapid.IntRange(1, 3).Draw(t, "kinds")]
	names := []string{"r0", "r1", "r2", "r3"}[:rapid.IntRange(1, 4).Draw(t, "names")]
	free := chance(t, 20)
	for _, kind := range kinds {
		r[kind] = map[string]rule{"road": {op: "this", allowed: drawSome(t, kinds)}}
	}
	for _, kind := range kinds {
		for i, name := range names {
			d := ruleDraw{t: t, kinds: kinds, same: names[:i], other: names[:i+1]}
			if free {
				d.same, d.other = names, names
			}
			r[kind][name] = d.rule(0)
		}
	}
	return r
}

func drawSome(t *rapid.T, from []string) []string {
	out := []string{pick(t, from)}
	for _, s := range from {
		if !slices.Contains(out, s) && chance(t, 40) {
			out = append(out, s)
		}
	}
	return out
}

// ruleDraw draws the rule of one relation.
type ruleDraw struct {
	t      *rapid.T
	kinds  []string
	same   []string // what it may ask of the same object
	other  []string // what it may ask of others
	direct bool     // it has its This
}

func (d *ruleDraw) rule(depth int) rule {
	n := rapid.IntRange(0, 9).Draw(d.t, "op")
	if depth >= 3 {
		n %= 6
	}
	switch {
	case n >= 6:
		return d.operator(n, depth)
	case n < 3 && !d.direct:
		d.direct = true
		return rule{op: "this", allowed: d.allowed()}
	case n < 4 && len(d.same) > 0:
		return rule{op: "computed", name: pick(d.t, d.same)}
	}
	return rule{op: "from", road: "road", name: pick(d.t, append([]string{"road"}, d.other...))}
}

func (d *ruleDraw) operator(n, depth int) rule {
	left := d.rule(depth + 1)
	switch {
	case n < 8:
		return rule{op: "union", kids: []rule{left, d.rule(depth + 1)}}
	case n < 9:
		return rule{op: "intersection", kids: []rule{left, d.rule(depth + 1)}}
	}
	lower := *d
	lower.other = d.same
	right := lower.rule(depth + 1)
	d.direct = lower.direct
	return rule{op: "exclusion", kids: []rule{left, right}}
}

func (d *ruleDraw) allowed() []string {
	every := []string{"user", "user:*", "bot", "bot:*"}
	for _, kind := range d.kinds {
		every = append(every, kind, kind+":*")
		for _, name := range d.other {
			every = append(every, kind+"#"+name, kind+"#"+name) // usersets twice as likely
		}
	}
	out := []string{"user"}
	if chance(d.t, 20) {
		out[0] = pick(d.t, every)
	}
	for range rapid.IntRange(0, 4).Draw(d.t, "allowed") {
		if a := pick(d.t, every); !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

func (r rules) order() []string { return sortedKeys(r) }

func (w *world) objects() []graph.Object {
	var out []graph.Object
	for _, kind := range w.rules.order() {
		for _, id := range append([]string{"unknown", "0", "1", "2", "3", "4", "5"}, ids...) {
			if _, ok := w.rules["g"]; ok != (len(id) == 1 && id < "a") {
				continue // the objects of TestPropertyTangled, or those of TestProperty
			}
			out = append(out, graph.Object{Type: kind, ID: id})
		}
	}
	return out
}

// drawTuple draws a tuple, mostly one that the model accepts.
func (w *world) drawTuple() graph.Tuple {
	kind := pick(w.t, slices.DeleteFunc(w.rules.order(), func(k string) bool { return len(w.rules[k]) == 0 }))
	name := pick(w.t, sortedKeys(w.rules[kind]))
	t := graph.Tuple{Object: graph.Object{Type: kind, ID: pick(w.t, ids)}, Relation: name, Subject: w.drawSubject()}
	if allowed := w.model.Allowed(kind, name); len(allowed) > 0 && !chance(w.t, 3) {
		s, err := graph.ParseSubject(shapeWithID(pick(w.t, allowed)))
		if err != nil {
			w.t.Fatal(err)
		}
		if t.Subject = s; s.ID != "*" {
			t.Subject.ID = pick(w.t, ids)
		}
	}
	return t
}

// shapeWithID gives "group#member" an id so that it parses as a subject.
func shapeWithID(shape string) string {
	for i, c := range shape {
		switch c {
		case ':':
			return shape
		case '#':
			return shape[:i] + ":x" + shape[i:]
		}
	}
	return shape + ":x"
}

func (w *world) drawSubject() graph.Subject {
	kind := pick(w.t, w.rules.order())
	s := graph.Subject{Type: kind, ID: pick(w.t, ids)}
	switch names := sortedKeys(w.rules[kind]); {
	case len(names) > 0 && chance(w.t, 60):
		s.Relation = pick(w.t, names)
	case chance(w.t, 15):
		s.ID = "*"
	}
	return s
}

func (w *world) drawExpiry() time.Time {
	if chance(w.t, 75) {
		return time.Time{}
	}
	return now.Add(time.Duration(rapid.IntRange(-1, 1).Draw(w.t, "expiry")) * time.Millisecond)
}

func (w *world) tuples() []graph.Tuple {
	var out []graph.Tuple
	for t, expires := range w.stored {
		t.Expires = expires
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b graph.Tuple) int { return cmpStrings(a.String(), b.String()) })
	return out
}

func cmpStrings(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func drawWorld(t *rapid.T) *world {
	w := &world{t: t, rules: drawRules(t), stored: map[graph.Tuple]time.Time{}}
	m, err := graph.NewModel(w.rules.types(w.rules.order()...)...)
	if err != nil {
		t.Skip("unsound model")
	}
	w.model = m
	return w
}

// grow draws changes, applies them to g one revision at a time and keeps the truth beside it.
func (w *world) grow(g *graph.Graph) {
	revision := g.Revision()
	for range rapid.IntRange(0, 6).Draw(w.t, "revisions") {
		var changes []graph.Change
		for range rapid.IntRange(0, 4).Draw(w.t, "changes") {
			c := graph.Change{Tuple: w.drawTuple(), Delete: chance(w.t, 20)}
			if len(w.stored) > 0 && c.Delete && chance(w.t, 70) {
				c.Tuple = pick(w.t, w.tuples())
			}
			c.Tuple.Expires = time.Time{}
			switch {
			case c.Delete:
				delete(w.stored, c.Tuple)
			case accepted(w.rules, c.Tuple):
				at := w.drawExpiry()
				w.stored[c.Tuple] = at
				c.Tuple.Expires = at
			default:
				continue
			}
			changes = append(changes, c)
		}
		revision++
		if err := g.Apply(revision, changes); err != nil {
			w.t.Fatal(err)
		}
	}
}

var compared atomic.Int64

// TestProperty compares every way of asking with the oracle: checks and lists, with and without the
// subject's groups, a graph grown by Apply with one loaded fresh, stored with contextual tuples.
func TestProperty(t *testing.T) {
	t.Parallel()
	var cases int
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		grown := graph.New(w.model, graph.Limits{})
		for range rapid.IntRange(0, 10).Draw(t, "loaded") {
			at := w.drawTuple()
			w.stored[at] = w.drawExpiry()
		}
		if err := grown.Load(7, graph.All(w.tuples()...)); err != nil {
			t.Fatal(err)
		}
		w.grow(grown)
		fresh := graph.New(w.model, graph.Limits{})
		if err := fresh.Load(grown.Revision(), graph.All(w.tuples()...)); err != nil {
			t.Fatal(err)
		}
		var contextual []graph.Tuple
		for range rapid.IntRange(0, 2).Draw(t, "contextual") {
			if c := w.drawTuple(); accepted(w.rules, c) {
				c.Expires = w.drawExpiry()
				contextual = append(contextual, c)
			}
		}
		w.compare([]*graph.Graph{grown, fresh, graph.WithoutGroups(fresh)}, nil)
		w.compare([]*graph.Graph{grown, graph.WithoutGroups(grown)}, contextual)
		cases++
	})
	t.Logf("%d worlds, %d answers compared", cases, compared.Load())
}

// compare asks graphs of the same content about everything.
func (w *world) compare(graphs []*graph.Graph, contextual []graph.Tuple) {
	o := newOracle(w.rules, append(w.tuples(), contextual...), now)
	for range 3 {
		s := w.drawSubject()
		held := o.has(s)
		for _, g := range graphs {
			w.compareChecks(g, s, held, contextual)
			w.compareObjects(g, s, held, contextual)
		}
	}
	object := pick(w.t, slices.DeleteFunc(w.objects(), func(o graph.Object) bool { return len(w.rules[o.Type]) == 0 }))
	relation := pick(w.t, sortedKeys(w.rules[object.Type]))
	for _, g := range graphs {
		w.compareSubjects(g, o, atom{object, relation}, contextual)
	}
	if contextual == nil {
		w.compareTree(graphs[0], o, atom{object, relation})
	}
}

func (w *world) compareChecks(g *graph.Graph, s graph.Subject, held map[atom]bool, contextual []graph.Tuple) {
	for _, object := range w.objects() {
		for _, relation := range sortedKeys(w.rules[object.Type]) {
			q := graph.Query{Object: object, Relation: relation, Subject: s, Contextual: contextual}
			got, err := g.Check(context.Background(), now, q)
			if err != nil || got.Allowed != held[atom{object, relation}] {
				w.t.Fatalf("%v %s %v = %v, %v; the oracle says otherwise\n%v\n+%v", s, relation, object, got.Allowed, err, w.tuples(), contextual)
			}
			q.Explain = true
			if got, err = g.Check(context.Background(), now, q); err != nil || got.Allowed != held[atom{object, relation}] {
				w.t.Fatalf("explained: %v %s %v = %v, %v", s, relation, object, got.Allowed, err)
			}
			w.comparePath(q, got)
			compared.Add(2)
		}
	}
}

// comparePath demands that a path consists of tuples that count, and, if the model subtracts
// nothing, that they alone prove the answer.
func (w *world) comparePath(q graph.Query, got graph.Result) {
	if !got.Allowed {
		if got.Path != nil {
			w.t.Fatal("a path for a denial")
		}
		return
	}
	o := newOracle(w.rules, append(w.tuples(), q.Contextual...), now)
	for _, step := range got.Path {
		if !slices.ContainsFunc(o.tuples, func(t graph.Tuple) bool { return t.String() == step.String() && t.Expires.Equal(step.Expires) }) {
			w.t.Fatalf("%v is not a tuple that counts", step)
		}
	}
	if !w.rules.subtracts() && !newOracle(w.rules, got.Path, now).has(q.Subject)[atom{q.Object, q.Relation}] {
		w.t.Fatalf("%v does not prove %v %s %v", got.Path, q.Subject, q.Relation, q.Object)
	}
}

func (r rules) subtracts() bool {
	var in func(rule) bool
	in = func(r rule) bool { return r.op == "exclusion" || slices.ContainsFunc(r.kids, in) }
	for _, relations := range r {
		for _, rule := range relations {
			if in(rule) {
				return true
			}
		}
	}
	return false
}

func (w *world) compareObjects(g *graph.Graph, s graph.Subject, held map[atom]bool, contextual []graph.Tuple) {
	for _, kind := range w.rules.order() {
		for _, relation := range sortedKeys(w.rules[kind]) {
			var want []string
			for at := range held {
				if at.object.Type == kind && at.relation == relation {
					want = append(want, at.object.ID)
				}
			}
			slices.Sort(want)
			q := graph.ObjectsQuery{Type: kind, Relation: relation, Subject: s, Contextual: contextual, Limit: 2}
			var got []string
			for {
				list, err := g.Objects(context.Background(), now, q)
				if err != nil {
					w.t.Fatal(err)
				}
				got = append(got, list.IDs...)
				if q.After = list.Next; list.Next == "" {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				w.t.Fatalf("objects of %s#%s for %v: %s", kind, relation, s, diff)
			}
			compared.Add(1)
		}
	}
}

// known are the ids of a type that stand in a tuple that the model accepts.
func (w *world) known(kind string, contextual []graph.Tuple) map[string]bool {
	out := map[string]bool{}
	for _, t := range append(w.tuples(), contextual...) {
		if !accepted(w.rules, t) {
			continue
		}
		if t.Object.Type == kind {
			out[t.Object.ID] = true
		}
		if t.Subject.Type == kind && t.Subject.ID != "*" {
			out[t.Subject.ID] = true
		}
	}
	return out
}

func (w *world) compareSubjects(g *graph.Graph, o *oracle, at atom, contextual []graph.Tuple) {
	for _, kind := range w.rules.order() {
		for _, relation := range append([]string{""}, sortedKeys(w.rules[kind])...) {
			known := w.known(kind, contextual)
			if relation != "" && kind == at.object.Type {
				known[at.object.ID] = true
			}
			var want []string
			for _, id := range sortedKeys(known) {
				if o.has(graph.Subject{Type: kind, ID: id, Relation: relation})[at] {
					want = append(want, id)
				}
			}
			q := graph.SubjectsQuery{Object: at.object, Relation: at.relation, Type: kind, SubjectRelation: relation, Contextual: contextual, Limit: 2}
			var got []string
			for {
				list, err := g.Subjects(context.Background(), now, q)
				if err != nil {
					w.t.Fatal(err)
				}
				if everyone := relation == "" && o.has(graph.Subject{Type: kind, ID: "*"})[at]; everyone != list.Everyone ||
					relation == "" && everyone != o.has(graph.Subject{Type: kind, ID: "nobody knows me"})[at] {
					w.t.Fatalf("everyone of %s in %v: %v", kind, at, list.Everyone)
				}
				got = append(got, list.IDs...)
				if q.After = list.Next; list.Next == "" {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				w.t.Fatalf("subjects %s#%s of %v: %s", kind, relation, at, diff)
			}
			compared.Add(1)
		}
	}
}

// compareTree evaluates the expanded tree for a few subjects, asking Check at its usersets.
func (w *world) compareTree(g *graph.Graph, o *oracle, at atom) {
	tree, err := g.View().Expand(context.Background(), now, at.object, at.relation)
	if err != nil {
		w.t.Fatal(err)
	}
	for range 3 {
		s := w.drawSubject()
		if s.Type == at.object.Type && s.ID == at.object.ID && s.Relation == at.relation {
			continue
		}
		if got := w.inTree(g, tree, s); got != o.has(s)[at] {
			w.t.Fatalf("%v in the tree of %v: %v\n%v", s, at, got, tree)
		}
		compared.Add(1)
	}
}

func (w *world) inTree(g *graph.Graph, tree graph.Tree, s graph.Subject) bool {
	in := func(part graph.Tree) bool { return w.inTree(g, part, s) }
	switch tree.Op {
	case graph.OpUnion:
		return slices.ContainsFunc(tree.Parts, in)
	case graph.OpIntersection:
		return !slices.ContainsFunc(tree.Parts, func(part graph.Tree) bool { return !in(part) })
	case graph.OpExclusion:
		return in(tree.Parts[0]) && !in(tree.Parts[1])
	}
	return slices.ContainsFunc(tree.Subjects, func(at graph.Subject) bool {
		if at.Relation == "" {
			return matches(at, s, nil)
		}
		got, err := g.Check(context.Background(), now, graph.Query{Object: graph.Object{Type: at.Type, ID: at.ID}, Relation: at.Relation, Subject: s})
		return err == nil && got.Allowed
	})
}

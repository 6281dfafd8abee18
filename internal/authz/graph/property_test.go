package graph_test

import (
	"context"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
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
	stored map[graph.Tuple]graph.Tuple // bare → with expiry and condition
}

// circumstances are what a request brings with it.
type circumstances struct {
	contextual []graph.Tuple
	given      map[string]any
}

func bare(t graph.Tuple) graph.Tuple {
	return graph.Tuple{Object: t.Object, Relation: t.Relation, Subject: t.Subject}
}

func (w *world) store(t graph.Tuple) { w.stored[bare(t)] = t }

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
		r[kind] = map[string]rule{"road": {op: "this", allowed: conditional(t, drawSome(t, kinds))}}
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

// conditional adds conditions to some kinds of subject, beside or in place of those without.
func conditional(t *rapid.T, allowed []string) []string {
	if chance(t, 50) {
		return allowed
	}
	for i, a := range slices.Clone(allowed) {
		switch with := a + " with " + pick(t, []string{"if", "unless"}); {
		case chance(t, 30):
			allowed = append(allowed, with)
		case chance(t, 20):
			allowed[i] = with
		}
	}
	return allowed
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
	return conditional(d.t, out)
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
		shaped := w.shaped(pick(w.t, allowed))
		if t.Condition, t.Subject = shaped.Condition, shaped.Subject; t.Subject.ID != "*" {
			t.Subject.ID = pick(w.t, ids)
		}
	}
	return t
}

// shaped is a tuple whose subject and condition fit what a model allows.
func (w *world) shaped(allowed string) graph.Tuple {
	shape, condition, _ := strings.Cut(allowed, " with ")
	s, err := graph.ParseSubject(shapeWithID(shape))
	if err != nil {
		w.t.Fatal(err)
	}
	t := graph.Tuple{Subject: s}
	if condition != "" {
		t.Condition = graph.Condition{Name: condition, Context: pick(w.t, []string{"x", "y", "z"})}
	}
	return t
}

// drawGiven gives some of the switches, seldom a broken one.
func (w *world) drawGiven() map[string]any {
	given := map[string]any{}
	for _, name := range []string{"x", "y", "z"} {
		switch n := rapid.IntRange(0, 19).Draw(w.t, "given"); {
		case n == 0:
			given[name] = "broken"
		case n < 7:
			given[name] = true
		case n < 13:
			given[name] = false
		}
	}
	return given
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
	out := slices.Collect(maps.Values(w.stored))
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
	w := &world{t: t, rules: drawRules(t), stored: map[graph.Tuple]graph.Tuple{}}
	m, err := graph.NewConditionalModel(switches{}, w.rules.types(w.rules.order()...)...)
	if err != nil {
		t.Skip("unsound model")
	}
	w.model = m
	return w
}

// grow draws changes, applies them to graphs one revision at a time and keeps the truth beside them.
func (w *world) grow(graphs ...*graph.Graph) (all []graph.Change) {
	revision := graphs[0].Revision()
	for range rapid.IntRange(0, 6).Draw(w.t, "revisions") {
		var changes []graph.Change
		for range rapid.IntRange(0, 4).Draw(w.t, "changes") {
			c := graph.Change{Tuple: w.drawTuple(), Delete: chance(w.t, 20)}
			if len(w.stored) > 0 && c.Delete && chance(w.t, 70) {
				c.Tuple = pick(w.t, w.tuples())
			}
			switch {
			case c.Delete:
				delete(w.stored, bare(c.Tuple))
			case accepted(w.rules, c.Tuple):
				c.Tuple.Expires = w.drawExpiry()
				w.store(c.Tuple)
			default:
				continue
			}
			changes = append(changes, c)
		}
		revision++
		for _, g := range graphs {
			if err := g.Apply(revision, changes); err != nil {
				w.t.Fatal(err)
			}
		}
		all = append(all, changes...)
	}
	return all
}

var compared atomic.Int64

// checkMany runs a property until it has compared 400,000 answers, or as many as CARDEA_ORACLE says.
func checkMany(t *testing.T, property func(*rapid.T)) {
	want := int64(400_000)
	if text := os.Getenv("CARDEA_ORACLE"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal("CARDEA_ORACLE: ", err)
		}
		want = n
	}
	if testing.Short() || raceEnabled {
		want = 1 // one round: the race detector looks at something else, ten times as slowly
	}
	from := compared.Load()
	for compared.Load()-from < want && !t.Failed() {
		rapid.Check(t, property)
	}
	t.Logf("%d answers compared", compared.Load()-from)
}

// TestProperty compares every way of asking with the oracle: checks and lists, with and without the
// subject's groups, a graph grown by Apply with one loaded fresh, with one loaded from an image of it,
// with partial ones that hold what was asked for or not even that, and with a view that only supposes the changes, stored with contextual tuples, with parameters of conditions given, missing and
// broken.
func TestProperty(t *testing.T) {
	checkMany(t, func(t *rapid.T) {
		w := drawWorld(t)
		grown := graph.New(w.model, graph.Limits{})
		for range rapid.IntRange(0, 10).Draw(t, "loaded") {
			at := w.drawTuple()
			at.Expires = w.drawExpiry()
			w.store(at)
		}
		if err := grown.Load(7, graph.All(w.tuples()...)); err != nil {
			t.Fatal(err)
		}
		// What the graph remembers of its first questions must not outlive the changes, nor what it learns
		// after them reach the view of before.
		before, past := grown.View(), *w
		past.stored = maps.Clone(w.stored)
		partial, small := w.piecemeal(7, 10_000), w.piecemeal(7, 150)
		past.compare([]reader{grown, partial, small}, circumstances{given: w.drawGiven()})
		changes := w.grow(grown, partial, small)
		supposed, err := before.With(changes...)
		if err != nil {
			t.Fatal(err)
		}
		fresh := graph.New(w.model, graph.Limits{})
		if err := fresh.Load(grown.Revision(), graph.All(w.tuples()...)); err != nil {
			t.Fatal(err)
		}
		with := circumstances{given: w.drawGiven()}
		w.compare([]reader{grown, fresh, imageOf(t, grown), partial, graph.WithoutGroups(fresh), small, supposed}, with)
		past.compare([]reader{before}, with)
		for range rapid.IntRange(0, 3).Draw(t, "contextual") {
			if c := w.drawTuple(); accepted(w.rules, c) {
				c.Expires = w.drawExpiry()
				with.contextual = append(with.contextual, c)
			}
		}
		w.compare([]reader{grown, graph.WithoutGroups(grown), supposed, partial}, with)
	})
}

// reader is a graph or a view.
type reader interface {
	Check(context.Context, time.Time, graph.Query) (graph.Result, error)
	Objects(context.Context, time.Time, graph.ObjectsQuery) (graph.List, error)
	Subjects(context.Context, time.Time, graph.SubjectsQuery) (graph.List, error)
}

func view(r reader) graph.View {
	if g, ok := r.(*graph.Graph); ok {
		return g.View()
	}
	return r.(graph.View)
}

// compare asks graphs of the same content about everything.
func (w *world) compare(graphs []reader, with circumstances) {
	o := newOracle(w.rules, append(w.tuples(), with.contextual...), with.given, now)
	for range 3 {
		s := w.drawSubject()
		held := o.has(s)
		for _, g := range graphs {
			w.compareChecks(g, s, held, with)
			w.compareObjects(g, s, held, with)
		}
		w.compareRelations(graphs[0], s, held, with)
		w.compareBatch(graphs[len(graphs)-1], s, held, with)
	}
	object := pick(w.t, slices.DeleteFunc(w.objects(), func(o graph.Object) bool { return len(w.rules[o.Type]) == 0 }))
	relation := pick(w.t, sortedKeys(w.rules[object.Type]))
	for _, g := range graphs {
		w.compareSubjects(g, o, atom{object, relation}, with)
		w.compareTree(g, o, atom{object, relation}, with)
	}
}

// agrees reports whether an answer is the oracle's: an unknown one says what is missing or fails.
func agrees(want truth, allowed bool, missing []string, err error) bool {
	doubtful := len(missing) > 0 || errs.CodeOf(err) == "broken_switch"
	return allowed == (want == surely) && doubtful == (want == perhaps) && (err == nil || doubtful)
}

func (w *world) compareChecks(g reader, s graph.Subject, held map[atom]truth, with circumstances) {
	for _, object := range w.objects() {
		for _, relation := range sortedKeys(w.rules[object.Type]) {
			q := graph.Query{Object: object, Relation: relation, Subject: s, Contextual: with.contextual, Context: with.given}
			want := held[atom{object, relation}]
			got, err := g.Check(context.Background(), now, q)
			if !agrees(want, got.Allowed, got.Missing, err) {
				w.t.Fatalf("%v %s %v = %v, %v; the oracle says %v\n%v\n+%v", s, relation, object, got, err, want, w.tuples(), with)
			}
			q.Explain = true
			if got, err = g.Check(context.Background(), now, q); !agrees(want, got.Allowed, got.Missing, err) {
				w.t.Fatalf("explained: %v %s %v = %v, %v", s, relation, object, got, err)
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
	o := newOracle(w.rules, append(w.tuples(), q.Contextual...), q.Context, now)
	for _, step := range got.Path {
		if o.condition(step.Condition) != surely || !slices.ContainsFunc(o.tuples, func(t graph.Tuple) bool {
			return bare(t) == bare(step) && t.Condition == step.Condition && t.Expires.Equal(step.Expires)
		}) {
			w.t.Fatalf("%v is not a tuple that counts", step)
		}
	}
	if !w.rules.subtracts() && newOracle(w.rules, got.Path, q.Context, now).has(q.Subject)[atom{q.Object, q.Relation}] != surely {
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

func (w *world) compareObjects(g reader, s graph.Subject, held map[atom]truth, with circumstances) {
	for _, kind := range w.rules.order() {
		for _, relation := range sortedKeys(w.rules[kind]) {
			var want []string
			doubtful := false
			for at, v := range held {
				if at.object.Type == kind && at.relation == relation {
					doubtful = doubtful || v == perhaps
					if v == surely {
						want = append(want, at.object.ID)
					}
				}
			}
			slices.Sort(want)
			q := graph.ObjectsQuery{Type: kind, Relation: relation, Subject: s, Contextual: with.contextual, Context: with.given, Limit: 2}
			got := w.pages(doubtful, func(after string) (graph.List, error) {
				q.After = after
				return g.Objects(context.Background(), now, q)
			})
			if diff := cmp.Diff(want, got.IDs); diff != "" && got.Next != "failed" {
				w.t.Fatalf("objects of %s#%s for %v: %s", kind, relation, s, diff)
			}
			compared.Add(1)
		}
	}
}

// pages reads a list to its end. It may fail, and must say what is missing, if and only if an answer
// in it is doubtful; Next is then "failed", or empty.
func (w *world) pages(doubtful bool, read func(after string) (graph.List, error)) graph.List {
	var all graph.List
	after, missing := "", false
	for {
		list, err := read(after)
		if err != nil {
			if errs.CodeOf(err) != "store_too_large" && (!doubtful || errs.CodeOf(err) != "broken_switch") {
				w.t.Fatal(err)
			}
			return graph.List{Next: "failed"}
		}
		if len(list.IDs)+len(list.Except) > 2 {
			w.t.Fatal("a page is too large", list)
		}
		all.IDs, all.Except, all.Everyone = append(all.IDs, list.IDs...), append(all.Except, list.Except...), list.Everyone
		missing = missing || len(list.Missing) > 0
		if after = list.Next; after == "" {
			break
		}
	}
	if missing != doubtful {
		w.t.Fatalf("something is missing: %v; the oracle says %v", missing, doubtful)
	}
	return all
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

func (w *world) compareSubjects(g reader, o *oracle, at atom, with circumstances) {
	for _, kind := range w.rules.order() {
		for _, relation := range append([]string{""}, sortedKeys(w.rules[kind])...) {
			known := w.known(kind, with.contextual)
			if relation != "" && kind == at.object.Type {
				known[at.object.ID] = true
			}
			everyone := never
			if relation == "" {
				if everyone = o.has(graph.Subject{Type: kind, ID: "*"})[at]; everyone != o.has(graph.Subject{Type: kind, ID: "nobody knows me"})[at] {
					w.t.Fatal("the oracle makes a difference between strangers")
				}
			}
			answers, want, doubtful := map[string]truth{}, []string(nil), everyone == perhaps
			for _, id := range sortedKeys(known) {
				answers[id] = o.has(graph.Subject{Type: kind, ID: id, Relation: relation})[at]
				doubtful = doubtful || answers[id] == perhaps
				if answers[id] == surely {
					want = append(want, id)
				}
			}
			q := graph.SubjectsQuery{Object: at.object, Relation: at.relation, Type: kind, SubjectRelation: relation, Contextual: with.contextual, Context: with.given, Limit: 2}
			read := func(after string) (graph.List, error) {
				q.After = after
				return g.Subjects(context.Background(), now, q)
			}
			if got := w.pages(doubtful, read); got.Next != "failed" && (cmp.Diff(want, got.IDs) != "" || got.Except != nil || got.Everyone != (everyone == surely)) {
				w.t.Fatalf("subjects %s#%s of %v: %v, want %v, everyone %v\n%v\n+%v\n%v", kind, relation, at, got, want, everyone, w.tuples(), with, w.rules)
			}
			q.Named = true
			w.compareNamed(at, everyone, answers, w.pages(doubtful, read))
			compared.Add(2)
		}
	}
}

// compareNamed demands that a short answer says the same of everybody as the long one.
func (w *world) compareNamed(at atom, everyone truth, answers map[string]truth, got graph.List) {
	if got.Next == "failed" {
		return
	}
	if got.Everyone != (everyone == surely) || got.Except != nil && !got.Everyone {
		w.t.Fatalf("named of %v: %v", at, got)
	}
	for id, want := range answers {
		said := everyone
		switch {
		case slices.Contains(got.IDs, id):
			said = surely
		case slices.Contains(got.Except, id):
			said = never
		}
		if said != want && want != perhaps {
			w.t.Fatalf("named of %v: %v of %s, want %v", at, got, id, want)
		}
	}
}

// compareTree evaluates the expanded tree for a few subjects, asking Check at its usersets.
func (w *world) compareTree(g reader, o *oracle, at atom, with circumstances) {
	q := graph.ExpandQuery{Object: at.object, Relation: at.relation, Contextual: with.contextual, Context: with.given, Limit: 2}
	var whole graph.Tree
	for {
		got, err := view(g).Expand(context.Background(), now, q)
		if errs.CodeOf(err) == "broken_switch" {
			return
		}
		if err != nil {
			w.t.Fatal(err)
		}
		if n := merge(&whole, got.Tree); n > 2 || n == 0 && got.Next != "" {
			w.t.Fatalf("a page of %d", n)
		}
		if q.After = got.Next; got.Next == "" {
			break
		}
	}
	for range 3 {
		s := w.drawSubject()
		if s.Type == at.object.Type && s.ID == at.object.ID && s.Relation == at.relation {
			continue
		}
		if got := w.inTree(g, whole, s, with); got != o.has(s)[at] {
			w.t.Fatalf("%v in the tree of %v: %v\n%v", s, at, got, whole)
		}
		compared.Add(1)
	}
}

// merge adds a page to a tree and counts its subjects.
func merge(to *graph.Tree, p graph.Tree) (n int) {
	to.Op, to.Subjects, to.Perhaps = p.Op, append(to.Subjects, p.Subjects...), append(to.Perhaps, p.Perhaps...)
	for len(to.Parts) < len(p.Parts) {
		to.Parts = append(to.Parts, graph.Tree{})
	}
	for i := range p.Parts {
		n += merge(&to.Parts[i], p.Parts[i])
	}
	distinct := map[graph.Subject]bool{}
	for _, d := range p.Perhaps {
		distinct[d.Subject] = true
	}
	return n + len(p.Subjects) + len(distinct)
}

func (w *world) inTree(g reader, tree graph.Tree, s graph.Subject, with circumstances) truth {
	v := never
	switch tree.Op {
	case graph.OpUnion:
		for _, part := range tree.Parts {
			v = max(v, w.inTree(g, part, s, with))
		}
		return v
	case graph.OpIntersection:
		v = surely
		for _, part := range tree.Parts {
			v = min(v, w.inTree(g, part, s, with))
		}
		return v
	case graph.OpExclusion:
		return min(w.inTree(g, tree.Parts[0], s, with), surely-w.inTree(g, tree.Parts[1], s, with))
	}
	for _, at := range tree.Subjects {
		v = max(v, w.inLeaf(g, at, s, with))
	}
	for _, at := range tree.Perhaps {
		v = max(v, min(perhaps, w.inLeaf(g, at.Subject, s, with)))
	}
	return v
}

func (w *world) inLeaf(g reader, at, s graph.Subject, with circumstances) truth {
	if at.Relation == "" {
		return matches(at, s, nil)
	}
	got, err := g.Check(context.Background(), now, graph.Query{
		Object: graph.Object{Type: at.Type, ID: at.ID}, Relation: at.Relation, Subject: s, Contextual: with.contextual, Context: with.given,
	})
	switch {
	case got.Allowed:
		return surely
	case err != nil || len(got.Missing) > 0:
		return perhaps
	}
	return never
}

func (w *world) compareRelations(g reader, s graph.Subject, held map[atom]truth, with circumstances) {
	for _, object := range w.objects() {
		var want []string
		doubtful := false
		for _, relation := range w.model.Relations(object.Type) {
			v := held[atom{object, relation}]
			doubtful = doubtful || v == perhaps
			if v == surely {
				want = append(want, relation)
			}
		}
		got, err := view(g).Relations(context.Background(), now, graph.RelationsQuery{Object: object, Subject: s, Contextual: with.contextual, Context: with.given})
		if errs.CodeOf(err) == "broken_switch" && doubtful {
			continue
		}
		if err != nil || cmp.Diff(want, got.Names) != "" || doubtful != (len(got.Missing) > 0) {
			w.t.Fatalf("relations of %v for %v: %v %v, want %v", object, s, got, err, want)
		}
		compared.Add(1)
	}
}

// compareBatch asks everything about two subjects, mixed, in one batch.
func (w *world) compareBatch(g reader, s graph.Subject, held map[atom]truth, with circumstances) {
	o := newOracle(w.rules, append(w.tuples(), with.contextual...), with.given, now)
	other := w.drawSubject()
	answers := map[graph.Subject]map[atom]truth{other: o.has(other), s: held}
	batch := graph.Batch{Contextual: with.contextual, Context: with.given}
	for _, object := range w.objects() {
		for _, relation := range sortedKeys(w.rules[object.Type]) {
			subject := s
			if chance(w.t, 30) {
				subject = other
			}
			batch.Questions = append(batch.Questions, graph.Question{Object: object, Relation: relation, Subject: subject})
		}
	}
	broken := len(batch.Questions)
	batch.Questions = append(batch.Questions, graph.Question{Object: graph.Object{Type: "user", ID: "*"}, Relation: "z", Subject: s})
	got, err := view(g).CheckBatch(context.Background(), now, batch)
	if err != nil || len(got) != len(batch.Questions) {
		w.t.Fatal(got, err)
	}
	for i, q := range batch.Questions {
		if i == broken {
			if got[i].Err == nil || got[i].Allowed {
				w.t.Fatal("an invalid question was answered")
			}
			continue
		}
		if !agrees(answers[q.Subject][atom{q.Object, q.Relation}], got[i].Allowed, got[i].Missing, got[i].Err) {
			w.t.Fatalf("batch: %v: %v", q, got[i])
		}
		compared.Add(1)
	}
}

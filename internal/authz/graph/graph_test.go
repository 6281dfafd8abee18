package graph_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/graph/w1"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/google/go-cmp/cmp"
)

func tuple(t testing.TB, text string) graph.Tuple {
	t.Helper()
	out, err := graph.ParseTuple(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return out
}

func tuples(t testing.TB, texts ...string) (out []graph.Tuple) {
	t.Helper()
	for _, text := range texts {
		out = append(out, tuple(t, text))
	}
	return out
}

// question is "object#relation@subject", written like a tuple.
func question(t testing.TB, text string) graph.Query {
	t.Helper()
	q := tuple(t, text)
	return graph.Query{Object: q.Object, Relation: q.Relation, Subject: q.Subject}
}

func allowed(t testing.TB, g interface {
	Check(context.Context, time.Time, graph.Query) (graph.Result, error)
}, text string) bool {
	t.Helper()
	got, err := g.Check(t.Context(), now, question(t, text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return got.Allowed
}

func write(t testing.TB, texts ...string) (out []graph.Change) {
	t.Helper()
	for _, at := range tuples(t, texts...) {
		out = append(out, graph.Change{Tuple: at})
	}
	return out
}

func TestApplyTakesDenseRevisionsOnly(t *testing.T) {
	t.Parallel()
	g := load(t, named("public"))
	if g.Revision() != 1 {
		t.Fatal("loaded at", g.Revision())
	}
	ann := write(t, "doc:1#viewer@user:ann")
	for revision, code := range map[uint64]string{0: "revision_stale", 1: "revision_stale", 3: "revision_gap", 1 << 63: "revision_gap"} {
		if err := g.Apply(revision, ann); errs.CodeOf(err) != code || !errs.Is(err, errs.Conflict) {
			t.Errorf("revision %d: %v", revision, err)
		}
	}
	if allowed(t, g, "doc:1#viewer@user:ann") {
		t.Error("a refused revision was applied")
	}
	if err := g.Apply(2, ann); err != nil || !allowed(t, g, "doc:1#viewer@user:ann") {
		t.Error("revision 2:", err)
	}
	if err := g.Apply(3, nil); err != nil || g.Revision() != 3 {
		t.Error("an empty revision:", err)
	}
	if err := g.Load(2, graph.All()); errs.CodeOf(err) != "revision_stale" || !allowed(t, g, "doc:1#viewer@user:ann") {
		t.Error("loading the past:", err)
	}
	if err := g.Load(9, graph.All()); err != nil || g.Revision() != 9 || allowed(t, g, "doc:1#viewer@user:ann") {
		t.Error("loading anew:", err)
	}
}

func TestApplyIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	g := load(t, named("public"), tuples(t, "doc:1#viewer@user:ann")...)
	changes := append(write(t, "doc:2#viewer@user:ann", "doc:3#viewer@bot:b"), graph.Change{Tuple: tuple(t, "doc:1#viewer@user:ann"), Delete: true})
	if err := g.Apply(2, changes); errs.CodeOf(err) != "subject_not_allowed" {
		t.Fatal(err)
	}
	if allowed(t, g, "doc:2#viewer@user:ann") || !allowed(t, g, "doc:1#viewer@user:ann") || g.Revision() != 1 {
		t.Error("half of a refused revision was applied")
	}
	// What Load had to leave out can be deleted afterwards without harm.
	stray := tuple(t, "doc:3#viewer@bot:b")
	if err := g.Load(5, graph.All(stray, tuple(t, "doc:1#viewer@user:ann"))); err != nil {
		t.Fatal(err)
	}
	want := graph.Stats{Revision: 5, Tuples: 1, Objects: 2, Ignored: 1}
	if diff := cmp.Diff(want, g.Stats()); diff != "" {
		t.Error(diff)
	}
	gone := []graph.Change{{Tuple: stray, Delete: true}, {Tuple: tuple(t, "doc:7#viewer@user:zoe"), Delete: true}}
	if err := g.Apply(6, gone); err != nil || g.Stats().Tuples != 1 {
		t.Error(err)
	}
}

func TestLoadThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	g := load(t, named("public"), tuples(t, "doc:1#viewer@user:ann")...)
	broken := errors.New("the disk is gone")
	err := g.Load(2, func(yield func(graph.Tuple, error) bool) {
		_ = yield(tuple(t, "doc:2#viewer@user:ann"), nil) && yield(graph.Tuple{}, broken)
	})
	if !errors.Is(err, broken) || g.Revision() != 1 || allowed(t, g, "doc:2#viewer@user:ann") || !allowed(t, g, "doc:1#viewer@user:ann") {
		t.Error(err, g.Revision())
	}
}

func TestLoadKeepsTheLastOfTwice(t *testing.T) {
	t.Parallel()
	long, short := tuple(t, "doc:1#viewer@user:ann"), tuple(t, "doc:1#viewer@user:ann")
	short.Expires = now
	if g := load(t, named("public"), long, short); allowed(t, g, "doc:1#viewer@user:ann") || g.Stats().Tuples != 1 {
		t.Error("the first expiry was kept")
	}
	if g := load(t, named("public"), short, long); !allowed(t, g, "doc:1#viewer@user:ann") || g.Stats().Tuples != 1 {
		t.Error("the first expiry was kept")
	}
}

func TestViewStaysAtItsRevision(t *testing.T) {
	t.Parallel()
	g := load(t, named("public"), tuples(t, "doc:1#viewer@user:ann")...)
	before := g.View()
	if err := g.Apply(2, []graph.Change{{Tuple: tuple(t, "doc:1#viewer@user:ann"), Delete: true}, {Tuple: tuple(t, "doc:1#viewer@user:bob")}}); err != nil {
		t.Fatal(err)
	}
	if err := g.Load(3, graph.All(tuples(t, "doc:1#viewer@user:cat")...)); err != nil {
		t.Fatal(err)
	}
	if !allowed(t, before, "doc:1#viewer@user:ann") || allowed(t, before, "doc:1#viewer@user:bob") || allowed(t, before, "doc:1#viewer@user:cat") || before.Revision() != 1 {
		t.Error("the old view has changed")
	}
	if got, err := g.Check(t.Context(), now, question(t, "doc:1#viewer@user:cat")); err != nil || got.Revision != 3 || !got.Allowed {
		t.Error(got, err)
	}
}

// TestReadersSeeOneRevision moves a user to and fro between two groups. Whoever looks at one
// revision sees the user in exactly one of them.
func TestReadersSeeOneRevision(t *testing.T) {
	t.Parallel()
	g := load(t, named("public"), tuples(t, "doc:1#viewer@group:a#member", "doc:2#viewer@group:b#member", "group:a#member@user:ann")...)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			last := uint64(0)
			for {
				select {
				case <-done:
					return
				default:
				}
				v := g.View()
				if v.Revision() < last {
					t.Error("time went backwards")
					return
				}
				last = v.Revision()
				list, err := v.Objects(context.Background(), now, graph.ObjectsQuery{Type: "doc", Relation: "read", Subject: graph.Subject{Type: "user", ID: "ann"}})
				if one := allowed(t, v, "doc:1#read@user:ann"); err != nil || one == allowed(t, v, "doc:2#read@user:ann") || len(list.IDs) != 1 || (list.IDs[0] == "1") != one {
					t.Error("a mixture of revisions", list, err)
					return
				}
			}
		})
	}
	in, out := "a", "b"
	for revision := uint64(2); revision < 3000; revision++ {
		changes := []graph.Change{
			{Tuple: tuple(t, "group:"+in+"#member@user:ann"), Delete: true},
			{Tuple: tuple(t, "group:"+out+"#member@user:ann")},
			{Tuple: tuple(t, fmt.Sprintf("doc:x%d#viewer@user:u%d", revision, revision))}, // makes names and trees grow
		}
		if revision > 100 {
			changes = append(changes, graph.Change{Tuple: tuple(t, fmt.Sprintf("doc:x%d#viewer@user:u%d", revision-90, revision-90)), Delete: true})
		}
		if err := g.Apply(revision, changes); err != nil {
			t.Fatal(err)
		}
		in, out = out, in
	}
	close(done)
	readers.Wait()
}

// TestDeadNamesAreReclaimed lets ids come and go, as sessions or devices do.
func TestDeadNamesAreReclaimed(t *testing.T) {
	t.Parallel()
	g := load(t, named("public"), tuples(t, "doc:1#viewer@user:ann", "doc:1#viewer@user:*", "doc:3#blocked@user:bob")...)
	old := g.View()
	const visits = 30_000
	for i := range uint64(visits) {
		at := tuple(t, fmt.Sprintf("doc:2#viewer@user:visitor%d", i))
		if err := g.Apply(2*i+2, []graph.Change{{Tuple: at}}); err != nil {
			t.Fatal(err)
		}
		if err := g.Apply(2*i+3, []graph.Change{{Tuple: at, Delete: true}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := graph.Names(g); n > 6000 {
		t.Errorf("%d names are kept for 4 objects", n)
	}
	if want := (graph.Stats{Revision: 2*visits + 1, Tuples: 3, Objects: 4}); g.Stats() != want {
		t.Errorf("%+v", g.Stats())
	}
	if !allowed(t, g, "doc:1#read@user:ann") || !allowed(t, old, "doc:1#read@user:ann") || allowed(t, g, "doc:2#read@user:visitor1") {
		t.Error("the index was not rebuilt as it was")
	}
}

func TestContextualTuples(t *testing.T) {
	t.Parallel()
	g := load(t, named("public"), tuples(t, "doc:1#viewer@group:staff#member", "doc:2#viewer@user:ann")...)
	check := func(text string, contextual ...string) (bool, error) {
		q := question(t, text)
		q.Contextual = tuples(t, contextual...)
		got, err := g.Check(t.Context(), now, q)
		return got.Allowed, err
	}
	for _, c := range []struct {
		want  bool
		query string
		with  []string
	}{
		{false, "doc:1#read@user:new", nil},
		{true, "doc:1#read@user:new", []string{"group:staff#member@user:new"}},
		{true, "doc:1#read@user:new", []string{"group:guests#member@user:new", "group:staff#member@group:guests#member"}},
		{true, "doc:new#read@user:new", []string{"doc:new#viewer@user:*"}},
		{false, "doc:new#read@user:new", []string{"doc:new#viewer@user:*", "doc:new#blocked@user:new"}},
		{true, "doc:2#read@user:ann", nil},
		{false, "doc:2#read@user:ann", []string{"doc:2#blocked@user:*"}},
	} {
		if got, err := check(c.query, c.with...); err != nil || got != c.want {
			t.Errorf("%s with %v: %v, %v", c.query, c.with, got, err)
		}
	}
	if allowed(t, g, "doc:1#read@user:new") {
		t.Error("a contextual tuple has stayed")
	}
	// Brought twice, the tuple that lasts longer counts, in any order.
	ended, lasting := tuple(t, "doc:2#blocked@user:ann"), tuple(t, "doc:2#blocked@user:ann")
	ended.Expires, lasting.Expires = now, now.Add(time.Hour)
	for _, twice := range [][]graph.Tuple{{ended, lasting}, {lasting, ended}} {
		q := question(t, "doc:2#read@user:ann")
		q.Contextual = twice
		if got, err := g.Check(t.Context(), now, q); err != nil || got.Allowed {
			t.Errorf("%v: %v, %v", twice, got, err)
		}
	}
	// What the model does not accept fails the question: dropping it silently could allow.
	if got, err := check("doc:2#read@user:ann", "doc:2#blocked@bot:b"); got || errs.CodeOf(err) != "subject_not_allowed" {
		t.Error(got, err)
	}
	q := question(t, "doc:2#read@user:ann")
	q.Contextual = make([]graph.Tuple, 1001)
	if got, err := g.Check(t.Context(), now, q); got.Allowed || errs.CodeOf(err) != "too_many_contextual_tuples" {
		t.Error(got, err)
	}
}

func TestInvalidQuestions(t *testing.T) {
	t.Parallel()
	g := load(t, named("public"), tuples(t, "doc:1#viewer@user:*")...)
	doc, ann := graph.Object{Type: "doc", ID: "1"}, graph.Subject{Type: "user", ID: "ann"}
	for name, c := range map[string]struct {
		query graph.Query
		code  string
	}{
		"type":             {graph.Query{Object: graph.Object{Type: "z", ID: "1"}, Relation: "viewer", Subject: ann}, "unknown_type"},
		"relation":         {graph.Query{Object: doc, Relation: "z", Subject: ann}, "unknown_relation"},
		"no relation":      {graph.Query{Object: doc, Subject: ann}, "unknown_relation"},
		"empty object":     {graph.Query{Object: graph.Object{Type: "doc"}, Relation: "viewer", Subject: ann}, "invalid_id"},
		"wildcard object":  {graph.Query{Object: graph.Object{Type: "doc", ID: "*"}, Relation: "viewer", Subject: ann}, "invalid_id"},
		"empty subject":    {graph.Query{Object: doc, Relation: "viewer", Subject: graph.Subject{Type: "user"}}, "invalid_id"},
		"subject type":     {graph.Query{Object: doc, Relation: "viewer", Subject: graph.Subject{Type: "z", ID: "1"}}, "unknown_type"},
		"subject relation": {graph.Query{Object: doc, Relation: "viewer", Subject: graph.Subject{Type: "user", ID: "ann", Relation: "z"}}, "unknown_relation"},
		"wildcard userset": {graph.Query{Object: doc, Relation: "viewer", Subject: graph.Subject{Type: "group", ID: "*", Relation: "member"}}, "invalid_id"},
	} {
		got, err := g.Check(t.Context(), now, c.query)
		if got.Allowed || errs.CodeOf(err) != c.code || !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		_, err = g.Objects(t.Context(), now, graph.ObjectsQuery{Type: c.query.Object.Type, Relation: c.query.Relation, Subject: c.query.Subject})
		if err == nil && c.query.Object == doc {
			t.Errorf("%s: objects were listed", name)
		}
	}
	for _, q := range []graph.SubjectsQuery{
		{Object: doc, Relation: "viewer", Type: "z"}, {Object: doc, Relation: "viewer", Type: "group", SubjectRelation: "z"},
		{Object: doc, Relation: "z", Type: "user"}, {Relation: "viewer", Type: "user"},
	} {
		if got, err := g.Subjects(t.Context(), now, q); !errs.Is(err, errs.Invalid) || got.IDs != nil || got.Everyone {
			t.Errorf("%v: %v, %v", q, got, err)
		}
	}
	if _, err := g.View().Expand(t.Context(), now, graph.ExpandQuery{Object: doc, Relation: "z"}); !errs.Is(err, errs.Invalid) {
		t.Error(err)
	}
}

func TestEndedContextDenies(t *testing.T) {
	t.Parallel()
	g := load(t, named("public"), tuples(t, "doc:1#viewer@user:*")...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := g.Check(ctx, now, question(t, "doc:1#viewer@user:ann"))
	if got.Allowed || !errs.Is(err, errs.Unavailable) || !errors.Is(err, context.Canceled) {
		t.Error(got, err)
	}
	// A context that ends in the middle is noticed within 1,024 steps.
	chain := load(t, named("public"), groupChain(t, 5000)...)
	late := &endsLater{Context: t.Context(), after: 3}
	if got, err := chain.Check(late, now, question(t, "group:g0#member@user:ann")); got.Allowed || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(got, err)
	}
}

// endsLater is a context that has ended from the nth time on that somebody asks.
type endsLater struct {
	context.Context
	after int
}

func (e *endsLater) Err() error {
	if e.after--; e.after < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// groupChain nests n groups: g0 holds g1 holds g2 … holds ann.
func groupChain(t testing.TB, n int) []graph.Tuple {
	t.Helper()
	var out []graph.Tuple
	for i := range n - 1 {
		out = append(out, tuple(t, fmt.Sprintf("group:g%d#member@group:g%d#member", i, i+1)))
	}
	return append(out, tuple(t, fmt.Sprintf("group:g%d#member@user:ann", n-1)))
}

// TestW1 answers the classes of data set W1 from both sides.
func TestW1(t *testing.T) {
	t.Parallel()
	w := w1.New()
	if n := len(w.Tuples); n < 99_000 || n > 101_000 {
		t.Errorf("%d tuples", n)
	}
	g := load(t, w1.Types(), w.Tuples...)
	slow := graph.WithoutGroups(g)
	for _, name := range w1.Classes {
		for _, c := range w.Class(name, slow) {
			if got, err := g.Check(t.Context(), now, c.Query); err != nil || got.Allowed != c.Want {
				t.Fatalf("%s: %v: %v, %v", name, c.Query, got, err)
			}
		}
	}
}

// TestCheckAllocatesNothing keeps the hot path what it is: garbage would cost more than the answer.
func TestCheckAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	w := w1.New()
	g := load(t, w1.Types(), w.Tuples...)
	for _, name := range w1.Classes {
		checks := w.Class(name, g)
		i := 0
		n := testing.AllocsPerRun(2000, func() {
			if _, err := g.Check(t.Context(), now, checks[i%len(checks)].Query); err != nil {
				t.Fatal(err)
			}
			i++
		})
		if n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

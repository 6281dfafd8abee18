package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// tuple reads "doc:1", "viewer", "group:2#member". Colons and signs are not special to engines.
func tuple(object, relation, subject string) store.Tuple {
	objectType, objectID, _ := strings.Cut(object, ":")
	subject, subjectRelation, _ := strings.Cut(subject, "#")
	subjectType, subjectID, _ := strings.Cut(subject, ":")
	return store.Tuple{
		Object: store.ObjectRef{Type: objectType, ID: objectID}, Relation: relation,
		Subject: store.SubjectRef{Type: subjectType, ID: subjectID, Relation: subjectRelation},
	}
}

func spell(t store.Tuple) string {
	out := t.Object.Type + ":" + t.Object.ID + "#" + t.Relation + "@" + t.Subject.Type + ":" + t.Subject.ID
	if t.Subject.Relation != "" {
		out += "#" + t.Subject.Relation
	}
	return out
}

func spellAll(tuples []store.Tuple) []string {
	out := make([]string, 0, len(tuples))
	for _, t := range tuples {
		out = append(out, spell(t))
	}
	return out
}

// relate writes tuple operations of here and returns the revision.
func (w *world) relate(t id.Tenant, ops ...store.TupleOp) uint64 {
	w.Helper()
	r, err := w.db.Commit(w.Context(), store.Batch{
		Permit: Permit(t, "tuple.write"), Events: []store.Event{{Kind: "tuple.written"}}, Tuples: ops,
	})
	w.must(err)
	return r.Revision
}

func (w *world) forward(object, relation string) []string {
	w.Helper()
	got, err := w.db.Tuples().Forward(w.Context(), here, tuple(object, "", "").Object, relation, store.TuplePage{})
	w.must(err)
	return spellAll(got)
}

func (w *world) reverse(subject string) []string {
	w.Helper()
	got, err := w.db.Tuples().Reverse(w.Context(), here, tuple("", "", subject).Subject, store.TuplePage{})
	w.must(err)
	return spellAll(got)
}

// testTuples writes and deletes, and counts only what has an effect as a revision.
func testTuples(w *world) {
	viewer := tuple("doc:1", "viewer", "user:1")
	write, remove := store.WriteTuple(viewer), store.DeleteTuple(viewer)
	later := viewer
	later.Expires = w.Clock.Now().Add(time.Hour)
	steps := []struct {
		name string
		ops  []store.TupleOp
		want uint64
	}{
		{"deleting what is not there", []store.TupleOp{remove}, 0},
		{"writing", []store.TupleOp{write}, 1},
		{"writing it again", []store.TupleOp{write}, 1},
		{"giving it an end", []store.TupleOp{store.WriteTuple(later)}, 2},
		{"the same end again", []store.TupleOp{store.WriteTuple(later)}, 2},
		{"taking the end away", []store.TupleOp{write}, 3},
		{"deleting", []store.TupleOp{remove}, 4},
		{"deleting again", []store.TupleOp{remove}, 4},
		{"writing and deleting at once", []store.TupleOp{write, remove}, 5},
	}
	for _, s := range steps {
		if got := w.relate(here, s.ops...); got != s.want {
			w.Errorf("%s: revision %d, want %d", s.name, got, s.want)
		}
	}
	if got := w.relate(there, write); got != 1 {
		w.Errorf("the other tenant starts at revision %d", got)
	}
	if r, err := w.db.Commit(w.Context(), batch(here, w.in(here).Insert(w.Context(), newGadget("1", "a")))); err != nil || r.Revision != 0 {
		w.Errorf("a batch without tuples: %+v, %v", r, err)
	}
	w.relate(here, store.WriteTuple(tuple("doc:1", "viewer", "group:1#member")), store.WriteTuple(tuple("doc:1", "owner", "user:1")),
		store.WriteTuple(tuple("doc:2", "owner", "user:1")), store.WriteTuple(tuple("doc:1", "viewer", "group:1")))
	for name, c := range map[string]struct{ got, want []string }{
		"forward":                {w.forward("doc:1", ""), []string{"doc:1#owner@user:1", "doc:1#viewer@group:1", "doc:1#viewer@group:1#member"}},
		"forward by relation":    {w.forward("doc:1", "viewer"), []string{"doc:1#viewer@group:1", "doc:1#viewer@group:1#member"}},
		"forward of nothing":     {w.forward("doc:9", ""), []string{}},
		"reverse":                {w.reverse("user:1"), []string{"doc:1#owner@user:1", "doc:2#owner@user:1"}},
		"reverse of a set":       {w.reverse("group:1#member"), []string{"doc:1#viewer@group:1#member"}},
		"reverse without a set":  {w.reverse("group:1"), []string{"doc:1#viewer@group:1"}},
		"reverse of nothing":     {w.reverse("user:9"), []string{}},
		"another type, same id":  {w.forward("folder:1", ""), []string{}},
		"a type that is shorter": {w.forward("do:1", ""), []string{}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			w.Errorf("%s:\n%s", name, diff)
		}
	}
	tenants, err := w.Keeper.Tenants(w.Context())
	if err != nil || !slices.Equal(tenants, []id.Tenant{here, there}) {
		w.Errorf("tenants %v, %v", tenants, err)
	}
}

// testTuplePages cuts both lists into pages of every size.
func testTuplePages(w *world) {
	var ops []store.TupleOp
	for i := range 12 {
		ops = append(ops, store.WriteTuple(tuple("doc:1", []string{"owner", "viewer"}[i%2], fmt.Sprintf("user:%d#%s", i/4, []string{"", "m"}[i/2%2]))))
		ops = append(ops, store.WriteTuple(tuple(fmt.Sprintf("doc:%d", i/2), []string{"owner", "viewer"}[i%2], "user:x")))
	}
	w.relate(here, ops...)
	object, subject := store.ObjectRef{Type: "doc", ID: "1"}, store.SubjectRef{Type: "user", ID: "x"}
	for name, list := range map[string]func(p store.TuplePage) ([]store.Tuple, error){
		"forward": func(p store.TuplePage) ([]store.Tuple, error) {
			return w.Engine.Forward(w.Context(), here, object, "", p)
		},
		"forward by relation": func(p store.TuplePage) ([]store.Tuple, error) {
			return w.Engine.Forward(w.Context(), here, object, "owner", p)
		},
		"reverse": func(p store.TuplePage) ([]store.Tuple, error) {
			return w.Engine.Reverse(w.Context(), here, subject, p)
		},
	} {
		whole, err := list(store.TuplePage{Limit: 100})
		if w.must(err); len(whole) < 7 {
			w.Fatalf("%s: only %d", name, len(whole))
		}
		for limit := 1; limit <= len(whole)+1; limit++ {
			var got []store.Tuple
			for p := (store.TuplePage{Limit: limit}); ; {
				part, err := list(p)
				w.must(err)
				if got = append(got, part...); len(part) < limit || len(got) > len(whole) {
					break
				}
				p.After = &part[len(part)-1]
			}
			if diff := cmp.Diff(spellAll(whole), spellAll(got)); diff != "" {
				w.Errorf("%s in pages of %d:\n%s", name, limit, diff)
			}
		}
	}
}

// testTupleExpiry looks at a tuple a millisecond before its end, and at it.
func testTupleExpiry(w *world) {
	mortal := tuple("doc:1", "viewer", "user:1")
	mortal.Expires = w.Clock.Now().Add(time.Minute + 456*time.Microsecond)
	w.relate(here, store.WriteTuple(mortal))
	got, err := w.Engine.Forward(w.Context(), here, mortal.Object, "", store.TuplePage{})
	if err != nil || len(got) != 1 || !got[0].Expires.Equal(w.Clock.Now().Add(time.Minute)) {
		w.Errorf("read %+v, %v", got, err)
	}
	w.Clock.Advance(time.Minute - time.Millisecond)
	if len(w.forward("doc:1", "")) != 1 || len(w.reverse("user:1")) != 1 {
		w.Error("it has expired too early")
	}
	w.Clock.Advance(time.Millisecond)
	if len(w.forward("doc:1", "")) != 0 || len(w.reverse("user:1")) != 0 || len(w.snapshot().tuples) != 0 {
		w.Error("it has outlived its end")
	}
	mortal.Expires = w.Clock.Now().Add(time.Minute)
	if r := w.relate(here, store.WriteTuple(mortal)); r != 2 || len(w.forward("doc:1", "")) != 1 {
		w.Errorf("a new life: revision %d", r)
	}
}

type snapshot struct {
	revision uint64
	tuples   map[string]bool
}

func (w *world) snapshot() snapshot {
	w.Helper()
	s := snapshot{tuples: map[string]bool{}}
	var err error
	s.revision, err = w.Engine.Snapshot(w.Context(), here, func(t store.Tuple) error {
		s.tuples[spell(t)] = true
		return nil
	})
	w.must(err)
	return s
}

// testTupleRevisionsAreDense writes from many callers at once and finds every revision once, in the
// log too.
func testTupleRevisionsAreDense(w *world) {
	const callers = 60
	revisions := make([]uint64, callers)
	for i, err := range atOnce(callers, func(i int) error {
		b := store.Batch{Permit: Permit(here, "tuple.write"), Events: []store.Event{{Kind: "tuple.written"}}}
		if i%4 == 0 { // spoilt: takes no revision
			missing := newGadget("absent", "a")
			missing.Version = 1
			b.Docs = []store.DocOp{w.in(here).Check(missing)}
		}
		b.Tuples = []store.TupleOp{store.WriteTuple(tuple(fmt.Sprint("doc:", i), "viewer", "user:1"))}
		r, err := w.db.Commit(w.Context(), b)
		revisions[i] = r.Revision
		return err
	}) {
		if (err != nil) != (i%4 == 0) {
			w.Errorf("caller %d: %v", i, err)
		}
	}
	slices.Sort(revisions)
	for i, r := range revisions[callers/4:] {
		if r != uint64(i)+1 {
			w.Fatalf("revisions %v", revisions)
		}
	}
	changes, err := w.Engine.Changes(w.Context(), here, 0, 1000)
	w.must(err)
	if len(changes) != callers*3/4 {
		w.Fatalf("%d changes", len(changes))
	}
	for i, c := range changes {
		if c.Revision != uint64(i)+1 {
			w.Fatalf("change %d is of revision %d", i, c.Revision)
		}
	}
}

// testTupleChanges follows the log in whole revisions.
func testTupleChanges(w *world) {
	a, b, c := tuple("doc:1", "viewer", "user:a"), tuple("doc:1", "viewer", "user:b"), tuple("doc:1", "viewer", "user:c")
	b.Expires = w.Clock.Now().Add(time.Hour)
	w.relate(here, store.WriteTuple(a), store.WriteTuple(b), store.WriteTuple(a))
	w.Clock.Advance(time.Second)
	w.relate(here, store.DeleteTuple(a), store.WriteTuple(c), store.DeleteTuple(tuple("doc:9", "viewer", "user:a")))
	w.relate(here, store.DeleteTuple(c))
	w.relate(there, store.WriteTuple(a))
	at := func(n int) time.Time { return Epoch.Add(time.Duration(n) * time.Second) }
	all := []store.TupleChange{
		{Revision: 1, At: at(0), TupleOp: store.WriteTuple(a)}, {Revision: 1, At: at(0), TupleOp: store.WriteTuple(b)},
		{Revision: 2, At: at(1), TupleOp: store.DeleteTuple(a)}, {Revision: 2, At: at(1), TupleOp: store.WriteTuple(c)},
		{Revision: 3, At: at(1), TupleOp: store.DeleteTuple(c)},
	}
	for _, s := range []struct {
		since       uint64
		limit       int
		first, last int
	}{
		{0, 100, 0, 5}, {0, 5, 0, 5}, {0, 4, 0, 4}, {0, 3, 0, 2}, {0, 2, 0, 2}, {0, 1, 0, 2},
		{1, 1, 2, 4}, {1, 2, 2, 4}, {1, 3, 2, 5}, {2, 1, 4, 5}, {3, 10, 5, 5},
	} {
		got, err := w.Engine.Changes(w.Context(), here, s.since, s.limit)
		w.must(err)
		if diff := cmp.Diff(all[s.first:s.last], append([]store.TupleChange{}, got...)); diff != "" {
			w.Errorf("since %d, limit %d:\n%s", s.since, s.limit, diff)
		}
	}
	if _, err := w.Engine.Changes(w.Context(), here, 4, 10); !errors.Is(err, store.ErrTrimmed) {
		w.Errorf("since a revision that is not there yet: %v", err)
	}
	if got, err := w.Engine.Changes(w.Context(), "nobody", 0, 10); err != nil || len(got) != 0 {
		w.Errorf("of a tenant without tuples: %v, %v", got, err)
	}
}

// testTupleSnapshot replays the log over snapshots taken while others write, and gets what is there.
func testTupleSnapshot(w *world) {
	r := rand.New(rand.NewPCG(5, 6))
	done := make(chan error, 1)
	go func() {
		for range 60 {
			op := store.TupleOp{Delete: r.IntN(3) == 0, Tuple: tuple(fmt.Sprint("doc:", r.IntN(8)), "viewer", fmt.Sprint("user:", r.IntN(4)))}
			b := store.Batch{Permit: Permit(here, "tuple.write"), Events: []store.Event{{Kind: "tuple.written"}}, Tuples: []store.TupleOp{op}}
			if _, err := w.db.Commit(context.WithoutCancel(w.Context()), b); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	var taken []snapshot
	for more := true; more; {
		select {
		case err := <-done:
			w.must(err)
			more = false
		default:
		}
		taken = append(taken, w.snapshot())
	}
	final := w.snapshot()
	for _, s := range taken {
		for since := s.revision; since < final.revision; {
			changes, err := w.Engine.Changes(w.Context(), here, since, 7)
			w.must(err)
			for _, c := range changes {
				if delete(s.tuples, spell(c.Tuple)); !c.Delete {
					s.tuples[spell(c.Tuple)] = true
				}
				since = c.Revision
			}
		}
		if diff := cmp.Diff(final.tuples, s.tuples); diff != "" {
			w.Fatalf("from revision %d:\n%s", s.revision, diff)
		}
	}
	stop := errors.New("stop")
	if _, err := w.Engine.Snapshot(w.Context(), here, func(store.Tuple) error { return stop }); !errors.Is(err, stop) {
		w.Errorf("stopped snapshot: %v", err)
	}
	if _, err := w.Engine.Revision(w.Context(), here); err != nil {
		w.Errorf("after a stopped snapshot: %v", err)
	}
}

// testOnTuples hears of a revision before the commit returns.
func testOnTuples(w *world) {
	var heard []uint64
	w.db.OnTuples(func(_ context.Context, t id.Tenant, revision uint64) error {
		if t != here {
			w.Errorf("heard of %s", t)
		}
		heard = append(heard, revision)
		return errors.New("a listener's trouble is its own")
	})
	w.relate(here, store.WriteTuple(tuple("doc:1", "viewer", "user:1")))
	w.relate(here, store.WriteTuple(tuple("doc:2", "viewer", "user:1")))
	w.insert(here, newGadget("1", "a"))
	if !slices.Equal(heard, []uint64{1, 2}) {
		w.Errorf("heard %v", heard)
	}
}

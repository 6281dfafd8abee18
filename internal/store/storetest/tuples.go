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

	"github.com/cardea-auth/cardea/internal/kit/errs"
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

// own is the tuple store that most tests write to.
var own = store.OwnTuples(here)

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
	got, err := w.db.Tuples().ListTuples(w.Context(), own, store.TupleFilter{Object: tuple(object, "", "").Object, Relation: relation}, store.TuplePage{})
	w.must(err)
	return spellAll(got)
}

func (w *world) reverse(subject string) []string {
	w.Helper()
	got, err := w.db.Tuples().ListTuples(w.Context(), own, store.TupleFilter{Subject: tuple("", "", subject).Subject}, store.TuplePage{})
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
	stores, err := w.Keeper.TupleStores(w.Context())
	if err != nil || !slices.Equal(stores, []store.TupleStore{own, store.OwnTuples(there)}) {
		w.Errorf("stores %v, %v", stores, err)
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
			return w.Engine.ListTuples(w.Context(), own, store.TupleFilter{Object: object}, p)
		},
		"forward by relation": func(p store.TuplePage) ([]store.Tuple, error) {
			return w.Engine.ListTuples(w.Context(), own, store.TupleFilter{Object: object, Relation: "owner"}, p)
		},
		"of a type": func(p store.TuplePage) ([]store.Tuple, error) {
			return w.Engine.ListTuples(w.Context(), own, store.TupleFilter{Object: store.ObjectRef{Type: "doc"}}, p)
		},
		"of a type and relation": func(p store.TuplePage) ([]store.Tuple, error) {
			return w.Engine.ListTuples(w.Context(), own, store.TupleFilter{Object: store.ObjectRef{Type: "doc"}, Relation: "owner"}, p)
		},
		"all": func(p store.TuplePage) ([]store.Tuple, error) {
			return w.Engine.ListTuples(w.Context(), own, store.TupleFilter{}, p)
		},
		"reverse": func(p store.TuplePage) ([]store.Tuple, error) {
			return w.Engine.ListTuples(w.Context(), own, store.TupleFilter{Subject: subject}, p)
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
	got, err := w.Engine.ListTuples(w.Context(), own, store.TupleFilter{Object: mortal.Object}, store.TuplePage{})
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

// testTupleFilter lists by every combination of what a filter may name, and compares with a search
// through all.
func testTupleFilter(w *world) {
	var ops []store.TupleOp
	for _, o := range []string{"doc:1", "doc:2", "folder:1"} {
		for _, r := range []string{"owner", "viewer"} {
			for _, s := range []string{"user:a", "user:b", "group:1", "group:1#member"} {
				ops = append(ops, store.WriteTuple(tuple(o, r, s)))
			}
		}
	}
	w.relate(here, ops...)
	all, err := w.Engine.ListTuples(w.Context(), own, store.TupleFilter{}, store.TuplePage{Limit: 1000})
	if w.must(err); len(all) != len(ops) {
		w.Fatalf("%d of %d", len(all), len(ops))
	}
	for _, o := range []store.ObjectRef{{}, {Type: "doc"}, {Type: "doc", ID: "1"}, {Type: "doc", ID: "9"}} {
		for _, r := range []string{"", "owner", "none"} {
			for _, s := range []store.SubjectRef{{}, {Type: "user", ID: "a"}, {Type: "group", ID: "1"}, {Type: "group", ID: "1", Relation: "member"}} {
				f := store.TupleFilter{Object: o, Relation: r, Subject: s}
				var want []store.Tuple
				for _, t := range all {
					if (o.Type == "" || t.Object.Type == o.Type) && (o.ID == "" || t.Object.ID == o.ID) &&
						(r == "" || t.Relation == r) && (s.Type == "" || t.Subject == s) {
						want = append(want, t)
					}
				}
				var got []store.Tuple
				for p := (store.TuplePage{Limit: 3}); len(got) <= len(want); {
					part, err := w.Engine.ListTuples(w.Context(), own, f, p)
					w.must(err)
					if got = append(got, part...); len(part) < p.Limit {
						break
					}
					p.After = &part[len(part)-1]
				}
				if diff := cmp.Diff(spellAll(want), spellAll(got)); diff != "" {
					w.Errorf("%+v:\n%s", f, diff)
				}
			}
		}
	}
}

// testTupleStores keeps the stores of one tenant apart, and drops one whole.
func testTupleStores(w *world) {
	shop := store.TupleStore{Tenant: here, ID: "shop"}
	viewer := tuple("doc:1", "viewer", "user:1")
	write := func(s store.TupleStore, drop bool, ops ...store.TupleOp) (uint64, error) {
		r, err := w.db.Commit(w.Context(), store.Batch{
			Permit: Permit(s.Tenant, "tuple.write"), Events: []store.Event{{Kind: "tuple.written"}}, TupleStore: s.ID, Tuples: ops, DropTuples: drop,
		})
		return r.Revision, err
	}
	for i, step := range []struct {
		in   store.TupleStore
		drop bool
		ops  []store.TupleOp
		want uint64
		here int // tuples in shop afterwards
	}{
		{shop, false, []store.TupleOp{store.WriteTuple(viewer)}, 1, 1},
		{own, false, []store.TupleOp{store.DeleteTuple(viewer)}, 0, 1},
		{shop, false, []store.TupleOp{store.WriteTuple(tuple("doc:2", "viewer", "user:1"))}, 2, 2},
		{shop, true, nil, 0, 0},
		{shop, false, []store.TupleOp{store.WriteTuple(viewer)}, 1, 1}, // as new
		{shop, true, []store.TupleOp{store.WriteTuple(tuple("doc:3", "viewer", "user:1"))}, 1, 1},
	} {
		got, err := write(step.in, step.drop, step.ops...)
		if w.must(err); got != step.want {
			w.Errorf("step %d: revision %d, want %d", i, got, step.want)
		}
		listed, err := w.Engine.ListTuples(w.Context(), shop, store.TupleFilter{}, store.TuplePage{})
		if w.must(err); len(listed) != step.here {
			w.Errorf("step %d: %d tuples in the shop, want %d", i, len(listed), step.here)
		}
	}
	changes, err := w.Engine.Changes(w.Context(), shop, 0, 10)
	if w.must(err); len(changes) != 1 || spell(changes[0].Tuple) != "doc:3#viewer@user:1" {
		w.Errorf("changes of the new life: %+v", changes)
	}
	if len(w.forward("doc:1", "")) != 0 {
		w.Error("a tuple of the shop is seen in the tenant's own store")
	}
	if _, err := write(own, true); err == nil {
		w.Error("a tenant's own tuples were dropped")
	}
}

// testTupleConditions keeps what a tuple says to its condition.
func testTupleConditions(w *world) {
	plain := tuple("doc:1", "viewer", "user:1")
	bound, other := plain, plain
	bound.Condition = store.TupleCondition{Name: "in_office", Context: `{"net":"10.0.0.0/8","text":"\u0000 # : @ |"}`}
	other.Condition = store.TupleCondition{Name: "in_office", Context: `{"net":"192.168.0.0/16"}`}
	for i, step := range []struct {
		op   store.TupleOp
		want uint64
	}{
		{store.WriteTuple(bound), 1}, {store.WriteTuple(bound), 1}, {store.WriteTuple(other), 2}, {store.WriteTuple(plain), 3},
		{store.WriteTuple(bound), 4}, {store.DeleteTuple(plain), 5},
	} {
		if got := w.relate(here, step.op); got != step.want {
			w.Errorf("step %d: revision %d, want %d", i, got, step.want)
		}
		listed, err := w.Engine.ListTuples(w.Context(), own, store.TupleFilter{Object: plain.Object}, store.TuplePage{})
		w.must(err)
		if step.op.Delete != (len(listed) == 0) || len(listed) == 1 && listed[0].Condition != step.op.Tuple.Condition {
			w.Errorf("step %d: %+v", i, listed)
		}
	}
	changes, err := w.Engine.Changes(w.Context(), own, 0, 10)
	if w.must(err); len(changes) != 5 || changes[1].Tuple.Condition != other.Condition || changes[2].Tuple.Condition.Name != "" {
		w.Errorf("%+v", changes)
	}
}

// testTupleStrict fails whole where a tuple is there or not against what was said.
func testTupleStrict(w *world) {
	one, two := tuple("doc:1", "viewer", "user:1"), tuple("doc:2", "viewer", "user:1")
	strict := func(o store.TupleOp) store.TupleOp { o.Strict = true; return o }
	commit := func(ops ...store.TupleOp) error {
		_, err := w.db.Commit(w.Context(), store.Batch{
			Permit: Permit(here, "tuple.write"), Events: []store.Event{{Kind: "tuple.written"}}, Tuples: ops,
		})
		return err
	}
	mortal := two
	mortal.Expires = w.Clock.Now().Add(time.Second)
	for i, step := range []struct {
		ops  []store.TupleOp
		code string
	}{
		{[]store.TupleOp{strict(store.DeleteTuple(one))}, "tuple_missing"},
		{[]store.TupleOp{strict(store.WriteTuple(one))}, ""},
		{[]store.TupleOp{store.WriteTuple(two), strict(store.WriteTuple(one))}, "tuple_exists"},
		{[]store.TupleOp{strict(store.DeleteTuple(two))}, "tuple_missing"}, // the step before left nothing
		{[]store.TupleOp{strict(store.WriteTuple(mortal))}, ""},
		{[]store.TupleOp{strict(store.DeleteTuple(one))}, ""},
	} {
		if err := commit(step.ops...); errs.CodeOf(err) != step.code {
			w.Errorf("step %d: %v, want %q", i, err, step.code)
		}
	}
	w.Clock.Advance(time.Second) // mortal has ended and may not be swept yet
	if err := commit(strict(store.DeleteTuple(two))); errs.CodeOf(err) != "tuple_missing" {
		w.Errorf("deleting what has expired: %v", err)
	}
	if err := commit(strict(store.WriteTuple(two))); err != nil {
		w.Errorf("writing over what has expired: %v", err)
	}
	// Documents are judged first: whoever comes again with the key of a batch that was done hears that.
	taken := store.Batch{
		Permit: Permit(here, "tuple.write"), Events: []store.Event{{Kind: "tuple.written"}}, Tuples: []store.TupleOp{strict(store.WriteTuple(two))},
		Docs: []store.DocOp{w.in(here).Insert(w.Context(), newGadget("taken", "a"))},
	}
	w.insert(here, newGadget("taken", "a"))
	if _, err := w.db.Commit(w.Context(), taken); !store.Exists(err, store.PrimaryIndex) {
		w.Errorf("a document and a tuple that are both there: %v", err)
	}
	racers := atOnce(50, func(int) error { return commit(strict(store.DeleteTuple(two))) })
	won := 0
	for _, err := range racers {
		if err == nil {
			won++
		}
	}
	if won != 1 {
		w.Errorf("%d of 50 have deleted it", won)
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
	s.revision, err = w.Engine.Snapshot(w.Context(), own, func(t store.Tuple) error {
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
	changes, err := w.Engine.Changes(w.Context(), own, 0, 1000)
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
		got, err := w.Engine.Changes(w.Context(), own, s.since, s.limit)
		w.must(err)
		if diff := cmp.Diff(all[s.first:s.last], append([]store.TupleChange{}, got...)); diff != "" {
			w.Errorf("since %d, limit %d:\n%s", s.since, s.limit, diff)
		}
	}
	if _, err := w.Engine.Changes(w.Context(), own, 4, 10); !errors.Is(err, store.ErrTrimmed) {
		w.Errorf("since a revision that is not there yet: %v", err)
	}
	if got, err := w.Engine.Changes(w.Context(), store.OwnTuples("nobody"), 0, 10); err != nil || len(got) != 0 {
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
			changes, err := w.Engine.Changes(w.Context(), own, since, 7)
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
	if _, err := w.Engine.Snapshot(w.Context(), own, func(store.Tuple) error { return stop }); !errors.Is(err, stop) {
		w.Errorf("stopped snapshot: %v", err)
	}
	if _, err := w.Engine.Revision(w.Context(), own); err != nil {
		w.Errorf("after a stopped snapshot: %v", err)
	}
}

// testOnTuples hears of a revision before the commit returns.
func testOnTuples(w *world) {
	var heard []uint64
	w.db.OnTuples(func(_ context.Context, t store.TupleStore, revision uint64) error {
		if t != own {
			w.Errorf("heard of %v", t)
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

package storetest

import (
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/store"
)

// testTupleTimes: a tuple has the time at which it became what it is, whoever reads it, and a write that
// changes nothing changes that neither.
func testTupleTimes(w *world) {
	plain := tuple("doc:1", "viewer", "user:1")
	bound, mortal := plain, plain
	bound.Condition = store.TupleCondition{Name: "in_office", Context: "{}"}
	mortal.Expires = Epoch.Add(10 * time.Hour)
	strict := store.WriteTuple(plain)
	strict.Strict = true
	at := func(hours int) time.Time { return Epoch.Add(time.Duration(hours) * time.Hour) }
	for hour, step := range []struct {
		name string
		ops  []store.TupleOp
		want time.Time // zero: it is not there
	}{
		{"written", []store.TupleOp{store.WriteTuple(plain)}, at(0)},
		{"written again", []store.TupleOp{store.WriteTuple(plain)}, at(0)},
		{"bound to a condition", []store.TupleOp{store.WriteTuple(bound)}, at(2)},
		{"bound again", []store.TupleOp{store.WriteTuple(bound), store.WriteTuple(bound)}, at(2)},
		{"given an end", []store.TupleOp{store.WriteTuple(mortal)}, at(4)},
		{"deleted", []store.TupleOp{store.DeleteTuple(plain)}, time.Time{}},
		{"written anew", []store.TupleOp{store.WriteTuple(mortal)}, at(6)},
		{"deleted and written at once", []store.TupleOp{store.DeleteTuple(plain), store.WriteTuple(mortal)}, at(7)},
		{"alone still", nil, at(7)},
		{"its end is there", nil, at(7)},
		{"expired", nil, time.Time{}},
		{"written over what has expired", []store.TupleOp{strict}, at(11)},
	} {
		if step.ops != nil {
			w.relate(here, step.ops...)
		}
		var want []time.Time
		if !step.want.IsZero() {
			want = []time.Time{step.want}
		}
		for way, got := range w.written(plain) {
			if diff := cmp.Diff(want, got); diff != "" {
				w.Errorf("hour %d, %s, %s:\n%s", hour, step.name, way, diff)
			}
		}
		w.Clock.Advance(time.Hour)
	}

	// What comes from elsewhere brings its time along, or has none.
	from := tuple("doc:2", "viewer", "user:1")
	from.Written = Epoch.Add(-time.Hour + 789*time.Microsecond)
	old := tuple("doc:3", "viewer", "user:1")
	_, err := w.Engine.Commit(w.Context(), store.Write{At: w.Clock.Now(), Tenant: here, Tuples: []store.TupleOp{store.WriteTuple(from), store.WriteTuple(old)}})
	w.must(err)
	for t, want := range map[store.Tuple]time.Time{from: Epoch.Add(-time.Hour), old: {}} {
		for way, got := range w.written(t) {
			if diff := cmp.Diff([]time.Time{want}, got); diff != "" {
				w.Errorf("%s from elsewhere, %s:\n%s", spell(t), way, diff)
			}
		}
	}
}

// written are the times of the tuple in each way in which it can be read.
func (w *world) written(of store.Tuple) map[string][]time.Time {
	w.Helper()
	out := map[string][]time.Time{"snapshot": nil}
	take := func(way string, all ...store.Tuple) {
		for _, t := range all {
			if spell(t) == spell(of) {
				out[way] = append(out[way], t.Written)
			}
		}
	}
	for way, f := range map[string]store.TupleFilter{
		"forward": {Object: of.Object}, "reverse": {Subject: of.Subject}, "all": {}, "exactly": {Object: of.Object, Relation: of.Relation, Subject: of.Subject},
	} {
		out[way] = nil
		found, err := w.Engine.ListTuples(w.Context(), own, f, store.TuplePage{})
		w.must(err)
		take(way, found...)
	}
	_, err := w.Engine.Snapshot(w.Context(), own, func(t store.Tuple) error { take("snapshot", t); return nil })
	w.must(err)
	return out
}

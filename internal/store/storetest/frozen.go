package storetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// outliner is a Frozen that can say what records are without giving them.
type outliner interface {
	Frozen
	Outline(ctx context.Context, collection string, yield func(store.Outline) error) error
	GetMany(ctx context.Context, keys []store.Key) ([]store.Record, error)
}

// testOutline: outlines are those of the records, in the same order.
func testOutline(w *world) {
	w.furnish()
	w.must(w.Freeze(w.Context(), func(ctx context.Context, f Frozen) error {
		m := w.look(ctx, f)
		if len(m.Records) != 7 || len(m.Tuples) != 1 || slices.ContainsFunc(m.Records, func(r store.Record) bool { return r.ID == "gone" }) {
			w.Errorf("there are %+v", m)
		}
		return nil
	}))
}

// testFreeze: whatever is written while a moment is looked at, all of it is that moment's.
func testFreeze(w *world) {
	if w.StandsStill != "" {
		w.Skip(w.StandsStill)
	}
	w.furnish()
	w.must(w.Freeze(w.Context(), func(ctx context.Context, f Frozen) error {
		before := w.look(ctx, f)
		g := w.get(here, "g\x000 é")
		g.Name = "after"
		w.must(w.commit(here, w.in(here).Replace(w.Context(), g), w.in(here).Insert(w.Context(), newGadget("new", "after"))))
		w.must(w.commit(there, w.in(there).Delete(w.get(there, "g"))))
		w.relate(here, store.WriteTuple(tuple("doc:2", "viewer", "user:1")))
		w.relate(there, store.WriteTuple(tuple("doc:1", "viewer", "user:1")))
		if diff := cmp.Diff(before, w.look(ctx, f)); diff != "" {
			w.Errorf("another moment:\n%s", diff)
		}
		return nil
	}))
}

// furnish makes seven gadgets that are there, one that has expired, and a tuple.
func (w *world) furnish() {
	w.Helper()
	for i := range 5 {
		w.insert(here, newGadget(fmt.Sprintf("g\x00%d é", i), "before \u0000"))
	}
	w.insert(there, newGadget("g", "before"))
	w.must(w.commit(here, w.in(here).Replace(w.Context(), w.get(here, "g\x001 é"))))
	mortal := newGadget("mortal", "before")
	mortal.Expires = Epoch.AddDate(1, 0, 0)
	gone := newGadget("gone", "before")
	gone.Expires = Epoch.AddDate(0, 0, 1)
	w.insert(here, mortal, gone)
	w.Clock.Advance(48 * time.Hour)
	w.relate(here, store.WriteTuple(tuple("doc:1", "viewer", "user:1")))
}

// moment is what is there.
type moment struct {
	Records []store.Record
	Tuples  []store.Tuple
}

// look reads everything, and finds that outlines say the same.
func (w *world) look(ctx context.Context, f Frozen) (m moment) {
	w.Helper()
	w.must(f.Export(ctx, gadgetCollection, func(r store.Record) error {
		r.Body = bytes.Clone(r.Body)
		m.Records = append(m.Records, r)
		return nil
	}))
	stores, err := f.TupleStores(ctx)
	w.must(err)
	for _, s := range stores {
		_, err := f.Snapshot(ctx, s, func(u store.Tuple) error { m.Tuples = append(m.Tuples, u); return nil })
		w.must(err)
	}
	if o, ok := f.(outliner); ok {
		w.outlined(ctx, o, m.Records)
	}
	return m
}

func (w *world) outlined(ctx context.Context, f outliner, records []store.Record) {
	w.Helper()
	var want, got []store.Outline
	keys := []store.Key{raw(here, "never"), raw(id.Default, "never")}
	for _, r := range records {
		keys = append(keys, r.Key)
		o := store.Outline{Record: r, Sum: store.Sum(r.Version, r.Body)}
		o.Body = nil
		want = append(want, o)
	}
	w.must(f.Outline(ctx, gadgetCollection, func(o store.Outline) error { got = append(got, o); return nil }))
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("outlines:\n%s", diff)
	}
	found, err := f.GetMany(ctx, keys)
	w.must(err)
	slices.SortFunc(found, func(a, b store.Record) int { return cmpKeys(a.Key, b.Key) })
	if diff := cmp.Diff(records, found); diff != "" {
		w.Errorf("records of that moment:\n%s", diff)
	}
}

func cmpKeys(a, b store.Key) int {
	return slices.Compare([]string{string(a.Tenant), a.ID}, []string{string(b.Tenant), b.ID})
}

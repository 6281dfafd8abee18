package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// testCommitted asks after batches that were written, that were not, and of which nobody can say.
func testCommitted(w *world) {
	write := func(batch string, ops ...store.Op) store.Write {
		return store.Write{ID: batch, At: Epoch, Tenant: here, Docs: ops}
	}
	one, two, absent := raw(here, "1"), raw(here, "2"), raw(here, "absent")
	inserted := write("A", rawOp(store.CheckOp, two, 1, ""), rawOp(store.InsertOp, one, 0, "{}"))
	replaced := write("B", rawOp(store.ReplaceOp, one, 1, "{}"), rawOp(store.ReplaceOp, two, 1, "{}"))
	deleted := write("C", rawOp(store.DeleteOp, two, 2, ""))
	commit := func(v store.Write) {
		_, err := w.Engine.Commit(w.Context(), v)
		w.must(err)
	}
	expect := func(name string, v store.Write, want bool, wantErr error) {
		w.Helper()
		if done, err := w.Engine.Committed(w.Context(), v); done != want || !errors.Is(err, wantErr) {
			w.Errorf("%s: %v, %v", name, done, err)
		}
	}
	commit(write("0", rawOp(store.InsertOp, two, 0, "{}")))
	expect("an insert before", inserted, false, nil)
	commit(inserted)
	expect("an insert after", inserted, true, nil)
	expect("another's insert of the same key", write("Z", rawOp(store.InsertOp, one, 0, "{}")), false, nil)
	expect("a replace before", replaced, false, nil)
	commit(replaced)
	expect("a replace after", replaced, true, nil)
	expect("a replace that another made", write("Z", rawOp(store.ReplaceOp, one, 1, "{}")), false, nil)
	expect("an insert that was replaced since", inserted, false, store.ErrAmbiguous)
	expect("a replace to come", write("Z", rawOp(store.ReplaceOp, one, 2, "{}")), false, nil)
	expect("a replace of nothing", write("Z", rawOp(store.ReplaceOp, absent, 1, "{}")), false, nil)
	commit(deleted)
	expect("a delete, which leaves no mark", deleted, false, store.ErrAmbiguous)
	// Only one record of a batch carries its mark: a later batch with its own elsewhere leaves it.
	commit(write("D", rawOp(store.InsertOp, two, 0, "{}"), rawOp(store.ReplaceOp, one, 2, "{}")))
	expect("a replace that was replaced beside an insert", replaced, true, nil)
}

// testAmbiguousCommit loses the connection around commits; the DB finds out, or says that it cannot.
func testAmbiguousCommit(w *world) {
	f := NewFaults().Attach(w.Engine, w.Keeper)
	db := store.New(store.Config{Engine: f, Sealer: w.sealer, Now: w.Clock.Now})
	gadgets := store.NewCollection(db, gadgetKind()).In(here)
	var heard []uint64
	db.OnTuples(func(_ context.Context, _ store.TupleStore, revision uint64) error {
		heard = append(heard, revision)
		return nil
	})
	commit := func(docID string) (store.Receipt, error) {
		b := batch(here, gadgets.Insert(w.Context(), newGadget(docID, "a")))
		b.Tuples = []store.TupleOp{store.WriteTuple(tuple("doc:"+docID, "viewer", "user:1"))}
		return db.Commit(w.Context(), b)
	}
	there := func(docID string) bool {
		_, err := w.in(here).Get(w.Context(), docID)
		return err == nil
	}
	f.Fail(1, Lost)
	if r, err := commit("lost"); err != nil || r.Revision != 1 || !there("lost") {
		w.Errorf("an answer that was lost: %+v, %v", r, err)
	}
	f.Fail(1, Unsent)
	if _, err := commit("unsent"); errs.CodeOf(err) != "store_unavailable" || there("unsent") {
		w.Errorf("a batch that was not sent: %v", err)
	}
	f.Fail(1, Refused)
	if _, err := commit("refused"); errs.CodeOf(err) != "store_unavailable" || there("refused") {
		w.Errorf("a batch that was refused: %v", err)
	}
	f.FailFrom(1, Lost)
	if _, err := commit("unknown"); errs.CodeOf(err) != "outcome_unknown" || !there("unknown") {
		w.Errorf("a batch of which nobody can say: %v", err)
	}
	f.Heal()
	if _, err := commit("healed"); err != nil {
		w.Error(err)
	}
	if !slices.Equal(heard, []uint64{1, 0, 3}) {
		w.Errorf("heard of the revisions %v", heard)
	}
}

// testEnsureExtends adds a column and two indexes to documents that are there, twice.
func testEnsureExtends(w *world) {
	for i, name := range []string{"a", "bb", "ccc"} {
		g := newGadget(name, name)
		g.Rank = int64(i)
		w.insert(here, g)
		w.insert(there, g)
	}
	kind := gadgetKind()
	kind.Columns = append(kind.Columns, store.ColumnOf[gadget]{
		Name: "length", Kind: store.IntKind, Of: func(g *gadget) store.Value { return store.Int(int64(len(g.Name))) },
	})
	kind.Indexes = append(kind.Indexes, store.Index{Name: "by_length", Columns: []string{"length", "rank"}},
		store.Index{Name: "by_unique_length", Columns: []string{"length"}, Unique: true})
	db := store.New(store.Config{Engine: w.Engine, Sealer: w.sealer, Now: w.Clock.Now})
	gadgets := store.NewCollection(db, kind).In(here)
	for range 2 {
		w.must(w.Keeper.Ensure(w.Context(), db.Schemas()))
		got, ok, err := gadgets.One(w.Context(), "by_length", store.Int(2))
		if err != nil || !ok || got.Name != "bb" || got.Version != 1 {
			w.Errorf("by the new index: %+v, %v", got, err)
		}
	}
	_, err := db.Commit(w.Context(), batch(here, gadgets.Insert(w.Context(), newGadget("xx", "xx"))))
	if !store.Exists(err, "by_unique_length") {
		w.Errorf("a second of that length: %v", err)
	}
	p, err := gadgets.Find(w.Context(), store.Query{Index: byName, Prefix: "b"})
	if err != nil || len(p.Items) != 1 {
		w.Errorf("by an old index: %d, %v", len(p.Items), err)
	}
}

// testEnsureRefuses declares what cannot be, and what contradicts what is there.
func testEnsureRefuses(w *world) {
	w.insert(here, newGadget("1", "a"))
	name := []store.Column{{Name: "name", Kind: store.TextKind}}
	for what, s := range map[string]store.Schema{
		"an empty name":             {},
		"a name that is not one":    {Name: `x"; DROP TABLE c_gadget; --`},
		"a name in capitals":        {Name: "Gadget"},
		"a column that is not one":  {Name: "other", Columns: []store.Column{{Name: "a b", Kind: store.TextKind}}},
		"a column without a kind":   {Name: "other", Columns: []store.Column{{Name: "a"}}},
		"a column twice":            {Name: "other", Columns: slices.Concat(name, name)},
		"an index that is not one":  {Name: "other", Columns: name, Indexes: []store.Index{{Name: "by-name", Columns: []string{"name"}}}},
		"an index of nothing":       {Name: "other", Columns: name, Indexes: []store.Index{{Name: "by_name"}}},
		"an index of what is not":   {Name: "other", Columns: name, Indexes: []store.Index{{Name: "by_name", Columns: []string{"moon"}}}},
		"an index called primary":   {Name: "other", Columns: name, Indexes: []store.Index{{Name: store.PrimaryIndex, Columns: []string{"name"}}}},
		"an index twice":            {Name: "other", Columns: name, Indexes: []store.Index{{Name: "x", Columns: []string{"name"}}, {Name: "x", Columns: []string{"name"}}}},
		"an index that was another": {Name: gadgetCollection, Columns: name, Indexes: []store.Index{{Name: byName, Columns: []string{"name"}, Unique: true}}},
		"a column that was another": {Name: gadgetCollection, Columns: []store.Column{{Name: "name", Kind: store.IntKind}}},
	} {
		if err := w.Keeper.Ensure(w.Context(), []store.Schema{s}); err == nil {
			w.Errorf("%s was accepted", what)
		}
	}
	w.insert(here, newGadget("2", "b"))
	if w.get(here, "1"); w.count(store.Query{Index: byName}) != 2 {
		w.Error("the gadgets have suffered")
	}
}

// testExport reads a collection whole, in order, and stops when told.
func testExport(w *world) {
	for _, t := range []id.Tenant{there, here} {
		for _, docID := range []string{"b", "a", "B", "é"} {
			w.insert(t, newGadget(docID, "x"))
		}
	}
	want := "here/B here/a here/b here/é there/B there/a there/b there/é"
	if got := strings.Join(w.exported(gadgetCollection), " "); got != want {
		w.Errorf("exported %s", got)
	}
	stop, n := errors.New("stop"), 0
	err := w.Keeper.Export(w.Context(), gadgetCollection, func(store.Record) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		w.Errorf("stopped after %d: %v", n, err)
	}
	if err := w.Keeper.Export(w.Context(), "nowhere", func(store.Record) error { return nil }); err == nil {
		w.Error("an undeclared collection was exported")
	}
}

func testPing(w *world) {
	w.must(w.Keeper.Ping(w.Context()))
	ctx, cancel := context.WithCancel(w.Context())
	cancel()
	if err := w.Keeper.Ping(ctx); !errors.Is(err, context.Canceled) {
		w.Errorf("with a dead context: %v", err)
	}
}

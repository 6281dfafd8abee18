package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

func testReadsAndWrites(w *world) {
	g := newGadget("1", "lamp")
	g.Group, g.Rank, g.At = "light", 7, Epoch
	w.insert(here, g)
	got := w.get(here, "1")
	if got.Name != "lamp" || got.Group != "light" || got.Rank != 7 || !got.At.Equal(Epoch) || got.Version != 1 {
		w.Errorf("read %+v", got)
	}
	got.Name, got.Group = "torch", ""
	w.must(w.commit(here, w.in(here).Replace(w.Context(), got)))
	got = w.get(here, "1")
	if got.Name != "torch" || got.Group != "" || got.Version != 2 {
		w.Errorf("replaced %+v", got)
	}
	w.must(w.commit(here, w.in(here).Delete(got)))
	if _, err := w.in(here).Get(w.Context(), "1"); !errs.Is(err, errs.NotFound) {
		w.Errorf("after the delete: %v", err)
	}
	w.insert(here, newGadget("1", "lamp")) // an id that is free again; the version starts anew
	if v := w.get(here, "1").Version; v != 1 {
		w.Errorf("version %d", v)
	}
	// What an index says follows the document.
	for name, want := range map[string]int{"lamp": 1, "torch": 0} {
		if n := w.count(store.Query{Index: byName, Eq: []store.Value{store.Text(name)}}); n != want {
			w.Errorf("%s is found %d times", name, n)
		}
	}
	w.largeBody()
}

// largeBody is far beyond a page of any engine.
func (w *world) largeBody() {
	long := newGadget("long", strings.Repeat("é\\\"", 300_000))
	w.must(w.commit(here, w.in(here).Insert(w.Context(), &gadget{Meta: long.Meta, Name: "long"})))
	_, err := w.Engine.Commit(w.Context(), store.Write{Docs: []store.Op{rawOp(store.ReplaceOp, raw(here, "long"), 1, `{"name":"`+strings.Repeat("x", 1<<20)+`"}`)}})
	w.must(err)
	if got := w.get(here, "long"); len(got.Name) != 1<<20 {
		w.Errorf("%d bytes came back", len(got.Name))
	}
}

// count is the number of gadgets of here that a query finds.
func (w *world) count(q store.Query) int {
	w.Helper()
	q.Request = page.Request{Limit: page.MaxLimit}
	p, err := w.in(here).Find(w.Context(), q)
	w.must(err)
	return len(p.Items)
}

func testGetMany(w *world) {
	for i := range 5 {
		w.insert(here, newGadget(fmt.Sprint(i), fmt.Sprint("n", i)))
	}
	w.insert(there, newGadget("9", "foreign"))
	got, err := w.in(here).GetMany(w.Context(), []string{"3", "1", "9", "absent", "3", ""})
	w.must(err)
	if len(got) != 2 || got["1"].Name != "n1" || got["3"].Name != "n3" {
		w.Errorf("got %v", got)
	}
	if got, err = w.in(here).GetMany(w.Context(), nil); err != nil || len(got) != 0 {
		w.Errorf("of none: %v, %v", got, err)
	}
}

func testVersions(w *world) {
	w.insert(here, newGadget("1", "a"))
	old := w.get(here, "1")
	mine := w.get(here, "1")
	mine.Name = "b"
	w.must(w.commit(here, w.in(here).Replace(w.Context(), mine)))
	absent := newGadget("absent", "x")
	absent.Version = 1
	for name, op := range map[string]store.DocOp{
		"replace of an old version": w.in(here).Replace(w.Context(), old),
		"delete of an old version":  w.in(here).Delete(old),
		"check of an old version":   w.in(here).Check(old),
		"replace of nothing":        w.in(here).Replace(w.Context(), absent),
		"delete of nothing":         w.in(here).Delete(absent),
		"check of nothing":          w.in(here).Check(absent),
	} {
		if err := w.commit(here, op); errs.CodeOf(err) != "changed_meanwhile" || !errors.Is(err, store.ErrChanged) {
			w.Errorf("%s: %v", name, err)
		}
	}
	if got := w.get(here, "1"); got.Name != "b" || got.Version != 2 {
		w.Errorf("left %+v", got)
	}
}

func testCheck(w *world) {
	w.insert(here, newGadget("1", "a"))
	checked := w.get(here, "1")
	w.must(w.commit(here, w.in(here).Check(checked), w.in(here).Insert(w.Context(), newGadget("2", "b"))))
	if v := w.get(here, "1").Version; v != 1 {
		w.Errorf("a check made version %d", v)
	}
}

// testBatchIsAtomic spoils a batch at each of its places in each way and finds nothing of it.
func testBatchIsAtomic(w *world) {
	w.insert(here, newGadget("old", "old"), &gadget{Meta: store.Meta{ID: "mail"}, Email: "a@example.org"})
	stale := w.get(here, "old")
	stale.Version = 7
	spoilers := map[string]func() store.DocOp{
		"key taken": func() store.DocOp { return w.in(here).Insert(w.Context(), newGadget("old", "x")) },
		"unique taken": func() store.DocOp {
			return w.in(here).Insert(w.Context(), &gadget{Meta: store.Meta{ID: "n"}, Email: "a@example.org"})
		},
		"replace changed": func() store.DocOp { return w.in(here).Replace(w.Context(), stale) },
		"delete changed":  func() store.DocOp { return w.in(here).Delete(stale) },
		"check changed":   func() store.DocOp { return w.in(here).Check(stale) },
	}
	for name, spoil := range spoilers {
		for at := range 4 {
			current := w.get(here, "old")
			current.Name = "changed"
			ops := []store.DocOp{
				w.in(here).Insert(w.Context(), newGadget("new1", "x")),
				w.in(here).Replace(w.Context(), current),
				w.in(here).Insert(w.Context(), newGadget("new2", "x")),
			}
			b := batch(here, slices.Insert(ops, at, spoil())...)
			b.Tuples = []store.TupleOp{store.WriteTuple(tuple("doc:1", "viewer", "user:1"))}
			b.Outbox = []store.Message{{Channel: "mail", To: "a@example.org", Template: "x"}}
			before := w.dump()
			if _, err := w.db.Commit(w.Context(), b); !errs.Is(err, errs.Conflict) {
				w.Fatalf("%s at %d: %v", name, at, err)
			}
			if diff := cmp.Diff(before, w.dump()); diff != "" {
				w.Errorf("%s at %d left something:\n%s", name, at, diff)
			}
			if r, err := w.Engine.Revision(w.Context(), own); r != 0 || err != nil {
				w.Errorf("%s at %d: revision %d, %v", name, at, r, err)
			}
		}
	}
}

// dump is everything that is stored in the collections that a batch can touch.
func (w *world) dump() []string {
	w.Helper()
	var out []string
	for _, c := range []string{gadgetCollection, store.EventCollection, store.OutboxCollection} {
		w.must(w.Keeper.Export(w.Context(), c, func(r store.Record) error {
			out = append(out, fmt.Sprintf("%s/%s/%s@%d %s", c, r.Tenant, r.ID, r.Version, r.Body))
			return nil
		}))
	}
	return out
}

// testOrderOfOperations has operations of one batch build on each other.
func testOrderOfOperations(w *world) {
	k := raw(here, "1")
	_, err := w.Engine.Commit(w.Context(), store.Write{At: Epoch, Tenant: here, Docs: []store.Op{
		rawOp(store.InsertOp, k, 0, `{"name":"a"}`),
		rawOp(store.ReplaceOp, k, 1, `{"name":"b"}`),
		rawOp(store.CheckOp, k, 2, ""),
		rawOp(store.DeleteOp, k, 2, ""),
		rawOp(store.InsertOp, k, 0, `{"name":"c"}`),
	}})
	w.must(err)
	if got := w.get(here, "1"); got.Name != "c" || got.Version != 1 {
		w.Errorf("left %+v", got)
	}
}

func testUnknownCollection(w *world) {
	k := store.Key{Tenant: here, Collection: "nowhere", ID: "1"}
	if _, err := w.Engine.Get(w.Context(), k); err == nil || errors.Is(err, store.ErrNotFound) {
		w.Errorf("Get: %v", err)
	}
	if _, err := w.Engine.Commit(w.Context(), store.Write{Docs: []store.Op{{Kind: store.InsertOp, Key: k, Body: []byte("{}")}}}); err == nil {
		w.Error("a record was written where nothing is declared")
	}
}

func testUnique(w *world) {
	mail := func(docID, group, email string) *gadget {
		return &gadget{Meta: store.Meta{ID: docID}, Group: group, Email: email}
	}
	w.insert(here, mail("1", "a", "x@example.org"))
	taken := func(g *gadget, index string) {
		w.Helper()
		if err := w.commit(here, w.in(here).Insert(w.Context(), g)); !store.Exists(err, index) || errs.CodeOf(err) != "already_exists" {
			w.Errorf("inserting %s: %v", g.ID, err)
		}
	}
	taken(mail("2", "b", "x@example.org"), byEmail)
	taken(mail("1", "b", "y@example.org"), store.PrimaryIndex)
	taken(mail("1", "a", "x@example.org"), store.PrimaryIndex)
	w.insert(there, mail("1", "a", "x@example.org")) // another tenant's values are its own
	w.insert(here, mail("2", "a", "y@example.org"))
	second := w.get(here, "2")
	second.Group, second.Email = "b", "x@example.org"
	if err := w.commit(here, w.in(here).Replace(w.Context(), second)); !store.Exists(err, byEmail) {
		w.Errorf("replacing: %v", err)
	}
	first := w.get(here, "1")
	w.must(w.commit(here, w.in(here).Delete(first), w.in(here).Replace(w.Context(), second))) // freed in the same batch
	w.must(w.commit(here, w.in(here).Replace(w.Context(), w.get(here, "2"))))                 // its own value is not in its way
}

func testUniqueIsOptional(w *world) {
	w.insert(here, newGadget("1", "a"), newGadget("2", "a"))
	pair := func(docID, group, email string) *gadget {
		return &gadget{Meta: store.Meta{ID: docID}, Group: group, Email: email}
	}
	w.insert(here, pair("3", "g", ""), pair("4", "g", "")) // one of two columns is None
	third := w.get(here, "3")
	third.Email = "x@example.org"
	w.must(w.commit(here, w.in(here).Replace(w.Context(), third)))
	fourth := w.get(here, "4")
	fourth.Group, fourth.Email = "g", "x@example.org"
	if err := w.commit(here, w.in(here).Replace(w.Context(), fourth)); !errs.Is(err, errs.Conflict) {
		w.Errorf("a second with the value: %v", err)
	}
	third = w.get(here, "3")
	third.Email = ""
	w.must(w.commit(here, w.in(here).Replace(w.Context(), third)))
	w.must(w.commit(here, w.in(here).Replace(w.Context(), fourth))) // given up, so free
}

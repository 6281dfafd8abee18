package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// mortal is a gadget that lives for a minute.
func (w *world) mortal(docID, email string) *gadget {
	g := newGadget(docID, "mortal")
	g.Email, g.Expires = email, w.Clock.Now().Add(time.Minute)
	return g
}

// testExpiry looks at a document a millisecond before its end, and at it.
func testExpiry(w *world) {
	w.insert(here, w.mortal("1", "x@example.org"))
	read := w.get(here, "1")
	tuple := tuple("doc:1", "viewer", "user:1")
	w.Clock.Advance(time.Minute - time.Millisecond)
	if w.get(here, "1"); w.count(store.Query{}) != 1 {
		w.Error("it has expired too early")
	}
	w.Clock.Advance(time.Millisecond)
	if _, err := w.in(here).Get(w.Context(), "1"); !errs.Is(err, errs.NotFound) {
		w.Errorf("Get: %v", err)
	}
	if _, err := w.Engine.Get(w.Context(), raw(here, "1")); !errors.Is(err, store.ErrNotFound) {
		w.Errorf("Get of the engine: %v", err)
	}
	if got, err := w.in(here).GetMany(w.Context(), []string{"1"}); err != nil || len(got) != 0 {
		w.Errorf("GetMany: %v, %v", got, err)
	}
	for _, q := range []store.Query{{}, {Index: byName}, {Index: byEmail, Eq: []store.Value{store.Text("x@example.org")}}} {
		if n := w.count(q); n != 0 {
			w.Errorf("Find by %q: %d", q.Index, n)
		}
	}
	if n, err := w.in(here).Count(w.Context(), 9, byName); err != nil || n != 0 {
		w.Errorf("Count: %d, %v", n, err)
	}
	for name, op := range map[string]store.DocOp{
		"replace": w.in(here).Replace(w.Context(), read), "delete": w.in(here).Delete(read), "check": w.in(here).Check(read),
	} {
		b := batch(here, op)
		b.Tuples = []store.TupleOp{store.WriteTuple(tuple)}
		if _, err := w.db.Commit(w.Context(), b); errs.CodeOf(err) != "changed_meanwhile" {
			w.Errorf("%s of what has expired: %v", name, err)
		}
	}
	if n := len(w.exported(gadgetCollection)); n != 0 {
		w.Errorf("%d are exported", n)
	}
}

// exported are the ids in a collection, tenant first.
func (w *world) exported(collection string) []string {
	w.Helper()
	var out []string
	w.must(w.Keeper.Export(w.Context(), collection, func(r store.Record) error {
		out = append(out, string(r.Tenant)+"/"+r.ID)
		return nil
	}))
	return out
}

// testExpiredDoesNotStandInTheWay takes the key and the unique values of documents that have expired
// but are still there, one by one and all at once.
func testExpiredDoesNotStandInTheWay(w *world) {
	w.insert(here, w.mortal("key", "a@example.org"), w.mortal("mail", "b@example.org"), w.mortal("pair", "c@example.org"))
	w.insert(here, w.mortal("other", "d@example.org"), &gadget{Meta: store.Meta{ID: "lasting"}, Email: "l@example.org"})
	w.Clock.Advance(time.Minute)
	w.insert(here, newGadget("key", "new"))
	if got := w.get(here, "key"); got.Name != "new" || got.Version != 1 {
		w.Errorf("key: %+v", got)
	}
	w.insert(here, &gadget{Meta: store.Meta{ID: "mail2"}, Email: "b@example.org"})
	w.insert(here, &gadget{Meta: store.Meta{ID: "pair"}, Email: "d@example.org"}) // two stand in its way
	lasting := w.get(here, "lasting")
	lasting.Email = "c@example.org"
	w.must(w.commit(here, w.in(here).Replace(w.Context(), lasting)))
	if err := w.commit(here, w.in(here).Insert(w.Context(), newGadget("lasting", "x"))); !store.Exists(err, store.PrimaryIndex) {
		w.Errorf("a living one: %v", err)
	}
	// A batch that fails afterwards has not removed anything for good, nor brought anything back.
	w.insert(here, w.mortal("again", ""))
	w.Clock.Advance(time.Minute)
	err := w.commit(here, w.in(here).Insert(w.Context(), newGadget("again", "x")), w.in(here).Insert(w.Context(), newGadget("lasting", "x")))
	if !store.Exists(err, store.PrimaryIndex) {
		w.Errorf("a spoilt batch: %v", err)
	}
	w.insert(here, newGadget("again", "y"))
}

// testSweep removes what has expired, in portions, and nothing else.
func testSweep(w *world) {
	for i := range 5 {
		w.insert(here, w.mortal(fmt.Sprint("m", i), ""))
		w.insert(there, w.mortal(fmt.Sprint("m", i), ""))
	}
	w.insert(here, newGadget("lasting", "a"))
	b := batch(here, w.in(here).Insert(w.Context(), newGadget("lasting2", "a")))
	mortal := tuple("doc:1", "viewer", "user:1")
	mortal.Expires = w.Clock.Now().Add(time.Minute)
	b.Tuples = []store.TupleOp{store.WriteTuple(mortal), store.WriteTuple(tuple("doc:1", "viewer", "user:2"))}
	_, err := w.db.Commit(w.Context(), b)
	w.must(err)
	if n, err := w.Keeper.Sweep(w.Context(), w.Clock.Now(), 1000); n != 0 || err != nil {
		w.Errorf("swept %d of what lives, %v", n, err)
	}
	now := w.Clock.Now().Add(time.Minute)
	portions := []int{}
	for {
		n, err := w.Keeper.Sweep(w.Context(), now, 4)
		w.must(err)
		if n == 0 || len(portions) > 10 {
			break
		}
		portions = append(portions, n)
	}
	if !slices.Equal(portions, []int{4, 4, 3}) {
		w.Errorf("portions %v", portions)
	}
	w.Clock.Advance(-time.Hour) // so that nothing but the sweep can have hidden them
	if got := w.exported(gadgetCollection); !slices.Equal(got, []string{"here/lasting", "here/lasting2"}) {
		w.Errorf("left %v", got)
	}
	if got := w.forward("doc:1", ""); len(got) != 1 || got[0] != "doc:1#viewer@user:2" {
		w.Errorf("left %v", got)
	}
}

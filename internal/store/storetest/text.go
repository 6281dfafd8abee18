package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// texts are pairwise different, in the order of their bytes, and each has been taken for another by some
// database: case, accents in composed and decomposed form, trailing blanks, NUL, the empty text,
// width, compatibility forms, and what LIKE and GLOB would take for a pattern.
func texts() []string {
	all := []string{
		"", "\x00", "\x00\x00", "\x00\x01", "\x00a", "\x01", "\x01\x00", "\x01a", "\x02", " ", " a", "!", "%", "*", "10", "2", "A", "A ", "Ab", "B", "Straße", "[a]", "_",
		"a", "a\x00", "a\x00b", "a ", "a  ", "a\t", "aa", "ab", "a\u0301", "b", "i", "ss", "~",
		"\u00c1", "\u00df", "\u00e1", "\u00ff", "\u0130", "\u0131", "\u0391", "\u200b", "\u2028", "\ufb01",
		"\ufeff", "\uff41", "\ufffd", "\U0001f600", "\U0010ffff",
	}
	slices.Sort(all) // Go compares the bytes
	return all
}

// testTextIdentity takes each text as the value of a unique and of a plain index. (The empty text is
// a value and differs from an absent one.)
func testTextIdentity(w *world) {
	all := texts()
	ops := make([]store.Op, 0, len(all)+1)
	for i, s := range all {
		op := rawOp(store.InsertOp, raw(here, fmt.Sprintf("%03d", i)), 0, "{}")
		op.Columns[0], op.Columns[4] = store.Text(s), store.Text(s)
		ops = append(ops, op)
	}
	absent := rawOp(store.InsertOp, raw(here, "absent"), 0, "{}")
	absent.Columns[0] = store.Text("zzz")
	_, err := w.Engine.Commit(w.Context(), store.Write{ID: "1", At: Epoch, Tenant: here, Docs: append(ops, absent)})
	w.must(err)
	for i, s := range all {
		for _, index := range []string{byName, byEmail} {
			got, err := w.Engine.Find(w.Context(), store.Scan{
				Tenant: here, Collection: gadgetCollection, Index: index, Eq: []store.Value{store.Text(s)}, Limit: 10, Now: Epoch,
			})
			if err != nil || len(got) != 1 || got[0].ID != fmt.Sprintf("%03d", i) {
				w.Errorf("%s %q finds %d records, %v", index, s, len(got), err)
			}
		}
	}
	got, err := w.Engine.Find(w.Context(), store.Scan{Tenant: here, Collection: gadgetCollection, Index: byEmail, Limit: 100, Now: Epoch})
	w.must(err)
	if len(got) != len(all)+1 || got[0].ID != "absent" {
		w.Fatalf("%d records by e-mail", len(got))
	}
	for i, r := range got[1:] {
		if r.ID != fmt.Sprintf("%03d", i) {
			w.Errorf("place %d is taken by %s: the order is not that of the bytes", i, r.ID)
		}
	}
}

// testTextInIDs takes each text as an id and as a member of a document.
func testTextInIDs(w *world) {
	for i, s := range texts() {
		if s == "" {
			continue
		}
		w.insert(here, &gadget{Meta: store.Meta{ID: s}, Name: s, Rank: int64(i)})
	}
	for i, s := range texts() {
		if s == "" {
			continue
		}
		if got := w.get(here, s); got.Rank != int64(i) || got.Name != s || got.ID != s {
			w.Errorf("%q reads %+v", s, got)
		}
	}
	if n := w.count(store.Query{}); n != len(texts())-1 {
		w.Errorf("%d gadgets", n)
	}
}

// testTextThatIsNotUTF8 finds nothing and is refused, but is never the database's fault.
func testTextThatIsNotUTF8(w *world) {
	w.insert(here, newGadget("1", "a"))
	for _, bad := range []string{"\xff", "a\xc3", "\xed\xa0\x80"} {
		if _, err := w.in(here).Get(w.Context(), bad); !errs.Is(err, errs.NotFound) {
			w.Errorf("Get %q: %v", bad, err)
		}
		if got, err := w.in(here).GetMany(w.Context(), []string{bad, "1"}); err != nil || len(got) != 1 {
			w.Errorf("GetMany %q: %v, %v", bad, got, err)
		}
		if n := w.count(store.Query{Index: byName, Eq: []store.Value{store.Text(bad)}}); n != 0 {
			w.Errorf("Find %q: %d", bad, n)
		}
		if n := w.count(store.Query{Index: byName, Prefix: bad}); n != 0 {
			w.Errorf("Find by prefix %q: %d", bad, n)
		}
		if n, err := w.in(here).Count(w.Context(), 10, byName, store.Text(bad)); err != nil || n != 0 {
			w.Errorf("Count %q: %d, %v", bad, n, err)
		}
		if err := w.commit(here, w.in(here).Insert(w.Context(), newGadget(bad, "a"))); !errs.Is(err, errs.Internal) {
			w.Errorf("inserting the id %q: %v", bad, err)
		}
		if err := w.commit(here, w.in(here).Insert(w.Context(), newGadget("2", bad))); !errs.Is(err, errs.Internal) {
			w.Errorf("inserting the name %q: %v", bad, err)
		}
	}
}

// testTimes keeps milliseconds and the instant, whatever the zone.
func testTimes(w *world) {
	zone := time.FixedZone("far", 13*3600+45*60)
	at := time.Date(2026, 3, 29, 2, 30, 0, 123_456_789, zone)
	g := newGadget("1", "a")
	g.At, g.Expires = at, at.Add(1000*time.Hour)
	w.Clock.Set(at)
	w.insert(here, g)
	got := w.get(here, "1")
	if want := at.Add(1000 * time.Hour).Truncate(time.Millisecond); !got.Expires.Equal(want) || got.Expires.Location() != time.UTC {
		w.Errorf("expires %v, want %v in UTC", got.Expires, want)
	}
	from, until := store.Time(at), store.Time(at.Add(time.Millisecond))
	g2 := newGadget("2", "b")
	g2.Group, g2.At = "g", at
	w.insert(here, g2)
	q := store.Query{Index: byGroupAt, Eq: []store.Value{store.Text("g")}, From: &from, Until: &until}
	if n := w.count(q); n != 1 {
		w.Errorf("found %d by its millisecond", n)
	}
	q.From, q.Until = &until, nil
	if n := w.count(q); n != 0 {
		w.Errorf("found %d a millisecond later", n)
	}
	// Times before 1970 and far ahead are times like others.
	for i, at := range []time.Time{time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)} {
		g := newGadget(fmt.Sprint("far", i), "c")
		g.At = at
		w.insert(here, g)
		if got := w.get(here, g.ID); !got.At.Equal(at) {
			w.Errorf("%v came back as %v", at, got.At)
		}
	}
}

// testClose may be repeated, and nothing works afterwards.
func testClose(w *world) {
	w.insert(here, newGadget("1", "a"))
	for range 2 {
		w.must(w.Keeper.Close())
	}
	if _, err := w.Engine.Get(w.Context(), raw(here, "1")); err == nil || errors.Is(err, store.ErrNotFound) {
		w.Errorf("Get after Close: %v", err)
	}
	if err := w.commit(here, w.in(here).Insert(w.Context(), newGadget("2", "b"))); !errs.Is(err, errs.Unavailable) {
		w.Errorf("Commit after Close: %v", err)
	}
	if err := w.Keeper.Ping(w.Context()); err == nil {
		w.Error("Ping after Close is content")
	}
}

package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// The oracle says in a few lines what Find means: filter, sort, cut. It knows the suite's indexes
// as functions of a gadget.

func oracleColumns(index string) []func(*gadget) store.Value {
	byColumn := map[string]func(*gadget) store.Value{}
	for _, c := range gadgetKind().Columns {
		byColumn[c.Name] = c.Of
	}
	var out []func(*gadget) store.Value
	for _, x := range gadgetKind().Indexes {
		if x.Name != index {
			continue
		}
		for _, name := range x.Columns {
			out = append(out, byColumn[name])
		}
	}
	return append(out, func(g *gadget) store.Value { return store.Text(g.ID) })
}

func oracle(all []*gadget, q store.Scan) []string {
	columns := oracleColumns(q.Index)
	match := slices.DeleteFunc(slices.Clone(all), func(g *gadget) bool { return !oracleMatches(g, columns, q) })
	slices.SortFunc(match, func(a, b *gadget) int {
		for _, of := range columns {
			if c := compareValues(of(a), of(b)); c != 0 {
				if q.Desc {
					return -c
				}
				return c
			}
		}
		return 0
	})
	ids := make([]string, 0, len(match))
	for _, g := range match {
		ids = append(ids, g.ID)
	}
	return ids
}

func oracleMatches(g *gadget, columns []func(*gadget) store.Value, q store.Scan) bool {
	for i, want := range q.Eq {
		if v := columns[i](g); v.Kind == store.None || v != want {
			return false
		}
	}
	v := columns[len(q.Eq)](g)
	if v.Kind == store.None {
		return q.From == nil && q.Until == nil && q.Prefix == ""
	}
	return (q.From == nil || compareValues(v, *q.From) >= 0) && (q.Until == nil || compareValues(v, *q.Until) < 0) &&
		strings.HasPrefix(v.Text, q.Prefix)
}

func compareValues(a, b store.Value) int {
	if a.Kind == store.None || b.Kind == store.None {
		return cmp.Compare(boolInt(a.Kind != store.None), boolInt(b.Kind != store.None))
	}
	return cmp.Or(cmp.Compare(a.Int, b.Int), strings.Compare(a.Text, b.Text))
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// crowd inserts gadgets with many ties and many absent values, and neighbours in another tenant.
func (w *world) crowd(r *rand.Rand, n int) []*gadget {
	w.Helper()
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	all := make([]*gadget, n)
	var ops []store.Op
	for i := range all {
		g := newGadget(fmt.Sprintf("%s%d", pick("a", "b", "é"), i), pick("", "a", "aa", "ab", "b", "\U0010ffff", "é"))
		g.Group, g.Rank = pick("", "g", "h", "\U0010ffff\U0010ffff"), []int64{-1 << 63, -1, 0, 0, 1, 2, 1<<63 - 1}[r.IntN(7)]
		if r.IntN(3) > 0 {
			g.At = Epoch.Add(time.Duration(r.IntN(4)-2) * time.Millisecond)
		}
		if r.IntN(2) > 0 {
			g.Email = fmt.Sprintf("%s%d", pick("x", "y"), i)
		}
		all[i] = g
		op := rawOp(store.InsertOp, raw(here, g.ID), 0, `{"name":"crowd"}`)
		for c, of := range gadgetKind().Columns {
			op.Columns[c] = of.Of(g)
		}
		ops = append(ops, op)
	}
	for part := range slices.Chunk(ops, store.MaxDocs) {
		foreign := slices.Clone(part)
		for i := range foreign {
			foreign[i].Key.Tenant = there
		}
		_, err := w.Engine.Commit(w.Context(), store.Write{At: Epoch, Docs: part})
		w.must(err)
		_, err = w.Engine.Commit(w.Context(), store.Write{At: Epoch, Docs: foreign})
		w.must(err)
	}
	return all
}

// randomScan asks any index anything that is allowed.
func randomScan(r *rand.Rand, all []*gadget) store.Scan {
	q := store.Scan{Tenant: here, Collection: gadgetCollection, Now: Epoch, Desc: r.IntN(2) == 0, Limit: 1000}
	q.Index = []string{store.PrimaryIndex, byName, byRank, byGroupRank, byGroupAt, byEmail, byPair}[r.IntN(7)]
	columns := oracleColumns(q.Index)
	like := all[r.IntN(len(all))]
	for _, of := range columns[:r.IntN(len(columns))] {
		q.Eq = append(q.Eq, of(like))
	}
	next := columns[len(q.Eq)]
	bound := func() *store.Value {
		v := next(all[r.IntN(len(all))])
		if v.Kind == store.None {
			return nil
		}
		return &v
	}
	switch r.IntN(4) {
	case 0:
		q.From = bound()
	case 1:
		q.Until = bound()
	case 2:
		q.From, q.Until = bound(), bound()
	}
	if v := bound(); v != nil && v.Kind == store.TextKind && r.IntN(3) == 0 {
		runes := []rune(v.Text)
		q.Prefix = string(runes[:min(len(runes), 1+r.IntN(2))])
	}
	return q
}

func testFindAgainstOracle(w *world) {
	r := rand.New(rand.NewPCG(1, 2))
	all := w.crowd(r, 120)
	for range 1000 {
		q := randomScan(r, all)
		want := oracle(all, q)
		if got := w.ids(q); !slices.Equal(got, want) {
			w.Fatalf("%+v\n got %q\nwant %q", q, got, want)
		}
		limit := 1 + r.IntN(5)
		n, err := w.Engine.Count(w.Context(), q, limit)
		if w.must(err); n != min(limit, len(want)) {
			w.Fatalf("%+v counts %d of at most %d, want %d", q, n, limit, len(want))
		}
	}
}

func (w *world) ids(q store.Scan) []string {
	w.Helper()
	records, err := w.Engine.Find(w.Context(), q)
	w.must(err)
	out := make([]string, 0, len(records))
	for _, r := range records {
		out = append(out, r.ID)
	}
	return out
}

// testPagesAgainstOracle reads every query page by page, in both directions, across ties and absent
// values, and finds each record once.
func testPagesAgainstOracle(w *world) {
	r := rand.New(rand.NewPCG(3, 4))
	all := w.crowd(r, 90)
	byID := map[string]*gadget{}
	for _, g := range all {
		byID[g.ID] = g
	}
	for range 200 {
		q := randomScan(r, all)
		want, got := oracle(all, q), []string{}
		q.Limit = 1 + r.IntN(7)
		for {
			ids := w.ids(q)
			if got = append(got, ids...); len(ids) < q.Limit || len(got) > len(all) {
				break
			}
			last := byID[ids[len(ids)-1]]
			q.After = &store.Position{ID: last.ID}
			columns := oracleColumns(q.Index)
			for _, of := range columns[len(q.Eq) : len(columns)-1] {
				q.After.Values = append(q.After.Values, of(last))
			}
		}
		if !slices.Equal(got, want) {
			w.Fatalf("%+v\n got %q\nwant %q", q, got, want)
		}
	}
}

// testFindRefusals asks what no index answers.
func testFindRefusals(w *world) {
	w.insert(here, newGadget("1", "a"))
	text, number := store.Text("a"), store.Int(1)
	for name, q := range map[string]store.Scan{
		"undeclared index":      {Index: "by_moon"},
		"no index":              {},
		"a column as an index":  {Index: "name"},
		"too many values":       {Index: byName, Eq: []store.Value{text, text}},
		"a number for a text":   {Index: byName, Eq: []store.Value{number}},
		"a text for a number":   {Index: byRank, Eq: []store.Value{text}},
		"a range of texts":      {Index: byRank, From: &text},
		"a range of numbers":    {Index: byName, Until: &number},
		"a prefix of a number":  {Index: byRank, Prefix: "1"},
		"a range of nothing":    {Index: byRank, From: &store.Value{}},
		"a position too short":  {Index: byName, After: &store.Position{ID: "1"}},
		"a position too long":   {Index: store.PrimaryIndex, After: &store.Position{ID: "1", Values: []store.Value{text}}},
		"a position of numbers": {Index: byName, After: &store.Position{ID: "1", Values: []store.Value{number}}},
	} {
		q.Tenant, q.Collection, q.Limit, q.Now = here, gadgetCollection, 10, Epoch
		if _, err := w.Engine.Find(w.Context(), q); !errors.Is(err, store.ErrNoIndex) {
			w.Errorf("%s: %v", name, err)
		}
		if _, err := w.Engine.Count(w.Context(), q, 10); !errors.Is(err, store.ErrNoIndex) {
			w.Errorf("counting by %s: %v", name, err)
		}
	}
	if _, err := w.in(here).Find(w.Context(), store.Query{Index: "by_moon"}); !errs.Is(err, errs.Internal) {
		w.Errorf("typed: %v", err)
	}
	none := store.Query{Index: byGroupRank, Eq: []store.Value{{}}}
	if n := w.count(none); n != 0 {
		w.Errorf("None equals %d records", n)
	}
}

// testCursorsAreBound walks typed pages and takes each cursor to where it does not belong.
func testCursorsAreBound(w *world) {
	for i := range 7 {
		g := newGadget(fmt.Sprint(i), "same")
		g.Group, g.Rank = "g", int64(i/3)
		w.insert(here, g)
		w.insert(there, newGadget(fmt.Sprint(i), "same"))
	}
	rank := store.Int(0)
	home := store.Query{Index: byName, Eq: []store.Value{store.Text("same")}, Request: page.Request{Limit: 2}}
	var seen []string
	var cursor string
	for q := home; ; {
		p, err := w.in(here).Find(w.Context(), q)
		w.must(err)
		for _, g := range p.Items {
			seen = append(seen, g.ID)
		}
		if p.Next == "" {
			break
		}
		cursor, q.Cursor = p.Next, p.Next
	}
	if strings.Join(seen, "") != "0123456" {
		w.Errorf("pages gave %q", seen)
	}
	desc := home
	desc.Desc = true
	for name, q := range map[string]store.Query{
		"the other direction": desc,
		"another index":       {Index: byRank},
		"no index":            {},
		"another value":       {Index: byName, Eq: []store.Value{store.Text("other")}},
		"no value":            {Index: byName},
		"a prefix":            {Index: byName, Prefix: "s"},
		"a range":             {Index: byRank, From: &rank},
	} {
		q.Cursor = cursor
		w.badCursor(name, w.in(here), q)
	}
	whole, err := w.in(here).Find(w.Context(), store.Query{Index: byName, Request: page.Request{Limit: 2}})
	w.must(err)
	w.badCursor("another index of the same form", w.in(here), store.Query{Index: byEmail, Request: page.Request{Cursor: whole.Next}})
	home.Cursor = cursor
	w.badCursor("another tenant", w.in(there), home)
	for i := range len(cursor) {
		forged := []byte(cursor)
		forged[i] = "AB"[boolInt(forged[i] == 'A')]
		home.Cursor = string(forged)
		w.badCursor(fmt.Sprint("changed at ", i), w.in(here), home)
		home.Cursor = cursor[:i]
		if i > 0 {
			w.badCursor(fmt.Sprint("cut at ", i), w.in(here), home)
		}
	}
	for _, c := range []string{"x", "'; DROP TABLE c_gadget; --", cursor + "A", cursor + "=", " " + cursor, strings.Repeat("A", 5000)} {
		home.Cursor = c
		w.badCursor(c[:min(len(c), 30)], w.in(here), home)
	}
}

func (w *world) badCursor(name string, s store.Scope[gadget], q store.Query) {
	w.Helper()
	if p, err := s.Find(w.Context(), q); errs.CodeOf(err) != "invalid_cursor" {
		w.Errorf("%s: %d items, %v", name, len(p.Items), err)
	}
}

func testCount(w *world) {
	for i := range 5 {
		w.insert(here, newGadget(fmt.Sprint(i), "a"))
	}
	for limit, want := range map[int]int{0: 0, 3: 3, 5: 5, 9: 5} {
		if n, err := w.in(here).Count(w.Context(), limit, byName, store.Text("a")); err != nil || n != want {
			w.Errorf("up to %d: %d, %v", limit, n, err)
		}
	}
	if n, err := w.in(there).Count(w.Context(), 9, byName); err != nil || n != 0 {
		w.Errorf("there: %d, %v", n, err)
	}
}

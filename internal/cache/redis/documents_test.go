package redis_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/cache/memory"
	"github.com/cardea-auth/cardea/internal/cache/redis"
	"github.com/cardea-auth/cardea/internal/cache/redis/redistest"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/postgres"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

type note struct {
	store.Meta
	Text string `json:"text"`
}

const here = "acme"

// node is one of several on a database and a Redis.
type node struct {
	*testing.T
	link  *redis.Link
	docs  *redis.Documents
	cache *memory.Cache
	db    *store.DB
	notes store.Scope[note]
}

func newNode(t *testing.T, database, cache string) *node {
	t.Helper()
	e, err := postgres.Open(t.Context(), postgres.Config{URL: secret.New(database), Now: time.Now, Connections: 6})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	n := &node{T: t, link: connect(t, cache)}
	n.docs = redis.NewDocuments(n.link)
	wakes := redis.NewWakes(n.link)
	if n.cache, err = memory.New(memory.Config{Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	n.db = store.New(store.Config{Engine: e, Sealer: storetest.NewSealer(), Now: time.Now, Cache: n.cache, Second: n.docs, Waker: wakes})
	n.notes = store.NewCollection(n.db, store.Kind[note]{Name: "note", Noun: "note", Meta: func(n *note) *store.Meta { return &n.Meta }}).In(here)
	storetest.Ensure(t, n.db)
	for _, f := range []func(context.Context){n.docs.Run, wakes.Run, n.db.Follow} {
		run(t, f)
	}
	until(t, "the node is current", n.db.Current)
	return n
}

func batch(ops ...store.DocOp) store.Batch {
	return store.Batch{Permit: storetest.Permit(here, "note.write"), Docs: ops, Events: []store.Event{{Kind: "note.written"}}}
}

func (n *node) commit(ops ...store.DocOp) {
	n.Helper()
	if _, err := n.db.Commit(n.Context(), batch(ops...)); err != nil {
		n.Fatal(err)
	}
}

func (n *node) write(docID, text string) {
	n.Helper()
	_, err := n.notes.Update(n.Context(), docID, func(x *note) (store.Batch, error) { x.Text = text; return batch(), nil })
	if err != nil {
		n.Fatal(err)
	}
}

func (n *node) text(docID string) string {
	n.Helper()
	x, err := n.notes.View(n.Context(), docID)
	if errs.Is(err, errs.NotFound) {
		return "gone"
	}
	if err != nil {
		n.Fatal(err)
	}
	return x.Text
}

// answers is what Recall has found.
type answers struct{ hits, misses, stale, garbage int64 }

func (n *node) answers() answers {
	var a answers
	a.hits, a.misses, a.stale, a.garbage = n.docs.Answers()
	return a
}

// afresh has the node remember nothing by itself.
func (n *node) afresh() {
	n.Helper()
	if err := n.cache.Clear(); err != nil {
		n.Fatal(err)
	}
}

func keys(t *testing.T, s *redistest.Server) []string {
	t.Helper()
	return strings.Fields(strings.ReplaceAll(s.Do(t, "EVAL", "local k = redis.call('KEYS', '*:doc:*') table.sort(k) return table.concat(k, ' ')", "0"), "\r\n", " "))
}

// TestDocumentsBetweenNodes: what one node has read another does not read again, and what is changed or
// deleted anywhere nobody sees as it was, also where Redis brings back what it had.
func TestDocumentsBetweenNodes(t *testing.T) {
	t.Parallel()
	s, database := redistest.Start(t), pgtest.URL(t)
	a, b := newNode(t, database, s.URL()), newNode(t, database, s.URL())
	a.commit(a.notes.Insert(t.Context(), &note{Meta: store.Meta{ID: "1"}, Text: "first"}), a.notes.Insert(t.Context(), &note{Meta: store.Meta{ID: "2"}, Text: "other"}))
	a.text("1")
	until(t, "the document is in Redis", func() bool { return len(keys(t, s)) == 1 })
	if got := b.text("1"); got != "first" || b.answers().hits != 1 {
		t.Fatalf("the other node sees %q, %+v", got, b.answers())
	}
	s.Do(t, "EVAL", "for _, k in ipairs(redis.call('KEYS', '*:doc:*')) do redis.call('COPY', k, 'saved:' .. k) end", "0")

	b.write("1", "second")
	if got := b.text("1"); got != "second" {
		t.Errorf("who has written it sees %q", got)
	}
	until(t, "the other hears of it", func() bool { return a.text("1") == "second" })

	bringBack := func() {
		s.Do(t, "EVAL", "for _, k in ipairs(redis.call('KEYS', 'saved:*')) do redis.call('COPY', k, string.sub(k, 7), 'REPLACE') end", "0")
	}
	late := newNode(t, database, s.URL()) // has heard only of what was noted before it was there
	for _, n := range []*node{a, b, late} {
		// More than once, because what the node before has read may still be on its way to Redis.
		until(t, "the node notices", func() bool {
			bringBack()
			n.afresh()
			if got := n.text("1"); got != "second" {
				t.Errorf("Redis brings back what it had, and a node sees %q", got)
			}
			return n.answers().stale > 0
		})
	}
	doc, err := b.notes.Get(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	b.commit(b.notes.Delete(doc))
	until(t, "the other hears of the deletion", func() bool { return a.text("1") == "gone" })
	for _, n := range []*node{a, b} {
		bringBack()
		n.afresh()
		if got := n.text("1"); got != "gone" {
			t.Errorf("Redis brings back what was deleted, and a node sees %q", got)
		}
	}
	s.Do(t, "FLUSHALL")
	a.afresh()
	if got := a.text("2"); got != "other" {
		t.Errorf("after a flush it sees %q", got)
	}
}

// TestDocumentsAreSealed: Redis knows neither what is in a document nor whose it is, and what somebody
// writes there or moves to another place is not believed.
func TestDocumentsAreSealed(t *testing.T) {
	t.Parallel()
	s, database := redistest.Start(t), pgtest.URL(t)
	a := newNode(t, database, s.URL())
	for _, docID := range []string{"ada-lovelace", "eve"} {
		a.commit(a.notes.Insert(t.Context(), &note{Meta: store.Meta{ID: docID}, Text: "hunter2 of " + docID}))
		a.text(docID)
	}
	until(t, "the documents are in Redis", func() bool { return len(keys(t, s)) == 2 })
	all := keys(t, s)
	dump := s.Do(t, "EVAL", "local out = {} for _, k in ipairs(redis.call('KEYS', '*')) do out[#out+1] = k if redis.call('TYPE', k).ok == 'string' then out[#out+1] = redis.call('GET', k) end end return table.concat(out, ' ')", "0")
	for _, word := range []string{"hunter2", "lovelace", "note", "text"} {
		if strings.Contains(dump, word) {
			t.Errorf("Redis knows %q: %q", word, dump)
		}
	}
	for _, k := range all {
		if !strings.HasPrefix(strings.SplitN(k, ":", 3)[2], "doc:"+here+":") {
			t.Errorf("the name %q does not say whose it is", k)
		}
	}
	for name, spoil := range map[string]string{
		"moved": "redis.call('COPY', KEYS[1], 't') redis.call('COPY', KEYS[2], KEYS[1], 'REPLACE') redis.call('COPY', 't', KEYS[2], 'REPLACE') redis.call('DEL', 't')",
		"newer": "for _, k in ipairs(KEYS) do redis.call('SET', k, '1999' .. string.sub(redis.call('GET', k), 5), 'PX', 60000) end",
		"noise": "for _, k in ipairs(KEYS) do redis.call('SET', k, 'noise', 'PX', 60000) end",
		"empty": "for _, k in ipairs(KEYS) do redis.call('SET', k, '', 'PX', 60000) end",
		"lists": "for _, k in ipairs(KEYS) do redis.call('DEL', k) redis.call('RPUSH', k, 'x') end",
	} {
		until(t, "the documents are in Redis again", func() bool {
			s.Do(t, append([]string{"DEL"}, all...)...)
			a.afresh()
			a.text("ada-lovelace")
			a.text("eve")
			<-time.After(10 * time.Millisecond) // they are put soon, if Redis is asked again
			return len(keys(t, s)) == 2
		})
		before := a.answers()
		s.Do(t, append([]string{"EVAL", spoil, "2"}, all...)...)
		a.afresh()
		for _, docID := range []string{"ada-lovelace", "eve"} {
			if got := a.text(docID); got != "hunter2 of "+docID {
				t.Errorf("%s: sees %q", name, got)
			}
		}
		if after := a.answers(); after.hits != before.hits || name != "lists" && after.garbage == before.garbage {
			t.Errorf("%s: %+v, before %+v", name, after, before)
		}
	}
}

// TestSlowReader: a version never takes the place of a newer one.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	d := redis.NewDocuments(connect(t, s.URL()))
	run(t, d.Run)
	k := store.Key{Tenant: here, Collection: "note", ID: "1"}
	found := func() string {
		r, ok := d.Recall(t.Context(), k, func(int64, time.Time) bool { return true })
		if !ok {
			return ""
		}
		return fmt.Sprintf("%d %s", r.Version, r.Body)
	}
	for _, version := range []int64{9, 10, 9, 1, 10, 11} {
		d.Put(store.Record{Key: k, Version: version, Body: []byte("body")}, time.Now())
		d.Put(store.Record{Key: store.Key{Tenant: here, Collection: "note", ID: fmt.Sprint("after", version)}, Version: 1}, time.Now())
		until(t, "it was put", func() bool {
			_, ok := d.Recall(t.Context(), store.Key{Tenant: here, Collection: "note", ID: fmt.Sprint("after", version)}, func(int64, time.Time) bool { return true })
			return ok
		})
		if want := fmt.Sprintf("%d body", map[int64]int64{9: 9, 10: 10, 1: 10, 11: 11}[version]); found() != want && !(version == 9 && found() == "10 body") {
			t.Errorf("after %d Redis has %q", version, found())
		}
	}
}

// TestRecord comes back as it was put, and only good ones do.
func TestRecord(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	d := redis.NewDocuments(connect(t, s.URL()))
	run(t, d.Run)
	asOf, expires := time.UnixMicro(1_790_000_000_123_456), time.UnixMilli(1_790_000_000_789).UTC()
	for i, e := range []time.Time{{}, expires} {
		want := store.Record{Key: store.Key{Tenant: here, Collection: "note", ID: fmt.Sprint(i)}, Version: 1<<53 + 1, Expires: e, Body: []byte(`{"a":"ä"}`)}
		d.Put(want, asOf)
		var got store.Record
		until(t, "it is back", func() (ok bool) {
			got, ok = d.Recall(t.Context(), want.Key, func(version int64, at time.Time) bool { return version == want.Version && at.Equal(asOf) })
			return ok
		})
		if got.Key != want.Key || got.Version != want.Version || !got.Expires.Equal(want.Expires) || string(got.Body) != string(want.Body) {
			t.Errorf("%+v came back as %+v", want, got)
		}
		if _, ok := d.Recall(t.Context(), want.Key, func(int64, time.Time) bool { return false }); ok {
			t.Error("what is not good came back")
		}
	}
	d.Put(store.Record{Key: store.Key{Tenant: here, Collection: "note", ID: "large"}, Body: make([]byte, 300<<10)}, asOf)
	d.Put(store.Record{Key: store.Key{Tenant: here, Collection: "note", ID: "last"}}, asOf)
	until(t, "the last is there", func() bool { return len(keys(t, s)) == 3 })
}

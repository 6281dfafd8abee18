package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/cache/memory"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/postgres"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// TestCancellationInAGroup gives up on batches with tuples at random moments: neighbours in the same
// transaction are not harmed, and everybody is told the truth.
func TestCancellationInAGroup(t *testing.T) {
	t.Parallel()
	n := newNode(t, pgtest.URL(t))
	const callers = 120
	told := make([]error, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			if i%3 > 0 {
				time.AfterFunc(time.Duration(i*i%3000)*time.Microsecond, cancel)
			}
			defer cancel()
			b := n.batch(ctx, fmt.Sprint(i))
			if i%10 == 0 { // spoilt by a document that is not there
				absent := &note{Meta: store.Meta{ID: "absent", Version: 1}}
				b.Docs = append(b.Docs, n.notes.Check(absent))
			}
			_, told[i] = n.db.Commit(ctx, b)
		})
	}
	all.Wait()
	for i, err := range told {
		_, missing := n.notes.Get(t.Context(), fmt.Sprint(i))
		switch {
		case err == nil && (missing != nil || i%10 == 0):
			t.Errorf("commit %d was acknowledged: %v", i, missing)
		case err != nil && !errs.Is(missing, errs.NotFound):
			t.Errorf("commit %d failed (%v) and was done", i, err)
		case err != nil && i%3 == 0 && i%10 != 0:
			t.Errorf("commit %d was harmed by its neighbours: %v", i, err)
		}
	}
}

// node is a DB with a cache over a database that others share.
type node struct {
	engine *postgres.Engine
	db     *store.DB
	notes  store.Scope[note]
}

func newNode(t *testing.T, uri string) *node {
	t.Helper()
	return newNodeAt(t, uri, time.Now)
}

func newNodeAt(t *testing.T, uri string, now func() time.Time) *node {
	t.Helper()
	e, err := postgres.Open(t.Context(), postgres.Config{URL: secret.New(uri), Now: now, Connections: 6})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	cache, err := memory.New(memory.Config{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{engine: e, db: store.New(store.Config{Engine: e, Sealer: storetest.NewSealer(), Now: now, Cache: cache})}
	n.notes = store.NewCollection(n.db, noteKind()).In(here)
	storetest.Ensure(t, n.db)
	return n
}

func (n *node) follow(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { n.db.Follow(ctx) })
	t.Cleanup(func() { stop(); done.Wait() })
	until(t, n.db.Current)
}

func (n *node) batch(ctx context.Context, docID string) store.Batch {
	return store.Batch{
		Permit: storetest.Permit(here, "note.write"), Events: []store.Event{{Kind: "note.written"}},
		Docs:   []store.DocOp{n.notes.Insert(ctx, &note{Meta: store.Meta{ID: docID}})},
		Tuples: []store.TupleOp{store.WriteTuple(viewer(docID))},
	}
}

// TestNodesHearOfChanges changes a document at one node while another has it in its cache, with and
// without notifications.
func TestNodesHearOfChanges(t *testing.T) {
	t.Parallel()
	for name, pooled := range map[string]string{"notified": "false", "by the tail alone": "true"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			uri := pgtest.With(t, pgtest.URL(t), "pgbouncer", pooled)
			here1, there1 := newNode(t, uri), newNode(t, uri)
			if _, err := here1.db.Commit(t.Context(), here1.batch(t.Context(), "1")); err != nil {
				t.Fatal(err)
			}
			if there1.db.Current() {
				t.Error("a node that has not looked counts as current")
			}
			heard := make(chan uint64, 100)
			there1.db.OnTuples(func(_ context.Context, s store.TupleStore, revision uint64) error {
				if s == store.OwnTuples(here) {
					heard <- revision
				}
				return nil
			})
			there1.follow(t)
			var longest time.Duration
			for i := range 10 {
				if _, err := there1.notes.View(t.Context(), "1"); err != nil { // it is in the cache now
					t.Fatal(err)
				}
				text := fmt.Sprint("version ", i)
				_, err := here1.notes.Update(t.Context(), "1", func(n *note) (store.Batch, error) {
					n.Text = text
					b := here1.batch(t.Context(), fmt.Sprint("other", i))
					b.Docs = nil
					return b, nil
				})
				if err != nil {
					t.Fatal(err)
				}
				changed := time.Now()
				until(t, func() bool { n, err := there1.notes.View(t.Context(), "1"); return err == nil && n.Text == text })
				for r := uint64(0); r < uint64(i)+2; r = <-heard {
				}
				longest = max(longest, time.Since(changed))
			}
			t.Logf("%s: at most %v", name, longest)
			if longest > 1500*time.Millisecond {
				t.Errorf("a change took %v to arrive", longest)
			}
		})
	}
}

// TestNodesHearOfInserts has a node remember that there is no such document, which another one inserts.
func TestNodesHearOfInserts(t *testing.T) {
	t.Parallel()
	uri := pgtest.URL(t)
	here1, there1 := newNode(t, uri), newNode(t, uri)
	there1.follow(t)
	for i := range 10 {
		docID := fmt.Sprint(i)
		if doc, err := there1.notes.ViewIf(t.Context(), docID); doc != nil || err != nil {
			t.Fatal(doc, err)
		}
		if _, err := here1.db.Commit(t.Context(), here1.batch(t.Context(), docID)); err != nil {
			t.Fatal(err)
		}
		inserted := time.Now()
		until(t, func() bool { _, err := there1.notes.View(t.Context(), docID); return err == nil })
		if took := time.Since(inserted); took > 1500*time.Millisecond {
			t.Errorf("an insert took %v to arrive", took)
		}
	}
}

// TestNodeThatHearsNothing is cut off: it passes its cache by as soon as it cannot know better.
func TestNodeThatHearsNothing(t *testing.T) {
	t.Parallel()
	n := newNode(t, pgtest.URL(t))
	other := newNode(t, pgtest.URL(t))
	if _, err := n.db.Commit(t.Context(), n.batch(t.Context(), "1")); err != nil {
		t.Fatal(err)
	}
	if _, err := other.notes.View(t.Context(), "1"); !errs.Is(err, errs.NotFound) {
		t.Errorf("two schemas are one: %v", err)
	}
	for range 2 { // without Follow, View reads the engine each time
		if _, err := n.notes.View(t.Context(), "1"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.engine.Commit(t.Context(), store.Write{ // behind the back of the DB
		At: time.Now(), Tenant: here, Docs: []store.Op{{
			Kind: store.ReplaceOp, Key: store.Key{Tenant: here, Collection: "note", ID: "1"}, Version: 1, Body: []byte(`{"text":"new"}`), Columns: []store.Value{{}},
		}},
	}); err != nil {
		t.Fatal(err)
	}
	if got, err := n.notes.View(t.Context(), "1"); err != nil || got.Text != "new" {
		t.Errorf("a node that hears nothing answers from its memory: %+v, %v", got, err)
	}
}

// TestClockOfANode finds out how far a node's clock is from the database's, and does not let a wrong one
// make the node deaf.
func TestClockOfANode(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{0, time.Hour, -time.Hour} {
		n := newNodeAt(t, pgtest.URL(t), func() time.Time { return time.Now().Add(ahead) })
		n.follow(t)
		if off := n.db.Skew() - ahead; off.Abs() > 2*time.Second {
			t.Errorf("%v ahead: the skew is %v", ahead, n.db.Skew())
		}
		if _, err := n.db.Commit(t.Context(), n.batch(t.Context(), "1")); err != nil {
			t.Fatal(err)
		}
		if _, err := n.notes.View(t.Context(), "1"); err != nil {
			t.Fatal(err)
		}
		other := newNode(t, pgtest.URL(t))
		other.follow(t)
		if skew := other.db.Skew(); skew.Abs() > 2*time.Second {
			t.Errorf("a node with the right clock is %v ahead", skew)
		}
	}
}

// TestEnsureByManyNodes starts many nodes at once on an empty schema.
func TestEnsureByManyNodes(t *testing.T) {
	t.Parallel()
	uri := pgtest.URL(t)
	errors := make([]error, 8)
	var all sync.WaitGroup
	for i := range errors {
		all.Go(func() {
			e, err := postgres.Open(t.Context(), postgres.Config{URL: secret.New(uri), Now: time.Now, Connections: 2})
			if errors[i] = err; err == nil {
				db := store.New(store.Config{Engine: e, Sealer: storetest.NewSealer(), Now: time.Now})
				store.NewCollection(db, noteKind())
				errors[i] = db.Ensure(t.Context())
				_ = e.Close()
			}
		})
	}
	all.Wait()
	for i, err := range errors {
		if err != nil {
			t.Errorf("node %d: %v", i, err)
		}
	}
}

// TestOpenRefuses says in one line what is wrong, and never what the password is.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	const password = "hunter2secret"
	server := pgtest.URL(t)
	for name, c := range map[string]struct{ uri, says string }{
		"no URL at all":     {"nonsense " + password, "must be like postgres://"},
		"another scheme":    {"mysql://root:" + password + "@localhost/x", "must be like postgres://"},
		"a bad port":        {"postgres://u:" + password + "@localhost:notaport/x", "must be like postgres://"},
		"a bad parameter":   {"postgres://u:" + password + "@localhost/x?sslmode=perhaps", "must be like postgres://"},
		"pgbouncer=perhaps": {"postgres://u:" + password + "@localhost/x?pgbouncer=perhaps", "must be true or false"},
		"nobody listens":    {"postgres://u:" + password + "@127.0.0.1:1/x", "does not answer"},
		"no such host":      {"postgres://u:" + password + "@nowhere.invalid/x?sslmode=disable", "does not answer"},
		"no such database":  {strings.Replace(server, "/postgres?", "/moon?", 1), "no such database"},
		"no such schema":    {pgtest.With(t, server, "search_path", "moon"), "no schema"},
	} {
		e, err := postgres.Open(t.Context(), postgres.Config{URL: secret.New(c.uri), Now: time.Now})
		if err == nil {
			t.Errorf("%s: accepted", name)
			_ = e.Close()
			continue
		}
		if text := err.Error(); !strings.Contains(text, c.says) || strings.Contains(text, password) || strings.Contains(text, "\n") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// TestLife: nodes on one database know it by one name, and another database has another.
func TestLife(t *testing.T) {
	t.Parallel()
	uri := pgtest.URL(t)
	a, b, other := newNode(t, uri).engine, newNode(t, uri).engine, newNode(t, pgtest.URL(t)).engine
	if a.Life() == "" || a.Life() != b.Life() || a.Life() == other.Life() {
		t.Errorf("lives %q, %q, and of another %q", a.Life(), b.Life(), other.Life())
	}
}

// TestFollowBack: who begins to follow hears what was changed a while before, with its versions.
func TestFollowBack(t *testing.T) {
	t.Parallel()
	n := newNode(t, pgtest.URL(t))
	for _, docID := range []string{"1", "2"} {
		if _, err := n.db.Commit(t.Context(), n.batch(t.Context(), docID)); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"a", "b"} {
		if _, err := n.notes.Update(t.Context(), "1", func(x *note) (store.Batch, error) {
			x.Text = text
			return store.Batch{Permit: storetest.Permit(here, "note.write"), Events: []store.Event{{Kind: "note.written"}}}, nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	doc, err := n.notes.Get(t.Context(), "2")
	if err != nil {
		t.Fatal(err)
	}
	b := store.Batch{Permit: storetest.Permit(here, "note.write"), Events: []store.Event{{Kind: "note.written"}}, Docs: []store.DocOp{n.notes.Delete(doc)}}
	if _, err := n.db.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	heard := map[string][]uint64{}
	f := n.engine.Follow(t.Context(), time.Minute)
	changes, at, err := f.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		if c.Key.Collection == "note" {
			heard[c.Key.ID] = append(heard[c.Key.ID], c.Revision)
		}
	}
	for _, v := range heard {
		slices.Sort(v)
	}
	if d := cmp.Diff(map[string][]uint64{"1": {1, 2, 3}, "2": {0, 1}}, heard); d != "" {
		t.Errorf("versions that were heard of: -want +got\n%s", d)
	}
	if back := at.Sub(f.Since()); back != time.Minute {
		t.Errorf("it looked back for %v", back)
	}
	if changes, _, err := n.engine.Follow(t.Context(), 0).Next(t.Context()); err != nil || len(changes) > 0 {
		t.Errorf("who looks back at nothing hears %v, %v", changes, err)
	}
}

package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/cache/memory"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// SharedEngine is an engine that several nodes open on one database.
type SharedEngine interface {
	store.Engine
	store.Keeper
	store.Shared
}

// Database opens an engine on one database each time, with a clock. The end of the test closes it.
type Database func(t *testing.T, now func() time.Time) SharedEngine

// RunNodes is the specification of engines that several nodes share, besides Run. fresh makes a database for
// each test; within is how long a change may take to be heard of.
func RunNodes(t *testing.T, within time.Duration, fresh func(t *testing.T) Database) {
	soon := heardSoon(within)
	for name, run := range map[string]func(*testing.T, func(t *testing.T) Database){
		"CancellationInAGroup": testCancellationInAGroup,
		"HearOfChanges":        soon.testChanges,
		"HearOfInserts":        soon.testInserts,
		"HearingNothing":       testNodeThatHearsNothing,
		"Clock":                testClockOfANode,
		"EnsureByMany":         testEnsureByManyNodes,
		"Life":                 testLife,
		"FollowBack":           testFollowBack,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, fresh)
		})
	}
}

// note is the document of these tests.
type note struct {
	store.Meta
	Text string `json:"text"`
}

func noteKind() store.Kind[note] {
	return store.Kind[note]{
		Name: "note", Noun: "note",
		KeepAbsence: true,
		Meta:        func(n *note) *store.Meta { return &n.Meta },
		Columns:     []store.ColumnOf[note]{{Name: "text", Kind: store.TextKind, Of: func(n *note) store.Value { return store.TextOrNone(n.Text) }}},
		Indexes:     []store.Index{{Name: "by_text", Columns: []string{"text"}}},
	}
}

func viewer(docID string) store.Tuple { return tuple("note:"+docID, "viewer", "user:1") }

// node is a DB with a cache over a database that others share.
type node struct {
	engine SharedEngine
	db     *store.DB
	notes  store.Scope[note]
}

func newNode(t *testing.T, database Database) *node {
	t.Helper()
	return newNodeAt(t, database, time.Now)
}

func newNodeAt(t *testing.T, database Database, now func() time.Time) *node {
	t.Helper()
	e := database(t, now)
	cache, err := memory.New(memory.Config{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{engine: e, db: store.New(store.Config{Engine: e, Sealer: NewSealer(), Now: now, Cache: cache})}
	n.notes = store.NewCollection(n.db, noteKind()).In(here)
	Ensure(t, n.db)
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
		Permit: Permit(here, "note.write"), Events: []store.Event{{Kind: "note.written"}},
		Docs:   []store.DocOp{n.notes.Insert(ctx, &note{Meta: store.Meta{ID: docID}})},
		Tuples: []store.TupleOp{store.WriteTuple(viewer(docID))},
	}
}

// testCancellationInAGroup gives up on batches with tuples at random moments: neighbours in the same
// transaction are not harmed, and everybody is told the truth.
func testCancellationInAGroup(t *testing.T, fresh func(t *testing.T) Database) {
	n := newNode(t, fresh(t))
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

// heardSoon is how long a change may take to be heard of.
type heardSoon time.Duration

// testInserts has a node remember that there is no such document, which another one inserts.
func (soon heardSoon) testInserts(t *testing.T, fresh func(t *testing.T) Database) {
	database := fresh(t)
	here1, there1 := newNode(t, database), newNode(t, database)
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
		if took := time.Since(inserted); took > time.Duration(soon) {
			t.Errorf("an insert took %v to arrive", took)
		}
	}
}

// testNodeThatHearsNothing is cut off: it passes its cache by as soon as it cannot know better.
func testNodeThatHearsNothing(t *testing.T, fresh func(t *testing.T) Database) {
	n := newNode(t, fresh(t))
	other := newNode(t, fresh(t))
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

// testClockOfANode finds out how far a node's clock is from the database's, and does not let a wrong one
// make the node deaf.
func testClockOfANode(t *testing.T, fresh func(t *testing.T) Database) {
	for _, ahead := range []time.Duration{0, time.Hour, -time.Hour} {
		n := newNodeAt(t, fresh(t), func() time.Time { return time.Now().Add(ahead) })
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
		other := newNode(t, fresh(t))
		other.follow(t)
		if skew := other.db.Skew(); skew.Abs() > 2*time.Second {
			t.Errorf("a node with the right clock is %v ahead", skew)
		}
	}
}

// testLife: nodes on one database know it by one name, and another database has another.
func testLife(t *testing.T, fresh func(t *testing.T) Database) {
	database := fresh(t)
	a, b, other := newNode(t, database).engine, newNode(t, database).engine, newNode(t, fresh(t)).engine
	if a.Life() == "" || a.Life() != b.Life() || a.Life() == other.Life() {
		t.Errorf("lives %q, %q, and of another %q", a.Life(), b.Life(), other.Life())
	}
}

// testFollowBack: who begins to follow hears what was changed a while before, with its versions.
func testFollowBack(t *testing.T, fresh func(t *testing.T) Database) {
	n := newNode(t, fresh(t))
	for _, docID := range []string{"1", "2"} {
		if _, err := n.db.Commit(t.Context(), n.batch(t.Context(), docID)); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"a", "b"} {
		if _, err := n.notes.Update(t.Context(), "1", func(x *note) (store.Batch, error) {
			x.Text = text
			return store.Batch{Permit: Permit(here, "note.write"), Events: []store.Event{{Kind: "note.written"}}}, nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	doc, err := n.notes.Get(t.Context(), "2")
	if err != nil {
		t.Fatal(err)
	}
	b := store.Batch{Permit: Permit(here, "note.write"), Events: []store.Event{{Kind: "note.written"}}, Docs: []store.DocOp{n.notes.Delete(doc)}}
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

// testChanges changes a document at one node while another has it in its cache.
func (soon heardSoon) testChanges(t *testing.T, fresh func(t *testing.T) Database) {
	database := fresh(t)
	here1, there1 := newNode(t, database), newNode(t, database)
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
	if longest > time.Duration(soon) {
		t.Errorf("a change took %v to arrive", longest)
	}
}

// testEnsureByManyNodes starts many nodes at once on an empty database.
func testEnsureByManyNodes(t *testing.T, fresh func(t *testing.T) Database) {
	database := fresh(t)
	failed := make([]error, 8)
	var all sync.WaitGroup
	for i := range failed {
		all.Go(func() {
			db := store.New(store.Config{Engine: database(t, time.Now), Sealer: NewSealer(), Now: time.Now})
			store.NewCollection(db, noteKind())
			failed[i] = db.Ensure(t.Context())
		})
	}
	all.Wait()
	for i, err := range failed {
		if err != nil {
			t.Errorf("node %d: %v", i, err)
		}
	}
}

package store_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/cache/memory"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// others is an engine that other nodes write to as well, as its test says.
type others struct {
	store.Engine
	next chan heard
	done chan struct{}
	gets atomic.Int64
}

// heard is what Next returns once.
type heard struct {
	changes []store.Change
	at      time.Time
	since   time.Time
	err     error
}

func (o *others) Get(ctx context.Context, k store.Key) (store.Record, error) {
	o.gets.Add(1)
	return o.Engine.Get(ctx, k)
}

func (o *others) Ensure(ctx context.Context, all []store.Schema) error {
	return o.Engine.(store.Keeper).Ensure(ctx, all)
}

func (*others) Life() string { return "life" }

func (o *others) Follow(context.Context, time.Duration) store.Follower {
	return &othersFollower{others: o}
}

type othersFollower struct {
	others *others
	since  time.Time
	began  bool
}

func (f *othersFollower) Next(ctx context.Context) ([]store.Change, time.Time, error) {
	if f.began {
		f.others.done <- struct{}{}
	}
	f.began = true
	select {
	case h := <-f.others.next:
		f.since = h.since
		return h.changes, h.at, h.err
	case <-ctx.Done():
		f.began = false
		return nil, time.Time{}, ctx.Err()
	}
}

func (f *othersFollower) Since() time.Time    { return f.since }
func (*othersFollower) Wake() <-chan struct{} { return nil }

// shelf is a second cache whose content its test chooses.
type shelf struct {
	mu   sync.Mutex
	kept map[string]kept
}

type kept struct {
	record store.Record
	asOf   time.Time
}

func (s *shelf) Recall(_ context.Context, k store.Key, good func(int64, time.Time) bool) (store.Record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.kept[k.ID]
	if !ok || !good(x.record.Version, x.asOf) {
		return store.Record{}, false
	}
	return x.record, true
}

func (s *shelf) Put(r store.Record, asOf time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[r.ID] = kept{r, asOf}
}

// TestSecond says which records of others count. What is kept there differs from what the engine has, so
// that a test sees where a document came from.
func TestSecond(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	change := func(id string, version uint64) store.Change {
		return store.Change{Key: store.Key{Tenant: "here", Collection: "ticket", ID: id}, Revision: version}
	}
	const before = -70 * time.Second // from when on this node has heard of changes
	for name, test := range map[string]struct {
		heard   []store.Change // at noon
		version int64          // of what is kept
		asOf    time.Duration  // after noon
		good    bool
	}{
		"just read":                       {version: 1, good: true},
		"read a while ago":                {version: 1, asOf: -59 * time.Second, good: true},
		"read too long ago":               {version: 1, asOf: -61 * time.Second},
		"read by a node that is ahead":    {version: 1, asOf: 4 * time.Second, good: true},
		"read in the future":              {version: 1, asOf: 6 * time.Second},
		"changed since":                   {heard: []store.Change{change("1", 2)}, version: 1, asOf: -10 * time.Second},
		"changed since, by its times not": {heard: []store.Change{change("1", 2)}, version: 1, asOf: 4 * time.Second},
		"changed before":                  {heard: []store.Change{change("1", 2)}, version: 2, asOf: -10 * time.Second, good: true},
		"changed twice":                   {heard: []store.Change{change("1", 3), change("1", 2)}, version: 2, asOf: 0},
		"another was changed":             {heard: []store.Change{change("2", 2)}, version: 1, asOf: -10 * time.Second, good: true},
		"deleted since":                   {heard: []store.Change{change("1", 0)}, version: 7, asOf: -10 * time.Second},
		"deleted just before it was read": {heard: []store.Change{change("1", 0)}, version: 1, asOf: 4 * time.Second},
		"deleted and made again":          {heard: []store.Change{change("1", 0), change("1", 2)}, version: 7, asOf: -10 * time.Second},
		"changed in a way nobody knows":   {heard: []store.Change{change("1", 0)}, version: 1, asOf: -time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newSecondWorld(t)
			w.hear(heard{changes: test.heard, at: noon, since: noon.Add(before)})
			w.keep("1", test.version, noon.Add(test.asOf))
			w.sees("1", test.good)
		})
	}
}

// TestSecondOfOneJustStarted uses nothing that was read before it heard of changes, nor after it has missed
// some.
func TestSecondOfOneJustStarted(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	w := newSecondWorld(t)
	w.keep("1", 1, noon)
	w.sees("1", false) // it has heard of nothing yet
	w.hear(heard{at: noon.Add(8 * time.Second), since: noon.Add(2 * time.Second)})
	w.keep("1", 1, noon.Add(6*time.Second)) // whatever was noted five seconds before it was read may be missing
	w.sees("1", false)
	w.keep("2", 1, noon.Add(7*time.Second))
	w.sees("2", true)
	w.hear(heard{at: noon.Add(30 * time.Second), since: noon.Add(30 * time.Second), err: store.ErrTrimmed})
	w.keep("2", 1, noon.Add(29*time.Second))
	w.sees("2", false)
}

// TestSecondAndOwnChanges: what this node changes it does not see as it was, before it hears of itself.
func TestSecondAndOwnChanges(t *testing.T) {
	t.Parallel()
	w := newSecondWorld(t)
	now := time.Now()
	w.hear(heard{at: now, since: now.Add(-time.Minute)})
	w.keep("1", 1, now)
	w.keep("2", 1, now)
	w.sees("1", true)
	w.sees("2", true)
	doc, err := w.here.Get(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	gone, err := w.here.Get(t.Context(), "2")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.Commit(t.Context(), change("here", w.here.Replace(t.Context(), doc), w.here.Delete(gone))); err != nil {
		t.Fatal(err)
	}
	w.sees("1", false)
	if _, err := w.here.View(t.Context(), "2"); !errs.Is(err, errs.NotFound) {
		t.Errorf("what it has deleted: %v", err)
	}
	w.shelf.mu.Lock()
	defer w.shelf.mu.Unlock()
	if x := w.shelf.kept["1"]; x.record.Version != 2 || !x.asOf.Equal(now) {
		t.Errorf("for others it has put version %d as of %v, want 2 as of %v", x.record.Version, x.asOf, now)
	}
}

// TestSecondForgetsLittle: too many changes at once make older records useless, and no more.
func TestSecondForgetsLittle(t *testing.T) {
	t.Parallel()
	w := newSecondWorld(t)
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	w.hear(heard{at: noon, since: noon.Add(-time.Minute)})
	var many []store.Change
	for i := range 200_001 {
		many = append(many, store.Change{Key: store.Key{Tenant: "here", Collection: "ticket", ID: strconv.Itoa(i + 2)}, Revision: 2})
	}
	many[0].Key.ID = "1" // the oldest, which is forgotten
	w.hear(heard{at: noon.Add(time.Second), since: noon.Add(-time.Minute), changes: many})
	w.keep("1", 1, noon)
	w.sees("1", false)
	w.hear(heard{at: noon.Add(10 * time.Second), since: noon.Add(-time.Minute)})
	w.keep("1", 2, noon.Add(7*time.Second))
	w.hear(heard{at: noon.Add(11 * time.Second), since: noon.Add(-time.Minute), changes: []store.Change{{Key: store.Key{Tenant: "here", Collection: "ticket", ID: "1"}, Revision: 2}}})
	w.sees("1", true)
}

// secondWorld is a node with a second cache, whose engine has tickets in the state "engine"; those in the
// second cache are in the state "kept".
type secondWorld struct {
	t     *testing.T
	o     *others
	shelf *shelf
	db    *store.DB
	here  store.Scope[ticket]
}

func newSecondWorld(t *testing.T) *secondWorld {
	t.Helper()
	cache, err := memory.New(memory.Config{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	w := &secondWorld{t: t, o: &others{next: make(chan heard), done: make(chan struct{})}, shelf: &shelf{kept: map[string]kept{}}}
	w.db = storetest.NewDB(t, storetest.WithCache(cache), storetest.WithSecond(w.shelf), storetest.WithEngine(func(e store.Engine) store.Engine {
		w.o.Engine = e
		return w.o
	}))
	w.here = store.NewCollection(w.db, ticketKind("ticket")).In("here")
	storetest.Ensure(t, w.db)
	for _, docID := range []string{"1", "2"} {
		if _, err := w.db.Commit(t.Context(), change("here", w.here.Insert(t.Context(), newTicket(docID, "engine")))); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { w.db.Follow(ctx) })
	t.Cleanup(func() {
		stop()
		go func() {
			for range w.o.done { // it may be about to say that it is done
			}
		}()
		done.Wait()
	})
	return w
}

// hear has the node hear something, and returns when it has understood.
func (w *secondWorld) hear(h heard) {
	w.t.Helper()
	w.o.next <- h
	<-w.o.done
}

// keep puts a ticket into the second cache.
func (w *secondWorld) keep(docID string, version int64, asOf time.Time) {
	k := store.Key{Tenant: "here", Collection: "ticket", ID: docID}
	w.shelf.Put(store.Record{Key: k, Version: version, Body: []byte(`{"state":"kept","seat":0}`)}, asOf)
}

func (w *secondWorld) sees(docID string, kept bool) {
	w.t.Helper()
	want := "engine"
	if kept {
		want = "kept"
	}
	if x, err := w.here.View(w.t.Context(), docID); err != nil || string(x.State) != want {
		w.t.Errorf("sees %+v, %v, want the one of the %s", x, err, want)
	}
}

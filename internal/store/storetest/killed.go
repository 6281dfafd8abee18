package storetest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/test/proof"
)

// Killable is a server that a test can kill (SIGKILL) and start again, with what was on its disk.
type Killable interface {
	Kill()
	Restart(t testing.TB)
}

// RunKilled kills the server of e in the middle of writes and starts it again. What was acknowledged is
// there, whole; of what was refused nothing is there; every failure is a 503. It is done three times, or as
// often as CARDEA_PROOF says.
func RunKilled(t *testing.T, server Killable, e SharedEngine) {
	rounds := 3
	if testing.Short() {
		rounds = 1
	}
	rounds = proof.Rounds(t, rounds)
	db := store.New(store.Config{Engine: e, Sealer: NewSealer(), Now: time.Now})
	notes := store.NewCollection(db, noteKind()).In(here)
	Ensure(t, db)
	w := &writers{db: db, notes: notes, told: map[string]error{}}
	for round := range rounds {
		w.run(t, round, server)
	}
	acknowledged, refused, unknown := 0, 0, 0
	for docID, err := range w.told {
		_, missing := notes.Get(t.Context(), docID)
		_, second := notes.Get(t.Context(), docID+"-second")
		related, listErr := e.ListTuples(t.Context(), store.OwnTuples(here), store.TupleFilter{Object: viewer(docID).Object}, store.TuplePage{})
		if listErr != nil {
			t.Fatal(listErr)
		}
		whole := missing == nil && second == nil && len(related) == 1
		nothing := errs.Is(missing, errs.NotFound) && errs.Is(second, errs.NotFound) && len(related) == 0
		switch {
		case !whole && !nothing:
			t.Errorf("%s is half there: %v, %v, %d tuples", docID, missing, second, len(related))
		case err == nil && !whole:
			t.Errorf("%s was acknowledged and is lost", docID)
		case err == nil:
			acknowledged++
		case !errs.Is(err, errs.Unavailable):
			t.Errorf("%s failed with %v", docID, err)
		case errs.CodeOf(err) == "outcome_unknown":
			unknown++
		case !nothing:
			t.Errorf("%s was refused (%s) and is there", docID, errs.CodeOf(err))
		default:
			refused++
		}
	}
	proof.Figures(t, "kills", rounds, "batches acknowledged", acknowledged, "refused", refused, "of unknown outcome", unknown,
		"first good write after at most", w.longest)
	if acknowledged < rounds || refused == 0 {
		t.Error("the server was not killed in the middle of writes")
	}
}

// writers write until the server has come back from the dead.
type writers struct {
	db      *store.DB
	notes   store.Scope[note]
	longest time.Duration

	mu   sync.Mutex
	told map[string]error
}

func (w *writers) run(t *testing.T, round int, server Killable) {
	t.Helper()
	var n, good atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for writer := range 8 {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				docID := fmt.Sprintf("%d-%d-%d", round, writer, i)
				err := w.write(t.Context(), docID)
				w.mu.Lock()
				w.told[docID] = err
				w.mu.Unlock()
				if n.Add(1); err == nil {
					good.Add(1)
				} else {
					pauseFor(5 * time.Millisecond)
				}
			}
		})
	}
	until(t, func() bool { return good.Load() > 50 })
	server.Kill()
	until(t, func() bool { before := n.Load(); return before > 60 })
	server.Restart(t)
	back, before := time.Now(), good.Load()
	until(t, func() bool { return good.Load() > before })
	w.longest = max(w.longest, time.Since(back))
	stop()
	all.Wait()
}

func (w *writers) write(ctx context.Context, docID string) error {
	_, err := w.db.Commit(ctx, store.Batch{
		Permit: Permit(here, "note.write"), Events: []store.Event{{Kind: "note.written"}},
		Docs: []store.DocOp{
			w.notes.Insert(ctx, &note{Meta: store.Meta{ID: docID}}), w.notes.Insert(ctx, &note{Meta: store.Meta{ID: docID + "-second"}}),
		},
		Tuples: []store.TupleOp{store.WriteTuple(viewer(docID))},
	})
	return err
}

// until waits for something that happens elsewhere.
func until(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); pauseFor(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not happen")
		}
	}
}

func pauseFor(d time.Duration) { <-time.After(d) }

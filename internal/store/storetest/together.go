package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// at once runs f n times together and returns what each returned.
func atOnce(n int, f func(i int) error) []error {
	out := make([]error, n)
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			out[i] = f(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return out
}

// testOneRedemptionWins has 100 callers spend one artefact that all of them have read.
func testOneRedemptionWins(w *world) {
	const callers = 100
	w.insert(here, newGadget("code", "unspent"))
	results := atOnce(callers, func(i int) error {
		g, err := w.in(here).Get(w.Context(), "code")
		if err != nil {
			return err
		}
		if g.Name != "unspent" {
			return store.ErrChanged
		}
		g.Name, g.Rank = "spent", int64(i)
		token := newGadget(fmt.Sprint("token", i), "token")
		return w.commit(here, w.in(here).Replace(w.Context(), g), w.in(here).Insert(w.Context(), token))
	})
	winner := -1
	for i, err := range results {
		switch {
		case err == nil && winner >= 0:
			w.Errorf("both %d and %d have won", winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, store.ErrChanged):
			w.Errorf("caller %d: %v", i, err)
		}
	}
	if winner < 0 {
		w.Fatal("nobody has won")
	}
	if got := w.get(here, "code"); got.Rank != int64(winner) || got.Version != 2 {
		w.Errorf("caller %d was told of success, but the code says %d, version %d", winner, got.Rank, got.Version)
	}
	if n := w.count(store.Query{Index: byName, Eq: []store.Value{store.Text("token")}}); n != 1 {
		w.Errorf("%d tokens were issued", n)
	}
}

// testOneInsertWins has callers race for a key and for a unique value.
func testOneInsertWins(w *world) {
	for index, make := range map[string]func(i int) *gadget{
		store.PrimaryIndex: func(i int) *gadget { return newGadget("the one", fmt.Sprint(i)) },
		byEmail: func(i int) *gadget {
			return &gadget{Meta: store.Meta{ID: fmt.Sprint("m", i)}, Email: "x@example.org"}
		},
	} {
		won := 0
		for _, err := range atOnce(30, func(i int) error { return w.commit(here, w.in(here).Insert(w.Context(), make(i))) }) {
			if err == nil {
				won++
			} else if !store.Exists(err, index) {
				w.Errorf("%s: %v", index, err)
			}
		}
		if won != 1 {
			w.Errorf("%s: %d have won", index, won)
		}
	}
}

// testCounterUnderContention has 200 callers add one. Each either succeeds, and is counted, or hears
// that the document was changed too often.
func testCounterUnderContention(w *world) {
	const callers = 200
	w.insert(here, newGadget("counter", "c"))
	var succeeded atomic.Int64
	for _, err := range atOnce(callers, func(int) error {
		g, err := w.in(here).Update(w.Context(), "counter", func(g *gadget) (store.Batch, error) {
			g.Rank++
			return batch(here), nil
		})
		if err == nil {
			succeeded.Add(1)
			if g.Version < 2 {
				w.Errorf("Update returned version %d", g.Version)
			}
		}
		return err
	}) {
		if err != nil && errs.CodeOf(err) != "changed_meanwhile" {
			w.Error(err)
		}
	}
	got := w.get(here, "counter")
	if got.Rank != succeeded.Load() || got.Version != 1+succeeded.Load() {
		w.Errorf("%d succeeded, but the counter says %d in version %d", succeeded.Load(), got.Rank, got.Version)
	}
	if succeeded.Load() < callers/10 { // how many is a matter of the machine
		w.Errorf("only %d of %d succeeded", succeeded.Load(), callers)
	}
}

// testCancellation gives up on commits at random moments. Whoever hears of success finds the change,
// whoever hears of failure does not, and nobody's neighbour is harmed.
func testCancellation(w *world) {
	const callers = 150
	results := atOnce(callers, func(i int) error {
		ctx, cancel := context.WithCancel(w.Context())
		if i%3 > 0 {
			time.AfterFunc(time.Duration(i*i%2000)*time.Microsecond, cancel)
		}
		defer cancel()
		_, err := w.db.Commit(ctx, batch(here, w.in(here).Insert(ctx, newGadget(fmt.Sprint(i), "a"))))
		return err
	})
	for i, err := range results {
		_, readErr := w.in(here).Get(w.Context(), fmt.Sprint(i))
		switch {
		case err == nil && readErr != nil:
			w.Errorf("commit %d was acknowledged, but: %v", i, readErr)
		case err != nil && errs.CodeOf(err) == "outcome_unknown":
		case err != nil && !errs.Is(readErr, errs.NotFound):
			w.Errorf("commit %d failed (%v), but was done (%v)", i, err, readErr)
		case err != nil && i%3 == 0:
			w.Errorf("commit %d was harmed by its neighbours: %v", i, err)
		}
	}
	ctx, cancel := context.WithCancel(w.Context())
	cancel()
	if err := errors.Join(w.dead(ctx)...); err != nil {
		w.Error(err)
	}
}

// dead tries everything with a context that is over; each call must fail as a timeout.
func (w *world) dead(ctx context.Context) []error {
	var out []error
	_, err := w.db.Commit(ctx, batch(here, w.in(here).Insert(ctx, newGadget("dead", "a"))))
	_, getErr := w.in(here).Get(ctx, "0")
	_, findErr := w.in(here).Find(ctx, store.Query{})
	for name, err := range map[string]error{"commit": err, "get": getErr, "find": findErr} {
		if errs.CodeOf(err) != "timeout" {
			out = append(out, fmt.Errorf("%s with a dead context: %w", name, err))
		}
	}
	if _, err := w.in(here).Get(w.Context(), "dead"); !errs.Is(err, errs.NotFound) {
		out = append(out, errors.New("a dead commit was done"))
	}
	return out
}

package password

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// These tests look at the queue by itself, in fake time: the hashes are sleeps.

// turn takes slots for the given time and writes down its name when it gets them.
func turn(t *testing.T, q *queue, weight int, hold time.Duration, begun func()) {
	t.Helper()
	go func() {
		if err := q.acquire(t.Context(), weight); err != nil {
			t.Errorf("refused: %v", err)
			return
		}
		begun()
		time.Sleep(hold)
		q.release(weight, hold)
	}()
	synctest.Wait() // so that they arrive one by one
}

// idle lets time pass until nothing moves.
func idle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestQueueIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{slots: 1, limit: 10, wait: time.Minute}
		var order []int
		for i := range 10 {
			turn(t, q, 1, time.Second, func() { order = append(order, i) })
		}
		idle(20 * time.Second)
		if !slices.Equal(order, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
			t.Errorf("served in the order %v", order)
		}
		if got, want := q.stats(), (Stats{Slots: 1, Done: 10}); got != want {
			t.Errorf("left %+v, want %+v", got, want)
		}
	})
}

// A heavy hash is not starved by light ones that would fit, and runs beside none that would not.
func TestQueueWeighs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{slots: 3, limit: 10, wait: time.Minute}
		type event struct {
			name string
			at   time.Duration
		}
		var got []event
		start := time.Now()
		for _, c := range []struct {
			name   string
			weight int
		}{{"a", 1}, {"b", 1}, {"heavy", 3}, {"c", 1}, {"d", 2}} {
			turn(t, q, c.weight, time.Second, func() {
				q.mu.Lock()
				defer q.mu.Unlock()
				got = append(got, event{c.name, time.Since(start)})
				if q.used > q.slots {
					t.Errorf("%d of %d slots used", q.used, q.slots)
				}
			})
		}
		idle(10 * time.Second)
		slices.SortStableFunc(got, func(a, b event) int { return int(a.at - b.at) })
		want := []event{{"a", 0}, {"b", 0}, {"heavy", time.Second}, {"c", 2 * time.Second}, {"d", 2 * time.Second}}
		if !slices.Equal(got[:3], want[:3]) || got[3].at != want[3].at || got[4].at != want[4].at {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestRegress_153_QueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{slots: 2, limit: 3, wait: time.Minute}
		for range 5 {
			turn(t, q, 1, time.Second, func() {})
		}
		start := time.Now()
		for range 100 {
			err := q.acquire(t.Context(), 1)
			if e := errs.From(err); err == nil || e.Kind != errs.Unavailable || e.RetryAfter < time.Second {
				t.Fatalf("the queue is full: %v", err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("refusing took %v", took)
		}
		if got, want := q.stats(), (Stats{Slots: 2, Running: 2, Waiting: 3, Refused: 100}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		idle(time.Minute)
	})
}

func TestQueueWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{slots: 1, limit: 10, wait: 3 * time.Second}
		turn(t, q, 1, time.Minute, func() {})
		start := time.Now()
		err := q.acquire(t.Context(), 1)
		if !errs.Is(err, errs.Unavailable) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		if got, want := q.stats(), (Stats{Slots: 1, Running: 1, Refused: 1}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		idle(time.Minute)
	})
}

func TestQueueCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{slots: 2, limit: 10, wait: time.Minute}
		turn(t, q, 1, 10*time.Second, func() {})
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- q.acquire(ctx, 2) }() // does not fit
		synctest.Wait()
		served := false
		turn(t, q, 1, time.Second, func() { served = true }) // fits, but stands behind it
		if served {
			t.Fatal("overtook")
		}
		cancel()
		synctest.Wait()
		if err := <-result; !errors.Is(err, context.Canceled) || !errs.Is(err, errs.Unavailable) {
			t.Errorf("cancelled: %v", err)
		}
		if !served {
			t.Error("who stood behind the cancelled one still waits")
		}
		idle(20 * time.Second)
		if got, want := q.stats(), (Stats{Slots: 2, Done: 2, Refused: 1}); got != want || q.used != 0 {
			t.Errorf("left %+v, %d slots used; want %+v", got, q.used, want)
		}
	})
}

// Who would wait in vain is told so on arrival, once it is known how long a turn takes.
func TestQueueForesees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{slots: 1, limit: 100, wait: 4200 * time.Millisecond}
		turn(t, q, 1, time.Second, func() {})
		idle(2 * time.Second)
		for range 4 {
			turn(t, q, 1, time.Second, func() {})
		}
		start := time.Now()
		if err := q.acquire(t.Context(), 1); err != nil { // 3 wait: half a turn and three
			t.Fatalf("after %v: %v", time.Since(start), err)
		}
		go func() { time.Sleep(time.Second); q.release(1, time.Second) }()
		for range 4 {
			turn(t, q, 1, time.Second, func() {})
		}
		start = time.Now()
		err := q.acquire(t.Context(), 1)
		if e := errs.From(err); err == nil || time.Since(start) != 0 || e.RetryAfter < 4*time.Second || e.RetryAfter > 6*time.Second {
			t.Errorf("after %v: %v, come back in %v", time.Since(start), err, e.RetryAfter)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		if err := q.acquire(ctx, 1); err == nil || time.Since(start) != 0 {
			t.Errorf("a caller with a second left waited %v: %v", time.Since(start), err)
		}
		idle(20 * time.Second)
	})
}

// A machine that slept through a hash must not refuse everybody afterwards.
func TestQueueForgetsOutliers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{slots: 1, limit: 100, wait: 2 * time.Second}
		if err := q.acquire(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		q.release(1, time.Hour)
		for range 20 {
			if err := q.acquire(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			q.release(1, 20*time.Millisecond)
		}
		if q.expected() > 200*time.Millisecond {
			t.Errorf("expects to wait %v", q.expected())
		}
	})
}

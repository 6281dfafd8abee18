package password

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// queue hands out slots in the order of asking. It starts no goroutine: a caller waits and computes
// in its own. What cannot be served in time is refused on arrival, so that a flood costs a lock and
// a comparison for each caller above the limit.
type queue struct {
	slots int
	limit int           // callers waiting at most
	wait  time.Duration // longest wait

	mu      sync.Mutex
	used    int           // slots taken
	running int           // callers holding slots
	waiting list.List     // of *ticket, oldest first
	turn    time.Duration // moving average of time × slots of one turn
	refused uint64
	done    uint64
}

// ticket is one waiting caller.
type ticket struct {
	weight int
	ready  chan struct{} // closed once the slots are the caller's
}

// acquire takes weight slots, waiting for them behind all who asked before. It fails with
// Unavailable and a time to come back: at once if the queue is full or the wait would outlast the
// limit or the caller's deadline, later if that estimate was wrong, and when ctx ends (the cause is
// then ctx's). After nil the caller owes a release.
func (q *queue) acquire(ctx context.Context, weight int) error {
	t, err := q.enter(ctx, weight)
	if t == nil || err != nil {
		return err
	}
	timer := time.NewTimer(q.wait)
	defer timer.Stop()
	select {
	case <-t.ready:
		return nil
	case <-timer.C:
		return q.leave(t, context.DeadlineExceeded)
	case <-ctx.Done():
		return q.leave(t, ctx.Err())
	}
}

// enter takes free slots (a nil ticket), joins the queue, or refuses.
func (q *queue) enter(ctx context.Context, weight int) (*ticket, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, q.refuse(err)
	}
	if q.waiting.Len() == 0 && q.used+weight <= q.slots {
		q.take(weight)
		return nil, nil
	}
	patience := q.wait // a context's deadline is a time of the wall clock, whatever Now says
	if end, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(end))
	}
	if q.waiting.Len() >= q.limit || q.expected() > patience {
		return nil, q.refuse(nil)
	}
	t := &ticket{weight: weight, ready: make(chan struct{})}
	q.waiting.PushBack(t)
	return t, nil
}

// leave gives up waiting. Slots that were granted in the same moment are passed on.
func (q *queue) leave(t *ticket, cause error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-t.ready:
		q.give(t.weight)
	default:
		q.remove(t)
	}
	q.grant() // whoever stood behind may fit now
	return q.refuse(cause)
}

// release returns slots that were held for the given time.
func (q *queue) release(weight int, held time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.give(weight)
	q.done++
	// A clock that jumped or a machine that slept must not close the queue: one sample counts for
	// an eighth, and for no more than the longest wait.
	sample := min(held, q.wait) * time.Duration(weight)
	if q.turn == 0 {
		q.turn = sample
	}
	q.turn += (sample - q.turn) / 8
	q.grant()
}

// grant lets the oldest in while they fit. A heavy one in front holds back lighter ones behind it:
// overtaking would let a stream of small hashes starve it.
func (q *queue) grant() {
	for e := q.waiting.Front(); e != nil; e = q.waiting.Front() {
		t := e.Value.(*ticket)
		if q.used+t.weight > q.slots {
			return
		}
		q.waiting.Remove(e)
		q.take(t.weight)
		close(t.ready)
	}
}

// expected is how long a caller arriving now would wait. Slots that are busy count as half done.
func (q *queue) expected() time.Duration {
	ahead := 2*q.waiting.Len() + 1
	return q.turn * time.Duration(ahead) / time.Duration(2*q.slots)
}

// refuse counts and explains a refusal. The queue will have drained by the time it names.
func (q *queue) refuse(cause error) error {
	q.refused++
	after := q.expected().Truncate(time.Second) + time.Second
	return errs.Busy(after, cause, "too_busy", "Too many passwords are being checked right now. Please try again shortly.")
}

// stats is a consistent picture of the moment.
func (q *queue) stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return Stats{Slots: q.slots, Running: q.running, Waiting: q.waiting.Len(), Done: q.done, Refused: q.refused}
}

func (q *queue) take(weight int) { q.used, q.running = q.used+weight, q.running+1 }
func (q *queue) give(weight int) { q.used, q.running = q.used-weight, q.running-1 }

func (q *queue) remove(t *ticket) {
	for e := q.waiting.Front(); e != nil; e = e.Next() {
		if e.Value == t {
			q.waiting.Remove(e)
			return
		}
	}
}

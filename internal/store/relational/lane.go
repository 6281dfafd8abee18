package relational

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// Bounds of a group.
const (
	maxQueue  = 1024 // batches that wait for one tuple store; more are refused rather than kept
	maxGroup  = 256  // batches in one transaction
	maxTuples = 4000 // tuple operations in one transaction, unless one batch alone has more
)

var errQueueFull = errors.New("store: too many writes to a tuple store are waiting")

// Lanes commit the batches that change tuples: one group at a time for each tuple store, because all
// of them change the counter of the store and would wait for one another on the server. A group is
// what queued while the group before was being committed; there is no timer.
//
//	queued ──▶ taken ──▶ done      the caller waits and learns the true outcome
//	   └─────▶ abandoned           the caller's context ended before its turn: nothing happens
//
// A lane lives as long as something is queued.
type Lanes struct {
	over   error                         // after Close
	commit func(context.Context, []*Job) // decides every job

	mu     sync.Mutex
	open   map[store.TupleStore][]*Job // what waits; a store is in it while its lane lives
	closed bool
	live   sync.WaitGroup
}

// NewLanes makes lanes whose groups commit decides. After Close they return over.
func NewLanes(over error, commit func(context.Context, []*Job)) *Lanes {
	return &Lanes{over: over, commit: commit, open: map[store.TupleStore][]*Job{}}
}

// Job is one batch on its way. Who commits it sets Revision and Err.
type Job struct {
	Write    store.Write
	Revision uint64
	Err      error

	state atomic.Int32
	done  chan struct{}
}

// States of a job.
const (
	queued int32 = iota
	taken
	abandoned
)

// Do has w committed and returns when it is durable. When ctx ends before its turn, nothing happens
// and the error is ctx's; later the outcome is waited for.
func (l *Lanes) Do(ctx context.Context, w store.Write) (store.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return store.Receipt{}, err
	}
	j := &Job{Write: w, done: make(chan struct{})}
	if err := l.send(ctx, j); err != nil {
		return store.Receipt{}, err
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.state.CompareAndSwap(queued, abandoned) {
			return store.Receipt{}, ctx.Err()
		}
		<-j.done
	}
	if j.Err != nil {
		return store.Receipt{}, j.Err
	}
	return store.Receipt{Revision: j.Revision}, nil
}

func (l *Lanes) send(ctx context.Context, j *Job) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := j.Write.InTuples()
	waiting, lives := l.open[s]
	switch {
	case l.closed:
		return l.over
	case len(waiting) >= maxQueue:
		return errs.Busy(time.Second, errQueueFull, "store_busy", "The database has more to write than it can; try again.")
	}
	l.open[s] = append(waiting, j)
	if !lives {
		quiet := context.WithoutCancel(ctx)
		l.live.Go(func() { l.run(quiet, s) })
	}
	return nil
}

func (l *Lanes) run(ctx context.Context, s store.TupleStore) {
	for {
		group := l.gather(s)
		if group == nil {
			return
		}
		l.commit(ctx, group)
		for _, j := range group {
			close(j.done)
		}
	}
}

// gather takes what has queued, or ends the lane. A batch that drops the store is a group of its own.
func (l *Lanes) gather(s store.TupleStore) []*Job {
	l.mu.Lock()
	defer l.mu.Unlock()
	var group []*Job
	tuples, n := 0, 0
	waiting := l.open[s]
	for _, j := range waiting {
		if len(group) == maxGroup || len(group) > 0 && (tuples+len(j.Write.Tuples) > maxTuples || j.Write.DropTuples || group[0].Write.DropTuples) {
			break
		}
		n++
		if j.state.CompareAndSwap(queued, taken) {
			group = append(group, j)
			tuples += len(j.Write.Tuples)
		}
	}
	if group == nil {
		delete(l.open, s)
		return nil
	}
	l.open[s] = waiting[n:]
	return group
}

// Close refuses what comes later and waits for what is queued.
func (l *Lanes) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.live.Wait()
}

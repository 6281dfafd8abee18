package postgres

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

var errQueueFull = errors.New("postgres: too many writes to a tuple store are waiting")

// lanes commit the batches that change tuples: one group at a time for each tuple store, because all
// of them change the counter row of the store and would wait for one another on the server. A group is
// what queued while the group before was being committed; there is no timer.
//
//	queued ──▶ taken ──▶ done      the caller waits and learns the true outcome
//	   └─────▶ abandoned           the caller's context ended before its turn: nothing happens
//
// A lane lives as long as something is queued.
type lanes struct {
	mu     sync.Mutex
	open   map[store.TupleStore][]*job // what waits; a store is in it while its lane lives
	closed bool
	live   sync.WaitGroup
}

// job is one batch on its way.
type job struct {
	w        store.Write
	state    atomic.Int32
	revision uint64
	err      error
	done     chan struct{}
}

// States of a job.
const (
	queued int32 = iota
	taken
	abandoned
)

// do has w committed and returns when it is durable. When ctx ends before its turn, nothing happens
// and the error is ctx's; later the outcome is waited for.
func (l *lanes) do(ctx context.Context, e *Engine, w store.Write) (store.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return store.Receipt{}, err
	}
	j := &job{w: w, done: make(chan struct{})}
	if err := l.send(ctx, e, j); err != nil {
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
	if j.err != nil {
		return store.Receipt{}, j.err
	}
	return store.Receipt{Revision: j.revision}, nil
}

func (l *lanes) send(ctx context.Context, e *Engine, j *job) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := j.w.InTuples()
	waiting, lives := l.open[s]
	switch {
	case l.closed:
		return ErrClosed
	case len(waiting) >= maxQueue:
		return errs.Busy(time.Second, errQueueFull, "store_busy", "The database has more to write than it can; try again.")
	}
	l.open[s] = append(waiting, j)
	if !lives {
		quiet := context.WithoutCancel(ctx)
		l.live.Go(func() { l.run(quiet, e, s) })
	}
	return nil
}

func (l *lanes) run(ctx context.Context, e *Engine, s store.TupleStore) {
	for {
		group := l.gather(s)
		if group == nil {
			return
		}
		e.commitGroup(ctx, group)
		for _, j := range group {
			close(j.done)
		}
	}
}

// gather takes what has queued, or ends the lane. A batch that drops the store is a group of its own.
func (l *lanes) gather(s store.TupleStore) []*job {
	l.mu.Lock()
	defer l.mu.Unlock()
	var group []*job
	tuples, n := 0, 0
	waiting := l.open[s]
	for _, j := range waiting {
		if len(group) == maxGroup || len(group) > 0 && (tuples+len(j.w.Tuples) > maxTuples || j.w.DropTuples || group[0].w.DropTuples) {
			break
		}
		n++
		if j.state.CompareAndSwap(queued, taken) {
			group = append(group, j)
			tuples += len(j.w.Tuples)
		}
	}
	if group == nil {
		delete(l.open, s)
		return nil
	}
	l.open[s] = waiting[n:]
	return group
}

// close refuses what comes later and waits for what is queued.
func (l *lanes) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.live.Wait()
}

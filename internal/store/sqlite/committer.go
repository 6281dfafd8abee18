package sqlite

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// Bounds of the committer.
const (
	maxQueue = 1024 // batches that wait; more are refused rather than kept
	maxGroup = 256  // batches in one transaction
)

// Errors of a group, for the log.
var (
	errQueueFull = errors.New("sqlite: too many writes are waiting")
	errNeighbour = errors.New("sqlite: the transaction that this write shared was not committed")
	errLost      = errors.New("sqlite: the transaction was rolled back under a write")
)

// committer owns the one connection that writes. A group is what queued while the group before was
// being committed; there is no timer, so a lone caller waits for nobody.
//
//	queued ──▶ taken ──▶ done      the caller waits and learns the true outcome
//	   └─────▶ abandoned           the caller's context ended before its turn: nothing happens
//
// The committer runs on a context of its own. Cancelling a statement would roll back the whole
// group, and the next SAVEPOINT would open a transaction of its own that RELEASE makes durable,
// although the group as a whole fails; the guard below refuses such a stray commit.
type committer struct {
	conn    *conn
	queue   chan *job
	stopped chan struct{}

	// Only the committer's goroutine touches these; SQLite calls its hooks on it.
	open    bool // a transaction of ours is open
	allowed bool // the COMMIT under way is ours

	commits atomic.Int64 // transactions that became durable

	mu     sync.RWMutex // guards closing against senders
	closed bool
}

// job is one batch of writes on its way. work may run more than once; only its last run counts.
type job struct {
	work  func(context.Context, *conn) error
	state atomic.Int32
	err   error
	done  chan struct{}
}

// States of a job.
const (
	queued int32 = iota
	taken
	abandoned
)

// startCommitter takes c over. The context must not be cancellable.
func startCommitter(ctx context.Context, c *conn) (*committer, error) {
	m := &committer{conn: c, queue: make(chan *job, maxQueue), stopped: make(chan struct{})}
	if err := m.watch(); err != nil {
		return nil, err
	}
	go m.run(ctx)
	return m, nil
}

// watch learns of every commit and rollback of the connection, whoever causes it.
func (m *committer) watch() error {
	hooks, ok := m.conn.raw.(sqlite.HookRegisterer)
	if !ok {
		return errors.New("sqlite: the driver lacks hooks")
	}
	hooks.RegisterRollbackHook(func() { m.open = false })
	hooks.RegisterCommitHook(func() int32 {
		if m.allowed {
			return 0
		}
		return 1 // turns the stray commit into a rollback
	})
	return nil
}

// do has work done in a transaction and returns when it is durable. When ctx ends before the turn
// of work, nothing happens and the error is ctx's; later the outcome is waited for, because a
// caller who is told "timeout" must not find the change done.
func (m *committer) do(ctx context.Context, work func(context.Context, *conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{work: work, done: make(chan struct{})}
	if err := m.send(j); err != nil {
		return err
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.state.CompareAndSwap(queued, abandoned) {
			return ctx.Err()
		}
		<-j.done
	}
	return j.err
}

func (m *committer) send(j *job) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return ErrClosed
	}
	select {
	case m.queue <- j:
		return nil
	default:
		return errs.Busy(time.Second, errQueueFull, "store_busy", "The database has more to write than it can; try again.")
	}
}

func (m *committer) run(ctx context.Context) {
	defer close(m.stopped)
	for j := range m.queue {
		group := m.gather(j)
		m.commit(ctx, group)
		for _, j := range group {
			close(j.done)
		}
	}
}

// gather takes what has queued meanwhile. Abandoned jobs are left out.
func (m *committer) gather(first *job) []*job {
	group := make([]*job, 0, 1+len(m.queue))
	for j := first; ; {
		if j.state.CompareAndSwap(queued, taken) {
			group = append(group, j)
		}
		if len(group) == maxGroup {
			return group
		}
		select {
		case next, ok := <-m.queue:
			if !ok {
				return group
			}
			j = next
		default:
			return group
		}
	}
}

// commit decides every job of the group. When a job costs the group its transaction (a full disk,
// an I/O error), the others did nothing wrong: each then has a transaction of its own.
func (m *committer) commit(ctx context.Context, group []*job) {
	if len(group) == 0 || m.attempt(ctx, group) || len(group) == 1 {
		return
	}
	for _, j := range group {
		m.attempt(ctx, []*job{j})
	}
}

// attempt runs the group in one transaction. It returns false if nothing of it was written for a
// reason that need not be every job's own.
func (m *committer) attempt(ctx context.Context, group []*job) bool {
	if err := m.begin(ctx); err != nil {
		for _, j := range group {
			j.err = err
		}
		return true
	}
	written := false
	for _, j := range group {
		j.err = m.step(ctx, j, len(group) > 1)
		if !m.open {
			m.rollback(ctx)
			j.err = errors.Join(errLost, j.err)
			return false
		}
		written = written || j.err == nil
	}
	if !written {
		m.rollback(ctx)
		return true
	}
	return m.finish(ctx, group)
}

func (m *committer) begin(ctx context.Context) error {
	_, err := m.conn.exec(ctx, "BEGIN IMMEDIATE")
	m.open = err == nil
	return err
}

// step runs one job so that its failure undoes nothing but itself. A job that is alone in its
// transaction needs no savepoint: when it fails, nothing is committed.
func (m *committer) step(ctx context.Context, j *job, nested bool) error {
	if !nested {
		return j.work(ctx, m.conn)
	}
	if _, err := m.conn.exec(ctx, "SAVEPOINT batch"); err != nil {
		return err
	}
	err := j.work(ctx, m.conn)
	if !m.open {
		return err
	}
	if err != nil {
		if _, undo := m.conn.exec(ctx, "ROLLBACK TO batch"); undo != nil {
			m.rollback(ctx)
			return errors.Join(err, undo)
		}
	}
	if _, release := m.conn.exec(ctx, "RELEASE batch"); release != nil {
		m.rollback(ctx)
		return errors.Join(err, release)
	}
	return err
}

// finish commits. Afterwards, and only then, every result is true, conflicts included: a conflict
// may be one with a batch of the same group.
func (m *committer) finish(ctx context.Context, group []*job) bool {
	m.allowed = true
	_, err := m.conn.exec(ctx, "COMMIT")
	m.allowed = false
	if err == nil {
		m.open = false
		m.commits.Add(1)
		return true
	}
	m.rollback(ctx)
	if unwritten(err) {
		settle(group, err, errNeighbour)
		return false
	}
	// The frames may have reached the log before its fsync failed, and a recovery after a crash
	// would find them: nobody can say what happened until a later commit has overwritten them.
	settle(group, errors.Join(store.ErrAmbiguous, err), errNeighbour)
	return true
}

func (m *committer) rollback(ctx context.Context) {
	// Fails when SQLite has rolled back by itself, which is just as good.
	_, _ = m.conn.exec(ctx, "ROLLBACK")
	m.open = false
}

// settle gives the jobs that had succeeded one error and those that had failed another: their
// failure was judged on a state that did not come to be.
func settle(group []*job, succeeded, failed error) {
	for _, j := range group {
		if j.err == nil {
			j.err = succeeded
		} else if len(group) > 1 {
			j.err = failed
		}
	}
}

// unwritten reports whether a failed COMMIT has certainly left nothing in the log that a recovery
// could take for a commit.
func unwritten(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CONSTRAINT:
		return true
	}
	return false
}

// stop finishes what is queued and refuses what comes later.
func (m *committer) stop() {
	m.mu.Lock()
	if !m.closed {
		m.closed = true
		close(m.queue)
	}
	m.mu.Unlock()
	<-m.stopped
}

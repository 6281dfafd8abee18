package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// bench is an engine with a table of its own, into which jobs write numbers.
type workbench struct {
	*testing.T
	*Engine
}

func newWorkbench(t *testing.T) workbench {
	t.Helper()
	e, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "test.db"), Now: time.Now, Durability: Off})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	w := workbench{t, e}
	w.must(w.do(t.Context(), func(ctx context.Context, c *conn) error {
		_, err := c.exec(ctx, "CREATE TABLE n (n INTEGER PRIMARY KEY, parent INTEGER REFERENCES n(n) DEFERRABLE INITIALLY DEFERRED)")
		return err
	}))
	return w
}

func (w workbench) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// insert is a job that writes n.
func insert(n int) func(context.Context, *conn) error {
	return func(ctx context.Context, c *conn) error {
		_, err := c.exec(ctx, "INSERT INTO n (n) VALUES (?)", int64(n))
		return err
	}
}

// numbers are what is committed.
func (w workbench) numbers() map[int]bool {
	w.Helper()
	out := map[int]bool{}
	w.must(w.readers.with(w.Context(), func(c *conn) error {
		return c.query(w.Context(), func(v []driver.Value) error {
			out[int(integer(v[0]))] = true
			return nil
		}, "SELECT n FROM n")
	}))
	return out
}

// hold keeps the committer busy until release is called, so that what is sent meanwhile makes one
// group.
func (w workbench) hold() (release func()) {
	w.Helper()
	held, free := make(chan struct{}), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		if err := w.do(w.Context(), func(context.Context, *conn) error {
			close(held)
			<-free
			return nil
		}); err != nil {
			w.Error(err)
		}
	})
	<-held
	return func() { close(free); done.Wait() }
}

// together sends jobs as one group and returns their results.
func (w workbench) together(jobs ...func(context.Context, *conn) error) []error {
	w.Helper()
	release := w.hold()
	results := make([]error, len(jobs))
	var done sync.WaitGroup
	for i, work := range jobs {
		done.Go(func() { results[i] = w.do(w.Context(), work) })
		w.waitQueued(i + 1)
	}
	release()
	done.Wait()
	return results
}

func (w workbench) waitQueued(n int) {
	w.Helper()
	for deadline := time.Now().Add(10 * time.Second); len(w.committer.queue) < n; {
		if time.Now().After(deadline) {
			w.Fatalf("%d jobs are queued, not %d", len(w.committer.queue), n)
		}
		time.Sleep(50 * time.Microsecond)
	}
}

// TestGroupNeighbours spoils one place of a group in every way, and finds that its neighbours are
// committed, that it is not, and that nothing becomes durable outside the group.
func TestGroupNeighbours(t *testing.T) {
	t.Parallel()
	raw := func(statements ...string) func(context.Context, *conn) error {
		return func(ctx context.Context, c *conn) error {
			for _, s := range statements {
				if _, err := c.exec(ctx, s); err != nil {
					return err
				}
			}
			return nil
		}
	}
	for name, spoiler := range map[string]func(context.Context, *conn) error{
		"a conflict": raw("INSERT INTO n (n) VALUES (666)", "INSERT INTO n (n) VALUES (0)"),
		"an error of its own": func(ctx context.Context, c *conn) error {
			return errors.Join(raw("INSERT INTO n (n) VALUES (666)")(ctx, c), errors.New("no"))
		},
		"a syntax error":            raw("INSERT INTO n (n) VALUES (666)", "SELEKT"),
		"a lost transaction":        raw("INSERT INTO n (n) VALUES (666)", "ROLLBACK"),
		"a write after it was lost": raw("ROLLBACK", "SAVEPOINT stray", "INSERT INTO n (n) VALUES (666)", "RELEASE stray"),
		"an autocommitted write":    raw("ROLLBACK", "INSERT INTO n (n) VALUES (666)"),
		"a commit":                  raw("INSERT INTO n (n) VALUES (666)", "COMMIT"),
		"a released savepoint":      raw("INSERT INTO n (n) VALUES (666)", "RELEASE batch"),
		"a failing COMMIT":          raw("PRAGMA foreign_keys", "INSERT INTO n (n, parent) VALUES (666, 999)"),
	} {
		for at := range 4 {
			t.Run(fmt.Sprintf("%s at %d", name, at), func(t *testing.T) {
				t.Parallel()
				w := newWorkbench(t)
				w.must(w.do(t.Context(), insert(0)))
				w.committer.queueSync(t, "PRAGMA foreign_keys = 1")
				jobs := []func(context.Context, *conn) error{insert(1), insert(2), insert(3), insert(4)}
				jobs[at] = spoiler
				results := w.together(jobs...)
				got := w.numbers()
				for i, err := range results {
					if i != at && (err != nil || !got[i+1]) {
						t.Errorf("neighbour %d: %v, written %v", i, err, got[i+1])
					}
				}
				if results[at] == nil || got[666] {
					t.Errorf("the spoiler: %v, written %v", results[at], got[666])
				}
				w.must(w.do(t.Context(), insert(9)))
			})
		}
	}
}

// queueSync runs a statement outside any transaction, between groups, on the committer's connection.
func (m *committer) queueSync(t *testing.T, statement string) {
	t.Helper()
	m.stop()
	if _, err := m.conn.exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	m.closed, m.queue, m.stopped = false, make(chan *job, maxQueue), make(chan struct{})
	go m.run(context.WithoutCancel(t.Context()))
}

// TestConflictsWaitForCommit shows that a conflict with a batch of the same group is not told before
// that batch is committed.
func TestConflictsWaitForCommit(t *testing.T) {
	t.Parallel()
	w := newWorkbench(t)
	entered, free := make(chan struct{}), make(chan struct{})
	release := w.hold()
	second := make(chan error, 1)
	go func() { _ = w.do(t.Context(), insert(1)) }()
	w.waitQueued(1)
	go func() { second <- w.do(t.Context(), insert(1)) }()
	w.waitQueued(2)
	go func() {
		_ = w.do(t.Context(), func(context.Context, *conn) error { close(entered); <-free; return nil })
	}()
	w.waitQueued(3)
	release()
	<-entered // the second job has failed, but the group is still open
	select {
	case err := <-second:
		t.Errorf("the conflict was told before the commit: %v", err)
	default:
	}
	if len(w.numbers()) != 0 {
		t.Error("something is committed already")
	}
	close(free)
	if err := <-second; err == nil {
		t.Error("no conflict")
	}
	if !w.numbers()[1] {
		t.Error("the conflict was with something that is not there")
	}
}

// TestAbandoned cancels a job before its turn and one at its turn.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	w := newWorkbench(t)
	release := w.hold()
	ctx, cancel := context.WithCancel(t.Context())
	early := make(chan error, 1)
	go func() { early <- w.do(ctx, insert(1)) }()
	w.waitQueued(1)
	cancel()
	if err := <-early; !errors.Is(err, context.Canceled) { // returns although the committer is held
		t.Errorf("before its turn: %v", err)
	}
	release()
	ctx, cancel = context.WithCancel(t.Context())
	err := w.do(ctx, func(quiet context.Context, c *conn) error {
		cancel()
		return insert(2)(quiet, c)
	})
	if err != nil {
		t.Errorf("at its turn: %v", err)
	}
	if got := w.numbers(); got[1] || !got[2] {
		t.Errorf("written: %v", got)
	}
}

// TestQueueIsBounded refuses what is too much, at once, and recovers.
func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorkbench(t)
	release := w.hold()
	var done sync.WaitGroup
	for i := range maxQueue {
		done.Go(func() {
			if err := w.do(t.Context(), insert(i)); err != nil {
				t.Error(err)
			}
		})
	}
	w.waitQueued(maxQueue)
	if err := w.do(t.Context(), insert(-1)); errs.CodeOf(err) != "store_busy" || !errs.Is(err, errs.Unavailable) {
		t.Errorf("one too many: %v", err)
	}
	release()
	done.Wait()
	if got := w.numbers(); len(got) != maxQueue || got[-1] {
		t.Errorf("%d numbers", len(got))
	}
}

// TestCloseFinishesTheQueue closes under load: every job is either done or refused, truly.
func TestCloseFinishesTheQueue(t *testing.T) {
	t.Parallel()
	w := newWorkbench(t)
	release := w.hold()
	results := make([]error, 50)
	var done sync.WaitGroup
	for i := range results {
		done.Go(func() { results[i] = w.do(t.Context(), insert(i)) })
	}
	w.waitQueued(1)
	go release()
	w.must(w.Close())
	done.Wait()
	again, err := Open(t.Context(), w.config)
	w.must(err)
	defer func() { w.must(again.Close()) }()
	got := workbench{t, again}.numbers()
	for i, err := range results {
		if (err == nil) != got[i] || (err != nil && !errors.Is(err, ErrClosed)) {
			t.Errorf("job %d: %v, written %v", i, err, got[i])
		}
	}
}

// TestFullDatabase lets the file reach its greatest size: a batch that does not fit is refused whole,
// one that fits is committed, and all is well when there is room again.
func TestFullDatabase(t *testing.T) {
	t.Parallel()
	w := newWorkbench(t)
	w.must(w.Ensure(t.Context(), []store.Schema{{Name: "thing"}}))
	pages := func() int64 {
		var n int64
		w.must(w.readers.with(t.Context(), func(c *conn) (err error) {
			n, err = c.number(t.Context(), "PRAGMA page_count")
			return err
		}))
		return n
	}
	w.committer.queueSync(t, fmt.Sprintf("PRAGMA max_page_count = %d", pages()+3))
	write := func(id string, size int) error {
		_, err := w.Commit(t.Context(), store.Write{ID: id, At: time.Now(), Docs: []store.Op{{
			Kind: store.InsertOp, Key: store.Key{Tenant: "t", Collection: "thing", ID: id}, Body: fmt.Appendf(nil, "%0*d", size, 0),
		}}})
		return err
	}
	release := w.hold()
	results := make([]error, 6)
	var done sync.WaitGroup
	for i := range results {
		done.Go(func() { results[i] = write(fmt.Sprint(i), []int{100, 100_000}[i%2]) })
		w.waitQueued(i + 1)
	}
	release()
	done.Wait()
	for i, err := range results {
		_, getErr := w.Get(t.Context(), store.Key{Tenant: "t", Collection: "thing", ID: fmt.Sprint(i)})
		if small := i%2 == 0; (err == nil) != small || (getErr == nil) != small {
			t.Errorf("batch %d: %v, read: %v", i, err, getErr)
		}
		if errors.Is(err, store.ErrAmbiguous) {
			t.Errorf("batch %d: nobody is told that nothing was written: %v", i, err)
		}
	}
	w.committer.queueSync(t, "PRAGMA max_page_count = 1000000")
	w.must(write("1", 100_000))
}

package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/internal/store/sqlite"
)

// traceChild announces each commit before it begins and after it was acknowledged, in write(2) calls
// that the tracer sees: first one after the other, then from many callers.
func traceChild(ctx context.Context, dir string, d sqlite.Durability) error {
	e, err := openIn(ctx, dir, d)
	if err != nil {
		return err
	}
	marks, err := os.Create(filepath.Join(dir, "marks"))
	if err != nil {
		return err
	}
	commit := func(writer string, n int64) error {
		if _, err := fmt.Fprintf(marks, "begin %s/%d\n", writer, n); err != nil {
			return err
		}
		if _, err := e.Commit(ctx, crashBatch(writer, n)); err != nil {
			return err
		}
		_, err := fmt.Fprintf(marks, "ack %s/%d\n", writer, n)
		return err
	}
	for n := range int64(10) {
		if err := commit("alone", n+1); err != nil {
			return err
		}
	}
	var writers sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		writers.Go(func() {
			for n := range int64(5) {
				if err := commit(fmt.Sprint("w", i), n+1); err != nil {
					results[i] = err
				}
			}
		})
	}
	writers.Wait()
	for _, err := range results {
		if err != nil {
			return err
		}
	}
	return e.Close()
}

// TestNoAcknowledgementBeforeFsync traces the system calls of a child: between the beginning of a
// commit and its acknowledgement the log must have been written and then synchronised. The same
// trace with durability off must be found wanting, which shows that the test can see.
func TestNoAcknowledgementBeforeFsync(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		noTracer(t, err)
	}
	a := traced(t, strace, "trace")
	if a.acknowledged != 50 || len(a.early) > 0 {
		t.Errorf("%d acknowledgements, of which before the log was on the disk: %v", a.acknowledged, a.early)
	}
	if a.asynchronous < 10 {
		t.Errorf("%d times only the log was flushed while no thread waited for it", a.asynchronous)
	}
	if a := traced(t, strace, "trace-off"); len(a.early) != a.acknowledged {
		t.Errorf("without durability, only %d of %d acknowledgements are seen to be early", len(a.early), a.acknowledged)
	}
}

func noTracer(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("strace is needed in CI: %v", err)
	}
	t.Skipf("system calls cannot be traced here: %v", err)
}

func traced(t *testing.T, strace, role string) *auditor {
	t.Helper()
	dir := t.TempDir()
	out := filepath.Join(dir, "trace")
	cmd := child(t, role, dir, strace, "-f", "-y", "-s", "64", "-e", "trace=write,pwrite64,fsync,fdatasync,io_submit,io_getevents", "-o", out)
	if err := cmd.Run(); err != nil {
		noTracer(t, err)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a := newAuditor()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		a.read(lines.Text())
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return a
}

// auditor reads a trace line by line. A call is "unfinished" on one line and "resumed" on a later one
// when another thread's came between: a write counts from where it ends, an fsync from where it
// begins (what was written by then) to where it ends (when that is safe). An asynchronous one begins with
// io_submit, and io_getevents brings its end; there is one at a time.
type auditor struct {
	written, safe int            // number of the last write to the log, and of the last that is on disk
	submitted     int            // the last write when an asynchronous flush of the log began, or none
	syncing       map[string]int // by thread: the last write when its fsync began
	pending       map[string]string
	began         map[string]int // by commit: the last write when it began
	acknowledged  int
	asynchronous  int // flushes of the log
	early         []string
}

func newAuditor() *auditor {
	return &auditor{syncing: map[string]int{}, pending: map[string]string{}, began: map[string]int{}}
}

var (
	traceLine = regexp.MustCompile(`^(\d+) +(?:<\.\.\. )?(write|pwrite64|fsync|fdatasync|io_submit|io_getevents)(.*)$`)
	traceMark = regexp.MustCompile(`"(begin|ack) ([a-z0-9]+/\d+)\\n"`)
)

func (a *auditor) read(line string) {
	m := traceLine.FindStringSubmatch(line)
	if m == nil {
		return
	}
	thread, call, rest := m[1], m[2], m[3]
	resumed, unfinished := strings.HasPrefix(rest, " resumed>"), strings.HasSuffix(rest, "<unfinished ...>")
	if resumed {
		rest = a.pending[thread] + rest
	} else if mark := traceMark.FindStringSubmatch(rest); mark != nil {
		a.mark(mark[1], mark[2]) // both marks count from where they begin
		return
	} else if strings.Contains(call, "sync") {
		a.syncing[thread] = a.written
	} else if call == "io_submit" {
		a.submitted = 0
		if strings.Contains(rest, "IOCB_CMD_FDSYNC, aio_fildes=") && strings.Contains(rest, "test.db-wal>") {
			a.submitted = a.written
			a.asynchronous++
		}
		return
	}
	if unfinished {
		a.pending[thread] = rest
		return
	}
	if call == "io_getevents" && strings.Contains(rest, " res=0,") {
		a.safe = max(a.safe, a.submitted)
	}
	if !strings.Contains(rest, "test.db-wal>") || strings.Contains(rest, "= -1") {
		return
	}
	if strings.Contains(call, "sync") {
		a.safe = max(a.safe, a.syncing[thread])
	} else {
		a.written++
	}
}

// mark notes the beginning of a commit, or judges its end: something must have been written since it
// began, and be safe.
func (a *auditor) mark(what, commit string) {
	if what == "begin" {
		a.began[commit] = a.written
		return
	}
	a.acknowledged++
	if a.safe <= a.began[commit] {
		a.early = append(a.early, commit)
	}
}

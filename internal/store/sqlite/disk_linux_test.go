package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/sqlite"
)

// burst writes notes of many sizes from several callers and returns their errors by id.
func burst(ctx context.Context, e *sqlite.Engine, round int) map[string]error {
	var mu sync.Mutex
	var writers sync.WaitGroup
	out := map[string]error{}
	for i := range 16 {
		writers.Go(func() {
			docID := fmt.Sprintf("%d-%d", round, i)
			body := []byte(`"` + strings.Repeat("x", 1000*(i+1)) + `"`)
			_, err := e.Commit(ctx, store.Write{ID: docID, Docs: []store.Op{
				{Kind: store.InsertOp, Key: note(docID), Body: body},
				{Kind: store.InsertOp, Key: note(docID + "-twin"), Body: body},
			}})
			mu.Lock()
			defer mu.Unlock()
			out[docID] = err
		})
	}
	writers.Wait()
	return out
}

// audit checks that what was acknowledged is there and what was refused is not; a batch whose
// outcome is unknown must at least be whole. It returns how many were refused.
func audit(ctx context.Context, e *sqlite.Engine, results map[string]error) (refused int, err error) {
	for docID, result := range results {
		found, err := e.GetMany(ctx, []store.Key{note(docID), note(docID + "-twin")})
		switch {
		case err != nil:
			return 0, fmt.Errorf("reading %s: %w", docID, err)
		case len(found) == 1:
			return 0, fmt.Errorf("%s is there by half", docID)
		case result == nil && len(found) == 0:
			return 0, fmt.Errorf("%s was acknowledged and is lost", docID)
		case result != nil && len(found) > 0 && !errors.Is(result, store.ErrAmbiguous):
			return 0, fmt.Errorf("%s was refused and is there: %w", docID, result)
		}
		if result != nil {
			refused++
		}
	}
	return refused, nil
}

// TestRegress_R14_DiskFull fills a real file system: nothing acknowledged is lost, nothing refused is there, and
// all is well again when there is room.
func TestRegress_R14_DiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := openIn(t.Context(), dir, sqlite.Full)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	all := map[string]error{}
	for round := 0; round < 50; round++ {
		results := burst(t.Context(), e, round)
		for docID, err := range results {
			all[docID] = err
		}
		refused, err := audit(t.Context(), e, all)
		if err != nil {
			t.Fatal(err)
		}
		if refused > 3 {
			break
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := e.Ping(t.Context()); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if err := put(t, e, "after", `{}`); err != nil {
		t.Errorf("with room again: %v", err)
	}
	refused, err := audit(t.Context(), e, all)
	if err != nil || refused == 0 {
		t.Errorf("%d refused, %v", refused, err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	checkIntegrity(t, filepath.Join(dir, "test.db"))
}

// TestRegress_R14_WriteErrors runs a child under a limit on the size of files, so that writes fail as they do on
// a broken disk rather than on a full one.
func TestRegress_R14_WriteErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := child(t, "limit", dir).Run(); err != nil {
		t.Fatal(err)
	}
	checkIntegrity(t, filepath.Join(dir, "test.db"))
}

func limitChild(ctx context.Context, dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	e, err := openIn(ctx, dir, sqlite.Full)
	if err != nil {
		return err
	}
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	limit := func(bytes uint64) error {
		return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: was.Max})
	}
	if err := limit(700_000); err != nil {
		return err
	}
	all, unknown := map[string]error{}, 0
	for round := 0; round < 50 && unknown < 4; round++ {
		for docID, result := range burst(ctx, e, round) {
			all[docID] = result
			if errors.Is(result, store.ErrAmbiguous) {
				unknown++
			}
		}
	}
	if err := limit(4096); err != nil { // not a single page fits into the log
		return err
	}
	asked := store.Write{ID: "asked", Docs: []store.Op{{Kind: store.InsertOp, Key: note("asked"), Body: []byte(`{}`)}}}
	if done, err := e.Committed(ctx, asked); err == nil {
		return fmt.Errorf("while nothing can be written, somebody knows what was: %v", done)
	}
	if err := limit(was.Cur); err != nil {
		return err
	}
	return checkRecovered(ctx, e, all, unknown)
}

// checkRecovered asks after every batch, now that writes work again.
func checkRecovered(ctx context.Context, e *sqlite.Engine, all map[string]error, unknown int) error {
	if err := e.Ping(ctx); err != nil {
		return fmt.Errorf("when writes work again: %w", err)
	}
	if refused, err := audit(ctx, e, all); err != nil || refused == 0 || unknown == 0 {
		return fmt.Errorf("%d refused, %d unknown: %w", refused, unknown, err)
	}
	for docID, result := range all {
		w := store.Write{ID: docID, Docs: []store.Op{{Kind: store.InsertOp, Key: note(docID)}}}
		if done, err := e.Committed(ctx, w); err != nil || done != (result == nil) {
			return fmt.Errorf("%s ended with %w; afterwards: %v, %w", docID, result, done, err)
		}
	}
	return e.Close()
}

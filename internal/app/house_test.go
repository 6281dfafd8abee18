package app_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/app"
)

// TestLockIsWaitedFor: a directory that somebody gives back a moment later is had, and one that is kept is not.
func TestLockIsWaitedFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := app.TakeLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.TakeLock(path); !errors.Is(err, app.ErrRunning) {
		t.Errorf("while another has it: %v", err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = first.Close() })
	second, err := app.TakeLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}

package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestFlush: a flush ends when it is done, and one that could not begin says so, since SQLite's own is tried then.
func TestFlush(t *testing.T) {
	t.Parallel()
	f, err := newFlusher()
	if err != nil {
		t.Skip("this kernel does not flush asynchronously: ", err)
	}
	t.Cleanup(func() {
		if err := f.close(); err != nil {
			t.Error(err)
		}
	})
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := file.WriteString("text"); err != nil {
			t.Fatal(err)
		}
		if err := f.flush(int32(file.Fd())); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.flush(-1); !errors.Is(err, errNotBegun) {
		t.Errorf("no file: %v", err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.flush(int32(null.Fd())); !errors.Is(err, errNotBegun) {
		t.Errorf("what has no disk: %v", err)
	}
	if err := f.ended.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := f.flush(int32(file.Fd())); err == nil || errors.Is(err, errNotBegun) {
		t.Errorf("a flush whose end was not heard of: %v", err)
	}
	if err := f.ended.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := f.flush(int32(file.Fd())); !errors.Is(err, errNotBegun) {
		t.Errorf("a flush after one whose end was not heard of: %v", err)
	}
	if err := errors.Join(file.Close(), null.Close()); err != nil {
		t.Fatal(err)
	}
}

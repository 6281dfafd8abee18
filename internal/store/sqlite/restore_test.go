package sqlite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/sqlite"
)

// notes opens the database at path, reads the ids of its notes and closes it.
func notes(t *testing.T, path string) []string {
	t.Helper()
	e := open(t, sqlite.Config{Path: path})
	ensure(t, e, noteSchema)
	var out []string
	if err := e.Export(t.Context(), "note", func(r store.Record) error { out = append(out, r.ID); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

// backedUp is a database with a note that is in its backup and a later one that is not.
func backedUp(t *testing.T) (path, backup string) {
	t.Helper()
	dir := t.TempDir()
	path, backup = filepath.Join(dir, "test.db"), filepath.Join(dir, "backup.db")
	e := open(t, sqlite.Config{Path: path})
	ensure(t, e, noteSchema)
	for _, err := range []error{put(t, e, "early", `{}`), e.Backup(t.Context(), backup), put(t, e, "late", `{}`), e.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return path, backup
}

func TestRegress_R13_Restore(t *testing.T) {
	t.Parallel()
	path, backup := backedUp(t)
	before, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := sqlite.Restore(t.Context(), sqlite.Restoration{
		Backup: backup, Path: path, Now: time.Now,
		Prepare: func(ctx context.Context, e *sqlite.Engine) error {
			return errors.Join(e.Ensure(ctx, noteSchema), put(t, e, "epoch raised", `{}`))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := notes(t, path); !slices.Equal(got, []string{"early", "epoch raised"}) {
		t.Errorf("restored: %q", got)
	}
	if _, err := os.Lstat(kept + "-wal"); err == nil {
		t.Error("a log was kept that is in the file already")
	}
	if got := notes(t, kept); !slices.Equal(got, []string{"early", "late"}) {
		t.Errorf("kept: %q", got)
	}
	if after, err := os.ReadFile(backup); err != nil || string(after) != string(before) {
		t.Errorf("the backup was changed, %v", err)
	}
	if leftover, err := filepath.Glob(path + ".restore*"); err != nil || len(leftover) > 0 {
		t.Errorf("left behind: %q, %v", leftover, err)
	}
}

func TestRestoreToNothing(t *testing.T) {
	t.Parallel()
	_, backup := backedUp(t)
	path := filepath.Join(t.TempDir(), "new.db")
	kept, err := sqlite.Restore(t.Context(), sqlite.Restoration{Backup: backup, Path: path, Now: time.Now})
	if err != nil || kept != "" {
		t.Fatalf("%q, %v", kept, err)
	}
	if got := notes(t, path); !slices.Equal(got, []string{"early"}) {
		t.Errorf("restored: %q", got)
	}
}

// TestRestoreOverBroken replaces a database whose file is ruined while its log is full: nothing of
// the log may get into the restored one.
func TestRestoreOverBroken(t *testing.T) {
	t.Parallel()
	path, backup := backedUp(t)
	e := open(t, sqlite.Config{Path: path})
	ensure(t, e, noteSchema)
	if err := put(t, e, "in the log", `{}`); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(path + "-wal")
	if err != nil || len(log) == 0 {
		t.Fatal("there is no log", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{path: []byte("ruined by another program"), path + "-wal": log} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := sqlite.Restore(t.Context(), sqlite.Restoration{Backup: backup, Path: path, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if saved, err := os.ReadFile(kept + "-wal"); err != nil || string(saved) != string(log) {
		t.Errorf("of the log, %d bytes were kept, %v", len(saved), err)
	}
	if got := notes(t, path); !slices.Equal(got, []string{"early"}) {
		t.Errorf("restored: %q", got)
	}
}

// TestRestoreRefusals leaves the old database as it is.
func TestRestoreRefusals(t *testing.T) {
	t.Parallel()
	path, backup := backedUp(t)
	damaged := filepath.Join(t.TempDir(), "damaged.db")
	content, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(content) / 2; i < len(content)/2+3000; i++ {
		content[i] ^= 0x55
	}
	if err := os.WriteFile(damaged, content, 0o600); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.db")
	if err := os.WriteFile(cut, content[:len(content)/3], 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	no := func(context.Context, *sqlite.Engine) error { return errors.New("no") }
	for name, r := range map[string]sqlite.Restoration{
		"damaged":             {Backup: damaged},
		"cut":                 {Backup: cut},
		"empty":               {Backup: empty},
		"absent":              {Backup: backup + "x"},
		"a directory":         {Backup: filepath.Dir(backup)},
		"nothing":             {},
		"called off by epoch": {Backup: backup, Prepare: no},
	} {
		r.Path, r.Now = path, time.Now
		if _, err := sqlite.Restore(t.Context(), r); err == nil {
			t.Errorf("%s was restored", name)
		}
		if got := notes(t, path); !slices.Equal(got, []string{"early", "late"}) {
			t.Fatalf("%s: left %q", name, got)
		}
	}
	if extra, err := filepath.Glob(path + ".re*"); err != nil || len(extra) > 0 {
		t.Errorf("left behind: %q, %v", extra, err)
	}
}

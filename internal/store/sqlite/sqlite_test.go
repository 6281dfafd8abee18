package sqlite_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/cardea-auth/cardea/internal/store/sqlite"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, openForSuite)
}

func openForSuite(t *testing.T) storetest.Opened {
	clock := storetest.NewClock()
	dir := t.TempDir()
	e, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, "test.db"), Now: clock.Now, Durability: sqlite.Off})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return storetest.Opened{Engine: e, Keeper: e, Clock: clock, Freeze: freeze(e), AtRest: func(t *testing.T) []byte { return allFiles(t, dir) }}
}

// allFiles are the bytes of all files in dir, the log among them.
func allFiles(t *testing.T, dir string) []byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	return out.Bytes()
}

func freeze(e *sqlite.Engine) func(context.Context, func(context.Context, storetest.Frozen) error) error {
	return func(ctx context.Context, f func(context.Context, storetest.Frozen) error) error {
		return e.Freeze(ctx, func(ctx context.Context, frozen sqlite.Frozen) error { return f(ctx, frozen) })
	}
}

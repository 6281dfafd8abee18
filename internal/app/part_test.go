package app_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/app"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/limit"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
)

// TestInterruptedExport interrupts exports of a server's database: each leaves what it has read, the longest of which
// counts, and the last one that is not interrupted leaves nothing but its file.
func TestInterruptedExport(t *testing.T) {
	t.Parallel()
	a, err := app.Open(t.Context(), app.Config{
		Dir: t.TempDir(), Database: secret.New(pgtest.URL(t)), Issuer: "http://localhost:8420", Log: slog.New(slog.NewJSONHandler(io.Discard, nil)),
		Now: time.Now, Limits: limit.Defaults(), Password: password.Config{Params: password.Params{Memory: 19 << 10, Passes: 2, Threads: 1}, Slots: 1},
		Product: "Cardea", Notice: func(string) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	for range 400 {
		if _, err := a.Organisations.Create(t.Context(), a.Operator(id.Default, "test", "test"), "An organisation", nil); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "all.ndjson")
	size := func(suffix string) int64 {
		info, err := os.Stat(path + suffix)
		if err != nil {
			return -1
		}
		return info.Size()
	}
	until := func(step string) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err := a.ExportTo(ctx, path, func(now string, _, _ int64) {
			if now == "exporting "+step {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) || size("") >= 0 {
			t.Fatalf("interrupted in %s: %v", step, err)
		}
	}
	until("org")
	far := size(".part")
	until("client") // which comes before
	if near := size(".part"); far < 10_000 || near >= far || size(".part.earlier") != far {
		t.Fatalf("of %d bytes %d are kept, beside %d", far, size(".part.earlier"), near)
	}
	done, err := a.ExportTo(t.Context(), path, nil)
	if err != nil || done.Kept < 100 || done.Kept >= done.Docs {
		t.Errorf("%d of %d documents were kept, %v", done.Kept, done.Docs, err)
	}
	if size(".part") >= 0 || size(".part.earlier") >= 0 || size("") <= far {
		t.Error("something is left beside the file")
	}
}

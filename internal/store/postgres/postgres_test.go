package postgres_test

import (
	"context"
	"testing"

	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store/postgres"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, uri := range map[string]func(t *testing.T) string{
		"plain":  func(t *testing.T) string { return pgtest.URL(t) },
		"pooled": func(t *testing.T) string { return pgtest.With(t, pgtest.URL(t), "pgbouncer", "true") },
		// What CockroachDB does always, and what costs batches a second try.
		"serializable": func(t *testing.T) string {
			return pgtest.With(t, pgtest.URL(t), "default_transaction_isolation", "serializable")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(t *testing.T) storetest.Opened { return openAt(t, uri(t)) })
		})
	}
}

// TestConformanceBehindPgBouncer gives each transaction another of three connections.
func TestConformanceBehindPgBouncer(t *testing.T) {
	t.Parallel()
	database := pgtest.Pooler(t)
	t.Run("suite", func(t *testing.T) { // which ends before the pooler does
		storetest.Run(t, func(t *testing.T) storetest.Opened { return openAt(t, database(t)) })
	})
}

func openAt(t *testing.T, uri string) storetest.Opened {
	t.Helper()
	clock := storetest.NewClock()
	e, err := postgres.Open(t.Context(), postgres.Config{URL: secret.New(uri), Now: clock.Now, Connections: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return storetest.Opened{Engine: e, Keeper: e, Clock: clock, Freeze: freeze(e)}
}

func freeze(e *postgres.Engine) func(context.Context, func(context.Context, storetest.Frozen) error) error {
	return func(ctx context.Context, f func(context.Context, storetest.Frozen) error) error {
		return e.Freeze(ctx, func(ctx context.Context, frozen postgres.Frozen) error { return f(ctx, frozen) })
	}
}

//go:build !sqlite_only

package app

import (
	"context"
	"fmt"

	"github.com/cardea-auth/cardea/internal/store/portable"
	"github.com/cardea-auth/cardea/internal/store/postgres"
)

// CheckDatabase says what is wrong with the URL of a database, without connecting to it.
func CheckDatabase(url string) error { return postgres.Check(url) }

func openPostgres(ctx context.Context, c Config) (database, error) {
	e, err := postgres.Open(ctx, postgres.Config{URL: c.Database, Now: c.Now})
	if err != nil {
		return database{}, fmt.Errorf("database: %w", err)
	}
	still := func(ctx context.Context, f func(context.Context, portable.Source) error) error {
		return e.Freeze(ctx, func(ctx context.Context, frozen postgres.Frozen) error { return f(ctx, frozen) })
	}
	return database{engine: e, still: still, backup: backupByExport}, nil
}

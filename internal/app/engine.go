package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/portable"
	"github.com/cardea-auth/cardea/internal/store/sqlite"
)

// engine is what every engine can do.
type engine interface {
	store.Engine
	store.Keeper
	Commits() int64 // transactions that became durable since the start
}

// database is the engine that the configuration names, and what each does in a way of its own.
type database struct {
	engine
	// still calls f with all data, as it is at one moment where the engine can do that.
	still func(ctx context.Context, f func(context.Context, portable.Source) error) error
	// outlines says that what still gives is a portable.Outliner.
	outlines bool
	// backup writes a copy to a new file, from which Restore can make a database again; what is written as an
	// export is of that format.
	backup func(ctx context.Context, a *App, path string, format int) error
}

// openDatabase opens the database of c: by default a file in the data directory.
func openDatabase(ctx context.Context, c Config) (database, error) {
	if !c.Database.Empty() {
		return openServer(ctx, c)
	}
	e, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(c.Dir, fileDatabase), Now: c.Now})
	if err != nil {
		return database{}, fmt.Errorf("opening the database: %w", err)
	}
	return onFile(e), nil
}

func onFile(e *sqlite.Engine) database {
	return database{
		engine: e,
		still: func(ctx context.Context, f func(context.Context, portable.Source) error) error {
			return e.Freeze(ctx, func(ctx context.Context, frozen sqlite.Frozen) error { return f(ctx, frozen) })
		},
		backup: func(ctx context.Context, _ *App, path string, _ int) error { return e.Backup(ctx, path) },
	}
}

// backupByExport writes an export, all of one moment, for a database that no file can take the place
// of.
func backupByExport(ctx context.Context, a *App, path string, format int) error {
	if _, err := a.exportTo(ctx, path, portable.Exported{Format: format}); err != nil {
		return fmt.Errorf("writing a backup: %w", err)
	}
	return nil
}

// restoreByImport fills an empty database from what backupByExport has written.
func restoreByImport(ctx context.Context, c Config, backup string) error {
	f, err := os.Open(backup)
	if err != nil {
		return fmt.Errorf("opening the backup: %w", err)
	}
	_, err = Import(ctx, c, io.ReadSeeker(f), nil)
	return errors.Join(err, f.Close())
}

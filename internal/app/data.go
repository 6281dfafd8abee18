package app

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/config"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store/envelope"
	"github.com/cardea-auth/cardea/internal/store/portable"
	"github.com/cardea-auth/cardea/internal/store/sqlite"
)

// Backup writes a consistent copy of the database to a new file, while the server works. It holds no
// master key and no waiting mail.
func (a *App) Backup(ctx context.Context, path string) error {
	return a.house.engine.backup(ctx, a, path)
}

// Export writes everything but waiting mails to w, in a form that every engine can import. What is
// sealed stays sealed: the same master key is needed to read it again.
func (a *App) Export(ctx context.Context, w io.Writer) (done portable.Summary, err error) {
	err = a.house.engine.still(ctx, func(ctx context.Context, all portable.Source) (err error) {
		done, err = portable.Export(ctx, all, a.DB.Schemas(), a.DB.Now(), w)
		return err
	})
	return done, err
}

// Import fills an empty data directory from an export.
func Import(ctx context.Context, c Config, file io.ReadSeeker) (portable.Summary, error) {
	var done portable.Summary
	a, err := open(ctx, c, func(a *App) (err error) {
		done, err = portable.Import(ctx, a.house.engine, a.DB.Schemas(), c.Now, file)
		return err
	})
	if err != nil {
		return done, err
	}
	return done, errors.Join(a.endWhatWas(ctx, "import"), a.Close())
}

// Restore puts a backup in the place of the database and returns where the old one is kept. What was
// revoked after the backup does not come back to life: in the same step the epoch of every tenant is
// raised, which ends all sessions and tokens, and every API key is revoked. A database that is no file
// must be empty, and nothing is kept.
func Restore(ctx context.Context, c Config, backup string) (kept string, err error) {
	if !c.Database.Empty() {
		return "", restoreByImport(ctx, c, backup)
	}
	if err := config.ClaimDir(c.Dir, c.Dev); err != nil {
		return "", err
	}
	h := &house{dir: c.Dir}
	if h.lock, err = takeLock(filepath.Join(c.Dir, fileLock)); err != nil {
		return "", err
	}
	if h.master, err = h.findMaster(c); err != nil {
		return "", errors.Join(err, h.close())
	}
	kept, err = sqlite.Restore(ctx, sqlite.Restoration{
		Backup: backup, Path: filepath.Join(c.Dir, fileDatabase), Now: c.Now,
		Prepare: func(ctx context.Context, e *sqlite.Engine) error { return prepare(ctx, c, h.master, e) },
	})
	return kept, errors.Join(err, h.close())
}

// prepare ends, in the copy that will become the database, all that was given before.
func prepare(ctx context.Context, c Config, master envelope.Master, e *sqlite.Engine) error {
	h := &house{dir: c.Dir, master: master, engine: onFile(e)}
	if err := h.assemble(c); err != nil {
		return err
	}
	a := newApp(c, h)
	if err := a.wire(); err != nil {
		return err
	}
	if err := a.begin(ctx, func(*App) error { return nil }); err != nil {
		return err
	}
	return a.endWhatWas(ctx, "restore")
}

// endWhatWas ends everything that could have been revoked since the data was written.
func (a *App) endWhatWas(ctx context.Context, why string) error {
	return a.eachTenant(ctx, func(t id.Tenant) error {
		c := access.Operator(t, why, "nothing that was revoked may come back")
		if _, err := a.Tenants.EndEverything(ctx, c); err != nil {
			return err
		}
		_, err := a.APIKeys.RevokeAll(ctx, c)
		return err
	})
}

// publishCheckpoint appends a checkpoint to the operator's file, with the name of its tenant.
func (a *App) publishCheckpoint(_ context.Context, t id.Tenant, note string) error {
	if a.Checkpoints == "" {
		return nil
	}
	f, err := os.OpenFile(a.Checkpoints, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString("tenant " + string(t) + "\n" + note + "\n")
	return errors.Join(err, f.Close())
}

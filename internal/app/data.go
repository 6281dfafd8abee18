package app

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/config"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/envelope"
	"github.com/cardea-auth/cardea/internal/store/portable"
	"github.com/cardea-auth/cardea/internal/store/sqlite"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// Backup writes a consistent copy of the database to a new file, while the server works. It holds no
// master key and no waiting mail.
func (a *App) Backup(ctx context.Context, path string) error {
	return a.house.engine.backup(ctx, a, path, portable.Format)
}

// ExportTo writes everything but waiting mails to a new file at path, in a form that every engine can
// import, as it is at one moment. What is sealed stays sealed: the same master key is needed to read it again. The
// file appears under its name only when it is complete and on the disk. Where the database is a server, one that was
// interrupted leaves path.part, and the next does not read again what stands there and is still so.
func (a *App) ExportTo(ctx context.Context, path string, p portable.Progress) (portable.Summary, error) {
	return a.exportTo(ctx, path, portable.Exported{Progress: p})
}

func (a *App) exportTo(ctx context.Context, path string, what portable.Exported) (done portable.Summary, err error) {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return done, errors.Join(errors.New("the file exists already"), err)
	}
	p, err := openPart(path, a.house.engine.outlines)
	if err != nil {
		return done, err
	}
	if p.earlier != nil {
		what.Earlier = p.earlier
	}
	done, err = a.export(ctx, p, what)
	return done, p.close(err)
}

func (a *App) export(ctx context.Context, w io.Writer, what portable.Exported) (done portable.Summary, err error) {
	what.At = a.DB.Now()
	if what.Schemas, err = a.stored(ctx); err != nil {
		return done, err
	}
	s, err := a.house.cluster.Status(ctx)
	if err != nil {
		return done, err
	}
	if s.Version > 0 {
		what.Data = portable.Formats{s.Converted, s.Version}
	}
	err = a.house.engine.still(ctx, func(ctx context.Context, all portable.Source) (err error) {
		done, err = portable.Export(ctx, all, what, w)
		return err
	})
	return done, err
}

// stored are the collections that have their tables.
func (a *App) stored(ctx context.Context) ([]store.Schema, error) {
	all := a.DB.Schemas()
	if a.begun {
		return all, nil
	}
	work, err := a.house.engine.Missing(ctx, all)
	return slices.DeleteFunc(all, func(s store.Schema) bool {
		return slices.Contains(work, store.Work{Collection: s.Name})
	}), err
}

// Import fills an empty data directory from an export. Killed at any moment it leaves a directory that no
// server starts on; the same Import finishes it.
func Import(ctx context.Context, c Config, file io.ReadSeeker, p portable.Progress) (portable.Summary, error) {
	var done portable.Summary
	a, err := open(ctx, c, func(a *App) (err error) {
		what := portable.Intake{Schemas: a.DB.Schemas(), Now: c.Now, Progress: p, Fits: func(f portable.Formats) error {
			return a.house.cluster.Readable(f[0], f[1])
		}}
		if done, err = portable.Import(ctx, a.house.engine, what, file); err != nil {
			return err
		}
		return a.house.cluster.Received(ctx, done.Data[0])
	})
	if err != nil {
		return done, err
	}
	err = a.endWhatWas(ctx, "import")
	if err == nil {
		err = portable.Finish(ctx, a.house.engine, a.DB.Now())
	}
	return done, errors.Join(err, a.Close())
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
	if err := a.begin(ctx, nil); err != nil {
		return err
	}
	return a.endWhatWas(ctx, "restore")
}

// endWhatWas ends everything that could have been revoked since the data was written, in tenants that are
// disabled too: they may be enabled again.
func (a *App) endWhatWas(ctx context.Context, why string) error {
	return a.Tenants.Every(ctx, func(doc *tenant.Tenant) error {
		c := access.Operator(doc.TenantID(), why, "nothing that was revoked may come back")
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

package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Restoration says what to restore where. All fields but Prepare are required.
type Restoration struct {
	Backup string // a file that Backup has written; it is not changed
	Path   string // of the database file that it replaces, if there is one
	Now    func() time.Time
	// Prepare is called with an engine on the copy, before the copy takes its place: what it writes
	// and the restoration happen together or not at all. Wiring declares its collections to it and
	// raises the epochs of all tenants, so that sessions and tokens that were revoked after the
	// backup was made do not come back to life. Its error calls the restoration off.
	Prepare func(ctx context.Context, e *Engine) error
}

// Restore puts a backup in the place of the database. Nobody may have the database open: the caller
// holds the lock of the data directory. Killed at any moment, Path is the old database or the
// restored one, whole. The old one is kept beside it, under the name that is returned; "" if there
// was none.
func Restore(ctx context.Context, r Restoration) (kept string, err error) {
	if r.Backup == "" || r.Path == "" || r.Now == nil {
		return "", errors.New("sqlite: Backup, Path and Now are required")
	}
	if err := Verify(ctx, r.Backup); err != nil {
		return "", fmt.Errorf("checking the backup: %w", err)
	}
	part := r.Path + ".restore"
	if err := removeDatabase(part); err != nil { // of a restoration that was killed
		return "", fmt.Errorf("copying the backup: %w", err)
	}
	defer func() { err = errors.Join(err, removeDatabase(part)) }()
	if err := copyFile(r.Backup, part); err != nil {
		return "", fmt.Errorf("copying the backup: %w", err)
	}
	if err := r.prepare(ctx, part); err != nil {
		return "", fmt.Errorf("preparing the restored database: %w", err)
	}
	return r.swap(ctx, part)
}

// prepare opens and closes the copy, after which it is one file without a log, and on the disk.
func (r Restoration) prepare(ctx context.Context, part string) error {
	e, err := Open(ctx, Config{Path: part, Now: r.Now})
	if err != nil {
		return err
	}
	if r.Prepare != nil {
		err = r.Prepare(ctx, e)
	}
	if err := errors.Join(err, e.Close()); err != nil {
		return err
	}
	if _, err := os.Lstat(part + "-wal"); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(errors.New("sqlite: the log was not moved into the file"), err)
	}
	return syncFile(part)
}

// swap keeps the old database under another name and renames the copy over it.
func (r Restoration) swap(ctx context.Context, part string) (kept string, err error) {
	_, err = os.Lstat(r.Path)
	if err == nil {
		kept = r.Path + ".replaced-" + r.Now().UTC().Format("20060102T150405Z")
		err = r.keep(ctx, kept)
	} else if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = os.Rename(part, r.Path)
	}
	if err != nil {
		return "", fmt.Errorf("replacing the database: %w", err)
	}
	return kept, syncDir(filepath.Dir(r.Path))
}

// keep gives the old database its second name. A log must not stay behind: SQLite would apply it to
// the new file. Where the old database still works, opening and closing it moves the log into the
// file. Where it is broken, which may be why it is replaced, SQLite throws the log away, so a copy
// is made before.
func (r Restoration) keep(ctx context.Context, kept string) error {
	if err := copyFile(r.Path+"-wal", kept+"-wal"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if e, err := Open(ctx, Config{Path: r.Path, Now: r.Now}); err == nil {
		if err := errors.Join(e.Close(), removeFiles(kept, "-wal")); err != nil {
			return err
		}
	}
	if err := os.Link(r.Path, kept); err != nil {
		return err
	}
	return removeFiles(r.Path, "-wal", "-shm")
}

// Verify reads every page of the database file at path, which nobody may be writing to, and reports
// what is wrong with it: not one of ours, of a newer version, or damaged. It changes nothing.
func Verify(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return errors.New("sqlite: not a database file")
	}
	quiet := context.WithoutCancel(ctx)
	c, err := connect(quiet, dsn(path, "query_only(1)", "trusted_schema(0)")+"&mode=ro")
	if err != nil {
		return err
	}
	if _, err := checkHeader(quiet, c); err != nil {
		return errors.Join(err, c.close())
	}
	answer := ""
	err = c.query(quiet, func(v []driver.Value) error {
		answer = text(v[0])
		return nil
	}, "PRAGMA integrity_check(1)")
	if err := errors.Join(err, c.close()); err != nil {
		return err
	}
	if answer != "ok" {
		return errors.New("sqlite: the file is damaged")
	}
	return nil
}

func removeDatabase(path string) error { return removeFiles(path, "", "-wal", "-shm", "-journal") }

// removeFiles removes the files that are there.
func removeFiles(path string, suffixes ...string) error {
	var all []error
	for _, suffix := range suffixes {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close(), in.Close())
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

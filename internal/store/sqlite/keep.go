package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"maps"

	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// sweepPage is how many rows one transaction removes, so that no writer waits long.
const sweepPage = 1000

// Sweep implements store.Keeper. It also trims what is older than Config.KeepLog from the changelog
// of tuples, which does not count.
func (e *Engine) Sweep(ctx context.Context, now time.Time, limit int) (int, error) {
	total := 0
	for _, name := range slices.Sorted(maps.Keys(*e.tables.Load())) {
		t, err := e.table(name)
		if err != nil {
			return total, err
		}
		n, err := e.sweep(ctx, limit-total, sweepStatement(t.name, quote(name+":expires"), "tenant, id"), now.UnixMilli())
		if total += n; err != nil {
			return total, err
		}
	}
	n, err := e.sweep(ctx, limit-total, sweepStatement("tuple", "tuple_expires", "tenant, store, "+tupleColumns), now.UnixMilli())
	if total += n; err != nil {
		return total, err
	}
	return total, e.trim(ctx, now.Add(-e.config.KeepLog))
}

// sweepStatement removes the first rows of an index of expiries. key are the columns of the table's
// primary key.
func sweepStatement(table, index, key string) string {
	return "DELETE FROM " + table + " WHERE (" + key + ") IN (SELECT " + key + " FROM " + table +
		" INDEXED BY " + index + " WHERE expires <= ? ORDER BY expires" + upTo + ")"
}

// sweep runs a DELETE with a limit as its last argument until limit rows or no more are removed.
func (e *Engine) sweep(ctx context.Context, limit int, statement string, before int64) (int, error) {
	total := 0
	for total < limit {
		page, removed := min(sweepPage, limit-total), int64(0)
		err := e.do(ctx, func(ctx context.Context, c *conn) (err error) {
			removed, err = c.exec(ctx, statement, before, int64(page))
			return err
		})
		if err != nil {
			return total, err
		}
		total += int(removed)
		if removed < int64(page) {
			return total, nil
		}
	}
	return total, nil
}

// trim removes whole revisions from before a point in time, and remembers up to where.
func (e *Engine) trim(ctx context.Context, before time.Time) error {
	stores, err := e.TupleStores(ctx)
	if err != nil {
		return err
	}
	for _, s := range stores {
		for more := true; more; {
			err := e.do(ctx, func(ctx context.Context, c *conn) error {
				n, err := c.number(ctx, "SELECT coalesce(max(revision), 0) FROM (SELECT revision, at FROM tuple_log"+inStore+" ORDER BY revision, n"+upTo+") WHERE at <= ?",
					append(storeArgs(s), int64(sweepPage), before.UnixMilli())...)
				if more = n > 0; err != nil || !more {
					return err
				}
				if _, err := c.exec(ctx, "UPDATE tuple_store SET trimmed = ?"+inStore, append([]driver.Value{n}, storeArgs(s)...)...); err != nil {
					return err
				}
				_, err = c.exec(ctx, "DELETE FROM tuple_log"+inStore+" AND revision <= ?", append(storeArgs(s), n)...)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Export implements store.Keeper. All records are of one moment.
func (e *Engine) Export(ctx context.Context, collection string, yield func(store.Record) error) error {
	return e.Freeze(ctx, func(ctx context.Context, f Frozen) error { return f.Export(ctx, collection, yield) })
}

// Frozen is the store as it was at one moment. It is what an export is made from.
type Frozen struct {
	engine *Engine
	conn   *conn
}

// Freeze calls f with the store as it is now, while others go on writing; what they write stays in the log
// (-wal) meanwhile. It lasts as long as ctx.
func (e *Engine) Freeze(ctx context.Context, f func(context.Context, Frozen) error) error {
	return e.still(ctx, func(_ context.Context, c *conn) error { return f(ctx, Frozen{e, c}) })
}

// Export yields every live record of every tenant in one collection, in key order.
func (f Frozen) Export(ctx context.Context, collection string, yield func(store.Record) error) error {
	t, err := f.engine.table(collection)
	if err != nil {
		return err
	}
	row := func(v []driver.Value) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return yield(store.Record{
			Key:     store.Key{Tenant: tenantOf(v[0]), Collection: collection, ID: text(v[1])},
			Version: integer(v[2]), Expires: moment(v[3]), Body: []byte(text(v[4])),
		})
	}
	return f.conn.query(context.WithoutCancel(ctx), row, "SELECT tenant, id, version, expires, body FROM "+t.name+" WHERE "+live+" ORDER BY tenant, id",
		f.engine.config.Now().UnixMilli())
}

// TupleStores lists the tuple stores that there are, by tenant and id.
func (f Frozen) TupleStores(ctx context.Context) ([]store.TupleStore, error) {
	return tupleStores(ctx, f.conn)
}

// Snapshot yields all tuples of a store.
func (f Frozen) Snapshot(ctx context.Context, s store.TupleStore, yield func(store.Tuple) error) (uint64, error) {
	quiet := context.WithoutCancel(ctx)
	revision, err := f.conn.number(quiet, lastTuple, storeArgs(s)...)
	if err != nil {
		return 0, err
	}
	row := func(v []driver.Value) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return yield(writtenOf(v))
	}
	err = f.conn.query(quiet, row, "SELECT "+f.engine.row()+" FROM tuple"+inStore+tupleLive+" ORDER BY "+tupleColumns,
		append(storeArgs(s), f.engine.config.Now().UnixMilli())...)
	return uint64(revision), err
}

// Ping implements store.Keeper by a small durable write.
func (e *Engine) Ping(ctx context.Context) error {
	return e.do(ctx, func(ctx context.Context, c *conn) error {
		_, err := c.exec(ctx, "UPDATE pulse SET beats = beats + 1")
		return err
	})
}

// Committed implements store.Engine. It writes before it looks: a failed commit may have left frames
// in the log that a crash would bring to life, and the next commit overwrites them, so that the
// answer stays true.
func (e *Engine) Committed(ctx context.Context, w store.Write) (bool, error) {
	if err := e.Ping(ctx); err != nil {
		return false, err
	}
	i := w.Mark()
	if i < 0 {
		return false, store.ErrAmbiguous // nothing of the batch carries its mark
	}
	t, err := e.table(w.Docs[i].Key.Collection)
	if err != nil {
		return false, err
	}
	version, batch := int64(0), ""
	err = e.readers.with(ctx, func(c *conn) error {
		return c.query(context.WithoutCancel(ctx), func(v []driver.Value) error {
			version, batch = integer(v[0]), text(v[1])
			return nil
		}, t.state, string(w.Docs[i].Key.Tenant), w.Docs[i].Key.ID)
	})
	if err != nil {
		return false, err
	}
	return relational.Judge(w, version, batch)
}

// Backup writes a consistent copy to a new file at path, without the outbox. The copy appears under its name only when it is complete and on
// the disk; writers go on meanwhile.
func (e *Engine) Backup(ctx context.Context, path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(fmt.Errorf("writing a backup: the file exists already"), err)
	}
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return fmt.Errorf("writing a backup: %w", err)
	}
	defer func() { _ = os.Remove(part) }() // is gone after the rename
	if err := errors.Join(e.copyTo(ctx, part), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing a backup: %w", err)
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("writing a backup: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// copyTo copies the database to an empty file and takes the outbox out of the copy.
func (e *Engine) copyTo(ctx context.Context, path string) error {
	quiet := context.WithoutCancel(ctx)
	if err := e.readers.with(ctx, func(*conn) error { return nil }); err != nil {
		return err
	}
	// query_only forbids VACUUM INTO, so the copy has a connection of its own.
	source, err := connect(quiet, dsn(e.config.Path, "busy_timeout(5000)"))
	if err != nil {
		return err
	}
	_, err = source.exec(quiet, "VACUUM INTO ?", path)
	if err := errors.Join(err, source.close()); err != nil {
		return err
	}
	copied, err := connect(quiet, dsn(path, "journal_mode(DELETE)", "secure_delete(1)", "synchronous(FULL)"))
	if err != nil {
		return err
	}
	err = emptyOutbox(quiet, copied)
	return errors.Join(err, copied.close())
}

// emptyOutbox looks in the file itself whether there is an outbox: a backup may be made before any
// collection was declared.
func emptyOutbox(ctx context.Context, c *conn) error {
	name := "c_" + store.OutboxCollection
	n, err := c.number(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?", name)
	if err != nil || n == 0 {
		return err
	}
	_, err = c.exec(ctx, "DELETE FROM "+quote(name))
	return err
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

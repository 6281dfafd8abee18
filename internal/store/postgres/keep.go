package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// sweepPage is how many rows one transaction removes, so that no writer waits long.
const sweepPage = 1000

// Sweep implements store.Keeper. It also trims what is older than Config.KeepLog from the changelog
// of tuples, and what every node has heard of long ago, which do not count. Several nodes may sweep.
func (e *Engine) Sweep(ctx context.Context, now time.Time, limit int) (int, error) {
	total := 0
	for _, name := range slices.Sorted(maps.Keys(*e.tables.Load())) {
		t, err := e.table(name)
		if err != nil {
			return total, err
		}
		n, err := e.sweep(ctx, limit-total, sweepStatement(t.name, "tenant, id"), now.UnixMilli())
		if total += n; err != nil {
			return total, err
		}
	}
	n, err := e.sweep(ctx, limit-total, sweepStatement("tuple", "tenant, store, "+tupleColumns), now.UnixMilli())
	if total += n; err != nil {
		return total, err
	}
	if err := e.trim(ctx, now.Add(-e.config.KeepLog)); err != nil {
		return total, err
	}
	return total, e.trimChanges(ctx)
}

// sweepStatement removes the first rows by expiry. key are the columns of the table's primary key.
func sweepStatement(table, key string) string {
	return "DELETE FROM " + table + " WHERE (" + key + ") IN (SELECT " + key + " FROM " + table + " WHERE expires <= $1 ORDER BY expires LIMIT $2) AND expires <= $1"
}

// sweep runs a DELETE with a limit as its last argument until limit rows or no more are removed.
func (e *Engine) sweep(ctx context.Context, limit int, statement string, before int64) (int, error) {
	total := 0
	for total < limit {
		page, removed := min(sweepPage, limit-total), 0
		err := e.once(ctx, func(ctx context.Context, c *pgx.Conn) error {
			tag, err := c.Exec(ctx, statement, before, int64(page))
			removed = int(tag.RowsAffected())
			return err
		})
		if total += removed; err != nil || removed < page {
			return total, err
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
			key, upTo := []any{tenantText(s.Tenant), toText(s.ID)}, int64(0)
			err := e.once(ctx, func(ctx context.Context, c *pgx.Conn) error {
				err := c.QueryRow(ctx, "SELECT coalesce(max(revision), 0) FROM (SELECT revision, at FROM tuple_log"+inStore+" ORDER BY revision, n LIMIT $3) AS oldest WHERE at <= $4",
					append(key, int64(sweepPage), before.UnixMilli())...).Scan(&upTo)
				if more = upTo > 0; err != nil || !more {
					return err
				}
				var b pgx.Batch
				b.Queue("UPDATE tuple_store SET trimmed = greatest(trimmed, $3)"+inStore, append(key, upTo)...)
				b.Queue("DELETE FROM tuple_log"+inStore+" AND revision <= $3", append(key, upTo)...)
				return c.SendBatch(ctx, &b).Close()
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

// Snapshot implements store.Tuples.
func (e *Engine) Snapshot(ctx context.Context, s store.TupleStore, yield func(store.Tuple) error) (revision uint64, err error) {
	err = e.Freeze(ctx, func(ctx context.Context, f Frozen) (err error) {
		revision, err = f.Snapshot(ctx, s, yield)
		return err
	})
	return revision, err
}

// TupleStores implements store.Keeper.
func (e *Engine) TupleStores(ctx context.Context) (out []store.TupleStore, err error) {
	err = e.read(ctx, func(ctx context.Context, c *pgx.Conn) (err error) {
		out, err = tupleStores(ctx, c)
		return err
	})
	return out, err
}

func tupleStores(ctx context.Context, c interface {
	Query(context.Context, string, ...any) (pgx.Rows, error)
},
) ([]store.TupleStore, error) {
	rows, err := c.Query(ctx, "SELECT tenant, store FROM tuple_store WHERE revision > 0 ORDER BY tenant, store")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.TupleStore, error) {
		var tenant, name string
		err := row.Scan(&tenant, &name)
		return store.TupleStore{Tenant: id.Tenant(fromText(tenant)), ID: fromText(name)}, err
	})
}

// Frozen is the store as it was at one moment. It is what a backup is made from.
type Frozen struct {
	engine *Engine
	tx     pgx.Tx
}

// Freeze calls f with the store as it is now, while others go on writing. It lasts as long as ctx.
func (e *Engine) Freeze(ctx context.Context, f func(context.Context, Frozen) error) error {
	c, err := e.acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	return frozen(ctx, c, func(ctx context.Context, tx pgx.Tx) error {
		if !e.pooled {
			// A large collection takes longer than a statement may, and its reader may be slow.
			_, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0")
			if err != nil {
				return err
			}
		}
		return f(ctx, Frozen{e, tx})
	})
}

// Export yields every live record of every tenant in one collection, in key order.
func (f Frozen) Export(ctx context.Context, collection string, yield func(store.Record) error) error {
	t, err := f.engine.table(collection)
	if err != nil {
		return err
	}
	return f.pages(ctx, t, "body", func(rows pgx.Rows) (n int, last store.Key, err error) {
		records, err := pgx.CollectRows(rows, t.whole)
		for _, r := range records {
			if last = r.Key; err == nil {
				err = yield(r)
			}
		}
		return len(records), last, err
	})
}

// Outline yields the same records without their bodies, which the server reads and does not send.
func (f Frozen) Outline(ctx context.Context, collection string, yield func(store.Outline) error) error {
	t, err := f.engine.table(collection)
	if err != nil {
		return err
	}
	return f.pages(ctx, t, "sha256(convert_to(version::text || ' ' || body, 'UTF8'))", func(rows pgx.Rows) (n int, last store.Key, err error) {
		outlines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.Outline, error) {
			r, err := t.whole(row) // whose last column is the checksum
			o := store.Outline{Record: r, Sum: r.Body[:min(len(r.Body), sumSize)]}
			o.Body = nil
			return o, err
		})
		for _, o := range outlines {
			if last = o.Key; err == nil {
				err = yield(o)
			}
		}
		return len(outlines), last, err
	})
}

// sumSize is the length of a store.Sum, in bytes.
const sumSize = 16

// pages reads a collection in key order, with one column besides its key, version and expiry. each takes the
// rows of a page, and says how many they were and which was the last.
func (f Frozen) pages(ctx context.Context, t *table, column string, each func(pgx.Rows) (int, store.Key, error)) error {
	page := "SELECT tenant, id, version, expires, " + column + " FROM " + t.name + " WHERE (tenant, id) > ($1, $2) AND " + live(3) + " ORDER BY tenant, id LIMIT $4"
	now := f.engine.config.Now().UnixMilli()
	for after := (store.Key{}); ; {
		rows, err := f.tx.Query(ctx, page, tenantText(after.Tenant), toText(after.ID), now, backfillPage)
		if err != nil {
			return err
		}
		n, last, err := each(rows)
		if err != nil || n < backfillPage {
			return err
		}
		after = last
	}
}

// GetMany returns the records among keys that are there.
func (f Frozen) GetMany(ctx context.Context, keys []store.Key) ([]store.Record, error) {
	return f.engine.getMany(keys, func(read func(context.Context, *pgx.Conn) error) error { return read(ctx, f.tx.Conn()) })
}

// TupleStores lists the tuple stores that there are, by tenant and id.
func (f Frozen) TupleStores(ctx context.Context) ([]store.TupleStore, error) {
	return tupleStores(ctx, f.tx)
}

// snapshotPage is how many tuples are held in memory at a time.
const snapshotPage = 5000

// Snapshot yields all tuples of a store.
func (f Frozen) Snapshot(ctx context.Context, s store.TupleStore, yield func(store.Tuple) error) (uint64, error) {
	var revision int64
	key := []any{tenantText(s.Tenant), toText(s.ID)}
	if err := f.tx.QueryRow(ctx, lastTuple, key...).Scan(&revision); err != nil {
		return 0, err
	}
	for page := (store.TuplePage{Limit: snapshotPage}); ; {
		statement, args := f.engine.tupleList(s, store.TupleFilter{}, page)
		rows, err := f.tx.Query(ctx, statement, args...)
		if err != nil {
			return 0, err
		}
		var all []store.Tuple
		var r tupleRow
		if _, err := pgx.ForEachRow(rows, r.whole(), func() error { all = append(all, r.tuple()); return nil }); err != nil {
			return 0, err
		}
		for _, t := range all {
			if err := yield(t); err != nil {
				return 0, err
			}
		}
		if len(all) < snapshotPage {
			return uint64(revision), nil
		}
		page.After = &all[len(all)-1]
	}
}

// Ping implements store.Keeper by a small durable write.
func (e *Engine) Ping(ctx context.Context) error {
	return e.read(ctx, func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "UPDATE cardea SET value = (value::bigint + 1)::text WHERE name = 'pulse'")
		return err
	})
}

package sqlite

import (
	"context"
	"database/sql/driver"

	"github.com/cardea-auth/cardea/internal/store"
)

// Get implements store.Reader.
func (e *Engine) Get(ctx context.Context, k store.Key) (store.Record, error) {
	t, err := e.table(k.Collection)
	if err != nil {
		return store.Record{}, err
	}
	r, found := store.Record{}, false
	err = e.readers.with(ctx, func(c *conn) error {
		r, found, err = t.read(context.WithoutCancel(ctx), c, k, e.config.Now().UnixMilli())
		return err
	})
	if err == nil && !found {
		err = store.ErrNotFound
	}
	return r, err
}

// GetMany implements store.Reader. It reads key by key on one connection: each takes microseconds.
func (e *Engine) GetMany(ctx context.Context, keys []store.Key) ([]store.Record, error) {
	out := make([]store.Record, 0, len(keys))
	seen := make(map[store.Key]bool, len(keys))
	now := e.config.Now().UnixMilli()
	err := e.readers.with(ctx, func(c *conn) error {
		for _, k := range keys {
			t, err := e.table(k.Collection)
			if err != nil {
				return err
			}
			if seen[k] {
				continue
			}
			seen[k] = true
			r, found, err := t.read(context.WithoutCancel(ctx), c, k, now)
			if err != nil {
				return err
			}
			if found {
				out = append(out, r)
			}
		}
		return nil
	})
	return out, err
}

func (t *table) read(ctx context.Context, c *conn, k store.Key, now int64) (r store.Record, found bool, err error) {
	err = c.query(ctx, func(v []driver.Value) error {
		found = true
		r = store.Record{Key: k, Version: integer(v[0]), Expires: moment(v[1]), Body: []byte(text(v[2]))}
		return nil
	}, t.get, string(k.Tenant), k.ID, now)
	return r, found, err
}

// Find implements store.Reader.
func (e *Engine) Find(ctx context.Context, q store.Scan) ([]store.Record, error) {
	t, err := e.table(q.Collection)
	if err != nil {
		return nil, err
	}
	segments, err := t.segments(q)
	if err != nil {
		return nil, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	out := make([]store.Record, 0, min(limit, 64))
	err = e.readers.with(ctx, func(c *conn) error {
		for _, s := range segments {
			if len(out) >= limit {
				return nil
			}
			row := func(v []driver.Value) error {
				out = append(out, store.Record{
					Key:     store.Key{Tenant: q.Tenant, Collection: q.Collection, ID: text(v[0])},
					Version: integer(v[1]), Expires: moment(v[2]), Body: []byte(text(v[3])),
				})
				return nil
			}
			statement := "SELECT id, version, expires, body" + s.text + s.order + upTo
			if err := c.query(context.WithoutCancel(ctx), row, statement, append(s.args, int64(limit-len(out)))...); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// Count implements store.Reader.
func (e *Engine) Count(ctx context.Context, q store.Scan, limit int) (int, error) {
	t, err := e.table(q.Collection)
	if err != nil {
		return 0, err
	}
	segments, err := t.segments(q)
	if err != nil {
		return 0, err
	}
	total := 0
	err = e.readers.with(ctx, func(c *conn) error {
		for _, s := range segments {
			statement := "SELECT count(*) FROM (SELECT 1" + s.text + upTo + ")"
			n, err := c.number(context.WithoutCancel(ctx), statement, append(s.args, int64(max(0, limit-total)))...)
			if err != nil {
				return err
			}
			total += int(n)
		}
		return nil
	})
	return total, err
}

// TupleStores implements store.Keeper.
func (e *Engine) TupleStores(ctx context.Context) ([]store.TupleStore, error) {
	var out []store.TupleStore
	err := e.readers.with(ctx, func(c *conn) (err error) {
		out, err = tupleStores(ctx, c)
		return err
	})
	return out, err
}

func tupleStores(ctx context.Context, c *conn) ([]store.TupleStore, error) {
	var out []store.TupleStore
	err := c.query(context.WithoutCancel(ctx), func(v []driver.Value) error {
		out = append(out, store.TupleStore{Tenant: tenantOf(v[0]), ID: text(v[1])})
		return nil
	}, "SELECT tenant, store FROM tuple_store ORDER BY tenant, store")
	return out, err
}

// defaultLimit bounds a Find or a list of tuples that names no limit.
const defaultLimit = 1000

package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// defaultLimit bounds a Find or a list of tuples that names no limit.
const defaultLimit = 1000

// Get implements store.Reader.
func (e *Engine) Get(ctx context.Context, k store.Key) (store.Record, error) {
	t, err := e.table(k.Collection)
	if err != nil {
		return store.Record{}, err
	}
	r := store.Record{Key: k}
	var expires *int64
	err = e.read(ctx, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, t.get, tenantText(k.Tenant), toText(k.ID), e.config.Now().UnixMilli()).Scan(&r.Version, &expires, &r.Body)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return store.Record{}, store.ErrNotFound
	}
	r.Expires = moment(expires)
	return r, err
}

// GetMany implements store.Reader.
func (e *Engine) GetMany(ctx context.Context, keys []store.Key) ([]store.Record, error) {
	return e.getMany(keys, func(read func(context.Context, *pgx.Conn) error) error { return e.read(ctx, read) })
}

// getMany reads by collection and tenant; with has a connection read.
func (e *Engine) getMany(keys []store.Key, with func(func(context.Context, *pgx.Conn) error) error) ([]store.Record, error) {
	type place struct {
		tenant     id.Tenant
		collection string
	}
	ids := map[place][]string{}
	for _, k := range keys {
		p := place{k.Tenant, k.Collection}
		ids[p] = append(ids[p], toText(k.ID))
	}
	var out []store.Record
	for p, list := range ids {
		t, err := e.table(p.collection)
		if err != nil {
			return nil, err
		}
		var found []store.Record
		err = with(func(ctx context.Context, c *pgx.Conn) (err error) {
			rows, err := c.Query(ctx, t.many, tenantText(p.tenant), list, e.config.Now().UnixMilli())
			if err != nil {
				return err
			}
			found, err = pgx.CollectRows(rows, recordOf(p.tenant, p.collection))
			return err
		})
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// recordOf reads (id, version, expires, body).
func recordOf(t id.Tenant, collection string) pgx.RowToFunc[store.Record] {
	return func(row pgx.CollectableRow) (store.Record, error) {
		r := store.Record{Key: store.Key{Tenant: t, Collection: collection}}
		var expires *int64
		err := row.Scan(&r.ID, &r.Version, &expires, &r.Body)
		r.ID, r.Expires = fromText(r.ID), moment(expires)
		return r, err
	}
}

// Find implements store.Reader. Its pieces are asked for together: most often there is one.
func (e *Engine) Find(ctx context.Context, q store.Scan) ([]store.Record, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	var out []store.Record
	err := e.pieces(ctx, q, func(b *pgx.Batch, s segment) {
		statement, args := s.limited("SELECT id, version, expires, body", s.order, limit)
		b.Queue(statement, args...).Query(func(rows pgx.Rows) error {
			found, err := pgx.CollectRows(rows, recordOf(q.Tenant, q.Collection))
			out = append(out, found...)
			return err
		})
	}, func() { out = make([]store.Record, 0, min(limit, 64)) })
	return out[:min(limit, len(out))], err
}

// Count implements store.Reader.
func (e *Engine) Count(ctx context.Context, q store.Scan, limit int) (int, error) {
	total := 0
	err := e.pieces(ctx, q, func(b *pgx.Batch, s segment) {
		statement, args := s.limited("SELECT count(*) FROM (SELECT 1", "", max(0, limit))
		b.Queue(statement+") AS found", args...).QueryRow(func(row pgx.Row) error {
			n := 0
			err := row.Scan(&n)
			total += n
			return err
		})
	}, func() { total = 0 })
	return min(total, max(0, limit)), err
}

// pieces queues something for each segment of q and reads the answers. begin is called before each try.
func (e *Engine) pieces(ctx context.Context, q store.Scan, queue func(*pgx.Batch, segment), begin func()) error {
	begin()
	t, err := e.table(q.Collection)
	if err != nil {
		return err
	}
	segments, err := t.segments(q)
	if err != nil || len(segments) == 0 {
		return err
	}
	return e.read(ctx, func(ctx context.Context, c *pgx.Conn) error {
		begin()
		var b pgx.Batch
		for _, s := range segments {
			queue(&b, s)
		}
		return c.SendBatch(ctx, &b).Close()
	})
}

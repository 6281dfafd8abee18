package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// defaultLimit bounds a Find or a list of tuples that names no limit.
const defaultLimit = 1000

// all reads what matches, in one answer where it fits.
func all[T any](ctx context.Context, in *mongo.Collection, filter, sort bson.D, limit int) ([]T, error) {
	o := options.Find().SetLimit(int64(limit)).SetBatchSize(int32(limit))
	if sort != nil {
		o.SetSort(sort)
	}
	cursor, err := in.Find(ctx, filter, o)
	if err != nil {
		return nil, err
	}
	var out []T
	return out, cursor.All(ctx, &out)
}

// Get implements store.Reader.
func (e *Engine) Get(ctx context.Context, k store.Key) (store.Record, error) {
	t, err := e.table(k.Collection)
	if err != nil {
		return store.Record{}, err
	}
	var found row
	err = e.read(ctx, func(ctx context.Context) error {
		return e.of(t).FindOne(ctx, bson.D{{Key: "_id", Value: recordKey(k.Tenant, k.ID)}, {Key: "t", Value: string(k.Tenant)}},
			options.FindOne().SetProjection(rowFields)).Decode(&found)
	})
	if errors.Is(err, mongo.ErrNoDocuments) {
		return store.Record{}, store.ErrNotFound
	}
	if err != nil {
		return store.Record{}, err
	}
	r := found.record(k.Collection)
	if !r.Expires.IsZero() && r.Expires.UnixMilli() <= e.config.Now().UnixMilli() {
		return store.Record{}, store.ErrNotFound
	}
	return r, nil
}

// GetMany implements store.Reader.
func (e *Engine) GetMany(ctx context.Context, keys []store.Key) ([]store.Record, error) {
	return e.getMany(keys, func(read func(context.Context) error) error { return e.read(ctx, read) })
}

// getMany reads by collection and tenant, each in a call of with.
func (e *Engine) getMany(keys []store.Key, with func(func(context.Context) error) error) ([]store.Record, error) {
	type place struct {
		tenant     id.Tenant
		collection string
	}
	ids := map[place]bson.A{}
	for _, k := range keys {
		p := place{k.Tenant, k.Collection}
		ids[p] = append(ids[p], recordKey(k.Tenant, k.ID))
	}
	var out []store.Record
	for p, list := range ids {
		t, err := e.table(p.collection)
		if err != nil {
			return nil, err
		}
		filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: list}}}, {Key: "t", Value: string(p.tenant)}, live(e.config.Now())}
		var rows []row
		err = with(func(ctx context.Context) (err error) {
			rows, err = all[row](ctx, e.of(t), filter, nil, len(list))
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			out = append(out, r.record(p.collection))
		}
	}
	return out, nil
}

// Find implements store.Reader.
func (e *Engine) Find(ctx context.Context, q store.Scan) ([]store.Record, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	out := make([]store.Record, 0, min(limit, 64))
	err := e.each(ctx, q, func(ctx context.Context, t *table, p piece) (bool, error) {
		rows, err := all[row](ctx, e.of(t), p.filter, p.sort, limit-len(out))
		if err != nil {
			return false, err
		}
		for _, r := range rows {
			out = append(out, r.record(q.Collection))
		}
		return len(out) < limit, nil
	})
	return out, err
}

// Count implements store.Reader.
func (e *Engine) Count(ctx context.Context, q store.Scan, limit int) (int, error) {
	total := 0
	err := e.each(ctx, q, func(ctx context.Context, t *table, p piece) (bool, error) {
		if total >= limit {
			return false, nil
		}
		n, err := e.of(t).CountDocuments(ctx, p.filter, options.Count().SetLimit(int64(limit-total)))
		total += int(n)
		return true, err
	})
	return total, err
}

// each calls f with the pieces of q, nearest first, until it has enough.
func (e *Engine) each(ctx context.Context, q store.Scan, f func(context.Context, *table, piece) (more bool, err error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t, err := e.table(q.Collection)
	if err != nil {
		return err
	}
	pieces, err := t.pieces(q)
	if err != nil {
		return err
	}
	for _, p := range pieces {
		more := false
		err := e.read(ctx, func(ctx context.Context) (err error) {
			more, err = f(ctx, t, p)
			return err
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

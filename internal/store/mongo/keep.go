package mongo

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// sweepPage is how many documents are removed at once.
const sweepPage = 1000

// Sweep implements store.Keeper. It also trims what is older than Config.KeepLog from the changelog
// of tuples, and what every node has heard of long ago, which do not count. Several nodes may sweep.
func (e *Engine) Sweep(ctx context.Context, now time.Time, limit int) (int, error) {
	total := 0
	names := []string{}
	for _, t := range *e.tables.Load() {
		names = append(names, t.Name)
	}
	slices.Sort(names)
	for _, name := range append(names, collTuples) {
		n, err := e.sweep(ctx, name, bson.E{Key: "expires", Value: bson.D{{Key: "$lte", Value: date(now)}}}, limit-total)
		if total += n; err != nil {
			return total, err
		}
	}
	if err := e.trim(ctx, now.Add(-e.config.KeepLog)); err != nil {
		return total, err
	}
	return total, e.trimChanges(ctx)
}

// sweep removes the first documents by a date, until limit or no more are removed.
func (e *Engine) sweep(ctx context.Context, collection string, old bson.E, limit int) (int, error) {
	total := 0
	for total < limit {
		page, removed := min(sweepPage, limit-total), 0
		err := e.read(ctx, func(ctx context.Context) error {
			in := e.in(collection)
			cursor, err := in.Find(ctx, bson.D{old}, options.Find().SetSort(bson.D{{Key: old.Key, Value: 1}}).SetLimit(int64(page)).
				SetBatchSize(int32(page)).SetProjection(bson.D{{Key: "_id", Value: 1}}))
			if err != nil {
				return err
			}
			var found []entry
			if err := cursor.All(ctx, &found); err != nil || len(found) == 0 {
				return err
			}
			keys := bson.A{}
			for _, f := range found {
				keys = append(keys, f.Name)
			}
			r, err := in.DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: keys}}}, old})
			if err == nil {
				removed += int(r.DeletedCount)
			}
			return err
		})
		if total += removed; err != nil || removed < page {
			return total, err
		}
	}
	return total, nil
}

func (e *Engine) trimChanges(ctx context.Context) error {
	var h hello
	err := e.read(ctx, func(ctx context.Context) (err error) {
		h, err = e.hello(ctx)
		return err
	})
	if err != nil {
		return err
	}
	_, err = e.sweep(ctx, collChanges, bson.E{Key: "at", Value: bson.D{{Key: "$lt", Value: date(h.Time.Time().Add(-keepChanges))}}}, 1<<31)
	return err
}

// trim removes whole revisions from before a point in time, and remembers first up to where.
func (e *Engine) trim(ctx context.Context, before time.Time) error {
	stores, err := e.TupleStores(ctx)
	if err != nil {
		return err
	}
	for _, s := range stores {
		for more := true; more; {
			err := e.read(ctx, func(ctx context.Context) (err error) {
				more, err = e.trimPage(ctx, s, before)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) trimPage(ctx context.Context, s store.TupleStore, before time.Time) (more bool, err error) {
	oldest, err := all[logRow](ctx, e.in(collLog), inStore(s), bson.D{{Key: "_id", Value: 1}}, sweepPage)
	if err != nil {
		return false, err
	}
	upTo := int64(0)
	for _, r := range oldest {
		if !r.At.Time().After(before) {
			upTo = max(upTo, r.Revision)
		}
	}
	if upTo == 0 {
		return false, nil
	}
	key := bson.D{{Key: "_id", Value: storeKey(s)}, {Key: "t", Value: string(s.Tenant)}}
	if _, err := e.in(collStores).UpdateOne(ctx, key, bson.D{{Key: "$max", Value: bson.D{{Key: "trimmed", Value: upTo}}}}); err != nil {
		return false, err
	}
	_, err = e.in(collLog).DeleteMany(ctx, bson.D{
		{Key: "_id", Value: bson.D{{Key: "$gte", Value: logKey(s, 0, 0)}, {Key: "$lt", Value: logKey(s, uint64(upTo)+1, 0)}}}, {Key: "t", Value: string(s.Tenant)},
	})
	return true, err
}

// errTooLong says that a server has not kept a moment for as long as it was read.
var errTooLong = errors.New("mongo: it took longer than the server keeps one moment; raise transactionLifetimeLimitSeconds for it")

// still calls f with a transaction in which all readings see one state.
func (e *Engine) still(ctx context.Context, f func(context.Context) error) error {
	s, err := e.client.StartSession()
	if err != nil {
		return err
	}
	defer s.EndSession(ctx)
	if err := s.StartTransaction(options.Transaction().SetReadConcern(readconcern.Snapshot())); err != nil {
		return err
	}
	err = f(mongo.NewSessionContext(ctx, s))
	e.abort(ctx, s) // there is nothing to commit
	var server mongo.ServerError
	if errors.As(err, &server) && (server.HasErrorCode(codeNoTransaction) || server.HasErrorCode(codeTooLong)) {
		return errors.Join(errTooLong, clean(err))
	}
	return err
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
	err = e.read(ctx, func(ctx context.Context) (err error) {
		out, err = e.tupleStores(ctx)
		return err
	})
	return out, err
}

func (e *Engine) tupleStores(ctx context.Context) ([]store.TupleStore, error) {
	cursor, err := e.in(collStores).Find(ctx, bson.D{{Key: "revision", Value: bson.D{{Key: "$gt", Value: 0}}}}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, err
	}
	var found []counter
	if err := cursor.All(ctx, &found); err != nil {
		return nil, err
	}
	var out []store.TupleStore
	for _, c := range found {
		if parts := split(c.ID); len(parts) == 2 {
			out = append(out, store.TupleStore{Tenant: id.Tenant(parts[0]), ID: parts[1]})
		}
	}
	return out, nil
}

// Frozen is the store as it was at one moment. It is what a backup is made from.
type Frozen struct{ engine *Engine }

// Freeze calls f with the store as it is now, while others go on writing. It lasts as long as ctx, and as
// long as the server keeps a moment: a minute, if it was not told otherwise.
func (e *Engine) Freeze(ctx context.Context, f func(context.Context, Frozen) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return clean(e.still(ctx, func(ctx context.Context) error { return f(ctx, Frozen{e}) }))
}

// readPage is how many documents are held in memory at a time.
const readPage = 1000

// Export yields every live record of every tenant in one collection, in key order.
func (f Frozen) Export(ctx context.Context, collection string, yield func(store.Record) error) error {
	return f.each(ctx, collection, rowFields, func(r row) error { return yield(r.record(collection)) })
}

// Outline yields the same records without their bodies, which the server does not send.
func (f Frozen) Outline(ctx context.Context, collection string, yield func(store.Outline) error) error {
	return f.each(ctx, collection, outlineFields, func(r row) error {
		o := store.Outline{Record: r.record(collection), Sum: r.Sum}
		o.Body = nil
		return yield(o)
	})
}

// each reads these members of every live document of a collection, in key order.
func (f Frozen) each(ctx context.Context, collection string, members bson.D, yield func(row) error) error {
	t, err := f.engine.table(collection)
	if err != nil {
		return err
	}
	now, after := f.engine.config.Now(), ""
	for {
		filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: after}}}, live(now)}
		cursor, err := f.engine.of(t).Find(ctx, filter, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(readPage).
			SetBatchSize(readPage).SetProjection(members))
		if err != nil {
			return err
		}
		var rows []row
		if err := cursor.All(ctx, &rows); err != nil {
			return err
		}
		for _, r := range rows {
			if err := yield(r); err != nil {
				return err
			}
		}
		if len(rows) < readPage {
			return nil
		}
		after = rows[len(rows)-1].ID
	}
}

// GetMany returns the records among keys that are there.
func (f Frozen) GetMany(ctx context.Context, keys []store.Key) ([]store.Record, error) {
	return f.engine.getMany(keys, func(read func(context.Context) error) error { return read(ctx) })
}

// TupleStores lists the tuple stores that there are, by tenant and id.
func (f Frozen) TupleStores(ctx context.Context) ([]store.TupleStore, error) {
	return f.engine.tupleStores(ctx)
}

// Snapshot yields all tuples of a store.
func (f Frozen) Snapshot(ctx context.Context, s store.TupleStore, yield func(store.Tuple) error) (uint64, error) {
	c, err := f.engine.counter(ctx, s)
	if err != nil {
		return 0, err
	}
	for page := (store.TuplePage{Limit: readPage}); ; {
		tuples, err := f.engine.list(ctx, s, store.TupleFilter{}, page)
		if err != nil {
			return 0, err
		}
		for _, t := range tuples {
			if err := yield(t); err != nil {
				return 0, err
			}
		}
		if len(tuples) < readPage {
			return uint64(c.Revision), nil
		}
		page.After = &tuples[len(tuples)-1]
	}
}

// Ping implements store.Keeper by a small durable write.
func (e *Engine) Ping(ctx context.Context) error {
	return e.read(ctx, func(ctx context.Context) error {
		_, err := e.in(collRegistry).UpdateOne(ctx, bson.D{{Key: "_id", Value: "pulse"}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: int64(1)}}}})
		return err
	})
}

// known are the collections that have been declared to this engine.
func (e *Engine) known() map[string]*table { return maps.Clone(*e.tables.Load()) }

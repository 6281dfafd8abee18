package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// A tuple is a document whose _id is all that it is, in the order in which tuples are listed; r is the same
// from the side of the subject:
//
//	_id  tenant 00 store 00 object type 00 object id 00 relation 00 subject type 00 subject id 00 subject relation
//	r    tenant 00 store 00 subject type 00 subject id 00 subject relation 00 object type 00 object id 00 relation
type tupleRow struct {
	ID        string         `bson:"_id"`
	Tenant    string         `bson:"t"`
	Reverse   string         `bson:"r"`
	Condition string         `bson:"condition,omitempty"`
	Context   string         `bson:"context,omitempty"`
	Expires   *bson.DateTime `bson:"expires,omitempty"`
	Written   *bson.DateTime `bson:"written,omitempty"` // absent: not noted
}

// logRow is a document of the changelog. Its _id has the order of revisions, and within one of operations.
type logRow struct {
	ID        string         `bson:"_id"`
	Tenant    string         `bson:"t"`
	Revision  int64          `bson:"revision"`
	At        bson.DateTime  `bson:"at"`
	Removed   bool           `bson:"removed,omitempty"`
	Tuple     string         `bson:"tuple"` // as the end of a tuple's _id
	Condition string         `bson:"condition,omitempty"`
	Context   string         `bson:"context,omitempty"`
	Expires   *bson.DateTime `bson:"expires,omitempty"`
}

// counter is the document of a tuple store. locked is changed by whoever is about to change the store.
type counter struct {
	ID       string `bson:"_id"`
	Revision int64  `bson:"revision"`
	Trimmed  int64  `bson:"trimmed"`
}

func storeParts(s store.TupleStore) []string { return []string{string(s.Tenant), s.ID} }

func storeKey(s store.TupleStore) string { return join(storeParts(s)...) }

// inStore are the keys of one store, in each of its collections.
func inStore(s store.TupleStore) bson.D {
	return bson.D{{Key: "_id", Value: within(storeParts(s)...)}, {Key: "t", Value: string(s.Tenant)}}
}

func tupleParts(t store.Tuple) []string {
	return []string{t.Object.Type, t.Object.ID, t.Relation, t.Subject.Type, t.Subject.ID, t.Subject.Relation}
}

func tupleKey(s store.TupleStore, t store.Tuple) string {
	return join(append(storeParts(s), tupleParts(t)...)...)
}

func reverseKey(s store.TupleStore, t store.Tuple) string {
	return join(append(storeParts(s), t.Subject.Type, t.Subject.ID, t.Subject.Relation, t.Object.Type, t.Object.ID, t.Relation)...)
}

// logKey is the _id of the n-th row of a revision.
func logKey(s store.TupleStore, revision uint64, n int) string {
	return fmt.Sprintf("%s\x00%020d\x00%06d", storeKey(s), revision, n)
}

// ofParts is a tuple from the parts that tupleParts gives.
func ofParts(parts []string) store.Tuple {
	if len(parts) != 6 {
		return store.Tuple{}
	}
	return store.Tuple{
		Object: store.ObjectRef{Type: parts[0], ID: parts[1]}, Relation: parts[2],
		Subject: store.SubjectRef{Type: parts[3], ID: parts[4], Relation: parts[5]},
	}
}

func rowOf(s store.TupleStore, t store.Tuple) tupleRow {
	r := tupleRow{ID: tupleKey(s, t), Tenant: string(s.Tenant), Reverse: reverseKey(s, t), Condition: t.Condition.Name, Context: t.Condition.Context}
	r.Expires, r.Written = point(t.Expires), point(t.Written)
	return r
}

// point is a point in time; nil for the zero one.
func point(t time.Time) *bson.DateTime {
	if t.IsZero() {
		return nil
	}
	at := date(t)
	return &at
}

func (r tupleRow) tuple() store.Tuple {
	t := ofParts(split(r.ID)[2:])
	t.Condition = store.TupleCondition{Name: r.Condition, Context: r.Context}
	t.Expires, t.Written = moment(r.Expires), moment(r.Written)
	return t
}

func (r logRow) change() store.TupleChange {
	t := ofParts(split(r.Tuple))
	t.Condition, t.Expires = store.TupleCondition{Name: r.Condition, Context: r.Context}, moment(r.Expires)
	return store.TupleChange{Revision: uint64(r.Revision), At: r.At.Time().UTC(), TupleOp: store.TupleOp{Delete: r.Removed, Tuple: t}}
}

// counter reads the document of a store; the zero one where there is none.
func (e *Engine) counter(ctx context.Context, s store.TupleStore) (c counter, err error) {
	err = e.in(collStores).FindOne(ctx, bson.D{{Key: "_id", Value: storeKey(s)}, {Key: "t", Value: string(s.Tenant)}}).Decode(&c)
	if errors.Is(err, mongo.ErrNoDocuments) {
		err = nil
	}
	return c, err
}

// Revision implements store.Tuples.
func (e *Engine) Revision(ctx context.Context, s store.TupleStore) (n uint64, err error) {
	err = e.read(ctx, func(ctx context.Context) error {
		c, err := e.counter(ctx, s)
		n = uint64(c.Revision)
		return err
	})
	return n, err
}

// ListTuples implements store.Tuples.
func (e *Engine) ListTuples(ctx context.Context, s store.TupleStore, f store.TupleFilter, p store.TuplePage) (out []store.Tuple, err error) {
	if p.Limit <= 0 {
		p.Limit = defaultLimit
	}
	err = e.read(ctx, func(ctx context.Context) (err error) {
		out, err = e.list(ctx, s, f, p)
		return err
	})
	return out, err
}

// list reads along the object or the subject as far as the filter leads, and leaves out what it does not mean.
func (e *Engine) list(ctx context.Context, s store.TupleStore, f store.TupleFilter, p store.TuplePage) ([]store.Tuple, error) {
	field, key, known := "_id", tupleKey, storeParts(s)
	if f.Subject.Type != "" {
		field, key = "r", reverseKey
		known = append(known, f.Subject.Type, f.Subject.ID, f.Subject.Relation)
	}
	for _, part := range []string{f.Object.Type, f.Object.ID, f.Relation} {
		if part == "" {
			break
		}
		known = append(known, part)
	}
	bounds := within(known...)
	if len(known) == len(storeParts(s))+6 { // one tuple, with which the key ends
		bounds = bson.D{{Key: "$gte", Value: join(known...)}, {Key: "$lte", Value: join(known...)}}
	}
	after := p.After
	var out []store.Tuple
	for {
		if after != nil {
			bounds[0] = bson.E{Key: "$gt", Value: key(s, *after)}
		}
		filter := bson.D{{Key: field, Value: bounds}, {Key: "t", Value: string(s.Tenant)}, live(e.config.Now())}
		rows, err := all[tupleRow](ctx, e.in(collTuples), filter, bson.D{{Key: field, Value: 1}}, p.Limit)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			t := r.tuple()
			if after = &t; means(f, t) && len(out) < p.Limit {
				out = append(out, t)
			}
		}
		if len(out) >= p.Limit || len(rows) < p.Limit {
			return out, nil
		}
	}
}

// means reports whether f means t.
func means(f store.TupleFilter, t store.Tuple) bool {
	return (f.Object.Type == "" || f.Object.Type == t.Object.Type) && (f.Object.ID == "" || f.Object.ID == t.Object.ID) &&
		(f.Relation == "" || f.Relation == t.Relation) && (f.Subject.Type == "" || f.Subject == t.Subject)
}

// Changes implements store.Tuples. A revision that lies ahead, as after a restore, is answered like
// one that was trimmed: whoever asks must start from a Snapshot.
func (e *Engine) Changes(ctx context.Context, s store.TupleStore, since uint64, limit int) ([]store.TupleChange, error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	var out []store.TupleChange
	err := e.read(ctx, func(ctx context.Context) error {
		return e.still(ctx, func(ctx context.Context) (err error) {
			out, err = e.changes(ctx, s, since, limit)
			return err
		})
	})
	return out, err
}

func (e *Engine) changes(ctx context.Context, s store.TupleStore, since uint64, limit int) ([]store.TupleChange, error) {
	c, err := e.counter(ctx, s)
	switch {
	case err != nil:
		return nil, err
	case since < uint64(c.Trimmed) || since > uint64(c.Revision):
		return nil, store.ErrTrimmed
	case since == uint64(c.Revision):
		return nil, nil
	}
	// One revision more than can be needed: a revision holds one change at least.
	rows, err := e.in(collLog).Find(ctx, bson.D{
		{Key: "_id", Value: bson.D{{Key: "$gte", Value: logKey(s, since+1, 0)}, {Key: "$lt", Value: logKey(s, since+uint64(limit)+2, 0)}}},
		{Key: "t", Value: string(s.Tenant)},
	}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetBatchSize(int32(limit)+1))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close(ctx) }() // nothing was written
	var out []store.TupleChange
	for more := true; more && rows.Next(ctx); {
		var r logRow
		if err := rows.Decode(&r); err != nil {
			return nil, err
		}
		out, more = relational.Collect(out, limit, r.change())
	}
	return out, rows.Err()
}

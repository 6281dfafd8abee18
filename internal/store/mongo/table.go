package mongo

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// table is what the engine knows of a collection. A document of it:
//
//	{_id: tenant 00 id, t: tenant, version, expires, batch, body, sum, x_<column>…, u_<unique index>…}
//
// version counts from 1; expires is a date or absent; batch is the Write.ID of the last batch whose mark was
// this document; body is text and no document: what it says must come back as it was, the order and the
// numbers included; sum is its store.Sum, which those of earlier versions lack and no longer fits where they
// have replaced the body. A column that is None is absent.
//
// MongoDB takes what is absent for null, and two nulls for the same value of a unique index. So unique
// indexes end with a field of their own: it is empty where all columns are there, and otherwise the _id, which
// nobody else has. Such an index has the order that the contract asks for too, with None first and by
// id, which a partial index of those that are not None could not give.
type table struct {
	relational.Table
	unique []store.Index
}

// row is a document as it is read.
type row struct {
	ID      string         `bson:"_id"`
	Version int64          `bson:"version"`
	Expires *bson.DateTime `bson:"expires"`
	Batch   string         `bson:"batch"`
	Body    string         `bson:"body"`
	Sum     []byte         `bson:"sum"`
}

// rowFields leaves out what stands in the body too.
var rowFields = bson.D{{Key: "version", Value: 1}, {Key: "expires", Value: 1}, {Key: "body", Value: 1}}

// outlineFields leave out the body, too.
var outlineFields = bson.D{{Key: "version", Value: 1}, {Key: "expires", Value: 1}, {Key: "sum", Value: 1}}

func (r row) record(collection string) store.Record {
	out := store.Record{Version: r.Version, Expires: moment(r.Expires), Body: []byte(r.Body)}
	out.Tenant, out.ID = ofRecordKey(r.ID)
	out.Collection = collection
	return out
}

func newTable(s store.Schema) (*table, error) {
	declared, err := relational.NewTable(s)
	if err != nil {
		return nil, err
	}
	t := &table{Table: declared}
	for _, x := range s.Indexes {
		if x.Unique {
			t.unique = append(t.unique, x)
		}
	}
	return t, nil
}

// alone is the field that ends a unique index.
func alone(index string) string { return "u_" + index }

// columns are the members of a document that indexes know, and those that it must not have.
func (t *table) columns(key string, values []store.Value) (set, unset bson.D) {
	for i, name := range t.Columns {
		if v := value(values[i]); v != nil {
			set = append(set, bson.E{Key: name, Value: v})
		} else {
			unset = append(unset, bson.E{Key: name, Value: ""})
		}
	}
	for _, x := range t.unique {
		rest := ""
		if slices.ContainsFunc(t.of(x, values), isNone) {
			rest = key
		}
		set = append(set, bson.E{Key: alone(x.Name), Value: rest})
	}
	return set, unset
}

func isNone(v store.Value) bool { return v.Kind == store.None }

// of are the values of an index.
func (t *table) of(x store.Index, values []store.Value) []store.Value {
	out := make([]store.Value, len(x.Columns))
	for i, name := range x.Columns {
		out[i] = values[relational.ColumnAt(t.Schema, name)]
	}
	return out
}

// models are the declared indexes by name.
func (t *table) models() map[string]mongo.IndexModel {
	out := map[string]mongo.IndexModel{}
	for _, d := range t.Schema.Indexes {
		keys := bson.D{{Key: "t", Value: 1}}
		for _, c := range d.Columns {
			keys = append(keys, bson.E{Key: "x_" + c, Value: 1})
		}
		last := "_id"
		if d.Unique {
			last = alone(d.Name)
		}
		o := options.Index().SetName(d.Name)
		if d.Unique {
			o.SetUnique(true)
		}
		out[d.Name] = mongo.IndexModel{Keys: append(keys, bson.E{Key: last, Value: 1}), Options: o}
	}
	return out
}

// piece is a contiguous part of an index: what matches, and in which order.
type piece struct{ filter, sort bson.D }

func (t *table) pieces(q store.Scan) ([]piece, error) {
	plan, err := t.Segments(q)
	if err != nil {
		return nil, err
	}
	out := make([]piece, len(plan))
	for i, s := range plan {
		out[i] = t.piece(s, q)
	}
	return out, nil
}

func (t *table) piece(s relational.Segment, q store.Scan) piece {
	last := len(s.Index.Columns) - 1 // the id
	byID := "_id"
	if s.Index.Unique && s.Index.Name != "" && (s.At < last || slices.ContainsFunc(s.Equal, isNone)) {
		byID = alone(q.Index)
	}
	filter := bson.D{{Key: "t", Value: string(q.Tenant)}}
	for i, v := range s.Equal {
		filter = append(filter, bson.E{Key: s.Index.Columns[i], Value: value(v)})
	}
	switch {
	case s.At == last:
		filter = append(filter, bson.E{Key: byID, Value: t.ids(s, q)})
	case s.None:
		filter = append(filter, bson.E{Key: s.Index.Columns[s.At], Value: nil})
	default:
		if r := between(s, value); len(r) > 0 {
			filter = append(filter, bson.E{Key: s.Index.Columns[s.At], Value: r})
		}
	}
	direction := 1
	if q.Desc {
		direction = -1
	}
	var sort bson.D
	for _, c := range s.Order() {
		if c == "id" {
			c = byID
		}
		sort = append(sort, bson.E{Key: c, Value: direction})
	}
	return piece{append(filter, live(q.Now)), sort}
}

// ids bounds keys by the tenant, and more closely by what the segment says of ids.
func (t *table) ids(s relational.Segment, q store.Scan) bson.D {
	r := between(s, func(v store.Value) any { return recordKey(q.Tenant, v.Text) })
	all := within(string(q.Tenant))
	if !s.Low.Set {
		r = append(r, all[0])
	}
	if !s.High.Set {
		r = append(r, all[1])
	}
	return r
}

func between(s relational.Segment, of func(store.Value) any) bson.D {
	var r bson.D
	edge := func(e relational.Edge, sign string) {
		if e.Set && e.Inclusive {
			sign += "e"
		}
		if e.Set {
			r = append(r, bson.E{Key: sign, Value: of(e.Value)})
		}
	}
	edge(s.Low, "$gt")
	edge(s.High, "$lt")
	return r
}

package store

import (
	"context"
	"encoding/base64"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/strict"
)

// Query asks for documents by a declared index. The zero Query lists all by id. The id counts as the
// last column of every index. A document whose column is None is found by the columns before it and
// comes before those that have a value; no value, range or prefix matches it.
type Query struct {
	Index       string  // a declared index; "" means by id
	Eq          []Value // values of its first columns
	From, Until *Value  // range [From, Until) of the next column
	Prefix      string  // or: the next column is a text that begins so
	Desc        bool    // last first
	page.Request
}

// satisfiable is false for a query that no document can match, because it asks for a text that is
// not UTF-8. An engine would call it an error, and a stranger's typing is not the database's fault.
func (q Query) satisfiable() bool {
	texts := slices.Clone(q.Eq)
	for _, v := range []*Value{q.From, q.Until} {
		if v != nil {
			texts = append(texts, *v)
		}
	}
	return validTexts(texts) && utf8.ValidString(q.Prefix)
}

// Find reads a page of documents in index order. A cursor is good only for the query that made it;
// a forged or foreign one is Invalid with code invalid_cursor.
func (s Scope[T]) Find(ctx context.Context, q Query) (page.Page[*T], error) {
	if !q.satisfiable() {
		return page.Page[*T]{Items: []*T{}}, nil
	}
	scan, err := s.scan(ctx, q)
	if err != nil {
		return page.Page[*T]{}, err
	}
	size := q.Size()
	scan.Limit = size + 1 // one more tells whether there is a next page
	records, err := s.c.db.engine.Find(ctx, scan)
	if err != nil {
		return page.Page[*T]{}, wrapEngine(err, s.c.kind.Noun)
	}
	out := page.Page[*T]{Items: make([]*T, 0, min(len(records), size))}
	for _, r := range records[:min(len(records), size)] {
		doc, err := s.c.kind.decode(ctx, s.c.db.sealer, r)
		if err != nil {
			return page.Page[*T]{}, err
		}
		out.Items = append(out.Items, doc)
	}
	if len(records) > size {
		out.Next, err = s.cursor(ctx, q, out.Items[size-1])
	}
	return out, err
}

// One reads the first document of a query; false if there is none.
func (s Scope[T]) One(ctx context.Context, index string, eq ...Value) (*T, bool, error) {
	p, err := s.Find(ctx, Query{Index: index, Eq: eq, Request: page.Request{Limit: 1}})
	if err != nil || len(p.Items) == 0 {
		return nil, false, err
	}
	return p.Items[0], true, nil
}

// Count counts the documents of a query, but stops at limit.
func (s Scope[T]) Count(ctx context.Context, limit int, index string, eq ...Value) (int, error) {
	q := Query{Index: index, Eq: eq}
	if !q.satisfiable() {
		return 0, nil
	}
	scan, err := s.scan(ctx, q)
	if err != nil {
		return 0, err
	}
	n, err := s.c.db.engine.Count(ctx, scan, limit)
	if err != nil {
		return 0, wrapEngine(err, s.c.kind.Noun)
	}
	return n, nil
}

func (s Scope[T]) scan(ctx context.Context, q Query) (Scan, error) {
	if q.Index == "" {
		q.Index = PrimaryIndex
	}
	x, ok := s.c.kind.index(q.Index)
	if !ok || len(q.Eq) > len(x.Columns) {
		return Scan{}, wrapEngine(ErrNoIndex, s.c.kind.Noun)
	}
	if err := s.c.db.askable(x); err != nil {
		return Scan{}, err
	}
	scan := Scan{
		Tenant: s.tenant, Collection: s.c.kind.Name, Index: q.Index, Eq: q.Eq, From: q.From, Until: q.Until,
		Prefix: q.Prefix, Desc: q.Desc, Now: s.c.db.Now(),
	}
	if q.Cursor == "" {
		return scan, nil
	}
	after, err := s.position(ctx, q)
	scan.After = after
	return scan, err
}

// cursor seals the position of the last document of a page.
func (s Scope[T]) cursor(ctx context.Context, q Query, last *T) (string, error) {
	p := Position{ID: s.c.kind.Meta(last).ID}
	if x, _ := s.c.kind.index(q.Index); len(x.Columns) > len(q.Eq) {
		for _, name := range x.Columns[len(q.Eq):] {
			p.Values = append(p.Values, s.c.kind.value(last, name))
		}
	}
	plain, err := json.Marshal(p)
	if err != nil {
		return "", errs.Wrap(errs.Internal, err, "", "Something went wrong on our side.")
	}
	box, err := s.c.db.sealer.Seal(ctx, s.tenant, s.cursorPlace(q), plain)
	if err != nil {
		return "", errs.Busy(retryAfter, err, "sealing_unavailable", "Secrets could not be sealed just now.")
	}
	return base64.RawURLEncoding.EncodeToString(box), nil
}

func (s Scope[T]) position(ctx context.Context, q Query) (*Position, error) {
	bad := errs.New(errs.Invalid, "invalid_cursor", "The cursor does not belong to this list.")
	box, err := strict.Base64URL(q.Cursor)
	if err != nil || len(q.Cursor) > 4096 {
		return nil, bad
	}
	plain, err := s.c.db.sealer.Open(ctx, s.tenant, s.cursorPlace(q), box)
	if err != nil {
		return nil, bad
	}
	p := new(Position)
	if err := json.Unmarshal(plain, p); err != nil {
		return nil, bad
	}
	// Sealed by us, but perhaps by a version that declared the index otherwise.
	if x, _ := s.c.kind.index(q.Index); len(p.Values) != max(0, len(x.Columns)-len(q.Eq)) {
		return nil, bad
	}
	return p, nil
}

// cursorPlace binds a cursor to its list: another collection, index, filter or direction cannot use it.
func (s Scope[T]) cursorPlace(q Query) []byte {
	filter, err := json.Marshal(struct {
		Eq          []Value
		From, Until *Value
		Prefix      string
		Desc        bool
	}{q.Eq, q.From, q.Until, q.Prefix, q.Desc})
	if err != nil { // invalid UTF-8 in a filter: then no cursor fits
		return place(s.tenant, "cursor", s.c.kind.Name, "unfit")
	}
	index := q.Index
	if index == "" {
		index = PrimaryIndex
	}
	return place(s.tenant, "cursor", s.c.kind.Name, index, string(filter))
}

func (k Kind[T]) value(doc *T, column string) Value {
	for _, c := range k.Columns {
		if c.Name == column {
			return c.Of(doc)
		}
	}
	return Value{}
}

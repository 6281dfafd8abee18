package relational

import (
	"context"

	"github.com/cardea-auth/cardea/internal/store"
)

// Stock says what of collections is in a database. T is an engine's table.
type Stock[T any] interface {
	// Declare is the table of a collection, there or not.
	Declare(s store.Schema) (T, error)
	// Has reports whether what the work would make is there already.
	Has(ctx context.Context, w store.Work) (bool, error)
	// Count is how many records the collection has, up to store.MaxWork.
	Count(ctx context.Context, t T) (int64, error)
}

// Missing is what Ensure would do. What is there already it adds to tables, so that it can be read.
func Missing[T any](ctx context.Context, stock Stock[T], schemas []store.Schema, tables map[string]T) ([]store.Work, error) {
	var all []store.Work
	for _, s := range schemas {
		t, err := stock.Declare(s)
		if err != nil {
			return nil, err
		}
		work, err := lacking(ctx, stock.Has, s)
		if err != nil {
			return nil, err
		}
		if len(work) == 1 && work[0] == (store.Work{Collection: s.Name}) {
			all = append(all, work...)
			continue
		}
		tables[s.Name] = t
		if len(work) == 0 {
			continue
		}
		n, err := stock.Count(ctx, t)
		if err != nil {
			return nil, err
		}
		for _, w := range work {
			w.Records = n
			all = append(all, w)
		}
	}
	return all, nil
}

// lacking is what has to be made for one collection, not yet counted.
func lacking(ctx context.Context, has func(context.Context, store.Work) (bool, error), s store.Schema) (work []store.Work, err error) {
	whole := store.Work{Collection: s.Name}
	if ok, err := has(ctx, whole); err != nil || !ok {
		return []store.Work{whole}, err
	}
	var parts []store.Work
	for _, c := range s.Columns {
		parts = append(parts, store.Work{Collection: s.Name, Column: c.Name})
	}
	for _, x := range s.Indexes {
		parts = append(parts, store.Work{Collection: s.Name, Index: x.Name})
	}
	for _, w := range parts {
		if ok, err := has(ctx, w); err != nil {
			return nil, err
		} else if !ok {
			work = append(work, w)
		}
	}
	return work, nil
}

// Registry is what an engine has noted of what it has made, by name; the value is how it was declared.
type Registry map[string]string

// Has reports whether what the work would make was noted.
func (r Registry) Has(_ context.Context, w store.Work) (bool, error) {
	_, ok := r[Noted(w)]
	return ok, nil
}

// Noted is the name under which a collection, a column or an index stands in a Registry.
func Noted(w store.Work) string {
	switch {
	case w.Column != "":
		return "column:" + w.Collection + "." + w.Column
	case w.Index != "":
		return "index:" + w.Collection + "/" + w.Index
	}
	return "table:" + w.Collection
}

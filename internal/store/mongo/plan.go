package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/cardea-auth/cardea/internal/store"
)

var _ store.Planner = (*Engine)(nil)

// Missing implements store.Planner.
func (e *Engine) Missing(ctx context.Context, schemas []store.Schema) (all []store.Work, err error) {
	tables := e.known()
	err = e.read(ctx, func(ctx context.Context) error {
		all = nil
		have, err := e.registered(ctx)
		if err != nil {
			return err
		}
		for _, s := range schemas {
			t, err := newTable(s)
			if err != nil {
				return err
			}
			work, err := e.missing(ctx, t, have)
			if err != nil {
				return err
			}
			if all = append(all, work...); len(work) == 0 || work[0] != (store.Work{Collection: s.Name}) {
				tables[s.Name] = t
			}
		}
		return nil
	})
	if err == nil {
		e.tables.Store(&tables)
	}
	return all, err
}

// missing is what ensure would do.
func (e *Engine) missing(ctx context.Context, t *table, have map[string]string) (work []store.Work, err error) {
	name := t.Schema.Name
	if _, ok := have["table:"+name]; !ok {
		return []store.Work{{Collection: name}}, nil
	}
	for _, column := range t.Schema.Columns {
		if _, ok := have["column:"+name+"."+column.Name]; !ok {
			work = append(work, store.Work{Collection: name, Column: column.Name})
		}
	}
	for _, d := range t.Schema.Indexes {
		if _, ok := have["index:"+name+"/"+d.Name]; !ok {
			work = append(work, store.Work{Collection: name, Index: d.Name})
		}
	}
	if len(work) == 0 {
		return nil, nil
	}
	n, err := e.of(t).CountDocuments(ctx, bson.D{}, options.Count().SetLimit(store.MaxWork))
	for i := range work {
		work[i].Records = n
	}
	return work, err
}

package postgres

import (
	"context"
	"maps"

	"github.com/jackc/pgx/v5"

	"github.com/cardea-auth/cardea/internal/store"
)

var _ store.Planner = (*Engine)(nil)

// Missing implements store.Planner.
func (e *Engine) Missing(ctx context.Context, schemas []store.Schema) (all []store.Work, err error) {
	tables := maps.Clone(*e.tables.Load())
	err = e.read(ctx, func(ctx context.Context, c *pgx.Conn) error {
		all = nil
		have, err := registered(ctx, c)
		if err != nil {
			return err
		}
		for _, s := range schemas {
			t, err := newTable(s)
			if err != nil {
				return err
			}
			work, err := t.missing(ctx, c, have)
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
func (t *table) missing(ctx context.Context, c *pgx.Conn, have map[string]string) (work []store.Work, err error) {
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
		if _, ok := have["index:"+t.Indexes[d.Name].Name]; !ok {
			work = append(work, store.Work{Collection: name, Index: d.Name})
		}
	}
	if len(work) == 0 {
		return nil, nil
	}
	var n int64
	err = c.QueryRow(ctx, "SELECT count(*) FROM (SELECT 1 FROM "+t.name+" LIMIT $1) AS counted", store.MaxWork).Scan(&n)
	for i := range work {
		work[i].Records = n
	}
	return work, err
}

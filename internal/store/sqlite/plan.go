package sqlite

import (
	"context"
	"maps"

	"github.com/cardea-auth/cardea/internal/store"
)

var _ store.Planner = (*Engine)(nil)

// Missing implements store.Planner.
func (e *Engine) Missing(ctx context.Context, schemas []store.Schema) (all []store.Work, err error) {
	tables := maps.Clone(*e.tables.Load())
	quiet := context.WithoutCancel(ctx)
	err = e.readers.with(ctx, func(c *conn) error {
		for _, s := range schemas {
			t, err := newTable(s)
			if err != nil {
				return err
			}
			work, err := t.missing(quiet, c)
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
func (t *table) missing(ctx context.Context, c *conn) (work []store.Work, err error) {
	have, err := t.existing(ctx, c)
	if err != nil {
		return nil, err
	}
	if len(have) == 0 {
		return []store.Work{{Collection: t.Schema.Name}}, nil
	}
	for i, name := range t.Columns {
		if _, ok := have[name]; !ok {
			work = append(work, store.Work{Collection: t.Schema.Name, Column: t.Schema.Columns[i].Name})
		}
	}
	for _, d := range t.Schema.Indexes {
		n, err := c.number(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name = ?", t.Schema.Name+"/"+d.Name)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			work = append(work, store.Work{Collection: t.Schema.Name, Index: d.Name})
		}
	}
	if len(work) == 0 {
		return nil, nil
	}
	n, err := c.number(ctx, "SELECT count(*) FROM (SELECT 1 FROM "+t.name+" LIMIT ?)", int64(store.MaxWork))
	for i := range work {
		work[i].Records = n
	}
	return work, err
}

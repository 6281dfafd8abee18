package sqlite

import (
	"context"
	"maps"

	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// Missing implements store.Keeper.
func (e *Engine) Missing(ctx context.Context, schemas []store.Schema) (all []store.Work, err error) {
	tables := maps.Clone(*e.tables.Load())
	err = e.readers.with(ctx, func(c *conn) (err error) {
		all, err = relational.Missing(context.WithoutCancel(ctx), stock{c}, schemas, tables)
		return err
	})
	if !e.timed.Load() {
		all = append(all, store.Work{Collection: "tuple", Column: "written"}) // which reads no row
	}
	if err == nil {
		e.tables.Store(&tables)
	}
	return all, err
}

// stock is what the file has.
type stock struct{ *conn }

// Declare implements relational.Stock.
func (stock) Declare(s store.Schema) (*table, error) { return newTable(s) }

// Has implements relational.Stock.
func (s stock) Has(ctx context.Context, w store.Work) (bool, error) {
	var n int64
	var err error
	switch {
	case w.Column != "":
		n, err = s.number(ctx, "SELECT count(*) FROM pragma_table_info(?) WHERE name = ?", "c_"+w.Collection, "x_"+w.Column)
	case w.Index != "":
		n, err = s.number(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name = ?", w.Collection+"/"+w.Index)
	default:
		n, err = s.number(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?", "c_"+w.Collection)
	}
	return n > 0, err
}

// Count implements relational.Stock.
func (s stock) Count(ctx context.Context, t *table) (int64, error) {
	return s.number(ctx, "SELECT count(*) FROM (SELECT 1 FROM "+t.name+upTo+")", int64(store.MaxWork))
}

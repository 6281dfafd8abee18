package postgres

import (
	"context"
	"maps"

	"github.com/jackc/pgx/v5"

	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// Missing implements store.Keeper.
func (e *Engine) Missing(ctx context.Context, schemas []store.Schema) (all []store.Work, err error) {
	tables := maps.Clone(*e.tables.Load())
	err = e.read(ctx, func(ctx context.Context, c *pgx.Conn) error {
		have, err := registered(ctx, c)
		if err == nil {
			all, err = relational.Missing(ctx, stock{have, c}, schemas, tables)
		}
		if err == nil && have[tupleWritten] == "" {
			all = append(all, store.Work{Collection: "tuple", Column: "written"}) // which reads no row
		}
		return err
	})
	if err == nil {
		e.tables.Store(&tables)
	}
	return all, err
}

// stock is what the schema has.
type stock struct {
	relational.Registry
	conn *pgx.Conn
}

// Declare implements relational.Stock.
func (stock) Declare(s store.Schema) (*table, error) { return newTable(s) }

// Count implements relational.Stock.
func (s stock) Count(ctx context.Context, t *table) (n int64, err error) {
	err = s.conn.QueryRow(ctx, "SELECT count(*) FROM (SELECT 1 FROM "+t.name+" LIMIT $1) AS counted", store.MaxWork).Scan(&n)
	return n, err
}

package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// Missing implements store.Keeper.
func (e *Engine) Missing(ctx context.Context, schemas []store.Schema) (all []store.Work, err error) {
	tables := e.known()
	err = e.read(ctx, func(ctx context.Context) error {
		have, err := e.registered(ctx)
		if err == nil {
			all, err = relational.Missing(ctx, stock{have, e}, schemas, tables)
		}
		return err
	})
	if err == nil {
		e.tables.Store(&tables)
	}
	return all, err
}

// stock is what the database has.
type stock struct {
	relational.Registry
	engine *Engine
}

// Declare implements relational.Stock.
func (stock) Declare(s store.Schema) (*table, error) { return newTable(s) }

// Count implements relational.Stock.
func (s stock) Count(ctx context.Context, t *table) (int64, error) {
	return s.engine.of(t).CountDocuments(ctx, bson.D{}, options.Count().SetLimit(store.MaxWork))
}

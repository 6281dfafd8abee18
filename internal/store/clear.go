package store

import (
	"context"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/page"
)

// Clear deletes all documents of a query, some at a time, with a permit for a task that needs no event.
// It may be called again after an error: what is left then is whole. A document that was changed
// meanwhile is such an error.
func (s Scope[T]) Clear(ctx context.Context, permit access.Permit, q Query) error {
	q.Request = page.Request{Limit: MaxDocs}
	for {
		p, err := s.Find(ctx, q)
		if err != nil || len(p.Items) == 0 {
			return err
		}
		batch := Batch{Permit: permit}
		for _, doc := range p.Items {
			batch.Docs = append(batch.Docs, s.Delete(doc))
		}
		if _, err := s.c.db.Commit(ctx, batch); err != nil {
			return err
		}
	}
}

package audit

import (
	"context"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// eventErased tells that what the log knew of a person was forgotten.
const eventErased = "audit.person_erased"

// Erase forgets the personal part of every event about a person: addresses, mail, names. What
// happened, when, and that it was this id, stays. The erasure is an event itself and is sealed after
// the events that it explains. Halfway through, some events are erased and the event is missing:
// call it again.
func (l *Log) Erase(ctx context.Context, c access.Caller, person string) (int, error) {
	object := access.Object{Type: "cardea:user", ID: person}
	permit, err := l.Guard.Allow(ctx, c, "audit.erase", object)
	if err != nil {
		return 0, err
	}
	t := c.Tenant()
	// Unsealed events are sealed first: their digest must be in the tree before the text goes.
	if err := l.Seal(ctx, t); err != nil {
		return 0, err
	}
	forgotten := 0
	q := store.Query{Index: store.EventsByPerson, Eq: []store.Value{store.Text(person)}, Request: page.Request{Limit: sealAtOnce}}
	for {
		p, err := l.events.In(t).Find(ctx, q)
		if err != nil {
			return forgotten, err
		}
		batch := store.Batch{Permit: l.Guard.Task(t, "audit.seal")}
		for _, e := range p.Items {
			if e.Seq > 0 && !erased(e) {
				e.Personal, e.Salt = nil, ""
				batch.Docs = append(batch.Docs, l.events.In(t).Replace(ctx, e))
			}
		}
		if len(batch.Docs) > 0 {
			if _, err := l.DB.Commit(ctx, batch); err != nil {
				return forgotten, err
			}
			forgotten += len(batch.Docs)
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			break
		}
	}
	_, err = l.DB.Commit(ctx, store.Batch{Permit: permit, Events: []store.Event{{Kind: eventErased, Object: object}}})
	return forgotten, err
}

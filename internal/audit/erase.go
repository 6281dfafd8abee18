package audit

import (
	"context"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// eventErased tells that what the log knew of a person was forgotten. It explains every personal part
// of that person that is missing in front of it.
const eventErased = "audit.person_erased"

// Erase forgets the personal part of every event about a person: addresses, mail, names. What
// happened, when, and that it was this id, stays. It returns how many events it changed. The first
// batch carries an event that explains the erasure, so a crash half-way leaves a log that verifies and
// in which something is left; call it again. What happens after the call began is kept. Permission
// audit.erase.
func (l *Log) Erase(ctx context.Context, c access.Caller, person string) (int, error) {
	object := access.Object{Type: "cardea:user", ID: person}
	permit, err := l.Guard.Allow(ctx, c, "audit.erase", object)
	if err != nil {
		return 0, err
	}
	t := c.Tenant()
	// Unsealed events are sealed first: their digest must be in the tree before the text goes.
	if err := l.sealBesideOthers(ctx, t); err != nil {
		return 0, err
	}
	h, err := l.head(ctx, t)
	if err != nil {
		return 0, err
	}
	batch := store.Batch{Permit: permit, Events: []store.Event{{Kind: eventErased, Object: object}}}
	forgotten := 0
	q := store.Query{Index: store.EventsByPerson, Eq: []store.Value{store.Text(person)}, Request: page.Request{Limit: sealAtOnce}}
	for {
		p, err := l.events.In(t).Find(ctx, q)
		if err != nil {
			return forgotten, err
		}
		for _, e := range p.Items {
			// What is sealed later comes after the explanation and would not be covered by it.
			if e.Seq > 0 && e.Seq <= h.Size && !erased(e) {
				e.Personal, e.Salt = nil, ""
				batch.Docs = append(batch.Docs, l.events.In(t).Replace(ctx, e))
			}
		}
		if len(batch.Docs)+len(batch.Events) > 0 {
			if _, err := l.DB.Commit(ctx, batch); err != nil {
				return forgotten, err
			}
			forgotten += len(batch.Docs)
			batch = store.Batch{Permit: l.Guard.Task(t, "audit.seal")}
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			return forgotten, nil
		}
	}
}

// sealTries bounds how often somebody else may be faster. Each time that one has sealed something.
const sealTries = 10

// sealBesideOthers is Seal for a caller who must not hear that somebody else was sealing just then.
func (l *Log) sealBesideOthers(ctx context.Context, t id.Tenant) error {
	for try := 1; ; try++ {
		if err := l.Seal(ctx, t); !errs.Is(err, errs.Conflict) || try == sealTries {
			return err
		}
	}
}

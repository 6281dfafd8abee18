package audit

import (
	"context"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// OfPerson lists the events about a person, newest first, for that person or for whoever has the
// permission audit.read. Where somebody else has acted, the address and the browser in the event are
// that other one's, and are left out: a person learns that an administrator did something, and not
// from where.
func (l *Log) OfPerson(ctx context.Context, c access.Caller, person string, r page.Request) (page.Page[*Event], error) {
	object := access.Object{Type: "cardea:audit", ID: person, Owner: access.User(person)}
	if _, err := l.Guard.Allow(ctx, c, "audit.read", object); err != nil {
		return page.Page[*Event]{}, err
	}
	p, err := l.events.In(c.Tenant()).Find(ctx, store.Query{
		Index: store.EventsByPerson, Eq: []store.Value{store.Text(person)}, Desc: true, Request: r,
	})
	for _, e := range p.Items {
		e.Salt = ""
		if e.ActorID != person && e.ActorID != "" {
			delete(e.Personal, "address")
			delete(e.Personal, "user_agent")
		}
	}
	return p, err
}

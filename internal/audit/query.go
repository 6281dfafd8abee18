package audit

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Event is an event as the API shows it. It comes without its salt.
type Event = store.EventRecord

// Filter chooses events. At most one of Kind, Actor, Object and Person may be set; all may be
// combined with a time.
type Filter struct {
	Kind        string
	Actor       string // id of who did it
	Object      string // id of what it was done to
	Person      string // id of whom its personal part is about
	From, Until time.Time
	Oldest      bool // oldest first; otherwise newest first
}

func (f Filter) query(r page.Request) (store.Query, error) {
	q := store.Query{Index: store.EventsByTime, Desc: !f.Oldest, Request: r}
	chosen := 0
	for index, value := range map[string]string{
		store.EventsByKind: f.Kind, store.EventsByActor: f.Actor, store.EventsByObject: f.Object, store.EventsByPerson: f.Person,
	} {
		if value != "" {
			chosen++
			q.Index, q.Eq = index, []store.Value{store.Text(value)}
		}
	}
	if chosen > 1 {
		return q, errs.Bad("filter", "must name only one of kind, actor, object and person")
	}
	if !f.From.IsZero() {
		from := store.Time(f.From)
		q.From = &from
	}
	if !f.Until.IsZero() {
		until := store.Time(f.Until)
		q.Until = &until
	}
	return q, nil
}

// List reads events, sealed and unsealed. Permission audit.read.
func (l *Log) List(ctx context.Context, c access.Caller, f Filter, r page.Request) (page.Page[*Event], error) {
	if err := l.mayRead(ctx, c); err != nil {
		return page.Page[*Event]{}, err
	}
	q, err := f.query(r)
	if err != nil {
		return page.Page[*Event]{}, err
	}
	p, err := l.events.In(c.Tenant()).Find(ctx, q)
	for _, e := range p.Items {
		e.Salt = "" // whoever kept it could prove what was erased since
	}
	return p, err
}

func (l *Log) mayRead(ctx context.Context, c access.Caller) error {
	_, err := l.Guard.Allow(ctx, c, "audit.read", access.Object{Type: "cardea:audit"})
	return err
}

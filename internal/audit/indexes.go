package audit

import (
	"context"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// VerifyIndexes checks that every event is found where the indexes should have it, by number, time,
// kind, actor, object and person. The indexes are no part of what is sealed: with Verify alone, an
// event could be hidden from a search and still be in the log. It takes about 100 µs per event.
// Permission audit.verify.
func (l *Log) VerifyIndexes(ctx context.Context, c access.Caller) (Report, error) {
	if _, err := l.Guard.Allow(ctx, c, "audit.verify", access.Object{Type: "cardea:audit"}); err != nil {
		return Report{}, err
	}
	v := verification{log: l, tenant: c.Tenant()}
	in := l.events.In(c.Tenant())
	for q := (page.Request{Limit: page.MaxLimit}); ; {
		p, err := in.Find(ctx, store.Query{Request: q}) // by id, which is the key and no index
		if err != nil {
			return Report{}, err
		}
		for _, e := range p.Items {
			if err := v.indexes(ctx, e); err != nil {
				return Report{}, err
			}
			v.report.Sealed++
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			v.report.OK = v.report.Problem == ""
			return v.report, nil
		}
	}
}

// indexes looks e up in each index.
func (v *verification) indexes(ctx context.Context, e *store.EventRecord) error {
	at := store.Time(e.At)
	for _, x := range []struct {
		name string
		eq   []store.Value
	}{
		{store.EventsBySeq, []store.Value{store.Int(e.Seq)}},
		{store.EventsByTime, []store.Value{at}},
		{store.EventsByKind, []store.Value{store.Text(e.Kind), at}},
		{store.EventsByActor, []store.Value{store.TextOrNone(e.ActorID), at}},
		{store.EventsByObject, []store.Value{store.TextOrNone(e.ObjectID), at}},
		{store.EventsByPerson, []store.Value{store.TextOrNone(e.Person), at}},
	} {
		if x.eq[0].Kind == store.None {
			continue
		}
		found, err := v.found(ctx, x.name, x.eq, e.ID)
		if err != nil {
			return err
		}
		if !found {
			v.wrong(e.Seq, "Event "+e.ID+" is not found "+strings.Replace(x.name, "_", " ", 1)+".")
		}
	}
	return nil
}

func (v *verification) found(ctx context.Context, index string, eq []store.Value, eventID string) (bool, error) {
	for q := (page.Request{}); ; {
		p, err := v.log.events.In(v.tenant).Find(ctx, store.Query{Index: index, Eq: eq, Request: q})
		if err != nil {
			return false, err
		}
		for _, e := range p.Items {
			if e.ID == eventID {
				return true, nil
			}
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			return false, nil
		}
	}
}

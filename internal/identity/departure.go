package identity

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// departure is written in the batch that deletes an account, and deleted when nothing is known of its
// person any more: so what other rooms know is forgotten even if the server dies in between.
type departure struct {
	store.Meta           // the id is the user's
	At         time.Time `json:"at"`
}

func departureKind() store.Kind[departure] {
	return store.Kind[departure]{
		Name: "departure", Noun: "deleted account",
		Meta: func(d *departure) *store.Meta { return &d.Meta },
	}
}

// Forget has everything forgotten that is still known of deleted accounts of a tenant; for a background
// task. An error leaves some of it for the next time.
func (s *Accounts) Forget(ctx context.Context, t id.Tenant) error {
	for {
		p, err := s.departures.In(t).Find(ctx, store.Query{Request: page.Request{Limit: page.MaxLimit}})
		if err != nil || len(p.Items) == 0 {
			return err
		}
		for _, d := range p.Items {
			if err := s.forget(ctx, t, d.ID); err != nil {
				return err
			}
		}
	}
}

// forget ends a departure.
func (s *Accounts) forget(ctx context.Context, t id.Tenant, userID string) error {
	permit := s.guard.Task(t, "user.forget")
	if err := s.ungrant(ctx, permit, t, userID); err != nil {
		return err
	}
	err := s.devices.In(t).Clear(ctx, permit, store.Query{Index: devicesByUser, Eq: []store.Value{store.Text(userID)}})
	if err == nil && s.Config.Forget != nil {
		err = s.Config.Forget(ctx, t, userID)
	}
	if err != nil {
		return err
	}
	d, err := s.departures.In(t).Get(ctx, userID)
	if err != nil {
		return err
	}
	_, err = s.db.Commit(ctx, store.Batch{Permit: permit, Docs: []store.DocOp{s.departures.In(t).Delete(d)}})
	return err
}

// ungrant deletes what somebody was granted. The batch that deletes an account has done so already where it was no
// more than a batch takes.
func (s *Accounts) ungrant(ctx context.Context, permit access.Permit, t id.Tenant, userID string) error {
	for {
		ops, err := s.granted(ctx, t, userID)
		if err != nil || len(ops) == 0 {
			return err
		}
		if _, err := s.db.Commit(ctx, store.Batch{Permit: permit, Tuples: ops}); err != nil {
			return err
		}
	}
}

// granted deletes what somebody was granted, as much of it as a batch takes.
func (s *Accounts) granted(ctx context.Context, t id.Tenant, userID string) ([]store.TupleOp, error) {
	tuples, err := s.db.Tuples().ListTuples(ctx, store.OwnTuples(t),
		store.TupleFilter{Subject: store.SubjectRef{Type: access.TypeUser, ID: userID}}, store.TuplePage{Limit: store.MaxTuples})
	ops := make([]store.TupleOp, len(tuples))
	for i, granted := range tuples {
		ops[i] = store.DeleteTuple(granted)
	}
	return ops, err
}

package keyring

import (
	"context"
	"errors"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
)

// Prepare makes sure that a tenant has a key for tokens of algorithm a. It is called when a client is
// given an algorithm, so that the key is published before the client's first token.
func (r *Ring) Prepare(ctx context.Context, t id.Tenant, a Alg) error {
	_, err := r.signer(ctx, t, slot{Tokens, a})
	return err
}

// Tick advances the keys of a tenant: it makes those that every tenant needs, publishes the successor
// of a key whose time comes to an end, and has a successor sign that was published for long enough.
// Wiring calls it when a tenant is made and then every minute, on every node: whichever comes first
// does it, and the others find it done.
func (r *Ring) Tick(ctx context.Context, t id.Tenant) error {
	docs, err := r.documents(ctx, t)
	if err != nil {
		return err
	}
	did, err := r.advance(ctx, t, docs)
	if did {
		err = errors.Join(err, r.Refresh(ctx, t))
	}
	return err
}

// advance does what is due now and reports whether it did anything.
func (r *Ring) advance(ctx context.Context, t id.Tenant, docs []*document) (did bool, err error) {
	var failed []error
	for at, s := range r.due(docs) {
		switch {
		case s == Active && find(docs, at, Next) != nil:
			err = r.promote(ctx, t, find(docs, at, Active), find(docs, at, Next))
		default:
			err = r.insert(ctx, t, at, s)
		}
		did = true
		failed = append(failed, err)
	}
	return did, errors.Join(failed...)
}

// due says which slots need a new key now, and in which state.
func (r *Ring) due(docs []*document) map[slot]State {
	now, due := r.db.Now(), map[slot]State{}
	for _, at := range []slot{{Tokens, ES256}, {Logout, ES256}, {Checkpoints, EdDSA}} {
		if find(docs, at, Active) == nil {
			due[at] = Active
		}
	}
	for _, d := range docs {
		// Clients that want tokens of an algorithm want logout tokens of it, too.
		if logout := (slot{Logout, d.Alg}); d.Purpose == Tokens && d.State == Active && find(docs, logout, Active) == nil {
			due[logout] = Active
		}
		switch {
		case d.State == Active && find(docs, d.slot(), Next) == nil && !now.Before(d.Activated.Add(r.policy.Rotate-r.policy.Lead)):
			due[d.slot()] = Next
		case d.State == Next && !now.Before(d.Ready):
			due[d.slot()] = Active
		}
	}
	return due
}

// promote has next sign in place of old, which may be nil. When another node was faster there is
// nothing left to do.
func (r *Ring) promote(ctx context.Context, t id.Tenant, old, next *document) error {
	now, in := r.db.Now(), r.keys.In(t)
	batch := store.Batch{Permit: r.guard.Task(t, "key.rotate")}
	if old != nil { // first, or the unique index would see two
		old.retire(now, r.policy.Keep)
		batch.Docs = append(batch.Docs, in.Replace(ctx, old))
		batch.Events = append(batch.Events, old.event(eventRetired))
	}
	next.State, next.Activated = Active, now
	batch.Docs = append(batch.Docs, in.Replace(ctx, next))
	batch.Events = append(batch.Events, next.event(eventActivated))
	_, err := r.db.Commit(ctx, batch)
	if errs.Is(err, errs.Conflict) {
		return nil
	}
	return err
}

// retire ends the signing of a key. Its signatures count until it expires; those over checkpoints
// for ever.
func (d *document) retire(now time.Time, keep time.Duration) {
	d.State, d.Retired, d.Private = Retiring, now, secret.Value{}
	if d.Purpose != Checkpoints {
		d.Expires = now.Add(keep)
	}
}

// revoke ends everything that a key could do. What is left is a name in a list.
func (d *document) revoke(now time.Time) {
	d.State, d.Revoked, d.Private = Revoked, now, secret.Value{}
	if d.Purpose != Checkpoints {
		d.Public, d.Expires = secret.Value{}, now.Add(keepRevoked)
	}
}

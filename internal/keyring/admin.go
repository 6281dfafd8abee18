package keyring

import (
	"context"
	"errors"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// Key is what administrators see of a key.
type Key struct {
	ID        string    `json:"kid"`
	Purpose   Purpose   `json:"purpose"`
	Alg       Alg       `json:"alg"`
	State     State     `json:"state"`
	Created   time.Time `json:"created"`
	Ready     time.Time `json:"ready"` // when it may sign, or could
	Activated time.Time `json:"activated,omitzero"`
	Retired   time.Time `json:"retired,omitzero"`
	Revoked   time.Time `json:"revoked,omitzero"`
	Until     time.Time `json:"until,omitzero"` // when it is forgotten
}

func (d *document) public() Key {
	return Key{
		ID: d.ID, Purpose: d.Purpose, Alg: d.Alg, State: d.State, Created: d.Created, Ready: d.Ready,
		Activated: d.Activated, Retired: d.Retired, Revoked: d.Revoked, Until: d.Expires,
	}
}

// List lists the keys of the caller's tenant, in no particular order. Permission key.read.
func (r *Ring) List(ctx context.Context, c access.Caller) ([]Key, error) {
	if _, err := r.guard.Allow(ctx, c, "key.read", keyObject("")); err != nil {
		return nil, err
	}
	docs, err := r.documents(ctx, c.Tenant())
	if err != nil {
		return nil, err
	}
	out := make([]Key, len(docs))
	for i, d := range docs {
		out[i] = d.public()
	}
	return out, nil
}

// Rotate plans a new key: it is published now and signs once everybody must have seen it, at
// Key.Ready. What is due is done first, so that it does not matter when Tick came last. A rotation that
// is planned already is returned; a slot that has no key yet gets one that signs at once. Permission
// key.rotate.
func (r *Ring) Rotate(ctx context.Context, c access.Caller, p Purpose, a Alg) (Key, error) {
	at, t := slot{p, a}, c.Tenant()
	if err := at.check(); err != nil {
		return Key{}, err
	}
	permit, err := r.guard.Allow(ctx, c, "key.rotate", keyObject(""))
	if err != nil {
		return Key{}, err
	}
	if err := r.Tick(ctx, t); err != nil {
		return Key{}, err
	}
	docs, err := r.documents(ctx, t)
	if err != nil {
		return Key{}, err
	}
	if d := find(docs, at, Next); d != nil {
		return d.public(), nil
	}
	state := Next
	if find(docs, at, Active) == nil {
		state = Active
	}
	d, err := newDocument(at, state, r.db.Now(), r.policy.Lead)
	if err != nil {
		return Key{}, err
	}
	_, err = r.db.Commit(ctx, store.Batch{
		Permit: permit, Docs: []store.DocOp{r.keys.In(t).Insert(ctx, d)}, Events: []store.Event{d.event(eventCreated)},
	})
	if err != nil {
		return Key{}, err
	}
	return d.public(), r.Refresh(ctx, t)
}

// Revoke is for a key that may have leaked: from now on its signatures do not count, here at once, at
// other nodes within a minute, and at services that follow the revocation feed as soon as they hear
// of it. If it was the one that signs, a new key signs at once; services that have cached the key set
// must fetch it for that. Revoking a revoked key does nothing. Permission key.revoke.
func (r *Ring) Revoke(ctx context.Context, c access.Caller, kid string) (Key, error) {
	permit, err := r.guard.Allow(ctx, c, "key.revoke", keyObject(kid))
	if err != nil {
		return Key{}, err
	}
	d, err := r.keys.In(c.Tenant()).Update(ctx, kid, func(d *document) (store.Batch, error) {
		if d.State == Revoked {
			return store.Batch{}, errRevokedAlready
		}
		batch, err := r.revocation(ctx, c.Tenant(), d)
		batch.Permit = permit
		return batch, err
	})
	if errors.Is(err, errRevokedAlready) {
		d, err = r.keys.In(c.Tenant()).Get(ctx, kid)
	}
	if err != nil {
		return Key{}, err
	}
	r.forget(ctx, c.Tenant())
	return d.public(), nil
}

// errRevokedAlready stops an Update that has nothing to write.
var errRevokedAlready = errors.New("keyring: revoked already")

// revocation revokes d and is what belongs to that besides: the entry of the feed, and a new key if d
// was the one that signs.
func (r *Ring) revocation(ctx context.Context, t id.Tenant, d *document) (store.Batch, error) {
	was, now := d.State, r.db.Now()
	d.revoke(now)
	batch := store.Batch{Events: []store.Event{d.event(eventRevoked)}}
	if d.Purpose != Checkpoints {
		batch.Docs = append(batch.Docs, r.revocations.Add(ctx, t, tenant.RevokedKey, d.ID, 0))
	}
	if was != Active {
		return batch, nil
	}
	next, err := newDocument(d.slot(), Active, now, r.policy.Lead)
	if err != nil {
		return store.Batch{}, errs.Wrap(errs.Internal, err, "", "Something went wrong on our side.")
	}
	batch.Docs = append(batch.Docs, r.keys.In(t).Insert(ctx, next))
	batch.Events = append(batch.Events, next.event(eventCreated))
	return batch, nil
}

// forget reads the keys again after a revocation. If that fails, nothing signs or verifies here until
// the store answers: the revocation stands, whatever the reading says.
func (r *Ring) forget(ctx context.Context, t id.Tenant) {
	if err := r.Refresh(ctx, t); err != nil {
		r.home(t).view.Store(nil)
	}
}

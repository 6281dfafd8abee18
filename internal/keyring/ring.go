package keyring

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// Policy says how keys come and go. A zero member means the default of its comment.
type Policy struct {
	Rotate time.Duration // how long a key signs; default 90 days, at least 1 hour and longer than Lead
	Lead   time.Duration // how long it is published before it signs; default 1 hour
	Cache  time.Duration // how long others may cache the key set; default 15 minutes
	// Keep is how long a key that has signed is still published and counts; default 30 days, at least
	// 2 hours. Longer than any token is alive, so that an id token still works as a hint at logout.
	Keep time.Duration
}

// Defaults and bounds.
const (
	defaultRotate = 90 * 24 * time.Hour
	defaultLead   = time.Hour
	defaultCache  = 15 * time.Minute
	defaultKeep   = 30 * 24 * time.Hour
	minRotate     = time.Hour
	minKeep       = tenant.RevocationLife + time.Hour

	// keepRevoked is how long a revoked key stays in the list for people.
	keepRevoked = 90 * 24 * time.Hour
	// maxAge is how old the view of a tenant's keys may be: a key that another node revoked counts
	// here no longer than that, without any message.
	maxAge = time.Minute
	// unheard is how old it may be where this node hears nothing of what others change.
	unheard = time.Second
	// missAge is how old the view must be to be read again because of an unknown key, so that forged
	// tokens cost no reads.
	missAge = 5 * time.Second
	// maxSetAge is how old a key set may be that is served while the store does not answer.
	maxSetAge = time.Hour
)

func (p Policy) effective() Policy {
	p.Rotate = or(p.Rotate, defaultRotate)
	p.Lead = or(p.Lead, defaultLead)
	p.Cache = or(p.Cache, defaultCache)
	p.Keep = or(p.Keep, defaultKeep)
	return p
}

func or(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// check refuses a policy under which a planned rotation could be noticed.
func (p Policy) check() error {
	switch {
	case p.Cache < 0 || p.Lead <= p.Cache+maxAge:
		return errors.New("keyring: a key must be published for longer than the key set may be cached, and a minute")
	case p.Rotate < minRotate || p.Rotate <= p.Lead:
		return errors.New("keyring: a key must sign for at least an hour, and for longer than it was published before")
	case p.Keep < minKeep:
		return errors.New("keyring: a key that has signed must count for at least two hours more")
	}
	return nil
}

// Config is what a Ring needs. All of it but Policy is required.
type Config struct {
	DB          *store.DB
	Guard       *access.Guard
	Revocations *tenant.Revocations // learns of revoked keys, in the same batch
	Policy      Policy
}

// Ring is the keys of all tenants. It is safe for concurrent use.
type Ring struct {
	db          *store.DB
	guard       *access.Guard
	revocations *tenant.Revocations
	policy      Policy
	keys        *store.Collection[document]
	homes       sync.Map // id.Tenant → *home
}

// home is the keys of one tenant in memory.
type home struct {
	mu   sync.Mutex // one load, or one birth of a key, at a time
	view atomic.Pointer[view]
	old  atomic.Bool // another node has changed the keys since view was read
}

// New declares the keys to the DB. It fails if the policy contradicts itself.
func New(c Config) (*Ring, error) {
	p := c.Policy.effective()
	if err := p.check(); err != nil {
		return nil, err
	}
	r := &Ring{
		db: c.DB, guard: c.Guard, revocations: c.Revocations, policy: p,
		keys: store.NewCollection(c.DB, documentKind()),
	}
	c.DB.OnChanged(documentKind().Name, func(_ context.Context, t id.Tenant) { r.home(t).old.Store(true) })
	c.DB.OnMissed(func(context.Context) {
		r.homes.Range(func(_, h any) bool { h.(*home).old.Store(true); return true })
	})
	return r, nil
}

func (r *Ring) home(t id.Tenant) *home {
	if h, ok := r.homes.Load(t); ok {
		return h.(*home)
	}
	h, _ := r.homes.LoadOrStore(t, new(home))
	return h.(*home)
}

// Refresh reads a tenant's keys again, at once. It is called when another node has changed them.
func (r *Ring) Refresh(ctx context.Context, t id.Tenant) error {
	h := r.home(t)
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := r.load(ctx, t, h)
	return err
}

// view is the tenant's keys, at most maxAge old.
func (r *Ring) view(ctx context.Context, t id.Tenant) (*view, error) { return r.within(ctx, t, maxAge) }

// within is the tenant's keys, at most limit old. Those who come while they are read wait for that.
func (r *Ring) within(ctx context.Context, t id.Tenant, limit time.Duration) (*view, error) {
	h := r.home(t)
	if v := h.view.Load(); r.young(h, v, limit) {
		return v, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if v := h.view.Load(); r.young(h, v, limit) {
		return v, nil
	}
	return r.load(ctx, t, h)
}

// young reports whether v is at most limit old and nobody is known to have changed the keys since. Where
// nothing is heard of other nodes, it must be younger.
func (r *Ring) young(h *home, v *view, limit time.Duration) bool {
	if !r.db.Current() {
		limit = min(limit, unheard)
	}
	return !h.old.Load() && r.aged(v, limit)
}

// aged reports whether v is at most limit old. After the clock was set back nothing is.
func (r *Ring) aged(v *view, limit time.Duration) bool {
	if v == nil {
		return false
	}
	age := r.db.Now().Sub(v.loaded)
	return age >= 0 && age <= limit
}

// load reads the keys into memory; h.mu is held.
func (r *Ring) load(ctx context.Context, t id.Tenant, h *home) (*view, error) {
	if t == "" {
		return nil, errs.Wrap(errs.Internal, errors.New("keyring: no tenant"), "", "Something went wrong on our side.")
	}
	now := r.db.Now() // before the read: what changes during it is not in the view
	h.old.Store(false)
	docs, err := r.documents(ctx, t)
	if err != nil {
		h.old.Store(true)
		return nil, err
	}
	v, err := newView(docs, h.view.Load(), now, r.policy.Cache)
	if err != nil {
		h.old.Store(true)
		return nil, errs.Wrap(errs.Internal, err, "", "Something went wrong on our side.")
	}
	h.view.Store(v)
	return v, nil
}

// signer is the tenant's active key of a slot. A tenant's first key of a slot is made on the way.
func (r *Ring) signer(ctx context.Context, t id.Tenant, at slot) (*key, error) {
	v, err := r.view(ctx, t)
	if err != nil {
		return nil, err
	}
	if k := v.active[at]; k != nil {
		return k, nil
	}
	if err := at.check(); err != nil {
		return nil, err
	}
	if v, err = r.first(ctx, t, at); err != nil {
		return nil, err
	}
	if k := v.active[at]; k != nil {
		return k, nil
	}
	return nil, errs.Busy(time.Second, nil, "key_unavailable", "There is no key to sign with just now.")
}

// first makes the first key of a slot. It signs at once: nobody can have cached a key set with an
// older one. Wiring has Tick make the keys of new tenants, so this is for algorithms that a client is
// the first to ask for.
func (r *Ring) first(ctx context.Context, t id.Tenant, at slot) (*view, error) {
	h := r.home(t)
	h.mu.Lock()
	defer h.mu.Unlock()
	v, err := r.load(ctx, t, h)
	if err != nil || v.active[at] != nil {
		return v, err
	}
	if err := r.insert(ctx, t, at, Active); err != nil {
		return nil, err
	}
	return r.load(ctx, t, h)
}

// insert makes a key by itself, as a background task. That another node was faster is no error.
func (r *Ring) insert(ctx context.Context, t id.Tenant, at slot, s State) error {
	d, err := newDocument(at, s, r.db.Now(), r.policy.Lead)
	if err != nil {
		return err
	}
	_, err = r.db.Commit(ctx, store.Batch{
		Permit: r.guard.Task(t, "key.rotate"), Docs: []store.DocOp{r.keys.In(t).Insert(ctx, d)},
		Events: []store.Event{d.event(eventCreated)},
	})
	if store.Exists(err, bySlot) {
		return nil
	}
	return err
}

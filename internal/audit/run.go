package audit

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// Interval is how often the sealer looks for unsealed events.
const Interval = 200 * time.Millisecond

// listEvery is how often the sealer asks which tenants there are.
const listEvery = 5 * time.Second

// Run seals the logs of all tenants until ctx ends, on whichever node holds the lease. tenants lists
// them. While nothing happens it only reads. It returns nil.
func (l *Log) Run(ctx context.Context, tenants func(context.Context) ([]id.Tenant, error)) error {
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	defer l.lease.release(context.WithoutCancel(ctx))
	w := watch{log: l, failing: map[id.Tenant]string{}}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if now := l.DB.Now(); now.Sub(w.listed).Abs() >= listEvery {
			if all, err := tenants(ctx); err == nil { // else the database does not answer just now
				w.tenants, w.listed = all, now
			}
		}
		for _, t := range w.tenants {
			w.note(ctx, t, l.sealIfHolder(ctx, t))
		}
	}
}

// watch is what Run remembers from one round to the next.
type watch struct {
	log     *Log
	tenants []id.Tenant
	listed  time.Time
	failing map[id.Tenant]string // code of the error
}

// note tells of a log that begins to fail, or works again. A conflict is no failure: another node has
// sealed the same events.
func (w *watch) note(ctx context.Context, t id.Tenant, err error) {
	if ctx.Err() != nil || errs.Is(err, errs.Conflict) {
		return
	}
	code := errs.CodeOf(err)
	if code == w.failing[t] {
		return
	}
	if w.failing[t] = code; code == "" {
		delete(w.failing, t)
	}
	if w.log.Failed != nil {
		w.log.Failed(t, err)
	}
}

// sealIfHolder seals if there is something to seal and this node holds the lease.
func (l *Log) sealIfHolder(ctx context.Context, t id.Tenant) error {
	if l.lease.elsewhere() {
		return nil
	}
	waiting, err := l.unsealed(ctx, t)
	if err != nil || len(waiting) == 0 {
		return err
	}
	mine, err := l.lease.take(ctx)
	if err != nil || !mine {
		return err
	}
	return l.seal(ctx, t, waiting)
}

// Times of the lease.
const (
	leaseLife  = 15 * time.Second
	leaseRenew = 5 * time.Second // renewed when less than leaseLife - leaseRenew is left
	leaseRetry = time.Second     // how often a node that does not hold it looks again
)

// lease keeps all nodes but one from sealing. It only saves work: correctness rests on the version of
// the head, so a clock that goes wrong costs conflicts and nothing else.
type lease struct {
	db     *store.DB
	guard  *access.Guard
	leases *store.Collection[leaseDocument]
	node   string

	mu      sync.Mutex
	held    time.Time // until when this node holds it, as far as it knows
	renewed time.Time
	asked   time.Time // when it was last found in other hands
}

// leaseDocument says which node seals. There is one, in the system tenant.
type leaseDocument struct {
	store.Meta
	Holder string    `json:"holder"`
	Until  time.Time `json:"until"`
}

const leaseID = "seal"

func newLease(c Config) *lease {
	l := &lease{db: c.DB, guard: c.Guard, node: c.Node}
	if l.node == "" {
		l.node = rand.Text()
	}
	l.leases = store.NewCollection(c.DB, store.Kind[leaseDocument]{
		Name: "audit_lease", Noun: "lease", Meta: func(d *leaseDocument) *store.Meta { return &d.Meta },
	})
	return l
}

// elsewhere reports whether another node was found to hold the lease just now.
func (l *lease) elsewhere() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.db.Now().Sub(l.asked).Abs() < leaseRetry
}

// take takes or renews the lease and reports whether this node holds it.
func (l *lease) take(ctx context.Context) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.db.Now()
	switch {
	case now.Before(l.held) && now.Sub(l.renewed).Abs() < leaseRenew:
		return true, nil
	case now.Sub(l.asked).Abs() < leaseRetry:
		return false, nil
	}
	d, err := l.leases.In(id.System).Get(ctx, leaseID)
	if errs.Is(err, errs.NotFound) {
		d, err = &leaseDocument{Meta: store.Meta{ID: leaseID}}, nil
	}
	if err != nil {
		return false, err
	}
	if d.Holder != l.node && now.Before(d.Until) {
		l.asked = now
		return false, nil
	}
	mine, err := l.write(ctx, d, now.Add(leaseLife))
	if mine {
		l.held, l.renewed = now.Add(leaseLife), now
	} else {
		l.asked = now
	}
	return mine, err
}

func (l *lease) write(ctx context.Context, d *leaseDocument, until time.Time) (bool, error) {
	in := l.leases.In(id.System)
	d.Holder, d.Until = l.node, until
	op := in.Insert(ctx, d)
	if d.Version > 0 {
		op = in.Replace(ctx, d)
	}
	_, err := l.db.Commit(ctx, store.Batch{Permit: l.guard.Task(id.System, "lease.take"), Docs: []store.DocOp{op}})
	if errs.Is(err, errs.Conflict) { // another node was faster
		return false, nil
	}
	return err == nil, err
}

// release gives the lease back, so that another node need not wait for its end.
func (l *lease) release(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.db.Now()
	if !now.Before(l.held) {
		return
	}
	l.held = time.Time{}
	d, err := l.leases.In(id.System).Get(ctx, leaseID)
	if err == nil && d.Holder == l.node {
		_, _ = l.write(ctx, d, now) // if it fails, the lease ends by itself
	}
}

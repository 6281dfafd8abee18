package mail

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Defaults and bounds of a Relay.
const (
	defaultWorkers = 4
	defaultPoll    = 5 * time.Second
	batch          = 50                    // messages of one tenant at a time, so that no tenant holds up the others
	breath         = 20 * time.Millisecond // before the next batch of the same tenant
	lease          = 2 * time.Minute       // for which a claim keeps other nodes away: sendLimit and room for clocks that differ
	grace          = 5 * time.Second       // in which tries under way may end when the server stops
)

// RelayConfig is what a Relay needs. All but the last three fields are required.
type RelayConfig struct {
	DB        *store.DB
	Guard     *access.Guard
	Templates *Templates
	Sender    Sender
	// Tenants calls its argument for each tenant and stops at its first error.
	Tenants func(context.Context, func(id.Tenant) error) error

	Report  func(Result)  // is told of each try, for logs and metrics; may be called concurrently
	Workers int           // tries at once; 0 means 4
	Poll    time.Duration // how often all tenants are looked at; 0 means 5 s
}

// Relay sends the outbox. Any number of nodes may run one over the same store.
type Relay struct {
	RelayConfig
	slots   chan struct{}
	signal  chan struct{} // holds one wake-up
	sending sync.WaitGroup
	state   state
	pause   time.Duration // before the second try to note an outcome; doubles

	mu     sync.Mutex
	woken  map[id.Tenant]bool
	flying map[store.Key]bool // found, and not done with yet
}

// NewRelay makes a relay. Run starts it.
func NewRelay(c RelayConfig) (*Relay, error) {
	if c.DB == nil || c.Guard == nil || c.Templates == nil || c.Sender == nil || c.Tenants == nil {
		return nil, errors.New("mail: a relay needs a store, a guard, templates, a sender and tenants")
	}
	if c.Workers <= 0 {
		c.Workers = defaultWorkers
	}
	if c.Poll <= 0 {
		c.Poll = defaultPoll
	}
	return &Relay{
		RelayConfig: c, slots: make(chan struct{}, c.Workers), signal: make(chan struct{}, 1),
		woken: map[id.Tenant]bool{}, flying: map[store.Key]bool{}, pause: notePause,
	}, nil
}

// Wake says that t has new messages, so that they leave at once and not at the next poll. It does
// not block, and may be called for commits of other nodes too.
func (r *Relay) Wake(t id.Tenant) {
	r.mu.Lock()
	r.woken[t] = true
	r.mu.Unlock()
	select {
	case r.signal <- struct{}{}:
	default: // one is waiting already and will see t
	}
}

// Run sends until ctx ends, and then returns nil once the tries under way have ended, a few seconds
// later at most. Errors of the store or the mail server do not end it: they are in Stats, and the
// next look tries again.
func (r *Relay) Run(ctx context.Context) error {
	defer r.sending.Wait()
	ticker := time.NewTicker(r.Poll)
	defer ticker.Stop()
	r.pass(ctx, true) // what an earlier run has left
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.signal:
			r.pass(ctx, false)
		case <-ticker.C:
			r.pass(ctx, true)
		}
	}
}

// pass looks once at the tenants that were woken, or at all.
func (r *Relay) pass(ctx context.Context, all bool) {
	woken := r.takeWoken()
	var err error
	if all {
		err = r.Tenants(ctx, func(t id.Tenant) error { return r.tenant(ctx, t) })
	} else {
		for t := range woken {
			err = errors.Join(err, r.tenant(ctx, t))
		}
	}
	if ctx.Err() == nil {
		r.state.looked(err)
	}
}

func (r *Relay) takeWoken() map[id.Tenant]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	woken := r.woken
	r.woken = map[id.Tenant]bool{}
	return woken
}

// tenant starts a try for each due message of t, as workers come free, and returns an error only if
// ctx has ended or the outbox cannot be read.
func (r *Relay) tenant(ctx context.Context, t id.Tenant) error {
	until := store.Int(r.DB.Now().UnixMilli() + 1)
	due, err := r.DB.Outbox().In(t).Find(ctx, store.Query{
		Index: store.OutboxByDue, Eq: []store.Value{store.Text(store.OutboxWaiting)}, Until: &until,
		Request: page.Request{Limit: batch},
	})
	if err != nil {
		return err
	}
	for _, m := range due.Items {
		if err := r.start(ctx, t, m); err != nil {
			return err
		}
	}
	if due.Next != "" {
		time.AfterFunc(breath, func() { r.Wake(t) })
	}
	return nil
}

func (r *Relay) start(ctx context.Context, t id.Tenant, m *store.OutboxRecord) error {
	key := store.Key{Tenant: t, Collection: store.OutboxCollection, ID: m.ID}
	if !r.take(key) {
		return nil
	}
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		r.release(key)
		return ctx.Err()
	}
	r.sending.Go(func() {
		defer func() {
			<-r.slots
			r.release(key)
		}()
		r.try(ctx, t, m)
	})
	return nil
}

func (r *Relay) take(k store.Key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flying[k] {
		return false
	}
	r.flying[k] = true
	return true
}

func (r *Relay) release(k store.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.flying, k)
}

// Waiting counts the messages that wait, at most limit for each tenant; for metrics.
func (r *Relay) Waiting(ctx context.Context, limit int) (n int, err error) {
	err = r.Tenants(ctx, func(t id.Tenant) error {
		some, err := r.DB.Outbox().In(t).Count(ctx, limit, store.OutboxByDue, store.Text(store.OutboxWaiting))
		n += some
		return err
	})
	return n, err
}

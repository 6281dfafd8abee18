package audit

import (
	"context"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

// Bounds of the memory of activity: 18 MB if 2,000 tenants are busy.
const (
	activityRing    = 128
	activityTenants = 2000
)

// Act is something that happens too often to be an event: a refresh, a grant of client credentials,
// an introspection, a check. It holds no personal data.
type Act struct {
	At     time.Time `json:"at"`
	Name   string    `json:"name"` // token.refresh
	Client string    `json:"client,omitzero"`
	Allow  bool      `json:"allow"`
	// Of says for how many of its name this one stands: it is a sample.
	Of int64 `json:"of"`
}

// Activity remembers a sample of what happens all the time, per tenant, in the memory of this node
// alone: for the person who asks "is anything coming in?", not for proof. What counts is in the
// counters. It is safe for concurrent use, and Note never waits for a store.
type Activity struct {
	guard *access.Guard
	every int64

	mu      sync.Mutex
	tenants map[id.Tenant]*ring
}

// ring is the last acts of one tenant.
type ring struct {
	acts [activityRing]Act
	next int
	seen map[string]int64 // by name
}

// NewActivity keeps one act in every of each name; the first of each name is always kept. every below
// 1 means 1.
func NewActivity(g *access.Guard, every int64) *Activity {
	return &Activity{guard: g, every: max(1, every), tenants: map[id.Tenant]*ring{}}
}

// Note remembers a, or only counts it. Names come from a closed set.
func (a *Activity) Note(t id.Tenant, act Act) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.tenants[t]
	if r == nil {
		if len(a.tenants) >= activityTenants {
			return
		}
		r = &ring{seen: map[string]int64{}}
		a.tenants[t] = r
	}
	n := r.seen[act.Name]
	if r.seen[act.Name]++; n%a.every != 0 {
		return
	}
	act.Of = a.every
	r.acts[r.next] = act
	r.next = (r.next + 1) % activityRing
}

// Recent lists what was remembered of the caller's tenant on this node, newest first. Permission
// audit.read.
func (a *Activity) Recent(ctx context.Context, c access.Caller) ([]Act, error) {
	if _, err := a.guard.Allow(ctx, c, "audit.read", access.Object{Type: "cardea:audit"}); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.tenants[c.Tenant()]
	if r == nil {
		return nil, nil
	}
	var out []Act
	for i := range activityRing {
		if act := r.acts[(r.next-1-i+activityRing)%activityRing]; act.Name != "" {
			out = append(out, act)
		}
	}
	return out, nil
}

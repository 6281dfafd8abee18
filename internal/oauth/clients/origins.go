package clients

import (
	"context"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/store"
)

// originsFor is how long the list of a tenant's origins is used. A new client's origin is known at
// once on the node that registered it, and within this time on the others.
const originsFor = 30 * time.Second

// origins remembers which origins the enabled clients of each tenant have registered.
type origins struct {
	mu  sync.Mutex
	all map[id.Tenant]originList
}

type originList struct {
	read   time.Time
	listed map[string]bool
}

// OriginListed reports whether an enabled client of the tenant has registered origin, byte for byte:
// then a browser may show the token end point's answers to a page of that origin.
func (s *Clients) OriginListed(ctx context.Context, t id.Tenant, origin string) (bool, error) {
	now := s.db.Now()
	s.origins.mu.Lock()
	known, ok := s.origins.all[t]
	s.origins.mu.Unlock()
	if age := now.Sub(known.read); ok && age >= 0 && age < originsFor {
		return known.listed[origin], nil
	}
	fresh := originList{read: now, listed: map[string]bool{}}
	for r := (page.Request{Limit: page.MaxLimit}); ; {
		p, err := s.all.In(t).Find(ctx, store.Query{Request: r})
		if err != nil {
			return false, err
		}
		for _, c := range p.Items {
			fresh.add(c)
		}
		if r.Cursor = p.Next; r.Cursor == "" {
			break
		}
	}
	s.origins.mu.Lock()
	defer s.origins.mu.Unlock()
	s.origins.all[t] = fresh
	return fresh.listed[origin], nil
}

func (l originList) add(c *oauth.Client) {
	if c.Disabled {
		return
	}
	for _, o := range c.Origins {
		l.listed[o] = true
	}
}

// forget makes the next question read the clients of t again.
func (o *origins) forget(t id.Tenant) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.all, t)
}

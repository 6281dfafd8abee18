package authz

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/policy"
	"github.com/cardea-auth/cardea/internal/store"
)

// Suppose is what is otherwise than it is, for one question.
type Suppose struct {
	Roles    []graph.Change        // of the tenant's own tuples
	Store    []graph.Change        // of the store that the plan names
	Model    string                // of that store
	Policies map[string]policy.Use // by set
	Plan     *Plan                 // in place of the one there is
	Time     time.Time             // at which tuples are looked at; zero: now
	// Past looks at the tuples as they were.
	Past *Past
}

// Past is a state of tuples that was.
type Past struct {
	Revision, StoreRevision uint64
	StoreOwn                uint64 // of the tenant's own tuples as the store knew them, if it uses those
}

// use is what is asked in place of a set.
func (s *Suppose) use(set string) policy.Use {
	if u, ok := s.Policies[set]; ok {
		u.Set = set
		return u
	}
	return policy.Use{Set: set}
}

// pastOrNow is the view of roles that a question is asked of, with the count of Past.
func (e *Engine) pastOrNow(ctx context.Context, r Request) (view graph.View, assumed int, err error) {
	own, s := store.OwnTuples(r.Tenant), r.Options.Suppose
	if s != nil && s.Past != nil && s.Past.Revision > 0 {
		view, assumed, err = e.graphs.Past(ctx, own, e.rules, s.Past.Revision, 0)
	} else {
		view, err = e.graphs.AtLeast(ctx, own, e.rules, r.Options.AtLeast)
	}
	if err == nil && s != nil && len(s.Roles) > 0 {
		view, err = view.With(s.Roles...)
	}
	return view, assumed, err
}

// storeAt is where the store of a plan is asked.
func (r Request) storeAt(p Plan) StoreAt {
	at := StoreAt{Tenant: r.Tenant, Store: p.Store, AtLeast: r.Options.StoreAtLeast}
	if s := r.Options.Suppose; s != nil {
		at.Model, at.Suppose, at.SupposeOwn, at.Time = s.Model, s.Store, s.Roles, s.Time
		if s.Past != nil {
			at.Past, at.PastOwn = s.Past.StoreRevision, s.Past.StoreOwn
		}
	}
	return at
}

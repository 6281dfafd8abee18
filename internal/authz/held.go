package authz

import (
	"context"
	"hash/maphash"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
)

// Holdings list what callers may do, for pages, which show and hide by it. They go by what this node has
// heard of; DecideAccess decides.
type Holdings struct {
	engine  *Engine
	actions []access.Action
	seed    maphash.Seed
	// What was last found. A subject has one place, and shares it with others: whoever was asked about last has it.
	found [1024]atomic.Pointer[held]
}

// Holdings are those in the tenant's own permissions and in actions of Cardea.
func (e *Engine) Holdings(actions []access.Action) *Holdings {
	return &Holdings{engine: e, actions: actions, seed: maphash.MakeSeed()}
}

// Of lists what the caller may do in the whole tenant: what its roles of the tenant give, and those of the
// actions that one of Cardea's own roles gives, as permissions: cardea:user.read. At most page.MaxLimit of
// the former. A right that expires may be listed for another second. The list is shared and must not be changed.
func (h *Holdings) Of(ctx context.Context, c access.Caller) ([]string, error) {
	e := h.engine
	home := c.Home()
	view, err := e.view(ctx, c.Tenant())
	if err != nil {
		return nil, err
	}
	at := view
	if home == id.System && home != c.Tenant() {
		if at, err = e.view(ctx, home); err != nil {
			return nil, err
		}
	}
	now, s := e.db.Now(), graph.Subject{Type: c.Subject().Type, ID: c.Subject().ID}
	asked := heldKey{c.Tenant(), home, s, view.Revision(), at.Revision()}
	slot := &h.found[maphash.Comparable(h.seed, s)%uint64(len(h.found))]
	if kept := slot.Load(); kept != nil && kept.heldKey == asked && kept.fresh(now) {
		return kept.list, nil
	}
	list, err := view.Objects(ctx, now, graph.ObjectsQuery{
		Type: typePermission, Relation: relGranted, Subject: s, Limit: page.MaxLimit,
	})
	if err != nil {
		return nil, unavailable(err)
	}
	all := list.IDs
	if home == c.Tenant() || home == id.System {
		own, err := question{view: at, now: now, subject: s}.own(ctx, h.actions)
		if err != nil {
			return nil, err
		}
		if len(own) > 0 {
			all = slices.Concat(all, own)
			slices.Sort(all)
			all = slices.Compact(all)
		}
	}
	slot.Store(&held{asked, now, all})
	return all, nil
}

// heldFor is how long a list is believed while no tuple changes: one of them may expire.
const heldFor = time.Second

// held is what was found, and when. Pages and services ask again with each of their requests.
type held struct {
	heldKey
	now  time.Time
	list []string
}

// heldKey is who was asked about, and at which revisions of the tenant and of where the subject is at home.
type heldKey struct {
	tenant, home     id.Tenant
	subject          graph.Subject
	revision, atHome uint64
}

func (h *held) fresh(now time.Time) bool {
	age := now.Sub(h.now)
	return age >= 0 && age < heldFor
}

// own are the permissions for actions that one of Cardea's own roles gives.
func (q question) own(ctx context.Context, actions []access.Action) ([]string, error) {
	var roles, out []string
	for _, role := range []string{AdminRole, ViewerRole} {
		has, err := q.holds(ctx, role)
		if err != nil {
			return nil, err
		}
		if has {
			roles = append(roles, role)
		}
	}
	if len(roles) == 0 {
		return nil, nil
	}
	for _, a := range actions {
		if slices.ContainsFunc(ownGrants(a), func(role string) bool { return slices.Contains(roles, role) }) {
			out = append(out, ownPermission(a))
		}
	}
	return out, nil
}

package authz

import (
	"context"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

// The roles of Cardea's own administration. They exist in every tenant without being stored; in the
// system tenant they carry authority over the whole platform.
const (
	AdminRole  = "cardea:admin"  // everything in the tenant
	ViewerRole = "cardea:viewer" // reading everything in the tenant
)

// ownPrefix begins the names of Cardea's own permissions and roles, which tenants cannot define.
const ownPrefix = "cardea:"

// ownPermission is the permission for an action of Cardea: cardea:user.disable.
func ownPermission(a access.Action) string { return ownPrefix + string(a) }

// ownGrants are the roles that permit an action without any tuple.
func ownGrants(a access.Action) []string {
	if strings.HasSuffix(string(a), ".read") {
		return []string{AdminRole, ViewerRole}
	}
	return []string{AdminRole}
}

// ownRolesFor are the built-in roles that permit a permission of Cardea's own; none for any other permission.
func ownRolesFor(permission string) []string {
	action, own := strings.CutPrefix(permission, ownPrefix)
	if !own {
		return nil
	}
	return ownGrants(access.Action(action))
}

// ask is grant, with the roles that are compiled in: no tuple says what they permit, so the proof of a
// decision that is explained gets that step from here.
func (q question) ask(ctx context.Context) (Reason, bool, error) {
	for _, role := range ownRolesFor(q.permission) {
		reason, held, err := q.hasRole(ctx, role)
		if held && q.explain {
			granted := index.Tuple(grantTuple(role, q.permission))
			reason.Path = append([]string{granted.String()}, reason.Path...)
		}
		if held || err != nil {
			return reason, held, err
		}
	}
	return q.grant(ctx)
}

// DecideAccess decides about Cardea's own administration, with full consistency unless the rule of the
// action says Near: the roles compiled
// in, then roles of the tenant that were given the permission. A caller of the system tenant is
// looked up there.
func (e *Engine) DecideAccess(ctx context.Context, r access.Request) (access.Decision, error) {
	home := r.Caller.Home()
	if home != r.Caller.Tenant() && home != id.System {
		return access.Decision{Reason: "a caller of another tenant"}, nil
	}
	roles := e.full
	if access.RuleOf(r.Action).Near {
		roles = e.view
	}
	view, err := roles(ctx, home)
	if err != nil {
		return access.Decision{}, err
	}
	d, err := e.decideOwn(ctx, view, r)
	if err != nil || !d.Allow {
		return d, err
	}
	if above, err := e.outranked(ctx, view, r); above || err != nil {
		return access.Decision{Outranked: above, Reason: "what it belongs to may do more", Revision: d.Revision}, err
	}
	return d, nil
}

// decideOwn looks for a role that permits the action.
func (e *Engine) decideOwn(ctx context.Context, view graph.View, r access.Request) (access.Decision, error) {
	subject := graph.Subject{Type: r.Caller.Subject().Type, ID: r.Caller.Subject().ID}
	q := question{view: view, now: e.db.Now(), place: placeOf(r.Object), subject: subject, permission: ownPermission(r.Action)}
	if q.store != "" { // mostly by a role for all of them: that is asked first, and alone
		all := q
		all.place = place{}
		if d, err := all.administer(ctx, r.Action); d.Allow || err != nil {
			return d, err
		}
	}
	return q.administer(ctx, r.Action)
}

// placeOf is where a role counts for what is done to an object.
func placeOf(o access.Object) place {
	if o.Type == "cardea:authz_store" && o.ID != "" {
		return place{store: o.ID}
	}
	return place{org: o.Org}
}

// administer asks for the roles that are compiled in, then for others.
func (q question) administer(ctx context.Context, a access.Action) (access.Decision, error) {
	for _, role := range ownGrants(a) {
		held, err := q.holds(ctx, role)
		if err != nil || held {
			return access.Decision{Allow: held, Reason: "role " + role, Revision: q.view.Revision()}, err
		}
	}
	reason, allowed, err := q.grant(ctx)
	if err != nil {
		return access.Decision{}, err
	}
	return access.Decision{Allow: allowed, Reason: reason.Text, Revision: q.view.Revision()}, nil
}

// holds reports whether the subject has role in the tenant, or at the question's place.
func (q question) holds(ctx context.Context, role string) (bool, error) {
	if q.subject.Type != access.TypeUser && q.subject.Type != access.TypeService {
		return false, nil
	}
	result, err := q.view.Check(ctx, q.now, graph.Query{
		Object: graph.Object{Type: typeRole, ID: role}, Relation: relAssignee, Subject: q.subject,
	})
	if err != nil || result.Allowed || q.place == (place{}) {
		return result.Allowed, err
	}
	result, err = q.view.Check(ctx, q.now, graph.Query{
		Object: graph.Object(q.role(role)), Relation: relAssignee, Subject: q.subject,
	})
	return result.Allowed, err
}

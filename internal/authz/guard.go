package authz

import (
	"context"
	"slices"
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

// OwnPermissions lists which of actions the caller may do in the whole tenant by one of Cardea's own roles,
// as permissions: cardea:user.read. What roles of the tenant give is in Permissions. It tells pages what to
// show, from what this node has heard of, and DecideAccess decides.
func (e *Engine) OwnPermissions(ctx context.Context, c access.Caller, actions []access.Action) ([]string, error) {
	home := c.Home()
	if home != c.Tenant() && home != id.System {
		return nil, nil
	}
	view, err := e.view(ctx, home)
	if err != nil {
		return nil, err
	}
	var held []string
	for _, role := range []string{AdminRole, ViewerRole} {
		has, err := e.holds(ctx, view, role, "", graph.Subject{Type: c.Subject().Type, ID: c.Subject().ID})
		if err != nil {
			return nil, err
		}
		if has {
			held = append(held, role)
		}
	}
	if len(held) == 0 { // as most people, and there are many actions
		return nil, nil
	}
	var out []string
	for _, a := range actions {
		if slices.ContainsFunc(ownGrants(a), func(role string) bool { return slices.Contains(held, role) }) {
			out = append(out, ownPermission(a))
		}
	}
	return out, nil
}

// decideOwn looks for a role that permits the action.
func (e *Engine) decideOwn(ctx context.Context, view graph.View, r access.Request) (access.Decision, error) {
	subject := graph.Subject{Type: r.Caller.Subject().Type, ID: r.Caller.Subject().ID}
	for _, role := range ownGrants(r.Action) {
		held, err := e.holds(ctx, view, role, r.Object.Org, subject)
		if err != nil || held {
			return access.Decision{Allow: held, Reason: "role " + role, Revision: view.Revision()}, err
		}
	}
	q := question{view: view, now: e.db.Now(), permission: ownPermission(r.Action), org: r.Object.Org, subject: subject}
	reason, allowed, err := q.grant(ctx)
	if err != nil {
		return access.Decision{}, err
	}
	return access.Decision{Allow: allowed, Reason: reason.Text, Revision: view.Revision()}, nil
}

// holds reports whether the subject has role in the tenant, or in org.
func (e *Engine) holds(ctx context.Context, view graph.View, role, org string, s graph.Subject) (bool, error) {
	if s.Type != access.TypeUser && s.Type != access.TypeService {
		return false, nil
	}
	result, err := view.Check(ctx, e.db.Now(), graph.Query{
		Object: graph.Object{Type: typeRole, ID: role}, Relation: relAssignee, Subject: s,
	})
	if err != nil || result.Allowed || org == "" {
		return result.Allowed, err
	}
	result, err = view.Check(ctx, e.db.Now(), graph.Query{
		Object: graph.Object{Type: typeOrgRole, ID: orgRole(org, role)}, Relation: relAssignee, Subject: s,
	})
	return result.Allowed, err
}

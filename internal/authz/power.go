package authz

import (
	"context"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// power is something that a subject may do to Cardea itself: by a role that is compiled in or by a
// permission, at a place.
type power struct {
	role, permission string
	place
}

// outranked reports whether the subject that the caller would be able to act as has a power over
// Cardea that the caller lacks. Then a permission to reset things must not become that power: a help
// desk that may make API keys cannot make one for an administrator.
func (e *Engine) outranked(ctx context.Context, home graph.View, r access.Request) (bool, error) {
	who := r.Object.Owner
	if who == (access.Subject{}) && r.Object.Type == "cardea:client" {
		who = access.Service(r.Object.ID)
	}
	if !access.RuleOf(r.Action).Takes || who == (access.Subject{}) {
		return false, nil
	}
	view, err := e.full(ctx, r.Caller.Tenant())
	if err != nil {
		return false, err
	}
	all, err := e.powers(ctx, view, graph.Subject{Type: who.Type, ID: who.ID})
	if err != nil {
		return false, err
	}
	caller := graph.Subject{Type: r.Caller.Subject().Type, ID: r.Caller.Subject().ID}
	for _, p := range all {
		if has, err := e.has(ctx, home, caller, p); !has || err != nil {
			return true, err
		}
	}
	return false, nil
}

// powers lists what s may do to Cardea.
func (e *Engine) powers(ctx context.Context, v graph.View, s graph.Subject) ([]power, error) {
	var out []power
	for _, role := range []string{AdminRole, ViewerRole} {
		held, err := question{view: v, now: e.db.Now(), subject: s}.holds(ctx, role)
		if err != nil {
			return nil, err
		}
		if held {
			out = append(out, power{role: role})
		}
	}
	out, err := e.permissionsOf(ctx, v, s, place{}, out)
	if err != nil {
		return nil, err
	}
	for _, kind := range []string{typeOrgRole, typeStoreRole} {
		err := e.each(ctx, v, graph.ObjectsQuery{Type: kind, Relation: relAssignee, Subject: s}, func(id string) error {
			at, role, _ := placed(store.ObjectRef{Type: kind, ID: id})
			if strings.HasPrefix(role, ownPrefix) {
				out = append(out, power{role: role, place: at})
				return nil
			}
			var err error
			out, err = e.permissionsOf(ctx, v, graph.Subject{Type: typeRole, ID: role, Relation: relAssignee}, at, out)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// permissionsOf adds Cardea's own permissions of s to out, as powers at a place.
func (e *Engine) permissionsOf(ctx context.Context, v graph.View, s graph.Subject, at place, out []power) ([]power, error) {
	err := e.each(ctx, v, graph.ObjectsQuery{Type: typePermission, Relation: relGranted, Subject: s}, func(id string) error {
		if strings.HasPrefix(id, ownPrefix) {
			out = append(out, power{permission: id, place: at})
		}
		return nil
	})
	return out, err
}

// each calls f for every object of a list.
func (e *Engine) each(ctx context.Context, v graph.View, q graph.ObjectsQuery, f func(id string) error) error {
	for q.Limit = page.MaxLimit; ; {
		list, err := v.Objects(ctx, e.db.Now(), q)
		if err != nil {
			return err
		}
		for _, id := range list.IDs {
			if err := f(id); err != nil {
				return err
			}
		}
		if q.After = list.Next; q.After == "" {
			return nil
		}
	}
}

// has reports whether s has a power. An administrator has every one.
func (e *Engine) has(ctx context.Context, v graph.View, s graph.Subject, p power) (bool, error) {
	q := question{view: v, now: e.db.Now(), permission: p.permission, place: p.place, subject: s}
	if admin, err := q.holds(ctx, AdminRole); admin || err != nil {
		return admin, err
	}
	if p.permission == "" {
		if p.role == AdminRole {
			return false, nil
		}
		return q.holds(ctx, p.role)
	}
	_, allowed, err := q.grant(ctx)
	return allowed, err
}

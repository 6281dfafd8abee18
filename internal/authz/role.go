package authz

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Role is a named set of permissions. Its id is its name. What it permits stands in the relation
// tuples, which are written in the same batch; the document is for lists and descriptions.
type Role struct {
	store.Meta
	Description string    `json:"description,omitzero"`
	Permissions []string  `json:"permissions,omitzero"`
	Inherits    []string  `json:"inherits,omitzero"` // junior roles: what they permit, this one permits
	Created     time.Time `json:"created"`
}

func roleKind() store.Kind[Role] {
	return store.Kind[Role]{
		Name: "role", Noun: "role",
		Meta: func(r *Role) *store.Meta { return &r.Meta },
	}
}

// Bounds of a role.
const (
	maxPermissions = 400 // of one role: each is a tuple of one batch
	maxInherits    = 50
)

func roleObject(name string) access.Object { return access.Object{Type: "cardea:role", ID: name} }

// CreateRole defines a role. A name that somebody still has, from a role that is gone, is refused: a new role
// gives nobody anything.
func (e *Engine) CreateRole(ctx context.Context, c access.Caller, r Role) (*Role, error) {
	permit, err := e.guard.Allow(ctx, c, "role.create", roleObject(r.ID))
	if err != nil {
		return nil, err
	}
	juniors, err := e.checkRole(ctx, c, &r, nil)
	if err != nil {
		return nil, err
	}
	if err := e.unheld(ctx, c.Tenant(), r.ID); err != nil {
		return nil, err
	}
	r.Created = e.db.Now()
	_, err = e.db.Commit(ctx, store.Batch{
		Permit: permit,
		Docs:   append(juniors, e.roles.In(c.Tenant()).Insert(ctx, &r)),
		Tuples: diff(nil, r.tuples()),
		Events: []store.Event{{Kind: "role.created", Public: map[string]string{"permissions": strings.Join(r.Permissions, " ")}}},
	})
	return &r, err
}

// UpdateRole changes what a role permits. It is judged like a new one.
func (e *Engine) UpdateRole(ctx context.Context, c access.Caller, name string, change func(*Role) error) (*Role, error) {
	permit, err := e.guard.Allow(ctx, c, "role.update", roleObject(name))
	if err != nil {
		return nil, err
	}
	return e.roles.In(c.Tenant()).Update(ctx, name, func(r *Role) (store.Batch, error) {
		before := *r
		before.Permissions, before.Inherits = slices.Clone(r.Permissions), slices.Clone(r.Inherits)
		if err := change(r); err != nil {
			return store.Batch{}, err
		}
		juniors, err := e.checkRole(ctx, c, r, &before)
		if err != nil {
			return store.Batch{}, err
		}
		return store.Batch{
			Permit: permit, Docs: juniors, Tuples: diff(before.tuples(), r.tuples()),
			Events: []store.Event{{Kind: "role.updated", Public: map[string]string{
				"before": strings.Join(before.Permissions, " "), "permissions": strings.Join(r.Permissions, " "),
			}}},
		}, nil
	})
}

// GetRole reads a role.
func (e *Engine) GetRole(ctx context.Context, c access.Caller, name string) (*Role, error) {
	if _, err := e.guard.Allow(ctx, c, "role.read", roleObject(name)); err != nil {
		return nil, err
	}
	return e.roles.In(c.Tenant()).Get(ctx, name)
}

// ListRoles lists roles by name. Cardea's own are not stored and not listed.
func (e *Engine) ListRoles(ctx context.Context, c access.Caller, r page.Request) (page.Page[*Role], error) {
	if _, err := e.guard.Allow(ctx, c, "role.read", roleObject("")); err != nil {
		return page.Page[*Role]{}, err
	}
	return e.roles.In(c.Tenant()).Find(ctx, store.Query{Request: r})
}

// DeleteRole removes a role that nobody has, in the tenant, in an organisation or on a store, and that no other
// role inherits. Who is given it meanwhile has written its document (hold), so that it is looked at again: in the
// end there is either no role or no holder of one that is gone.
func (e *Engine) DeleteRole(ctx context.Context, c access.Caller, name string) error {
	permit, err := e.guard.Allow(ctx, c, "role.delete", roleObject(name))
	if err != nil {
		return err
	}
	r, err := e.roles.In(c.Tenant()).Get(ctx, name)
	if err != nil {
		return err
	}
	if err := e.unheld(ctx, c.Tenant(), name); err != nil {
		return err
	}
	_, err = e.db.Commit(ctx, store.Batch{
		Permit: permit, Docs: []store.DocOp{e.roles.In(c.Tenant()).Delete(r)}, Tuples: diff(r.tuples(), nil),
		Events: []store.Event{{Kind: "role.deleted"}},
	})
	return err
}

// unheld refuses while somebody has the role, wherever that is.
func (e *Engine) unheld(ctx context.Context, t id.Tenant, name string) error {
	a, held, err := e.anyHolder(ctx, t, name)
	if err != nil || !held {
		return err
	}
	return errs.New(errs.Precondition, "role_in_use", "Unassign the role everywhere first; %s still has it %s.", a.who(), a.where())
}

// hold is the operation that goes with each thing that gives somebody r: it changes nothing, but who would delete
// r, and has not seen what was given, starts again. It costs a write, and those who give one role wait for each other.
func (e *Engine) hold(ctx context.Context, t id.Tenant, r *Role) store.DocOp {
	return e.roles.In(t).Replace(ctx, r)
}

// tuples are what the role says in the relation graph.
func (r *Role) tuples() []store.Tuple {
	out := make([]store.Tuple, 0, len(r.Permissions)+len(r.Inherits))
	for _, p := range r.Permissions {
		out = append(out, grantTuple(r.ID, p))
	}
	for _, junior := range r.Inherits {
		out = append(out, seniorTuple(r.ID, junior))
	}
	return out
}

// diff is what turns the tuples before into those after.
func diff(before, after []store.Tuple) []store.TupleOp {
	var ops []store.TupleOp
	for _, t := range before {
		if !slices.Contains(after, t) {
			ops = append(ops, store.DeleteTuple(t))
		}
	}
	for _, t := range after {
		if !slices.Contains(before, t) {
			ops = append(ops, store.WriteTuple(t))
		}
	}
	return ops
}

// checkRole judges a role as it would be, and holds the roles that it newly inherits. Nobody gives away what it
// does not hold: a permission over Cardea itself may only be added by a caller who has it.
func (e *Engine) checkRole(ctx context.Context, c access.Caller, r, before *Role) ([]store.DocOp, error) {
	if !validName(r.ID) || strings.HasPrefix(strings.ToLower(r.ID), ownPrefix) { // in no spelling
		return nil, errs.Bad("/name", "must be 1 to 100 of letters, digits and _ - . :, and not begin with %s", ownPrefix).Breaks(errs.Identifier, errs.Between(1, 100))
	}
	if len(r.Description) > 1000 {
		return nil, errs.Bad("/description", "must not be longer than 1000 bytes").Breaks(errs.Length, errs.Between(0, 1000))
	}
	slices.Sort(r.Permissions)
	r.Permissions = slices.Compact(r.Permissions)
	if len(r.Permissions) > maxPermissions || len(r.Inherits) > maxInherits {
		return nil, errs.Bad("/permissions", "must not be more than %d, and /inherits not more than %d", maxPermissions, maxInherits).Breaks(errs.Items, errs.Between(0, maxPermissions))
	}
	for _, p := range r.Permissions {
		if p == "" || len(p) > maxName {
			return nil, errs.Bad("/permissions", "must have 1 to %d bytes each", maxName).Breaks(errs.Length, errs.Between(1, maxName))
		}
		added := before == nil || !slices.Contains(before.Permissions, p)
		if own, ok := strings.CutPrefix(p, ownPrefix); ok && added {
			if _, err := e.guard.Allow(ctx, c, access.Action(own), access.Object{Type: "cardea:permission", ID: p}); err != nil {
				return nil, err
			}
		}
	}
	return e.checkInherits(ctx, c, r, before)
}

func (e *Engine) checkInherits(ctx context.Context, c access.Caller, r, before *Role) ([]store.DocOp, error) {
	var held []store.DocOp
	for _, junior := range r.Inherits {
		if junior == r.ID {
			return nil, errs.Bad("/inherits", "must not name the role itself").Breaks(errs.Circular, nil)
		}
		j, err := e.roles.In(c.Tenant()).Get(ctx, junior)
		if errs.Is(err, errs.NotFound) {
			return nil, errs.Bad("/inherits", "must name roles that exist").Breaks(errs.Unknown, nil)
		}
		if err != nil {
			return nil, err
		}
		if err := e.mayGive(ctx, c, j); err != nil {
			return nil, err
		}
		if before == nil || !slices.Contains(before.Inherits, junior) {
			held = append(held, e.hold(ctx, c.Tenant(), j))
		}
	}
	return held, nil
}

// mayGive refuses to give away a role with permissions over Cardea itself that the caller lacks.
func (e *Engine) mayGive(ctx context.Context, c access.Caller, r *Role) error {
	for _, p := range r.Permissions {
		if own, ok := strings.CutPrefix(p, ownPrefix); ok {
			if _, err := e.guard.Allow(ctx, c, access.Action(own), access.Object{Type: "cardea:permission", ID: p}); err != nil {
				return err
			}
		}
	}
	for _, junior := range r.Inherits {
		j, err := e.roles.In(c.Tenant()).Get(ctx, junior)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return err
		}
		if err == nil {
			if err := e.mayGive(ctx, c, j); err != nil {
				return err
			}
		}
	}
	return nil
}

// validName accepts names of roles and groups.
func validName(s string) bool {
	if s == "" || len(s) > 100 {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:") == ""
}

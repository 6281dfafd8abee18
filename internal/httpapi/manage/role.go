package manage

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Role is a named set of permissions.
type Role struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitzero"`
	Permissions []string  `json:"permissions"`
	Inherits    []string  `json:"inherits" doc:"roles whose permissions this one has too"`
	Created     time.Time `json:"created"`
}

func showRole(r *authz.Role) Role {
	return Role{
		Name: r.ID, Description: r.Description, Permissions: append([]string{}, r.Permissions...),
		Inherits: append([]string{}, r.Inherits...), Created: r.Created,
	}
}

// NewRole is a role to be defined.
type NewRole struct {
	Name        string   `json:"name" max:"100"`
	Description string   `json:"description,omitzero" max:"500"`
	Permissions []string `json:"permissions,omitzero" max:"400"`
	Inherits    []string `json:"inherits,omitzero" max:"50"`
}

// RoleChange is what may be changed of a role; what is left out stays as it is.
type RoleChange struct {
	Description *string   `json:"description,omitzero" max:"500"`
	Permissions *[]string `json:"permissions,omitzero" max:"400"`
	Inherits    *[]string `json:"inherits,omitzero" max:"50"`
}

// Holder is a subject: a user, a service, or the members of a group.
type Holder struct {
	Type     string `json:"type" enum:"user,service,group"`
	ID       string `json:"id" max:"200"`
	Relation string `json:"relation,omitzero" enum:"member" doc:"member, with a group"`
}

func (h Holder) ref() store.SubjectRef {
	return store.SubjectRef{Type: h.Type, ID: h.ID, Relation: h.Relation}
}

// Assignment says that a subject has a role: in the whole tenant, in an organisation, or on a store of relation
// tuples.
type Assignment struct {
	Role    string    `json:"role"`
	Org     string    `json:"org,omitzero"`
	Store   string    `json:"store,omitzero"`
	Subject Holder    `json:"subject"`
	Expires time.Time `json:"expires,omitzero" doc:"left out: never"`
}

func showAssignment(a authz.Assignment) Assignment {
	return Assignment{Role: a.Role, Org: a.Org, Store: a.Store, Subject: Holder(a.Subject), Expires: a.Expires}
}

// NewAssignment gives a role to a subject.
type NewAssignment struct {
	Subject Holder    `json:"subject"`
	Org     string    `json:"org,omitzero" max:"64" doc:"in this organisation"`
	Store   string    `json:"store,omitzero" max:"26" doc:"on this store; without org and store: in the whole tenant"`
	Expires time.Time `json:"expires,omitzero" doc:"left out: never"`
}

// Revision is the state of the relation graph after a change. Ask with at least this revision to be
// sure that a decision knows of it.
type Revision struct {
	Revision string `json:"revision"`
}

func revised(r store.Receipt, err error) (Revision, error) {
	return Revision{strconv.FormatUint(r.Revision, 10)}, err
}

// Permission is something that a subject may do.
type Permission struct {
	Name string `json:"name"`
}

func showPermission(name string) Permission { return Permission{name} }

type rolePath struct {
	Role string `path:"role" max:"100"`
}

// ofRole is the input of what is about a role and needs nothing else.
type ofRole struct {
	within
	rolePath
}

// holderQuery names a subject where there is no body.
type holderQuery struct {
	Type     string `query:"subject_type,required" enum:"user,service,group"`
	ID       string `query:"subject_id,required" max:"200"`
	Relation string `query:"subject_relation" enum:"member" doc:"member, with a group"`
}

func (h holderQuery) ref() store.SubjectRef { return Holder(h).ref() }

// placeQuery says where a role is held.
type placeQuery struct {
	Org   string `query:"org" max:"64" doc:"in this organisation"`
	Store string `query:"store" max:"26" doc:"on this store; without org and store: in the whole tenant"`
}

const groupRoles = "Roles and groups"

func (a *API) roles() []rest.Operation {
	const group = groupRoles
	created := status(administers("POST /api/roles", "role.create", "role.create", group, "Define a role"), http.StatusCreated)
	deleted := administers("DELETE /api/roles/{role}", "role.delete", "role.delete", group, "Delete a role that nobody has")
	return []rest.Operation{
		endpoint(a, administers("GET /api/roles", "role.list", "role.read", group, "List roles"),
			func(ctx context.Context, c access.Caller, in struct {
				within
				paging
			}) (page.Page[Role], error) {
				p, err := a.Decisions.ListRoles(ctx, c, in.request())
				return turned(p, err, showRole)
			}),
		endpoint(a, created, func(ctx context.Context, c access.Caller, in struct {
			within
			Body NewRole `body:"json"`
		}) (Role, error) {
			b := in.Body
			r, err := a.Decisions.CreateRole(ctx, c, authz.Role{
				Meta: store.Meta{ID: b.Name}, Description: b.Description, Permissions: b.Permissions, Inherits: b.Inherits,
			})
			return one(r, err, showRole)
		}),
		endpoint(a, administers("GET /api/roles/{role}", "role.get", "role.read", group, "Read a role"),
			func(ctx context.Context, c access.Caller, in ofRole) (Role, error) {
				r, err := a.Decisions.GetRole(ctx, c, in.Role)
				return one(r, err, showRole)
			}),
		endpoint(a, administers("PATCH /api/roles/{role}", "role.update", "role.update", group, "Change a role"),
			func(ctx context.Context, c access.Caller, in struct {
				ofRole
				Body RoleChange `body:"json"`
			}) (Role, error) {
				r, err := a.Decisions.UpdateRole(ctx, c, in.Role, func(r *authz.Role) error {
					set(&r.Description, in.Body.Description)
					set(&r.Permissions, in.Body.Permissions)
					set(&r.Inherits, in.Body.Inherits)
					return nil
				})
				return one(r, err, showRole)
			}),
		endpoint(a, refusing(deleted, errs.Precondition), func(ctx context.Context, c access.Caller, in ofRole) (rest.None, error) {
			return done(a.Decisions.DeleteRole(ctx, c, in.Role))
		}),
	}
}

func (a *API) assignments() []rest.Operation {
	const group = groupRoles
	unassign := administers("DELETE /api/roles/{role}/assignments", "role.unassign", "role.unassign", group, "Take a role from a subject")
	return []rest.Operation{
		endpoint(a, administers("GET /api/roles/{role}/assignments", "role.holders", "role.read", group, "List to whom a role was given directly"),
			func(ctx context.Context, c access.Caller, in struct {
				ofRole
				paging
				placeQuery
			}) (page.Page[Assignment], error) {
				p, err := a.Decisions.Holders(ctx, c, authz.Assignment{Role: in.Role, Org: in.Org, Store: in.Store}, in.request())
				return turned(p, err, showAssignment)
			}),
		endpoint(a, administers("POST /api/roles/{role}/assignments", "role.assign", "role.assign", group, "Give a role to a subject"),
			func(ctx context.Context, c access.Caller, in struct {
				ofRole
				Body NewAssignment `body:"json"`
			}) (Revision, error) {
				return revised(a.Decisions.Assign(ctx, c, authz.Assignment{
					Role: in.Role, Org: in.Body.Org, Store: in.Body.Store, Subject: in.Body.Subject.ref(), Expires: in.Body.Expires,
				}))
			}),
		endpoint(a, refusing(unassign, errs.Precondition), func(ctx context.Context, c access.Caller, in struct {
			ofRole
			holderQuery
			placeQuery
		}) (Revision, error) {
			return revised(a.Decisions.Unassign(ctx, c, authz.Assignment{Role: in.Role, Org: in.Org, Store: in.Store, Subject: in.ref()}))
		}),
		endpoint(a, administers("GET /api/users/{user}/roles", "role.list_of_user", "role.read", group, "List the roles given directly to a user"),
			func(ctx context.Context, c access.Caller, in ofUser) (many[Assignment], error) {
				return a.rolesOf(ctx, c, access.User(in.User))
			}),
		endpoint(a, administers("GET /api/clients/{client}/roles", "role.list_of_client", "role.read", group, "List the roles given directly to a service"),
			func(ctx context.Context, c access.Caller, in ofClient) (many[Assignment], error) {
				return a.rolesOf(ctx, c, access.Service(in.Client))
			}),
		endpoint(a, administers("GET /api/users/{user}/permissions", "permission.list_of_user", "permission.read", group, "List what a user may do in the whole tenant, by whichever road"),
			func(ctx context.Context, c access.Caller, in listOfUser) (page.Page[Permission], error) {
				p, err := a.Decisions.Effective(ctx, c, store.SubjectRef{Type: access.TypeUser, ID: in.User}, in.request())
				return turned(p, err, showPermission)
			}),
	}
}

func (a *API) rolesOf(ctx context.Context, c access.Caller, s access.Subject) (many[Assignment], error) {
	all, err := a.Decisions.Assignments(ctx, c, store.SubjectRef{Type: s.Type, ID: s.ID})
	return collect(all, err, showAssignment)
}

// Group is a group of subjects. It exists by its members.
type Group struct {
	ID      string `json:"id" doc:"its name"`
	Members int    `json:"members" doc:"who belong directly to it; at most 100 are counted"`
}

type ofGroup struct {
	within
	Group string `path:"group" max:"100"`
}

func (a *API) groups() []rest.Operation {
	const group = groupRoles
	return []rest.Operation{
		endpoint(a, administers("GET /api/groups", "group.list", "group.read", group, "List the groups that have members, by name"),
			func(ctx context.Context, c access.Caller, in struct {
				within
				paging
			}) (page.Page[Group], error) {
				p, err := a.Decisions.Groups(ctx, c, in.request())
				return turned(p, err, func(g authz.Group) Group { return Group(g) })
			}),
		endpoint(a, administers("GET /api/groups/{group}/members", "group.members", "group.read", group, "List who belongs directly to a group"),
			func(ctx context.Context, c access.Caller, in struct {
				ofGroup
				paging
			}) (page.Page[Holder], error) {
				p, err := a.Decisions.Members(ctx, c, in.Group, in.request())
				return turned(p, err, func(s store.SubjectRef) Holder { return Holder(s) })
			}),
		endpoint(a, administers("POST /api/groups/{group}/members", "group.add_member", "group.change", group, "Add a subject to a group"),
			func(ctx context.Context, c access.Caller, in struct {
				ofGroup
				Body Holder `body:"json"`
			}) (Revision, error) {
				return revised(a.Decisions.SetMember(ctx, c, in.Group, in.Body.ref(), true))
			}),
		endpoint(a, administers("DELETE /api/groups/{group}/members", "group.remove_member", "group.change", group, "Take a subject out of a group"),
			func(ctx context.Context, c access.Caller, in struct {
				ofGroup
				holderQuery
			}) (Revision, error) {
				return revised(a.Decisions.SetMember(ctx, c, in.Group, in.ref(), false))
			}),
	}
}

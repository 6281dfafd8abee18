package manage

import (
	"context"
	"net/http"
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
	Name        string   `json:"name" max:"64"`
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

// Assignment says that a subject has a role, in the whole tenant or in an organisation.
type Assignment struct {
	Role    string    `json:"role"`
	Org     string    `json:"org,omitzero"`
	Subject Holder    `json:"subject"`
	Expires time.Time `json:"expires,omitzero" doc:"left out: never"`
}

func showAssignment(a authz.Assignment) Assignment {
	return Assignment{Role: a.Role, Org: a.Org, Subject: Holder(a.Subject), Expires: a.Expires}
}

// NewAssignment gives a role to a subject.
type NewAssignment struct {
	Subject Holder    `json:"subject"`
	Org     string    `json:"org,omitzero" max:"64"`
	Expires time.Time `json:"expires,omitzero"`
}

// EndedAssignment takes a role from a subject.
type EndedAssignment struct {
	Subject Holder `json:"subject"`
	Org     string `json:"org,omitzero" max:"64"`
}

// Revision is the state of the relation graph after a change. Ask with at least this revision to be
// sure that a decision knows of it.
type Revision struct {
	Revision uint64 `json:"revision"`
}

func revised(r store.Receipt, err error) (Revision, error) { return Revision{r.Revision}, err }

type rolePath struct {
	Role string `path:"role" max:"64"`
}

const groupRoles = "Roles and groups"

func (a *API) roles() []rest.Operation {
	const group = groupRoles
	created := status(administers("POST /api/roles", "role.create", "role.create", group, "Define a role"), http.StatusCreated)
	created.Errors = []errs.Kind{errs.Conflict}
	return []rest.Operation{
		rest.Handle(administers("GET /api/roles", "role.list", "role.read", group, "List roles"),
			func(ctx context.Context, c access.Caller, in struct{ paging }) (page.Page[Role], error) {
				p, err := a.Decisions.ListRoles(ctx, c, in.request())
				return turned(p, err, showRole)
			}),
		rest.Handle(created, func(ctx context.Context, c access.Caller, in struct {
			Body NewRole `body:"json"`
		}) (Role, error) {
			b := in.Body
			r, err := a.Decisions.CreateRole(ctx, c, authz.Role{
				Meta: store.Meta{ID: b.Name}, Description: b.Description, Permissions: b.Permissions, Inherits: b.Inherits,
			})
			return one(r, err, showRole)
		}),
		rest.Handle(administers("GET /api/roles/{role}", "role.get", "role.read", group, "Read a role"),
			func(ctx context.Context, c access.Caller, in rolePath) (Role, error) {
				r, err := a.Decisions.GetRole(ctx, c, in.Role)
				return one(r, err, showRole)
			}),
		rest.Handle(administers("PATCH /api/roles/{role}", "role.update", "role.update", group, "Change a role"),
			func(ctx context.Context, c access.Caller, in struct {
				rolePath
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
		rest.Handle(administers("DELETE /api/roles/{role}", "role.delete", "role.delete", group, "Delete a role"),
			func(ctx context.Context, c access.Caller, in rolePath) (rest.None, error) {
				return done(a.Decisions.DeleteRole(ctx, c, in.Role))
			}),
	}
}

func (a *API) assignments() []rest.Operation {
	const group = groupRoles
	unassign := administers("POST /api/roles/{role}/unassign", "role.unassign", "role.unassign", group, "Take a role from a subject")
	unassign.Errors = []errs.Kind{errs.Precondition}
	return []rest.Operation{
		rest.Handle(administers("POST /api/roles/{role}/assign", "role.assign", "role.assign", group, "Give a role to a subject"),
			func(ctx context.Context, c access.Caller, in struct {
				rolePath
				Body NewAssignment `body:"json"`
			}) (Revision, error) {
				return revised(a.Decisions.Assign(ctx, c, authz.Assignment{
					Role: in.Role, Org: in.Body.Org, Subject: in.Body.Subject.ref(), Expires: in.Body.Expires,
				}))
			}),
		rest.Handle(unassign, func(ctx context.Context, c access.Caller, in struct {
			rolePath
			Body EndedAssignment `body:"json"`
		}) (Revision, error) {
			return revised(a.Decisions.Unassign(ctx, c, authz.Assignment{Role: in.Role, Org: in.Body.Org, Subject: in.Body.Subject.ref()}))
		}),
		rest.Handle(administers("GET /api/users/{user}/roles", "role.list_of_user", "role.read", group, "List the roles given directly to a user"),
			func(ctx context.Context, c access.Caller, in userPath) (many[Assignment], error) {
				all, err := a.Decisions.Assignments(ctx, c, Holder{Type: access.TypeUser, ID: in.User}.ref())
				return collect(all, showAssignment), err
			}),
		rest.Handle(administers("GET /api/clients/{client}/roles", "role.list_of_client", "role.read", group, "List the roles given directly to a service"),
			func(ctx context.Context, c access.Caller, in clientPath) (many[Assignment], error) {
				all, err := a.Decisions.Assignments(ctx, c, Holder{Type: access.TypeService, ID: in.Client}.ref())
				return collect(all, showAssignment), err
			}),
		a.groupMember("POST /api/groups/{group}/members", "group.add_member", "Add a subject to a group", true),
		a.groupMember("POST /api/groups/{group}/members/remove", "group.remove_member", "Take a subject out of a group", false),
	}
}

func (a *API) groupMember(pattern, name, summary string, member bool) rest.Operation {
	return rest.Handle(administers(pattern, name, "group.change", groupRoles, summary),
		func(ctx context.Context, c access.Caller, in struct {
			Group string `path:"group" max:"64"`
			Body  Holder `body:"json"`
		}) (Revision, error) {
			return revised(a.Decisions.SetMember(ctx, c, in.Group, in.Body.ref(), member))
		})
}

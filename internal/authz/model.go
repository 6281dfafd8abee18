package authz

import (
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// The types and relations of the built-in model. In the notation of the OpenFGA modelling language:
//
//	type user
//	type service
//	type group       define member: [user, service, group#member]
//	type role        define assignee: [user, service, group#member, org#member, role#assignee]
//	type org         define member: [user]
//	type org_role    define assignee: [user, service, group#member, org#member]
//	type store_role  define assignee: [user, service, group#member]
//	type permission  define granted: [role#assignee]
//
// role:editor#assignee@role:admin#assignee makes admin a senior of editor: it may what editor may
// (RBAC1, ANSI INCITS 359). org_role:ORG/editor is editor on the resources of one organisation,
// store_role:STORE/editor on one store of relation tuples.
const (
	typeGroup      = "group"
	typeRole       = "role"
	typeOrgRole    = "org_role"
	typeStoreRole  = "store_role"
	typePermission = "permission"

	relMember   = "member"
	relAssignee = "assignee"
	relGranted  = "granted"
)

// builtInDigest names the model below. It changes with it: a graph that is kept as a file has only the tuples
// that the model accepted.
const builtInDigest = "built-in 2"

// builtIn is the model of every tenant.
func builtIn() (*graph.Model, error) {
	people := []string{access.TypeUser, access.TypeService, "group#member"}
	define := func(name string, allowed ...string) graph.Relation {
		return graph.Relation{Name: name, Rewrite: graph.This(allowed...)}
	}
	return graph.NewModel(
		graph.Type{Name: access.TypeUser},
		graph.Type{Name: access.TypeService},
		graph.Type{Name: typeGroup, Relations: []graph.Relation{define(relMember, people...)}},
		graph.Type{Name: tenant.OrgType, Relations: []graph.Relation{define(tenant.MemberRelation, access.TypeUser)}},
		graph.Type{Name: typeRole, Relations: []graph.Relation{define(relAssignee, append(slices.Clone(people), "org#member", "role#assignee")...)}},
		graph.Type{Name: typeOrgRole, Relations: []graph.Relation{define(relAssignee, append(slices.Clone(people), "org#member")...)}},
		graph.Type{Name: typeStoreRole, Relations: []graph.Relation{define(relAssignee, people...)}},
		graph.Type{Name: typePermission, Relations: []graph.Relation{define(relGranted, "role#assignee")}},
	)
}

// orgRole is the id of a role in an organisation. Ids of organisations are ours and hold no '/'.
func orgRole(org, role string) string { return org + "/" + role }

// place is where somebody has a role: in an organisation or on a store of relation tuples. The zero place is
// the whole tenant.
type place struct{ org, store string }

// role is what somebody has who has a role there.
func (p place) role(name string) store.ObjectRef {
	switch {
	case p.org != "":
		return store.ObjectRef{Type: typeOrgRole, ID: orgRole(p.org, name)}
	case p.store != "":
		return store.ObjectRef{Type: typeStoreRole, ID: p.store + "/" + name}
	}
	return store.ObjectRef{Type: typeRole, ID: name}
}

// placed is the place and the name of a role that stands in a tuple.
func placed(o store.ObjectRef) (p place, role string, ok bool) {
	switch o.Type {
	case typeRole:
		return place{}, o.ID, true
	case typeOrgRole:
		p.org, role, ok = strings.Cut(o.ID, "/")
	case typeStoreRole:
		p.store, role, ok = strings.Cut(o.ID, "/")
	}
	return p, role, ok
}

func tuple(objectType, objectID, relation string, s store.SubjectRef) store.Tuple {
	return store.Tuple{Object: store.ObjectRef{Type: objectType, ID: objectID}, Relation: relation, Subject: s}
}

// seniorTuple says that senior may all that junior may.
func seniorTuple(senior, junior string) store.Tuple {
	return tuple(typeRole, junior, relAssignee, store.SubjectRef{Type: typeRole, ID: senior, Relation: relAssignee})
}

// grantTuple says that role has permission.
func grantTuple(role, permission string) store.Tuple {
	return tuple(typePermission, permission, relGranted, store.SubjectRef{Type: typeRole, ID: role, Relation: relAssignee})
}

// assignTuple says that subject has role at a place.
func assignTuple(role string, at place, s store.SubjectRef) store.Tuple {
	return store.Tuple{Object: at.role(role), Relation: relAssignee, Subject: s}
}

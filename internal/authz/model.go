package authz

import (
	"strings"

	"github.com/cardea-auth/cardea/internal/store"
)

// Names of the built-in module (package builtin).
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

package authz

import (
	"context"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/policy"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// facts are what Cardea knows of the entities of a question: attributes from identity, and as parents
// the groups, organisations and roles of a subject, however it came by them. Roles in an organisation
// are org_role:ORG/ROLE, and role:ROLE as well if the resource belongs to it.
type facts struct {
	*Engine
	request Request
	view    *graph.View
	assumed int // see StoreAnswer.Assumed
}

// roles is the one view of roles in which everything about a question is looked up.
func (f *facts) roles(ctx context.Context) (graph.View, error) {
	if f.view == nil {
		view, assumed, err := f.pastOrNow(ctx, f.request)
		if err != nil {
			return graph.View{}, err
		}
		f.view, f.assumed = &view, assumed
	}
	return *f.view, nil
}

// Known implements policy.Facts.
func (f *facts) Known(ctx context.Context, r policy.Ref) (policy.Known, bool, error) {
	if !isOwnType(r.Type) {
		return policy.Known{}, false, nil
	}
	if _, err := f.roles(ctx); err != nil {
		return policy.Known{}, false, err
	}
	known := policy.Known{}
	s := graph.Subject{Type: r.Type, ID: r.ID}
	switch r.Type {
	case typeGroup:
		s.Relation = relMember
	case typeRole:
		s.Relation = relAssignee
	case tenant.OrgType, typeOrgRole:
		return known, true, nil
	default:
		if f.attributes != nil {
			attributes, _, err := f.attributes.Attributes(ctx, f.request.Tenant, r.Type, r.ID)
			if err != nil {
				return known, false, err
			}
			known.Attributes = attributes
		}
	}
	var err error
	known.Parents, err = f.parents(ctx, s)
	return known, true, err
}

// isOwnType reports whether an entity is of a type of which Cardea itself knows who belongs to it.
func isOwnType(name string) bool {
	switch name {
	case access.TypeUser, access.TypeService, typeGroup, typeRole, typeOrgRole, tenant.OrgType:
		return true
	}
	return false
}

// maxParents bounds the groups, organisations and roles of a subject in policies.
const maxParents = 10_000

// parents are all that a subject belongs to, however it does.
func (f *facts) parents(ctx context.Context, s graph.Subject) ([]policy.Ref, error) {
	var out []policy.Ref
	org := f.request.Resource.org()
	for _, of := range []struct{ kind, relation string }{
		{typeGroup, relMember}, {typeRole, relAssignee}, {typeOrgRole, relAssignee}, {tenant.OrgType, tenant.MemberRelation},
	} {
		err := f.each(ctx, *f.view, graph.ObjectsQuery{Type: of.kind, Relation: of.relation, Subject: s}, func(id string) error {
			if len(out) >= maxParents {
				return errs.New(errs.Unsupported, "too_many_parents", "The subject belongs to more than %d groups and roles.", maxParents)
			}
			if of.kind != s.Type || id != s.ID {
				out = append(out, policy.Ref{Type: of.kind, ID: id})
			}
			if in, role, ok := strings.Cut(id, "/"); ok && of.kind == typeOrgRole && in == org {
				out = append(out, policy.Ref{Type: typeRole, ID: role})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

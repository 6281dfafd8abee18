package authz

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/strict"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// A search leaves one part of a question open and lists what would be allowed there (AuthZEN 1.0,
// section 8). It lists exactly what Decide allows, in the order of ids, and every page is complete:
// whoever is barred is left out, so a page may be shorter than asked for and still not be the last. Only
// SearchActions leaves out what the built-in roles permit: that is every action of Cardea, and Held
// lists them.

// source lists ids after one, in order: at most limit, fewer only at its end.
type source func(ctx context.Context, after string, limit int) ([]string, error)

// merge is a page of what any of the sources lists.
func merge(ctx context.Context, r page.Request, sources ...source) (page.Page[string], error) {
	after, err := openCursor(r.Cursor)
	if err != nil {
		return page.Page[string]{}, err
	}
	size := r.Size()
	var all []string
	for _, list := range sources {
		ids, err := list(ctx, after, size+1) // one more tells whether there is a next page
		if err != nil {
			return page.Page[string]{}, unavailable(err)
		}
		all = append(all, ids...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	out := page.Page[string]{Items: all}
	if len(all) > size {
		out.Items, out.Next = all[:size], sealCursor(all[size-1])
	}
	return out, nil
}

func sealCursor(after string) string { return base64.RawURLEncoding.EncodeToString([]byte(after)) }

func openCursor(cursor string) (string, error) {
	after, err := strict.Base64URL(cursor)
	if err != nil || len(after) > maxID || !utf8.Valid(after) {
		return "", errs.New(errs.Invalid, "invalid_cursor", "The cursor does not belong to this list.")
	}
	return string(after), nil
}

// Found is a page of a search.
type Found struct {
	page.Page[string]
	// Everyone says that every subject of the type may, whether it is listed or not.
	Everyone bool
	// Everywhere says that the action is allowed by a role in the whole tenant: on every resource, whether
	// it is listed or not.
	Everywhere bool
}

// SearchSubjects lists the subjects of a type that may do the action on the resource. Roles know users
// and services; other types are those of the store that the decision plan names. r.Subject.ID is not
// looked at. The caller must be a service of the tenant or be allowed decision.ask.
func (e *Engine) SearchSubjects(ctx context.Context, c access.Caller, r Request, p page.Request) (Found, error) {
	r.Subject.ID = "*" // is open, and belongs to nobody
	s, err := e.search(ctx, c, &r)
	if err != nil {
		return Found{}, err
	}
	known := r.Subject.Type == access.TypeUser || r.Subject.Type == access.TypeService
	if !known && s.plan.Store == "" {
		return Found{}, errs.Bad("/subject/type", "must be %s or %s: others are not searched", access.TypeUser, access.TypeService)
	}
	var sources []source
	if s.plan.Roles && known {
		if sources, err = e.subjectsByRoles(ctx, s.view, r); err != nil {
			return Found{}, unavailable(err)
		}
	}
	var out Found
	if more := s.subjectsByStore(&out.Everyone); more != nil {
		sources = append(sources, more)
	}
	if out.Page, err = merge(ctx, p, sources...); err != nil {
		return Found{}, err
	}
	out.Items, err = s.allowed(ctx, out.Items, func(r *Request, id string) { r.Subject.ID = id })
	return out, err
}

// subjectsByRoles are those who have a role that permits the action.
func (e *Engine) subjectsByRoles(ctx context.Context, view graph.View, r Request) ([]source, error) {
	holders := func(o graph.Object, relation string) source {
		return func(ctx context.Context, after string, limit int) ([]string, error) {
			list, err := view.Subjects(ctx, e.db.Now(), graph.SubjectsQuery{
				Object: o, Relation: relation, Type: r.Subject.Type, After: after, Limit: limit,
			})
			return list.IDs, err
		}
	}
	permission := graph.Object{Type: typePermission, ID: r.Action.Name}
	sources := []source{holders(permission, relGranted)}
	roles := ownRolesFor(r.Action.Name)
	for _, role := range roles {
		sources = append(sources, holders(graph.Object{Type: typeRole, ID: role}, relAssignee))
	}
	org := r.Resource.org()
	if org == "" {
		return sources, nil
	}
	err := eachSubject(ctx, view, e, graph.SubjectsQuery{
		Object: permission, Relation: relGranted, Type: typeRole, SubjectRelation: relAssignee,
	}, func(role string) { roles = append(roles, role) })
	for _, role := range roles {
		sources = append(sources, holders(graph.Object{Type: typeOrgRole, ID: orgRole(org, role)}, relAssignee))
	}
	return sources, err
}

func eachSubject(ctx context.Context, v graph.View, e *Engine, q graph.SubjectsQuery, f func(string)) error {
	for q.Limit = page.MaxLimit; ; {
		list, err := v.Subjects(ctx, e.db.Now(), q)
		if err != nil {
			return err
		}
		for _, id := range list.IDs {
			f(id)
		}
		if q.After = list.Next; q.After == "" {
			return nil
		}
	}
}

// SearchActions lists what the subject may do to the resource. r.Action is not looked at. Who may ask
// is as for Ask.
func (e *Engine) SearchActions(ctx context.Context, c access.Caller, r Request, p page.Request) (Found, error) {
	r.Action.Name = "*"
	s, err := e.search(ctx, c, &r)
	if err != nil || s.out {
		return nothing(), err
	}
	sources, err := e.actionsByRoles(ctx, s.view, r, s.plan.Roles)
	if err != nil {
		return nothing(), unavailable(err)
	}
	more, err := s.actionsByStore(ctx)
	if err != nil {
		return nothing(), err
	}
	var out Found
	if out.Page, err = merge(ctx, p, append(sources, more)...); err != nil {
		return nothing(), err
	}
	out.Items, err = s.allowed(ctx, out.Items, func(r *Request, name string) { r.Action.Name = name })
	return out, err
}

// actionsByRoles are what the subject's roles permit; without all only what is Cardea's own, which no plan
// takes from roles.
func (e *Engine) actionsByRoles(ctx context.Context, view graph.View, r Request, all bool) ([]source, error) {
	subject := asSubject(r.Subject)
	granted := func(s graph.Subject) source {
		return func(ctx context.Context, after string, limit int) ([]string, error) {
			if !all {
				after = max(after, ownPrefix)
			}
			list, err := view.Objects(ctx, e.db.Now(), graph.ObjectsQuery{
				Type: typePermission, Relation: relGranted, Subject: s, After: after, Limit: limit,
			})
			if i := slices.IndexFunc(list.IDs, func(id string) bool { return !all && !strings.HasPrefix(id, ownPrefix) }); i >= 0 {
				list.IDs = list.IDs[:i]
			}
			return list.IDs, err
		}
	}
	sources := []source{granted(subject)}
	org := r.Resource.org()
	if org == "" {
		return sources, nil
	}
	err := e.each(ctx, view, graph.ObjectsQuery{Type: typeOrgRole, Relation: relAssignee, Subject: subject}, func(id string) error {
		if in, role, _ := strings.Cut(id, "/"); in == org {
			sources = append(sources, granted(graph.Subject{Type: typeRole, ID: role, Relation: relAssignee}))
		}
		return nil
	})
	return sources, err
}

// SearchResources lists the resources of a type on which the subject may do the action: organisations by
// a role that it has there, and others by the store that the decision plan names. Resources that no tuple
// names are the application's and not known here; Everywhere speaks for them.
func (e *Engine) SearchResources(ctx context.Context, c access.Caller, r Request, p page.Request) (Found, error) {
	r.Resource.ID = "*"
	s, err := e.search(ctx, c, &r)
	if err != nil {
		return nothing(), err
	}
	if r.Resource.Type != tenant.OrgType && s.plan.Store == "" {
		return nothing(), errs.Bad("/resource/type", "must be org, or a type whose decision plan names a store: others are not known here")
	}
	if s.out {
		return nothing(), nil
	}
	var out Found
	var sources []source
	if s.plan.Roles {
		var orgs []string
		if orgs, out.Everywhere, err = e.orgsByRoles(ctx, s.view, r); err != nil {
			return nothing(), unavailable(err)
		}
		if r.Resource.Type == tenant.OrgType {
			sources = append(sources, fixed(orgs))
		}
		if out.Everywhere && len(s.plan.Policies) > 0 {
			return nothing(), notEnumerable()
		}
	}
	if more := s.resourcesByStore(); more != nil {
		sources = append(sources, more)
	}
	if out.Page, err = merge(ctx, p, sources...); err != nil {
		return nothing(), err
	}
	out.Items, err = s.allowed(ctx, out.Items, func(r *Request, id string) { r.Resource.ID = id })
	return out, err
}

// orgsByRoles are the organisations in which a role permits the action, and whether one does in the whole
// tenant.
func (e *Engine) orgsByRoles(ctx context.Context, view graph.View, r Request) (orgs []string, everywhere bool, err error) {
	q := question{view: view, now: e.db.Now(), permission: r.Action.Name, subject: graph.Subject{Type: r.Subject.Type, ID: r.Subject.ID}}
	if _, everywhere, err = q.ask(ctx); err != nil {
		return nil, false, err
	}
	grants := map[string]bool{} // role → does it permit the action
	for _, role := range ownRolesFor(r.Action.Name) {
		grants[role] = true
	}
	err = e.each(ctx, view, graph.ObjectsQuery{Type: typeOrgRole, Relation: relAssignee, Subject: asSubject(r.Subject)}, func(id string) error {
		org, role, _ := strings.Cut(id, "/")
		permits, known := grants[role]
		if !known {
			result, err := view.Check(ctx, e.db.Now(), graph.Query{
				Object: graph.Object{Type: typePermission, ID: r.Action.Name}, Relation: relGranted,
				Subject: graph.Subject{Type: typeRole, ID: role, Relation: relAssignee},
			})
			if err != nil {
				return err
			}
			permits = result.Allowed
			grants[role] = permits
		}
		if permits {
			orgs = append(orgs, org)
		}
		return nil
	})
	slices.Sort(orgs) // "a/x" stands before "a-b/x" in the graph's order
	return slices.Compact(orgs), everywhere, err
}

// fixed lists what is known already, in order.
func fixed(all []string) source {
	return func(_ context.Context, after string, limit int) ([]string, error) {
		i, found := slices.BinarySearch(all, after)
		if found {
			i++
		}
		return all[i:min(len(all), i+limit)], nil
	}
}

// asSubject is a subject in the graph's words: a group is meant by its members.
func asSubject(s Subject) graph.Subject {
	out := graph.Subject{Type: s.Type, ID: s.ID}
	if s.Type == typeGroup {
		out.Relation = relMember
	}
	return out
}

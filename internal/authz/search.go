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
)

// A search leaves one part of a question open and lists what would be allowed there (AuthZEN 1.0,
// section 8). It lists exactly what Decide allows, in the order of ids, and every page is complete:
// whoever is barred is left out, so a page may be shorter than asked for and still not be the last. Only
// SearchActions leaves out what the built-in roles permit: that is every action of Cardea, and OwnPermissions
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

// SearchSubjects lists the subjects of a type, user or service, that may do the action on the resource.
// r.Subject.ID is not looked at. The caller must be a service of the tenant or be allowed decision.ask.
func (e *Engine) SearchSubjects(ctx context.Context, c access.Caller, r Request, p page.Request) (page.Page[string], error) {
	r.Subject.ID = "*" // is open, and belongs to nobody
	if err := e.mayAsk(ctx, c, &r); err != nil {
		return page.Page[string]{}, err
	}
	if r.Subject.Type != access.TypeUser && r.Subject.Type != access.TypeService {
		return page.Page[string]{}, errs.Bad("/subject/type", "must be %s or %s: others are not searched", access.TypeUser, access.TypeService)
	}
	view, err := e.viewFor(ctx, r)
	if err != nil {
		return page.Page[string]{}, err
	}
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
	if org := r.Resource.org(); org != "" {
		err := eachSubject(ctx, view, e, graph.SubjectsQuery{
			Object: permission, Relation: relGranted, Type: typeRole, SubjectRelation: relAssignee,
		}, func(role string) { roles = append(roles, role) })
		if err != nil {
			return page.Page[string]{}, unavailable(err)
		}
		for _, role := range roles {
			sources = append(sources, holders(graph.Object{Type: typeOrgRole, ID: orgRole(org, role)}, relAssignee))
		}
	}
	found, err := merge(ctx, p, sources...)
	if err != nil {
		return found, err
	}
	return e.withoutBarred(ctx, r, found)
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

func (e *Engine) withoutBarred(ctx context.Context, r Request, p page.Page[string]) (page.Page[string], error) {
	free := make([]string, 0, len(p.Items))
	for _, id := range p.Items {
		r.Subject.ID = id
		why, err := e.barred(ctx, r)
		if err != nil {
			return page.Page[string]{}, err
		}
		if why == "" {
			free = append(free, id)
		}
	}
	p.Items = free
	return p, nil
}

// SearchActions lists what the subject may do to the resource. r.Action is not looked at. Who may ask
// is as for Ask.
func (e *Engine) SearchActions(ctx context.Context, c access.Caller, r Request, p page.Request) (page.Page[string], error) {
	r.Action.Name = "*"
	view, free, err := e.openSearch(ctx, c, &r)
	if err != nil || !free {
		return page.Page[string]{Items: []string{}}, err
	}
	s := asSubject(r.Subject)
	granted := func(s graph.Subject) source {
		return func(ctx context.Context, after string, limit int) ([]string, error) {
			list, err := view.Objects(ctx, e.db.Now(), graph.ObjectsQuery{
				Type: typePermission, Relation: relGranted, Subject: s, After: after, Limit: limit,
			})
			return list.IDs, err
		}
	}
	sources := []source{granted(s)}
	if org := r.Resource.org(); org != "" {
		err := e.each(ctx, view, graph.ObjectsQuery{Type: typeOrgRole, Relation: relAssignee, Subject: s}, func(id string) error {
			if in, role, _ := strings.Cut(id, "/"); in == org {
				sources = append(sources, granted(graph.Subject{Type: typeRole, ID: role, Relation: relAssignee}))
			}
			return nil
		})
		if err != nil {
			return page.Page[string]{}, unavailable(err)
		}
	}
	return merge(ctx, p, sources...)
}

// SearchOrgs lists the organisations in which the subject may do the action by a role that it has
// there. Everywhere says that it may do so in the whole tenant, and so in every organisation. Other
// types of resources are the application's, and not known here.
func (e *Engine) SearchOrgs(ctx context.Context, c access.Caller, r Request, p page.Request) (orgs page.Page[string], everywhere bool, err error) {
	r.Resource.ID = "*"
	none := page.Page[string]{Items: []string{}}
	if r.Resource.Type != "org" {
		return none, false, errs.Bad("/resource/type", "must be org: resources of other types are not known here")
	}
	view, free, err := e.openSearch(ctx, c, &r)
	if err != nil || !free {
		return none, false, err
	}
	q := question{view: view, now: e.db.Now(), permission: r.Action.Name, subject: graph.Subject{Type: r.Subject.Type, ID: r.Subject.ID}}
	_, everywhere, err = q.ask(ctx)
	if err != nil {
		return none, false, unavailable(err)
	}
	grants := map[string]bool{} // role → does it permit the action
	for _, role := range ownRolesFor(r.Action.Name) {
		grants[role] = true
	}
	var in []string
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
			in = append(in, org)
		}
		return nil
	})
	if err != nil {
		return none, false, unavailable(err)
	}
	slices.Sort(in) // "a/x" stands before "a-b/x" in the graph's order
	in = slices.Compact(in)
	orgs, err = merge(ctx, p, func(_ context.Context, after string, limit int) ([]string, error) {
		i, found := slices.BinarySearch(in, after)
		if found {
			i++
		}
		return in[i:min(len(in), i+limit)], nil
	})
	return orgs, everywhere, err
}

// openSearch is what searches about one subject begin with. free is false for a subject that is barred.
func (e *Engine) openSearch(ctx context.Context, c access.Caller, r *Request) (v graph.View, free bool, err error) {
	if err := e.mayAsk(ctx, c, r); err != nil {
		return v, false, err
	}
	why, err := e.barred(ctx, *r)
	if why != "" || err != nil {
		return v, false, err
	}
	v, err = e.viewFor(ctx, *r)
	return v, true, err
}

// asSubject is a subject in the graph's words: a group is meant by its members.
func asSubject(s Subject) graph.Subject {
	out := graph.Subject{Type: s.Type, ID: s.ID}
	if s.Type == typeGroup {
		out.Relation = relMember
	}
	return out
}

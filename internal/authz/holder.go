package authz

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/strict"
	"github.com/cardea-auth/cardea/internal/store"
)

// Holders lists to whom a role was given directly, at the place that an assignment without a subject names.
// NotFound for a role that does not exist.
func (e *Engine) Holders(ctx context.Context, c access.Caller, of Assignment, r page.Request) (page.Page[Assignment], error) {
	role := of.Role
	if _, err := e.guard.Allow(ctx, c, "role.read", of.object()); err != nil {
		return page.Page[Assignment]{}, err
	}
	if role != AdminRole && role != ViewerRole {
		if _, err := e.roles.In(c.Tenant()).Get(ctx, role); err != nil {
			return page.Page[Assignment]{}, err
		}
	}
	at := of.tuple()
	p, err := e.pageOf(ctx, c, at.Object, at.Relation, r)
	return page.Map(p, func(t store.Tuple) Assignment {
		return Assignment{Role: role, Org: of.Org, Store: of.Store, Subject: t.Subject, Expires: t.Expires}
	}), err
}

// anyHolder is an assignment of a role, wherever it holds; a role that inherits it has it too. False if nobody
// has it. The tuples of organisations and stores cannot be asked by role, so those of all roles are read.
func (e *Engine) anyHolder(ctx context.Context, t id.Tenant, role string) (held Assignment, found bool, err error) {
	for _, o := range []store.ObjectRef{{Type: typeRole, ID: role}, {Type: typeOrgRole}, {Type: typeStoreRole}} {
		err = e.eachTuple(ctx, t, store.TupleFilter{Object: o, Relation: relAssignee}, func(tu store.Tuple) bool {
			if at, name, ok := placed(tu.Object); ok && name == role {
				held, found = Assignment{Role: role, Org: at.org, Store: at.store, Subject: tu.Subject, Expires: tu.Expires}, true
			}
			return !found
		})
		if found || err != nil {
			break
		}
	}
	return held, found, err
}

// Members lists who belongs directly to a group. A group exists by its members only, so a group that
// nobody has heard of has none.
func (e *Engine) Members(ctx context.Context, c access.Caller, group string, r page.Request) (page.Page[store.SubjectRef], error) {
	if _, err := e.guard.Allow(ctx, c, "group.read", access.Object{Type: "cardea:group", ID: group}); err != nil {
		return page.Page[store.SubjectRef]{}, err
	}
	p, err := e.pageOf(ctx, c, store.ObjectRef{Type: typeGroup, ID: group}, relMember, r)
	return page.Map(p, func(t store.Tuple) store.SubjectRef { return t.Subject }), err
}

// Group is a group by its name, with how many belong to it directly; at most maxCounted are counted.
type Group struct {
	ID      string
	Members int
}

// maxCounted bounds the members of a group that are counted for a list.
const maxCounted = 100

// Groups lists the groups that have members, by name. Each costs one reading of its members.
func (e *Engine) Groups(ctx context.Context, c access.Caller, r page.Request) (page.Page[Group], error) {
	if _, err := e.guard.Allow(ctx, c, "group.read", access.Object{Type: "cardea:group"}); err != nil {
		return page.Page[Group]{}, err
	}
	after, err := openCursor(r.Cursor)
	if err != nil {
		return page.Page[Group]{}, err
	}
	out := page.Page[Group]{Items: []Group{}}
	for {
		found, err := e.nextGroup(ctx, c, after)
		if err != nil || found.ID == "" {
			return out, err
		}
		if len(out.Items) == r.Size() {
			out.Next = sealCursor(after)
			return out, nil
		}
		out.Items = append(out.Items, found)
		after = found.ID
	}
}

// nextGroup is the first group whose name comes after another one; the zero Group if there is none.
func (e *Engine) nextGroup(ctx context.Context, c access.Caller, after string) (Group, error) {
	p := store.TuplePage{Limit: maxCounted}
	if after != "" { // behind every member that the group before can have
		p.After = &store.Tuple{Object: store.ObjectRef{Type: typeGroup, ID: after}, Relation: relMember, Subject: store.SubjectRef{Type: lastText}}
	}
	found, err := e.db.Tuples().ListTuples(ctx, store.OwnTuples(c.Tenant()), store.TupleFilter{Object: store.ObjectRef{Type: typeGroup}}, p)
	if err != nil {
		return Group{}, unavailable(err)
	}
	var g Group
	for _, t := range found {
		if g.ID == "" {
			g.ID = t.Object.ID
		}
		if t.Object.ID != g.ID {
			break
		}
		g.Members++
	}
	return g, nil
}

// lastText sorts behind every type of subject.
const lastText = "\U0010ffff"

// pageOf is a page of the tuples of one relation of one object. The cursor is the last subject of
// the page before: it can say where in this list to go on, and nothing else, so it is not sealed.
// Roles of other roles are not shown: they belong to the role, not to its holders.
func (e *Engine) pageOf(ctx context.Context, c access.Caller, o store.ObjectRef, relation string, r page.Request) (page.Page[store.Tuple], error) {
	p := store.TuplePage{Limit: r.Size() + 1}
	if r.Cursor != "" {
		after, err := parseCursor(r.Cursor)
		if err != nil {
			return page.Page[store.Tuple]{}, err
		}
		p.After = &store.Tuple{Object: o, Relation: relation, Subject: after}
	}
	found, err := e.db.Tuples().ListTuples(ctx, store.OwnTuples(c.Tenant()), store.TupleFilter{Object: o, Relation: relation}, p)
	if err != nil {
		return page.Page[store.Tuple]{}, unavailable(err)
	}
	out := page.Page[store.Tuple]{Items: []store.Tuple{}}
	if len(found) > r.Size() {
		found = found[:r.Size()]
		out.Next = cursorAfter(found[len(found)-1].Subject)
	}
	for _, t := range found {
		if t.Subject.Type != typeRole {
			out.Items = append(out.Items, t)
		}
	}
	return out, nil
}

func cursorAfter(s store.SubjectRef) string {
	b, err := json.Marshal([]string{s.Type, s.ID, s.Relation})
	if err != nil { // text that is not UTF-8, which the store does not keep
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(cursor string) (store.SubjectRef, error) {
	var parts []string
	b, err := strict.Base64URL(cursor)
	if err == nil {
		err = json.Unmarshal(b, &parts)
	}
	if err != nil || len(parts) != 3 {
		return store.SubjectRef{}, errs.New(errs.Invalid, "invalid_cursor", "The cursor does not belong to this list.")
	}
	return store.SubjectRef{Type: parts[0], ID: parts[1], Relation: parts[2]}, nil
}

// Effective lists what a subject may do in the whole tenant, by whichever road; the subject itself
// may ask. A subject that is barred may do nothing, whatever it was given.
func (e *Engine) Effective(ctx context.Context, c access.Caller, s store.SubjectRef, r page.Request) (page.Page[string], error) {
	if _, err := e.guard.Allow(ctx, c, "permission.read", ownedBy(s)); err != nil {
		return page.Page[string]{}, err
	}
	who := Subject{Type: s.Type, ID: s.ID}
	why, err := e.barred(ctx, Request{Tenant: c.Tenant(), Subject: who})
	if why != "" || err != nil {
		return page.Page[string]{Items: []string{}}, err
	}
	return e.Permissions(ctx, c.Tenant(), who, r)
}

// ownedBy is what the guard is asked about when somebody reads what a subject has.
func ownedBy(s store.SubjectRef) access.Object {
	o := access.Object{Type: "cardea:" + s.Type, ID: s.ID}
	if s.Relation == "" && !strings.Contains(s.ID, "*") {
		o.Owner = access.Subject{Type: s.Type, ID: s.ID}
	}
	return o
}

package authz

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/pause"
	"github.com/cardea-auth/cardea/internal/store"
)

// Assignment says that a subject has a role: in the whole tenant, in one organisation, or on one store of
// relation tuples. On a store a role gives what Cardea asks for there, and only that: cardea:authz.check and the like.
type Assignment struct {
	Role    string           `json:"role"`
	Org     string           `json:"org,omitempty"`
	Store   string           `json:"store,omitempty"` // its id
	Subject store.SubjectRef `json:"subject"`
	Expires time.Time        `json:"expires,omitzero"` // zero: never
}

func (a Assignment) tuple() store.Tuple {
	t := assignTuple(a.Role, place{a.Org, a.Store}, a.Subject)
	t.Expires = a.Expires
	return t
}

func (a Assignment) object() access.Object {
	return access.Object{Type: "cardea:role", ID: a.Role, Org: a.Org}
}

// check refuses what the model would not accept, with words of its own.
func (a Assignment) check() error {
	switch {
	case !validName(a.Role):
		return errs.Bad("/role", "must be the name of a role")
	case strings.Contains(a.Org, "/"):
		return errs.Bad("/org", "must be the id of an organisation")
	case a.Store != "" && (a.Org != "" || !id.ValidULID(a.Store)):
		return errs.Bad("/store", "must be the id of a store, and stand without an organisation")
	case a.Subject.ID == "" || len(a.Subject.ID) > maxID || a.Subject.ID == "*":
		return errs.Bad("/subject/id", "must have 1 to %d bytes and not be *", maxID)
	}
	switch a.Subject.Type {
	case access.TypeUser, access.TypeService:
		if a.Subject.Relation == "" {
			return nil
		}
	case typeGroup:
		if a.Subject.Relation == relMember {
			return nil
		}
		return errs.Bad("/subject", "is a group: did you mean %s:%s#%s", typeGroup, a.Subject.ID, relMember)
	}
	return errs.Bad("/subject", "must be a user, a service or group#member")
}

// who names the subject, and where the place, in sentences.
func (a Assignment) who() string {
	if a.Subject.Relation == "" || a.Subject.Type == typeRole {
		return a.Subject.Type + ":" + a.Subject.ID
	}
	return a.Subject.Type + ":" + a.Subject.ID + "#" + a.Subject.Relation
}

func (a Assignment) where() string {
	switch {
	case a.Org != "":
		return "in organisation " + a.Org
	case a.Store != "":
		return "on store " + a.Store
	}
	return "in the whole tenant"
}

// How often Assign tries, and between which bounds its random pauses grow: about a second together, in which a
// few hundred who give one role get their turn.
const (
	assignTries   = 10
	firstPause    = 4 * time.Millisecond
	greatestPause = 512 * time.Millisecond
)

// Assign gives a role. Cardea's own roles may be given too, by somebody who holds them. Those who give one role at
// the same time wait for each other, see hold.
func (e *Engine) Assign(ctx context.Context, c access.Caller, a Assignment) (store.Receipt, error) {
	for try := 1; ; try++ {
		receipt, err := e.assign(ctx, c, a)
		if errs.CodeOf(err) != "changed_meanwhile" || try == assignTries {
			return receipt, err
		}
		if err := pause.For(ctx, rand.N(min(firstPause<<try, greatestPause))); err != nil {
			return store.Receipt{}, unavailable(err)
		}
	}
}

func (e *Engine) assign(ctx context.Context, c access.Caller, a Assignment) (store.Receipt, error) {
	permit, held, err := e.mayAssign(ctx, c, a)
	if err != nil {
		return store.Receipt{}, err
	}
	return e.db.Commit(ctx, store.Batch{
		Permit: permit, Docs: held, Tuples: []store.TupleOp{store.WriteTuple(a.tuple())},
		Events: []store.Event{a.event("role.assigned")},
	})
}

// Unassign takes a role back, also one that is gone: databases of before DeleteRole looked everywhere have
// holders of such. The last administrator of the platform cannot be removed.
func (e *Engine) Unassign(ctx context.Context, c access.Caller, a Assignment) (store.Receipt, error) {
	permit, err := e.mayUnassign(ctx, c, a)
	if err != nil {
		return store.Receipt{}, err
	}
	if err := e.keepLastAdmin(ctx, c, a); err != nil {
		return store.Receipt{}, err
	}
	return e.db.Commit(ctx, store.Batch{
		Permit: permit, Tuples: []store.TupleOp{store.DeleteTuple(a.tuple())},
		Events: []store.Event{a.event("role.unassigned")},
	})
}

func (a Assignment) event(kind string) store.Event {
	e := store.Event{Kind: kind, Object: a.object(), Public: map[string]string{
		"role": a.Role, "subject": a.Subject.Type + ":" + a.Subject.ID,
	}}
	if a.Store != "" {
		e.Public["store"] = a.Store
	}
	if a.Subject.Relation != "" {
		e.Public["subject"] += "#" + a.Subject.Relation
	}
	if a.Subject.Type == access.TypeUser {
		e.Person = a.Subject.ID
	}
	return e
}

// mayAssign permits an assignment, and holds the role that is to be given. Cardea's own are always there.
func (e *Engine) mayAssign(ctx context.Context, c access.Caller, a Assignment) (access.Permit, []store.DocOp, error) {
	permit, role, err := e.mayChange(ctx, c, "role.assign", a)
	if err != nil || role == nil {
		return permit, nil, err
	}
	return permit, []store.DocOp{e.hold(ctx, c.Tenant(), role)}, nil
}

func (e *Engine) mayUnassign(ctx context.Context, c access.Caller, a Assignment) (access.Permit, error) {
	permit, _, err := e.mayChange(ctx, c, "role.unassign", a)
	if errs.Is(err, errs.NotFound) { // then it permits nothing that c might lack
		_, held, lookErr := e.anyHolder(ctx, c.Tenant(), a.Role)
		if lookErr != nil || held {
			return permit, lookErr
		}
	}
	return permit, err
}

// mayChange permits an action on an assignment and reads its role; nil for Cardea's own. A role that is missing
// is NotFound, with the permit.
func (e *Engine) mayChange(ctx context.Context, c access.Caller, action access.Action, a Assignment) (access.Permit, *Role, error) {
	if err := a.check(); err != nil {
		return access.Permit{}, nil, err
	}
	permit, err := e.guard.Allow(ctx, c, action, a.object())
	if err != nil {
		return access.Permit{}, nil, err
	}
	if strings.HasPrefix(a.Role, ownPrefix) {
		return permit, nil, e.mayGiveOwn(ctx, c, a)
	}
	role, err := e.roles.In(c.Tenant()).Get(ctx, a.Role)
	if err != nil {
		return permit, nil, err
	}
	return permit, role, e.mayGive(ctx, c, role)
}

// mayGiveOwn lets Cardea's own roles be given only by somebody who holds as much: the administrator
// role demands an action that only administrators may do.
func (e *Engine) mayGiveOwn(ctx context.Context, c access.Caller, a Assignment) error {
	switch a.Role {
	case AdminRole:
		_, err := e.guard.Allow(ctx, c, "role.assign_administrator", a.object())
		return err
	case ViewerRole:
		return nil
	}
	return errs.Missing("role")
}

// keepLastAdmin refuses to take the administrator role from its last direct holder in the system
// tenant. Only the machine's operator can do without one.
func (e *Engine) keepLastAdmin(ctx context.Context, c access.Caller, a Assignment) error {
	if c.Tenant() != id.System || a.Role != AdminRole || a.Org != "" || a.Store != "" || c.Subject().Type == access.TypeOperator {
		return nil
	}
	held, err := e.db.Tuples().ListTuples(ctx, store.OwnTuples(id.System),
		store.TupleFilter{Object: store.ObjectRef{Type: typeRole, ID: AdminRole}, Relation: relAssignee}, store.TuplePage{Limit: 2})
	if err != nil {
		return unavailable(err)
	}
	if len(held) < 2 && len(held) > 0 && held[0].Subject == a.Subject {
		return errs.New(errs.Precondition, "last_administrator", "This is the last administrator of the platform; make another one first.")
	}
	return nil
}

// AdminTuples are the tuples that make a user an administrator of the tenant they are written in.
func AdminTuples(userID string) []store.TupleOp {
	return []store.TupleOp{store.WriteTuple(assignTuple(AdminRole, place{}, store.SubjectRef{Type: access.TypeUser, ID: userID}))}
}

// Promised is what gives a user a role in an organisation that was promised at a time, as Assign would. A role that
// was deleted since, or made after that time under the same name, is not the one that was promised: NotFound.
func (e *Engine) Promised(ctx context.Context, t id.Tenant, user string, of Assignment, at time.Time) (store.Batch, error) {
	of.Subject = store.SubjectRef{Type: access.TypeUser, ID: user}
	b := store.Batch{Tuples: []store.TupleOp{store.WriteTuple(of.tuple())}}
	if strings.HasPrefix(of.Role, ownPrefix) {
		return b, nil
	}
	r, err := e.roles.In(t).Get(ctx, of.Role)
	if errs.Is(err, errs.NotFound) || err == nil && r.Created.After(at) {
		return store.Batch{}, errs.New(errs.NotFound, "role_gone", "The role that was promised does not exist any more; ask to be invited again.")
	}
	if err != nil {
		return store.Batch{}, err
	}
	b.Docs = []store.DocOp{e.hold(ctx, t, r)}
	return b, nil
}

// Assignments lists the roles given directly to a subject, which may ask too.
func (e *Engine) Assignments(ctx context.Context, c access.Caller, s store.SubjectRef) ([]Assignment, error) {
	if _, err := e.guard.Allow(ctx, c, "role.read", ownedBy(s)); err != nil {
		return nil, err
	}
	return e.assigned(ctx, c.Tenant(), s, func(Assignment) bool { return true })
}

// RolesInOrg are the tuples that a user holds in an organisation, to be deleted when it leaves.
func (e *Engine) RolesInOrg(ctx context.Context, t id.Tenant, userID, org string) ([]store.TupleOp, error) {
	held, err := e.assigned(ctx, t, store.SubjectRef{Type: access.TypeUser, ID: userID}, func(a Assignment) bool { return a.Org == org })
	ops := make([]store.TupleOp, len(held))
	for i, a := range held {
		ops[i] = store.DeleteTuple(a.tuple())
	}
	return ops, err
}

func (e *Engine) assigned(ctx context.Context, t id.Tenant, s store.SubjectRef, want func(Assignment) bool) ([]Assignment, error) {
	var out []Assignment
	err := e.eachTuple(ctx, t, store.TupleFilter{Subject: s}, func(tu store.Tuple) bool {
		at, role, ok := placed(tu.Object)
		if a := (Assignment{Role: role, Org: at.org, Store: at.store, Subject: tu.Subject, Expires: tu.Expires}); ok && want(a) {
			out = append(out, a)
		}
		return true
	})
	return out, err
}

// eachTuple calls do for every tuple of the tenant's own that the filter names, until it returns false.
func (e *Engine) eachTuple(ctx context.Context, t id.Tenant, f store.TupleFilter, do func(store.Tuple) bool) error {
	for p := (store.TuplePage{Limit: store.MaxTuples}); ; {
		found, err := e.db.Tuples().ListTuples(ctx, store.OwnTuples(t), f, p)
		if err != nil {
			return unavailable(err)
		}
		for _, tu := range found {
			if !do(tu) {
				return nil
			}
		}
		if len(found) < p.Limit {
			return nil
		}
		p.After = &found[len(found)-1]
	}
}

// SetMember adds a user, service or group#member to a group, or removes it.
func (e *Engine) SetMember(ctx context.Context, c access.Caller, group string, s store.SubjectRef, member bool) (store.Receipt, error) {
	permit, err := e.guard.Allow(ctx, c, "group.change", access.Object{Type: "cardea:group", ID: group})
	if err != nil {
		return store.Receipt{}, err
	}
	if !validName(group) {
		return store.Receipt{}, errs.Bad("/group", "must be 1 to 100 of letters, digits and _ - . :").Breaks(errs.Identifier, errs.Between(1, 100))
	}
	if err := (Assignment{Role: group, Subject: s}).check(); err != nil {
		return store.Receipt{}, err
	}
	t := tuple(typeGroup, group, relMember, s)
	kind := "group.member_added"
	op := store.WriteTuple(t)
	if !member {
		kind, op = "group.member_removed", store.DeleteTuple(t)
	}
	return e.db.Commit(ctx, store.Batch{
		Permit: permit, Tuples: []store.TupleOp{op},
		Events: []store.Event{{Kind: kind, Public: map[string]string{"subject": s.Type + ":" + s.ID}}},
	})
}

package access

import (
	"cmp"
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

// FreshFor is how long ago a person may have proved itself for an action whose rule says Fresh.
const FreshFor = 15 * time.Minute

// Object is what an action is done to.
type Object struct {
	Type, ID string
	Owner    Subject // whom it belongs to, for rules that say Own; the zero Subject owns nothing
	Org      string  // the organisation it belongs to, if any
}

// Request is a question to the Decider: may Caller do Action to Object, in the caller's tenant?
type Request struct {
	Caller Caller
	Action Action
	Object Object
}

// Decision is the answer. The zero Decision denies.
type Decision struct {
	Allow  bool
	Reason string // one sentence, for the audit log and for administrators
	// Outranked says that the permission is there, and that it would put the caller into the place of
	// a subject who may do more; see Rule.Takes.
	Outranked bool
	Revision  uint64 // of the relation tuples that were looked at
}

// Decider decides about Cardea's own administration. Wiring gives the guard the same engine that
// answers applications. An error is never an allow.
type Decider interface {
	DecideAccess(context.Context, Request) (Decision, error)
}

// Guard turns a Caller into a Permit. It is the only maker of Permits.
type Guard struct {
	decider Decider
	now     func() time.Time
}

// NewGuard makes a guard. A nil decider denies all that no rule opens.
func NewGuard(d Decider, now func() time.Time) *Guard { return &Guard{decider: d, now: now} }

// Use gives the guard its decider, which itself needs a guard for the administration of roles. It is
// called once by wiring, before the first request.
func (g *Guard) Use(d Decider) { g.decider = d }

// Permit is the proof that a guard allowed one action on one object. The zero Permit is refused by
// the store.
type Permit struct {
	by     Caller
	action Action
	on     Object
	reason string
}

// Valid reports whether a guard made the permit.
func (p Permit) Valid() bool { return p.action != "" && p.by.tenant != "" }

// By is who was allowed.
func (p Permit) By() Caller { return p.by }

// Action is what was allowed.
func (p Permit) Action() Action { return p.action }

// On is what it was allowed on.
func (p Permit) On() Object { return p.on }

// Reason says why it was allowed.
func (p Permit) Reason() string { return p.reason }

// Routine reports whether the permit may be used without an event.
func (p Permit) Routine() bool { return rules(p.action).Routine }

// Allow asks whether c may do a to on. It returns a Permit, or an *errs.Error: Unauthenticated when
// nobody is known, Denied with the missing permission, scope or fresh proof, Unavailable when the
// engine does not answer.
func (g *Guard) Allow(ctx context.Context, c Caller, a Action, on Object) (Permit, error) {
	if c.tenant == "" {
		return Permit{}, errs.New(errs.Internal, "", "")
	}
	if c.internal() {
		return Permit{by: c, action: a, on: on, reason: c.subject.Type}, nil
	}
	if c.IsAnonymous() {
		return Permit{}, errs.New(errs.Unauthenticated, "token_missing", "Sign in first.")
	}
	rule := rules(a)
	own := rule.Own && on.Owner == c.subject && c.home == c.tenant
	if err := g.checkScope(c, rule, own); err != nil {
		return Permit{}, err
	}
	if err := g.checkFresh(c, rule); err != nil {
		return Permit{}, err
	}
	if own {
		return Permit{by: c, action: a, on: on, reason: "own " + on.Type}, nil
	}
	return g.decide(ctx, c, a, on)
}

// Open makes a Permit for an action whose proof is the artefact that the request carries. An action
// whose rule does not say Open is refused, whoever asks.
func (g *Guard) Open(c Caller, a Action, on Object) (Permit, error) {
	if c.tenant == "" || !rules(a).Open {
		return Permit{}, errs.New(errs.Denied, "permission_missing", "This is not open to everybody.")
	}
	return Permit{by: c, action: a, on: on, reason: "open"}, nil
}

// Task makes a Permit for a background task of this server.
func (g *Guard) Task(t id.Tenant, a Action) Permit {
	return Permit{by: System(t, string(a)), action: a, reason: "task"}
}

func (g *Guard) decide(ctx context.Context, c Caller, a Action, on Object) (Permit, error) {
	if g.decider == nil {
		return Permit{}, denied(a)
	}
	d, err := g.decider.DecideAccess(ctx, Request{Caller: c, Action: a, Object: on})
	if err != nil {
		return Permit{}, errs.Busy(time.Second, err, "decision_unavailable", "Access could not be decided just now.")
	}
	if d.Outranked {
		return Permit{}, errs.New(errs.Denied, "outranked", "It belongs to somebody who may do more here than you.")
	}
	if !d.Allow {
		return Permit{}, denied(a)
	}
	return Permit{by: c, action: a, on: on, reason: d.Reason}, nil
}

func (g *Guard) checkScope(c Caller, r Rule, own bool) error {
	if c.HasScope(ScopeAdmin) || own && c.HasScope(ScopeAccount) || r.Scope != "" && c.HasScope(r.Scope) {
		return nil
	}
	scope := cmp.Or(r.Scope, ScopeAdmin)
	if own {
		scope = ScopeAccount
	}
	e := errs.New(errs.Denied, "insufficient_scope", "The credential lacks the scope %s.", scope)
	e.Missing = scope
	return e
}

func (g *Guard) checkFresh(c Caller, r Rule) error {
	if !r.Fresh || c.subject.Type != TypeUser {
		return nil
	}
	// A key or a long-lived token has no person behind it now: its At is zero and it is refused.
	if g.now().Sub(c.proof.At) <= FreshFor {
		return nil
	}
	return errs.New(errs.Denied, "insufficient_user_authentication", "Sign in again to do this.")
}

func denied(a Action) error {
	e := errs.New(errs.Denied, "permission_missing", "You need the permission %s.", a)
	e.Missing = string(a)
	return e
}

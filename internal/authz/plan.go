package authz

import (
	"context"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// Plan says which engines answer questions about a type of resource. Where a tenant has none, its roles
// answer, and nothing else is looked at.
type Plan struct {
	Roles    bool     `json:"roles,omitzero"`
	Policies []string `json:"policies,omitzero"` // names of policy sets, of which the active versions decide
	// Store is the id of a store of relation tuples. The type of the resource is one of its model, and so
	// is that of the subject.
	Store string `json:"store,omitzero"`
	// Relations say which relation of the store an action asks for. About others the store says nothing.
	Relations map[string]string `json:"relations,omitzero"`
	// Points are names of decision points outside, which are asked in turn where no other engine has
	// permitted or forbidden.
	Points []string `json:"points,omitzero"`
}

// AnyType is the plan for types of resources that have none of their own.
const AnyType = "*"

// plans are all plans of a tenant, in one document: a decision reads it from the cache.
type plans struct {
	store.Meta
	Types map[string]Plan `json:"types,omitzero"`
	Log   LogSettings     `json:"log,omitzero"`
}

// plansID is the one document of the kind.
const plansID = "plans"

func plansKind() store.Kind[plans] {
	return store.Kind[plans]{
		Name: "decision_plan", Noun: "decision plan",
		Meta:        func(p *plans) *store.Meta { return &p.Meta },
		KeepAbsence: true, // so that decisions of a tenant without plans read no storage
	}
}

// Bounds of plans.
const (
	maxPlans       = 200
	maxPlanSets    = 10
	maxPlanActions = 200
	maxPlanPoints  = 3
)

// plansOf are the plans of a tenant, shared and not to be changed; nil if it has none.
func (e *Engine) plansOf(ctx context.Context, t id.Tenant) (*plans, error) {
	if t == id.System { // the platform itself is ruled by roles alone
		return nil, nil
	}
	return e.plans.In(t).ViewIf(ctx, plansID)
}

// planOf is the plan for a question; false if roles answer it alone. Policies and stores of a tenant have
// no say in what is Cardea's own: its permissions, and who has a role.
func (e *Engine) planOf(ctx context.Context, r Request) (Plan, bool, error) {
	if strings.HasPrefix(r.Action.Name, ownPrefix) || strings.HasPrefix(r.Resource.Type, ownPrefix) || r.Resource.Type == typeRole {
		return Plan{}, false, nil
	}
	if s := r.Options.Suppose; s != nil && s.Plan != nil && r.Tenant != id.System {
		return *s.Plan, true, nil
	}
	doc, err := e.plansOf(ctx, r.Tenant)
	if doc == nil || err != nil {
		return Plan{}, false, err
	}
	p, ok := doc.Types[r.Resource.Type]
	if !ok {
		p, ok = doc.Types[AnyType]
	}
	return p, ok, nil
}

// NamedPlan is a plan with the type that it is for.
type NamedPlan struct {
	Type string
	Plan
}

func planObject(resourceType string) access.Object {
	return access.Object{Type: "cardea:decision_plan", ID: resourceType}
}

// Plans lists the plans of a tenant by type.
func (e *Engine) Plans(ctx context.Context, c access.Caller) ([]NamedPlan, error) {
	if _, err := e.guard.Allow(ctx, c, "plan.read", planObject("")); err != nil {
		return nil, err
	}
	doc, err := e.plans.In(c.Tenant()).Get(ctx, plansID)
	if errs.Is(err, errs.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []NamedPlan
	for name, p := range doc.Types {
		out = append(out, NamedPlan{name, p})
	}
	slices.SortFunc(out, func(a, b NamedPlan) int { return strings.Compare(a.Type, b.Type) })
	return out, nil
}

// SetPlan says which engines answer questions about a type of resource, at once.
func (e *Engine) SetPlan(ctx context.Context, c access.Caller, resourceType string, p Plan) error {
	permit, err := e.guard.Allow(ctx, c, "plan.write", planObject(resourceType))
	if err != nil {
		return err
	}
	if err := e.checkPlan(ctx, c.Tenant(), resourceType, p); err != nil {
		return err
	}
	return e.changePlans(ctx, permit, func(doc *plans) (store.Event, error) {
		if _, there := doc.Types[resourceType]; !there && len(doc.Types) >= maxPlans {
			return store.Event{}, errs.New(errs.Precondition, "too_many_plans", "A tenant has at most %d decision plans.", maxPlans)
		}
		if doc.Types == nil {
			doc.Types = map[string]Plan{}
		}
		doc.Types[resourceType] = p
		return store.Event{Kind: "plan.set", Public: map[string]string{"engines": strings.Join(p.engines(), " ")}}, nil
	})
}

// RemovePlan has the plan for any type, or else roles alone, answer questions about a type again.
func (e *Engine) RemovePlan(ctx context.Context, c access.Caller, resourceType string) error {
	permit, err := e.guard.Allow(ctx, c, "plan.write", planObject(resourceType))
	if err != nil {
		return err
	}
	return e.changePlans(ctx, permit, func(doc *plans) (store.Event, error) {
		if _, there := doc.Types[resourceType]; !there {
			return store.Event{}, errs.Missing("decision plan")
		}
		delete(doc.Types, resourceType)
		return store.Event{Kind: "plan.removed"}, nil
	})
}

// changePlans changes the one document, or writes it where there is none.
func (e *Engine) changePlans(ctx context.Context, permit access.Permit, change func(*plans) (store.Event, error)) error {
	in := e.plans.In(permit.By().Tenant())
	alter := func(doc *plans) (store.Batch, error) {
		event, err := change(doc)
		return store.Batch{Permit: permit, Events: []store.Event{event}}, err
	}
	_, err := in.Get(ctx, plansID)
	if errs.Is(err, errs.NotFound) {
		first := &plans{Meta: store.Meta{ID: plansID}}
		batch, err := alter(first)
		if err != nil {
			return err
		}
		batch.Docs = []store.DocOp{in.Insert(ctx, first)}
		if _, err = e.db.Commit(ctx, batch); errs.CodeOf(err) != "already_exists" { // else somebody was faster
			return err
		}
	} else if err != nil {
		return err
	}
	_, err = in.Update(ctx, plansID, alter)
	return err
}

// engines are the names of the engines of a plan, as answers tell them.
func (p Plan) engines() []string {
	var out []string
	for _, set := range p.Policies {
		out = append(out, enginePolicies+set)
	}
	if p.Roles {
		out = append(out, engineRoles)
	}
	if p.Store != "" {
		out = append(out, engineStore+p.Store)
	}
	for _, name := range p.Points {
		out = append(out, enginePoint+name)
	}
	return out
}

func (e *Engine) checkPlan(ctx context.Context, t id.Tenant, resourceType string, p Plan) error {
	switch {
	case t == id.System:
		return errs.New(errs.Precondition, "system_tenant", "The tenant of the platform itself is ruled by roles alone.")
	case resourceType == "" || len(resourceType) > maxName || strings.HasPrefix(resourceType, ownPrefix) || resourceType == typeRole:
		return errs.Bad("/type", "must be a type of resource, or * for all others, and not one of Cardea's own")
	case len(p.engines()) == 0:
		return errs.Bad("/roles", "must be true where no other engine is named: somebody has to answer")
	case len(p.Policies) > maxPlanSets:
		return errs.Bad("/policies", "must not be more than %d", maxPlanSets)
	case p.Store == "" && len(p.Relations) > 0, p.Store != "" && len(p.Relations) == 0, len(p.Relations) > maxPlanActions:
		return errs.Bad("/relations", "must say for a store, and only for one, which relation each action asks for, at most %d", maxPlanActions)
	case p.Store != "" && resourceType == AnyType:
		return errs.Bad("/store", "cannot answer for all types at once: its model has types of its own")
	}
	for i, set := range p.Policies {
		if slices.Contains(p.Policies[:i], set) {
			return errs.Bad("/policies", "must not name a set twice")
		}
		if e.policies == nil {
			return errs.Bad("/policies", "cannot be asked here")
		}
		if err := e.policies.Active(ctx, t, set); err != nil {
			return err
		}
	}
	if err := e.checkPlanPoints(ctx, t, p.Points); err != nil || p.Store == "" {
		return err
	}
	return e.checkPlanStore(ctx, t, resourceType, p)
}

func (e *Engine) checkPlanPoints(ctx context.Context, t id.Tenant, names []string) error {
	if len(names) > maxPlanPoints || len(names) > 0 && e.points == nil {
		return errs.Bad("/points", "must not be more than %d", maxPlanPoints)
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return errs.Bad("/points", "must not name a decision point twice")
		}
		if err := e.points.Known(ctx, t, name); err != nil {
			return err
		}
	}
	return nil
}

// checkPlanStore refuses relations that the model does not have now. A model may change later: then the
// store fails to answer, which denies.
func (e *Engine) checkPlanStore(ctx context.Context, t id.Tenant, resourceType string, p Plan) error {
	if e.stores == nil {
		return errs.Bad("/store", "cannot be asked here")
	}
	known, err := e.stores.RelationsOf(ctx, StoreAt{Tenant: t, Store: p.Store}, resourceType)
	if err != nil {
		return err
	}
	for action, relation := range p.Relations {
		if action == "" || len(action) > maxName || !slices.Contains(known, relation) {
			return errs.Bad("/relations", "must name relations that the model of the store has for the type")
		}
	}
	return nil
}

// InUse reports whether a plan of the tenant names a policy set.
func (e *Engine) InUse(ctx context.Context, t id.Tenant, set string) (bool, error) {
	return e.anyPlan(ctx, t, func(p Plan) bool { return slices.Contains(p.Policies, set) })
}

// PointInUse reports whether a plan of the tenant names a decision point.
func (e *Engine) PointInUse(ctx context.Context, t id.Tenant, name string) (bool, error) {
	return e.anyPlan(ctx, t, func(p Plan) bool { return slices.Contains(p.Points, name) })
}

func (e *Engine) anyPlan(ctx context.Context, t id.Tenant, is func(Plan) bool) (bool, error) {
	doc, err := e.plans.In(t).Get(ctx, plansID)
	if errs.Is(err, errs.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, p := range doc.Types {
		if is(p) {
			return true, nil
		}
	}
	return false, nil
}

package manage

import (
	"context"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// DecisionPlan says which engines answer questions about a type of resource.
type DecisionPlan struct {
	Type      string            `json:"type" doc:"* is for all types that have none of their own"`
	Roles     bool              `json:"roles"`
	Policies  []string          `json:"policies,omitzero"`
	Store     string            `json:"store,omitzero"`
	Relations map[string]string `json:"relations,omitzero"`
	Points    []string          `json:"points,omitzero"`
}

func showPlan(p authz.NamedPlan) DecisionPlan {
	return DecisionPlan{Type: p.Type, Roles: p.Roles, Policies: p.Policies, Store: p.Store, Relations: p.Relations, Points: p.Points}
}

// NewDecisionPlan is a plan to be set.
type NewDecisionPlan struct {
	Roles     bool              `json:"roles,omitzero" doc:"the tenant's own roles permit"`
	Policies  []string          `json:"policies,omitzero" max:"10" doc:"names of policy sets, whose active versions forbid and permit"`
	Store     string            `json:"store,omitzero" max:"26" doc:"id of a store, whose tuples permit"`
	Relations map[string]string `json:"relations,omitzero" max:"200" doc:"which relation of the store each action asks for"`
	Points    []string          `json:"points,omitzero" max:"3" doc:"names of decision points outside, asked in turn where no other engine has permitted or forbidden"`
}

func (a *API) decisionPlans() []rest.Operation {
	const group = "Decision plans"
	type ofType struct {
		within
		Type string `path:"type" max:"256"`
	}
	set := administers("PUT /api/plans/{type}", "plan.set", "plan.write", group, "Say which engines answer questions about a type of resource")
	return []rest.Operation{
		endpoint(a, administers("GET /api/plans", "plan.list", "plan.read", group, "List decision plans"),
			func(ctx context.Context, c access.Caller, _ within) (many[DecisionPlan], error) {
				plans, err := a.Decisions.Plans(ctx, c)
				return collect(plans, err, showPlan)
			}),
		endpoint(a, refusing(set, errs.Precondition), func(ctx context.Context, c access.Caller, in struct {
			ofType
			Body NewDecisionPlan `body:"json"`
		}) (DecisionPlan, error) {
			p := authz.Plan{Roles: in.Body.Roles, Policies: in.Body.Policies, Store: in.Body.Store, Relations: in.Body.Relations, Points: in.Body.Points}
			if err := a.Decisions.SetPlan(ctx, c, in.Type, p); err != nil {
				return DecisionPlan{}, err
			}
			return showPlan(authz.NamedPlan{Type: in.Type, Plan: p}), nil
		}),
		endpoint(a, administers("DELETE /api/plans/{type}", "plan.remove", "plan.write", group, "Take a decision plan away"),
			func(ctx context.Context, c access.Caller, in ofType) (rest.None, error) {
				return done(a.Decisions.RemovePlan(ctx, c, in.Type))
			}),
	}
}

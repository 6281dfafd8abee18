package authz

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/policy"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// combination answers one question by the engines of a plan. The rule is one: whatever forbids denies,
// else whatever permits allows, else it is denied. An engine that cannot answer denies, and is named.
type combination struct {
	*Engine
	request  Request
	plan     Plan
	facts    *facts
	decision Decision

	forbids, failed, permits, near []Reason
	asksAuthentication             bool
}

// combine asks policies first, because they may forbid. Roles and the store are not asked once a policy
// permits, unless an explanation is wanted.
func (e *Engine) combine(ctx context.Context, r Request, p Plan) (Decision, error) {
	c := &combination{Engine: e, request: r, plan: p, facts: &facts{Engine: e, request: r}}
	c.decision.Basis = Basis{Planned: true, Store: p.Store}
	for _, set := range p.Policies {
		if err := c.askPolicies(ctx, set); err != nil {
			return Decision{}, err
		}
	}
	denied := len(c.forbids)+len(c.failed) > 0
	if denied && !c.asksAuthentication || !denied && len(c.permits) > 0 && !r.Options.Explain {
		return c.answer(), nil
	}
	if err := c.askGraphs(ctx); err != nil {
		return Decision{}, err
	}
	if err := c.askPoints(ctx); err != nil {
		return Decision{}, err
	}
	d := c.answer()
	if !d.Allow && c.asksAuthentication {
		var err error
		if d.StepUp, err = c.advise(ctx); err != nil {
			return Decision{}, err
		}
	}
	return d, nil
}

// askPolicies notes what a set says.
func (c *combination) askPolicies(ctx context.Context, set string) error {
	name := enginePolicies + set
	v, version, err := c.judge(ctx, set, c.request.Options.Environment.Authentication, c.request.Options.Explain)
	if err != nil {
		return c.fail(ctx, name, err)
	}
	if c.decision.Basis.Policies == nil {
		c.decision.Basis.Policies = map[string]int{}
	}
	c.decision.Basis.Policies[set] = version
	c.asksAuthentication = c.asksAuthentication || v.AsksAuthentication
	which := "version " + strconv.Itoa(version)
	if version == 0 {
		which = "a draft"
	}
	cite := func(kind string, cited policy.Cited, text string) Reason {
		return Reason{
			Kind: kind, Engine: name, Version: version, Policy: cited.Policy, Line: cited.Line, Values: c.shown(cited.Values),
			Text: fmt.Sprintf("Policy %s (line %d of %s, %s) %s.", cited.Policy, cited.Line, set, which, text),
		}
	}
	for _, cited := range v.Determining {
		if v.Effect == policy.Forbid {
			c.forbids = append(c.forbids, cite(kindForbidden, cited, "forbids it"))
		} else {
			c.permits = append(c.permits, cite(kindPolicy, cited, "permits it"))
		}
	}
	for _, cited := range v.Failed {
		c.failed = append(c.failed, cite(KindFailed, cited, "may forbid it and could not be evaluated: "+cited.Error))
	}
	for _, cited := range v.Near {
		text := "would permit it if its conditions held"
		if cited.Error != "" {
			text = "would permit it but could not be evaluated: " + cited.Error
		}
		c.near = append(c.near, cite(kindCondition, cited, text))
	}
	return nil
}

// shown are the values that whoever asks may see. Without permission to read accounts those are what the
// question itself says, and no attribute of an account, by whichever way a policy came to it.
func (c *combination) shown(values map[string]string) map[string]string {
	hide := c.request.Options.Hide
	if !hide.Accounts || values == nil {
		return values
	}
	out := map[string]string{}
	for name, v := range values {
		of, attribute, _ := strings.Cut(name, ".")
		deep := strings.Contains(attribute, ".")
		switch {
		case attribute == "id", of == "principal" && !deep && !hide.Subject, of == "resource" && !deep && !isOwnType(c.request.Resource.Type),
			of == "context" && !deep, strings.HasPrefix(name, "context.environment."), strings.HasPrefix(name, "context.authentication."):
			out[name] = v
		}
	}
	return out
}

// judge puts the question to a set.
func (c *combination) judge(ctx context.Context, set string, a *Authentication, explain bool) (policy.Verdict, int, error) {
	r := c.request
	subject, err := r.Subject.entity()
	if err != nil {
		return policy.Verdict{}, 0, err
	}
	resource, err := r.Resource.entity()
	if err != nil {
		return policy.Verdict{}, 0, err
	}
	q := policy.Question{
		Subject: subject, Resource: resource, Action: r.Action.Name, ActionProperties: r.Action.Properties, Context: r.Context,
		Environment: policy.Environment{Time: c.moment(r), Address: r.Options.Environment.Address}, Facts: c.facts,
	}
	if a != nil {
		q.Authentication = &policy.Authentication{Strength: int(a.Strength), ACR: c.acr(a.Strength), Age: max(0, q.Environment.Time.Sub(a.At))}
	}
	use := policy.Use{Set: set}
	if r.Options.Suppose != nil {
		use = r.Options.Suppose.use(set)
	}
	return c.policies.Judge(ctx, r.Tenant, use, q, explain)
}

// askGraphs notes what roles and the store say.
func (c *combination) askGraphs(ctx context.Context) error {
	if c.plan.Roles {
		var d Decision
		view, err := c.facts.roles(ctx)
		if err == nil {
			d, err = c.inView(ctx, c.request, view)
		}
		if err != nil {
			if err := c.fail(ctx, engineRoles, err); err != nil {
				return err
			}
		}
		c.note(d.Allow, engineRoles, d.Reasons)
		if !d.Allow {
			c.decision.Missing = d.Missing
		}
	}
	if c.plan.Store == "" {
		return nil
	}
	return c.askStore(ctx)
}

// note takes over what an engine says.
func (c *combination) note(allow bool, engine string, reasons []Reason) {
	for _, r := range reasons {
		r.Engine = engine
		if allow {
			c.permits = append(c.permits, r)
		} else {
			c.near = append(c.near, r)
		}
	}
}

// askStore notes what the store says to the relation that the action asks for.
func (c *combination) askStore(ctx context.Context) error {
	name := engineStore + c.plan.Store
	relation, ok := c.plan.Relations[c.request.Action.Name]
	if !ok {
		c.note(false, name, []Reason{{Kind: kindNotGranted, Permission: c.request.Action.Name, Text: "The plan maps the action to no relation of the store."}})
		return nil
	}
	q := graph.Query{
		Object: graph.Object{Type: c.request.Resource.Type, ID: c.request.Resource.ID}, Relation: relation,
		Subject: graph.Subject{Type: c.request.Subject.Type, ID: c.request.Subject.ID}, Context: c.request.Context,
		Explain: c.request.Options.Explain && !c.request.Options.Hide.Tuples,
	}
	asked, err := c.stores.Check(ctx, c.request.storeAt(c.plan), q)
	if err != nil {
		return c.fail(ctx, name, err)
	}
	c.decision.Basis.Model, c.decision.Basis.StoreRevision, c.decision.Basis.StoreOwn = asked.Model, asked.Revision, asked.Own
	c.decision.Basis.Assumed += asked.Assumed
	c.note(asked.Allowed, name, []Reason{asked.reason(name, q)})
	return nil
}

func paths(all []graph.Tuple) []string {
	var out []string
	for _, t := range all {
		out = append(out, t.String())
	}
	return out
}

// fail notes that an engine could not answer. What is wrong with the question itself, or will be right
// in a moment, is told as an error instead; neither is ever an allow.
func (c *combination) fail(ctx context.Context, engine string, err error) error {
	e := errs.From(err)
	if e.Kind == errs.Invalid && len(e.Fields) > 0 || e.Code == "revision_not_reached" || e.Code == "history_not_kept" || e.Code == "past_of_both" || ctx.Err() != nil {
		return err
	}
	c.failed = append(c.failed, Reason{Kind: KindFailed, Engine: engine, Text: fmt.Sprintf("%s could not answer: %s", engine, cmp.Or(e.Text, "it failed."))})
	return nil
}

// answer applies the rule.
func (c *combination) answer() Decision {
	d := c.decision
	if c.facts.view != nil {
		d.Revision = c.facts.view.Revision()
		if s := c.request.Options.Suppose; s != nil && s.Past != nil && s.Past.Revision > 0 {
			d.Revision = s.Past.Revision
		}
	}
	d.Basis.Assumed += c.facts.assumed
	d.Allow = len(c.forbids) == 0 && len(c.failed) == 0 && len(c.permits) > 0
	switch {
	case d.Allow:
		d.Reasons, d.Missing = c.permits, nil
	case len(c.forbids)+len(c.failed) > 0:
		d.Reasons, d.Missing = append(c.forbids, c.failed...), nil
	case len(c.near) > 0:
		d.Reasons = c.near
	default:
		d.Reasons = []Reason{{Kind: kindNotGranted, Permission: c.request.Action.Name, Text: "No policy permits " + c.request.Action.Name + "."}}
	}
	return d
}

package policy

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/eval"
)

// Effect is what policies say.
type Effect string

// The effects. The zero value is no answer and must not be taken for one.
const (
	Permit Effect = "permit"
	Forbid Effect = "forbid"
	None   Effect = "none" // no policy applies
)

// Cited is a policy that has to do with an answer.
type Cited struct {
	Policy string            `json:"policy"`
	Line   int               `json:"line"`
	Error  string            `json:"error,omitempty"`  // why it could not be evaluated
	Values map[string]string `json:"values,omitempty"` // what its conditions read: resource.owner
}

// Verdict is what policies say to a question.
type Verdict struct {
	Effect      Effect
	Determining []Cited // those that make it so
	// Failed are policies that forbid and could not be evaluated. If there are any, Effect is empty.
	Failed []Cited
	// Near are, if nothing is permitted and an explanation is wanted, policies that would permit if
	// their conditions held or could be evaluated.
	Near []Cited
	// AsksAuthentication says that some policy reads context.authentication.
	AsksAuthentication bool
}

// maxNear bounds Verdict.Near, maxValue the text of a value.
const (
	maxNear  = 5
	maxValue = 200
)

// All implements cedar.PolicyIterator, in the order of the text.
func (p *Policies) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, c := range p.list {
			if !yield(c.id, c.policy) {
				return
			}
		}
	}
}

// Judge says what the policies say. An error means that the question cannot be put to them, or that
// Facts failed: it is neither permit nor none.
func (p *Policies) Judge(ctx context.Context, q Question, explain bool) (Verdict, error) {
	entities := newEntities(ctx, q)
	about, err := q.context(p.zones)
	if err != nil {
		return Verdict{}, err
	}
	asked := cedar.Request{
		Principal: entityUID(q.Subject.Ref), Resource: entityUID(q.Resource.Ref),
		Action: types.NewEntityUID(cmp.Or(q.ActionType, "Action"), types.String(q.Action)), Context: about,
	}
	decision, found := cedar.Authorize(p, entities, asked)
	if entities.err != nil {
		return Verdict{}, entities.err
	}
	e := explainer{p, eval.Env{Entities: entities, Principal: asked.Principal, Action: asked.Action, Resource: asked.Resource, Context: about}, explain}
	v := Verdict{AsksAuthentication: p.asks}
	for _, failure := range found.Errors {
		if c := p.named(failure.PolicyID); c.policy.Effect() == cedar.Forbid {
			cited := e.cite(c)
			cited.Error = short(failure.Message)
			v.Failed = append(v.Failed, cited)
		}
	}
	for _, reason := range found.Reasons {
		v.Determining = append(v.Determining, e.cite(p.named(reason.PolicyID)))
	}
	switch {
	case decision == cedar.Deny && len(found.Reasons) > 0:
		v.Effect = Forbid
	case len(v.Failed) > 0:
		v.Determining = nil
	case decision == cedar.Allow:
		v.Effect = Permit
	default:
		v.Effect = None
		if explain {
			v.Near = e.near(found.Errors)
		}
	}
	return v, entities.err
}

func (p *Policies) named(policyID types.PolicyID) compiled {
	return p.list[slices.IndexFunc(p.list, func(c compiled) bool { return c.id == policyID })]
}

// explainer says of policies what they have read.
type explainer struct {
	policies *Policies
	env      eval.Env
	explain  bool
}

func (e explainer) cite(c compiled) Cited {
	out := Cited{Policy: string(c.id), Line: c.position.Line}
	if !e.explain {
		return out
	}
	for _, n := range c.reads {
		v, err := eval.Eval(n, e.env)
		if out.Values == nil {
			out.Values = map[string]string{}
		}
		name := strings.Join(pathOf(n), ".")
		if out.Values[name] = "is missing"; err == nil {
			out.Values[name] = short(string(v.MarshalCedar()))
		}
	}
	return out
}

// near are the policies that permit and speak of the question.
func (e explainer) near(failures []cedar.DiagnosticError) []Cited {
	var out []Cited
	for _, c := range e.policies.list {
		if c.policy.Effect() != cedar.Permit || len(out) == maxNear {
			continue
		}
		holds, err := eval.Eval(eval.PolicyToNode((*ast.Policy)(c.scope.AST())).AsIsNode(), e.env)
		if err != nil || holds != types.True {
			continue
		}
		cited := e.cite(c)
		for _, failure := range failures {
			if failure.PolicyID == c.id {
				cited.Error = short(failure.Message)
			}
		}
		out = append(out, cited)
	}
	return out
}

func short(text string) string {
	if len(text) <= maxValue {
		return text
	}
	return strings.ToValidUTF8(text[:maxValue], "") + "…"
}

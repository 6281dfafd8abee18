package manage

import (
	"context"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/journal"
	"github.com/cardea-auth/cardea/internal/authz/policy"
	"github.com/cardea-auth/cardea/internal/authz/tuplekey"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
)

// DecisionEntity is the subject or the resource of a question.
type DecisionEntity struct {
	Type       string         `json:"type" max:"256"`
	ID         string         `json:"id" max:"1024"`
	Properties map[string]any `json:"properties,omitzero"`
}

// DecisionAction is the action of a question.
type DecisionAction struct {
	Name       string         `json:"name" max:"256"`
	Properties map[string]any `json:"properties,omitzero"`
}

// DecisionQuestion is a question as AuthZEN asks it. In the context, environment and authentication may stand.
type DecisionQuestion struct {
	Subject  DecisionEntity `json:"subject"`
	Action   DecisionAction `json:"action"`
	Resource DecisionEntity `json:"resource"`
	Context  map[string]any `json:"context,omitzero"`
}

func (q DecisionQuestion) request() authz.Request {
	return authz.Request{
		Subject:  authz.Subject{Type: q.Subject.Type, ID: q.Subject.ID, Properties: q.Subject.Properties},
		Action:   authz.Action{Name: q.Action.Name, Properties: q.Action.Properties},
		Resource: authz.Resource{Type: q.Resource.Type, ID: q.Resource.ID, Properties: q.Resource.Properties},
		Context:  q.Context,
	}
}

func showQuestion(r authz.Request) DecisionQuestion {
	if s := r.InStore; s != nil {
		if s.Relation != "" {
			r.Subject.ID += "#" + s.Relation
		}
		if len(s.Context) > 0 {
			_ = json.Unmarshal(s.Context, &r.Context) // it was an object when the question was answered
		}
	}
	return DecisionQuestion{
		Subject:  DecisionEntity{r.Subject.Type, r.Subject.ID, r.Subject.Properties},
		Action:   DecisionAction{r.Action.Name, r.Action.Properties},
		Resource: DecisionEntity{r.Resource.Type, r.Resource.ID, r.Resource.Properties}, Context: r.Context,
	}
}

// DecisionAnswer is what was or would be decided, and why.
type DecisionAnswer struct {
	Decision bool             `json:"decision"`
	Reasons  []DecisionReason `json:"reasons"`
	Missing  []string         `json:"missing,omitzero"`
}

// DecisionReason is why; see authz.Reason.
type DecisionReason struct {
	Kind       string            `json:"kind"`
	Text       string            `json:"text"`
	Role       string            `json:"role,omitzero"`
	Permission string            `json:"permission,omitzero"`
	Org        string            `json:"org,omitzero"`
	Path       []string          `json:"path,omitzero"`
	Engine     string            `json:"engine,omitzero"`
	Version    int               `json:"version,omitzero"`
	Policy     string            `json:"policy,omitzero"`
	Line       int               `json:"line,omitzero"`
	Values     map[string]string `json:"values,omitzero"`
}

func showDecision(d authz.Decision) DecisionAnswer {
	out := DecisionAnswer{Decision: d.Allow, Reasons: make([]DecisionReason, len(d.Reasons)), Missing: d.Missing}
	for i, r := range d.Reasons {
		out.Reasons[i] = DecisionReason(r)
	}
	return out
}

// LoggedDecision is a decision that was kept.
type LoggedDecision struct {
	ID       string           `json:"id"`
	At       time.Time        `json:"at"`
	Until    time.Time        `json:"until" doc:"when it is forgotten"`
	Asker    string           `json:"asker"`
	Question DecisionQuestion `json:"question"`
	Answer   DecisionAnswer   `json:"answer"`
	Revision string           `json:"revision" doc:"of the tuples of roles that were looked at; 0: of none"`
	Policies map[string]int   `json:"policies,omitzero" doc:"version of each policy set that was asked"`
	Store    string           `json:"store,omitzero"`
	Model    string           `json:"model,omitzero"`
	Tuples   string           `json:"store_revision,omitzero"`
	// Direct and Contextual are of questions of OpenFGA's API.
	Direct     bool           `json:"direct,omitzero" doc:"the store was asked alone, by the API of OpenFGA"`
	Contextual []tuplekey.Key `json:"contextual_tuples,omitzero"`
}

func showLogged(e journal.Entry) LoggedDecision {
	b := e.Decision.Basis
	out := LoggedDecision{
		ID: e.ID, At: e.At, Until: e.Until, Asker: e.Asker.String(), Question: showQuestion(e.Request), Answer: showDecision(e.Decision),
		Revision: strconv.FormatUint(e.Decision.Revision, 10), Policies: b.Policies, Store: b.Store, Model: b.Model,
	}
	if b.Store != "" {
		out.Tuples = strconv.FormatUint(b.StoreRevision, 10)
	}
	if s := e.Request.InStore; s != nil {
		out.Direct = true
		for _, t := range s.Contextual {
			out.Contextual = append(out.Contextual, tuplekey.Of(t))
		}
	}
	return out
}

// ReplayedDecision is a decision that was made again.
type ReplayedDecision struct {
	Logged LoggedDecision `json:"logged"`
	Again  DecisionAnswer `json:"again"`
	Same   bool           `json:"same"`
	Exact  bool           `json:"exact" doc:"false if the log does not tell of every tuple how it was"`
}

// SupposedTuples are tuples that are supposed to be there, or not to be.
type SupposedTuples struct {
	Write  []SupposedTuple `json:"write,omitzero"`
	Delete []SupposedTuple `json:"delete,omitzero"`
}

// SupposedTuple is a tuple as OpenFGA spells it.
type SupposedTuple struct {
	User     string `json:"user" max:"1024" doc:"user:anne, or group:eng#member"`
	Relation string `json:"relation" max:"254"`
	Object   string `json:"object" max:"1024" doc:"role:editor of roles, folder:designs of a store"`
}

// SupposedPolicies are asked in place of the active version of a set.
type SupposedPolicies struct {
	Set      string `json:"set" max:"63"`
	Version  int    `json:"version,omitzero" min:"1" max:"1000000000"`
	Policies string `json:"policies,omitzero" max:"262144" format:"text" doc:"a draft, instead of a version"`
}

// Supposition is what is supposed to be otherwise.
type Supposition struct {
	Roles    SupposedTuples     `json:"roles,omitzero" doc:"tuples of roles, groups and organisations"`
	Store    SupposedTuples     `json:"store,omitzero" doc:"tuples of the store that the decision plan names"`
	Model    string             `json:"model,omitzero" max:"26" doc:"version of the model of that store"`
	Policies []SupposedPolicies `json:"policies,omitzero" max:"10"`
	Plan     *NewDecisionPlan   `json:"plan,omitzero" doc:"in place of the decision plan"`
}

func (s SupposedTuples) changes(at string) ([]graph.Change, error) {
	var out []graph.Change
	for _, part := range []struct {
		at     string
		all    []SupposedTuple
		delete bool
	}{{at + "/write/", s.Write, false}, {at + "/delete/", s.Delete, true}} {
		for i, t := range part.all {
			tuple, err := tuplekey.Key{User: t.User, Relation: t.Relation, Object: t.Object}.Tuple()
			if err != nil {
				return nil, errs.Bad(part.at+strconv.Itoa(i), "is no tuple: user and object are like user:anne, group:eng#member, role:editor")
			}
			out = append(out, graph.Change{Tuple: tuple, Delete: part.delete})
		}
	}
	return out, nil
}

func (s Supposition) suppose() (out authz.Suppose, err error) {
	if out.Roles, err = s.Roles.changes("/suppose/roles"); err != nil {
		return out, err
	}
	if out.Store, err = s.Store.changes("/suppose/store"); err != nil {
		return out, err
	}
	out.Model, out.Policies = s.Model, map[string]policy.Use{}
	for i, p := range s.Policies {
		use := policy.Use{Version: p.Version}
		switch {
		case (p.Policies == "") == (p.Version == 0):
			return out, errs.Bad("/suppose/policies/"+strconv.Itoa(i), "must name a version or bring policies, and not both")
		case p.Policies != "":
			if use.Draft, err = policy.Parse(p.Policies); err != nil {
				return out, err
			}
		}
		out.Policies[p.Set] = use
	}
	if p := s.Plan; p != nil {
		out.Plan = &authz.Plan{Roles: p.Roles, Policies: p.Policies, Store: p.Store, Relations: p.Relations, Points: p.Points}
	}
	return out, nil
}

// NewSimulation asks a question, or the newest decisions of the log, as things are and as they are supposed.
type NewSimulation struct {
	Question *DecisionQuestion `json:"question,omitzero" doc:"left out: the newest decisions of the log"`
	Last     int               `json:"last,omitzero" min:"1" max:"500" doc:"how many of the log; default 100"`
	Suppose  Supposition       `json:"suppose"`
}

// Simulation is what would change.
type Simulation struct {
	Looked  int                 `json:"looked" doc:"how many decisions were made again"`
	Changed int                 `json:"changed"`
	Items   []SimulatedDecision `json:"items" doc:"of a question its answer, of the log the decisions that would change"`
}

// SimulatedDecision is a decision as things are, and as they are supposed.
type SimulatedDecision struct {
	ID       string           `json:"id,omitzero" doc:"in the log"`
	Question DecisionQuestion `json:"question"`
	Before   DecisionAnswer   `json:"before"`
	After    DecisionAnswer   `json:"after"`
}

// DecisionLog says which decisions are kept.
type DecisionLog struct {
	Share float64 `json:"share,omitzero" min:"0" max:"1" doc:"of the questions that applications ask; 0 keeps none"`
	Days  int     `json:"days,omitzero" min:"0" max:"90"`
}

const groupDecisions = "Decisions"

func (a *API) decisions() []rest.Operation {
	const group = groupDecisions
	type ofDecision struct {
		within
		Decision string `path:"decision" max:"64"`
	}
	replay := administers("POST /api/decisions/{decision}/replay", "decision.replay", "decision.read", group, "Make a decision again: at its revisions, by its versions")
	simulate := administers("POST /api/decisions/simulate", "decision.simulate", "decision.simulate", group, "Say what would be decided if something were otherwise")
	return []rest.Operation{
		endpoint(a, administers("GET /api/decisions", "decision.list", "decision.read", group, "List decisions that were kept, the newest first; a page may be shorter than asked for before the last one"),
			func(ctx context.Context, c access.Caller, in struct {
				within
				paging
				Subject  string    `query:"subject" max:"1024" doc:"id of the subject"`
				Action   string    `query:"action" max:"256"`
				Resource string    `query:"resource" max:"1281" doc:"its type, or type:id"`
				Decision *bool     `query:"decision" doc:"true: allowed; false: denied; left out: both"`
				From     time.Time `query:"from"`
				Until    time.Time `query:"until" doc:"before this time"`
			}) (page.Page[LoggedDecision], error) {
				p, err := a.Journal.List(ctx, c, journal.Filter{
					Subject: in.Subject, Action: in.Action, Resource: in.Resource, Allowed: in.Decision, From: in.From, Until: in.Until,
				}, in.request())
				return turned(p, err, showLogged)
			}),
		endpoint(a, administers("GET /api/decisions/{decision}", "decision.get", "decision.read", group, "Read a decision that was kept"),
			func(ctx context.Context, c access.Caller, in ofDecision) (LoggedDecision, error) {
				e, err := a.Journal.Get(ctx, c, in.Decision)
				return one(&e, err, func(e *journal.Entry) LoggedDecision { return showLogged(*e) })
			}),
		endpoint(a, refusing(replay, errs.Precondition), func(ctx context.Context, c access.Caller, in ofDecision) (ReplayedDecision, error) {
			r, err := a.Journal.Replay(ctx, c, in.Decision)
			if err != nil {
				return ReplayedDecision{}, err
			}
			return ReplayedDecision{Logged: showLogged(r.Entry), Again: showDecision(r.Again), Same: r.Same, Exact: r.Exact}, nil
		}),
		endpoint(a, refusing(simulate, errs.Precondition), a.simulate),
		endpoint(a, administers("GET /api/decision-log", "decision_log.get", "plan.read", group, "Read which decisions are kept"),
			func(ctx context.Context, c access.Caller, _ within) (DecisionLog, error) {
				s, err := a.Decisions.Log(ctx, c)
				return DecisionLog(s), err
			}),
		endpoint(a, administers("PUT /api/decision-log", "decision_log.set", "plan.write", group, "Say which decisions are kept from now on"),
			func(ctx context.Context, c access.Caller, in struct {
				within
				Body DecisionLog `body:"json"`
			}) (DecisionLog, error) {
				return in.Body, a.Decisions.SetLog(ctx, c, authz.LogSettings(in.Body))
			}),
	}
}

func (a *API) simulate(ctx context.Context, c access.Caller, in struct {
	within
	Body NewSimulation `body:"json"`
}) (Simulation, error) {
	s, err := in.Body.Suppose.suppose()
	if err != nil {
		return Simulation{}, err
	}
	out := Simulation{Items: []SimulatedDecision{}}
	if in.Body.Question != nil {
		r, err := a.Decisions.Trusted(in.Body.Question.request())
		if err != nil {
			return Simulation{}, err
		}
		r.Options.Explain = true
		sim, err := a.Journal.Simulate(ctx, c, r, s)
		if err != nil {
			return Simulation{}, err
		}
		if out.Looked = 1; sim.Changed() {
			out.Changed = 1
		}
		out.Items = append(out.Items, SimulatedDecision{Question: *in.Body.Question, Before: showDecision(sim.Before), After: showDecision(sim.After)})
		return out, nil
	}
	last := in.Body.Last
	if last == 0 {
		last = 100
	}
	changed, looked, err := a.Journal.SimulateLog(ctx, c, last, s)
	if err != nil {
		return Simulation{}, err
	}
	out.Looked, out.Changed = looked, len(changed)
	for _, d := range changed {
		out.Items = append(out.Items, SimulatedDecision{d.ID, showQuestion(d.Request), showDecision(d.Before), showDecision(d.After)})
	}
	return out, nil
}

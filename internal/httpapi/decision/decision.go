// Package decision is the door at which applications ask whether somebody may do something, in the
// words of AuthZEN 1.0 (OpenID Authorization API). A deny is an answer with status 200; only a
// question that could not be answered is an error. Unknown members are ignored, as the
// specification says.
//
// The package decides nothing; authz does.
package decision

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/point"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/strict"
)

// The paths of the decision API.
const (
	PathEvaluation  = "/access/v1/evaluation"
	PathEvaluations = "/access/v1/evaluations"
	PathMetadata    = "/.well-known/authzen-configuration"
)

// Decider answers questions.
type Decider interface {
	Ask(context.Context, access.Caller, authz.Request) (authz.Decision, error)
}

// Door serves the decision API.
type Door struct {
	Decider  Decider
	Searcher Searcher
	// Activity counts decisions; nil counts nothing.
	Activity func(c access.Caller, allowed bool)
}

// Routes are the end points as the doorstep must know them.
func (d *Door) Routes() []edge.Route {
	ask := edge.Needs("decision.ask")
	return []edge.Route{
		{Method: "POST", Path: PathEvaluation, Name: "decision.evaluate", Access: ask, CORS: edge.TenantOrigins, Hot: true, Handle: d.evaluate},
		{Method: "POST", Path: PathEvaluations, Name: "decision.evaluate_many", Access: ask, CORS: edge.TenantOrigins, Hot: true, Handle: d.evaluateMany},
		{Method: "POST", Path: PathSearchSubject, Name: "decision.search_subjects", Access: ask, CORS: edge.TenantOrigins, Handle: d.searchSubject},
		{Method: "POST", Path: PathSearchResource, Name: "decision.search_resources", Access: ask, CORS: edge.TenantOrigins, Handle: d.searchResource},
		{Method: "POST", Path: PathSearchAction, Name: "decision.search_actions", Access: ask, CORS: edge.TenantOrigins, Handle: d.searchAction},
		{Method: "GET", Path: PathMetadata, Name: "decision.metadata", Access: edge.Open("the answer is public"), CORS: edge.AnyOrigin, Handle: d.metadata},
	}
}

// Entity is a subject or a resource.
type Entity struct {
	Type       string           `json:"type"`
	ID         string           `json:"id"`
	Properties authz.Properties `json:"properties,omitzero"`
}

// Action is what would be done.
type Action struct {
	Name       string           `json:"name"`
	Properties authz.Properties `json:"properties,omitzero"`
}

// Evaluation is a question (AuthZEN 1.0, section 6.1).
type Evaluation struct {
	Subject  *Entity          `json:"subject"`
	Action   *Action          `json:"action"`
	Resource *Entity          `json:"resource"`
	Context  authz.Properties `json:"context,omitzero"`
}

// Evaluations are several questions (section 7.1). Members of the outer object are the defaults of
// the inner ones.
type Evaluations struct {
	Evaluation
	Evaluations []Evaluation `json:"evaluations,omitzero"`
	Options     struct {
		Semantic string `json:"evaluations_semantic,omitzero"`
	} `json:"options,omitzero"`
}

// The semantics of several questions.
const (
	executeAll  = "execute_all"
	firstDeny   = "deny_on_first_deny"
	firstPermit = "permit_on_first_permit"
)

// maxEvaluations is how many questions one request may hold.
const maxEvaluations = 100

// Answer is the answer to one question (section 6.2).
type Answer struct {
	Decision bool    `json:"decision"`
	Context  Context `json:"context"`
}

// Context says why.
type Context struct {
	Reason   string         `json:"reason,omitempty"`
	Reasons  []authz.Reason `json:"reasons,omitempty"`
	Missing  []string       `json:"missing,omitempty"`
	Revision string         `json:"revision,omitempty"` // ask again with context.revision to see at least this state
	Basis    *authz.Basis   `json:"basis,omitempty"`    // of a type with a decision plan
	// ACRValues and MaxAge say, on a deny, how the subject would have to sign in to be allowed (RFC 9470).
	ACRValues string   `json:"acr_values,omitempty"`
	MaxAge    *int64   `json:"max_age,omitempty"` // seconds
	Error     *Failure `json:"error,omitempty"`
}

// Failure says, within several answers, why one question could not be answered.
type Failure struct {
	Status  int    `json:"status"`
	Message string `json:"message"`
}

func (d *Door) evaluate(x *edge.Exchange, c access.Caller) error {
	body, err := x.Body()
	if err != nil {
		return err
	}
	var q Evaluation
	if err := strict.UnmarshalOpen(body, &q); err != nil {
		return err
	}
	a, err := d.ask(x, c, q)
	if err != nil {
		return err
	}
	return x.JSON(http.StatusOK, a)
}

func (d *Door) ask(x *edge.Exchange, c access.Caller, q Evaluation) (Answer, error) {
	r, err := q.request()
	if err != nil {
		return Answer{}, err
	}
	return d.decide(x, c, r)
}

// decide answers a question that was read.
func (d *Door) decide(x *edge.Exchange, c access.Caller, r authz.Request) (Answer, error) {
	r.Options.AskedBy = point.ParseAskedBy(x.R.Header.Get(point.AskedByHeader))
	decided, err := d.Decider.Ask(x.R.Context(), c, r)
	if err != nil {
		return Answer{}, err
	}
	if d.Activity != nil {
		d.Activity(c, decided.Allow)
	}
	a := Answer{Decision: decided.Allow, Context: Context{
		Reasons: decided.Reasons, Missing: decided.Missing, Revision: revision(decided),
	}}
	if decided.Basis.Planned {
		a.Context.Basis = &decided.Basis
	}
	if s := decided.StepUp; s != nil {
		if a.Context.ACRValues = s.ACR; s.MaxAge != nil {
			seconds := int64(s.MaxAge.Seconds())
			a.Context.MaxAge = &seconds
		}
	}
	if len(decided.Reasons) > 0 {
		a.Context.Reason = decided.Reasons[0].Text
	}
	return a, nil
}

// revision is what an answer rests on: a revision of the tenant's roles, and behind a dot that of the
// store, if the decision plan names one.
func revision(d authz.Decision) string {
	text := strconv.FormatUint(d.Revision, 10)
	if d.Basis.Store != "" {
		text += "." + strconv.FormatUint(d.Basis.StoreRevision, 10)
	}
	return text
}

// wanted reads the revisions that an answer must know of.
func wanted(text string, o *authz.Options) (err error) {
	roles, tuples, both := strings.Cut(text, ".")
	if o.AtLeast, err = strconv.ParseUint(roles, 10, 64); err == nil && both {
		o.StoreAtLeast, err = strconv.ParseUint(tuples, 10, 62)
	}
	if err != nil {
		return errs.Bad("/context/revision", "must be a revision that was given out here")
	}
	return nil
}

// request turns a question into the domain's words.
func (q Evaluation) request() (authz.Request, error) {
	switch {
	case q.Subject == nil:
		return authz.Request{}, errs.Bad("/subject", "is missing")
	case q.Action == nil:
		return authz.Request{}, errs.Bad("/action", "is missing")
	case q.Resource == nil:
		return authz.Request{}, errs.Bad("/resource", "is missing")
	}
	r := authz.Request{
		Subject: authz.Subject(*q.Subject), Action: authz.Action(*q.Action), Resource: authz.Resource(*q.Resource), Context: q.Context,
	}
	if text, ok := q.Context["revision"].(string); ok {
		if err := wanted(text, &r.Options); err != nil {
			return r, err
		}
	}
	if explain, ok := q.Context["explain"].(bool); ok {
		r.Options.Explain = explain
	}
	return r, nil
}

func (d *Door) evaluateMany(x *edge.Exchange, c access.Caller) error {
	body, err := x.Body()
	if err != nil {
		return err
	}
	var many Evaluations
	if err := strict.UnmarshalOpen(body, &many); err != nil {
		return err
	}
	if len(many.Evaluations) == 0 { // section 7.1: then it is a single question
		a, err := d.ask(x, c, many.Evaluation)
		if err != nil {
			return err
		}
		return x.JSON(http.StatusOK, a)
	}
	answers, err := d.askAll(x, c, many)
	if err != nil {
		return err
	}
	return x.JSON(http.StatusOK, map[string][]Answer{"evaluations": answers})
}

func (d *Door) askAll(x *edge.Exchange, c access.Caller, many Evaluations) ([]Answer, error) {
	if len(many.Evaluations) > maxEvaluations {
		return nil, errs.Bad("/evaluations", "must not be more than %d", maxEvaluations)
	}
	semantic := many.Options.Semantic
	switch semantic {
	case "":
		semantic = executeAll
	case executeAll, firstDeny, firstPermit:
	default:
		return nil, errs.Bad("/options/evaluations_semantic", "must be %s, %s or %s", executeAll, firstDeny, firstPermit)
	}
	answers := make([]Answer, 0, len(many.Evaluations))
	for _, q := range many.questions() {
		a, err := Answer{}, q.bad
		if err == nil {
			a, err = d.decide(x, c, q.request)
		}
		if err != nil {
			if !errs.Is(err, errs.Invalid) {
				return nil, err
			}
			a = Answer{Context: Context{Error: &Failure{Status: http.StatusBadRequest, Message: errs.From(err).Text}}}
		}
		answers = append(answers, a)
		if a.Decision && semantic == firstPermit || !a.Decision && semantic == firstDeny {
			break
		}
	}
	return answers, nil
}

// asked is one of several questions, or what is wrong with it.
type asked struct {
	request authz.Request
	bad     error
}

// questions are all, in order, those that can be asked marked as asked together.
func (e Evaluations) questions() []asked {
	out := make([]asked, len(e.Evaluations))
	var good []authz.Request
	var at []int
	for i, q := range e.Evaluations {
		r, err := q.or(e.Evaluation).request()
		if out[i].bad = err; err == nil {
			good, at = append(good, r), append(at, i)
		}
	}
	for i, r := range authz.Together(good) {
		out[at[i]].request = r
	}
	return out
}

// or fills what q leaves out with the defaults.
func (q Evaluation) or(defaults Evaluation) Evaluation {
	if q.Subject == nil {
		q.Subject = defaults.Subject
	}
	if q.Action == nil {
		q.Action = defaults.Action
	}
	if q.Resource == nil {
		q.Resource = defaults.Resource
	}
	if q.Context == nil {
		q.Context = defaults.Context
	}
	return q
}

// metadata tells where the end points are (section 9).
func (d *Door) metadata(x *edge.Exchange, _ access.Caller) error {
	x.Header().Set("Cache-Control", "public, max-age=300")
	return x.JSON(http.StatusOK, map[string]string{
		"policy_decision_point":       x.Site.Issuer,
		"access_evaluation_endpoint":  x.Site.Issuer + PathEvaluation,
		"access_evaluations_endpoint": x.Site.Issuer + PathEvaluations,
		"search_subject_endpoint":     x.Site.Issuer + PathSearchSubject,
		"search_resource_endpoint":    x.Site.Issuer + PathSearchResource,
		"search_action_endpoint":      x.Site.Issuer + PathSearchAction,
	})
}

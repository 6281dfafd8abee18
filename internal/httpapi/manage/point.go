package manage

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/point"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// DecisionPoint is a decision point outside, which decision plans can name. Its credential is never shown.
type DecisionPoint struct {
	Name          string    `json:"name"`
	Description   string    `json:"description,omitzero"`
	URL           string    `json:"url,omitzero"`
	Timeout       int64     `json:"timeout_ms"`
	CA            string    `json:"ca,omitzero"`
	Rego          *Rego     `json:"rego,omitzero"`
	HasCredential bool      `json:"has_credential"`
	Created       time.Time `json:"created"`
	Updated       time.Time `json:"updated"`
}

// Rego says that a bundle of Rego policies is evaluated here.
type Rego struct {
	Version int    `json:"version,omitzero" min:"0" max:"1" doc:"of the language, where the bundle says nothing of a file"`
	Query   string `json:"query" max:"500" doc:"the rule that permits if it is true, as data.package.rule"`
}

func showPoint(p *point.Point) DecisionPoint {
	out := DecisionPoint{
		Name: p.ID, Description: p.Description, URL: p.URL, Timeout: p.Timeout, CA: p.CA,
		HasCredential: p.Credential.Reveal() != "", Created: p.Created, Updated: p.Updated,
	}
	if p.Rego != nil {
		out.Rego = &Rego{p.Rego.Version, p.Rego.Query}
	}
	return out
}

// NewDecisionPoint is a decision point to be set.
type NewDecisionPoint struct {
	Description string        `json:"description,omitzero" max:"500"`
	URL         string        `json:"url,omitzero" max:"2000" doc:"the address before /access/v1/evaluation (AuthZEN 1.0): https, without a slash at its end; with rego that of a bundle, left out for one in a directory of the operator"`
	Rego        *Rego         `json:"rego,omitzero" doc:"evaluate a bundle here, if the program was built with Rego"`
	Timeout     int64         `json:"timeout_ms,omitzero" min:"10" max:"3000" doc:"for a question and its answer; left out: 1000"`
	CA          string        `json:"ca,omitzero" max:"65536" format:"text" doc:"certificates in PEM, of which one stands behind that of the point; left out: those of the system"`
	Credential  *secret.Value `json:"credential,omitzero" max:"4096" doc:"sent as bearer token; left out: the one there is, at the same address; empty: none"`
}

func (n NewDecisionPoint) settings() point.Settings {
	s := point.Settings{Description: n.Description, URL: n.URL, Timeout: n.Timeout, CA: n.CA}
	if n.Rego != nil {
		s.Rego = &point.Rego{Version: n.Rego.Version, Query: n.Rego.Query}
	}
	return s
}

func (a *API) decisionPoints() []rest.Operation {
	const group = "Decision points"
	type atPoint struct {
		within
		Name string `path:"point" max:"63"`
	}
	set := administers("PUT /api/decision-points/{point}", "decision_point.set", "point.write", group, "Say where a decision point is, and how it is asked")
	removed := administers("DELETE /api/decision-points/{point}", "decision_point.remove", "point.write", group, "Remove a decision point that no decision plan names")
	return []rest.Operation{
		endpoint(a, administers("GET /api/decision-points", "decision_point.list", "point.read", group, "List decision points outside"),
			func(ctx context.Context, c access.Caller, _ within) (many[DecisionPoint], error) {
				all, err := a.Points.List(ctx, c)
				return collect(all, err, showPoint)
			}),
		endpoint(a, refusing(set, errs.Precondition), func(ctx context.Context, c access.Caller, in struct {
			atPoint
			Body NewDecisionPoint `body:"json"`
		}) (DecisionPoint, error) {
			p, err := a.Points.Set(ctx, c, in.Name, in.Body.settings(), in.Body.Credential)
			return one(p, err, showPoint)
		}),
		endpoint(a, refusing(removed, errs.Precondition), func(ctx context.Context, c access.Caller, in atPoint) (rest.None, error) {
			return done(a.Points.Remove(ctx, c, in.Name))
		}),
	}
}

package policy

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Case is a question with what a version is expected to say. It is answered by the policies alone: who
// is in which group stands in the case, not in Cardea.
type Case struct {
	Name       string         `json:"name"`
	Subject    Part           `json:"subject"`
	Action     string         `json:"action"`
	Resource   Part           `json:"resource"`
	Context    map[string]any `json:"context,omitzero"`
	Time       time.Time      `json:"time,omitzero"`    // context.environment.time; the zero time is 1970
	Address    string         `json:"address,omitzero"` // context.environment.address
	Strength   int            `json:"strength,omitzero"`
	ACR        string         `json:"acr,omitzero"`
	AuthAge    int            `json:"auth_age,omitzero"` // seconds; without Strength nothing is said of it
	Expect     Effect         `json:"expect"`            // permit, forbid or none
	Determined []string       `json:"by,omitzero"`       // ids of the policies that must make it so; empty: any
}

// Part is the subject or the resource of a case.
type Part struct {
	Type       string         `json:"type"`
	ID         string         `json:"id"`
	Properties map[string]any `json:"properties,omitzero"`
	Parents    []Parent       `json:"parents,omitzero"`
}

func (p Part) entity() Entity {
	return Entity{Ref: Ref{p.Type, p.ID}, Properties: p.Properties, Parents: p.Parents}
}

// Outcome is what became of a case.
type Outcome struct {
	Name     string  `json:"name"`
	Passed   bool    `json:"passed"`
	Expected Effect  `json:"expected"`
	Got      Effect  `json:"got,omitempty"` // empty if it could not be answered
	By       []Cited `json:"by,omitempty"`
	Error    string  `json:"error,omitempty"`
}

// MaxCases bounds the cases of a version.
const MaxCases = 200

func checkCases(all []Case) error {
	if len(all) > MaxCases {
		return errs.Bad("/cases", "must not be more than %d", MaxCases)
	}
	for i, c := range all {
		at := "/cases/" + strconv.Itoa(i)
		switch {
		case c.Name == "" || len(c.Name) > 200:
			return errs.Bad(at+"/name", "must have 1 to 200 bytes")
		case c.Subject.Type == "" || c.Subject.ID == "":
			return errs.Bad(at+"/subject", "must have a type and an id")
		case c.Resource.Type == "" || c.Resource.ID == "":
			return errs.Bad(at+"/resource", "must have a type and an id")
		case c.Action == "":
			return errs.Bad(at+"/action", "is missing")
		case c.Expect != Permit && c.Expect != Forbid && c.Expect != None:
			return errs.Bad(at+"/expect", "must be %s, %s or %s", Permit, Forbid, None)
		}
		if _, err := c.question(); err != nil {
			return errs.Bad(at+"/address", "must be an address like 192.0.2.1")
		}
	}
	return nil
}

func (c Case) question() (Question, error) {
	q := Question{
		Subject: c.Subject.entity(), Resource: c.Resource.entity(), Action: c.Action, Context: c.Context, Environment: Environment{Time: c.Time},
	}
	if c.Time.IsZero() {
		q.Environment.Time = time.Unix(0, 0).UTC()
	}
	if c.Strength > 0 {
		q.Authentication = &Authentication{Strength: c.Strength, ACR: c.ACR, Age: time.Duration(c.AuthAge) * time.Second}
	}
	if c.Address == "" {
		return q, nil
	}
	var err error
	q.Environment.Address, err = netip.ParseAddr(c.Address)
	return q, err
}

// Run answers cases. Errors are those of the context only.
func (p *Policies) Run(ctx context.Context, all []Case) ([]Outcome, error) {
	out := make([]Outcome, len(all))
	for i, c := range all {
		if err := ctx.Err(); err != nil {
			return nil, errs.Busy(time.Second, err, "timeout", "The request took too long.")
		}
		out[i] = p.outcome(ctx, c)
	}
	return out, nil
}

func (p *Policies) outcome(ctx context.Context, c Case) Outcome {
	o := Outcome{Name: c.Name, Expected: c.Expect}
	q, err := c.question()
	if err != nil {
		o.Error = "The address cannot be read."
		return o
	}
	v, err := p.Judge(ctx, q.identified(), true)
	if err != nil {
		o.Error = errs.From(err).Text
		return o
	}
	o.Got, o.By = v.Effect, v.Determining
	if len(v.Failed) > 0 {
		o.By = v.Failed
		o.Error = "Policy " + v.Failed[0].Policy + " forbids and could not be evaluated."
	}
	o.Passed = o.Got == c.Expect && v.determinedBy(c.Determined)
	return o
}

func (v Verdict) determinedBy(wanted []string) bool {
	for _, policy := range wanted {
		if !slices.ContainsFunc(v.Determining, func(c Cited) bool { return c.Policy == policy }) {
			return false
		}
	}
	return true
}

func failures(all []Outcome) int {
	n := 0
	for _, o := range all {
		if !o.Passed {
			n++
		}
	}
	return n
}

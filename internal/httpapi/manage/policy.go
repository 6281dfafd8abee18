package manage

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/policy"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
)

// PolicySet is a named set of policies with numbered versions.
type PolicySet struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitzero"`
	Created     time.Time `json:"created"`
	Updated     time.Time `json:"updated"`
	Latest      int       `json:"latest,omitzero" doc:"number of the newest version"`
	Active      int       `json:"active,omitzero" doc:"number of the version that decides where a decision plan names the set; left out: none"`
	Previous    int       `json:"previous,omitzero" doc:"the version that was active before"`
}

func showPolicySet(s *policy.Set) PolicySet {
	return PolicySet{
		Name: s.ID, Description: s.Description, Created: s.Created, Updated: s.Updated,
		Latest: s.Latest, Active: s.Active, Previous: s.Previous,
	}
}

// NewPolicySet is a policy set to be made.
type NewPolicySet struct {
	Name        string `json:"name" max:"63" pattern:"^[a-z][a-z0-9-]*$"`
	Description string `json:"description,omitzero" max:"500"`
}

// PolicyDraft is what a version is made of.
type PolicyDraft struct {
	Policies string       `json:"policies" max:"262144" format:"text" doc:"in Cedar's own form"`
	Schema   string       `json:"schema,omitzero" max:"65536" format:"text" doc:"Cedar's, in either form; the policies are validated against it, strictly"`
	Note     string       `json:"note,omitzero" max:"500" format:"text" doc:"what changes, for people"`
	Cases    []PolicyCase `json:"cases,omitzero" max:"200"`
}

// PolicyEntity is the subject or the resource of a case.
type PolicyEntity struct {
	Type       string         `json:"type" max:"256"`
	ID         string         `json:"id" max:"1024"`
	Properties map[string]any `json:"properties,omitzero"`
	Parents    any            `json:"parents,omitzero" doc:"what it is a part of: a list of type:id, or of objects with type, id and parents"`
}

// PolicyCase is a question with what the policies are expected to say.
type PolicyCase struct {
	Name     string         `json:"name" max:"200"`
	Subject  PolicyEntity   `json:"subject"`
	Action   string         `json:"action" max:"256"`
	Resource PolicyEntity   `json:"resource"`
	Context  map[string]any `json:"context,omitzero"`
	Time     time.Time      `json:"time,omitzero" doc:"context.environment.time"`
	Address  string         `json:"address,omitzero" max:"45" doc:"context.environment.address"`
	Strength int            `json:"strength,omitzero" min:"1" max:"3" doc:"context.authentication.strength"`
	ACR      string         `json:"acr,omitzero" max:"100" doc:"context.authentication.acr"`
	AuthAge  int            `json:"auth_age,omitzero" min:"0" max:"1000000000" doc:"context.authentication.age, in seconds"`
	Expect   string         `json:"expect" enum:"permit,forbid,none"`
	By       []string       `json:"by,omitzero" doc:"ids of the policies that must make it so; left out: any"`
}

func (e PolicyEntity) part(at string) (policy.Part, error) {
	out := policy.Part{Type: e.Type, ID: e.ID, Properties: e.Properties}
	if e.Parents == nil {
		return out, nil
	}
	var err error
	if out.Parents, err = policy.ParseParents(e.Parents, nil); err != nil {
		err = errs.Bad(at+"/parents", "must be a list of type:id, or of objects with type, id and parents")
	}
	return out, err
}

func showPart(p policy.Part) PolicyEntity {
	out := PolicyEntity{Type: p.Type, ID: p.ID, Properties: p.Properties}
	if len(p.Parents) > 0 {
		out.Parents = p.Parents
	}
	return out
}

func (d PolicyDraft) draft() (policy.Draft, error) {
	out := policy.Draft{Text: d.Policies, Schema: d.Schema, Note: d.Note}
	for i, c := range d.Cases {
		at := "/cases/" + strconv.Itoa(i)
		subject, err := c.Subject.part(at + "/subject")
		if err != nil {
			return out, err
		}
		resource, err := c.Resource.part(at + "/resource")
		if err != nil {
			return out, err
		}
		out.Cases = append(out.Cases, policy.Case{
			Name: c.Name, Subject: subject, Action: c.Action, Resource: resource, Context: c.Context, Time: c.Time,
			Address: c.Address, Strength: c.Strength, ACR: c.ACR, AuthAge: c.AuthAge, Expect: policy.Effect(c.Expect), Determined: c.By,
		})
	}
	return out, nil
}

// PolicyVersion is a version of a set. It never changes.
type PolicyVersion struct {
	Set      string       `json:"set"`
	Number   int          `json:"number"`
	Print    string       `json:"fingerprint" doc:"SHA-256 of policies and schema"`
	Created  time.Time    `json:"created"`
	Author   Thing        `json:"author,omitzero" doc:"who wrote it"`
	Note     string       `json:"note,omitzero"`
	Policies string       `json:"policies,omitzero" doc:"left out of lists"`
	Schema   string       `json:"schema,omitzero"`
	Cases    []PolicyCase `json:"cases,omitzero"`
}

func showPolicyVersion(v *policy.Version) PolicyVersion {
	out := listPolicyVersion(v)
	out.Policies, out.Schema = v.Text, v.Schema
	for _, c := range v.Cases {
		out.Cases = append(out.Cases, PolicyCase{
			Name: c.Name, Subject: showPart(c.Subject), Action: c.Action, Resource: showPart(c.Resource), Context: c.Context, Time: c.Time,
			Address: c.Address, Strength: c.Strength, ACR: c.ACR, AuthAge: c.AuthAge, Expect: string(c.Expect), By: c.Determined,
		})
	}
	return out
}

func listPolicyVersion(v *policy.Version) PolicyVersion {
	author := Thing{Type: v.Author.Type, ID: v.Author.ID}
	return PolicyVersion{Set: v.Set, Number: v.Number, Print: v.Digest, Created: v.Created, Author: author, Note: v.Note}
}

// PolicyOutcome is what became of a case.
type PolicyOutcome struct {
	Name     string       `json:"name"`
	Passed   bool         `json:"passed"`
	Expected string       `json:"expected"`
	Got      string       `json:"got,omitzero" doc:"left out if the case could not be answered"`
	By       []PolicyCite `json:"by,omitzero"`
	Error    string       `json:"error,omitzero"`
}

// PolicyCite is a policy that made an answer what it is.
type PolicyCite struct {
	Policy string            `json:"policy"`
	Line   int               `json:"line"`
	Error  string            `json:"error,omitzero"`
	Values map[string]string `json:"values,omitzero" doc:"what its conditions read"`
}

func showOutcome(o policy.Outcome) PolicyOutcome {
	out := PolicyOutcome{Name: o.Name, Passed: o.Passed, Expected: string(o.Expected), Got: string(o.Got), Error: o.Error}
	for _, c := range o.By {
		out.By = append(out.By, PolicyCite(c))
	}
	return out
}

// PolicyFinding is something that is wrong with a text, and where.
type PolicyFinding struct {
	In     string `json:"in" enum:"policies,schema"`
	Line   int    `json:"line,omitzero" doc:"from 1; left out: the text as a whole"`
	Column int    `json:"column,omitzero" doc:"from 1, in bytes"`
	Policy string `json:"policy,omitzero" doc:"id of the policy that it is about"`
	Text   string `json:"text"`
}

// CheckedPolicies are what a look at a draft has found.
type CheckedPolicies struct {
	Sound    bool            `json:"sound" doc:"a version of it can be written; whether it can be activated is for its cases to say"`
	Findings []PolicyFinding `json:"findings" doc:"at most 20"`
	Cases    []PolicyOutcome `json:"cases" doc:"run only if the draft is sound"`
}

func showChecked(c *policy.Checked) CheckedPolicies {
	out := CheckedPolicies{Sound: len(c.Findings) == 0, Findings: make([]PolicyFinding, len(c.Findings)), Cases: make([]PolicyOutcome, len(c.Cases))}
	for i, f := range c.Findings {
		out.Findings[i] = PolicyFinding(f)
	}
	for i, o := range c.Cases {
		out.Cases[i] = showOutcome(o)
	}
	return out
}

// PolicyChange is a difference between two versions.
type PolicyChange struct {
	Kind   string `json:"kind" enum:"added,removed,changed"`
	Policy string `json:"policy"`
	Before string `json:"before,omitzero"`
	After  string `json:"after,omitzero"`
}

// PolicyActivation says which version is to decide.
type PolicyActivation struct {
	Version int `json:"version" min:"1" max:"1000000000" doc:"an older one is a rollback"`
}

type ofPolicySet struct {
	within
	Set string `path:"set" max:"63"`
}

type ofPolicyVersion struct {
	ofPolicySet
	Number int `path:"number" min:"1" max:"1000000000"`
}

const (
	groupPolicies = "Policies"
	maxPolicyBody = 512 << 10
)

func (a *API) policies() []rest.Operation { return append(a.policySets(), a.policyVersions()...) }

func (a *API) policySets() []rest.Operation {
	const group = groupPolicies
	created := status(administers("POST /api/policies", "policy_set.create", "policy.write", group, "Make a policy set"), http.StatusCreated)
	deleted := administers("DELETE /api/policies/{set}", "policy_set.delete", "policy.delete", group, "Delete a policy set that no decision plan names")
	activate := administers("PUT /api/policies/{set}/active", "policy_set.activate", "policy.activate", group, "Have a version decide, if all its cases pass")
	rollback := administers("POST /api/policies/{set}/rollback", "policy_set.rollback", "policy.activate", group, "Have the version decide that did so before")
	return []rest.Operation{
		endpoint(a, administers("GET /api/policies", "policy_set.list", "policy.read", group, "List policy sets"),
			func(ctx context.Context, c access.Caller, in struct {
				within
				paging
			}) (page.Page[PolicySet], error) {
				p, err := a.Policies.List(ctx, c, in.request())
				return turned(p, err, showPolicySet)
			}),
		endpoint(a, refusing(created, errs.Precondition), func(ctx context.Context, c access.Caller, in struct {
			within
			Body NewPolicySet `body:"json"`
		}) (PolicySet, error) {
			s, err := a.Policies.Create(ctx, c, in.Body.Name, in.Body.Description)
			return one(s, err, showPolicySet)
		}),
		endpoint(a, administers("GET /api/policies/{set}", "policy_set.get", "policy.read", group, "Read a policy set"),
			func(ctx context.Context, c access.Caller, in ofPolicySet) (PolicySet, error) {
				s, err := a.Policies.Get(ctx, c, in.Set)
				return one(s, err, showPolicySet)
			}),
		endpoint(a, refusing(deleted, errs.Precondition), func(ctx context.Context, c access.Caller, in ofPolicySet) (rest.None, error) {
			return done(a.Policies.Delete(ctx, c, in.Set))
		}),
		endpoint(a, refusing(activate, errs.Precondition), func(ctx context.Context, c access.Caller, in struct {
			ofPolicySet
			Body PolicyActivation `body:"json"`
		}) (PolicySet, error) {
			s, err := a.Policies.Activate(ctx, c, in.Set, in.Body.Version)
			return one(s, err, showPolicySet)
		}),
		endpoint(a, refusing(rollback, errs.Precondition), func(ctx context.Context, c access.Caller, in ofPolicySet) (PolicySet, error) {
			s, err := a.Policies.Rollback(ctx, c, in.Set)
			return one(s, err, showPolicySet)
		}),
	}
}

func (a *API) policyVersions() []rest.Operation {
	const group = groupPolicies
	written := status(administers("POST /api/policies/{set}/versions", "policy_version.write", "policy.write", group, "Write a version, which decides nothing yet"), http.StatusCreated)
	written.MaxBody = maxPolicyBody
	checked := administers("POST /api/policies/{set}/check", "policy_version.check", "policy.read", group, "Say what is wrong with a draft, and run its cases; nothing is written")
	checked.MaxBody = maxPolicyBody
	return []rest.Operation{
		endpoint(a, checked, func(ctx context.Context, c access.Caller, in struct {
			ofPolicySet
			Body PolicyDraft `body:"json"`
		}) (CheckedPolicies, error) {
			draft, err := in.Body.draft()
			if err != nil {
				return CheckedPolicies{}, err
			}
			found, err := a.Policies.Check(ctx, c, in.Set, draft)
			return one(&found, err, showChecked)
		}),
		endpoint(a, written, func(ctx context.Context, c access.Caller, in struct {
			ofPolicySet
			Body PolicyDraft `body:"json"`
		}) (PolicyVersion, error) {
			draft, err := in.Body.draft()
			if err != nil {
				return PolicyVersion{}, err
			}
			v, err := a.Policies.Write(ctx, c, in.Set, draft)
			return one(v, err, listPolicyVersion)
		}),
		endpoint(a, administers("GET /api/policies/{set}/versions", "policy_version.list", "policy.read", group, "List versions, the newest first"),
			func(ctx context.Context, c access.Caller, in struct {
				ofPolicySet
				paging
			}) (page.Page[PolicyVersion], error) {
				p, err := a.Policies.Versions(ctx, c, in.Set, in.request())
				return turned(p, err, listPolicyVersion)
			}),
		endpoint(a, administers("GET /api/policies/{set}/versions/{number}", "policy_version.get", "policy.read", group, "Read a version"),
			func(ctx context.Context, c access.Caller, in ofPolicyVersion) (PolicyVersion, error) {
				v, err := a.Policies.Version(ctx, c, in.Set, in.Number)
				return one(v, err, showPolicyVersion)
			}),
		endpoint(a, administers("GET /api/policies/{set}/versions/{number}/diff", "policy_version.diff", "policy.read", group, "Say how a version differs from another one"),
			func(ctx context.Context, c access.Caller, in struct {
				ofPolicyVersion
				From int `query:"from" min:"1" max:"1000000000" doc:"left out: the active one"`
			}) (many[PolicyChange], error) {
				changes, err := a.Policies.Diff(ctx, c, in.Set, in.From, in.Number)
				return collect(changes, err, func(c policy.Change) PolicyChange { return PolicyChange(c) })
			}),
		endpoint(a, administers("POST /api/policies/{set}/versions/{number}/test", "policy_version.test", "policy.read", group, "Run the cases of a version"),
			func(ctx context.Context, c access.Caller, in ofPolicyVersion) (many[PolicyOutcome], error) {
				outcomes, err := a.Policies.Test(ctx, c, in.Set, in.Number)
				return collect(outcomes, err, showOutcome)
			}),
	}
}

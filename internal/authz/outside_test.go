package authz_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/point"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
)

// elsewhere are decision points that permit some subjects, and count how often they are asked.
type elsewhere struct {
	permits map[string]bool
	fail    error
	asked   [][]point.Question
}

func (e *elsewhere) Ask(_ context.Context, _ id.Tenant, name string, _ []string, qs []point.Question) ([]point.Answer, error) {
	e.asked = append(e.asked, qs)
	if e.fail != nil {
		return nil, e.fail
	}
	out := make([]point.Answer, len(qs))
	for i, q := range qs {
		out[i] = point.Answer{Permit: e.permits[name+"/"+q.Subject.ID], Reason: "its words"}
		if q.Subject.ID == "unclear" {
			out[i] = point.Answer{Failed: "It could not answer this question."}
		}
	}
	return out, nil
}

func (e *elsewhere) Known(_ context.Context, _ id.Tenant, name string) error {
	if name != "first" && name != "second" {
		return errs.New(errs.NotFound, "decision_point_not_found", "There is no such decision point.")
	}
	return nil
}

func newOutside(t *testing.T) (*planned, *elsewhere) {
	t.Helper()
	p := newPlanned(t)
	p.policies("rules", `permit(principal, action == Action::"read", resource) when { principal.id == "cedar" };
forbid(principal, action == Action::"destroy", resource);`)
	p.role("reader", "read")
	p.assign("reader", "", user("holder"))
	p.plan("doc", authz.Plan{Roles: true, Policies: []string{"rules"}, Points: []string{"first", "second"}})
	return p, p.outside
}

// TestPoints are asked where nothing else has decided, each in turn; one that fails denies and is named.
func TestPoints(t *testing.T) {
	t.Parallel()
	p, e := newOutside(t)
	e.permits = map[string]bool{"first/one": true, "second/two": true}
	doc := authz.Resource{Type: "doc", ID: "1"}
	for _, explain := range []bool{false, true} {
		for subject, want := range map[string]struct {
			allow  bool
			kind   string
			engine string
			asked  int
		}{
			"cedar": {true, "policy", "policies:rules", 0}, "holder": {true, "role", "roles", 0},
			"one": {true, "point", "point:first", 1}, "two": {true, "point", "point:second", 2},
			"nobody": {false, "not_granted", "roles", 2}, "barred": {false, "barred", "", 0}, "unclear": {false, "failed", "point:first", 1},
		} {
			e.asked = nil
			d := p.ask(subject, "read", doc, authz.Options{Explain: explain})
			if r := d.Reasons[0]; d.Allow != want.allow || r.Kind != want.kind && want.kind != "not_granted" || r.Engine != want.engine && want.kind != "not_granted" || len(e.asked) != want.asked {
				t.Errorf("%s, explain %v: %+v after %d questions", subject, explain, d, len(e.asked))
			}
		}
	}
	e.asked, e.permits = nil, map[string]bool{"first/one": true}
	if d := p.ask("one", "destroy", doc, authz.Options{}); d.Allow || len(e.asked) != 0 {
		t.Errorf("forbidden: %+v, asked %v", d, e.asked)
	}
	e.fail = errs.New(errs.Unavailable, "fetch_failed", "The address could not be fetched.")
	d := p.ask("one", "read", doc, authz.Options{})
	if r := d.Reasons[0]; d.Allow || r.Kind != "failed" || r.Text != "point:first could not answer: The address could not be fetched." || len(e.asked) != 1 {
		t.Errorf("a point that fails: %+v, asked %d", d, len(e.asked))
	}
	if d := p.ask("holder", "read", doc, authz.Options{Explain: true}); !d.Allow {
		t.Errorf("what roles permit hangs on a point: %+v", d)
	}
}

// TestPointsInPlans: a plan names points that there are, and nothing can be searched by one.
func TestPointsInPlans(t *testing.T) {
	t.Parallel()
	p, _ := newOutside(t)
	for _, names := range [][]string{{"third"}, {"first", "first"}, {"first", "second", "first", "second"}} {
		if err := p.SetPlan(t.Context(), p.operator, "doc", authz.Plan{Points: names}); err == nil {
			t.Errorf("a plan with %v is kept", names)
		}
	}
	for name, want := range map[string]bool{"first": true, "other": false} {
		if used, err := p.PointInUse(t.Context(), acme, name); err != nil || used != want {
			t.Errorf("%s in use: %v, %v", name, used, err)
		}
	}
	_, err := p.SearchResources(t.Context(), p.operator, authz.Request{
		Subject: authz.Subject{Type: "user", ID: "one"}, Action: authz.Action{Name: "read"}, Resource: authz.Resource{Type: "doc", ID: "*"},
	}, page.Request{})
	if errs.CodeOf(err) != "search_not_enumerable" {
		t.Error(err)
	}
}

// TestTogether: several questions cost a point one request, with those that go by it and nothing else, and
// are answered as each by itself.
func TestTogether(t *testing.T) {
	t.Parallel()
	p, e := newOutside(t)
	e.permits = map[string]bool{"first/one": true, "second/two": true}
	ask := func(subject, resource string) authz.Request {
		return authz.Request{Subject: authz.Subject{Type: "user", ID: subject}, Action: authz.Action{Name: "read"}, Resource: authz.Resource{Type: resource, ID: "1"}}
	}
	questions := func() []authz.Request {
		bad := ask("one", "doc")
		bad.Context = authz.Properties{"environment": 1}
		return []authz.Request{ask("holder", "doc"), ask("two", "doc"), ask("one", "other"), bad, ask("one", "doc"), ask("nobody", "doc")}
	}
	answer := func(rs []authz.Request) (out []bool) {
		for _, r := range rs {
			d, err := p.Ask(t.Context(), p.operator, r)
			out = append(out, err == nil && d.Allow)
		}
		return out
	}
	alone := answer(questions())
	e.asked = nil
	together := answer(authz.Together(questions()))
	if diff := cmp.Diff(alone, together); diff != "" || cmp.Diff([]bool{true, true, false, false, true, false}, together) != "" {
		t.Errorf("alone %v, together %v", alone, together)
	}
	var asked [][]string
	for _, qs := range e.asked {
		var who []string
		for _, q := range qs {
			who = append(who, q.Subject.ID)
		}
		asked = append(asked, who)
	}
	if diff := cmp.Diff([][]string{{"two", "one", "nobody"}, {"two", "one", "nobody"}}, asked); diff != "" {
		t.Error(diff)
	}
	e.fail, e.asked = errs.New(errs.Unavailable, "fetch_failed", "No."), nil
	if got := answer(authz.Together(questions())); cmp.Diff([]bool{true, false, false, false, false, false}, got) != "" || len(e.asked) != 1 {
		t.Errorf("where it fails: %v after %d requests", got, len(e.asked))
	}
}

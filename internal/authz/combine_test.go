package authz_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/policy"
	"github.com/cardea-auth/cardea/internal/cache/memory"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// planned is a house in which plans can name policies and one store.
type planned struct {
	*house
	sets  *policy.Sets
	store *oneStore
	calls *counted

	outside *elsewhere
}

// counted counts what is asked of policies.
type counted struct {
	*policy.Sets
	n    int
	fail error
}

func (c *counted) Judge(ctx context.Context, t id.Tenant, u policy.Use, q policy.Question, explain bool) (policy.Verdict, int, error) {
	if c.n++; c.fail != nil {
		return policy.Verdict{}, 0, c.fail
	}
	return c.Sets.Judge(ctx, t, u, q, explain)
}

// oneStore is a store in which some subjects are viewers of everything.
type oneStore struct {
	authz.Stores
	viewers map[string]bool
	fail    error
	n       int
}

func (s *oneStore) Check(_ context.Context, _ authz.StoreAt, q graph.Query) (authz.StoreAnswer, error) {
	s.n++
	a := authz.StoreAnswer{Allowed: s.viewers[q.Subject.ID] && q.Relation == "viewer", Model: "m", Revision: 9}
	if q.Explain {
		a.Sentence = "so the store says"
	}
	return a, s.fail
}

func (s *oneStore) RelationsOf(context.Context, authz.StoreAt, string) ([]string, error) {
	return []string{"viewer", "owner"}, nil
}

// people tell what identity knows.
type people struct{}

func (people) Barred(_ context.Context, _ id.Tenant, _, subjectID string) (string, error) {
	if subjectID == "barred" {
		return "is disabled", nil
	}
	return "", nil
}

func (people) Attributes(_ context.Context, _ id.Tenant, _, subjectID string) (map[string]any, bool, error) {
	return map[string]any{"email": subjectID + "@example.com", "email_verified": subjectID != "mallory"}, true, nil
}

var acrs = []string{"urn:one", "urn:two", "urn:three"}

func newPlanned(t testing.TB) *planned {
	t.Helper()
	clock := storetest.NewClock()
	cache, err := memory.New(memory.Config{Now: clock.Now, MaxEntries: 1000})
	if err != nil {
		t.Fatal(err)
	}
	db := storetest.NewDB(t, storetest.WithClock(clock), storetest.WithCache(cache))
	guard := access.NewGuard(nil, clock.Now)
	p := &planned{store: &oneStore{viewers: map[string]bool{}}, outside: &elsewhere{}}
	p.sets = policy.New(policy.Config{DB: db, Guard: guard, InUse: func(ctx context.Context, t id.Tenant, set string) (bool, error) { return p.InUse(ctx, t, set) }})
	p.calls = &counted{Sets: p.sets}
	engine, err := authz.New(authz.Config{DB: db, Guard: guard, Subjects: people{}, Attributes: people{}, Policies: p.calls, Stores: p.store, Points: p.outside, ACRs: acrs})
	if err != nil {
		t.Fatal(err)
	}
	guard.Use(engine)
	storetest.Ensure(t, db)
	p.house = &house{t: t, clock: clock, Engine: engine, operator: access.Operator(acme, "root", "test")}
	return p
}

// policies activates policies as a set.
func (p *planned) policies(set, text string) {
	p.t.Helper()
	ctx := p.t.Context()
	if _, err := p.sets.Create(ctx, p.operator, set, ""); err != nil && errs.CodeOf(err) != "already_exists" {
		p.t.Fatal(err)
	}
	v, err := p.sets.Write(ctx, p.operator, set, policy.Draft{Text: text})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.sets.Activate(ctx, p.operator, set, v.Number); err != nil {
		p.t.Fatal(err)
	}
}

func (p *planned) plan(resourceType string, plan authz.Plan) {
	p.t.Helper()
	if err := p.SetPlan(p.t.Context(), p.operator, resourceType, plan); err != nil {
		p.t.Fatal(err)
	}
}

func (p *planned) ask(userID, action string, r authz.Resource, o authz.Options) authz.Decision {
	p.t.Helper()
	d, err := p.Decide(p.t.Context(), authz.Request{
		Tenant: acme, Subject: authz.Subject{Type: "user", ID: userID}, Action: authz.Action{Name: action}, Resource: r, Options: o,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return d
}

// TestCombination is the one rule, over all that engines can say.
func TestCombination(t *testing.T) {
	t.Parallel()
	p := newPlanned(t)
	p.role("editor", "edit")
	p.assign("editor", "", user("role"))
	p.assign("editor", "", user("barred"))
	p.assign("editor", "", user("forbidden"))
	p.store.viewers["tuple"], p.store.viewers["forbidden"] = true, true
	p.policies("rules", `
		@id("p") permit(principal == User::"policy", action, resource);
		@id("f") forbid(principal == User::"forbidden", action, resource);
		@id("e") forbid(principal == User::"error", action, resource) when { resource.nothing };`)
	p.plan("doc", authz.Plan{Roles: true, Policies: []string{"rules"}, Store: "s", Relations: map[string]string{"edit": "viewer"}})
	doc := authz.Resource{Type: "doc", ID: "1"}
	for who, want := range map[string]struct {
		allow        bool
		kind, engine string
	}{
		"role": {true, "role", "roles"}, "policy": {true, "policy", "policies:rules"}, "tuple": {true, "relation", "store:s"},
		"forbidden": {false, "forbidden", "policies:rules"}, "error": {false, "failed", "policies:rules"},
		"nobody": {false, "not_granted", "roles"}, "barred": {false, "barred", ""},
	} {
		d := p.ask(who, "edit", doc, authz.Options{})
		if d.Allow != want.allow || d.Reasons[0].Kind != want.kind || d.Reasons[0].Engine != want.engine {
			t.Errorf("%s: %+v", who, d)
		}
		if e := p.ask(who, "edit", doc, authz.Options{Explain: true}); e.Allow != d.Allow {
			t.Errorf("%s: explained otherwise: %+v", who, e)
		}
	}
	p.want("tuple", "delete", doc, false) // the plan maps no relation
	d := p.ask("forbidden", "edit", doc, authz.Options{})
	if r := d.Reasons[0]; r.Policy != "f" || r.Line != 3 || r.Version != 1 {
		t.Errorf("%+v", r)
	}
	// An engine that fails denies, whatever the others say, and is named.
	p.store.fail = errors.New("no answer")
	for _, who := range []string{"role", "tuple"} {
		if d := p.ask(who, "edit", doc, authz.Options{}); d.Allow || d.Reasons[0].Kind != "failed" || d.Reasons[0].Engine != "store:s" {
			t.Errorf("%s with a store that fails: %+v", who, d)
		}
	}
	p.store.fail, p.calls.fail = nil, context.DeadlineExceeded
	if d := p.ask("role", "edit", doc, authz.Options{}); d.Allow || d.Reasons[0].Engine != "policies:rules" {
		t.Errorf("with policies that fail: %+v", d)
	}
}

// TestRolesAloneTouchNothingElse: where roles answer alone, no policy and no store is asked, no document
// is read, and nothing more is allocated than without any plan.
func TestRolesAloneTouchNothingElse(t *testing.T) {
	storetest.SQLiteOnly(t, "where others may write, a node that has heard nothing of them asks the store")
	p := newPlanned(t)
	p.role("editor", "edit")
	p.assign("editor", "", user("alice"))
	r := authz.Request{Tenant: acme, Subject: authz.Subject{Type: "user", ID: "alice"}, Action: authz.Action{Name: "edit"}, Resource: post}
	cost := func() float64 {
		return testing.AllocsPerRun(200, func() {
			if d, err := p.Decide(t.Context(), r); err != nil || !d.Allow {
				t.Error(d, err)
			}
		})
	}
	before := cost()
	p.policies("rules", `forbid(principal, action, resource);`)
	p.plan("doc", authz.Plan{Roles: true, Policies: []string{"rules"}})
	p.want("alice", "edit", authz.Resource{Type: "doc", ID: "1"}, false)
	asked := p.calls.n
	if after := cost(); after > before {
		t.Errorf("a check by roles allocates %v, and with a plan for another type %v", before, after)
	}
	if p.calls.n != asked || p.store.n != 0 {
		t.Errorf("policies were asked %d times, the store %d", p.calls.n-asked, p.store.n)
	}
}

// TestOwnMattersSeeNoPolicies: neither Cardea's own permissions, nor who has a role, nor the tenant of the
// platform can be ruled by policies.
func TestOwnMattersSeeNoPolicies(t *testing.T) {
	t.Parallel()
	p := newPlanned(t)
	p.policies("rules", `permit(principal, action, resource); forbid(principal == User::"root", action, resource);`)
	p.plan(authz.AnyType, authz.Plan{Policies: []string{"rules"}})
	p.assign(authz.AdminRole, "", user("root"))
	p.want("alice", "anything", post, true)
	p.want("root", "anything", post, false)
	p.want("alice", "cardea:user.disable", post, false)
	p.want("alice", "assignee", authz.Resource{Type: "role", ID: authz.AdminRole}, false)
	p.want("root", "assignee", authz.Resource{Type: "role", ID: authz.AdminRole}, true)
	for who, want := range map[string]bool{"alice": false, "root": true} {
		d, err := p.DecideAccess(t.Context(), access.Request{Caller: access.Authenticated(acme, access.User(who), access.Proof{}, access.Origin{}), Action: "user.disable"})
		if err != nil || d.Allow != want {
			t.Errorf("%s: %+v %v", who, d, err)
		}
	}
	if err := p.SetPlan(t.Context(), access.Operator(id.System, "root", "test"), "x", authz.Plan{Roles: true}); errs.CodeOf(err) != "system_tenant" {
		t.Errorf("a plan for the platform: %v", err)
	}
	for _, name := range []string{"role", "cardea:user", ""} {
		if err := p.SetPlan(t.Context(), p.operator, name, authz.Plan{Roles: true}); !errs.Is(err, errs.Invalid) {
			t.Errorf("a plan for %q: %v", name, err)
		}
	}
}

// TestPlansFollowAtOnce: what is activated, set or taken away counts for the next question.
func TestPlansFollowAtOnce(t *testing.T) {
	t.Parallel()
	p := newPlanned(t)
	p.want("alice", "read", post, false) // and remembers that there are no plans
	p.policies("rules", `permit(principal, action, resource);`)
	p.plan("post", authz.Plan{Policies: []string{"rules"}})
	p.want("alice", "read", post, true)
	p.policies("rules", `permit(principal == User::"bob", action, resource);`)
	p.want("alice", "read", post, false)
	if _, err := p.sets.Rollback(t.Context(), p.operator, "rules"); err != nil {
		t.Fatal(err)
	}
	p.want("alice", "read", post, true)
	if err := p.sets.Delete(t.Context(), p.operator, "rules"); errs.CodeOf(err) != "policy_set_in_use" {
		t.Errorf("deleted a set that decides: %v", err)
	}
	if err := p.RemovePlan(t.Context(), p.operator, "post"); err != nil {
		t.Fatal(err)
	}
	p.want("alice", "read", post, false)
	if err := p.sets.Delete(t.Context(), p.operator, "rules"); err != nil {
		t.Error(err)
	}
	if err := p.SetPlan(t.Context(), p.operator, "post", authz.Plan{Policies: []string{"rules"}}); !errs.Is(err, errs.NotFound) {
		t.Errorf("a plan with a set that is gone: %v", err)
	}
}

// TestWhoIsWhereIsKnown: groups, roles and attributes of identity come from Cardea and nobody can state them.
func TestWhoIsWhereIsKnown(t *testing.T) {
	t.Parallel()
	p := newPlanned(t)
	p.role("editor")
	p.assign("editor", "", store.SubjectRef{Type: "group", ID: "staff", Relation: "member"})
	p.assign("editor", "org1", user("carol"))
	if _, err := p.SetMember(t.Context(), p.operator, "staff", user("alice"), true); err != nil {
		t.Fatal(err)
	}
	p.policies("rules", `
		permit(principal in Role::"editor", action == Action::"edit", resource);
		permit(principal in Group::"staff", action == Action::"chat", resource);
		permit(principal in OrgRole::"org1/editor", action == Action::"org", resource);
		permit(principal, action == Action::"mail", resource) when { principal.email_verified && principal.email == "alice@example.com" };`)
	p.plan("post", authz.Plan{Policies: []string{"rules"}})
	in := authz.Resource{Type: "post", ID: "1", Properties: authz.Properties{"org": "org1"}}
	for _, c := range []struct {
		who, action string
		on          authz.Resource
		want        bool
	}{
		{"alice", "edit", post, true}, {"alice", "chat", post, true}, {"bob", "edit", post, false}, {"carol", "chat", post, false},
		{"carol", "edit", post, false}, {"carol", "edit", in, true}, {"carol", "org", post, true}, {"alice", "org", in, false},
		{"alice", "mail", post, true}, {"mallory", "mail", post, false},
	} {
		p.want(c.who, c.action, c.on, c.want)
	}
	mallory := authz.Subject{Type: "user", ID: "mallory", Properties: authz.Properties{"email_verified": true, "email": "alice@example.com"}}
	r := authz.Request{Tenant: acme, Subject: mallory, Action: authz.Action{Name: "mail"}, Resource: post}
	if d, err := p.Decide(t.Context(), r); err != nil || d.Allow {
		t.Errorf("believed what was stated: %+v %v", d, err)
	}
	for _, parents := range []any{
		[]any{"role:editor"}, []any{map[string]any{"type": "folder", "id": "f", "parents": []any{"role:editor"}}},
		[]any{map[string]any{"type": "user", "id": "mallory", "parents": []any{"group:staff"}}}, "role:editor", []any{1.0}, []any{":"},
		strings.Repeat("x", 10), []any{map[string]any{}},
	} {
		r := authz.Request{
			Tenant: acme, Subject: authz.Subject{Type: "user", ID: "mallory"}, Action: authz.Action{Name: "edit"},
			Resource: authz.Resource{Type: "post", ID: "1", Properties: authz.Properties{"parents": parents}},
		}
		if d, err := p.Decide(t.Context(), r); !errs.Is(err, errs.Invalid) || d.Allow {
			t.Errorf("%v: %+v %v", parents, d, err)
		}
		r.Subject.Properties, r.Resource.Properties = authz.Properties{"parents": parents}, nil
		if d, err := p.Decide(t.Context(), r); !errs.Is(err, errs.Invalid) || d.Allow {
			t.Errorf("of the subject, %v: %+v %v", parents, d, err)
		}
	}
}

// TestEnvironmentIsTheServers: only who has the permission says what time it is, and to whom a proof belongs.
func TestEnvironmentIsTheServers(t *testing.T) {
	t.Parallel()
	p := newPlanned(t)
	p.policies("rules", `permit(principal, action, resource) when { context.environment.time >= datetime("2030-01-01") };`)
	p.plan("post", authz.Plan{Policies: []string{"rules"}})
	p.role("pep", "cardea:decision.environment")
	p.assign("pep", "", store.SubjectRef{Type: "service", ID: "trusted"})
	ask := func(service string, context authz.Properties) (authz.Decision, error) {
		c := access.Authenticated(acme, access.Service(service), access.Proof{Scoped: true, Scopes: []string{access.ScopeAdmin}}, access.Origin{})
		return p.Ask(t.Context(), c, authz.Request{Subject: authz.Subject{Type: "user", ID: "alice"}, Action: authz.Action{Name: "read"}, Resource: post, Context: context})
	}
	later := authz.Properties{"environment": map[string]any{"time": "2030-01-01T00:00:00Z"}}
	if d, err := ask("plain", nil); err != nil || d.Allow {
		t.Errorf("%+v %v", d, err)
	}
	if _, err := ask("plain", later); errs.From(err).Missing != "decision.environment" {
		t.Errorf("anybody says what time it is: %v", err)
	}
	if d, err := ask("trusted", later); err != nil || !d.Allow {
		t.Errorf("%+v %v", d, err)
	}
	for _, bad := range []any{"now", map[string]any{"time": "2030-01-01"}, map[string]any{"address": "x"}, map[string]any{"local": 1.0}} {
		if _, err := ask("trusted", authz.Properties{"environment": bad}); !errs.Is(err, errs.Invalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	for _, bad := range []any{"x", map[string]any{"acr": "urn:two"}, map[string]any{"acr": "urn:nine", "auth_time": 1.0}, map[string]any{"acr": "urn:two", "auth_time": "x"}} {
		if _, err := ask("trusted", authz.Properties{"authentication": bad}); !errs.Is(err, errs.Invalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// TestStepUp: advice is given where it would help, and says what suffices.
func TestStepUp(t *testing.T) {
	t.Parallel()
	p := newPlanned(t)
	p.role("payer", "pay", "close")
	p.assign("payer", "", user("alice"))
	p.policies("rules", `
		permit(principal, action == Action::"view", resource) when { context.authentication.strength >= 2 };
		forbid(principal, action == Action::"pay", resource) unless { context has authentication && context.authentication.age <= 300 };
		forbid(principal, action == Action::"close", resource) unless { context has authentication && context.authentication.acr == "urn:three" && context.authentication.age < 60 };
		permit(principal == User::"bob", action == Action::"drop", resource) when { context.authentication.strength >= 9 };`)
	p.plan("account", authz.Plan{Roles: true, Policies: []string{"rules"}})
	on := authz.Resource{Type: "account", ID: "1"}
	now := p.clock.Now()
	five, none := 5*time.Minute, time.Duration(0)
	for name, c := range map[string]struct {
		who, action string
		has         *authz.Authentication
		want        *authz.StepUp
		allow       bool
	}{
		"too weak":       {"alice", "view", &authz.Authentication{Strength: 1, At: now}, &authz.StepUp{ACR: "urn:two"}, false},
		"strong enough":  {"alice", "view", &authz.Authentication{Strength: 3, At: now}, nil, true},
		"unknown":        {"alice", "view", nil, &authz.StepUp{ACR: "urn:two"}, false},
		"too old":        {"alice", "pay", &authz.Authentication{Strength: 1, At: now.Add(-time.Hour)}, &authz.StepUp{MaxAge: &five}, false},
		"fresh":          {"alice", "pay", &authz.Authentication{Strength: 1, At: now.Add(-time.Minute)}, nil, true},
		"both":           {"alice", "close", &authz.Authentication{Strength: 2, At: now.Add(-time.Hour)}, &authz.StepUp{ACR: "urn:three", MaxAge: &none}, false},
		"no permission":  {"mallory", "pay", &authz.Authentication{Strength: 1, At: now.Add(-time.Hour)}, nil, false},
		"nothing helps":  {"bob", "drop", &authz.Authentication{Strength: 1, At: now}, nil, false},
		"another action": {"alice", "rename", &authz.Authentication{Strength: 1, At: now}, nil, false},
	} {
		d := p.ask(c.who, c.action, on, authz.Options{Environment: authz.Environment{Authentication: c.has}})
		if diff := cmp.Diff(c.want, d.StepUp); d.Allow != c.allow || diff != "" {
			t.Errorf("%s: allow %v, %s (%+v)", name, d.Allow, diff, d.Reasons)
		}
	}
}

// TestOnlyWhatPassesIsActivated: a version with a case that fails does not decide.
func TestOnlyWhatPassesIsActivated(t *testing.T) {
	t.Parallel()
	p := newPlanned(t)
	ctx := t.Context()
	p.policies("rules", `permit(principal, action, resource);`)
	bob := policy.Part{Type: "user", ID: "bob"}
	_, err := p.sets.Write(ctx, p.operator, "rules", policy.Draft{
		Text:  `permit(principal == User::"alice", action, resource);`,
		Cases: []policy.Case{{Name: "bob reads", Subject: bob, Action: "read", Resource: policy.Part{Type: "post", ID: "1"}, Expect: policy.Permit}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.sets.Activate(ctx, p.operator, "rules", 2); errs.CodeOf(err) != "policy_cases_failed" {
		t.Errorf("activated: %v", err)
	}
	outcomes, err := p.sets.Test(ctx, p.operator, "rules", 2)
	if err != nil || len(outcomes) != 1 || outcomes[0].Passed || outcomes[0].Got != policy.None {
		t.Errorf("%+v %v", outcomes, err)
	}
	if doc, err := p.sets.Get(ctx, p.operator, "rules"); err != nil || doc.Active != 1 || doc.Latest != 2 {
		t.Errorf("%+v %v", doc, err)
	}
	changes, err := p.sets.Diff(ctx, p.operator, "rules", 1, 2)
	if err != nil || len(changes) != 1 || changes[0].Kind != "changed" || changes[0].Policy != "policy0" {
		t.Errorf("%+v %v", changes, err)
	}
	for _, number := range []int{0, -1, 3} {
		if _, err := p.sets.Activate(ctx, p.operator, "rules", number); errs.CodeOf(err) != "policy_version_not_found" {
			t.Errorf("activated %d: %v", number, err)
		}
	}
	if _, err := p.sets.Write(ctx, p.operator, "nothing", policy.Draft{}); errs.CodeOf(err) != "policy_set_not_found" {
		t.Error(err)
	}
}

// TestExplanationsShowNoAccounts: who may ask need not be one who may read accounts or tuples.
func TestExplanationsShowNoAccounts(t *testing.T) {
	t.Parallel()
	p := newPlanned(t)
	p.policies("rules", `permit(principal, action, resource) when {
		principal.email == "x" && principal.level > 1 && resource.note == "n" && resource.owner.email == "y" && context.who.email == "z" };`)
	p.plan("post", authz.Plan{Policies: []string{"rules"}, Store: "s", Relations: map[string]string{"read": "viewer"}})
	p.role("reader", "cardea:user.read", "cardea:authz.tuple.read")
	p.assign("reader", "", store.SubjectRef{Type: "service", ID: "reads"})
	p.store.viewers["viewer"] = true
	carol := map[string]any{"__entity": map[string]any{"type": "User", "id": "carol"}}
	ask := func(who access.Subject, about string) (values string, text string) {
		c := access.Authenticated(acme, who, access.Proof{Scoped: true, Scopes: []string{access.ScopeAdmin}}, access.Origin{})
		d, err := p.Ask(t.Context(), c, authz.Request{
			Subject: authz.Subject{Type: "user", ID: about, Properties: authz.Properties{"level": 3.0}}, Action: authz.Action{Name: "read"},
			Resource: authz.Resource{Type: "post", ID: "1", Properties: authz.Properties{"note": "n", "owner": carol}},
			Context:  authz.Properties{"who": carol}, Options: authz.Options{Explain: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range d.Reasons {
			for name := range r.Values {
				values += name + " "
			}
			text += r.Text
		}
		return values, text
	}
	for name, who := range map[string]access.Subject{"plain": access.Service("plain"), "bob of alice": access.Service("bob")} {
		values, text := ask(who, "alice")
		if strings.TrimSpace(values) != "resource.note" || strings.Contains(text, "so the store says") {
			t.Errorf("%s sees %q and %q", name, values, text)
		}
	}
	if values, text := ask(access.Service("reads"), "alice"); !strings.Contains(values, "principal.email") || !strings.Contains(values, "context.who.email") || !strings.Contains(text, "so the store says") {
		t.Errorf("who may read sees %q and %q", values, text)
	}
	if values, text := ask(access.User("alice"), "alice"); !strings.Contains(values, "principal.email") || strings.Contains(values, "owner.email") || strings.Contains(values, "who.email") || strings.Contains(text, "so the store says") {
		t.Errorf("the subject itself sees %q and %q", values, text)
	}
}

// BenchmarkDecide compares a question that roles answer with one that policies answer too.
func BenchmarkDecide(b *testing.B) {
	for name, plan := range map[string]*authz.Plan{"roles": nil, "roles and policies": {Roles: true, Policies: []string{"rules"}}} {
		b.Run(name, func(b *testing.B) {
			p := newPlanned(b)
			p.role("editor", "edit")
			p.assign("editor", "", user("alice"))
			p.policies("rules", `forbid(principal, action, resource) when { resource has sealed && resource.sealed };`)
			if plan != nil {
				p.plan("post", *plan)
			}
			r := authz.Request{Tenant: acme, Subject: authz.Subject{Type: "user", ID: "alice"}, Action: authz.Action{Name: "edit"}, Resource: post}
			b.ReportAllocs()
			for b.Loop() {
				if d, err := p.Decide(b.Context(), r); err != nil || !d.Allow {
					b.Fatal(d, err)
				}
			}
		})
	}
}

package journal_test

import (
	"context"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/journal"
	"github.com/cardea-auth/cardea/internal/authz/policy"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

const acme = id.Tenant("acme")

type house struct {
	t        *testing.T
	clock    *storetest.Clock
	db       *store.DB
	engine   *authz.Engine
	sets     *policy.Sets
	journal  *journal.Journal
	operator access.Caller
	asker    access.Caller
}

func newHouse(t *testing.T) *house {
	t.Helper()
	clock := storetest.NewClock()
	h := &house{
		t: t, clock: clock, db: storetest.NewDB(t, storetest.WithClock(clock)), operator: access.Operator(acme, "root", "test"),
		asker: access.Authenticated(acme, access.Service("app"), access.Proof{Scoped: true}, access.Origin{}),
	}
	guard := access.NewGuard(nil, clock.Now)
	h.sets = policy.New(policy.Config{DB: h.db, Guard: guard})
	var err error
	if h.engine, err = authz.New(authz.Config{DB: h.db, Guard: guard, Policies: h.sets}); err != nil {
		t.Fatal(err)
	}
	guard.Use(h.engine)
	h.journal = journal.New(h.db, guard, h.engine)
	h.engine.Records(h.journal)
	storetest.Ensure(t, h.db)
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) role(name, permission string) {
	h.t.Helper()
	_, err := h.engine.CreateRole(h.t.Context(), h.operator, authz.Role{Meta: store.Meta{ID: name}, Permissions: []string{permission}})
	h.must(err)
}

func (h *house) assign(role, userID string, expires time.Time) {
	h.t.Helper()
	_, err := h.engine.Assign(h.t.Context(), h.operator, authz.Assignment{Role: role, Subject: store.SubjectRef{Type: "user", ID: userID}, Expires: expires})
	h.must(err)
}

func (h *house) unassign(role, userID string) {
	h.t.Helper()
	_, err := h.engine.Unassign(h.t.Context(), h.operator, authz.Assignment{Role: role, Subject: store.SubjectRef{Type: "user", ID: userID}})
	h.must(err)
}

func (h *house) policies(text string) {
	h.t.Helper()
	_, _ = h.sets.Create(h.t.Context(), h.operator, "rules", "")
	v, err := h.sets.Write(h.t.Context(), h.operator, "rules", policy.Draft{Text: text})
	h.must(err)
	_, err = h.sets.Activate(h.t.Context(), h.operator, "rules", v.Number)
	h.must(err)
}

func question(who, action string) authz.Request {
	return authz.Request{
		Tenant: acme, Subject: authz.Subject{Type: "user", ID: who, Properties: authz.Properties{"level": 3.0}}, Action: authz.Action{Name: action},
		Resource: authz.Resource{Type: "post", ID: "1", Properties: authz.Properties{"note": "private"}}, Context: authz.Properties{"a": []any{"b"}},
	}
}

// ask asks and returns the entry that was kept of it.
func (h *house) ask(who, action string, allow bool) journal.Entry {
	h.t.Helper()
	d, err := h.engine.Ask(h.t.Context(), h.asker, question(who, action))
	h.must(err)
	if d.Allow != allow {
		h.t.Errorf("%s %s: %+v", who, action, d)
	}
	h.must(h.journal.Flush(h.t.Context()))
	p, err := h.journal.List(h.t.Context(), h.operator, journal.Filter{}, page.Request{Limit: 1})
	h.must(err)
	if len(p.Items) == 0 {
		h.t.Fatal("nothing was kept")
	}
	h.clock.Advance(time.Second)
	return p.Items[0]
}

func (h *house) replay(e journal.Entry) journal.Replayed {
	h.t.Helper()
	r, err := h.journal.Replay(h.t.Context(), h.operator, e.ID)
	h.must(err)
	return r
}

// TestNothingIsKeptUnasked: without settings no decision is kept, and what is kept ends by itself.
func TestNothingIsKeptUnasked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	_, err := h.engine.Ask(ctx, h.asker, question("bob", "read"))
	h.must(err)
	h.must(h.journal.Flush(ctx))
	if p, err := h.journal.List(ctx, h.operator, journal.Filter{}, page.Request{}); err != nil || len(p.Items) != 0 {
		t.Errorf("%+v %v", p, err)
	}
	for _, bad := range []authz.LogSettings{{Share: 2, Days: 1}, {Share: -1, Days: 1}, {Share: 1}, {Share: 1, Days: 1000}} {
		if err := h.engine.SetLog(ctx, h.operator, bad); !errs.Is(err, errs.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	h.must(h.engine.SetLog(ctx, h.operator, authz.LogSettings{Share: 1, Days: 2}))
	e := h.ask("bob", "read", false)
	if e.Request.Subject.ID != "bob" || e.Request.Resource.Properties["note"] != "private" || e.Asker.ID != "app" || e.Decision.Reasons[0].Kind != "not_granted" {
		t.Errorf("%+v", e)
	}
	if _, err := h.journal.Get(ctx, h.asker, e.ID); !errs.Is(err, errs.Denied) {
		t.Errorf("read by whoever asked: %v", err)
	}
	h.must(h.journal.Forget(ctx, acme, "bob"))
	if _, err := h.journal.Get(ctx, h.operator, e.ID); !errs.Is(err, errs.NotFound) {
		t.Errorf("of a person who was forgotten: %v", err)
	}
	e = h.ask("bob", "read", false)
	h.clock.Advance(48 * time.Hour)
	if _, err := h.journal.Replay(ctx, h.operator, e.ID); !errs.Is(err, errs.NotFound) {
		t.Errorf("after its time: %v", err)
	}
}

// TestFilter: decisions are found by what is sealed and by what is not, on pages that follow each other.
func TestFilter(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.must(h.engine.SetLog(t.Context(), h.operator, authz.LogSettings{Share: 1, Days: 9}))
	h.role("editor", "edit")
	h.assign("editor", "bob", time.Time{})
	start := h.clock.Now()
	for range 5 {
		h.ask("bob", "edit", true)
		h.ask("bob", "mail", false)
		h.ask("carol", "edit", false)
	}
	yes, no := true, false
	for name, c := range map[string]struct {
		f    journal.Filter
		want int
	}{
		"all":                     {journal.Filter{}, 15},
		"subject":                 {journal.Filter{Subject: "bob"}, 10},
		"action":                  {journal.Filter{Action: "edit"}, 10},
		"allowed":                 {journal.Filter{Allowed: &yes}, 5},
		"denied of a subject":     {journal.Filter{Allowed: &no, Subject: "bob"}, 5},
		"type of resource":        {journal.Filter{Resource: "post"}, 15},
		"resource":                {journal.Filter{Resource: "post:1"}, 15},
		"another resource":        {journal.Filter{Resource: "post:2"}, 0},
		"no prefix of a type":     {journal.Filter{Resource: "pos"}, 0},
		"from":                    {journal.Filter{From: start.Add(3 * time.Second)}, 12},
		"until":                   {journal.Filter{Until: start.Add(3 * time.Second)}, 3},
		"a subject in some time":  {journal.Filter{Subject: "carol", From: start.Add(2 * time.Second), Until: start.Add(6 * time.Second)}, 2},
		"before there was a time": {journal.Filter{Until: time.Unix(-1, 0)}, 0},
		"after all time":          {journal.Filter{From: time.Date(20_000, 1, 1, 0, 0, 0, 0, time.UTC)}, 0},
	} {
		for _, limit := range []int{1, 2, 50} {
			seen, last := map[string]bool{}, "~"
			for r := (page.Request{Limit: limit}); ; {
				p, err := h.journal.List(t.Context(), h.operator, c.f, r)
				h.must(err)
				for _, e := range p.Items {
					if seen[e.ID] || e.ID >= last {
						t.Errorf("%s by %d: twice or out of order", name, limit)
					}
					seen[e.ID], last = true, e.ID
				}
				if len(p.Items) > limit {
					t.Errorf("%s by %d: %d at once", name, limit, len(p.Items))
				}
				if r.Cursor = p.Next; r.Cursor == "" {
					break
				}
			}
			if len(seen) != c.want {
				t.Errorf("%s by %d: %d, want %d", name, limit, len(seen), c.want)
			}
		}
	}
}

// TestReplay: a decision is made again as it was, whatever was changed since.
func TestReplay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	h.must(h.engine.SetLog(ctx, h.operator, authz.LogSettings{Share: 1, Days: 9}))
	h.role("editor", "edit")
	h.assign("editor", "bob", time.Time{})
	h.assign("editor", "eve", h.clock.Now().Add(time.Minute))
	bob, carol, eve := h.ask("bob", "edit", true), h.ask("carol", "edit", false), h.ask("eve", "edit", true)
	h.unassign("editor", "bob")
	h.assign("editor", "carol", time.Time{})
	h.clock.Advance(time.Hour) // eve's role has ended
	for who, e := range map[string]journal.Entry{"bob": bob, "carol": carol, "eve": eve} {
		if r := h.replay(e); !r.Same || !r.Exact {
			t.Errorf("%s: %+v", who, r)
		}
	}
	h.ask("bob", "edit", false)
	h.ask("carol", "edit", true)
	h.ask("eve", "edit", false)

	h.policies(`@id("staff") permit(principal in Role::"editor", action == Action::"mail", resource) when { principal.level >= 3 };`)
	h.must(h.engine.SetPlan(ctx, h.operator, "post", authz.Plan{Policies: []string{"rules"}}))
	mail := h.ask("carol", "mail", true)
	h.policies(`forbid(principal, action, resource);`)
	h.unassign("editor", "carol")
	h.ask("carol", "mail", false)
	r := h.replay(mail)
	if !r.Same || r.Again.Reasons[0].Policy != "staff" || r.Again.Reasons[0].Version != 1 {
		t.Errorf("%+v", r)
	}
	h.must(h.engine.RemovePlan(ctx, h.operator, "post"))
	if r := h.replay(mail); !r.Same {
		t.Errorf("without the plan of then: %+v", r)
	}
	h.must(h.sets.Delete(ctx, h.operator, "rules"))
	if _, err := h.journal.Replay(ctx, h.operator, mail.ID); errs.CodeOf(err) != "not_replayable" {
		t.Errorf("without the policies of then: %v", err)
	}
	if _, err := h.journal.Replay(ctx, h.operator, "nothing"); !errs.Is(err, errs.NotFound) {
		t.Error(err)
	}
}

// TestSimulate: what would be decided is told and nothing is written, for one question and for the log.
func TestSimulate(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	h.must(h.engine.SetLog(ctx, h.operator, authz.LogSettings{Share: 1, Days: 9}))
	h.role("editor", "edit")
	h.assign("editor", "bob", time.Time{})
	tuple := func(who string) graph.Tuple {
		return graph.Tuple{Object: graph.Object{Type: "role", ID: "editor"}, Relation: "assignee", Subject: graph.Subject{Type: "user", ID: who}}
	}
	h.ask("bob", "edit", true)
	h.ask("carol", "edit", false)
	h.ask("dave", "edit", false)
	s := authz.Suppose{Roles: []graph.Change{{Tuple: tuple("carol")}, {Tuple: tuple("bob"), Delete: true}}}
	for who, want := range map[string][2]bool{"bob": {true, false}, "carol": {false, true}, "dave": {false, false}} {
		got, err := h.journal.Simulate(ctx, h.operator, question(who, "edit"), s)
		if err != nil || got.Before.Allow != want[0] || got.After.Allow != want[1] {
			t.Errorf("%s: %+v %v", who, got, err)
		}
	}
	changed, looked, err := h.journal.SimulateLog(ctx, h.operator, 100, s)
	if err != nil || looked != 3 || len(changed) != 2 {
		t.Errorf("%d of %d, %v", len(changed), looked, err)
	}
	draft, err := policy.Parse(`forbid(principal == User::"bob", action, resource);`)
	h.must(err)
	changed, _, err = h.journal.SimulateLog(ctx, h.operator, 100, authz.Suppose{
		Plan: &authz.Plan{Roles: true, Policies: []string{"rules"}}, Policies: map[string]policy.Use{"rules": {Draft: draft}},
	})
	if err != nil || len(changed) != 1 || changed[0].Request.Subject.ID != "bob" || changed[0].After.Allow {
		t.Errorf("%+v %v", changed, err)
	}
	if _, _, err := h.journal.SimulateLog(ctx, h.operator, 100, authz.Suppose{Roles: []graph.Change{{Tuple: graph.Tuple{}}}}); !errs.Is(err, errs.Invalid) {
		t.Errorf("a tuple that cannot be: %v", err)
	}
	if _, _, err := h.journal.SimulateLog(ctx, h.operator, journal.MaxSimulated+1, s); !errs.Is(err, errs.Invalid) {
		t.Error(err)
	}
	if _, err := h.journal.Simulate(ctx, h.asker, question("bob", "edit"), s); !errs.Is(err, errs.Denied) {
		t.Errorf("by anybody: %v", err)
	}
	h.ask("carol", "edit", false)
}

// TestSlowStore: what is recorded never waits; what does not fit is lost.
func TestSlowStore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 10_000 {
		h.journal.Record(authz.Logged{At: h.clock.Now(), Keep: time.Hour, Request: question("bob", "edit")})
	}
	h.must(h.journal.Flush(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.journal.Run(ctx)
	n := 0
	for r := (page.Request{Limit: page.MaxLimit}); ; {
		p, err := h.journal.List(t.Context(), h.operator, journal.Filter{}, r)
		h.must(err)
		n += len(p.Items)
		if r.Cursor = p.Next; r.Cursor == "" {
			break
		}
	}
	if n == 0 || n > 5000 {
		t.Errorf("%d were kept", n)
	}
}

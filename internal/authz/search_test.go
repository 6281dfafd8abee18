package authz_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// bar bars some subjects from everything.
type bar map[string]bool

func (b bar) Barred(_ context.Context, _ id.Tenant, _, subjectID string) (string, error) {
	if b[subjectID] {
		return "The account is disabled.", nil
	}
	return "", nil
}

// searched reads all pages of a search.
func searched(t *testing.T, limit int, search func(page.Request) (page.Page[string], error)) []string {
	t.Helper()
	out := []string{}
	for r := (page.Request{Limit: limit}); ; {
		p, err := search(r)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Items) > limit {
			t.Fatalf("a page of %d, limit %d", len(p.Items), limit)
		}
		out = append(out, p.Items...)
		if r.Cursor = p.Next; r.Cursor == "" {
			return out
		}
	}
}

// TestSearchIsWhatDecideAllows asks every question of random worlds and compares: what is found is what
// would be allowed, in pages of every size.
func TestSearchIsWhatDecideAllows(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 7))
			h, b := newHouse(t), bar{"u3": true}
			clock := storetest.NewClock()
			db := storetest.NewDB(t, storetest.WithClock(clock))
			guard := access.NewGuard(nil, clock.Now)
			engine, err := authz.New(authz.Config{DB: db, Guard: guard, Subjects: b})
			if err != nil {
				t.Fatal(err)
			}
			guard.Use(engine)
			storetest.Ensure(t, db)
			h.Engine = engine

			permissions, orgs, users := []string{"a:1", "a:2", "b:1", "b:2"}, []string{"acme", "acme-west", "zeta"}, []string{"u1", "u2", "u3", "u4", "u5"}
			roles := []string{"r1", "r2", "r3"}
			for _, role := range roles {
				var grants []string
				for _, p := range permissions {
					if r.IntN(3) == 0 {
						grants = append(grants, p)
					}
				}
				h.role(role, grants...)
			}
			for range 9 {
				s := user(users[r.IntN(len(users))])
				if r.IntN(4) == 0 {
					s = store.SubjectRef{Type: "group", ID: "g", Relation: "member"}
				}
				org := append(slices.Clone(orgs), "")[r.IntN(4)]
				h.assign(roles[r.IntN(len(roles))], org, s)
			}
			if _, err := h.SetMember(t.Context(), h.operator, "g", user(users[r.IntN(len(users))]), true); err != nil {
				t.Fatal(err)
			}
			for _, role := range []string{authz.AdminRole, authz.ViewerRole} {
				h.assign(role, append(slices.Clone(orgs), "")[r.IntN(4)], user(users[r.IntN(len(users))]))
			}
			compareSearches(t, h, append(permissions, "cardea:user.read", "cardea:user.disable"), orgs, users, 1+r.IntN(3))
		})
	}
}

func compareSearches(t *testing.T, h *house, permissions, orgs, users []string, limit int) {
	t.Helper()
	resource := func(org string) authz.Resource {
		if org == "" {
			return authz.Resource{Type: "doc", ID: "1"}
		}
		return authz.Resource{Type: "doc", ID: "1", Properties: authz.Properties{"org": org}}
	}
	same := func(what string, got, want []string) {
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	for _, org := range append(slices.Clone(orgs), "") {
		for _, p := range permissions {
			want := []string{}
			for _, u := range users {
				if h.decide(u, p, resource(org)).Allow {
					want = append(want, u)
				}
			}
			same("who may "+p+" in "+org, searched(t, limit, func(r page.Request) (page.Page[string], error) {
				return listed(h.SearchSubjects(t.Context(), h.operator, authz.Request{
					Subject: authz.Subject{Type: "user"}, Action: authz.Action{Name: p}, Resource: resource(org),
				}, r))
			}), want)
		}
		for _, u := range users {
			want := []string{}
			for _, p := range permissions {
				if !strings.HasPrefix(p, "cardea:") && h.decide(u, p, resource(org)).Allow {
					want = append(want, p)
				}
			}
			same("what "+u+" may in "+org, searched(t, limit, func(r page.Request) (page.Page[string], error) {
				return listed(h.SearchActions(t.Context(), h.operator, authz.Request{
					Subject: authz.Subject{Type: "user", ID: u}, Resource: resource(org),
				}, r))
			}), want)
		}
	}
	for _, u := range users {
		for _, p := range permissions {
			want := []string{}
			for _, org := range orgs {
				if h.decide(u, p, authz.Resource{Type: "org", ID: org}).Allow {
					want = append(want, org)
				}
			}
			all := false
			got := searched(t, limit, func(r page.Request) (page.Page[string], error) {
				found, err := h.SearchResources(t.Context(), h.operator, authz.Request{
					Subject: authz.Subject{Type: "user", ID: u}, Action: authz.Action{Name: p}, Resource: authz.Resource{Type: "org"},
				}, r)
				all = found.Everywhere
				return found.Page, err
			})
			if all {
				got = orgs
			}
			same("where "+u+" may "+p, got, want)
		}
	}
}

// listed is the page of what was found.
func listed(f authz.Found, err error) (page.Page[string], error) { return f.Page, err }

func TestBadSearches(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.role("editor", "doc:read")
	alice := access.Authenticated(acme, access.User("alice"), access.Proof{Strength: access.OneFactor}, access.Origin{})
	ask := authz.Request{
		Subject: authz.Subject{Type: "user", ID: "alice"}, Action: authz.Action{Name: "doc:read"}, Resource: authz.Resource{Type: "doc", ID: "1"},
	}
	with := func(change func(*authz.Request)) authz.Request {
		r := ask
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		by     access.Caller
		r      authz.Request
		cursor string
		kind   errs.Kind
	}{
		"a user about others":     {alice, ask, "", errs.Denied},
		"a stranger":              {access.Anonymous(acme, access.Origin{}), ask, "", errs.Unauthenticated},
		"a type without searches": {h.operator, with(func(r *authz.Request) { r.Subject.Type = "group" }), "", errs.Invalid},
		"no action":               {h.operator, with(func(r *authz.Request) { r.Action.Name = "" }), "", errs.Invalid},
		"a cursor of nobody":      {h.operator, ask, "!", errs.Invalid},
		"a cursor too long":       {h.operator, ask, "AAAAAAAA" + string(make([]byte, 2000)), errs.Invalid},
	} {
		_, err := h.SearchSubjects(t.Context(), c.by, c.r, page.Request{Cursor: c.cursor})
		if !errs.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.SearchActions(t.Context(), alice, ask, page.Request{}); err != nil {
		t.Errorf("a user about itself: %v", err)
	}
	if _, err := h.SearchResources(t.Context(), h.operator, ask, page.Request{}); !errs.Is(err, errs.Invalid) {
		t.Errorf("resources that nobody here knows: %v", err)
	}
}

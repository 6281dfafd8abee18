package authz_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

const acme = id.Tenant("acme")

// house is an engine that protects itself: the guard asks the engine.
type house struct {
	t     testing.TB
	clock *storetest.Clock
	db    *store.DB
	*authz.Engine
	operator access.Caller
}

func newHouse(t *testing.T) *house {
	t.Helper()
	clock := storetest.NewClock()
	db := storetest.NewDB(t, storetest.WithClock(clock))
	guard := access.NewGuard(nil, clock.Now)
	engine, err := authz.New(authz.Config{DB: db, Guard: guard})
	if err != nil {
		t.Fatalf("making the engine: %v", err)
	}
	guard.Use(engine)
	storetest.Ensure(t, db)
	return &house{t: t, clock: clock, db: db, Engine: engine, operator: access.Operator(acme, "root", "test")}
}

func (h *house) role(name string, permissions ...string) {
	h.t.Helper()
	if _, err := h.CreateRole(h.t.Context(), h.operator, authz.Role{Meta: store.Meta{ID: name}, Permissions: permissions}); err != nil {
		h.t.Fatalf("creating role %s: %v", name, err)
	}
}

func user(userID string) store.SubjectRef { return store.SubjectRef{Type: "user", ID: userID} }

func (h *house) assign(role, org string, s store.SubjectRef) uint64 {
	h.t.Helper()
	receipt, err := h.Assign(h.t.Context(), h.operator, authz.Assignment{Role: role, Org: org, Subject: s})
	if err != nil {
		h.t.Fatalf("assigning %s: %v", role, err)
	}
	return receipt.Revision
}

func (h *house) decide(userID, action string, r authz.Resource) authz.Decision {
	h.t.Helper()
	d, err := h.Decide(h.t.Context(), authz.Request{
		Tenant: acme, Subject: authz.Subject{Type: "user", ID: userID}, Action: authz.Action{Name: action}, Resource: r,
	})
	if err != nil {
		h.t.Fatalf("deciding %s %s: %v", userID, action, err)
	}
	return d
}

func (h *house) want(userID, action string, r authz.Resource, allow bool) {
	h.t.Helper()
	if d := h.decide(userID, action, r); d.Allow != allow {
		h.t.Errorf("%s %s: allow = %v, want %v (%s)", userID, action, d.Allow, allow, d.Reasons[0].Text)
	}
}

var post = authz.Resource{Type: "post", ID: "1"}

// TestE1RolesAndPermissions is acceptance example E1.
func TestE1RolesAndPermissions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	all := []string{"users:read", "users:write", "users:delete", "posts:read", "posts:write", "posts:delete", "settings:manage"}
	h.role("admin", all...)
	h.role("editor", "posts:read", "posts:write", "posts:delete", "users:read")
	h.role("viewer", "posts:read", "users:read")
	h.assign("admin", "", user("alice"))
	h.assign("editor", "", user("bob"))
	h.assign("viewer", "", user("charlie"))
	for who, n := range map[string]int{"alice": 7, "bob": 4, "charlie": 2, "nobody": 0} {
		got, err := h.Permissions(t.Context(), acme, authz.Subject{Type: "user", ID: who}, page.Request{})
		if err != nil || len(got.Items) != n {
			t.Errorf("%s has %v (%v), want %d", who, got.Items, err, n)
		}
		for _, p := range all {
			h.want(who, p, post, slices.Contains(got.Items, p))
		}
	}
	_, err := h.UpdateRole(t.Context(), h.operator, "editor", func(r *authz.Role) error {
		r.Permissions = slices.DeleteFunc(r.Permissions, func(p string) bool { return p == "posts:delete" })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.want("bob", "posts:delete", post, false)
	h.want("bob", "posts:write", post, true)
	h.want("alice", "posts:delete", post, true)
}

// TestE3StaleRole is the decision half of acceptance example E3: an unassigned role is gone at once.
func TestE3StaleRole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.role("admin", "users:delete")
	h.assign("admin", "", user("alice"))
	h.want("alice", "users:delete", post, true)
	if _, err := h.Unassign(t.Context(), h.operator, authz.Assignment{Role: "admin", Subject: user("alice")}); err != nil {
		t.Fatal(err)
	}
	h.want("alice", "users:delete", post, false)
}

func TestRoleHierarchyAndGroups(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.role("viewer", "posts:read")
	h.role("editor", "posts:write")
	if _, err := h.UpdateRole(t.Context(), h.operator, "editor", func(r *authz.Role) error { r.Inherits = []string{"viewer"}; return nil }); err != nil {
		t.Fatal(err)
	}
	members := store.SubjectRef{Type: "group", ID: "staff", Relation: "member"}
	h.assign("editor", "", members)
	if _, err := h.SetMember(t.Context(), h.operator, "staff", user("dora"), true); err != nil {
		t.Fatal(err)
	}
	h.want("dora", "posts:read", post, true)
	h.want("erin", "posts:read", post, false)
	d := h.decide("dora", "posts:write", post)
	if want := "user:dora has role editor through group staff, which permits posts:write."; d.Reasons[0].Text != want {
		t.Errorf("reason = %q, want %q", d.Reasons[0].Text, want)
	}
	if _, err := h.SetMember(t.Context(), h.operator, "staff", user("dora"), false); err != nil {
		t.Fatal(err)
	}
	h.want("dora", "posts:read", post, false)
}

func TestRoleInOrganisationHoldsOnlyThere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.role("editor", "invoice:delete")
	h.role("owner")
	if _, err := h.UpdateRole(t.Context(), h.operator, "owner", func(r *authz.Role) error { r.Inherits = []string{"editor"}; return nil }); err != nil {
		t.Fatal(err)
	}
	h.assign("editor", "org1", user("alice"))
	h.assign("owner", "org2", user("bob"))
	in := func(org string) authz.Resource {
		return authz.Resource{Type: "invoice", ID: "42", Properties: authz.Properties{"org": org}}
	}
	h.want("alice", "invoice:delete", in("org1"), true)
	h.want("alice", "invoice:delete", in("org2"), false)
	h.want("alice", "invoice:delete", authz.Resource{Type: "invoice", ID: "42"}, false)
	h.want("alice", "invoice:delete", authz.Resource{Type: "org", ID: "org1"}, true)
	h.want("bob", "invoice:delete", in("org2"), true) // by inheritance
	h.want("bob", "invoice:delete", in("org1"), false)
	if got := h.decide("alice", "invoice:delete", in("org1")).Reasons[0].Text; !strings.Contains(got, "has role editor in org org1") {
		t.Errorf("reason = %q", got)
	}
}

// TestGroups: groups are listed by name, in pages of every size, with their direct members.
func TestGroups(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	want := map[string]int{"a": 1, "a-b": 2, "b": 3, "z": 1}
	for name, n := range want {
		for i := range n {
			if _, err := h.SetMember(t.Context(), h.operator, name, user("u"+strconv.Itoa(i)), true); err != nil {
				t.Fatal(err)
			}
		}
	}
	staff := store.SubjectRef{Type: "group", ID: "a", Relation: "member"}
	if _, err := h.SetMember(t.Context(), h.operator, "b", staff, true); err != nil {
		t.Fatal(err)
	}
	want["b"]++
	for limit := 1; limit <= 5; limit++ {
		got, names := map[string]int{}, []string{}
		for r := (page.Request{Limit: limit}); ; {
			p, err := h.Groups(t.Context(), h.operator, r)
			if err != nil || len(p.Items) > limit {
				t.Fatalf("%+v %v", p, err)
			}
			for _, g := range p.Items {
				got[g.ID], names = g.Members, append(names, g.ID)
			}
			if r.Cursor = p.Next; r.Cursor == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || !slices.IsSorted(names) {
			t.Errorf("pages of %d: %v\n%s", limit, names, diff)
		}
	}
	if _, err := h.SetMember(t.Context(), h.operator, "z", user("u0"), false); err != nil {
		t.Fatal(err)
	}
	if p, err := h.Groups(t.Context(), h.operator, page.Request{}); err != nil || len(p.Items) != 3 {
		t.Errorf("after the last member has left: %+v %v", p, err)
	}
	if _, err := h.Groups(t.Context(), access.Anonymous(acme, access.Origin{}), page.Request{}); err == nil {
		t.Error("a stranger lists groups")
	}
}

// TestBuiltInRolesCount: whoever asks about a permission of Cardea is told what the guard would say.
func TestBuiltInRolesCount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.assign(authz.AdminRole, "", user("ada"))
	h.assign(authz.ViewerRole, "", store.SubjectRef{Type: "group", ID: "desk", Relation: "member"})
	h.assign(authz.AdminRole, "org1", user("olga"))
	if _, err := h.SetMember(t.Context(), h.operator, "desk", user("vic"), true); err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"ada", "vic", "olga", "nobody"} {
		for _, a := range []access.Action{"user.read", "user.disable"} {
			for _, org := range []string{"", "org1"} {
				guard, err := h.DecideAccess(t.Context(), access.Request{
					Caller: access.Authenticated(acme, access.User(who), access.Proof{}, access.Origin{}), Action: a, Object: access.Object{Type: "cardea:user", Org: org},
				})
				if err != nil {
					t.Fatal(err)
				}
				h.want(who, "cardea:"+string(a), authz.Resource{Type: "user", ID: "1", Properties: authz.Properties{"org": org}}, guard.Allow)
			}
		}
	}
	d, err := h.Decide(t.Context(), authz.Request{
		Tenant: acme, Subject: authz.Subject{Type: "user", ID: "vic"}, Action: authz.Action{Name: "cardea:user.read"},
		Resource: post, Options: authz.Options{Explain: true},
	})
	want := authz.Reason{
		Kind: "role", Role: authz.ViewerRole, Permission: "cardea:user.read",
		Text: "user:vic has role cardea:viewer through group desk, which permits cardea:user.read.",
		Path: []string{
			"permission:cardea:user.read#granted@role:cardea:viewer#assignee",
			"role:cardea:viewer#assignee@group:desk#member", "group:desk#member@user:vic",
		},
	}
	if err != nil || !d.Allow {
		t.Fatalf("%+v %v", d, err)
	}
	if diff := cmp.Diff(want, d.Reasons[0]); diff != "" {
		t.Error(diff)
	}
}

// TestHasRole is the question of a middleware that admits any of some roles.
func TestHasRole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.role("editor", "posts:write")
	h.assign("editor", "", user("alice"))
	h.assign("editor", "org1", user("bob"))
	h.want("alice", "assignee", authz.Resource{Type: "role", ID: "editor"}, true)
	h.want("bob", "assignee", authz.Resource{Type: "role", ID: "editor"}, false)
	h.want("bob", "assignee", authz.Resource{Type: "role", ID: "editor", Properties: authz.Properties{"org": "org1"}}, true)
	h.want("alice", "assignee", authz.Resource{Type: "role", ID: "viewer"}, false)
	h.want("alice", "assignee", authz.Resource{Type: "role", ID: authz.AdminRole}, false)
}

func TestAssignmentExpires(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.role("editor", "posts:write")
	_, err := h.Assign(t.Context(), h.operator, authz.Assignment{Role: "editor", Subject: user("alice"), Expires: h.clock.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	h.clock.Advance(time.Hour - time.Millisecond)
	h.want("alice", "posts:write", post, true)
	h.clock.Advance(time.Millisecond)
	h.want("alice", "posts:write", post, false)
}

func TestAnswerKnowsOfTheRevisionItIsAskedFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.role("editor", "posts:write")
	revision := h.assign("editor", "", user("alice"))
	r := authz.Request{
		Tenant: acme, Subject: authz.Subject{Type: "user", ID: "alice"}, Action: authz.Action{Name: "posts:write"},
		Resource: post, Options: authz.Options{AtLeast: revision},
	}
	if d, err := h.Decide(t.Context(), r); err != nil || !d.Allow || d.Revision < revision {
		t.Fatalf("at revision %d: %+v, %v", revision, d, err)
	}
	r.Options.AtLeast = revision + 1
	if d, err := h.Decide(t.Context(), r); d.Allow || !errs.Is(err, errs.Unavailable) {
		t.Errorf("at a revision of the future: %+v, %v; want unavailable", d, err)
	}
}

// TestRegress_129_NobodyGrantsWhatItDoesNotHold covers every road by which authority over Cardea can
// be given: a new role, a changed one, inheritance, an assignment.
func TestRegress_129_NobodyGrantsWhatItDoesNotHold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.role("role-keeper", "cardea:role.create", "cardea:role.update", "cardea:role.assign", "cardea:role.read")
	h.role("user-keeper", "cardea:user.disable")
	h.assign("role-keeper", "", user("mallory"))
	mallory := storetest.User(acme, "mallory", h.clock.Now())
	ctx := t.Context()
	if _, err := h.CreateRole(ctx, mallory, authz.Role{Meta: store.Meta{ID: "harmless"}, Permissions: []string{"posts:read"}}); err != nil {
		t.Fatalf("a role keeper makes a harmless role: %v", err)
	}
	attempts := map[string]func() error{
		"create": func() error {
			_, err := h.CreateRole(ctx, mallory, authz.Role{Meta: store.Meta{ID: "evil"}, Permissions: []string{"cardea:user.disable"}})
			return err
		},
		"update": func() error {
			_, err := h.UpdateRole(ctx, mallory, "harmless", func(r *authz.Role) error { r.Permissions = []string{"cardea:user.disable"}; return nil })
			return err
		},
		"inherit": func() error {
			_, err := h.UpdateRole(ctx, mallory, "harmless", func(r *authz.Role) error { r.Inherits = []string{"user-keeper"}; return nil })
			return err
		},
		"assign": func() error {
			_, err := h.Assign(ctx, mallory, authz.Assignment{Role: "user-keeper", Subject: user("mallory")})
			return err
		},
		"assign administrator": func() error {
			_, err := h.Assign(ctx, mallory, authz.Assignment{Role: authz.AdminRole, Subject: user("mallory")})
			return err
		},
	}
	for name, attempt := range attempts {
		if err := attempt(); !errs.Is(err, errs.Denied) {
			t.Errorf("%s: %v, want denied", name, err)
		}
	}
}

// TestRegress_135_NoSpellingIsOurOwn: a tenant's role never looks like one of Cardea's, and roles are
// compared byte by byte.
func TestRegress_135_NoSpellingIsOurOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, name := range []string{
		authz.AdminRole, "CARDEA:admin", "Cardea:x", "cardea:", " cardea:admin", "cardea:admin ", "cardea\u200b:admin", "cardea：admin", "",
	} {
		_, err := h.CreateRole(t.Context(), h.operator, authz.Role{Meta: store.Meta{ID: name}, Permissions: []string{"x"}})
		if !errs.Is(err, errs.Invalid) {
			t.Errorf("%q: %v, want invalid", name, err)
		}
	}
	h.role("Editor", "posts:write")
	h.assign("Editor", "", user("alice"))
	h.want("alice", "posts:write", post, true)
	h.want("alice", "assignee", authz.Resource{Type: "role", ID: "editor"}, false)
	h.want("alice", "Posts:write", post, false)
}

func TestPlatformAdministrators(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.role("editor", "posts:write")
	platform := access.Operator(id.System, "root", "test")
	assign := func(who string) error {
		_, err := h.Assign(t.Context(), platform, authz.Assignment{Role: authz.AdminRole, Subject: user(who)})
		return err
	}
	if err := assign("root"); err != nil {
		t.Fatal(err)
	}
	root := storetest.User(id.System, "root", h.clock.Now())
	if _, err := h.ListRoles(t.Context(), root.For(acme), page.Request{}); err != nil {
		t.Errorf("a platform administrator reads another tenant: %v", err)
	}
	stranger := storetest.User("other", "root", h.clock.Now())
	if _, err := h.ListRoles(t.Context(), stranger.For(acme), page.Request{}); !errs.Is(err, errs.Denied) {
		t.Errorf("a user of another tenant: %v, want denied", err)
	}
	_, err := h.Unassign(t.Context(), root, authz.Assignment{Role: authz.AdminRole, Subject: user("root")})
	if errs.CodeOf(err) != "last_administrator" {
		t.Errorf("removing the last administrator: %v", err)
	}
	if err := assign("second"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Unassign(t.Context(), root, authz.Assignment{Role: authz.AdminRole, Subject: user("root")}); err != nil {
		t.Errorf("removing one of two administrators: %v", err)
	}
}

func TestBadQuestions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	good := authz.Request{Tenant: acme, Subject: authz.Subject{Type: "user", ID: "a"}, Action: authz.Action{Name: "x"}, Resource: post}
	for name, spoil := range map[string]func(*authz.Request){
		"no subject type": func(r *authz.Request) { r.Subject.Type = "" },
		"no subject id":   func(r *authz.Request) { r.Subject.ID = "" },
		"no action":       func(r *authz.Request) { r.Action.Name = "" },
		"no resource":     func(r *authz.Request) { r.Resource = authz.Resource{} },
		"huge id":         func(r *authz.Request) { r.Subject.ID = strings.Repeat("a", 1025) },
	} {
		r := good
		spoil(&r)
		if d, err := h.Decide(t.Context(), r); d.Allow || !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %+v, %v; want invalid", name, d, err)
		}
	}
	for _, odd := range []string{"*", "a#b@c", "role:x#assignee", "\x00", "alice "} {
		h.want(odd, "posts:read", post, false)
	}
}

func TestAGroupIsMeantByItsMembers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.role("editor", "posts:write")
	_, err := h.Assign(t.Context(), h.operator, authz.Assignment{Role: "editor", Subject: store.SubjectRef{Type: "group", ID: "staff"}})
	if !errs.Is(err, errs.Invalid) || !strings.Contains(err.Error(), "did you mean group:staff#member") {
		t.Errorf("assigning to group:staff: %v, want a hint", err)
	}
}

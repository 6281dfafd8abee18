package authz_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// may asks the decider, as the guard does.
func (h *house) may(c access.Caller, a access.Action, o access.Object) access.Decision {
	h.t.Helper()
	d, err := h.DecideAccess(h.t.Context(), access.Request{Caller: c, Action: a, Object: o})
	if err != nil {
		h.t.Fatalf("deciding %s: %v", a, err)
	}
	return d
}

func (h *house) person(t id.Tenant, userID string) access.Caller {
	return access.Authenticated(t, access.User(userID), access.Proof{Strength: access.TwoFactors, At: h.clock.Now()}, access.Origin{})
}

// TestRegress_129_NobodyTakesThePlaceOfAHigherOne: a permission to reset something of a subject is no
// road to what that subject may do.
func TestRegress_129_NobodyTakesThePlaceOfAHigherOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.role("desk", "cardea:apikey.create", "cardea:client.update", "cardea:client.rotate_secret", "cardea:user.change_email", "cardea:user.read")
	h.role("keeper", "cardea:user.delete")
	h.role("baker", "bread:bake")
	h.assign("desk", "", user("helen"))
	h.assign("desk", "", user("other"))
	h.assign(authz.AdminRole, "", user("root"))
	h.assign(authz.ViewerRole, "", user("auditor"))
	h.assign("keeper", "", user("keeper"))
	h.assign("keeper", "acme", user("branch"))
	h.assign(authz.AdminRole, "acme", user("chief"))
	h.assign("baker", "", user("baker"))
	for _, a := range []authz.Assignment{{Role: authz.AdminRole, Subject: user("librarian")}, {Role: "keeper", Subject: user("clerk")}} {
		a.Store = "01H0H015178Y2V4CX10C2KGHF4"
		if _, err := h.Assign(t.Context(), h.operator, a); err != nil {
			t.Fatal(err)
		}
	}
	h.assign(authz.AdminRole, "", store.SubjectRef{Type: "service", ID: "robot"})

	helen := h.person(acme, "helen")
	of := func(s access.Subject) access.Object { return access.Object{Type: "cardea:apikey", Owner: s} }
	for who, want := range map[string]bool{
		"baker": true, "nobody": true, "other": true,
		"root": false, "auditor": false, "keeper": false, "branch": false, "chief": false,
		"librarian": false, "clerk": false,
	} {
		for _, a := range []access.Action{"apikey.create", "user.change_email"} {
			d := h.may(helen, a, of(access.User(who)))
			if d.Allow != want || d.Outranked == want {
				t.Errorf("the help desk on %s of %s: %+v, want %v", a, who, d, want)
			}
			if d := h.may(h.person(acme, "root"), a, of(access.User(who))); !d.Allow {
				t.Errorf("an administrator on %s of %s: %+v", a, who, d)
			}
		}
		if d := h.may(helen, "user.read", of(access.User(who))); !d.Allow {
			t.Errorf("reading takes nobody's place: %+v", d)
		}
	}
	for client, want := range map[string]bool{"robot": false, "harmless": true} {
		for _, a := range []access.Action{"client.update", "client.rotate_secret"} {
			if d := h.may(helen, a, access.Object{Type: "cardea:client", ID: client}); d.Allow != want {
				t.Errorf("the help desk on %s of %s: %+v, want %v", a, client, d, want)
			}
		}
	}
	// A helper of the platform has what it has in the system tenant, and no more in another.
	h.operator = access.Operator(id.System, "root", "test")
	h.role("desk", "cardea:apikey.create")
	h.assign("desk", "", user("pat"))
	h.assign(authz.AdminRole, "", user("boss"))
	if d := h.may(h.person(id.System, "pat").For(acme), "apikey.create", of(access.User("root"))); d.Allow {
		t.Errorf("a helper of the platform takes an administrator's place: %+v", d)
	}
	if d := h.may(h.person(id.System, "boss").For(acme), "apikey.create", of(access.User("root"))); !d.Allow {
		t.Errorf("an administrator of the platform: %+v", d)
	}
}

// TestHolders: everybody who has a role directly is listed once, over all pages.
func TestHolders(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.role("editor", "posts:write")
	if _, err := h.CreateRole(t.Context(), h.operator, authz.Role{Meta: store.Meta{ID: "chief"}, Inherits: []string{"editor"}}); err != nil {
		t.Fatal(err)
	}
	team := store.SubjectRef{Type: "group", ID: "team", Relation: "member"}
	all := []store.SubjectRef{user("alice"), user("bob"), user("carol"), team, {Type: "service", ID: "robot"}}
	for _, s := range all {
		h.assign("editor", "", s)
	}
	h.assign("editor", "org1", user("dora"))
	for _, limit := range []int{1, 2, 5, 100} {
		seen := map[store.SubjectRef]bool{}
		for r := (page.Request{Limit: limit}); ; {
			p, err := h.Holders(t.Context(), h.operator, authz.Assignment{Role: "editor"}, r)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range p.Items {
				if seen[a.Subject] || a.Role != "editor" || a.Org != "" {
					t.Errorf("limit %d: %+v", limit, a)
				}
				seen[a.Subject] = true
			}
			if r.Cursor = p.Next; r.Cursor == "" {
				break
			}
		}
		if len(seen) != len(all) {
			t.Errorf("limit %d: %d holders, want %d", limit, len(seen), len(all))
		}
	}
	p, err := h.Holders(t.Context(), h.operator, authz.Assignment{Role: "editor", Org: "org1"}, page.Request{})
	if err != nil || len(p.Items) != 1 || p.Items[0].Subject != user("dora") || p.Items[0].Org != "org1" {
		t.Errorf("in an organisation: %+v, %v", p, err)
	}
	if _, err := h.Holders(t.Context(), h.operator, authz.Assignment{Role: "gone"}, page.Request{}); err == nil {
		t.Error("a role that does not exist has holders")
	}
	for _, cursor := range []string{"x", "!", "W10", "eyJhIjoxfQ"} {
		if _, err := h.Holders(t.Context(), h.operator, authz.Assignment{Role: "editor"}, page.Request{Cursor: cursor}); err == nil {
			t.Errorf("the cursor %q was taken", cursor)
		}
	}
	if _, err := h.SetMember(t.Context(), h.operator, "team", user("alice"), true); err != nil {
		t.Fatal(err)
	}
	members, err := h.Members(t.Context(), h.operator, "team", page.Request{})
	if err != nil || len(members.Items) != 1 || members.Items[0] != user("alice") {
		t.Errorf("members: %+v, %v", members, err)
	}
}

// TestEffective: who asks about itself is answered; others need the permission.
func TestEffective(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.role("editor", "posts:write")
	h.assign("editor", "", user("alice"))
	p, err := h.Effective(t.Context(), h.person(acme, "alice"), user("alice"), page.Request{})
	if err != nil || len(p.Items) != 1 || p.Items[0] != "posts:write" {
		t.Errorf("%+v, %v", p, err)
	}
	if held, err := h.Assignments(t.Context(), h.person(acme, "alice"), user("alice")); err != nil || len(held) != 1 {
		t.Errorf("%+v, %v", held, err)
	}
	if _, err := h.Effective(t.Context(), h.person(acme, "bob"), user("alice"), page.Request{}); err == nil {
		t.Error("bob reads what alice may do")
	}
	if _, err := h.Assignments(t.Context(), h.person(acme, "bob"), user("alice")); err == nil {
		t.Error("bob reads alice's roles")
	}
}

// TestHeld: what pages are told is what the decider decides.
func TestHeld(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.assign(authz.AdminRole, "", user("root"))
	h.assign(authz.ViewerRole, "", user("auditor"))
	h.assign(authz.AdminRole, "acme", user("chief")) // of an organisation only
	actions := []access.Action{"user.disable", "user.read"}
	holdings := h.Holdings(actions)
	for who, want := range map[string]string{
		"root": "[cardea:user.disable cardea:user.read]", "auditor": "[cardea:user.read]", "chief": "[]", "nobody": "[]",
	} {
		c := h.person(acme, who)
		got, err := holdings.Of(t.Context(), c)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v, want %s", who, got, err, want)
		}
		for _, a := range actions {
			if h.may(c, a, access.Object{Type: "cardea:user", ID: "x"}).Allow != slices.Contains(got, "cardea:"+string(a)) {
				t.Errorf("%s on %s: the list and the decider do not agree", who, a)
			}
		}
	}
}

// TestHeldFollows: what was listed before is not listed again once a tuple has changed, and a second after a
// right has expired.
func TestHeldFollows(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.role("editor", "posts:write")
	holdings := h.Holdings([]access.Action{"user.read"})
	listed := func(c access.Caller, want string) {
		t.Helper()
		for range 2 { // found, and found again
			if got, err := holdings.Of(t.Context(), c); err != nil || fmt.Sprint(got) != want {
				t.Errorf("%v, %v, want %s", got, err, want)
			}
		}
	}
	alice := h.person(acme, "alice")
	listed(alice, "[]")
	h.assign("editor", "", user("alice"))
	listed(alice, "[posts:write]")
	listed(h.person(acme, "bob"), "[]")
	h.assign(authz.ViewerRole, "", user("alice"))
	listed(alice, "[cardea:user.read posts:write]")

	soon := authz.Assignment{Role: "editor", Subject: user("carol"), Expires: h.clock.Now().Add(time.Hour)}
	if _, err := h.Assign(t.Context(), h.operator, soon); err != nil {
		t.Fatal(err)
	}
	carol := h.person(acme, "carol")
	listed(carol, "[posts:write]")
	h.clock.Advance(time.Hour)
	listed(carol, "[]")
}

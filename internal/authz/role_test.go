package authz_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

const aStore = "01K0000000000000000000STRE"

// again deletes a role and makes another of its name.
func (h *house) again(role string) {
	h.t.Helper()
	if err := h.DeleteRole(h.t.Context(), h.operator, role); err != nil {
		h.t.Fatalf("deleting %s: %v", role, err)
	}
	h.role(role, "posts:write")
}

// TestDeleteRoleHeldAnywhere: a role is not deleted while somebody has it, by whichever road, and the refusal says
// who that is. Made again under its name it gives nobody anything.
func TestDeleteRoleHeldAnywhere(t *testing.T) {
	t.Parallel()
	team := store.SubjectRef{Type: "group", ID: "team", Relation: "member"}
	for name, c := range map[string]struct {
		held authz.Assignment
		says string
	}{
		"tenant":       {authz.Assignment{Subject: user("alice")}, "user:alice still has it in the whole tenant"},
		"organisation": {authz.Assignment{Org: "org9", Subject: team}, "group:team#member still has it in organisation org9"},
		"store":        {authz.Assignment{Store: aStore, Subject: store.SubjectRef{Type: "service", ID: "robot"}}, "service:robot still has it on store " + aStore},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.role("editor", "posts:write")
			h.role("editors", "posts:write")
			for i := range store.MaxTuples + 1 { // more than one page, of roles that are called otherwise
				if name != "organisation" {
					break
				}
				h.assign("editors", "org"+strconv.Itoa(i%9), user(strconv.Itoa(i)))
			}
			c.held.Role = "editor"
			if _, err := h.Assign(t.Context(), h.operator, c.held); err != nil {
				t.Fatal(err)
			}
			err := h.DeleteRole(t.Context(), h.operator, "editor")
			if errs.CodeOf(err) != "role_in_use" || !strings.Contains(err.Error(), c.says) {
				t.Errorf("deleting a role that is held: %v", err)
			}
			if _, err := h.Unassign(t.Context(), h.operator, c.held); err != nil {
				t.Fatal(err)
			}
			h.again("editor")
			p, err := h.Holders(t.Context(), h.operator, authz.Assignment{Role: "editor", Org: c.held.Org, Store: c.held.Store}, page.Request{})
			if err != nil || len(p.Items) > 0 {
				t.Errorf("holders of the new role: %v %v", p.Items, err)
			}
		})
	}
}

// TestDeleteRoleInherited: a role that another one inherits stays; without the heir it goes, and the heir's
// name gives nothing of it again.
func TestDeleteRoleInherited(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.role("viewer", "posts:read")
	if _, err := h.CreateRole(t.Context(), h.operator, authz.Role{Meta: store.Meta{ID: "chief"}, Inherits: []string{"viewer"}}); err != nil {
		t.Fatal(err)
	}
	h.assign("chief", "", user("alice"))
	if err := h.DeleteRole(t.Context(), h.operator, "viewer"); errs.CodeOf(err) != "role_in_use" || !strings.Contains(err.Error(), "role:chief") {
		t.Errorf("deleting an inherited role: %v", err)
	}
	if _, err := h.UpdateRole(t.Context(), h.operator, "chief", func(r *authz.Role) error { r.Inherits = nil; return nil }); err != nil {
		t.Fatal(err)
	}
	h.again("viewer")
	h.want("alice", "posts:write", post, false)
}

// TestRoleThatIsGone: a database of before may have holders of a role that is gone. Its name is not given again
// until they are unassigned, which needs no role.
func TestRoleThatIsGone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	left := store.Tuple{Object: store.ObjectRef{Type: "org_role", ID: "org1/editor"}, Relation: "assignee", Subject: user("eve")}
	if _, err := h.db.Commit(t.Context(), store.Batch{
		Permit: storetest.Permit(acme, "role.assign"), Tuples: []store.TupleOp{store.WriteTuple(left)}, Events: []store.Event{{Kind: "role.assigned"}},
	}); err != nil {
		t.Fatal(err)
	}
	_, err := h.CreateRole(t.Context(), h.operator, authz.Role{Meta: store.Meta{ID: "editor"}, Permissions: []string{"posts:write"}})
	if errs.CodeOf(err) != "role_in_use" || !strings.Contains(err.Error(), "user:eve still has it in organisation org1") {
		t.Fatalf("making a role that somebody has already: %v", err)
	}
	if _, err := h.Unassign(t.Context(), h.operator, authz.Assignment{Role: "editor", Org: "org1", Subject: user("eve")}); err != nil {
		t.Fatal(err)
	}
	h.role("editor", "posts:write")
	h.want("eve", "posts:write", authz.Resource{Type: "post", ID: "1", Properties: authz.Properties{"org": "org1"}}, false)
	if _, err := h.Unassign(t.Context(), h.operator, authz.Assignment{Role: "nothing", Subject: user("eve")}); !errs.Is(err, errs.NotFound) {
		t.Errorf("unassigning what never was: %v", err)
	}
}

// TestDeleteRoleWhileAssigned races who deletes a role with who gives it and who lets another inherit it: in the
// end either the role is there, or nobody has it.
func TestDeleteRoleWhileAssigned(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	deleted := 0
	for round := range 100 {
		name := "r" + strconv.Itoa(round)
		h.role(name, "posts:write")
		var racers sync.WaitGroup
		var gone error
		racers.Go(func() { gone = h.DeleteRole(t.Context(), h.operator, name) })
		for _, a := range []authz.Assignment{{Org: "org1"}, {Store: aStore}, {}} {
			a.Role, a.Subject = name, user("eve")
			racers.Go(func() { _, _ = h.Assign(t.Context(), h.operator, a) })
		}
		racers.Go(func() {
			_, _ = h.CreateRole(t.Context(), h.operator, authz.Role{Meta: store.Meta{ID: "heir-of-" + name}, Inherits: []string{name}})
		})
		racers.Wait()
		if gone != nil {
			continue
		}
		deleted++
		h.role(name, "posts:write") // refused while somebody has it
	}
	t.Logf("%d of 100 were deleted", deleted)
}

// TestPromisedRole: what is given is the role that was promised, and no other of its name.
func TestPromisedRole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.role("editor", "posts:write")
	promised := h.clock.Now()
	of := authz.Assignment{Role: "editor", Org: "org1"}
	if b, err := h.Promised(t.Context(), acme, "bob", of, promised); err != nil || len(b.Tuples) != 1 || len(b.Docs) != 1 {
		t.Errorf("the role that was promised: %+v %v", b, err)
	}
	if err := h.DeleteRole(t.Context(), h.operator, "editor"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Promised(t.Context(), acme, "bob", of, promised); errs.CodeOf(err) != "role_gone" {
		t.Errorf("a role that is gone: %v", err)
	}
	h.clock.Advance(1e6)
	h.role("editor", "posts:delete")
	if _, err := h.Promised(t.Context(), acme, "bob", of, promised); errs.CodeOf(err) != "role_gone" {
		t.Errorf("another role of that name: %v", err)
	}
}

// TestRolesInOrgAreAllFound: whoever leaves an organisation loses every role in it, also after a thousand other
// things that were given before it in the order of the store.
func TestRolesInOrgAreAllFound(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand tuples take a minute on what stands for MongoDB")
	}
	t.Parallel()
	h := newHouse(t)
	var groups []store.TupleOp
	for i := range store.MaxTuples {
		groups = append(groups, store.WriteTuple(store.Tuple{Object: store.ObjectRef{Type: "group", ID: strconv.Itoa(i)}, Relation: "member", Subject: user("alice")}))
	}
	if _, err := h.db.Commit(t.Context(), store.Batch{
		Permit: storetest.Permit(acme, "group.change"), Tuples: groups, Events: []store.Event{{Kind: "group.member_added"}},
	}); err != nil {
		t.Fatal(err)
	}
	h.role("editor", "posts:write")
	h.assign("editor", "org1", user("alice"))
	h.assign("editor", "org2", user("alice"))
	held, err := h.RolesInOrg(t.Context(), acme, "alice", "org1")
	if err != nil || len(held) != 1 || !held[0].Delete || held[0].Tuple.Object.ID != "org1/editor" {
		t.Errorf("roles in the organisation: %+v, %v", held, err)
	}
}

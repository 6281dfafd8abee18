package stores_test

import (
	"testing"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// TestCheckAllocates: a check of a service that has the permission by a role reads no storage, and the
// store's part of it allocates little.
func TestCheckAllocates(t *testing.T) {
	storetest.SQLiteOnly(t, "where others may write, a node that has heard nothing of them asks the store")
	h := newHouse(t, index.Bounds{})
	h.write(stores.Write{Writes: []graph.Tuple{bob, grant}})
	if _, err := h.roles.CreateRole(t.Context(), h.root, authz.Role{Meta: store.Meta{ID: "asker"}, Permissions: []string{"cardea:authz.check"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.roles.Assign(t.Context(), h.root, authz.Assignment{Role: "asker", Subject: store.SubjectRef{Type: "service", ID: "app"}}); err != nil {
		t.Fatal(err)
	}
	c := access.Authenticated(acme, access.Service("app"), access.Proof{Strength: access.OneFactor, Scoped: true, Scopes: []string{"cardea:authz"}}, access.Origin{})
	at, q := stores.At{Store: h.store}, graph.Query{Object: grant.Object, Relation: "viewer", Subject: bob.Subject}
	ask := func(c access.Caller) float64 {
		return testing.AllocsPerRun(100, func() {
			if r, _, err := h.Check(t.Context(), c, at, q); err != nil || !r.Allowed {
				t.Fatal(err)
			}
		})
	}
	const most = 16 // 0 and 5 as they are, some more under the race detector; reading one document from the store adds 20
	if machine, service := ask(h.root), ask(c); machine > most || service > most {
		t.Errorf("%v allocations for the operator, %v for a service", machine, service)
	}
}

package stores_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/authz/model"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/authz/tuplekey"
	"github.com/cardea-auth/cardea/internal/cache/memory"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

const acme = id.Tenant("acme")

// house is stores with the engine that guards them.
type house struct {
	t testing.TB
	*stores.Stores
	db     *store.DB
	clock  *storetest.Clock
	graphs *index.Index
	roles  *authz.Engine
	root   access.Caller
	store  string
}

func newHouse(t testing.TB, b index.Bounds) *house {
	t.Helper()
	clock := storetest.NewClock()
	cache, err := memory.New(memory.Config{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	db := storetest.NewDB(t, storetest.WithClock(clock), storetest.WithCache(cache))
	guard := access.NewGuard(nil, clock.Now)
	h := &house{t: t, db: db, clock: clock, graphs: index.New(db, b), root: access.Operator(acme, "root", "test")}
	if h.roles, err = authz.New(authz.Config{DB: db, Graphs: h.graphs, Guard: guard}); err != nil {
		t.Fatal(err)
	}
	guard.Use(h.roles)
	h.Stores = stores.New(stores.Config{DB: db, Guard: guard, Graphs: h.graphs})
	storetest.Ensure(t, db)
	s, err := h.Create(t.Context(), h.root, "documents")
	if err != nil {
		t.Fatal(err)
	}
	h.store = s.ID
	h.model(teams)
	return h
}

const teams = `model
  schema 1.1
type user
type team
  relations
    define member: [user]
type folder
  relations
    define viewer: [user, team#member]
`

func (h *house) model(text string) string {
	h.t.Helper()
	m, err := model.Parse(text)
	if err != nil {
		h.t.Fatal(err)
	}
	v, err := h.WriteModel(h.t.Context(), h.root, h.store, m)
	if err != nil {
		h.t.Fatal(err)
	}
	return v.ID
}

func tuple(object, relation, user string) graph.Tuple {
	t, err := tuplekey.Key{User: user, Relation: relation, Object: object}.Tuple()
	if err != nil {
		panic(err)
	}
	return t
}

func (h *house) write(w stores.Write) uint64 {
	h.t.Helper()
	revision, err := h.WriteTuples(h.t.Context(), h.root, h.store, w)
	if err != nil {
		h.t.Fatal(err)
	}
	return revision
}

func (h *house) refused(w stores.Write, code string) {
	h.t.Helper()
	before := len(h.all())
	if _, err := h.WriteTuples(h.t.Context(), h.root, h.store, w); errs.CodeOf(err) != code {
		h.t.Errorf("%v, want %s", err, code)
	}
	if after := len(h.all()); after != before {
		h.t.Errorf("%s has left %d tuples of %d", code, after, before)
	}
}

func (h *house) all() []store.Tuple {
	h.t.Helper()
	p, _, err := h.ReadTuples(h.t.Context(), h.root, h.store, store.TupleFilter{}, page.Request{Limit: 500})
	if err != nil {
		h.t.Fatal(err)
	}
	return p.Items
}

func (h *house) allowed(at stores.At, object, relation, user string) bool {
	h.t.Helper()
	at.Store = h.store
	t := tuple(object, relation, user)
	result, on, err := h.Check(h.t.Context(), h.root, at, graph.Query{Object: t.Object, Relation: t.Relation, Subject: t.Subject})
	if err != nil || on.Revision < at.AtLeast {
		h.t.Fatalf("%v at %+v, %+v", err, on, at)
	}
	return result.Allowed
}

var (
	bob   = tuple("team:eng", "member", "user:bob")
	grant = tuple("folder:designs", "viewer", "team:eng#member")
)

// TestRegress_163_AllOrNothing: what is refused leaves nothing behind, and what is acknowledged can be
// read and counts.
func TestRegress_163_AllOrNothing(t *testing.T) {
	h := newHouse(t, index.Bounds{})
	fresh := tuple("folder:x", "viewer", "user:anne")
	revision := h.write(stores.Write{Writes: []graph.Tuple{bob, grant}})
	if !h.allowed(stores.At{AtLeast: revision}, "folder:designs", "viewer", "user:bob") || len(h.all()) != 2 {
		t.Fatal("what was written does not count")
	}
	h.refused(stores.Write{Writes: []graph.Tuple{fresh, bob}}, "tuple_exists")
	h.refused(stores.Write{Writes: []graph.Tuple{fresh}, Deletes: []graph.Tuple{tuple("folder:y", "viewer", "user:anne")}}, "tuple_missing")
	h.refused(stores.Write{Writes: []graph.Tuple{fresh, fresh}}, "duplicate_tuple")
	h.refused(stores.Write{Writes: []graph.Tuple{bob}, Deletes: []graph.Tuple{bob}}, "duplicate_tuple")
	h.refused(stores.Write{Writes: []graph.Tuple{fresh, tuple("folder:x", "viewer", "team:eng")}}, "subject_not_allowed")
	h.refused(stores.Write{Writes: []graph.Tuple{tuple("folder:x", "owner", "user:anne")}}, "unknown_relation")
	h.refused(stores.Write{}, "nothing_to_write")
	many := make([]graph.Tuple, stores.MaxTuples+1)
	for i := range many {
		many[i] = tuple(fmt.Sprintf("folder:%d", i), "viewer", "user:anne")
	}
	h.refused(stores.Write{Writes: many}, "too_many_tuples")
	h.write(stores.Write{Writes: many[:stores.MaxTuples]})
	h.write(stores.Write{Deletes: many[:stores.MaxTuples]})

	if again := h.write(stores.Write{Writes: []graph.Tuple{bob, grant}, IgnoreDuplicates: true}); again < revision {
		t.Errorf("revision %d after %d", again, revision)
	}
	h.write(stores.Write{Writes: []graph.Tuple{bob, fresh}, IgnoreDuplicates: true, Deletes: []graph.Tuple{tuple("folder:y", "viewer", "user:anne")}, IgnoreMissing: true})
	if len(h.all()) != 3 {
		t.Errorf("%d tuples", len(h.all()))
	}
	other := bob
	other.Expires = h.db.Now().Add(time.Hour)
	h.refused(stores.Write{Writes: []graph.Tuple{other}, IgnoreDuplicates: true}, "tuple_differs")
}

// TestOnceByKey: a write that is sent twice happens once, also when both are under way.
func TestOnceByKey(t *testing.T) {
	h := newHouse(t, index.Bounds{})
	w := stores.Write{Writes: []graph.Tuple{bob}, Key: "k"}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if revision, err := h.WriteTuples(t.Context(), h.root, h.store, w); err != nil || revision != 1 {
				t.Errorf("revision %d, %v", revision, err)
			}
		})
	}
	all.Wait()
	h.refused(stores.Write{Deletes: []graph.Tuple{bob}, Key: "k"}, "idempotency_key_reused")
	h.write(stores.Write{Deletes: []graph.Tuple{bob}})
	h.write(w) // it has happened: the tuple does not come back
	if len(h.all()) != 0 {
		t.Error("a repeated write was written again")
	}
	h.clock.Advance(25 * time.Hour)
	h.write(w)
	if len(h.all()) != 1 {
		t.Error("a key is remembered for ever")
	}
}

// TestVersions: a version is asked by its id, the newest by default, an older one when it is pinned.
// Tuples that a version does not accept are left out of its answers and stay where they are.
func TestVersions(t *testing.T) {
	h := newHouse(t, index.Bounds{})
	h.write(stores.Write{Writes: []graph.Tuple{bob, grant}})
	first, err := h.GetModel(t.Context(), h.root, h.store, "")
	if err != nil {
		t.Fatal(err)
	}
	second := h.model("model\n  schema 1.1\ntype user\ntype folder\n  relations\n    define viewer: [user]\n")
	if second <= first.ID {
		t.Errorf("%s after %s", second, first.ID)
	}
	if h.allowed(stores.At{}, "folder:designs", "viewer", "user:bob") || !h.allowed(stores.At{Model: first.ID}, "folder:designs", "viewer", "user:bob") {
		t.Error("versions are mixed up")
	}
	h.write(stores.Write{Model: first.ID, Writes: []graph.Tuple{tuple("team:eng", "member", "user:carl")}})
	h.write(stores.Write{Writes: []graph.Tuple{tuple("folder:designs", "viewer", "user:dora")}})
	for _, at := range []stores.At{{}, {Model: first.ID}} {
		if !h.allowed(at, "folder:designs", "viewer", "user:dora") {
			t.Errorf("%+v does not know of the last write", at)
		}
	}
	if !h.allowed(stores.At{Model: first.ID}, "folder:designs", "viewer", "user:carl") {
		t.Error("a write by another version is lost")
	}
	if _, err := h.Pin(t.Context(), h.root, h.store, first.ID); err != nil {
		t.Fatal(err)
	}
	if !h.allowed(stores.At{}, "folder:designs", "viewer", "user:bob") {
		t.Error("pinning does nothing")
	}
	if _, err := h.Pin(t.Context(), h.root, h.store, "01ARZ3NDEKTSV4RRFFQ69G5FAV"); errs.CodeOf(err) != "model_not_found" {
		t.Errorf("pinning what there is not: %v", err)
	}
	other, err := h.Create(t.Context(), h.root, "other")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Pin(t.Context(), h.root, other.ID, first.ID); errs.CodeOf(err) != "model_not_found" {
		t.Errorf("pinning a version of another store: %v", err)
	}
	if _, err := h.WriteTuples(t.Context(), h.root, other.ID, stores.Write{Writes: []graph.Tuple{bob}}); errs.CodeOf(err) != "model_missing" {
		t.Errorf("writing without a model: %v", err)
	}
}

// TestChangesGoOn: pages of any size deliver every change once and in order, and go on where they ended.
func TestChangesGoOn(t *testing.T) {
	h := newHouse(t, index.Bounds{})
	var want []string
	for i := range 7 {
		var w stores.Write
		for j := range i + 1 {
			w.Writes = append(w.Writes, tuple(fmt.Sprintf("folder:%d-%d", i, j), "viewer", "user:a"))
			want = append(want, fmt.Sprintf("%d-%d", i, j))
		}
		w.Writes = append(w.Writes, tuple("team:eng", "member", fmt.Sprintf("user:%d", i)))
		h.write(w)
	}
	for _, size := range []int{1, 2, 3, 5, 8, 100} {
		var got []string
		cursor := ""
		for {
			p, err := h.Changes(t.Context(), h.root, h.store, stores.Watch{Type: "folder", Request: page.Request{Limit: size, Cursor: cursor}})
			if err != nil || p.Next == "" || len(p.Items) > size {
				t.Fatalf("%d items, next %q, %v", len(p.Items), p.Next, err)
			}
			cursor = p.Next
			if len(p.Items) == 0 {
				break
			}
			for _, c := range p.Items {
				got = append(got, c.Tuple.Object.ID)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("by %d: %v", size, got)
		}
		if _, err := h.Changes(t.Context(), h.root, h.store, stores.Watch{Type: "team", Request: page.Request{Cursor: cursor}}); errs.CodeOf(err) != "cursor_type_mismatch" {
			t.Errorf("a cursor of another type: %v", err)
		}
	}
	p, err := h.Changes(t.Context(), h.root, h.store, stores.Watch{Since: 6})
	if err != nil || len(p.Items) != 8 {
		t.Errorf("since revision 6: %d, %v", len(p.Items), err)
	}
	for _, forged := range []string{"x", "!", "MSAx", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5IDEg", "MSAtMSA"} {
		if _, err := h.Changes(t.Context(), h.root, h.store, stores.Watch{Request: page.Request{Cursor: forged}}); !errs.Is(err, errs.Invalid) {
			t.Errorf("%q: %v", forged, err)
		}
	}
}

// TestWalls: neither another tenant nor another store reaches what is in a store, a deleted one is gone
// for every question, and a caller needs the permission and the scope.
func TestWalls(t *testing.T) {
	h := newHouse(t, index.Bounds{})
	h.write(stores.Write{Writes: []graph.Tuple{bob, grant}})
	q := graph.Query{Object: grant.Object, Relation: "viewer", Subject: bob.Subject}
	at := stores.At{Store: h.store}
	foreign := access.Operator("other", "root", "test")
	if _, _, err := h.Check(t.Context(), foreign, at, q); errs.CodeOf(err) != "store_not_found" {
		t.Errorf("another tenant: %v", err)
	}
	for _, storeID := range []string{"", " ", "01ARZ3NDEKTSV4RRFFQ69G5FAV"} { // the empty one would be the roles of the tenant
		if _, _, err := h.Check(t.Context(), h.root, stores.At{Store: storeID}, q); errs.CodeOf(err) != "store_not_found" {
			t.Errorf("store %q: %v", storeID, err)
		}
		if _, err := h.WriteTuples(t.Context(), h.root, storeID, stores.Write{Deletes: []graph.Tuple{bob}}); errs.CodeOf(err) != "store_not_found" {
			t.Errorf("store %q: %v", storeID, err)
		}
	}
	service := func(scopes ...string) access.Caller {
		return access.Authenticated(acme, access.Service("app"), access.Proof{Strength: access.OneFactor, Scoped: true, Scopes: scopes}, access.Origin{})
	}
	if _, _, err := h.Check(t.Context(), service("cardea:authz"), at, q); errs.CodeOf(err) != "permission_missing" {
		t.Errorf("without a role: %v", err)
	}
	if _, err := h.roles.CreateRole(t.Context(), h.root, authz.Role{Meta: store.Meta{ID: "asker"}, Permissions: []string{"cardea:authz.check"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.roles.Assign(t.Context(), h.root, authz.Assignment{Role: "asker", Subject: store.SubjectRef{Type: "service", ID: "app"}}); err != nil {
		t.Fatal(err)
	}
	if r, _, err := h.Check(t.Context(), service("cardea:authz"), at, q); err != nil || !r.Allowed {
		t.Errorf("with the role: %v", err)
	}
	if _, _, err := h.Check(t.Context(), service("openid"), at, q); errs.CodeOf(err) != "insufficient_scope" {
		t.Errorf("without the scope: %v", err)
	}
	if _, err := h.WriteTuples(t.Context(), service("cardea:authz"), h.store, stores.Write{Deletes: []graph.Tuple{bob}}); errs.CodeOf(err) != "permission_missing" {
		t.Errorf("asking is not writing: %v", err)
	}
	if _, _, err := h.Explain(t.Context(), service("cardea:authz"), at, q); errs.CodeOf(err) != "permission_missing" {
		t.Errorf("asking is not reading: %v", err)
	}
	if err := h.Delete(t.Context(), h.root, h.store); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.Check(t.Context(), h.root, at, q); errs.CodeOf(err) != "store_not_found" {
		t.Errorf("a deleted store: %v", err)
	}
}

// TestMemory: stores that nobody asks are let go of and come back as they were.
func TestMemory(t *testing.T) {
	h := newHouse(t, index.Bounds{Memory: 300, Idle: time.Minute}) // three tuples
	h.write(stores.Write{Writes: []graph.Tuple{bob, grant}})
	if !h.allowed(stores.At{}, "folder:designs", "viewer", "user:bob") || h.graphs.Stats() != (index.Stats{Graphs: 1, Tuples: 2}) {
		t.Fatalf("%+v", h.graphs.Stats())
	}
	h.clock.Advance(2 * time.Minute)
	if err := h.graphs.Tidy(t.Context()); err != nil || h.graphs.Stats().Graphs != 0 {
		t.Fatalf("%+v, %v", h.graphs.Stats(), err)
	}
	h.write(stores.Write{Deletes: []graph.Tuple{bob}})
	if h.allowed(stores.At{}, "folder:designs", "viewer", "user:bob") {
		t.Error("a graph that was let go of has come back without the last write")
	}
	other, err := h.Create(t.Context(), h.root, "other")
	if err != nil {
		t.Fatal(err)
	}
	first := h.store
	h.store = other.ID
	h.model(teams)
	h.write(stores.Write{Writes: []graph.Tuple{bob, tuple("team:eng", "member", "user:a"), tuple("team:eng", "member", "user:b")}})
	h.clock.Advance(time.Second)
	if !h.allowed(stores.At{}, "team:eng", "member", "user:bob") || h.graphs.Stats() != (index.Stats{Graphs: 1, Tuples: 3}) {
		t.Errorf("nothing made room: %+v", h.graphs.Stats())
	}
	h.store = first
	if h.allowed(stores.At{}, "folder:designs", "viewer", "user:bob") {
		t.Error("the first store has changed")
	}
	if _, _, err := h.Check(t.Context(), h.root, stores.At{Store: h.store, AtLeast: 99}, graph.Query{Object: grant.Object, Relation: "viewer", Subject: bob.Subject}); errs.CodeOf(err) != "revision_not_reached" {
		t.Errorf("a revision that there is not: %v", err)
	}
}

// TestExplain: the sentence names the way, and on a deny the smallest change.
func TestExplain(t *testing.T) {
	h := newHouse(t, index.Bounds{})
	h.write(stores.Write{Writes: []graph.Tuple{bob, grant}})
	say := func(user string) string {
		t.Helper()
		e, _, err := h.Explain(t.Context(), h.root, stores.At{Store: h.store}, graph.Query{Object: grant.Object, Relation: "viewer", Subject: graph.Subject{Type: "user", ID: user}})
		if err != nil {
			t.Fatal(err)
		}
		return e.Sentence
	}
	for user, want := range map[string]string{
		"bob":     "user:bob is viewer of folder:designs, because team:eng#member is viewer of folder:designs and user:bob is member of team:eng.",
		"charlie": "user:charlie is not viewer of folder:designs; it would be if user:charlie were viewer of folder:designs.",
	} {
		if got := say(user); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

package stores_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/builtin"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/authz/model"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/authz/tuplekey"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

const office = `module office

extend type org
  relations
    define billing: [user]

type doc
  relations
    define owner: [user]
    define reader: [user, group#member, org#member, org#billing, role#assignee]
    define blocked: [group#member]
    define viewer: (owner or reader) but not blocked
`

// use writes a model that uses the built-in module.
func (h *house) use(c access.Caller, text string) error {
	h.t.Helper()
	m, err := builtin.Parse(text)
	if err != nil {
		h.t.Fatal(err)
	}
	_, err = h.WriteModel(h.t.Context(), c, h.store, m)
	return err
}

func (h *house) member(group, user string, member bool) {
	h.t.Helper()
	if _, err := h.roles.SetMember(h.t.Context(), h.root, group, store.SubjectRef{Type: "user", ID: user}, member); err != nil {
		h.t.Fatal(err)
	}
}

// own writes or deletes a tuple of the tenant's own.
func (h *house) own(object, relation, user string, remove bool) {
	h.t.Helper()
	t := tuple(object, relation, user)
	op := store.TupleOp{Delete: remove, Tuple: store.Tuple{Object: store.ObjectRef(t.Object), Relation: t.Relation, Subject: store.SubjectRef(t.Subject)}}
	permit := access.NewGuard(nil, h.clock.Now).Task(acme, "store.sweep")
	if _, err := h.db.Commit(h.t.Context(), store.Batch{Permit: permit, Tuples: []store.TupleOp{op}}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) views(want bool, user, doc string) {
	h.t.Helper()
	for _, at := range []stores.At{{}, {Full: true}} {
		if got := h.allowed(at, doc, "viewer", user); got != want {
			h.t.Errorf("%s views %s: %t, want %t (%+v)", user, doc, got, want, at)
		}
	}
}

// TestBuiltIn: who is in a group, an organisation or a role of the server may what they may, at once, and no longer
// once they are not.
func TestBuiltIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t, index.Bounds{})
	if err := h.use(h.root, office); err != nil {
		t.Fatal(err)
	}
	h.write(stores.Write{Writes: []graph.Tuple{
		tuple("doc:1", "reader", "group:eng#member"), tuple("doc:2", "reader", "org:acme#member"), tuple("doc:3", "reader", "role:editor#assignee"),
		tuple("doc:1", "blocked", "group:left#member"), tuple("doc:4", "reader", "org:acme#billing"), tuple("org:acme", "billing", "user:carl"),
	}})
	h.views(false, "user:bob", "doc:1")
	h.member("eng", "bob", true)
	h.views(true, "user:bob", "doc:1")
	h.member("left", "bob", true)
	h.views(false, "user:bob", "doc:1")
	h.member("left", "bob", false)
	h.views(true, "user:bob", "doc:1")
	h.member("eng", "bob", false)
	h.views(false, "user:bob", "doc:1")

	h.own("org:acme", "member", "user:bob", false)
	h.views(true, "user:bob", "doc:2")
	h.own("org:acme", "member", "user:bob", true)
	h.views(false, "user:bob", "doc:2")

	for _, role := range []string{"editor", "admin"} {
		r := authz.Role{Meta: store.Meta{ID: role}}
		if role == "admin" {
			r.Inherits = []string{"editor"}
		}
		if _, err := h.roles.CreateRole(t.Context(), h.root, r); err != nil {
			t.Fatal(err)
		}
	}
	admin := authz.Assignment{Role: "admin", Subject: store.SubjectRef{Type: "user", ID: "bob"}}
	if _, err := h.roles.Assign(t.Context(), h.root, admin); err != nil {
		t.Fatal(err)
	}
	h.views(true, "user:bob", "doc:3")
	if _, err := h.roles.Unassign(t.Context(), h.root, admin); err != nil {
		t.Fatal(err)
	}
	h.views(false, "user:bob", "doc:3")
	h.views(true, "user:carl", "doc:4")
	if got := len(h.all()); got != 6 {
		t.Errorf("the store has %d tuples", got)
	}
	changes, err := h.Changes(t.Context(), h.root, h.store, stores.Watch{Request: page.Request{Limit: 100}})
	if err != nil || len(changes.Items) != 6 {
		t.Errorf("%d changes, %v", len(changes.Items), err)
	}
}

// TestBuiltInIsNotTheStores: tuples of the module's relations can be neither written nor brought, and those that
// a store has from a model of before count for nothing, until it goes back to that.
func TestBuiltInIsNotTheStores(t *testing.T) {
	t.Parallel()
	h := newHouse(t, index.Bounds{})
	before := h.model("model\n  schema 1.1\ntype user\ntype group\n  relations\n    define member: [user]\ntype doc\n  relations\n    define owner: [user]\n    define viewer: [user, group#member]\n")
	h.write(stores.Write{Writes: []graph.Tuple{tuple("group:eng", "member", "user:eve"), tuple("doc:1", "viewer", "group:eng#member")}})
	h.views(true, "user:eve", "doc:1")
	if err := h.use(h.root, strings.ReplaceAll(office, "define viewer: (owner or reader) but not blocked", "define viewer: [group#member] but not blocked")); err != nil {
		t.Fatal(err)
	}
	h.views(false, "user:eve", "doc:1")
	h.member("eng", "bob", true)
	h.views(true, "user:bob", "doc:1")
	if h.allowed(stores.At{Model: before}, "doc:1", "viewer", "user:bob") || !h.allowed(stores.At{Model: before}, "doc:1", "viewer", "user:eve") {
		t.Error("the version of before sees other tuples")
	}

	in := tuple("group:eng", "member", "user:carl")
	h.refused(stores.Write{Writes: []graph.Tuple{in}}, "relation_foreign")
	ctx, at := t.Context(), stores.At{Store: h.store}
	doc, carl := graph.Object{Type: "doc", ID: "1"}, graph.Subject{Type: "user", ID: "carl"}
	q := graph.Query{Object: doc, Relation: "viewer", Subject: carl, Contextual: []graph.Tuple{in}}
	_, _, err := h.Check(ctx, h.root, at, q)
	wants(t, "check", err)
	_, _, err = h.Explain(ctx, h.root, at, q)
	wants(t, "explain", err)
	_, _, err = h.Objects(ctx, h.root, at, graph.ObjectsQuery{Type: "doc", Relation: "viewer", Subject: carl, Contextual: q.Contextual})
	wants(t, "objects", err)
	_, _, err = h.Subjects(ctx, h.root, at, graph.SubjectsQuery{Object: doc, Relation: "viewer", Type: "user", Contextual: q.Contextual})
	wants(t, "subjects", err)
	_, _, err = h.Relations(ctx, h.root, at, graph.RelationsQuery{Object: doc, Subject: carl, Contextual: q.Contextual})
	wants(t, "relations", err)
	_, _, err = h.Expand(ctx, h.root, at, graph.ExpandQuery{Object: doc, Relation: "viewer", Contextual: q.Contextual})
	wants(t, "expand", err)
	answers, _, err := h.CheckBatch(ctx, h.root, at, []graph.Batch{{Questions: []graph.Question{{Object: doc, Relation: "viewer", Subject: carl}}, Contextual: q.Contextual}})
	if err != nil || answers[0][0].Allowed {
		t.Errorf("%+v, %v", answers, err)
	}
	wants(t, "batch", answers[0][0].Err)
	used, err := h.GetModel(ctx, h.root, h.store, "")
	if err != nil {
		t.Fatal(err)
	}
	err = h.WriteAssertions(ctx, h.root, h.store, used.ID, []stores.Assertion{{
		Key: tuplekey.Key{User: "user:carl", Relation: "viewer", Object: "doc:1"}, Contextual: []tuplekey.Key{{User: "user:carl", Relation: "member", Object: "group:eng"}},
	}})
	if errs.CodeOf(err) != "relation_foreign" {
		t.Errorf("assertions: %v", err)
	}
	_, _, err = h.Check(ctx, h.root, stores.At{Store: h.store, Suppose: []graph.Change{{Tuple: in}}}, graph.Query{Object: doc, Relation: "viewer", Subject: carl})
	if errs.CodeOf(err) != "relation_foreign" {
		t.Errorf("supposed: %v", err)
	}
	h.write(stores.Write{Deletes: []graph.Tuple{tuple("group:eng", "member", "user:eve")}}) // what was left can go
	h.views(true, "user:bob", "doc:1")
}

func wants(t *testing.T, what string, err error) {
	t.Helper()
	if errs.CodeOf(err) != "invalid_contextual_tuple" {
		t.Errorf("%s: %v", what, err)
	}
}

// TestBuiltInAnswers: lists, explanations and trees go through the groups of the server, nobody is advised to change
// those in the store, and what is supposed of them counts.
func TestBuiltInAnswers(t *testing.T) {
	t.Parallel()
	h := newHouse(t, index.Bounds{})
	if err := h.use(h.root, office); err != nil {
		t.Fatal(err)
	}
	h.write(stores.Write{Writes: []graph.Tuple{tuple("doc:1", "reader", "group:eng#member"), tuple("doc:2", "owner", "user:carl")}})
	h.member("eng", "bob", true)
	ctx, at := t.Context(), stores.At{Store: h.store}
	doc, bob := graph.Object{Type: "doc", ID: "1"}, graph.Subject{Type: "user", ID: "bob"}
	e, _, err := h.Explain(ctx, h.root, at, graph.Query{Object: doc, Relation: "viewer", Subject: bob})
	if err != nil || e.Sentence != "user:bob is viewer of doc:1, because group:eng#member is reader of doc:1 and user:bob is member of group:eng." {
		t.Errorf("%q, %v", e.Sentence, err)
	}
	e, _, err = h.Explain(ctx, h.root, at, graph.Query{Object: doc, Relation: "viewer", Subject: graph.Subject{Type: "user", ID: "dora"}})
	if err != nil || len(e.Remedies) != 2 {
		t.Errorf("%+v, %v", e.Remedies, err)
	}
	for _, r := range e.Remedies {
		for _, w := range r.Write {
			if w.Object.Type != "doc" {
				t.Errorf("advises %v", w)
			}
		}
	}
	objects, _, err := h.Objects(ctx, h.root, at, graph.ObjectsQuery{Type: "doc", Relation: "viewer", Subject: bob, Limit: 10})
	if diff := cmp.Diff([]string{"1"}, objects.IDs); diff != "" || err != nil {
		t.Error(diff, err)
	}
	users, _, err := h.Subjects(ctx, h.root, at, graph.SubjectsQuery{Object: doc, Relation: "viewer", Type: "user", Limit: 10})
	if diff := cmp.Diff([]string{"bob"}, users.IDs); diff != "" || err != nil {
		t.Error(diff, err)
	}
	tree, _, err := h.Expand(ctx, h.root, at, graph.ExpandQuery{Object: graph.Object{Type: "group", ID: "eng"}, Relation: "member"})
	if err != nil || len(tree.Tree.Subjects) != 1 {
		t.Errorf("%+v, %v", tree.Tree, err)
	}
	gone := at
	gone.SupposeOwn = []graph.Change{{Tuple: tuple("group:eng", "member", "user:bob"), Delete: true}, {Tuple: tuple("nothing:x", "y", "user:bob")}}
	if got, _, err := h.Check(ctx, h.root, gone, graph.Query{Object: doc, Relation: "viewer", Subject: bob}); got.Allowed || err != nil {
		t.Errorf("supposed to have left: %+v, %v", got, err)
	}
	q := graph.Query{Object: doc, Relation: "viewer", Subject: bob}
	_, before, err := h.Check(ctx, h.root, at, q)
	if err != nil || before.Own == 0 {
		t.Fatalf("%+v, %v", before, err)
	}
	h.member("eng", "bob", false)
	then := stores.At{Store: h.store, Past: before.Revision}
	if _, _, err := h.Check(ctx, h.root, then, q); errs.CodeOf(err) != "past_of_both" {
		t.Errorf("the past of one: %v", err)
	}
	then.PastOwn = before.Own
	if got, on, err := h.Check(ctx, h.root, then, q); !got.Allowed || err != nil || on != before {
		t.Errorf("the past: %+v, %+v, %v", got, on, err)
	}
	h.member("eng", "bob", true)
	draft, err := builtin.Parse(strings.Replace(office, "define viewer: (owner or reader) but not blocked", "define viewer: owner", 1))
	if err != nil {
		t.Fatal(err)
	}
	at.Draft = draft
	if got, _, err := h.Check(ctx, h.root, at, graph.Query{Object: doc, Relation: "reader", Subject: bob}); !got.Allowed || err != nil {
		t.Errorf("by a draft: %+v, %v", got, err)
	}
}

// TestBuiltInMay: whoever may write models, but not read who belongs to what in the whole tenant, writes none that
// would show it, and asks by no draft that would.
func TestBuiltInMay(t *testing.T) {
	t.Parallel()
	h := newHouse(t, index.Bounds{})
	ctx := t.Context()
	eve := access.Authenticated(acme, access.User("eve"), access.Proof{Scopes: []string{access.ScopeAdmin}}, access.Origin{})
	create := func(name string, permissions ...string) {
		if _, err := h.roles.CreateRole(ctx, h.root, authz.Role{Meta: store.Meta{ID: name}, Permissions: permissions}); err != nil {
			t.Fatal(err)
		}
	}
	give := func(role, at string) {
		t.Helper()
		if _, err := h.roles.Assign(ctx, h.root, authz.Assignment{Role: role, Store: at, Subject: store.SubjectRef{Type: "user", ID: "eve"}}); err != nil {
			t.Fatal(err)
		}
	}
	const groups = "module app\n\ntype doc\n  relations\n    define viewer: [group#member]\n"
	create("modeller", "cardea:authz.model.write", "cardea:authz.check", "cardea:authz.tuple.read", "cardea:group.read", "cardea:member.read", "cardea:role.read")
	create("group_reader", "cardea:group.read")
	create("role_reader", "cardea:role.read")
	create("member_reader", "cardea:member.read")
	give("modeller", h.store)
	if err := h.use(eve, "module app\n\ntype person\n\ntype doc\n  relations\n    define viewer: [person]\n"); err != nil {
		t.Errorf("a model of the store's own: %v", err)
	}
	refused := func(text, missing string) {
		t.Helper()
		if err := h.use(eve, text); errs.CodeOf(err) != "permission_missing" || errs.From(err).Missing != missing {
			t.Errorf("%v, want %s", err, missing)
		}
		m, err := builtin.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = h.Check(ctx, eve, stores.At{Store: h.store, Draft: m}, graph.Query{Object: graph.Object{Type: "doc", ID: "1"}, Relation: "viewer", Subject: graph.Subject{Type: "user", ID: "x"}})
		if errs.CodeOf(err) != "permission_missing" || errs.From(err).Missing != missing {
			t.Errorf("draft: %v, want %s", err, missing)
		}
	}
	refused(groups, "group.read")
	give("group_reader", "")
	if err := h.use(eve, groups); err != nil {
		t.Error(err)
	}
	refused(office, "member.read")
	give("member_reader", "")
	refused(office, "role.read")
	give("role_reader", "")
	if err := h.use(eve, office); err != nil {
		t.Error(err)
	}
	h.member("eng", "bob", true) // and reading needs what it always did
	if got, _, err := h.Check(ctx, eve, stores.At{Store: h.store}, graph.Query{Object: graph.Object{Type: "group", ID: "eng"}, Relation: "member", Subject: graph.Subject{Type: "user", ID: "bob"}}); !got.Allowed || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestBuiltInRefused: what says that it is the module must be it.
func TestBuiltInRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, index.Bounds{})
	m, err := builtin.Parse("module cardea\n\ntype user\n\ntype group\n  relations\n    define member: [user]\n")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.WriteModel(t.Context(), h.root, h.store, m); errs.CodeOf(err) != "invalid_model" || !strings.Contains(err.Error(), "cardea authz model built-in") {
		t.Error(err)
	}
	j, err := h.JudgeModel(t.Context(), h.root, h.store, "module cardea\n\ntype user\n\ntype group\n  relations\n    define member: [user]\n")
	if err != nil || len(j.Wrong) != 1 {
		t.Errorf("%+v, %v", j, err)
	}
	if j, err = h.JudgeModel(t.Context(), h.root, h.store, office); err != nil || len(j.Wrong) != 0 || len(j.Changes) == 0 {
		t.Errorf("%+v, %v", j, err)
	}
}

// TestBuiltInMarked: a version that was stored before there was a built-in module is its own altogether, however it
// calls its modules; one that uses it is stored so that a program of before refuses it.
func TestBuiltInMarked(t *testing.T) {
	t.Parallel()
	h := newHouse(t, index.Bounds{})
	if err := h.use(h.root, office); err != nil {
		t.Fatal(err)
	}
	v, err := h.GetModel(t.Context(), h.root, h.store, "")
	if err != nil || !v.BuiltIn || v.Model.Schema != model.Schema12 {
		t.Fatalf("%+v, %v", v, err)
	}
	if text, err := v.Text(); err != nil || text != office {
		t.Errorf("%s, %v", text, err)
	}
	raw := store.NewCollection(h.db, store.Kind[stores.Version]{
		Name: "authz_model", Noun: "model", Meta: func(v *stores.Version) *store.Meta { return &v.Meta },
		Columns: []store.ColumnOf[stores.Version]{{Name: "store", Kind: store.TextKind, Of: func(v *stores.Version) store.Value { return store.Text(v.Store) }}},
		Indexes: []store.Index{{Name: "by_store", Columns: []string{"store"}}},
	}).In(acme)
	doc, err := raw.Get(t.Context(), v.ID)
	if err != nil || doc.Model.Check() == nil {
		t.Fatalf("it is stored as %q, which older programs accept; %v", doc.Model.Schema, err)
	}
	old := *doc
	m := *v.Model
	old.Meta, old.Model = store.Meta{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, &m
	permit := access.NewGuard(nil, h.clock.Now).Task(acme, "store.sweep")
	if _, err := h.db.Commit(t.Context(), store.Batch{Permit: permit, Docs: []store.DocOp{raw.Insert(t.Context(), &old)}}); err != nil {
		t.Fatal(err)
	}
	h.write(stores.Write{Writes: []graph.Tuple{tuple("doc:1", "reader", "group:eng#member")}})
	h.member("eng", "bob", true)
	h.write(stores.Write{Model: old.ID, Writes: []graph.Tuple{tuple("group:eng", "member", "user:eve")}})
	for user, by := range map[string]string{"user:bob": v.ID, "user:eve": old.ID} {
		for _, version := range []string{v.ID, old.ID} {
			if got := h.allowed(stores.At{Model: version}, "doc:1", "viewer", user); got != (version == by) {
				t.Errorf("%s by %s: %t", user, version, got)
			}
		}
	}
	all, err := h.ListModels(t.Context(), h.root, h.store, page.Request{})
	if err != nil || len(all.Items) != 3 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, one := range all.Items {
		if one.BuiltIn != (one.ID == v.ID) {
			t.Errorf("%s: %t", one.ID, one.BuiltIn)
		}
	}
}

// TestBuiltInRace: nobody who was taken out of a group, as far as anybody was told, may anything by it, while many
// ask, the store is written to, and both versions of its model are asked.
func TestBuiltInRace(t *testing.T) {
	t.Parallel()
	h := newHouse(t, index.Bounds{})
	if err := h.use(h.root, office); err != nil {
		t.Fatal(err)
	}
	h.write(stores.Write{Writes: []graph.Tuple{tuple("doc:1", "reader", "group:eng#member")}})
	var out atomic.Int64 // odd: bob is out, and was told so
	var asking, writing sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		asking.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				before := out.Load()
				if h.allowed(stores.At{}, "doc:1", "viewer", "user:bob") && before%2 == 1 && out.Load() == before {
					t.Error("allowed after the removal was acknowledged")
					return
				}
			}
		})
	}
	writing.Go(func() {
		for range 100 {
			h.member("eng", "bob", true)
			h.views(true, "user:bob", "doc:1")
			h.member("eng", "bob", false)
			out.Add(1)
			h.views(false, "user:bob", "doc:1")
			out.Add(1)
		}
	})
	writing.Go(func() {
		for range 100 {
			h.write(stores.Write{Writes: []graph.Tuple{tuple("doc:2", "owner", "user:carl")}})
			h.write(stores.Write{Deletes: []graph.Tuple{tuple("doc:2", "owner", "user:carl")}})
		}
	})
	writing.Wait()
	close(done)
	asking.Wait()
}

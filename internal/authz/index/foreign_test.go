package index_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// meddler is an engine that has something happen before a store is read, or has the reading fail.
type meddler struct {
	store.Engine
	store.Keeper
	before atomic.Pointer[func(s store.TupleStore) error]
}

func (m *meddler) meddle(s store.TupleStore) error {
	if f := m.before.Load(); f != nil {
		return (*f)(s)
	}
	return nil
}

func (m *meddler) set(f func(s store.TupleStore) error) { m.before.Store(&f) }

func (m *meddler) Changes(ctx context.Context, s store.TupleStore, since uint64, limit int) ([]store.TupleChange, error) {
	if err := m.meddle(s); err != nil {
		return nil, err
	}
	return m.Engine.Changes(ctx, s, since, limit)
}

func (m *meddler) Snapshot(ctx context.Context, s store.TupleStore, yield func(store.Tuple) error) (uint64, error) {
	if err := m.meddle(s); err != nil {
		return 0, err
	}
	return m.Engine.Snapshot(ctx, s, yield)
}

// office is a store of documents that uses groups of the tenant.
type office struct {
	*house
	engine *meddler
	in     store.TupleStore
	union  *graph.Model // the same model, as if all tuples were of one store
	other  *index.Index // of a node that hears of nothing
}

func newOffice(t *testing.T, b index.Bounds) *office {
	t.Helper()
	o := &office{house: &house{t: t, clock: storetest.NewClock()}, engine: &meddler{}, in: store.TupleStore{Tenant: acme, ID: "office"}}
	o.db = storetest.NewDB(t, storetest.WithClock(o.clock), storetest.WithEngine(func(e store.Engine) store.Engine {
		o.engine.Engine, o.engine.Keeper = e, e.(store.Keeper)
		return o.engine
	}))
	storetest.Ensure(t, o.db)
	o.permit = access.NewGuard(nil, o.clock.Now).Task(acme, "store.sweep")
	o.other = index.New(o.db, b)
	o.index = index.New(o.db, b)
	o.union = officeModel(t, "")
	o.rules = index.Rules{Digest: "office", Model: officeModel(t, "The groups are the tenant's.")}
	return o
}

func officeModel(t *testing.T, foreign string) *graph.Model {
	t.Helper()
	m, err := graph.NewModel(graph.Type{Name: "user"},
		graph.Type{Name: "group", Relations: []graph.Relation{
			{Name: "member", Rewrite: graph.This("user", "group#member"), Foreign: foreign},
			{Name: "owner", Rewrite: graph.This("user")},
		}},
		graph.Type{Name: "doc", Relations: []graph.Relation{
			{Name: "group", Rewrite: graph.This("group")}, {Name: "blocked", Rewrite: graph.This("user", "group#member")},
			{Name: "viewer", Rewrite: graph.Exclusion(graph.Union(graph.This("user", "group#member", "group#owner"), graph.From("group", "member")), graph.Computed("blocked"))},
		}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (o *office) parse(text string) store.Tuple {
	o.t.Helper()
	t, err := graph.ParseTuple(text)
	if err != nil {
		o.t.Fatal(err)
	}
	return store.Tuple{Object: store.ObjectRef(t.Object), Relation: t.Relation, Subject: store.SubjectRef(t.Subject)}
}

// write writes a tuple into the store or, if it is a member of a group, into the tenant's own; remove deletes one.
func (o *office) write(text string)  { o.t.Helper(); o.commit(store.WriteTuple(o.parse(text))) }
func (o *office) remove(text string) { o.t.Helper(); o.commit(store.DeleteTuple(o.parse(text))) }

func (o *office) commit(op store.TupleOp) {
	o.t.Helper()
	in := o.in.ID
	if op.Tuple.Relation == "member" {
		in = ""
	}
	o.commitTo(in, op)
}

func (o *office) commitTo(in string, ops ...store.TupleOp) {
	o.t.Helper()
	if _, err := o.db.Commit(context.WithoutCancel(o.t.Context()), store.Batch{Permit: o.permit, TupleStore: in, Tuples: ops}); err != nil {
		o.t.Error(err)
	}
}

func (o *office) check(x func(context.Context, store.TupleStore, index.Rules) (graph.View, error), user, doc string) (bool, error) {
	v, err := x(o.t.Context(), o.in, o.rules)
	if err != nil {
		return false, err
	}
	return allows(o.t, v, user, doc), nil
}

func allows(t testing.TB, v graph.View, user, doc string) bool {
	t.Helper()
	r, err := v.Check(t.Context(), time.Now(), graph.Query{
		Object: graph.Object{Type: "doc", ID: doc}, Relation: "viewer", Subject: graph.Subject{Type: "user", ID: user},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r.Allowed
}

func (o *office) want(allowed bool, user, doc string) {
	o.t.Helper()
	if got, err := o.check(o.index.View, user, doc); got != allowed || err != nil {
		o.t.Errorf("%s views %s: %t, %v, want %t", user, doc, got, err, allowed)
	}
}

// draw draws a tuple, and whether it belongs into the tenant's own store.
func (o *office) draw(r *rand.Rand) (store.Tuple, bool) {
	n := func(kind string, most int) string { return kind + ":" + strconv.Itoa(r.IntN(most)) }
	switch r.IntN(7) {
	case 0:
		return o.parse(n("group", 4) + "#member@" + n("group", 4) + "#member"), true
	case 1, 2:
		return o.parse(n("group", 4) + "#member@" + n("user", 5)), true
	case 3:
		return o.parse(n("group", 4) + "#owner@" + n("user", 5)), false
	case 4:
		return o.parse(n("doc", 4) + "#group@" + n("group", 4)), false
	case 5:
		return o.parse(n("doc", 4) + "#blocked@" + n("group", 4) + "#member"), false
	}
	return o.parse(n("doc", 4) + "#viewer@" + n("group", 4) + []string{"#member", "#owner"}[r.IntN(2)]), false
}

// TestForeignFollows: over random changes of both stores, each of which holds tuples of the other's relations too, a
// graph answers as one of the union, on the node that commits and on one that has to ask.
func TestForeignFollows(t *testing.T) {
	t.Parallel()
	o := newOffice(t, index.Bounds{})
	r := rand.New(rand.NewPCG(5, 6))
	union := map[store.Tuple]bool{}
	for range 300 {
		tuple, own := o.draw(r)
		in, remove := o.in.ID, r.IntN(3) == 0
		if own {
			in = ""
		}
		if r.IntN(5) == 0 { // into the store where it does not count
			in = map[string]string{o.in.ID: "", "": o.in.ID}[in]
		} else if union[tuple] = true; remove {
			delete(union, tuple)
		}
		o.commitTo(in, store.TupleOp{Delete: remove, Tuple: tuple})
		var all []graph.Tuple
		for one := range union {
			all = append(all, index.Tuple(one))
		}
		g := graph.New(o.union, graph.Limits{})
		if err := g.Load(1, graph.All(all...)); err != nil {
			t.Fatal(err)
		}
		heard, err := o.index.View(t.Context(), o.in, o.rules)
		if err != nil {
			t.Fatal(err)
		}
		asked, err := o.other.Full(t.Context(), o.in, o.rules)
		if err != nil {
			t.Fatal(err)
		}
		apart, err := o.index.Apart(t.Context(), o.in, o.rules)
		if err != nil {
			t.Fatal(err)
		}
		for user := range 5 {
			for doc := range 4 {
				want := allows(t, g.View(), strconv.Itoa(user), strconv.Itoa(doc))
				for i, v := range []graph.View{heard, asked, apart} {
					if got := allows(t, v, strconv.Itoa(user), strconv.Itoa(doc)); got != want {
						t.Fatalf("view %d: user %d, doc %d: %t, want %t", i, user, doc, got, want)
					}
				}
			}
		}
	}
}

// TestForeignPast: the state at any two revisions that were seen together is told as it was seen.
func TestForeignPast(t *testing.T) {
	t.Parallel()
	o := newOffice(t, index.Bounds{})
	r := rand.New(rand.NewPCG(7, 8))
	answers := func(v graph.View) (out string) {
		for user := range 5 {
			for doc := range 4 {
				out += strconv.FormatBool(allows(t, v, strconv.Itoa(user), strconv.Itoa(doc)))[:1]
			}
		}
		return out
	}
	seen := map[[2]uint64]string{}
	o.write("group:0#member@user:0")
	for range 120 {
		tuple, own := o.draw(r)
		in := o.in.ID
		if own != (r.IntN(6) == 0) {
			in = ""
		}
		o.commitTo(in, store.TupleOp{Delete: r.IntN(3) == 0, Tuple: tuple})
		v, err := o.index.View(t.Context(), o.in, o.rules)
		if err != nil {
			t.Fatal(err)
		}
		seen[[2]uint64{v.Revision(), v.Foreign()}] = answers(v)
	}
	for at, want := range seen {
		v, assumed, err := o.index.Past(t.Context(), o.in, o.rules, at[0], at[1])
		if err != nil || assumed != 0 {
			t.Fatalf("%v: %d, %v", at, assumed, err)
		}
		if got := answers(v); got != want {
			t.Errorf("%v: %s, want %s", at, got, want)
		}
	}
	for _, no := range []struct {
		store, own uint64
		code       string
	}{{1, 0, "past_of_both"}, {1, 10_000, "history_not_kept"}, {10_000, 1, "history_not_kept"}} {
		if _, _, err := o.index.Past(t.Context(), o.in, o.rules, no.store, no.own); errs.CodeOf(err) != no.code {
			t.Errorf("%+v: %v", no, err)
		}
	}
}

// TestForeignLetGo: a graph that was let go of is there again with what has happened meanwhile.
func TestForeignLetGo(t *testing.T) {
	t.Parallel()
	o := newOffice(t, index.Bounds{})
	o.write("doc:1#viewer@group:eng#member")
	o.write("group:eng#member@user:bob")
	o.want(true, "bob", "1")
	o.clock.Advance(time.Hour)
	if err := o.index.Tidy(t.Context()); err != nil || o.index.Stats().Graphs != 0 {
		t.Fatalf("%+v, %v", o.index.Stats(), err)
	}
	o.remove("group:eng#member@user:bob")
	o.want(false, "bob", "1")
	o.write("group:eng#member@user:bob")
	o.want(true, "bob", "1")
}

// TestForeignFailsClosed: while one of the stores cannot be read, there are no answers, neither at once after a
// commit to it nor to somebody who asks first; and afterwards they are right.
func TestForeignFailsClosed(t *testing.T) {
	t.Parallel()
	for _, broken := range []string{"", "office"} {
		o := newOffice(t, index.Bounds{})
		o.write("doc:1#viewer@group:eng#member")
		o.write("group:eng#member@user:bob")
		o.want(true, "bob", "1")
		o.engine.set(func(s store.TupleStore) error {
			if s.ID == broken {
				return errors.New("broken")
			}
			return nil
		})
		if broken == "" {
			o.remove("group:eng#member@user:bob")
		} else {
			o.remove("doc:1#viewer@group:eng#member")
		}
		if got, err := o.check(o.index.View, "bob", "1"); got || errs.CodeOf(err) != "decision_unavailable" {
			t.Errorf("%q broken: %t, %v", broken, got, err)
		}
		if got, err := o.check(o.other.View, "bob", "1"); got || errs.CodeOf(err) != "decision_unavailable" {
			t.Errorf("%q broken, loading: %t, %v", broken, got, err)
		}
		o.engine.set(func(store.TupleStore) error { return nil })
		o.want(false, "bob", "1")
		if got, err := o.check(o.other.View, "bob", "1"); got || err != nil {
			t.Errorf("%q was broken, loading: %t, %v", broken, got, err)
		}
	}
}

// TestForeignOneMoment: somebody who was taken out of a group before a document was shared with it, or put into it
// after that was ended, is never seen in the group and the document as shared, whenever both stores are read.
func TestForeignOneMoment(t *testing.T) {
	t.Parallel()
	stories := []struct {
		name          string
		first, second string // what holds before; the other does not
	}{{"left, then shared", "group:eng#member@user:bob", "doc:1#viewer@group:eng#member"}, {"no longer shared, then joined", "doc:1#viewer@group:eng#member", "group:eng#member@user:bob"}}
	for _, story := range stories {
		for _, loaded := range []bool{false, true} {
			for call := range 12 {
				o := newOffice(t, index.Bounds{})
				o.write(story.first)
				x := o.other // a commit waits for no reading of a node that does not hear of it
				if loaded {
					if _, err := o.check(x.Full, "bob", "1"); err != nil {
						t.Fatal(err)
					}
				}
				n, once := 0, sync.Once{}
				o.write("doc:2#viewer@user:bob") // so that there is something to be read
				o.engine.set(func(store.TupleStore) error {
					if n++; n > call {
						once.Do(func() {
							o.engine.before.Store(nil)
							o.remove(story.first)
							o.write(story.second)
						})
					}
					return nil
				})
				if got, err := o.check(x.Full, "bob", "1"); got || err != nil {
					t.Errorf("%s, loaded %t, at reading %d: %t, %v", story.name, loaded, call, got, err)
				}
				if got, err := o.check(x.Apart, "bob", "1"); got || err != nil {
					t.Errorf("%s, apart, at reading %d: %t, %v", story.name, call, got, err)
				}
			}
		}
	}
}

// TestForeignTooLarge: a store that does not fit with what it uses is refused, and found to fit again later; what
// the tenant's own store has besides does not count.
func TestForeignTooLarge(t *testing.T) {
	t.Parallel()
	o := newOffice(t, index.Bounds{Memory: 100 * 20})
	for i := range 30 {
		o.commitTo("", store.WriteTuple(o.parse("doc:"+strconv.Itoa(i)+"#viewer@user:1")))
	}
	o.write("doc:1#viewer@group:eng#member")
	o.write("group:eng#member@user:bob")
	o.want(true, "bob", "1")
	refused := func() {
		t.Helper()
		for range 2 {
			if got, err := o.check(o.index.View, "bob", "1"); got || errs.CodeOf(err) != "store_too_large" {
				t.Errorf("%t, %v", got, err)
			}
		}
		if got, err := o.check(o.index.Apart, "bob", "1"); got || errs.CodeOf(err) != "store_too_large" {
			t.Errorf("apart: %t, %v", got, err)
		}
	}
	for i := range 20 {
		o.write("group:eng#member@user:" + strconv.Itoa(i))
	}
	refused()
	o.remove("group:eng#member@user:bob")
	for i := range 20 {
		o.remove("group:eng#member@user:" + strconv.Itoa(i))
	}
	o.clock.Advance(11 * time.Minute)
	o.want(false, "bob", "1")
	for i := range 20 {
		o.write("doc:" + strconv.Itoa(i) + "#viewer@user:2")
	}
	refused()
	if err := o.index.Tidy(t.Context()); err != nil {
		t.Error(err)
	}
	o.index.Forget(o.in)
	if s := o.index.Stats(); s.Graphs != 0 {
		t.Errorf("%+v", s)
	}
	o.write("group:eng#member@user:bob") // nobody follows what was forgotten
}

// TestForeignRace: whoever has left a group, as far as anybody was told, is never let in again, however many ask.
func TestForeignRace(t *testing.T) {
	t.Parallel()
	o := newOffice(t, index.Bounds{})
	o.write("doc:1#viewer@group:eng#member")
	var member, asking sync.WaitGroup
	var left atomic.Int64 // odd: bob has left, and was told so
	done := make(chan struct{})
	for _, x := range []func(context.Context, store.TupleStore, index.Rules) (graph.View, error){o.index.View, o.index.View, o.other.Full} {
		asking.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				before := left.Load()
				got, err := o.check(x, "bob", "1")
				if err != nil {
					t.Error(err)
					return
				}
				if before%2 == 1 && left.Load() == before && got {
					t.Error("allowed after the removal was acknowledged")
					return
				}
			}
		})
	}
	member.Go(func() {
		for range 150 {
			o.write("group:eng#member@user:bob")
			o.want(true, "bob", "1")
			o.remove("group:eng#member@user:bob")
			left.Add(1)
			o.want(false, "bob", "1")
			o.write("doc:9#viewer@user:bob")
			o.remove("doc:9#viewer@user:bob")
			left.Add(1)
		}
	})
	member.Wait()
	close(done)
	asking.Wait()
}

package index_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// shop is a store of an application, with groups in groups and folders in folders.
type shop struct {
	*house
	in    store.TupleStore
	whole *index.Index
}

// newShop makes a store of some 2,800 tuples, which is more than small may hold.
func newShop(t *testing.T, small index.Bounds) *shop {
	t.Helper()
	s := &shop{house: newHouse(t), in: store.TupleStore{Tenant: acme, ID: "shop"}}
	s.whole = index.New(s.db, index.Bounds{}) // the DB tells the one that comes last of what is committed
	s.index = index.New(s.db, small)
	model, err := graph.NewModel(graph.Type{Name: "user"},
		graph.Type{Name: "group", Relations: []graph.Relation{{Name: "member", Rewrite: graph.This("user", "group#member")}}},
		graph.Type{Name: "folder", Relations: []graph.Relation{
			{Name: "parent", Rewrite: graph.This("folder")}, {Name: "blocked", Rewrite: graph.This("user", "user:*")},
			{Name: "viewer", Rewrite: graph.Exclusion(graph.Union(graph.This("user", "group#member"), graph.From("parent", "viewer")), graph.Computed("blocked"))},
		}})
	if err != nil {
		t.Fatal(err)
	}
	s.rules = index.Rules{Digest: "shop", Model: model}
	var ops []store.TupleOp
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 3000 {
		if ops = append(ops, store.WriteTuple(s.draw(r))); i%1000 == 999 {
			s.commit(ops...)
			ops = nil
		}
	}
	return s
}

func (s *shop) draw(r *rand.Rand) store.Tuple {
	n := r.IntN(1000)
	folder, group, user := strconv.Itoa(n), strconv.Itoa(r.IntN(200)), strconv.Itoa(r.IntN(300))
	t := store.Tuple{Object: store.ObjectRef{Type: "folder", ID: folder}, Relation: "viewer", Subject: store.SubjectRef{Type: "user", ID: user}}
	switch r.IntN(6) {
	case 0:
		t.Relation, t.Subject = "parent", store.SubjectRef{Type: "folder", ID: strconv.Itoa(n / 5)}
	case 1:
		t.Relation = "blocked"
	case 2:
		t.Subject = store.SubjectRef{Type: "group", ID: group, Relation: "member"}
	case 3:
		t.Object, t.Relation = store.ObjectRef{Type: "group", ID: group}, "member"
	case 4:
		t.Object, t.Relation, t.Subject = store.ObjectRef{Type: "group", ID: strconv.Itoa(n / 25)}, "member", store.SubjectRef{Type: "group", ID: strconv.Itoa(n / 5), Relation: "member"}
	}
	return t
}

func (s *shop) commit(ops ...store.TupleOp) uint64 {
	s.t.Helper()
	receipt, err := s.db.Commit(s.t.Context(), store.Batch{Permit: s.permit, TupleStore: s.in.ID, Tuples: ops})
	if err != nil {
		s.t.Fatal(err)
	}
	return receipt.Revision
}

func (s *shop) view(x *index.Index) graph.View {
	s.t.Helper()
	ask := x.View
	if x == s.whole {
		ask = x.Full
	}
	view, err := ask(s.t.Context(), s.in, s.rules)
	if err != nil {
		s.t.Fatal(err)
	}
	return view
}

func user(n int) graph.Subject { return graph.Subject{Type: "user", ID: strconv.Itoa(n)} }

func (s *shop) question(r *rand.Rand) graph.Query {
	return graph.Query{Object: graph.Object{Type: "folder", ID: strconv.Itoa(r.IntN(1010))}, Relation: "viewer", Subject: user(r.IntN(310))}
}

// list reads a list to its end, by pages of 7.
func list(read func(after string) (graph.List, error)) (ids []string, err error) {
	for after := ""; ; {
		p, err := read(after)
		if err != nil {
			return nil, err
		}
		ids = append(ids, p.IDs...)
		if after = p.Next; after == "" {
			return ids, nil
		}
	}
}

// TestLargeStore: a store that is larger than memory answers checks, batches and lists like one that is held
// whole, after every write, and holds no more than it may.
func TestLargeStore(t *testing.T) {
	t.Parallel()
	s := newShop(t, index.Bounds{Memory: 200_000}) // 2,000 tuples, and a quarter for a part
	r := rand.New(rand.NewPCG(1, 2))
	exceeded := 0
	for round := range 150 {
		small, whole := s.view(s.index), s.view(s.whole)
		q := s.question(r)
		got, err := small.Check(t.Context(), s.clock.Now(), q)
		want, fault := whole.Check(t.Context(), s.clock.Now(), q)
		if err != nil || fault != nil || got.Allowed != want.Allowed {
			t.Fatalf("round %d, %v: %v, %v, want %v, %v", round, q, got, err, want, fault)
		}
		named := graph.SubjectsQuery{Object: q.Object, Relation: q.Relation, Type: "user", Named: true, Limit: 7}
		lists := map[string]func(graph.View, string) (graph.List, error){
			"objects": func(v graph.View, after string) (graph.List, error) {
				return v.Objects(t.Context(), s.clock.Now(), graph.ObjectsQuery{Type: "folder", Relation: "viewer", Subject: q.Subject, Limit: 7, After: after})
			},
			"subjects": func(v graph.View, after string) (graph.List, error) {
				named.After = after
				return v.Subjects(t.Context(), s.clock.Now(), named)
			},
		}
		for name, read := range lists {
			got, err := list(func(after string) (graph.List, error) { return read(small, after) })
			want, fault := list(func(after string) (graph.List, error) { return read(whole, after) })
			if errs.CodeOf(err) == "work_exceeded" {
				exceeded++ // which a list may need, and says
				continue
			}
			if err != nil || fault != nil || cmp.Diff(want, got) != "" {
				t.Fatalf("round %d, %s of %v: %v, want %v, %v", round, name, q, err, fault, cmp.Diff(want, got))
			}
		}
		if stats := s.index.Stats(); stats.Partial != 1 || stats.Tuples > 500 || stats.Parts == 0 {
			t.Fatalf("%+v", stats)
		}
		s.commit(store.TupleOp{Delete: r.IntN(3) == 0, Tuple: s.draw(r)})
	}
	if exceeded > 50 {
		t.Errorf("%d of 300 lists were too much", exceeded)
	}
	t.Logf("%+v, %d of 300 lists were too much", s.index.Stats(), exceeded)
}

// TestStoreThatGrows: a store that outgrows memory while it is held goes on answering, and takes what is
// written to it.
func TestStoreThatGrows(t *testing.T) {
	t.Parallel()
	s := newShop(t, index.Bounds{Memory: 300_000}) // three thousand tuples, and 750 for a part
	s.view(s.index)
	if stats := s.index.Stats(); stats.Partial != 0 {
		t.Fatalf("%+v", stats)
	}
	for i := range 600 {
		s.commit(store.WriteTuple(store.Tuple{Object: store.ObjectRef{Type: "group", ID: "large"}, Relation: "member", Subject: store.SubjectRef{Type: "user", ID: fmt.Sprint("x", i)}}))
	}
	q := graph.Query{Object: graph.Object{Type: "group", ID: "large"}, Relation: "member", Subject: graph.Subject{Type: "user", ID: "x599"}}
	if got, err := s.view(s.index).Check(t.Context(), s.clock.Now(), q); err != nil || !got.Allowed || s.index.Stats().Partial != 1 {
		t.Errorf("%v, %v, %+v", got, err, s.index.Stats())
	}
	if _, _, err := s.index.Past(t.Context(), s.in, s.rules, 3, 0); errs.CodeOf(err) != "store_too_large" {
		t.Errorf("the past of a part: %v", err)
	}
}

// TestRegress_164_LargeStoreWhileWritten: an answer of a large store knows of every write that was acknowledged
// before the question, while others ask and write.
func TestRegress_164_LargeStoreWhileWritten(t *testing.T) {
	t.Parallel()
	s := newShop(t, index.Bounds{Memory: 200_000})
	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	for n := range 3 {
		others.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 5))
			for ctx.Err() == nil {
				if view, err := s.index.View(ctx, s.in, s.rules); err == nil {
					_, _ = view.Check(ctx, s.clock.Now(), s.question(r))
				}
			}
		})
	}
	others.Go(func() {
		r := rand.New(rand.NewPCG(9, 9))
		for ctx.Err() == nil {
			t := s.draw(r)
			if t.Object.ID != "1" {
				_, _ = s.db.Commit(ctx, store.Batch{Permit: s.permit, TupleStore: s.in.ID, Tuples: []store.TupleOp{{Delete: r.IntN(2) == 0, Tuple: t}}})
			}
		}
	})
	mine := store.Tuple{Object: store.ObjectRef{Type: "folder", ID: "mine"}, Relation: "viewer", Subject: store.SubjectRef{Type: "user", ID: "7"}}
	q := graph.Query{Object: graph.Object{Type: "folder", ID: "mine"}, Relation: "viewer", Subject: user(7)}
	var times []time.Duration
	for i := range 150 {
		s.commit(store.TupleOp{Delete: i%2 == 1, Tuple: mine})
		before := time.Now()
		got, err := s.view(s.index).Check(t.Context(), s.clock.Now(), q)
		times = append(times, time.Since(before))
		if err != nil || got.Allowed != (i%2 == 0) {
			t.Errorf("round %d: %v, %v", i, got, err)
			break
		}
	}
	stop()
	others.Wait()
	slices.Sort(times)
	t.Logf("%+v, median %v, longest %v", s.index.Stats(), times[len(times)/2], times[len(times)-1])
}

package index

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// A graph with foreign relations is fed by two stores: its own, whose revision it has, and the tenant's own, of
// which it takes the tuples of those relations. It follows both, and a commit to either is acknowledged when it
// has; if one of them cannot be followed, it gives no answers. What readers see is always what both stores held at
// one moment: or else somebody who was taken out of a group before a document was shared with it could be seen in
// the group and the document as shared.

// host is the store from which the foreign relations of a graph come.
func (m *mirror) host() store.TupleStore { return store.OwnTuples(m.store.Tenant) }

// newest asks for the revisions that there are.
func (x *Index) newest(ctx context.Context, s store.TupleStore, r Rules) (out revisions, err error) {
	if out.store, err = x.tuples.Revision(ctx, s); err == nil && r.Model.HasForeign() {
		out.own, err = x.tuples.Revision(ctx, store.OwnTuples(s.Tenant))
	}
	return out, err
}

// twofold is a graph that is on its way to a state of two stores.
type twofold struct {
	*Index
	store, host store.TupleStore
	graph       *graph.Graph
	at          revisions

	steps   []graph.Step
	amended []graph.Change
}

func (x *Index) twofold(s store.TupleStore, g *graph.Graph) *twofold {
	v := g.View()
	return &twofold{Index: x, store: s, host: store.OwnTuples(s.Tenant), graph: g, at: revisions{v.Revision(), v.Foreign()}}
}

// mostMeetings bounds how often both changelogs are read in turn.
const mostMeetings = 200

// meet brings the graph to a state that both stores had at one moment. They are read in turn until one of them
// turns out not to have changed while the other was read. Readers see all of it with one step.
func (w *twofold) meet(ctx context.Context) error {
	for turn := range mostMeetings {
		before, err := w.at, error(nil)
		if turn%2 == 0 {
			err = w.readStore(ctx)
		} else {
			err = w.readHost(ctx)
		}
		if err != nil {
			return err
		}
		if turn > 0 && w.at == before {
			return w.graph.Amend(w.steps, graph.Step{Revision: w.at.own, Changes: w.amended})
		}
	}
	return errs.Busy(time.Second, nil, "decision_unavailable", "Access could not be decided just now.")
}

func (w *twofold) readStore(ctx context.Context) error {
	return w.follows(ctx, w.store, w.at.store, func(revision uint64, changes []store.TupleChange) error {
		w.steps = append(w.steps, graph.Step{Revision: revision, Changes: step(w.graph.Model(), changes)})
		w.at.store = revision
		return nil
	})
}

func (w *twofold) readHost(ctx context.Context) error {
	rules := w.graph.Model()
	return w.follows(ctx, w.host, w.at.own, func(revision uint64, changes []store.TupleChange) error {
		for _, c := range changes {
			if t := Tuple(c.Tuple); rules.Foreign(t.Object.Type, t.Relation) {
				w.amended = append(w.amended, graph.Change{Tuple: t, Delete: c.Delete || rules.AcceptsForeign(t) != nil})
			}
		}
		w.at.own = revision
		return nil
	})
}

// load fills the graph from both stores, one after the other, and returns how many tuples they had. The graph must
// not be read before it has met.
func (w *twofold) load(ctx context.Context) (n int, err error) {
	most := w.bounds.tuples()
	take := func(yield func(graph.Tuple) error) func(store.Tuple) error {
		return func(t store.Tuple) error {
			if n++; n > most {
				return errForeignLarge()
			}
			return yield(Tuple(t))
		}
	}
	err = w.graph.LoadBoth(func(yield func(graph.Tuple) error) (_ uint64, err error) {
		w.at.store, err = w.tuples.Snapshot(ctx, w.store, take(yield))
		return w.at.store, err
	}, func(yield func(graph.Tuple) error) (_ uint64, err error) {
		each := take(yield)
		w.at.own, err = w.tuples.Snapshot(ctx, w.host, func(t store.Tuple) error {
			if !w.graph.Model().Foreign(t.Object.Type, t.Relation) {
				return nil
			}
			return each(t)
		})
		return w.at.own, err
	})
	return n, err
}

// fillBoth is fill from both stores.
func (x *Index) fillBoth(ctx context.Context, s store.TupleStore, g *graph.Graph) (int, error) {
	w := x.twofold(s, g)
	n, err := w.load(ctx)
	if err == nil {
		err = w.meet(ctx)
	}
	return n, err
}

// refusal names a graph that is too large to be held.
type refusal struct {
	store  store.TupleStore
	digest string
}

// rememberRefused is for how long such a graph is refused without reading what it would hold.
const rememberRefused = 10 * time.Minute

func errForeignLarge() error {
	return errs.New(errs.Unsupported, "store_too_large", "The store holds, with the groups, organisations and roles that its model uses, more than fits into the memory that is set aside for stores; of such a store no part can be held.")
}

// loadBoth makes the graph from both stores. It has no image, and cannot be held in part. Meanwhile it gives no
// answers, not even old ones.
func (x *Index) loadBoth(ctx context.Context, m *mirror) error {
	x.mu.RLock()
	since := x.refused[refusal{m.store, m.digest}]
	x.mu.RUnlock()
	if !since.IsZero() && x.now().Sub(since) < rememberRefused {
		return errForeignLarge()
	}
	m.ready.Store(false)
	n, err := x.fillBoth(ctx, m.store, m.graph())
	if errs.CodeOf(err) == "store_too_large" {
		return x.refuse(m)
	}
	if err != nil {
		return err
	}
	x.makeRoom(m, n)
	return nil
}

// refuse lets go of a graph that is too large. Whoever reads it goes on with what was so when they asked.
func (x *Index) refuse(m *mirror) error {
	m.ready.Store(false)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.drop(m)
	x.refused[refusal{m.store, m.digest}] = x.now()
	return errForeignLarge()
}

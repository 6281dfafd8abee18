// Package index keeps tuple stores in memory, each as a graph for each set of rules that it is asked
// by, and always at a revision of the store:
//
//	index.go    finding a graph, loading it, following the store's changelog
//	memory.go   what is kept, and what is let go of
//	foreign.go  graphs with relations of the tenant's own store
//	partial.go  stores that are larger than memory
//	image.go    files from which a graph is there again sooner
//	past.go     what was so at an earlier revision
//
// The store calls it after each commit and before it acknowledges, so that whoever has heard of a
// write sees it in the next answer. A graph that could not follow gives no answers until it has: an
// old answer is never given for a new one. The package knows no models, roles or callers.
package index

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// Rules are what a graph is made with. Those with the same Digest must mean the same: they share a
// graph. Foreign relations of the Model are those of the tenant's own store.
type Rules struct {
	Digest string
	Model  *graph.Model
}

// Index holds graphs of tuple stores.
type Index struct {
	tuples  store.Tuples
	now     func() time.Time
	current func() bool // whether this node hears of what others write
	bounds  Bounds
	images  *images // nil: none are kept

	mu      sync.RWMutex
	graphs  map[store.TupleStore][]*mirror
	guests  map[store.TupleStore][]*mirror // of a tenant's own store: graphs of others with foreign relations
	large   map[store.TupleStore]time.Time // when they were found to be larger than memory
	refused map[refusal]time.Time          // and graphs that cannot be held in part
	parts   atomic.Int64                   // read for partial graphs
}

// mirror is a tuple store as one set of rules reads it. Readers take a View and never wait for mu.
type mirror struct {
	store  store.TupleStore
	digest string
	g      atomic.Pointer[graph.Graph] // another one if the store turns out to be large
	used   atomic.Int64                // Unix seconds of the last question
	tuples atomic.Int64                // in the graph, after the last change

	foreign bool // reads foreign relations in the tenant's own store

	mu     sync.Mutex  // held while the graph is loaded or brought up to a newer revision
	loaded bool        // under mu
	image  pictured    // under mu
	ready  atomic.Bool // false until loaded, and after a commit that could not be applied
}

func (m *mirror) graph() *graph.Graph { return m.g.Load() }

// revisions are how far a store has come, and the tenant's own, which counts where a graph has foreign relations.
type revisions struct{ store, own uint64 }

// reached reports whether the graph is ready at these revisions or later ones.
func (m *mirror) reached(r revisions) bool {
	v := m.graph().View()
	return m.ready.Load() && v.Revision() >= r.store && v.Foreign() >= r.own
}

// New makes an index over the tuples of a DB and follows its commits.
func New(db *store.DB, b Bounds) *Index {
	x := &Index{tuples: db.Tuples(), now: db.Now, current: db.Current, bounds: b.orDefault(), graphs: map[store.TupleStore][]*mirror{}, guests: map[store.TupleStore][]*mirror{}, large: map[store.TupleStore]time.Time{}, refused: map[refusal]time.Time{}}
	db.OnTuples(x.follow)
	db.OnMissed(func(context.Context) { x.doubt() })
	return x
}

// View returns the newest state that this node has heard of; where it hears nothing of other nodes, as
// Full does. It fails if the tuples cannot be read, or could not be after a commit.
func (x *Index) View(ctx context.Context, s store.TupleStore, r Rules) (graph.View, error) {
	if !x.current() {
		return x.Full(ctx, s, r)
	}
	m := x.of(s, r)
	if !m.ready.Load() {
		if err := x.catchUp(ctx, m, revisions{}); err != nil {
			return graph.View{}, err
		}
	}
	return m.graph().View(), nil
}

// Full is View after asking the store for its newest revision, and the tenant's own if it counts.
func (x *Index) Full(ctx context.Context, s store.TupleStore, r Rules) (graph.View, error) {
	newest, err := x.newest(ctx, s, r)
	if err != nil {
		return graph.View{}, Unavailable(err)
	}
	m := x.of(s, r)
	if !m.reached(newest) {
		if err := x.catchUp(ctx, m, newest); err != nil {
			return graph.View{}, err
		}
	}
	return m.graph().View(), nil
}

// AtLeast is View at a revision that somebody was told of, or a later one. A revision that the store
// does not have yet is Unavailable with code revision_not_reached.
func (x *Index) AtLeast(ctx context.Context, s store.TupleStore, r Rules, revision uint64) (graph.View, error) {
	view, err := x.View(ctx, s, r)
	if err != nil || view.Revision() >= revision {
		return view, err
	}
	if view, err = x.Full(ctx, s, r); err != nil {
		return view, err
	}
	if view.Revision() < revision {
		return graph.View{}, errs.Busy(time.Second, nil, "revision_not_reached", "That revision has not arrived here yet.")
	}
	return view, nil
}

// of finds the mirror of a store, or makes an empty one.
func (x *Index) of(s store.TupleStore, r Rules) *mirror {
	x.mu.RLock()
	m := find(x.graphs[s], r.Digest)
	x.mu.RUnlock()
	if m == nil {
		x.mu.Lock()
		if m = find(x.graphs[s], r.Digest); m == nil {
			m = &mirror{store: s, digest: r.Digest, foreign: r.Model.HasForeign()}
			m.g.Store(graph.New(r.Model, graph.Limits{}))
			x.graphs[s] = append(x.graphs[s], m)
			if own := m.host(); m.foreign {
				x.guests[own] = append(x.guests[own], m)
			}
		}
		x.mu.Unlock()
	}
	if now := x.now().Unix(); m.used.Load() != now { // most questions of a second write nothing
		m.used.Store(now)
	}
	return m
}

func find(all []*mirror, digest string) *mirror {
	for _, m := range all {
		if m.digest == digest {
			return m
		}
	}
	return nil
}

// follow brings every graph that reads a store to a revision of it. A store that nobody has asked about is
// not loaded for it. With revision 0 the changelog is read in any case.
func (x *Index) follow(ctx context.Context, s store.TupleStore, revision uint64) error {
	x.mu.RLock()
	mirrors, guests := x.graphs[s], x.guests[s]
	x.mu.RUnlock()
	var all []error
	for _, m := range mirrors {
		all = append(all, x.catchUp(ctx, m, revisions{store: revision}))
	}
	for _, m := range guests {
		all = append(all, x.catchUp(ctx, m, revisions{own: revision}))
	}
	return errors.Join(all...)
}

// doubt has every graph look into the store before it answers again.
func (x *Index) doubt() {
	for _, m := range x.mirrors() { // not under x.mu, which whoever loads wants while holding m.mu
		m.mu.Lock() // or what is being loaded now would count as looked at
		m.ready.Store(false)
		m.mu.Unlock()
	}
}

// changesPage is how many changes are read at once.
const changesPage = 1000

// catchUp brings the graph to revisions atLeast or later, loading it if need be. Readers go on with
// the older revision meanwhile, which nobody was told is out of date; if it cannot be brought up,
// they are refused. With no revision the changelog is read in any case.
func (x *Index) catchUp(ctx context.Context, m *mirror, atLeast revisions) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if atLeast != (revisions{}) && m.reached(atLeast) {
		return nil
	}
	var err error
	if m.loaded {
		err = x.apply(ctx, m)
	}
	if !m.loaded || err != nil {
		err = x.load(ctx, m)
	}
	m.ready.Store(err == nil)
	if err != nil {
		return Unavailable(err)
	}
	m.loaded = true
	n := m.graph().Held()
	if m.foreign && n > x.bounds.tuples() {
		return x.refuse(m)
	}
	if m.store.ID != "" && !m.graph().Partial() && n > x.bounds.tuples() {
		x.holdPart(m, m.graph().Revision())
		n = 0
	}
	m.tuples.Store(int64(n))
	return nil
}

// apply takes over what the changelog has since the graph's revision.
func (x *Index) apply(ctx context.Context, m *mirror) error {
	if m.foreign {
		return x.twofold(m.store, m.graph()).meet(ctx)
	}
	return x.follows(ctx, m.store, m.graph().Revision(), func(revision uint64, changes []store.TupleChange) error {
		m.image.changes += len(changes)
		return m.graph().Apply(revision, step(m.graph().Model(), changes))
	})
}

// follows reads the changelog of a store after a revision, to its end.
func (x *Index) follows(ctx context.Context, s store.TupleStore, since uint64, take func(uint64, []store.TupleChange) error) error {
	for {
		changes, err := x.tuples.Changes(ctx, s, since, changesPage)
		if err != nil || len(changes) == 0 {
			return err
		}
		for len(changes) > 0 {
			n := 1
			for n < len(changes) && changes[n].Revision == changes[0].Revision {
				n++
			}
			since = changes[0].Revision
			if err := take(since, changes[:n]); err != nil {
				return err
			}
			changes = changes[n:]
		}
	}
}

// step is one revision as these rules read it. A tuple that they do not accept, because it was
// written for others, takes the place of what was there and is itself left out, as Load does.
func step(rules *graph.Model, changes []store.TupleChange) []graph.Change {
	out := make([]graph.Change, len(changes))
	for i, c := range changes {
		t := Tuple(c.Tuple)
		out[i] = graph.Change{Tuple: t, Delete: c.Delete || rules.Accepts(t) != nil}
	}
	return out
}

// load makes the graph from its image and what was changed since, or else from the whole store. A store that
// is too large for it is held in part.
func (x *Index) load(ctx context.Context, m *mirror) error {
	if m.foreign {
		return x.loadBoth(ctx, m)
	}
	if m.graph().Partial() || x.isLarge(m.store) {
		return x.loadPart(ctx, m)
	}
	if x.fromImage(ctx, m) && x.apply(ctx, m) == nil {
		x.makeRoom(m, m.graph().Held())
		return nil
	}
	m.image = pictured{}
	n, err := x.fill(ctx, m.store, m.graph())
	if errs.CodeOf(err) == "store_too_large" {
		return x.loadPart(ctx, m)
	}
	if err != nil {
		return err
	}
	x.makeRoom(m, n)
	return nil
}

func (x *Index) loadPart(ctx context.Context, m *mirror) error {
	revision, err := x.tuples.Revision(ctx, m.store)
	if err != nil {
		return err
	}
	x.holdPart(m, revision)
	return nil
}

// fill loads a graph with all tuples of a store, and returns how many they are.
func (x *Index) fill(ctx context.Context, s store.TupleStore, g *graph.Graph) (n int, err error) {
	most := x.bounds.tuples()
	err = g.LoadFrom(func(yield func(graph.Tuple) error) (uint64, error) {
		return x.tuples.Snapshot(ctx, s, func(t store.Tuple) error {
			if n++; s.ID != "" && n > most {
				return errLarge()
			}
			return yield(Tuple(t))
		})
	})
	return n, err
}

// Apart is the newest state by rules that nobody will ask by again: read from the store for this one
// answer, and kept by whoever keeps the view.
func (x *Index) Apart(ctx context.Context, s store.TupleStore, r Rules) (graph.View, error) {
	g := graph.New(r.Model, graph.Limits{})
	fill := x.fill
	if r.Model.HasForeign() {
		fill = x.fillBoth
	}
	if _, err := fill(ctx, s, g); err != nil {
		return graph.View{}, Unavailable(err)
	}
	return g.View(), nil
}

// Tuple is a stored tuple in the words of the graph.
func Tuple(t store.Tuple) graph.Tuple {
	return graph.Tuple{
		Object: graph.Object(t.Object), Relation: t.Relation, Subject: graph.Subject(t.Subject),
		Condition: graph.Condition(t.Condition), Expires: t.Expires,
	}
}

// Unavailable is err if it says what is wrong, and otherwise that nothing can be decided just now.
func Unavailable(err error) error {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e
	}
	return errs.Busy(time.Second, err, "decision_unavailable", "Access could not be decided just now.")
}

package index

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// A store that is larger than the memory for stores is held in part: the graph has what questions asked for,
// reads the rest as they come (graph.NewPartial), and follows changes like any other.

const (
	partialShare  = 4              // the part of the memory for stores that one partial graph may take
	partialReads  = 4              // parts that are read at the same time
	rememberLarge = 24 * time.Hour // that a store is too large is found out anew after this
)

func errLarge() error {
	return errs.New(errs.Unsupported, "store_too_large", "The store holds more than fits into the memory that is set aside for stores.")
}

// holdPart has the mirror hold a part of its store from now on.
func (x *Index) holdPart(m *mirror, revision uint64) {
	if !m.graph().Partial() {
		var g *graph.Graph
		g = graph.NewPartial(m.graph().Model(), graph.Limits{}, max(1, x.bounds.tuples()/partialShare), func(ctx context.Context, parts []graph.Part) (int, error) {
			return x.learn(ctx, m, g, parts)
		})
		m.g.Store(g)
		x.mu.Lock()
		x.large[m.store] = x.now()
		x.mu.Unlock()
	}
	m.graph().Reset(revision)
	m.image = pictured{}
}

// isLarge reports whether a store was found too large not long ago.
func (x *Index) isLarge(s store.TupleStore) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	found, ok := x.large[s]
	return ok && x.now().Sub(found) < rememberLarge
}

// learn reads parts for a graph. The tuples are read without holding up those who write; what they write
// meanwhile is taken from the changelog behind the reading.
func (x *Index) learn(ctx context.Context, m *mirror, g *graph.Graph, parts []graph.Part) (int, error) {
	since := g.Revision()
	tuples, err := x.read(ctx, m.store, parts)
	if err != nil {
		return 0, Unavailable(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	steps, err := x.stepsSince(ctx, m, since)
	if err == nil {
		err = g.Learn(since, parts, tuples, steps)
	}
	if errs.CodeOf(err) == "work_exceeded" {
		return 0, err
	}
	if err != nil { // let the next question begin anew
		m.ready.Store(false)
		return 0, errs.Busy(time.Second, err, "decision_unavailable", "Access could not be decided just now.")
	}
	m.tuples.Store(int64(g.Held()))
	x.makeRoom(m, g.Held())
	x.parts.Add(int64(len(parts)))
	return len(tuples), nil
}

// stepsSince reads the changelog to its end.
func (x *Index) stepsSince(ctx context.Context, m *mirror, since uint64) (out []graph.Step, err error) {
	err = x.follows(ctx, m.store, since, func(revision uint64, changes []store.TupleChange) error {
		out = append(out, graph.Step{Revision: revision, Changes: step(m.graph().Model(), changes)})
		return nil
	})
	return out, err
}

// read reads parts, a few at the same time.
func (x *Index) read(ctx context.Context, s store.TupleStore, parts []graph.Part) ([]graph.Tuple, error) {
	var (
		wait  sync.WaitGroup
		mu    sync.Mutex
		next  atomic.Int64
		out   []graph.Tuple
		fault error
	)
	most := max(1, x.bounds.tuples()/partialShare)
	take := func(found []store.Tuple) error {
		mu.Lock()
		defer mu.Unlock()
		for _, t := range found {
			out = append(out, Tuple(t))
		}
		if len(out) > most {
			return errs.New(errs.Unsupported, "work_exceeded", "The question needs more of a large store than can be held at once.")
		}
		return fault // another has failed
	}
	worker := func() {
		for i := next.Add(1); i <= int64(len(parts)); i = next.Add(1) {
			if err := x.readPart(ctx, s, parts[i-1], take); err != nil {
				mu.Lock()
				if fault == nil {
					fault = err
				}
				mu.Unlock()
				return
			}
		}
	}
	for range min(partialReads, len(parts)) - 1 {
		wait.Go(worker)
	}
	worker()
	wait.Wait()
	return out, fault
}

// partPage is how many tuples of a part are read at once.
const partPage = 1000

func (x *Index) readPart(ctx context.Context, s store.TupleStore, p graph.Part, take func([]store.Tuple) error) error {
	f := store.TupleFilter{Object: store.ObjectRef(p.Object), Relation: p.Relation, Subject: store.SubjectRef(p.Subject)}
	page := store.TuplePage{Limit: partPage}
	for {
		found, err := x.tuples.ListTuples(ctx, s, f, page)
		if err != nil {
			return err
		}
		if err := take(found); err != nil || len(found) < partPage {
			return err
		}
		page.After = &found[len(found)-1]
	}
}

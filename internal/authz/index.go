package authz

import (
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// index holds one graph for each tenant that has been asked about.
type index struct {
	tuples store.Tuples
	model  *graph.Model

	mu     sync.RWMutex
	graphs map[id.Tenant]*tenantGraph
}

// tenantGraph is the graph of one tenant. Readers take a View and never wait for mu.
type tenantGraph struct {
	g      *graph.Graph
	mu     sync.Mutex  // held while the graph is loaded or brought up to a newer revision
	loaded bool        // under mu
	ready  atomic.Bool // false until loaded, and after a commit that could not be applied
}

func newIndex(tuples store.Tuples, m *graph.Model) *index {
	return &index{tuples: tuples, model: m, graphs: map[id.Tenant]*tenantGraph{}}
}

// view returns the newest state that this node has heard of. It fails if the tenant's tuples cannot
// be read, or could not be after a commit: an old answer is never given for a new one.
func (x *index) view(ctx context.Context, t id.Tenant) (graph.View, error) {
	tg := x.of(t)
	if tg.ready.Load() {
		return tg.g.View(), nil
	}
	if err := x.catchUp(ctx, t, 0); err != nil {
		return graph.View{}, err
	}
	return tg.g.View(), nil
}

// full is view after asking the store for its newest revision: for administrative decisions.
func (x *index) full(ctx context.Context, t id.Tenant) (graph.View, error) {
	newest, err := x.tuples.Revision(ctx, store.OwnTuples(t))
	if err != nil {
		return graph.View{}, unavailable(err)
	}
	tg := x.of(t)
	if !tg.ready.Load() || tg.g.Revision() < newest {
		if err := x.catchUp(ctx, t, newest); err != nil {
			return graph.View{}, err
		}
	}
	return tg.g.View(), nil
}

func (x *index) of(t id.Tenant) *tenantGraph {
	x.mu.RLock()
	tg := x.graphs[t]
	x.mu.RUnlock()
	if tg != nil {
		return tg
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if tg = x.graphs[t]; tg == nil {
		tg = &tenantGraph{g: graph.New(x.model, graph.Limits{})}
		x.graphs[t] = tg
	}
	return tg
}

// changesPage is how many changes are read at once.
const changesPage = 1000

// catchUp brings the graph to revision atLeast or later, loading it if need be. Readers go on with
// the older revision meanwhile, which nobody was told is out of date; if it cannot be brought up,
// they are refused. With atLeast 0 the changelog is read in any case.
func (x *index) catchUp(ctx context.Context, t id.Tenant, atLeast uint64) error {
	tg := x.of(t)
	tg.mu.Lock()
	defer tg.mu.Unlock()
	if atLeast > 0 && tg.ready.Load() && tg.g.Revision() >= atLeast {
		return nil
	}
	var err error
	if tg.loaded {
		err = x.follow(ctx, t, tg.g)
	}
	if !tg.loaded || err != nil {
		err = x.load(ctx, t, tg.g)
	}
	tg.ready.Store(err == nil)
	if err != nil {
		return unavailable(err)
	}
	tg.loaded = true
	return nil
}

// follow applies what the changelog has since the graph's revision.
func (x *index) follow(ctx context.Context, t id.Tenant, g *graph.Graph) error {
	for {
		changes, err := x.tuples.Changes(ctx, store.OwnTuples(t), g.Revision(), changesPage)
		if err != nil || len(changes) == 0 {
			return err
		}
		for len(changes) > 0 {
			n := 1
			for n < len(changes) && changes[n].Revision == changes[0].Revision {
				n++
			}
			step := make([]graph.Change, n)
			for i, c := range changes[:n] {
				step[i] = graph.Change{Tuple: toGraph(c.Tuple), Delete: c.Delete}
			}
			if err := g.Apply(changes[0].Revision, step); err != nil {
				return err
			}
			changes = changes[n:]
		}
	}
}

// load reads the whole store of a tenant.
func (x *index) load(ctx context.Context, t id.Tenant, g *graph.Graph) error {
	var all []graph.Tuple
	revision, err := x.tuples.Snapshot(ctx, store.OwnTuples(t), func(tu store.Tuple) error {
		all = append(all, toGraph(tu))
		return nil
	})
	if err != nil {
		return err
	}
	return g.Load(revision, iter.Seq2[graph.Tuple, error](graph.All(all...)))
}

func unavailable(err error) error {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e
	}
	return errs.Busy(time.Second, err, "decision_unavailable", "Access could not be decided just now.")
}

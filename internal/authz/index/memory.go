package index

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/internal/store"
)

// Bounds say how much is kept in memory. Tenants' own stores are always kept and not counted.
type Bounds struct {
	Memory int64         // bytes, estimated; default 512 MiB. Of a larger store a part is held
	Idle   time.Duration // a graph that nobody asks for this long is let go of; default 30 minutes
	Imaged int           // a graph with fewer tuples has no image; default 20,000, which are read in some 50 ms
}

// bytesPerTuple is what a tuple takes, in both directions and with its names; measured 56 to 100.
const bytesPerTuple = 100

func (b Bounds) orDefault() Bounds {
	b.Memory, b.Idle, b.Imaged = cmp.Or(b.Memory, 512<<20), cmp.Or(b.Idle, 30*time.Minute), cmp.Or(b.Imaged, 20_000)
	return b
}

func (b Bounds) tuples() int { return int(b.Memory / bytesPerTuple) }

// Forget lets go of a store that was deleted.
func (x *Index) Forget(s store.TupleStore) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range x.graphs[s] {
		if x.images != nil {
			x.images.forget(m)
		}
		x.drop(m)
	}
	delete(x.large, s)
}

// Tidy lets go of what nobody has asked about for long. Whoever still reads a graph keeps it.
func (x *Index) Tidy(context.Context) error {
	before := x.now().Add(-x.bounds.Idle).Unix()
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range x.disposable() {
		if m.used.Load() < before {
			x.drop(m)
		}
	}
	maps.DeleteFunc(x.refused, func(_ refusal, since time.Time) bool { return x.now().Sub(since) >= rememberRefused })
	return nil
}

// makeRoom lets go of the graphs that were not asked for longest, until all fit with the tuples of
// one that has just been loaded.
func (x *Index) makeRoom(loaded *mirror, tuples int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := x.disposable()
	sum := int64(0)
	for _, m := range all {
		if m != loaded {
			sum += m.tuples.Load()
		}
	}
	slices.SortFunc(all, func(a, b *mirror) int { return cmp.Compare(a.used.Load(), b.used.Load()) })
	for _, m := range all {
		if sum+int64(tuples) <= int64(x.bounds.tuples()) {
			return
		}
		if m != loaded {
			sum -= m.tuples.Load()
			x.drop(m)
		}
	}
}

// disposable are the graphs that can be let go of.
func (x *Index) disposable() []*mirror {
	var out []*mirror
	for s, all := range x.graphs {
		if s.ID != "" {
			out = append(out, all...)
		}
	}
	return out
}

// drop takes a graph out.
func (x *Index) drop(m *mirror) {
	without(x.graphs, m.store, m)
	without(x.guests, m.host(), m)
}

// without takes a graph out of a list, which is copied: follow reads it without the lock.
func without(lists map[store.TupleStore][]*mirror, s store.TupleStore, m *mirror) {
	rest := slices.DeleteFunc(slices.Clone(lists[s]), func(other *mirror) bool { return other == m })
	if len(rest) == 0 {
		delete(lists, s)
		return
	}
	lists[s] = rest
}

// Stats say what is in memory.
type Stats struct {
	Graphs, Tuples int
	Partial        int   // of the graphs
	Parts          int64 // that were read for those so far
}

// Stats counts the graphs of stores of applications and the tuples in them.
func (x *Index) Stats() Stats {
	x.mu.RLock()
	defer x.mu.RUnlock()
	out := Stats{Parts: x.parts.Load()}
	for _, m := range x.disposable() {
		out.Graphs++
		if m.graph().Partial() {
			out.Partial++
		}
		out.Tuples += int(m.tuples.Load())
	}
	return out
}

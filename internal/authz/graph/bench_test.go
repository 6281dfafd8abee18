package graph_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/graph/w1"
)

func load(tb testing.TB, types []graph.Type, tuples ...graph.Tuple) *graph.Graph {
	tb.Helper()
	m, err := graph.NewModel(types...)
	if err != nil {
		tb.Fatal(err)
	}
	g := graph.New(m, graph.Limits{})
	if err := g.Load(1, graph.All(tuples...)); err != nil {
		tb.Fatal(err)
	}
	return g
}

func BenchmarkCheck(b *testing.B) {
	w := w1.New()
	g := load(b, w1.Types(), w.Tuples...)
	slow := graph.WithoutGroups(g)
	var mixed []w1.Check
	for _, name := range w1.Classes {
		checks := w.Class(name, slow)
		mixed = append(mixed, checks...)
		b.Run(name, func(b *testing.B) { benchChecks(b, g, checks) })
	}
	for i := range mixed {
		j := w1.Mix(500, i, i+1)
		mixed[i], mixed[j] = mixed[j], mixed[i]
	}
	b.Run("mixed", func(b *testing.B) { benchChecks(b, g, mixed) })
	b.Run("mixed_from_object", func(b *testing.B) { benchChecks(b, slow, mixed) })
}

func benchChecks(b *testing.B, g *graph.Graph, checks []w1.Check) {
	ctx := context.Background()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		c := &checks[i%len(checks)]
		if got, err := g.Check(ctx, now, c.Query); err != nil || got.Allowed != c.Want {
			b.Fatalf("%v: %v, %v", c.Query, got, err)
		}
		i++
	}
}

func BenchmarkObjects(b *testing.B) {
	w := w1.New()
	g := load(b, w1.Types(), w.Tuples...)
	for _, relation := range []string{"owner", "can_view", "can_read"} {
		for _, limit := range []int{50, 1 << 30} {
			b.Run(fmt.Sprintf("%s/%d", relation, limit), func(b *testing.B) {
				found, n := 0, 0
				for b.Loop() {
					q := graph.ObjectsQuery{Type: "doc", Relation: relation, Subject: w1.User(w1.Mix(200, n%100, w1.Users)), Limit: limit}
					list, err := g.Objects(context.Background(), now, q)
					if err != nil {
						b.Fatal(err)
					}
					found += len(list.IDs)
					n++
				}
				b.ReportMetric(float64(found)/float64(n), "objects/op")
			})
		}
	}
}

func BenchmarkApply(b *testing.B) {
	w := w1.New()
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			g := load(b, w1.Types(), w.Tuples...)
			b.ReportAllocs()
			for b.Loop() {
				revision := g.Revision() + 1
				changes := make([]graph.Change, size)
				for i := range changes {
					at := int(revision)*size + i
					t := graph.Tuple{Object: graph.Object{Type: "doc", ID: fmt.Sprintf("d%d", w1.Mix(3, at, w1.Docs))}, Relation: "viewer", Subject: w1.User(w1.Mix(4, at, w1.Users))}
					changes[i] = graph.Change{Tuple: t, Delete: at%2 == 1}
				}
				if err := g.Apply(revision, changes); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/tuple")
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	w := w1.New()
	m, err := graph.NewModel(w1.Types()...)
	if err != nil {
		b.Fatal(err)
	}
	before := heap()
	g := graph.New(m, graph.Limits{})
	for b.Loop() {
		g = graph.New(m, graph.Limits{})
		if err := g.Load(1, graph.All(w.Tuples...)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(heap()-before)/float64(len(w.Tuples)), "bytes/tuple")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(w.Tuples)), "ns/tuple")
	runtime.KeepAlive(g)
	runtime.KeepAlive(w)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

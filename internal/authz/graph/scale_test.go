package graph_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/graph/w1"
)

// BenchmarkScale prints what a tuple costs in memory, both directions and names included, and what a
// check costs in stores of growing size. CARDEA_SCALE=10000000 adds one of that size.
func BenchmarkScale(b *testing.B) {
	sizes := []int{10_000, 100_000, 1_000_000}
	if text := os.Getenv("CARDEA_SCALE"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal("CARDEA_SCALE: ", err)
		}
		sizes = append(sizes, n)
	}
	m, err := graph.NewModel(w1.Types()...)
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			before := heap()
			g := graph.New(m, graph.Limits{})
			if err := g.Load(1, w1.Scaled(n)); err != nil || g.Stats().Tuples == 0 {
				b.Fatal(g.Stats(), err)
			}
			size := heap() - before
			// Hot: what 64 questions touch stays in the processor's cache, so this is the work. Cold: every
			// leaf comes from memory, so this is mostly waiting for it.
			for name, questions := range map[string]int{"hot": 64, "cold": 10_000} {
				b.Run(name, func(b *testing.B) { benchScale(b, g, n, questions, float64(size)/float64(g.Stats().Tuples)) })
			}
			runtime.KeepAlive(g)
		})
	}
}

func benchScale(b *testing.B, g *graph.Graph, n, questions int, bytesPerTuple float64) {
	queries := make([]graph.Query, questions)
	for i := range queries {
		queries[i] = w1.ScaledQuestion(i, n)
	}
	ctx, i := context.Background(), 0
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Check(ctx, now, queries[i%len(queries)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(bytesPerTuple, "bytes/tuple")
}

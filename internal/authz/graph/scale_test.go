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

// forest is how many folders a tree of four levels has, with nine in each. A larger store has more trees, not
// deeper ones, or a check would have more to do in it.
const forest = 1 + 9 + 81 + 729

// scaled is a store of n tuples in the proportions of W1: a tenth as many users, groups of twenty
// nested three deep, folders four deep, documents with a parent, an owner and an editor.
func scaled(n int) func(yield func(graph.Tuple, error) bool) {
	users, docs := max(n/10, 1), n/5
	folders, leaves := max(docs/10, 1), max(n/100, 1)
	object := func(kind string, i int) graph.Object { return graph.Object{Type: kind, ID: kind[:1] + strconv.Itoa(i)} }
	return func(yield func(graph.Tuple, error) bool) {
		count := 0
		put := func(o graph.Object, relation string, s graph.Subject) bool {
			count++
			return count <= n && yield(graph.Tuple{Object: o, Relation: relation, Subject: s}, nil)
		}
		for g := range leaves {
			for k := range 20 {
				if !put(object("group", g), "member", w1.User(w1.Mix(k, g, users))) {
					return
				}
			}
			if !put(object("group", leaves+g/10), "member", w1.Group(g)) || g%10 == 0 && !put(object("group", 2*leaves+g/100), "member", w1.Group(leaves+g/10)) {
				return
			}
		}
		for f := range folders {
			if f%forest > 0 && !put(object("folder", f), "parent", w1.Folder(f-f%forest+(f%forest-1)/9)) || !put(object("folder", f), "viewer", w1.Group(w1.Mix(5, f, leaves))) {
				return
			}
		}
		for d := 0; ; d++ {
			o := object("doc", d)
			if !put(o, "parent", w1.Folder(w1.Mix(8, d, folders))) || !put(o, "owner", w1.User(w1.Mix(9, d, users))) ||
				!put(o, "editor", w1.Group(2*leaves+w1.Mix(10, d, leaves/100+1))) || d%4 == 0 && !put(o, "licensed", w1.Group(w1.Mix(11, d, leaves))) ||
				d%8 == 0 && !put(o, "blocked", w1.User(w1.Mix(12, d, users))) {
				return
			}
		}
	}
}

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
			if err := g.Load(1, scaled(n)); err != nil || g.Stats().Tuples == 0 {
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
		queries[i] = w1.Ask(w1.Mix(1, i, n/8), "can_read", w1.User(w1.Mix(2, i, n/10)).ID)
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

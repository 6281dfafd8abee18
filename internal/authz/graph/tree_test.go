package graph

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The tests of this file see inside, because what they promise (old snapshots never change, nodes
// keep their order and size) cannot be seen from outside.

// shape checks the tree's own rules and returns its keys in order.
func (t *tree) shape(tb interface{ Fatalf(string, ...any) }) map[key]int64 {
	found := map[key]int64{}
	var last *key
	var visit func(n *node, depth int) int
	visit = func(n *node, depth int) int {
		if len(n.keys) == 0 || len(n.keys) > fanout || !n.always() && len(n.terms) != len(n.keys) || n.isBranch() && len(n.kids) != len(n.keys) {
			tb.Fatalf("a node of %d keys: %+v", len(n.keys), n)
		}
		if !n.isBranch() {
			for i, k := range n.keys {
				if last != nil && !last.before(k) {
					tb.Fatalf("%v does not come after %v", k, *last)
				}
				last = &n.keys[i]
				found[k] = n.term(i).until
			}
			return depth
		}
		deep := -1
		for i, kid := range n.kids {
			if i > 0 && last != nil && !last.before(n.keys[i]) {
				tb.Fatalf("branch %v does not come after %v", n.keys[i], *last)
			}
			d := visit(kid, depth+1)
			if deep >= 0 && d != deep {
				tb.Fatalf("leaves at depths %d and %d", deep, d)
			}
			deep = d
		}
		return deep
	}
	for root := range t.objects {
		visit(root, 0)
	}
	if len(found) != t.size {
		tb.Fatalf("%d keys, size %d", len(found), t.size)
	}
	return found
}

func TestTreeIsAMapAtEveryRevision(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		space := rapid.SampledFrom([]int{8, 300, 6000}).Draw(t, "space")
		// Seven relations of one object, or as many objects near each other or far apart.
		apart := rapid.SampledFrom([]uint64{1, 1 << 32, 20 << 32, 9000 << 32}).Draw(t, "apart")
		draw := func() key {
			n := rapid.IntRange(0, space).Draw(t, "key")
			return key{uint64(n%7) * apart, uint64(n / 7)}
		}
		want := map[key]int64{}
		for range rapid.IntRange(0, space/2).Draw(t, "size") {
			n := len(want) * 3
			want[key{uint64(n%7) * apart, uint64(n / 7)}] = never
		}
		now := build(sortedItems(want))
		type snapshot struct {
			tree tree
			want map[key]int64
		}
		old := []snapshot{{now, maps.Clone(want)}}
		for edit := uint64(1); edit < uint64(rapid.IntRange(2, 8).Draw(t, "edits")); edit++ {
			mostly := rapid.IntRange(0, 9).Draw(t, "removals")
			for range rapid.IntRange(1, 120).Draw(t, "changes") {
				k := draw()
				_, had := want[k]
				if rapid.IntRange(0, 9).Draw(t, "what") < mostly {
					if now.remove(k, edit) != had {
						t.Fatalf("remove %v: had it is %v", k, had)
					}
					delete(want, k)
					continue
				}
				until := rapid.SampledFrom([]int64{never, never, 5}).Draw(t, "until")
				if now.put(item{k, term{until: until}}, edit) == had {
					t.Fatalf("put %v: had it is %v", k, had)
				}
				want[k] = until
			}
			old = append(old, snapshot{now, maps.Clone(want)})
		}
		for i, s := range old {
			if got := s.tree.shape(t); !maps.Equal(got, s.want) {
				t.Fatalf("snapshot %d is not what it was", i)
			}
			checkScans(t, s.tree, s.want, apart)
		}
	})
}

func sortedItems(m map[key]int64) []item {
	var out []item
	for k, until := range m {
		out = append(out, item{k, term{until: until}})
	}
	slices.SortFunc(out, func(a, b item) int { return compareKeys(a.key, b.key) })
	return out
}

// checkScans compares scans and look-ups with the map.
func checkScans(t *rapid.T, at tree, want map[key]int64, apart uint64) {
	s := side{tree: at, now: 5}
	for hi := uint64(0); hi < 8*apart; hi += apart {
		from := uint64(rapid.IntRange(0, 100).Draw(t, "from"))
		to := from + uint64(rapid.IntRange(0, 3000).Draw(t, "width"))
		var got, expected []uint64
		c := s.scan(hi, from, to)
		for lo, _, ok := s.next(&c); ok; lo, _, ok = s.next(&c) {
			got = append(got, lo)
		}
		for _, it := range sortedItems(want) {
			if it.hi == hi && it.lo >= from && it.lo <= to && it.until > 5 {
				expected = append(expected, it.lo)
			}
		}
		if !slices.Equal(got, expected) {
			t.Fatalf("scan %d %d-%d: %v, want %v", hi, from, to, got, expected)
		}
		k := key{hi, from}
		if until, ok := want[k]; stored(&s, k) != (ok && until > 5) {
			t.Fatalf("has %v", k)
		}
	}
}

// TestTreeKeepsItsBoundsWhenBranchesJoin empties ranges, puts keys back into them and shrinks the
// tree until branches join whose first bounds are stale.
func TestTreeKeepsItsBoundsWhenBranchesJoin(t *testing.T) {
	t.Parallel()
	const n = 30_000
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 1))
		var items []item
		want := map[key]int64{}
		for i := range uint64(n) {
			items, want[key{i, 0}] = append(items, item{key{i, 0}, term{until: never}}), never
		}
		at := build(items)
		for edit := uint64(1); edit < 30; edit++ {
			from := random.Uint64N(n)
			for i := from; i < min(n, from+6000); i++ {
				at.remove(key{i, 0}, edit)
				delete(want, key{i, 0})
			}
			for range random.IntN(40) {
				k := key{min(n-1, from+random.Uint64N(6000)), random.Uint64N(3)}
				at.put(item{k, term{until: never}}, edit)
				want[k] = never
			}
			if got := at.shape(t); !maps.Equal(got, want) {
				t.Fatalf("seed %d, edit %d: %d keys, want %d", seed, edit, len(got), len(want))
			}
		}
		for k := range want {
			if !at.remove(k, 99) {
				t.Fatalf("seed %d: %v cannot be found", seed, k)
			}
		}
		if left := len(slices.Collect(at.objects)); left != 0 || at.size != 0 {
			t.Errorf("seed %d: %d left", seed, at.size)
		}
	}
}

// TestTreeGivesMemoryBack removes all but a few of many keys and counts what is left of the nodes.
func TestTreeGivesMemoryBack(t *testing.T) {
	t.Parallel()
	const n = 50_000
	var at tree
	for i := range uint64(n) {
		at.put(item{key{i, 0}, term{until: never}}, 1)
	}
	for i := range uint64(n) {
		if i%1000 != 0 {
			at.remove(key{i, 0}, 2)
		}
	}
	at.shape(t)
	nodes := 0
	var count func(*node)
	count = func(n *node) {
		nodes++
		if n.isBranch() {
			for _, kid := range n.kids {
				count(kid)
			}
		}
	}
	at.objects(func(n *node) bool { count(n); return true })
	if at.size != n/1000 || nodes > 10 {
		t.Errorf("%d keys in %d nodes", at.size, nodes)
	}
}

func TestTableForgetsAndGrows(t *testing.T) {
	t.Parallel()
	var at table
	for round := range uint64(3) {
		at.reset()
		for i := uint64(1); i < 5000; i++ {
			if _, ok := at.get(i); ok {
				t.Fatalf("round %d knows %d", round, i)
			}
			at.put(i, uint32(i+round))
			at.put(i, uint32(i+round+1))
		}
		for i := uint64(1); i < 5000; i++ {
			if v, ok := at.get(i); !ok || v != uint32(i+round+1) {
				t.Fatalf("round %d: %d is %d", round, i, v)
			}
		}
	}
	at.round = math.MaxUint32 // the next round would make slots of round 0 look fresh
	at.reset()
	if _, ok := at.get(0); ok {
		t.Error("a slot of another age is seen")
	}
}

func TestNamesKeepTheirNumbers(t *testing.T) {
	t.Parallel()
	n := newNames(3)
	const many = 10_000
	for i := range many {
		for kind := uint32(1); kind <= 3; kind++ {
			want := 4 + uint32(i)*3 + kind - 1
			if got := n.intern(kind, fmt.Sprint(i)); got != want {
				t.Fatalf("%d of %d got number %d, want %d", i, kind, got, want)
			}
		}
	}
	for kind := uint32(1); kind <= 3; kind++ {
		if got, ok := n.find(kind, Wildcard); !ok || got != kind {
			t.Errorf("the wildcard of %d is %d", kind, got)
		}
		for i := range many {
			node, ok := n.find(kind, fmt.Sprint(i))
			if at := n.at(node); !ok || at != (name{kind, fmt.Sprint(i)}) {
				t.Fatalf("%d of %d is %v", i, kind, at)
			}
		}
	}
	if _, ok := n.find(4, "1"); ok {
		t.Error("found what was never given")
	}
}

func stored(s *side, k key) bool {
	_, ok := s.stored(k)
	return ok
}

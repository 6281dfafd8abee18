package graph_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/cardea-auth/cardea/internal/authz/graph"
)

// w1 is a store of the size and shape of data set W1: 10,000 users, 1,000 leaf groups nested in 100
// and 20, a folder forest of four levels, 20,000 documents, 100,000 tuples.
type w1 struct {
	tuples   []graph.Tuple
	editors  []graph.Subject // by document
	licensed []graph.Subject
	blocked  []string
	owners   []string
	folders  []int   // by document
	parents  []int   // by folder, -1 for a root
	members  [][]int // by group: users of a leaf, else groups
}

const (
	w1Users, w1Leaves, w1Middle, w1Top = 10_000, 1_000, 100, 20
	w1Folders, w1Docs                  = 2_000, 20_000
)

func w1Types() []graph.Type {
	who := func() graph.Rewrite { return graph.This("user", "group#member") }
	return []graph.Type{
		{Name: "user"},
		{Name: "group", Relations: []graph.Relation{{Name: "member", Rewrite: who()}}},
		{Name: "folder", Relations: []graph.Relation{
			{Name: "parent", Rewrite: graph.This("folder")},
			{Name: "owner", Rewrite: graph.This("user")},
			{Name: "viewer", Rewrite: who()},
			{Name: "can_view", Rewrite: graph.Union(graph.Computed("viewer"), graph.Computed("owner"), graph.From("parent", "can_view"))},
		}},
		{Name: "doc", Relations: []graph.Relation{
			{Name: "parent", Rewrite: graph.This("folder")},
			{Name: "owner", Rewrite: graph.This("user")},
			{Name: "editor", Rewrite: who()},
			{Name: "viewer", Rewrite: who()},
			{Name: "licensed", Rewrite: who()},
			{Name: "blocked", Rewrite: graph.This("user")},
			{Name: "can_view", Rewrite: graph.Union(graph.Computed("viewer"), graph.Computed("editor"), graph.Computed("owner"), graph.From("parent", "can_view"))},
			{Name: "can_read", Rewrite: graph.Exclusion(graph.Computed("can_view"), graph.Computed("blocked"))},
			{Name: "can_sign", Rewrite: graph.Intersection(graph.Union(graph.Computed("editor"), graph.Computed("owner")), graph.Computed("licensed"))},
		}},
	}
}

// mix is a fixed hash, so that every run measures the same store.
func mix(stream, i, n int) int {
	x := uint64(stream)*0x9E3779B97F4A7C15 ^ uint64(i)*0xD1B54A32D192ED03
	x ^= x >> 29
	x *= 0xBF58476D1CE4E5B9
	x ^= x >> 32
	return int(x % uint64(n))
}

func w1User(i int) graph.Subject   { return graph.Subject{Type: "user", ID: fmt.Sprintf("u%d", i)} }
func w1Folder(i int) graph.Subject { return graph.Subject{Type: "folder", ID: fmt.Sprintf("f%d", i)} }
func w1Group(i int) graph.Subject {
	return graph.Subject{Type: "group", ID: fmt.Sprintf("g%d", i), Relation: "member"}
}

func (w *w1) add(kind string, id int, relation string, s graph.Subject) {
	o := graph.Object{Type: kind, ID: fmt.Sprintf("%c%d", kind[0], id)}
	w.tuples = append(w.tuples, graph.Tuple{Object: o, Relation: relation, Subject: s})
}

func newW1() *w1 {
	w := &w1{
		editors: make([]graph.Subject, w1Docs), licensed: make([]graph.Subject, w1Docs), blocked: make([]string, w1Docs),
		owners: make([]string, w1Docs), folders: make([]int, w1Docs), parents: make([]int, w1Folders),
		members: make([][]int, w1Leaves+w1Middle+w1Top),
	}
	for g := range w1Leaves {
		for k := range 20 {
			u := (mix(1, g, w1Users) + k*(1+2*mix(2, g, 200)+2*k)) % w1Users
			w.members[g] = append(w.members[g], u)
			w.add("group", g, "member", w1User(u))
		}
	}
	for g := range w1Leaves + w1Middle {
		up := w1Leaves + g/10
		if g >= w1Leaves {
			up = w1Leaves + w1Middle + (g-w1Leaves)/5
		}
		w.members[up] = append(w.members[up], g)
		w.add("group", up, "member", w1Group(g))
	}
	for f := range w1Folders {
		w.folder(f)
	}
	for d := range w1Docs {
		w.doc(d)
	}
	return w
}

func (w *w1) folder(f int) {
	w.parents[f] = -1
	group := w1Leaves + w1Middle + f%w1Top
	switch {
	case f >= 800:
		w.parents[f], group = 200+(f-800)/2, mix(5, f, w1Leaves)
	case f >= 200:
		w.parents[f], group = 20+(f-200)*180/600, mix(4, f, w1Leaves)
	case f >= 20:
		w.parents[f], group = (f-20)/9, w1Leaves+mix(3, f, w1Middle)
	}
	if w.parents[f] >= 0 {
		w.add("folder", f, "parent", w1Folder(w.parents[f]))
	}
	w.add("folder", f, "viewer", w1Group(group))
	w.add("folder", f, "owner", w1User(mix(6, f, w1Users)))
	w.add("folder", f, "viewer", w1User(mix(7, f, w1Users)))
}

func (w *w1) doc(d int) {
	w.folders[d] = 800 + mix(8, d, 1200)
	owner := w1User(mix(9, d, w1Users))
	w.owners[d] = owner.ID
	w.add("doc", d, "parent", w1Folder(w.folders[d]))
	w.add("doc", d, "owner", owner)
	top := w1Leaves + w1Middle + mix(10, d, w1Top)
	if w.editors[d] = w1Group(top); d%2 == 1 {
		w.editors[d] = w1User(mix(11, d, w1Users))
	}
	w.add("doc", d, "editor", w.editors[d])
	if d%4 == 0 {
		w.licensed[d] = w1Group(w.members[top][mix(12, d, 5)])
		w.add("doc", d, "licensed", w.licensed[d])
	}
	if d%8 == 0 {
		w.blocked[d] = w1User(w.member(top, d)).ID
		w.add("doc", d, "blocked", w1User(w.member(top, d)))
	}
	if d < 3420 {
		w.add("doc", d, "viewer", w1User(mix(13, d, w1Users)))
	}
}

// member is one of the users under a group.
func (w *w1) member(g, seed int) int {
	for g >= w1Leaves {
		g = w.members[g][mix(77, seed+g, len(w.members[g]))]
	}
	return w.members[g][mix(78, seed, len(w.members[g]))]
}

type w1Check struct {
	query graph.Query
	want  bool
}

func w1Query(d int, relation string, user string) graph.Query {
	return graph.Query{Object: graph.Object{Type: "doc", ID: fmt.Sprintf("d%d", d)}, Relation: relation, Subject: graph.Subject{Type: "user", ID: user}}
}

// class builds a thousand checks whose answers are known from the data; whether a random user is
// denied is asked of a graph that works from the object's side.
func (w *w1) class(name string, slow *graph.Graph) []w1Check {
	var out []w1Check
	for i := 0; len(out) < 1000; i++ {
		d, some := mix(101, i, w1Docs), w1User(mix(102, i, w1Users)).ID
		even := d &^ 7
		top := w1Leaves + w1Middle + mix(10, even, w1Top)
		inside := w1User(w.member(top, i)).ID
		var c w1Check
		switch name {
		case "direct_allow":
			c = w1Check{w1Query(d, "owner", w.owners[d]), true}
		case "direct_deny":
			c = w1Check{w1Query(d, "owner", some), false}
		case "group3_allow":
			c = w1Check{w1Query(even, "editor", inside), true}
		case "group3_deny":
			c = w1Check{w1Query(even, "editor", some), false}
		case "folder_allow":
			root := w.folders[d]
			for w.parents[root] >= 0 {
				root = w.parents[root]
			}
			c = w1Check{w1Query(d, "can_view", w1User(mix(7, root, w1Users)).ID), true}
		case "folder_deny":
			c = w1Check{w1Query(d, "can_view", some), false}
		case "exclusion_allow":
			c = w1Check{w1Query(even, "can_read", inside), true}
		case "exclusion_deny":
			c = w1Check{w1Query(even, "can_read", w.blocked[even]), false}
		case "intersection_allow":
			c = w1Check{w1Query(even, "can_sign", w1User(w.member(groupNumber(w.licensed[even]), i)).ID), true}
		case "intersection_deny":
			c = w1Check{w1Query(even, "can_sign", inside), false}
		}
		if got, err := slow.Check(context.Background(), now, c.query); err == nil && got.Allowed == c.want {
			out = append(out, c)
		}
	}
	return out
}

func groupNumber(s graph.Subject) (n int) {
	fmt.Sscanf(s.ID, "g%d", &n)
	return n
}

var w1Classes = []string{
	"direct_allow", "direct_deny", "group3_allow", "group3_deny", "folder_allow", "folder_deny",
	"exclusion_allow", "exclusion_deny", "intersection_allow", "intersection_deny",
}

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
	w := newW1()
	g := load(b, w1Types(), w.tuples...)
	slow := graph.WithoutGroups(g)
	var mixed []w1Check
	for _, name := range w1Classes {
		checks := w.class(name, slow)
		mixed = append(mixed, checks...)
		b.Run(name, func(b *testing.B) { benchChecks(b, g, checks) })
	}
	for i := range mixed {
		j := mix(500, i, i+1)
		mixed[i], mixed[j] = mixed[j], mixed[i]
	}
	b.Run("mixed", func(b *testing.B) { benchChecks(b, g, mixed) })
	b.Run("mixed_from_object", func(b *testing.B) { benchChecks(b, slow, mixed) })
}

func benchChecks(b *testing.B, g *graph.Graph, checks []w1Check) {
	ctx := context.Background()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		c := &checks[i%len(checks)]
		if got, err := g.Check(ctx, now, c.query); err != nil || got.Allowed != c.want {
			b.Fatalf("%v: %v, %v", c.query, got, err)
		}
		i++
	}
}

func BenchmarkObjects(b *testing.B) {
	w := newW1()
	g := load(b, w1Types(), w.tuples...)
	for _, relation := range []string{"owner", "can_view", "can_read"} {
		for _, limit := range []int{50, 1 << 30} {
			b.Run(fmt.Sprintf("%s/%d", relation, limit), func(b *testing.B) {
				found, n := 0, 0
				for b.Loop() {
					q := graph.ObjectsQuery{Type: "doc", Relation: relation, Subject: w1User(mix(200, n%100, w1Users)), Limit: limit}
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
	w := newW1()
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			g := load(b, w1Types(), w.tuples...)
			b.ReportAllocs()
			for b.Loop() {
				revision := g.Revision() + 1
				changes := make([]graph.Change, size)
				for i := range changes {
					at := int(revision)*size + i
					t := graph.Tuple{Object: graph.Object{Type: "doc", ID: fmt.Sprintf("d%d", mix(3, at, w1Docs))}, Relation: "viewer", Subject: w1User(mix(4, at, w1Users))}
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
	w := newW1()
	m, err := graph.NewModel(w1Types()...)
	if err != nil {
		b.Fatal(err)
	}
	before := heap()
	g := graph.New(m, graph.Limits{})
	for b.Loop() {
		g = graph.New(m, graph.Limits{})
		if err := g.Load(1, graph.All(w.tuples...)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(heap()-before)/float64(len(w.tuples)), "bytes/tuple")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(w.tuples)), "ns/tuple")
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

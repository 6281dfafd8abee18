// Package w1 is the data set on which checks are measured: 10,000 users, 1,000 groups nested in 100 and 20, a
// forest of folders four levels deep, 20,000 documents, 100,000 tuples. It is for benchmarks and tests alone.
package w1

import (
	"context"
	"fmt"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
)

// Data is the tuples, and what is known of them.
type Data struct {
	Tuples   []graph.Tuple
	editors  []graph.Subject // by document
	licensed []graph.Subject
	blocked  []string
	owners   []string
	folders  []int   // by document
	parents  []int   // by folder, -1 for a root
	members  [][]int // by group: users of a leaf, else groups
}

// How many there are of each.
const (
	Users, nLeaves, nMiddle, nTop = 10_000, 1_000, 100, 20
	nFolders, Docs                = 2_000, 20_000
)

// Types is the model.
func Types() []graph.Type {
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

// Mix is a fixed hash, so that every run measures the same store.
func Mix(stream, i, n int) int {
	x := uint64(stream)*0x9E3779B97F4A7C15 ^ uint64(i)*0xD1B54A32D192ED03
	x ^= x >> 29
	x *= 0xBF58476D1CE4E5B9
	x ^= x >> 32
	return int(x % uint64(n))
}

// User, Folder and Group are subjects by number.
func User(i int) graph.Subject   { return graph.Subject{Type: "user", ID: fmt.Sprintf("u%d", i)} }
func Folder(i int) graph.Subject { return graph.Subject{Type: "folder", ID: fmt.Sprintf("f%d", i)} }
func Group(i int) graph.Subject {
	return graph.Subject{Type: "group", ID: fmt.Sprintf("g%d", i), Relation: "member"}
}

func (w *Data) add(kind string, id int, relation string, s graph.Subject) {
	o := graph.Object{Type: kind, ID: fmt.Sprintf("%c%d", kind[0], id)}
	w.Tuples = append(w.Tuples, graph.Tuple{Object: o, Relation: relation, Subject: s})
}

// New makes the data set, which is the same each time.
func New() *Data {
	w := &Data{
		editors: make([]graph.Subject, Docs), licensed: make([]graph.Subject, Docs), blocked: make([]string, Docs),
		owners: make([]string, Docs), folders: make([]int, Docs), parents: make([]int, nFolders),
		members: make([][]int, nLeaves+nMiddle+nTop),
	}
	for g := range nLeaves {
		for k := range 20 {
			u := (Mix(1, g, Users) + k*(1+2*Mix(2, g, 200)+2*k)) % Users
			w.members[g] = append(w.members[g], u)
			w.add("group", g, "member", User(u))
		}
	}
	for g := range nLeaves + nMiddle {
		up := nLeaves + g/10
		if g >= nLeaves {
			up = nLeaves + nMiddle + (g-nLeaves)/5
		}
		w.members[up] = append(w.members[up], g)
		w.add("group", up, "member", Group(g))
	}
	for f := range nFolders {
		w.folder(f)
	}
	for d := range Docs {
		w.doc(d)
	}
	return w
}

func (w *Data) folder(f int) {
	w.parents[f] = -1
	group := nLeaves + nMiddle + f%nTop
	switch {
	case f >= 800:
		w.parents[f], group = 200+(f-800)/2, Mix(5, f, nLeaves)
	case f >= 200:
		w.parents[f], group = 20+(f-200)*180/600, Mix(4, f, nLeaves)
	case f >= 20:
		w.parents[f], group = (f-20)/9, nLeaves+Mix(3, f, nMiddle)
	}
	if w.parents[f] >= 0 {
		w.add("folder", f, "parent", Folder(w.parents[f]))
	}
	w.add("folder", f, "viewer", Group(group))
	w.add("folder", f, "owner", User(Mix(6, f, Users)))
	w.add("folder", f, "viewer", User(Mix(7, f, Users)))
}

func (w *Data) doc(d int) {
	w.folders[d] = 800 + Mix(8, d, 1200)
	owner := User(Mix(9, d, Users))
	w.owners[d] = owner.ID
	w.add("doc", d, "parent", Folder(w.folders[d]))
	w.add("doc", d, "owner", owner)
	top := nLeaves + nMiddle + Mix(10, d, nTop)
	if w.editors[d] = Group(top); d%2 == 1 {
		w.editors[d] = User(Mix(11, d, Users))
	}
	w.add("doc", d, "editor", w.editors[d])
	if d%4 == 0 {
		w.licensed[d] = Group(w.members[top][Mix(12, d, 5)])
		w.add("doc", d, "licensed", w.licensed[d])
	}
	if d%8 == 0 {
		w.blocked[d] = User(w.member(top, d)).ID
		w.add("doc", d, "blocked", User(w.member(top, d)))
	}
	if d < 3420 {
		w.add("doc", d, "viewer", User(Mix(13, d, Users)))
	}
}

// member is one of the users under a group.
func (w *Data) member(g, seed int) int {
	for g >= nLeaves {
		g = w.members[g][Mix(77, seed+g, len(w.members[g]))]
	}
	return w.members[g][Mix(78, seed, len(w.members[g]))]
}

// Check is a question with its answer.
type Check struct {
	Query graph.Query
	Want  bool
}

// Ask is whether a user has a relation to a document.
func Ask(d int, relation string, user string) graph.Query {
	return graph.Query{Object: graph.Object{Type: "doc", ID: fmt.Sprintf("d%d", d)}, Relation: relation, Subject: graph.Subject{Type: "user", ID: user}}
}

// Class builds a thousand checks whose answers are known from the data; whether a random user is
// denied is asked of a graph that works from the object's side.
func (w *Data) Class(name string, slow *graph.Graph) []Check {
	var out []Check
	for i := 0; len(out) < 1000; i++ {
		d, some := Mix(101, i, Docs), User(Mix(102, i, Users)).ID
		even := d &^ 7
		top := nLeaves + nMiddle + Mix(10, even, nTop)
		inside := User(w.member(top, i)).ID
		var c Check
		switch name {
		case "direct_allow":
			c = Check{Ask(d, "owner", w.owners[d]), true}
		case "direct_deny":
			c = Check{Ask(d, "owner", some), false}
		case "group3_allow":
			c = Check{Ask(even, "editor", inside), true}
		case "group3_deny":
			c = Check{Ask(even, "editor", some), false}
		case "folder_allow":
			root := w.folders[d]
			for w.parents[root] >= 0 {
				root = w.parents[root]
			}
			c = Check{Ask(d, "can_view", User(Mix(7, root, Users)).ID), true}
		case "folder_deny":
			c = Check{Ask(d, "can_view", some), false}
		case "exclusion_allow":
			c = Check{Ask(even, "can_read", inside), true}
		case "exclusion_deny":
			c = Check{Ask(even, "can_read", w.blocked[even]), false}
		case "intersection_allow":
			c = Check{Ask(even, "can_sign", User(w.member(groupNumber(w.licensed[even]), i)).ID), true}
		case "intersection_deny":
			c = Check{Ask(even, "can_sign", inside), false}
		}
		if got, err := slow.Check(context.Background(), time.UnixMilli(0), c.Query); err == nil && got.Allowed == c.Want {
			out = append(out, c)
		}
	}
	return out
}

func groupNumber(s graph.Subject) (n int) {
	fmt.Sscanf(s.ID, "g%d", &n)
	return n
}

// Classes are the names of the classes of checks.
var Classes = []string{
	"direct_allow", "direct_deny", "group3_allow", "group3_deny", "folder_allow", "folder_deny",
	"exclusion_allow", "exclusion_deny", "intersection_allow", "intersection_deny",
}

// Model is Types in the language of OpenFGA.
const Model = `model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define parent: [folder]
    define owner: [user]
    define viewer: [user, group#member]
    define can_view: viewer or owner or can_view from parent
type doc
  relations
    define parent: [folder]
    define owner: [user]
    define editor: [user, group#member]
    define viewer: [user, group#member]
    define licensed: [user, group#member]
    define blocked: [user]
    define can_view: viewer or editor or owner or can_view from parent
    define can_read: can_view but not blocked
    define can_sign: (editor or owner) and licensed
`

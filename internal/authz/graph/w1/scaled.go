package w1

import (
	"strconv"

	"github.com/cardea-auth/cardea/internal/authz/graph"
)

// forest is how many folders a tree of four levels has, with nine in each. A larger store has more trees, not
// deeper ones, or a check would have more to do in it.
const forest = 1 + 9 + 81 + 729

// Scaled is a store of n tuples in the proportions of W1: a tenth as many users, groups of twenty
// nested three deep, folders four deep, documents with a parent, an owner and an editor.
func Scaled(n int) func(yield func(graph.Tuple, error) bool) {
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
				if !put(object("group", g), "member", User(Mix(k, g, users))) {
					return
				}
			}
			if !put(object("group", leaves+g/10), "member", Group(g)) || g%10 == 0 && !put(object("group", 2*leaves+g/100), "member", Group(leaves+g/10)) {
				return
			}
		}
		for f := range folders {
			if f%forest > 0 && !put(object("folder", f), "parent", Folder(f-f%forest+(f%forest-1)/9)) || !put(object("folder", f), "viewer", Group(Mix(5, f, leaves))) {
				return
			}
		}
		for d := 0; ; d++ {
			o := object("doc", d)
			if !put(o, "parent", Folder(Mix(8, d, folders))) || !put(o, "owner", User(Mix(9, d, users))) ||
				!put(o, "editor", Group(2*leaves+Mix(10, d, leaves/100+1))) || d%4 == 0 && !put(o, "licensed", Group(Mix(11, d, leaves))) ||
				d%8 == 0 && !put(o, "blocked", User(Mix(12, d, users))) {
				return
			}
		}
	}
}

// ScaledQuestion is a question to a store of n tuples; each i has its own document and user.
func ScaledQuestion(i, n int) graph.Query {
	return Ask(Mix(1, i, n/8), "can_read", User(Mix(2, i, n/10)).ID)
}

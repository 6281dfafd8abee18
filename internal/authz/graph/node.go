package graph

import (
	"math"
	"slices"
)

// fanout is the largest number of keys in a node: a changed leaf costs at most one kilobyte to copy.
const fanout = 64

// never is the expiry of what does not expire.
const never = math.MaxInt64

// key is one tuple. From the object: hi is object and relation, lo is the subject's relation (0 for
// a plain subject) and the subject. From the subject: hi is subject and its relation, lo is relation
// and object. Every part has 32 bits of its own, so no number of children carries into another part.
type key struct{ hi, lo uint64 }

func (k key) before(o key) bool { return k.hi < o.hi || k.hi == o.hi && k.lo < o.lo }

func compareKeys(a, b key) int {
	switch {
	case a.before(b):
		return -1
	case b.before(a):
		return 1
	}
	return 0
}

// pack joins two 32-bit numbers; high and low take them apart.
func pack(a, b uint32) uint64 { return uint64(a)<<32 | uint64(b) }
func high(v uint64) uint32    { return uint32(v >> 32) }
func low(v uint64) uint32     { return uint32(v) }

// item is a key and when it counts.
type item struct {
	key
	term
}

// term says when a tuple counts: before a millisecond (Unix), and while a condition holds.
type term struct {
	until     int64
	condition uint32 // its number in bindings; 0 for none
}

// always is the term of most tuples.
func (t term) always() bool { return t.until == never && t.condition == 0 }

// node is a leaf or a branch of a B+tree. In a branch, keys[i] is a lower bound of all that lies under the kid
// at i; keys[0] is never compared, so it may be stale.
type node struct {
	edit uint64
	keys []key
	*more
}

// more is what most nodes, which are leaves whose keys all count always, do not have.
type more struct {
	terms []term  // leaves: the term of each key; nil while all in this leaf count always
	kids  []*node // branches
}

func (n *node) isBranch() bool { return n.more != nil && n.kids != nil }

// leaf is the leaf under n in which k lies, if it lies in any.
func (n *node) leaf(k key) *node {
	for n.isBranch() {
		n = n.kids[n.child(k)]
	}
	return n
}

// find is the first position whose key is not before k.
func (n *node) find(k key) int {
	lo, hi := 0, len(n.keys)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if n.keys[mid].before(k) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// child is the position of the branch under which k lies.
func (n *node) child(k key) int {
	lo, hi := 1, len(n.keys)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if k.before(n.keys[mid]) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo - 1
}

// always reports whether all keys of a leaf count always.
func (n *node) always() bool { return n.more == nil || n.terms == nil }

func (n *node) term(i int) term {
	if n.always() {
		return term{until: never}
	}
	return n.terms[i]
}

// put returns the node to use in place of n and, if it had to be split, its new right neighbour.
func (n *node) put(it item, edit uint64) (self, right *node, added bool) {
	n = n.own(edit)
	if !n.isBranch() {
		added = n.insert(it)
	} else {
		i := n.child(it.key)
		var split *node
		n.kids[i], split, added = n.kids[i].put(it, edit)
		if split != nil {
			n.keys = slices.Insert(n.keys, i+1, split.keys[0])
			n.kids = slices.Insert(n.kids, i+1, split)
		}
	}
	if len(n.keys) > fanout {
		right = n.split()
	}
	return n, right, added
}

// own returns n if this edit made it, else a copy that this edit may change.
func (n *node) own(edit uint64) *node {
	if n.edit == edit {
		return n
	}
	c := &node{edit: edit, keys: make([]key, len(n.keys), len(n.keys)+1)}
	copy(c.keys, n.keys)
	if n.more != nil {
		c.more = &more{slices.Clone(n.terms), slices.Clone(n.kids)}
	}
	return c
}

// insert puts the item into a leaf that the caller owns.
func (n *node) insert(it item) bool {
	if !it.always() && n.always() {
		n.more = &more{terms: slices.Repeat([]term{{until: never}}, len(n.keys))}
	}
	i := n.find(it.key)
	added := i == len(n.keys) || n.keys[i] != it.key
	if added {
		n.keys = slices.Insert(n.keys, i, it.key)
	}
	switch {
	case n.always():
	case added:
		n.terms = slices.Insert(n.terms, i, it.term)
	default:
		n.terms[i] = it.term
	}
	return added
}

// split cuts the upper half off n, which the caller owns.
func (n *node) split() *node {
	mid := len(n.keys) / 2
	right := &node{edit: n.edit, keys: slices.Clone(n.keys[mid:])}
	n.keys = slices.Clone(n.keys[:mid]) // a copy, so that the other half's memory is not kept
	switch {
	case n.isBranch():
		right.more = &more{kids: slices.Clone(n.kids[mid:])}
		n.kids = slices.Clone(n.kids[:mid])
	case !n.always():
		right.more = &more{terms: slices.Clone(n.terms[mid:])}
		n.terms = slices.Clone(n.terms[:mid])
	}
	return right
}

// remove returns the node to use in place of n. The caller knows that k is below it. A leaf that
// runs dry is joined with a neighbour, so that a store which shrinks gives its memory back.
func (n *node) remove(k key, edit uint64) *node {
	n = n.own(edit)
	if !n.isBranch() {
		i := n.find(k)
		n.keys = slices.Delete(n.keys, i, i+1)
		if !n.always() {
			n.terms = slices.Delete(n.terms, i, i+1)
		}
		return n
	}
	i := n.child(k)
	kid := n.kids[i].remove(k, edit)
	n.kids[i] = kid
	switch {
	case len(kid.keys) == 0:
		n.keys, n.kids = slices.Delete(n.keys, i, i+1), slices.Delete(n.kids, i, i+1)
	case len(kid.keys) < fanout/4 && i > 0:
		n.join(i - 1)
	case len(kid.keys) < fanout/4 && len(n.kids) > 1:
		n.join(i)
	}
	return n
}

// join merges kids i and i+1 of n, which the caller owns, unless the result would be nearly full.
func (n *node) join(i int) {
	a, b := n.kids[i], n.kids[i+1]
	if len(a.keys)+len(b.keys) > fanout*3/4 {
		return
	}
	c := &node{edit: n.edit, keys: slices.Concat(a.keys, b.keys)}
	switch {
	case a.isBranch():
		c.more = &more{kids: slices.Concat(a.kids, b.kids)}
		c.keys[len(a.keys)] = n.keys[i+1] // b.keys[0] was never compared and may be stale
	case !a.always() || !b.always():
		c.more = &more{}
		for _, part := range []*node{a, b} {
			for j := range part.keys {
				c.terms = append(c.terms, part.term(j))
			}
		}
	}
	n.kids[i] = c
	n.keys, n.kids = slices.Delete(n.keys, i+1, i+2), slices.Delete(n.kids, i+1, i+2)
}

// buildNode makes a B+tree of items that are sorted, without duplicates and at least one.
func buildNode(items []item) *node {
	const fill = fanout * 7 / 8 // room for a few inserts before the first split
	var level []*node
	for part := range slices.Chunk(items, fill) {
		n := &node{keys: make([]key, len(part))}
		for i, it := range part {
			n.keys[i] = it.key
			if !it.always() && n.always() {
				n.more = &more{terms: slices.Repeat([]term{{until: never}}, len(part))}
			}
			if !n.always() {
				n.terms[i] = it.term
			}
		}
		level = append(level, n)
	}
	for len(level) > 1 {
		var up []*node
		for part := range slices.Chunk(level, fill) {
			n := &node{more: &more{kids: slices.Clone(part)}}
			for _, kid := range part {
				n.keys = append(n.keys, kid.keys[0])
			}
			up = append(up, n)
		}
		level = up
	}
	return level[0]
}

// all yields every item in order.
func (n *node) all(yield func(item) bool) bool {
	for i, k := range n.keys {
		if n.isBranch() {
			if !n.kids[i].all(yield) {
				return false
			}
		} else if !yield(item{k, n.term(i)}) {
			return false
		}
	}
	return true
}

package graph

import "slices"

// side is one direction of the graph as a request sees it: the store's tree at one revision, the
// request's own tuples, and those of the store that do not count for it. It is read only.
type side struct {
	tree  tree
	extra []item // sorted by key; a key may come more than once, and then each counts
	gone  []key  // sorted
	now   int64  // milliseconds (Unix); what expires at or before it does not count
	back  bool   // from the subject

	root *node  // of the object that was asked about last: most of what comes next is about the same
	near uint64 // that object; 0 for none
	lack lack
}

// stored returns the term of k in the store, if it is there and has neither expired nor gone.
func (s *side) stored(k key) (term, bool) {
	if s.lack.partial {
		s.lack.point(k)
	}
	n := s.under(k.hi)
	if n == nil {
		return term{}, false
	}
	n = n.leaf(k)
	i := n.find(k)
	if i == len(n.keys) || n.keys[i] != k {
		return term{}, false
	}
	if n.always() && len(s.gone) == 0 {
		return term{until: never}, true
	}
	t := n.term(i)
	if t.until <= s.now || s.isGone(k) {
		return term{}, false
	}
	return t, true
}

// under is what holds the keys with a hi, if any are held near it.
func (s *side) under(hi uint64) *node {
	if near := hi >> 32; near != s.near || near == 0 {
		s.root, s.near = s.tree.under(hi), near
	}
	return s.root
}

func (s *side) isGone(k key) bool {
	_, found := slices.BinarySearchFunc(s.gone, k, compareKeys)
	return found
}

// own yields the terms that the request's own tuples give k.
func (s *side) own(k key, yield func(term) bool) {
	for i := s.firstExtra(k); i < len(s.extra) && s.extra[i].key == k; i++ {
		if s.extra[i].until > s.now && !yield(s.extra[i].term) {
			return
		}
	}
}

func (s *side) firstExtra(k key) int {
	i, _ := slices.BinarySearchFunc(s.extra, k, func(it item, k key) int { return compareKeys(it.key, k) })
	return i
}

// cursor is a position in a range of keys with one hi. It keeps its leaf, and the lower bound of
// the next one, so moving on costs a search from the root once per leaf only.
type cursor struct {
	leaf    *node
	hi, end uint64
	fence   uint64
	at      int32
	own     int32 // position in side.extra
	more    bool  // the next leaf begins at fence
}

// scan starts a walk over the keys (hi, from) to (hi, to), both included.
func (s *side) scan(hi, from, to uint64) cursor {
	if s.lack.partial {
		s.lack.of(key{hi, s.whole(from)})
	}
	c := cursor{hi: hi, end: to}
	start := key{hi, from}
	c.seek(s.under(hi), from)
	if len(s.extra) > 0 {
		c.own = int32(s.firstExtra(start))
	}
	return c
}

// whole is what marks the part in which a walk from a place is.
func (s *side) whole(from uint64) uint64 {
	if s.back {
		return pack(high(from), allObjects)
	}
	return allSubjects
}

// seek goes to the first key not before one with c.hi under a root, or to the end of the leaf before it.
func (c *cursor) seek(n *node, lo uint64) {
	c.leaf, c.more = nil, false
	if n == nil {
		return
	}
	k := key{c.hi, lo}
	for n.isBranch() {
		i := n.child(k)
		if i+1 < len(n.keys) {
			c.more, c.fence = n.keys[i+1].hi == c.hi, n.keys[i+1].lo
		}
		n = n.kids[i]
	}
	c.leaf, c.at = n, int32(n.find(k))
}

// next returns the lo part and the condition of the next key that has neither expired nor gone, or
// false at the end. A key that is both in the store and among the request's own may come twice.
func (s *side) next(c *cursor) (lo uint64, condition uint32, ok bool) {
	for c.leaf != nil {
		if int(c.at) == len(c.leaf.keys) {
			if c.leaf = nil; c.more {
				c.seek(s.under(c.hi), c.fence)
			}
			continue
		}
		k := c.leaf.keys[c.at]
		if k.hi != c.hi || k.lo > c.end {
			c.leaf = nil
			break
		}
		c.at++
		if c.leaf.always() && len(s.gone) == 0 {
			return k.lo, 0, true
		}
		if t := c.leaf.term(int(c.at) - 1); t.until > s.now && (len(s.gone) == 0 || !s.isGone(k)) {
			return k.lo, t.condition, true
		}
	}
	for int(c.own) < len(s.extra) {
		it := s.extra[c.own]
		if it.hi != c.hi || it.lo > c.end {
			break
		}
		c.own++
		if it.until > s.now {
			return it.lo, it.condition, true
		}
	}
	return 0, 0, false
}

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

	last finger
	lack lack
}

// finger is the leaf where a side was last searched. All that is asked of one object lies together,
// so the next search seldom has to start at the root.
type finger struct {
	leaf  *node
	fence key // the lower bound of the next leaf
	more  bool
}

// stored returns the term of k in the store, if it is there and has neither expired nor gone.
func (s *side) stored(k key) (term, bool) {
	if s.lack.partial {
		s.lack.point(k)
	}
	n := s.leafOf(k)
	if n == nil {
		return term{}, false
	}
	i := n.find(k)
	if i == len(n.keys) || n.keys[i] != k {
		return term{}, false
	}
	if n.terms == nil && len(s.gone) == 0 {
		return term{until: never}, true
	}
	t := n.term(i)
	if t.until <= s.now || s.isGone(k) {
		return term{}, false
	}
	return t, true
}

// leafOf is the leaf in which k lies, if it is in the tree, and makes it the last one searched.
func (s *side) leafOf(k key) *node {
	f := &s.last
	if f.leaf != nil && !k.before(f.leaf.keys[0]) && (!f.more || k.before(f.fence)) {
		return f.leaf
	}
	n := s.tree.root
	f.leaf, f.more = nil, false
	if n == nil {
		return nil
	}
	for n.kids != nil {
		i := n.child(k)
		if i+1 < len(n.keys) {
			f.fence, f.more = n.keys[i+1], true
		}
		n = n.kids[i]
	}
	f.leaf = n
	return n
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
	fence   key
	hi, end uint64
	at      int32
	more    bool  // the tree goes on at fence
	own     int32 // position in side.extra
}

// scan starts a walk over the keys (hi, from) to (hi, to), both included.
func (s *side) scan(hi, from, to uint64) cursor {
	if s.lack.partial {
		s.lack.of(key{hi, s.whole(from)})
	}
	c := cursor{hi: hi, end: to}
	start := key{hi, from}
	s.seek(&c, start)
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

func (s *side) seek(c *cursor, k key) {
	c.more = false
	if n := s.leafOf(k); n != nil {
		c.leaf, c.at = n, int32(n.find(k))
		c.fence, c.more = s.last.fence, s.last.more
	}
}

// next returns the lo part and the condition of the next key that has neither expired nor gone, or
// false at the end. A key that is both in the store and among the request's own may come twice.
func (s *side) next(c *cursor) (lo uint64, condition uint32, ok bool) {
	for c.leaf != nil {
		if int(c.at) == len(c.leaf.keys) {
			if c.leaf = nil; c.more {
				s.seek(c, c.fence)
			}
			continue
		}
		k := c.leaf.keys[c.at]
		if k.hi != c.hi || k.lo > c.end {
			c.leaf = nil
			break
		}
		c.at++
		if c.leaf.terms == nil && len(s.gone) == 0 {
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

// first is the first key of the tree that is not before k.
func (t tree) first(k key) (key, bool) {
	s := side{tree: t}
	var c cursor
	for s.seek(&c, k); c.leaf != nil; s.seek(&c, c.fence) {
		if int(c.at) < len(c.leaf.keys) {
			return c.leaf.keys[c.at], true
		}
		if !c.more {
			break
		}
	}
	return key{}, false
}

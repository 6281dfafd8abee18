package graph

import "slices"

// side is one direction of the graph as a request sees it: the store's tree at one revision and the
// request's own tuples, sorted. It is read only.
type side struct {
	tree  tree
	extra []item
	now   int64 // milliseconds (Unix); what expires at or before it does not count
}

// has reports whether k is there and has not expired.
func (s *side) has(k key) bool {
	if until, ok := s.tree.get(k); ok && until > s.now {
		return true
	}
	return len(s.extra) > 0 && s.hasExtra(k)
}

func (s *side) hasExtra(k key) bool {
	i := s.firstExtra(k)
	return i < len(s.extra) && s.extra[i].key == k && s.extra[i].until > s.now
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
	c := cursor{hi: hi, end: to}
	start := key{hi, from}
	s.seek(&c, start)
	if len(s.extra) > 0 {
		c.own = int32(s.firstExtra(start))
	}
	return c
}

func (s *side) seek(c *cursor, k key) {
	n := s.tree.root
	c.more = false
	if n == nil {
		return
	}
	for n.kids != nil {
		i := n.child(k)
		if i+1 < len(n.keys) {
			c.fence, c.more = n.keys[i+1], true
		}
		n = n.kids[i]
	}
	c.leaf, c.at = n, int32(n.find(k))
}

// next returns the lo part of the next key that has not expired, or false at the end. A key that is
// both in the store and among the request's own may come twice.
func (s *side) next(c *cursor) (uint64, bool) {
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
		if c.leaf.expiry(int(c.at)-1) > s.now {
			return k.lo, true
		}
	}
	for int(c.own) < len(s.extra) {
		it := s.extra[c.own]
		if it.hi != c.hi || it.lo > c.end {
			break
		}
		c.own++
		if it.until > s.now {
			return it.lo, true
		}
	}
	return 0, false
}

// until is the expiry of a key that has answered: the later one, if the request brought it too.
func (s *side) until(k key) int64 {
	until, _ := s.tree.get(k)
	if i := s.firstExtra(k); i < len(s.extra) && s.extra[i].key == k {
		until = max(until, s.extra[i].until)
	}
	return until
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

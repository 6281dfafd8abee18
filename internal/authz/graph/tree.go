package graph

import "slices"

// tree is a persistent map of keys: from objects, whose numbers are dense, by a trie of three levels, and from
// there to the keys of one object, so that nothing is compared until its few keys are at hand. A copy of the
// value is a snapshot: put and remove never touch what was made under another edit number.
type tree struct {
	top  []*middle
	edit uint64 // under which top was made
	size int
}

// middle and shelf are the lower levels of the trie. What a change copies of them is about 2 kB.
type (
	middle struct {
		edit uint64
		to   [1 << middleBits]*shelf
	}
	shelf struct {
		edit uint64
		to   [1 << shelfBits]node // by object: all its keys; without any, none were given
	}
)

const (
	middleBits = 7
	shelfBits  = 5
)

// under is what holds the keys with a hi, if any are held near it.
func (t *tree) under(hi uint64) *node {
	object := hi >> 32
	at := object >> (middleBits + shelfBits)
	if at >= uint64(len(t.top)) || t.top[at] == nil {
		return nil
	}
	s := t.top[at].to[object>>shelfBits%(1<<middleBits)]
	if s == nil {
		return nil
	}
	return &s.to[object%(1<<shelfBits)]
}

// own is what holds the keys with a hi, on a shelf that this edit may change.
func (t *tree) own(hi, edit uint64) *node {
	if t.edit != edit || t.top == nil {
		t.top, t.edit = slices.Clone(t.top), edit
	}
	object := hi >> 32
	at := int(object >> (middleBits + shelfBits))
	if more := at + 1 - len(t.top); more > 0 {
		t.top = append(t.top, make([]*middle, more)...)
	}
	m := t.top[at].own(edit)
	t.top[at] = m
	s := &m.to[object>>shelfBits%(1<<middleBits)]
	*s = (*s).own(edit)
	return &(*s).to[object%(1<<shelfBits)]
}

// own returns m if this edit made it, else a copy that this edit may change.
func (m *middle) own(edit uint64) *middle {
	switch {
	case m == nil:
		return &middle{edit: edit}
	case m.edit == edit:
		return m
	}
	c := *m
	c.edit = edit
	return &c
}

// own returns s if this edit made it, else a copy that this edit may change.
func (s *shelf) own(edit uint64) *shelf {
	switch {
	case s == nil:
		return &shelf{edit: edit}
	case s.edit == edit:
		return s
	}
	c := *s
	c.edit = edit
	return &c
}

// get returns the term of k, if k is in the tree.
func (t *tree) get(k key) (term, bool) {
	n := t.under(k.hi)
	if n == nil {
		return term{}, false
	}
	n = n.leaf(k)
	i := n.find(k)
	if i == len(n.keys) || n.keys[i] != k {
		return term{}, false
	}
	return n.term(i), true
}

// put adds the item or replaces its term, and reports whether it was new.
func (t *tree) put(it item, edit uint64) bool {
	at := t.own(it.hi, edit)
	root, right, added := at.put(it, edit)
	if right != nil {
		left := *root
		root = &node{edit: edit, keys: []key{left.keys[0], right.keys[0]}, more: &more{kids: []*node{&left, right}}}
	}
	*at = *root
	if added {
		t.size++
	}
	return added
}

// remove takes k out and reports whether it was there.
func (t *tree) remove(k key, edit uint64) bool {
	if _, ok := t.get(k); !ok {
		return false
	}
	at := t.own(k.hi, edit)
	root := at.remove(k, edit)
	for root.isBranch() && len(root.kids) == 1 {
		root = root.kids[0]
	}
	if *at = *root; len(at.keys) == 0 {
		*at = node{}
	}
	t.size--
	return true
}

// build makes a tree of items that are sorted and without duplicates.
func build(items []item) tree {
	t := tree{size: len(items)}
	for len(items) > 0 {
		n := 1
		for n < len(items) && high(items[n].hi) == high(items[0].hi) {
			n++
		}
		*t.own(items[0].hi, 0) = *buildNode(items[:n])
		items = items[n:]
	}
	return t
}

// all yields every item in order.
func (t *tree) all(yield func(item) bool) {
	for n := range t.objects {
		if !n.all(yield) {
			return
		}
	}
}

// objects yields what holds the keys of each object that has any, in order.
func (t *tree) objects(yield func(*node) bool) {
	for _, m := range t.top {
		if m == nil {
			continue
		}
		for _, s := range m.to {
			if s == nil {
				continue
			}
			for i := range s.to {
				if n := &s.to[i]; len(n.keys) > 0 && !yield(n) {
					return
				}
			}
		}
	}
}

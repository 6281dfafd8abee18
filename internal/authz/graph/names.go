package graph

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// name is an object by the number of its type and its id.
type name struct {
	kind uint32
	id   string
}

const namesPerPage = 128

// names gives each object a number, its node. It only grows: a number never changes its meaning, so
// all revisions share one table and readers need no lock. There is one writer. Node 0 is nobody;
// node k is the wildcard of type k.
//
// A reader reaches a page only by a number it found in a slot or in a tree, and both are published
// by an atomic store after the page was written.
type names struct {
	seed  maphash.Seed // random per table, so ids chosen to collide do not
	slots atomic.Pointer[[]atomic.Uint64]
	pages atomic.Pointer[[]*[namesPerPage]name]
	count atomic.Uint32 // nodes given out, node 0 included
}

func newNames(kinds int) *names {
	n := &names{seed: maphash.MakeSeed()}
	size := 16
	for size < 2*kinds {
		size *= 2
	}
	slots := make([]atomic.Uint64, size)
	n.slots.Store(&slots)
	n.pages.Store(&[]*[namesPerPage]name{new([namesPerPage]name)})
	n.count.Store(1)
	for k := 1; k <= kinds; k++ {
		n.intern(uint32(k), Wildcard)
	}
	return n
}

func (n *names) hash(kind uint32, id string) uint64 {
	return maphash.String(n.seed, id) ^ uint64(kind)*0x9E3779B97F4A7C15
}

// at is the name of a node that was given out.
func (n *names) at(node uint32) name {
	return (*n.pages.Load())[node/namesPerPage][node%namesPerPage]
}

// find returns the node of a name, if it has one.
func (n *names) find(kind uint32, id string) (uint32, bool) {
	h := n.hash(kind, id)
	slots := *n.slots.Load()
	for i := h; ; i++ {
		s := slots[i&uint64(len(slots)-1)].Load()
		if s == 0 {
			return 0, false
		}
		if high(s) != high(h) {
			continue
		}
		if at := n.at(low(s)); at.kind == kind && at.id == id {
			return low(s), true
		}
	}
}

// intern returns the node of a name and gives it one if it has none. Only the writer may call it.
func (n *names) intern(kind uint32, id string) uint32 {
	if node, ok := n.find(kind, id); ok {
		return node
	}
	return n.add(kind, strings.Clone(id))
}

// add gives a number to a name that has none.
func (n *names) add(kind uint32, id string) uint32 {
	node := n.count.Load()
	pages := *n.pages.Load()
	if int(node/namesPerPage) == len(pages) {
		// Appending behind the length that readers hold does not disturb them.
		pages = append(pages, new([namesPerPage]name))
		n.pages.Store(&pages)
	}
	pages[node/namesPerPage][node%namesPerPage] = name{kind, id}
	n.count.Store(node + 1)
	if slots := *n.slots.Load(); int(node)*4 >= len(slots)*3 {
		n.grow()
	}
	n.place(*n.slots.Load(), node)
	return node
}

// place stores a node in the first free slot of its chain.
func (n *names) place(slots []atomic.Uint64, node uint32) {
	at := n.at(node)
	h := n.hash(at.kind, at.id)
	for i := h; ; i++ {
		s := &slots[i&uint64(len(slots)-1)]
		if s.Load() == 0 {
			s.Store(pack(high(h), node))
			return
		}
	}
}

// reserve makes room for as many names more, before any reader.
func (n *names) reserve(more int) {
	size := len(*n.slots.Load())
	for size*3 <= (int(n.count.Load())+more)*4 {
		size *= 2
	}
	n.rehash(size, n.count.Load())
}

// grow doubles the table. Readers keep using the old one until the new one is complete.
func (n *names) grow() { n.rehash(2*len(*n.slots.Load()), n.count.Load()-1) }

// rehash makes a table of the nodes below end.
func (n *names) rehash(size int, end uint32) {
	slots := make([]atomic.Uint64, size)
	for node := uint32(1); node < end; node++ {
		n.place(slots, node)
	}
	n.slots.Store(&slots)
}

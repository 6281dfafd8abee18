package graph

import (
	"math"
	"slices"
	"sync/atomic"
)

// closures remember, for groups and roles, which others their holders have with them: of group:leaf#member
// all groups in which it is nested (Leopard, in the Zanzibar paper, section 3.2.4, keeps the same for the
// whole store). All revisions between which no tuple from group to group was written or deleted share them,
// so that there is nothing to invalidate: the next revision begins with none. A user who joins or leaves a
// group changes none of them.
//
// They fill as questions come. There is room for one in eight names; groups that find none are walked, as all
// are where closures say nothing. Readers and fillers never wait.
type closures struct {
	slots atomic.Pointer[[]atomic.Pointer[closure]]
}

// Bounds of closures.
const (
	fewestSlots = 1 << 6
	mostSlots   = 1 << 20
	slotsTried  = 4 // for one atom
	// longestClosure is more than a hierarchy of groups has on the way up from one of them.
	longestClosure = 256
)

// closure is what comes with one atom. Without atoms, nothing can be said once and for all: a tuple on the
// way expires or has a condition, or there are too many.
type closure struct {
	of    uint64
	atoms []uint64 // of itself too
}

// of is the closure of an atom, which must be of a relation marked group; nil where there is no room for it.
func (c *closures) of(e *evaluator, atom uint64) *closure {
	slots := c.room(e.names)
	h := atom * 0x9E3779B97F4A7C15
	h ^= h >> 32
	for i := range uint64(slotsTried) {
		slot := &slots[(h+i)&uint64(len(slots)-1)]
		known := slot.Load()
		if known == nil {
			known = &closure{of: atom, atoms: e.ascend(atom)}
			if e.err != nil { // what was given up says nothing
				return nil
			}
			slot.Store(known)
		}
		if known.of == atom {
			return known
		}
	}
	return nil
}

// room is the slots, made when the first question comes.
func (c *closures) room(n *names) []atomic.Pointer[closure] {
	if slots := c.slots.Load(); slots != nil {
		return *slots
	}
	size := fewestSlots
	for size < int(n.count.Load())/8 && size < mostSlots {
		size *= 2
	}
	slots := make([]atomic.Pointer[closure], size)
	c.slots.CompareAndSwap(nil, &slots)
	return *c.slots.Load()
}

// ascend follows the tuples of the store from one group to the next; nil where that depends on the question.
func (e *evaluator) ascend(atom uint64) []uint64 {
	index, side := &e.model.index, side{tree: e.reverse.tree, now: math.MinInt64}
	found := []uint64{atom}
	add := func(next uint64) {
		if index.groups[low(next)] && !slices.Contains(found, next) {
			found = append(found, next)
		}
	}
	for i := 0; i < len(found); i++ {
		obj, rel := high(found[i]), low(found[i])
		for _, to := range index.userset[rel] {
			c := side.scan(found[i], pack(to, 0), pack(to, math.MaxUint32))
			for e.tick() {
				lo, _, ok := side.next(&c)
				if !ok {
					break
				}
				if !c.leaf.term(int(c.at)-1).always() || len(found) == longestClosure {
					return nil
				}
				add(pack(low(lo), to))
			}
		}
		for _, to := range index.computed[rel] {
			add(pack(obj, to))
		}
	}
	return slices.Clip(found)
}

// leap finds all that the walk would find by what closures know of the groups that it starts from. False
// means that the walk must be walked, which is never wrong. How an atom was reached is not known after it.
func (w *walk) leap() bool {
	e := w.e
	if e.closures == nil || len(e.forward.extra)+len(e.forward.gone)+len(w.later) > 0 {
		return false
	}
	for i := range w.atoms {
		c := e.closures.of(e, w.atoms[i].key)
		if c == nil || c.atoms == nil || len(w.atoms)+len(c.atoms) > w.limit {
			return false
		}
		w.leapt = true // also if the walk has to be walked after all: what was added here says not how
		for _, atom := range c.atoms {
			w.add(atom, int32(i), 0)
		}
	}
	w.sure = len(w.atoms)
	return e.err == nil
}

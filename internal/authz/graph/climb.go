package graph

import (
	"math"
	"slices"
)

// climb is how a relation is evaluated that tuples give, or that follows from others of this kind, of the same
// object or along tuplesets: "viewer or owner or can_view from parent". Nothing is subtracted or intersected
// on its way, so whoever one of those tuples names has it. The objects can be visited one after the other: no
// answer leans on an unfinished one, and there is nothing to come back to.
type climb struct {
	given []*relation // which tuples may give, to the subject or to its groups
	same  []uint32    // of the same object
	roads []*op
}

// markClimbs finds the relations that can be climbed: those that ask only for such.
func (m *Model) markClimbs() {
	for _, r := range m.relations[1:] {
		if c := (&climb{}); c.add(m, r.body) {
			r.climb = c
		}
	}
	falls := func(id uint32) bool { return m.relations[id].climb == nil }
	for changed := true; changed; {
		changed = false
		for _, r := range m.relations[1:] {
			if r.climb != nil && r.climb.asks(falls) {
				r.climb, changed = nil, true
			}
		}
	}
}

// add takes in a part of a rewrite, if all of it can be climbed as far as can be seen from here.
func (c *climb) add(m *Model, o *op) bool {
	switch o.kind {
	case rewriteThis:
		c.given = append(c.given, m.relations[o.relation])
		return o.grouped
	case rewriteComputed:
		if r := m.relations[o.relation]; r.body.kind == rewriteThis {
			return c.add(m, r.body)
		}
		c.same = append(c.same, o.relation)
		return true
	case rewriteFrom:
		c.roads = append(c.roads, o)
		return true
	case rewriteUnion:
		return !slices.ContainsFunc(o.kids, func(kid *op) bool { return !c.add(m, kid) })
	}
	return false
}

// asks reports whether any relation that it asks for is one of those.
func (c *climb) asks(those func(uint32) bool) bool {
	return slices.ContainsFunc(c.same, those) || slices.ContainsFunc(c.roads, func(o *op) bool {
		return slices.ContainsFunc(o.targets, func(t target) bool { return those(t.relation) })
	})
}

// climb evaluates an atom of a relation that can be climbed. Pending means that something on the way was not
// certain, or that evaluation has failed: then the question is evaluated by frames to its end.
func (e *evaluator) climb(obj uint32, r *relation) verdict {
	e.climbed.reset()
	e.heights = e.heights[:0]
	e.reach(pack(obj, r.id))
	for i := 0; i < len(e.heights); i++ {
		at := e.heights[i]
		switch e.look(at) {
		case no:
		case yes:
			e.remember(at, yes)
			if i > 0 { // what was asked follows from it, and whoever looks for the reason of a doubt reads that
				e.remember(e.heights[0], yes)
			}
			return yes
		default:
			e.climbs = false
			return pending
		}
	}
	for _, at := range e.heights {
		e.remember(at, no)
	}
	return no
}

// reach notes an atom to look at, once.
func (e *evaluator) reach(at uint64) {
	if _, seen := e.climbed.get(at); !seen {
		e.climbed.put(at, 0)
		e.heights = append(e.heights, at)
	}
}

// look tells whether a tuple gives an atom, and reaches those from which it follows. None of them is open or
// assumed: what is climbed has no frames, and once any had to have some there are no climbs in that question.
func (e *evaluator) look(at uint64) verdict {
	obj, r := high(at), e.model.relations[low(at)]
	if !e.tick() {
		return pending
	}
	if obj == e.subject && r.id == e.subjectRel {
		return yes // a set of subjects contains itself
	}
	if entry, ok := e.memo.get(at); ok && entry&^numberMask != stateForgot {
		return e.recall(entry)
	}
	for _, given := range r.climb.given {
		if obj == e.subject && given.id == e.subjectRel {
			return yes
		}
		if v := e.held(obj, given); v != no {
			return v
		}
	}
	for _, id := range r.climb.same {
		e.reach(pack(obj, id))
	}
	for _, o := range r.climb.roads {
		if v := e.along(obj, o); v != no {
			return v
		}
	}
	return no
}

// along reaches what a road leads to. It comes to no unless a condition on it is not certain.
func (e *evaluator) along(obj uint32, o *op) verdict {
	c := e.forward.scan(pack(obj, o.tupleset), 0, pack(0, math.MaxUint32))
	for {
		lo, condition, ok := e.forward.next(&c)
		switch {
		case !ok:
			return no
		case !e.tick():
			return pending
		}
		rel := e.targetOf(o, low(lo))
		if rel == 0 {
			continue
		}
		switch e.condition(condition) {
		case no:
		case yes:
			e.reach(pack(low(lo), rel))
		default:
			return unknown
		}
	}
}

package graph

import "slices"

// need is one relation that another asks while it is evaluated.
type need struct {
	relation uint32
	same     bool // of the same object, without passing by a tuple
	negative bool // on the subtracted side of an exclusion
}

// needsOf lists what o asks. negative says that o lies on a subtracted side.
func (m *Model) needsOf(o *op, negative bool) []need {
	var out []need
	switch o.kind {
	case rewriteThis:
		for _, id := range m.relations[o.relation].usersets {
			out = append(out, need{relation: id, negative: negative})
		}
	case rewriteComputed:
		out = append(out, need{relation: o.relation, same: true, negative: negative})
	case rewriteFrom:
		for _, t := range o.targets {
			out = append(out, need{relation: t.relation, negative: negative})
		}
	}
	for i, kid := range o.kids {
		out = append(out, m.needsOf(kid, negative || o.kind == rewriteExclusion && i == 1)...)
	}
	return out
}

// checkRecursion refuses the three kinds of relation whose meaning is not a least fixpoint or is
// always empty.
func (m *Model) checkRecursion() error {
	for _, r := range m.relations[1:] {
		r.needs = m.needsOf(r.shown, false)
	}
	every := newComponents(m, func(need) bool { return true })
	same := newComponents(m, func(n need) bool { return n.same })
	for _, r := range m.relations[1:] {
		for _, n := range r.needs {
			if n.negative && every.together(r.id, n.relation) {
				return refuse(r.userset(), "depends on itself through what it subtracts, so it would hold exactly when it does not")
			}
			if n.same && same.together(r.id, n.relation) {
				return refuse(r.userset(), "refers to itself on the same object")
			}
		}
	}
	return m.checkPossible(every.order)
}

// checkPossible refuses a relation that no set of tuples could give to anybody. The order puts what
// is asked before who asks, so a pass or two suffice except in long cycles.
func (m *Model) checkPossible(order []uint32) error {
	possible := make([]bool, len(m.relations))
	for changed := true; changed; {
		changed = false
		for _, id := range order {
			if !possible[id] && m.possible(m.relations[id].shown, possible) {
				possible[id], changed = true, true
			}
		}
	}
	if i := slices.Index(possible[1:], false); i >= 0 {
		return refuse(m.relations[i+1].userset(), "can never hold for anybody: it does not end in a plain type")
	}
	return nil
}

func (m *Model) possible(o *op, known []bool) bool {
	switch o.kind {
	case rewriteThis:
		r := m.relations[o.relation]
		return len(r.plain)+len(r.wild) > 0 || slices.ContainsFunc(r.usersets, func(id uint32) bool { return known[id] })
	case rewriteComputed:
		return known[o.relation]
	case rewriteFrom:
		return slices.ContainsFunc(o.targets, func(t target) bool { return known[t.relation] })
	case rewriteUnion:
		return slices.ContainsFunc(o.kids, func(kid *op) bool { return m.possible(kid, known) })
	}
	return !slices.ContainsFunc(o.kids, func(kid *op) bool { return !m.possible(kid, known) })
}

// components are the strongly connected components of the relations under some of their needs
// (Tarjan 1972). The recursion is as deep as the longest chain of relations; a model is bounded by
// whoever accepts it, and a hundred thousand relations take some tens of megabytes of stack.
type components struct {
	model   *Model
	follow  func(need) bool
	number  []uint32 // order of discovery, 0 for not yet
	low     []uint32
	of      []uint32 // component of a relation, 0 while it is on the stack
	stack   []uint32
	order   []uint32 // relations, what is asked before who asks
	visited uint32
	made    uint32
}

func newComponents(m *Model, follow func(need) bool) *components {
	n := len(m.relations)
	c := &components{model: m, follow: follow, number: make([]uint32, n), low: make([]uint32, n), of: make([]uint32, n)}
	for id := 1; id < n; id++ {
		if c.number[id] == 0 {
			c.visit(uint32(id))
		}
	}
	return c
}

func (c *components) together(a, b uint32) bool { return c.of[a] == c.of[b] }

func (c *components) visit(id uint32) {
	c.visited++
	c.number[id], c.low[id] = c.visited, c.visited
	c.stack = append(c.stack, id)
	for _, n := range c.model.relations[id].needs {
		switch to := n.relation; {
		case !c.follow(n):
		case c.number[to] == 0:
			c.visit(to)
			c.low[id] = min(c.low[id], c.low[to])
		case c.of[to] == 0:
			c.low[id] = min(c.low[id], c.number[to])
		}
	}
	if c.low[id] == c.number[id] {
		c.close(id)
	}
}

// close takes the finished component of id off the stack.
func (c *components) close(id uint32) {
	c.made++
	for {
		top := c.stack[len(c.stack)-1]
		c.stack = c.stack[:len(c.stack)-1]
		c.of[top], c.order = c.made, append(c.order, top)
		if top == id {
			return
		}
	}
}

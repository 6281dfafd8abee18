package model

import (
	"slices"
)

// web is who leads to whom: the relations of a sound model and what their rules ask.
type web struct {
	model  *Model
	types  map[string]int
	number map[[2]string]int // of a relation, by type and name
	nodes  []node
}

// node is one relation of one type.
type node struct {
	owner    *Type
	relation *Relation
	asks     []int // relations that its rule asks
	subjects set   // types of subjects that can ever have it
	group    int   // relations that ask each other in a circle have the same
}

// set is a set of types by number.
type set []uint64

func (s set) add(other set) (grew bool) {
	for i, w := range other {
		grew = grew || w&^s[i] != 0
		s[i] |= w
	}
	return grew
}

func (s set) empty() bool {
	return !slices.ContainsFunc(s, func(w uint64) bool { return w != 0 })
}

func (w *web) none() set { return make(set, (len(w.types)+63)/64) }

func newWeb(m *Model) *web {
	w := &web{model: m, types: map[string]int{}, number: map[[2]string]int{}}
	for i := range m.Types {
		t := &m.Types[i]
		w.types[t.Name] = i
		for j := range t.Relations {
			w.number[[2]string{t.Name, t.Relations[j].Name}] = len(w.nodes)
			w.nodes = append(w.nodes, node{owner: t, relation: &t.Relations[j]})
		}
	}
	for i := range w.nodes {
		n := &w.nodes[i]
		n.subjects = w.none()
		for part := range n.relation.Rewrite.all() {
			n.asks = append(n.asks, w.leads(n, part)...)
		}
	}
	w.group()
	w.spread()
	return w
}

// leads lists the relations that one part of the rule of n asks, without the parts of the part.
func (w *web) leads(n *node, part Rewrite) []int {
	var out []int
	follow := func(typeName, relation string) {
		if id, ok := w.number[[2]string{typeName, relation}]; ok {
			out = append(out, id)
		}
	}
	switch part.Operator {
	case Direct:
		for _, s := range n.relation.Subjects {
			if s.Relation != "" {
				follow(s.Type, s.Relation)
			}
		}
	case Computed:
		follow(n.owner.Name, part.Relation)
	case From:
		for _, s := range n.owner.Relation(part.Tupleset).Subjects {
			follow(s.Type, part.Relation)
		}
	}
	return out
}

// spread computes who can ever have what, as a least fixpoint: whenever the subjects of a relation
// grow, those who ask it are looked at again.
func (w *web) spread() {
	askers := make([][]int, len(w.nodes))
	waiting := make([]bool, len(w.nodes))
	var queue []int
	for i, n := range w.nodes {
		for _, id := range n.asks {
			askers[id] = append(askers[id], i)
		}
		queue, waiting[i] = append(queue, i), true
	}
	for len(queue) > 0 {
		i := queue[0]
		queue, waiting[i] = queue[1:], false
		if !w.nodes[i].subjects.add(w.subjects(&w.nodes[i], w.nodes[i].relation.Rewrite)) {
			continue
		}
		for _, asker := range askers[i] {
			if !waiting[asker] {
				queue, waiting[asker] = append(queue, asker), true
			}
		}
	}
}

// subjects are the types of subjects that a part of the rule of n can give anything to, by what is
// known so far.
func (w *web) subjects(n *node, part Rewrite) set {
	out := w.none()
	switch part.Operator {
	case Direct:
		for _, s := range n.relation.Subjects {
			if s.Relation == "" {
				id := w.types[s.Type]
				out[id/64] |= 1 << (id % 64)
			}
		}
		fallthrough
	case Computed, From:
		for _, id := range w.leads(n, part) {
			out.add(w.nodes[id].subjects)
		}
	case Union:
		for _, p := range part.Parts {
			out.add(w.subjects(n, p))
		}
	case Intersection:
		out.add(w.subjects(n, part.Parts[0]))
		for _, p := range part.Parts[1:] {
			for i, both := range w.subjects(n, p) {
				out[i] &= both
			}
		}
	case Exclusion:
		out.add(w.subjects(n, part.Parts[0]))
	}
	return out
}

// group gives relations that ask each other in a circle the same number (Tarjan 1972).
func (w *web) group() {
	t := tarjan{web: w, order: make([]int, len(w.nodes)), low: make([]int, len(w.nodes))}
	for i := range w.nodes {
		if t.order[i] == 0 {
			t.visit(i)
		}
	}
}

type tarjan struct {
	web        *web
	order, low []int // from 1
	stack      []int
	visited    int
	groups     int
}

func (t *tarjan) visit(i int) {
	t.visited++
	t.order[i], t.low[i] = t.visited, t.visited
	t.stack = append(t.stack, i)
	for _, to := range t.web.nodes[i].asks {
		switch {
		case t.order[to] == 0:
			t.visit(to)
			t.low[i] = min(t.low[i], t.low[to])
		case t.web.nodes[to].group == 0:
			t.low[i] = min(t.low[i], t.order[to])
		}
	}
	if t.low[i] != t.order[i] {
		return
	}
	t.groups++
	for {
		top := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		t.web.nodes[top].group = t.groups
		if top == i {
			return
		}
	}
}

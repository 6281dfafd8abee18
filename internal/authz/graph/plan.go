package graph

// leaves are where a rewrite ends, so that who may have a relation can be found by going along the
// tuples. For unions they are all there is. Of an exclusion only the base counts and of an
// intersection only its first part: whoever has the relation is among those found, and a check
// tells who of them has it.
type leaves struct {
	this     bool
	computed []uint32
	from     []*op
}

func (l *leaves) add(o *op) {
	switch o.kind {
	case rewriteThis, rewriteComputed, rewriteFrom:
		l.leaf(o)
	case rewriteUnion:
		for _, kid := range o.kids {
			l.add(kid)
		}
	default:
		l.add(o.kids[0])
	}
}

// leaf adds o if it is one.
func (l *leaves) leaf(o *op) {
	switch o.kind {
	case rewriteThis:
		l.this = true
	case rewriteComputed:
		l.computed = append(l.computed, o.relation)
	case rewriteFrom:
		l.from = append(l.from, o)
	}
}

// each yields the relations at the leaves. r is the relation that the leaves belong to.
func (l *leaves) each(r *relation, yield func(uint32)) {
	if l.this {
		for _, id := range r.usersets {
			yield(id)
		}
	}
	for _, id := range l.computed {
		yield(id)
	}
	for _, o := range l.from {
		for _, t := range o.targets {
			yield(t.relation)
		}
	}
}

// dependents is the model read backwards: given that a subject has something, what may follow.
type dependents struct {
	plain    [][]uint32 // by type: relations that take its objects directly
	wild     [][]uint32 // by type: relations that take its wildcard
	userset  [][]uint32 // by relation: relations that take its holders
	computed [][]uint32 // by relation: relations of the same object that follow from it
	from     [][]road   // by relation: relations that follow from it along a tupleset
	groups   []bool     // by relation: relation.group
}

// road is a relation that follows from another along a tupleset.
type road struct{ tupleset, relation uint32 }

// plan works out, once per model, how its relations are best evaluated.
func (m *Model) plan() {
	kinds, relations := len(m.kinds), len(m.relations)
	m.index = dependents{
		plain: make([][]uint32, kinds), wild: make([][]uint32, kinds), userset: make([][]uint32, relations),
		computed: make([][]uint32, relations), from: make([][]road, relations), groups: make([]bool, relations),
	}
	for _, r := range m.relations[1:] {
		r.body = m.sorted(r.shown)
		r.reach.add(r.body)
		for o := range r.shown.all() {
			r.whole.leaf(o)
		}
		m.index.add(r)
	}
	m.markExact()
	m.markGroups()
	m.markClimbs()
}

func (d *dependents) add(r *relation) {
	if r.reach.this {
		for _, k := range r.plain {
			d.plain[k] = append(d.plain[k], r.id)
		}
		for _, k := range r.wild {
			d.wild[k] = append(d.wild[k], r.id)
		}
		for _, id := range r.usersets {
			d.userset[id] = append(d.userset[id], r.id)
		}
	}
	for _, id := range r.reach.computed {
		d.computed[id] = append(d.computed[id], r.id)
	}
	for _, o := range r.reach.from {
		for _, t := range o.targets {
			d.from[t.relation] = append(d.from[t.relation], road{o.tupleset, r.id})
		}
	}
}

// spread marks everything that asks, by whatever road, for a relation that is marked.
func (m *Model) spread(marked []bool) {
	askers := make([][]uint32, len(m.relations))
	var queue []uint32
	for _, r := range m.relations[1:] {
		for _, n := range r.needs {
			askers[n.relation] = append(askers[n.relation], r.id)
		}
		if marked[r.id] {
			queue = append(queue, r.id)
		}
	}
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		for _, asker := range askers[id] {
			if !marked[asker] {
				marked[asker] = true
				queue = append(queue, asker)
			}
		}
	}
}

func (m *Model) markExact() {
	mixed := make([]bool, len(m.relations))
	for _, r := range m.relations[1:] {
		for o := range r.shown.all() {
			mixed[r.id] = mixed[r.id] || o.kind == rewriteIntersection || o.kind == rewriteExclusion
		}
	}
	m.spread(mixed)
	for _, r := range m.relations[1:] {
		r.exact = !mixed[r.id]
	}
}

// markGroups finds the relations that are used as usersets, are exact and go along no tupleset,
// together with all that they ask: a set closed under asking, so that walking it from a subject
// finds all that the subject has in it.
func (m *Model) markGroups() {
	unfit := make([]bool, len(m.relations))
	for _, r := range m.relations[1:] {
		unfit[r.id] = !r.exact || len(r.reach.from) > 0
	}
	m.spread(unfit)
	var queue []uint32
	mark := func(id uint32) {
		if !unfit[id] && !m.relations[id].group {
			m.relations[id].group, m.index.groups[id] = true, true
			queue = append(queue, id)
		}
	}
	for _, r := range m.relations[1:] {
		for _, id := range r.usersets {
			mark(id)
		}
	}
	for len(queue) > 0 {
		for _, n := range m.relations[queue[0]].needs {
			mark(n.relation)
		}
		queue = queue[1:]
	}
	for _, r := range m.relations[1:] {
		for o := range r.body.all() {
			if o.kind == rewriteThis {
				o.grouped = m.allGroups(r.usersets)
			}
		}
	}
}

func (m *Model) allGroups(usersets []uint32) bool {
	for _, id := range usersets {
		if !m.relations[id].group {
			return false
		}
	}
	return true
}

// below is the set of relations that the leaves of id reach, id included.
func (m *Model) below(id uint32) []bool {
	set := make([]bool, len(m.relations))
	set[id] = true
	for queue := []uint32{id}; len(queue) > 0; queue = queue[1:] {
		r := m.relations[queue[0]]
		r.reach.each(r, func(next uint32) {
			if !set[next] {
				set[next] = true
				queue = append(queue, next)
			}
		})
	}
	return set
}

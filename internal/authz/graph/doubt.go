package graph

import (
	"math"
	"slices"
)

// doubt finds why an atom is unknown: the conditions that could not be decided and on which the
// answer rests. It goes down from the atom through what came to unknown, by reading the memo.
type doubt struct {
	e       *evaluator
	seen    map[uint64]bool
	todo    []goal
	missing []string
	err     error
}

// doubts returns the parameters that a run lacked which came to unknown, sorted. An error is that of
// a condition that failed.
func (e *evaluator) doubts(obj, rel uint32) ([]string, error) {
	d := doubt{e: e, seen: map[uint64]bool{}}
	d.atom(obj, rel)
	for len(d.todo) > 0 && e.tick() {
		g := d.todo[len(d.todo)-1]
		d.todo = d.todo[:len(d.todo)-1]
		d.part(g)
	}
	if e.err != nil {
		return nil, e.err
	}
	slices.Sort(d.missing)
	return slices.Compact(d.missing), d.err
}

func (d *doubt) atom(obj, rel uint32) {
	if at := pack(obj, rel); !d.seen[at] && d.e.holds(obj, rel, math.MaxUint32) == unknown {
		d.seen[at] = true
		d.todo = append(d.todo, goal{op: d.e.model.relations[rel].body, obj: obj, before: math.MaxUint32})
	}
}

func (d *doubt) part(g goal) {
	e := d.e
	switch g.op.kind {
	case rewriteThis:
		d.edges(g, e.forward.scan(pack(g.obj, g.op.relation), pack(1, 0), math.MaxUint64))
		d.direct(g.obj, e.model.relations[g.op.relation])
	case rewriteComputed:
		d.atom(g.obj, g.op.relation)
	case rewriteFrom:
		d.edges(g, e.forward.scan(pack(g.obj, g.op.tupleset), 0, pack(0, math.MaxUint32)))
	default:
		for _, kid := range g.op.kids {
			if v := e.known(kid, g.obj, g.before); v == unknown || v == pending {
				d.todo = append(d.todo, goal{op: kid, obj: g.obj, before: g.before})
			}
		}
	}
}

// direct notes the conditions of the tuples that name the subject itself.
func (d *doubt) direct(obj uint32, r *relation) {
	e, hi := d.e, pack(obj, r.id)
	d.given(key{hi, pack(e.subjectRel, e.subject)})
	if e.subjectRel == 0 && slices.Contains(r.wild, e.subjectKind) {
		d.given(key{hi, uint64(e.subjectKind)})
	}
}

func (d *doubt) given(k key) {
	if t, ok := d.e.forward.stored(k); ok {
		d.condition(t.condition)
	}
	d.e.forward.own(k, func(t term) bool {
		d.condition(t.condition)
		return true
	})
}

func (d *doubt) edges(g goal, c cursor) {
	for d.e.tick() {
		lo, condition, ok := d.e.forward.next(&c)
		if !ok {
			return
		}
		rel := high(lo)
		if g.op.kind == rewriteFrom {
			rel = d.e.targetOf(g.op, low(lo))
		}
		if rel == 0 || d.e.condition(condition) == no {
			continue
		}
		switch d.e.holds(low(lo), rel, g.before) {
		case yes:
			d.condition(condition)
		case unknown:
			d.condition(condition)
			d.atom(low(lo), rel)
		}
	}
}

func (d *doubt) condition(n uint32) {
	if d.e.condition(n) != unknown {
		return
	}
	o := d.e.outcome(n)
	d.missing = append(d.missing, o.missing...)
	if d.err == nil {
		d.err = o.err
	}
}

package graph

import (
	"math"
	"slices"
)

// proof collects the tuples that show why an atom holds, by reading what the evaluation left in the
// memo. Atoms became "yes" one after the other, each from those before it, so going only to earlier
// ones never runs in a circle. It works off a list: a chain of a hundred thousand groups is a long
// answer but not a deep stack.
type proof struct {
	e      *evaluator
	tuples []Tuple
	todo   []goal
}

// goal is something known to hold whose reason is to be shown: an atom (op is nil) or a part of the
// rewrite of one.
type goal struct {
	op     *op
	obj    uint32
	rel    uint32
	before uint32 // only atoms that became "yes" before this count
}

// path is the proof of an atom that run has just found to hold.
func (e *evaluator) path(obj, rel uint32) []Tuple {
	if e.groups.leapt && e.groupsState == groupsReady { // which says what, but not how
		e.groups.start(e, e.model.index.groups, math.MaxInt)
		e.groups.finish()
	}
	p := proof{e: e, todo: []goal{{obj: obj, rel: rel}}}
	for len(p.todo) > 0 {
		last := len(p.todo) - 1
		g := p.todo[last]
		p.todo = p.todo[:last]
		if g.op == nil {
			p.atom(g.obj, g.rel)
		} else {
			p.part(g)
		}
	}
	return p.tuples
}

func (p *proof) atom(obj, rel uint32) {
	e := p.e
	r := e.model.relations[rel]
	switch {
	case obj == e.subject && rel == e.subjectRel:
	case (r.bare || r.group) && p.direct(obj, rel):
	case r.group && e.groupsKnown():
		p.group(pack(obj, rel))
	default:
		entry, _ := e.memo.get(pack(obj, rel))
		p.todo = append(p.todo, goal{op: r.body, obj: obj, before: entry & numberMask})
	}
}

func (p *proof) part(g goal) {
	switch g.op.kind {
	case rewriteThis:
		if !p.direct(g.obj, g.op.relation) {
			p.edge(g, p.e.forward.scan(pack(g.obj, g.op.relation), pack(1, 0), math.MaxUint64))
		}
	case rewriteComputed:
		p.todo = append(p.todo, goal{obj: g.obj, rel: g.op.relation})
	case rewriteFrom:
		p.edge(g, p.e.forward.scan(pack(g.obj, g.op.tupleset), 0, pack(0, math.MaxUint32)))
	case rewriteUnion:
		i := slices.IndexFunc(g.op.kids, func(kid *op) bool { return p.e.known(kid, g.obj, g.before) == yes })
		p.kids(g, g.op.kids[max(i, 0):max(i, 0)+1])
	case rewriteIntersection:
		p.kids(g, g.op.kids)
	case rewriteExclusion:
		p.kids(g, g.op.kids[:1])
	}
}

func (p *proof) kids(g goal, kids []*op) {
	for _, kid := range slices.Backward(kids) {
		p.todo = append(p.todo, goal{op: kid, obj: g.obj, before: g.before})
	}
}

// direct shows the tuple that names the subject or its wildcard, if there is one.
func (p *proof) direct(obj, rel uint32) bool {
	e := p.e
	if e.direct(obj, e.model.relations[rel]) != yes {
		return false
	}
	if e.subjectRel == 0 && e.given(key{pack(obj, rel), uint64(e.subject)}) != yes {
		p.show(obj, rel, uint64(e.subjectKind))
		return true
	}
	p.show(obj, rel, pack(e.subjectRel, e.subject))
	return true
}

// edge shows the first tuple of a scan that leads to an atom already proved.
func (p *proof) edge(g goal, c cursor) {
	for {
		lo, condition, ok := p.e.forward.next(&c)
		if !ok || !p.e.tick() {
			return
		}
		rel, from := high(lo), g.op.relation
		if g.op.kind == rewriteFrom {
			rel, from = p.e.targetOf(g.op, low(lo)), g.op.tupleset
		}
		if rel != 0 && p.e.condition(condition) == yes && p.e.holds(low(lo), rel, g.before) == yes {
			p.show(g.obj, from, lo)
			p.todo = append(p.todo, goal{obj: low(lo), rel: rel})
			return
		}
	}
}

// group shows how the walk from the subject came to an atom.
func (p *proof) group(at uint64) {
	w := &p.e.groups
	i, _ := w.seen.get(at)
	for {
		a := w.atoms[i]
		switch {
		case a.from == fromSelf:
			return
		case a.from == fromSubject:
			p.show(high(a.key), a.via, uint64(p.e.subject))
			return
		case a.from == fromWildcard:
			p.show(high(a.key), a.via, uint64(p.e.subjectKind))
			return
		case a.via != 0:
			before := w.atoms[a.from].key
			p.show(high(a.key), a.via, pack(low(before), high(before)))
		}
		i = uint32(a.from)
	}
}

func (p *proof) show(obj, rel uint32, lo uint64) {
	k := key{pack(obj, rel), lo}
	p.tuples = append(p.tuples, p.e.tuple(pointOf(item{k, p.e.proving(k)})))
}

// proving is the term by which a tuple counts: of several that do, the one that lasts longest.
func (e *evaluator) proving(k key) term {
	best := term{}
	consider := func(t term) bool {
		if t.until > best.until && e.condition(t.condition) == yes {
			best = t
		}
		return true
	}
	if t, ok := e.forward.stored(k); ok {
		consider(t)
	}
	e.forward.own(k, consider)
	return best
}

// tuple gives a point its names back.
func (e *evaluator) tuple(p point) Tuple { return e.model.tuple(p, e.nameOf, e.bindingAt) }

// holds tells what the evaluation learned of an atom: yes if it was proved before, no or unknown if
// that is what it came to, else pending.
func (e *evaluator) holds(obj, rel, before uint32) verdict {
	r := e.model.relations[rel]
	switch {
	case obj == e.subject && rel == e.subjectRel:
		return yes
	case r.bare:
		return e.direct(obj, r)
	}
	if w := e.walked(r); w != nil {
		return w.verdict(pack(obj, rel))
	}
	entry, ok := e.memo.get(pack(obj, rel))
	switch {
	case ok && entry&^numberMask == stateYes && entry&numberMask < before:
		return yes
	case ok && entry&^numberMask == stateNo:
		return no
	case ok && entry&^numberMask == stateUnknown:
		return unknown
	}
	return pending
}

// known is holds for a part of a rewrite. What short cuts left open stays pending, so that a proof
// never rests on something not having been subtracted that nobody looked at.
func (e *evaluator) known(o *op, obj, before uint32) verdict {
	switch o.kind {
	case rewriteThis:
		direct := e.direct(obj, e.model.relations[o.relation])
		if direct == yes {
			return yes
		}
		return firstOf(yes, no, []verdict{direct, e.knownEdge(o, e.forward.scan(pack(obj, o.relation), pack(1, 0), math.MaxUint64), before)})
	case rewriteComputed:
		return e.holds(obj, o.relation, before)
	case rewriteFrom:
		return e.knownEdge(o, e.forward.scan(pack(obj, o.tupleset), 0, pack(0, math.MaxUint32)), before)
	case rewriteExclusion:
		base, minus := e.known(o.kids[0], obj, before), e.known(o.kids[1], obj, before)
		return firstOf(no, yes, []verdict{base, opposite(minus)})
	}
	parts := make([]verdict, len(o.kids))
	for i, kid := range o.kids {
		parts[i] = e.known(kid, obj, before)
	}
	if o.kind == rewriteUnion {
		return firstOf(yes, no, parts)
	}
	return firstOf(no, yes, parts)
}

func (e *evaluator) knownEdge(o *op, c cursor, before uint32) verdict {
	result := no
	for {
		lo, condition, ok := e.forward.next(&c)
		if !ok || !e.tick() {
			return result
		}
		rel := high(lo)
		if o.kind == rewriteFrom {
			rel = e.targetOf(o, low(lo))
		}
		if rel == 0 {
			continue
		}
		switch v := min(e.condition(condition), e.holds(low(lo), rel, before)); {
		case v == yes:
			return yes
		case v == pending && e.condition(condition) != no:
			result = pending
		case v == unknown && result != pending:
			result = unknown
		}
	}
}

// firstOf is settles if any part is, else pending or unknown if any part is, else otherwise.
func firstOf(settles, otherwise verdict, parts []verdict) verdict {
	switch {
	case slices.Contains(parts, settles):
		return settles
	case slices.Contains(parts, pending):
		return pending
	case slices.Contains(parts, unknown):
		return unknown
	}
	return otherwise
}

func opposite(v verdict) verdict {
	switch v {
	case yes:
		return no
	case no:
		return yes
	}
	return v
}

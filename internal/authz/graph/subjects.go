package graph

import (
	"context"
	"math"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// SubjectsQuery asks which subjects of a type have a relation to an object: plain ones, or, with
// SubjectRelation, usersets ("which group#member").
type SubjectsQuery struct {
	Object          Object
	Relation        string
	Type            string
	SubjectRelation string
	Contextual      []Tuple // as in Query
	After           string  // only ids after this one
	Limit           int     // size of the page; page.DefaultLimit if not positive, no upper bound
}

// Subjects lists exactly the subjects that stand in any tuple, expired or not, and that Check
// allows; List.Everyone speaks for all others. Of usersets, all that Check allows are listed. The
// cost is that of walking all that leads to the object, for every page; with a wildcard on the way,
// of reading all names of the store; with an intersection or exclusion, of a check for each subject
// found until the page is full. Errors are those of Check; there is never a partial answer.
func (v View) Subjects(ctx context.Context, now time.Time, q SubjectsQuery) (List, error) {
	e, err := v.open(ctx, now, q.Contextual)
	if err != nil {
		return List{}, err
	}
	defer v.close(e)
	e.budget = v.graph.limits.List
	obj, r, err := e.object(q.Object, q.Relation)
	if err != nil {
		return List{}, err
	}
	d, err := newDescent(e, q)
	if err != nil {
		return List{}, err
	}
	if !d.finish(pack(obj, r.id)) {
		return List{}, e.err
	}
	return d.list(v, q.Limit, obj, r)
}

// list checks what the descent found, where finding is not enough, and cuts the page.
func (d *descent) list(v View, limit int, obj uint32, r *relation) (List, error) {
	holds := func(node uint32) (bool, error) {
		if r.exact {
			return true, nil
		}
		d.e.ask(node, d.rel, d.kind)
		return d.e.run(obj, r)
	}
	everyone := false
	if d.wild {
		var err error
		if everyone, err = holds(d.kind); err != nil {
			return List{}, err
		}
		d.offerAll()
	}
	if d.e.err != nil {
		return List{}, d.e.err
	}
	list, err := d.page(v, limit, holds)
	list.Everyone = everyone && err == nil
	return list, err
}

// descent finds who may have a relation, going from the object along the tuples, as walk does from
// the subject.
type descent struct {
	lister
	kind uint32 // subjects of this type are looked for
	rel  uint32 // and if not 0, holders of this relation to them
	seen table  // atoms, and subjects under relation 0
	todo []uint64
	wild bool // the wildcard of the type was found
}

func newDescent(e *evaluator, q SubjectsQuery) (*descent, error) {
	k := e.model.byName[q.Type]
	if k == nil {
		return nil, errs.New(errs.Invalid, "unknown_type", "The model has no such type of subject.")
	}
	d := &descent{lister: lister{e: e, after: q.After}, kind: k.id, rel: k.relations[q.SubjectRelation]}
	if q.SubjectRelation != "" && d.rel == 0 {
		return nil, errs.New(errs.Invalid, "unknown_relation", "The type %s has no such relation.", k.name)
	}
	d.seen.reset()
	return d, nil
}

// finish follows everything from the first atom and reports whether the budget sufficed.
func (d *descent) finish(first uint64) bool {
	d.add(first)
	for len(d.todo) > 0 {
		at := d.todo[len(d.todo)-1]
		d.todo = d.todo[:len(d.todo)-1]
		obj, r := high(at), d.e.model.relations[low(at)]
		if r.reach.this {
			d.this(obj, r)
		}
		for _, rel := range r.reach.computed {
			d.add(pack(obj, rel))
		}
		for _, o := range r.reach.from {
			d.along(obj, o)
		}
		if !d.e.tick() {
			return false
		}
	}
	return true
}

// this notes the subjects of the tuples of (obj, r) and goes on from their usersets.
func (d *descent) this(obj uint32, r *relation) {
	from := pack(1, 0)
	if d.rel == 0 {
		from = 0 // the plain ones too
	}
	c := d.e.forward.scan(pack(obj, r.id), from, math.MaxUint64)
	for d.e.tick() {
		lo, ok := d.e.forward.next(&c)
		switch {
		case !ok:
			return
		case high(lo) != 0:
			d.add(pack(low(lo), high(lo)))
		default:
			d.subject(low(lo))
		}
	}
}

func (d *descent) along(obj uint32, o *op) {
	c := d.e.forward.scan(pack(obj, o.tupleset), 0, pack(0, math.MaxUint32))
	for d.e.tick() {
		lo, ok := d.e.forward.next(&c)
		if !ok {
			return
		}
		if rel := d.e.targetOf(o, low(lo)); rel != 0 {
			d.add(pack(low(lo), rel))
		}
	}
}

func (d *descent) add(at uint64) {
	if _, ok := d.seen.get(at); ok {
		return
	}
	d.seen.put(at, 0)
	d.todo = append(d.todo, at)
	if d.rel != 0 && low(at) == d.rel {
		d.offer(high(at))
	}
}

// subject notes a plain subject of the type looked for.
func (d *descent) subject(node uint32) {
	if d.e.kindOf(node) != d.kind {
		return
	}
	if node == d.kind {
		d.wild = true
		return
	}
	if _, ok := d.seen.get(pack(node, 0)); !ok {
		d.seen.put(pack(node, 0), 0)
		d.offer(node)
	}
}

// offerAll offers every object of the type that stands in a tuple: a wildcard may reach it.
func (d *descent) offerAll() {
	e := d.e
	count := e.names.count.Load()
	for node := uint32(len(e.model.kinds)); node < count && e.tick(); node++ {
		if e.names.at(node).kind == d.kind && e.mentions(node) {
			d.subject(node)
		}
	}
	for i, at := range e.local {
		if node := uint32(firstLocal + i); at.kind == d.kind && e.mentions(node) {
			d.subject(node)
		}
	}
}

// mentions reports whether a tuple, expired or not, names the object on either side.
func (e *evaluator) mentions(node uint32) bool {
	return e.forward.mentions(node) || e.reverse.mentions(node)
}

func (s *side) mentions(node uint32) bool {
	first := key{hi: pack(node, 0)}
	if k, ok := s.tree.first(first); ok && high(k.hi) == node {
		return true
	}
	i := s.firstExtra(first)
	return i < len(s.extra) && high(s.extra[i].hi) == node
}

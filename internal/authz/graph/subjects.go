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
	Contextual      []Tuple        // as in Query
	Context         map[string]any // as in Query
	After           string         // only ids after this one
	Limit           int            // size of the page; page.DefaultLimit if not positive, no upper bound
	// Named asks only for the subjects that a tuple leading to the object names, on whatever side
	// of an exclusion: "user:* but not user:eve". List.Everyone speaks for all others, whether
	// they stand in a tuple or not, and List.Except are those named who are not allowed though
	// everyone is. The cost is then that of what leads to the object, wildcard or not.
	Named bool
}

// Subjects lists exactly the subjects that stand in any tuple, expired or not, and that Check
// allows; List.Everyone speaks for all others. Of usersets, all that Check allows are listed. The
// cost is that of walking all that leads to the object, for every page; with a wildcard on the way,
// of reading all names of the store, which a partial graph does not have (store_too_large); with an intersection or exclusion, of a check for each subject
// found until the page is full. Errors are those of Check; there is never a partial answer.
func (v View) Subjects(ctx context.Context, now time.Time, q SubjectsQuery) (List, error) {
	if v.graph.Partial() {
		return whole(ctx, v, func(v View) (List, error) { return v.subjectsOnce(ctx, now, q) })
	}
	return v.subjectsOnce(ctx, now, q)
}

func (v View) subjectsOnce(ctx context.Context, now time.Time, q SubjectsQuery) (List, error) {
	e, err := v.open(ctx, now, q.Contextual, q.Context)
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
	sure := r.exact && !d.unsure && !d.named
	for i := range d.found {
		d.found[i].sure = sure
	}
	decide := func(node uint32) (verdict, error) {
		d.e.ask(node, d.rel, d.kind)
		return d.decide(obj, r)
	}
	everyone := no
	if d.wild {
		var err error
		if everyone, err = decide(d.kind); err != nil {
			return List{}, err
		}
		if !d.named {
			d.offerAll(sure)
		}
	}
	if d.e.err != nil {
		return List{}, d.e.err
	}
	d.except = d.named && everyone == yes
	list, err := d.page(v, limit, decide)
	list.Everyone = everyone == yes && err == nil
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

	named  bool // go down the subtracted sides too
	unsure bool // a condition on the way is unknown: finding is not enough
}

func newDescent(e *evaluator, q SubjectsQuery) (*descent, error) {
	k := e.model.byName[q.Type]
	if k == nil {
		return nil, errs.New(errs.Invalid, "unknown_type", "The model has no such type of subject.")
	}
	d := &descent{lister: lister{e: e, after: q.After}, kind: k.id, rel: k.relations[q.SubjectRelation], named: q.Named}
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
		reach := &r.reach
		if d.named {
			reach = &r.whole
		}
		if reach.this {
			d.this(obj, r)
		}
		for _, rel := range reach.computed {
			d.add(pack(obj, rel))
		}
		for _, o := range reach.from {
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
		lo, condition, ok := d.e.forward.next(&c)
		switch {
		case !ok:
			return
		case !d.under(condition):
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
		lo, condition, ok := d.e.forward.next(&c)
		if !ok {
			return
		}
		if rel := d.e.targetOf(o, low(lo)); rel != 0 && d.under(condition) {
			d.add(pack(low(lo), rel))
		}
	}
}

// under reports whether a condition may let pass.
func (d *descent) under(condition uint32) bool {
	v := d.e.condition(condition)
	d.unsure = d.unsure || v == unknown
	return v != no
}

func (d *descent) add(at uint64) {
	if _, ok := d.seen.get(at); ok {
		return
	}
	d.seen.put(at, 0)
	d.todo = append(d.todo, at)
	if d.rel != 0 && low(at) == d.rel {
		d.offer(high(at), false)
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
		d.offer(node, false)
	}
}

// offerAll offers every object of the type that stands in a tuple: a wildcard may reach it.
func (d *descent) offerAll(sure bool) {
	defer func(from int) {
		for i := range d.found[from:] {
			d.found[from+i].sure = sure
		}
	}(len(d.found))
	e := d.e
	if e.forward.lack.partial {
		e.err = errs.New(errs.Unsupported, "store_too_large", "The store is too large for a list of all whom a wildcard reaches; ask for those that are named.")
		return
	}
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

// mentions reports whether a tuple, expired or not, under whatever condition, names the object on
// either side.
func (e *evaluator) mentions(node uint32) bool {
	return e.forward.mentions(node) || e.reverse.mentions(node)
}

func (s *side) mentions(node uint32) bool {
	first := key{hi: pack(node, 0)}
	if n := s.tree.under(first.hi); n != nil && !n.all(func(it item) bool { return s.isGone(it.key) }) {
		return true // all ends early at one that is not gone
	}
	i := s.firstExtra(first)
	return i < len(s.extra) && high(s.extra[i].hi) == node
}

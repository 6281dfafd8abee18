package graph

import (
	"math"
	"sort"
)

// verdict is what is known of a question. Pending is the zero value: nothing is allowed by default.
type verdict uint8

const (
	pending verdict = iota
	no
	yes
)

func decided(holds bool) verdict {
	if holds {
		return yes
	}
	return no
}

// An atom's entry in the memo is a state and a number.
const (
	stateOpen    = iota << stateShift // in progress; the number is its position in evaluator.opens
	stateAssumed                      // "no", leaning on an open atom; position in evaluator.trail
	stateForgot                       // was assumed "no", must be asked again
	stateNo                           // final
	stateYes                          // final; the number is the order in which atoms became "yes"

	stateShift = 29
	numberMask = 1<<stateShift - 1
)

// open is an atom in progress.
type open struct {
	key   uint64
	low   int32 // position of the lowest open atom that a "no" below leaned on; leansOnNone if none
	trail int32 // length of the trail when it was opened
}

const leansOnNone = math.MaxInt32

// frame is an operator in progress. Frames live on the heap, so depth is bounded by work alone.
type frame struct {
	op   *op
	cur  cursor
	obj  uint32
	next int32 // how many parts or edges have been tried
	kept int32 // exclusion: the low mark of the enclosing atom while the subtracted side is evaluated
	root bool  // the frame decides the topmost open atom
}

// run evaluates one atom. On return nothing is open and the whole memo is final.
func (e *evaluator) run(obj uint32, r *relation) (bool, error) {
	if r.group && e.direct(obj, r) {
		return true, e.err // saves walking the subject's groups
	}
	v := e.enter(obj, r.id)
	for len(e.frames) > 0 && e.err == nil {
		v = e.step(v)
	}
	if e.err != nil {
		return false, e.err
	}
	return v == yes, nil
}

// enter asks an atom. Pending means that a frame was pushed, or that evaluation has failed.
func (e *evaluator) enter(obj, rel uint32) verdict {
	if !e.tick() {
		return pending
	}
	if obj == e.subject && rel == e.subjectRel {
		return yes // a set of subjects contains itself
	}
	r := e.model.relations[rel]
	if r.bare {
		return decided(e.direct(obj, r))
	}
	key := pack(obj, rel)
	if r.group && e.groupsKnown() {
		_, ok := e.groups.seen.get(key)
		return decided(ok)
	}
	if entry, ok := e.memo.get(key); ok {
		if v := e.recall(entry); v != pending {
			return v
		}
	}
	e.memo.put(key, stateOpen|uint32(len(e.opens)))
	e.opens = append(e.opens, open{key: key, low: leansOnNone, trail: int32(len(e.trail))})
	e.frames = append(e.frames, frame{op: r.body, obj: obj, root: true})
	return pending
}

// recall answers from the memo; pending means that the atom must be evaluated.
func (e *evaluator) recall(entry uint32) verdict {
	number := int32(entry & numberMask)
	switch entry &^ numberMask {
	case stateYes:
		return yes
	case stateNo:
		return no
	case stateOpen: // a cycle: nothing is proved by it
		e.lean(number)
		return no
	case stateAssumed: // whatever it leaned on, the innermost open atom around it leans on as well
		e.lean(int32(sort.Search(len(e.opens), func(i int) bool { return e.opens[i].trail > number })) - 1)
		return no
	}
	return pending
}

// lean notes that the innermost open atom used a "no" that is good only while the atom at position
// of opens is not "yes".
func (e *evaluator) lean(position int32) {
	top := &e.opens[len(e.opens)-1]
	top.low = min(top.low, position)
}

// step goes on with the topmost frame, given the answer to what it asked last, if it asked.
func (e *evaluator) step(v verdict) verdict {
	f := &e.frames[len(e.frames)-1]
	switch f.op.kind {
	case rewriteThis:
		return e.stepThis(f, v)
	case rewriteComputed:
		if v == pending {
			return e.enter(f.obj, f.op.relation)
		}
		return e.pop(v)
	case rewriteFrom:
		return e.stepFrom(f, v)
	case rewriteUnion:
		return e.stepAll(f, v, yes, no)
	case rewriteIntersection:
		return e.stepAll(f, v, no, yes)
	}
	return e.stepExclusion(f, v)
}

// call evaluates a part of a rewrite, at once if that needs no frame.
func (e *evaluator) call(o *op, obj uint32) verdict {
	switch o.kind {
	case rewriteComputed:
		return e.enter(obj, o.relation)
	case rewriteThis:
		r := e.model.relations[o.relation]
		if e.direct(obj, r) {
			return yes
		}
		if len(r.usersets) == 0 {
			return no
		}
	}
	e.frames = append(e.frames, frame{op: o, obj: obj})
	return pending
}

// stepAll asks the parts in turn until one gives the verdict that settles the whole.
func (e *evaluator) stepAll(f *frame, v, settles, otherwise verdict) verdict {
	for v != settles {
		if int(f.next) == len(f.op.kids) {
			return e.pop(otherwise)
		}
		f.next++
		if v = e.call(f.op.kids[f.next-1], f.obj); v == pending {
			return pending // f may have moved
		}
	}
	return e.pop(settles)
}

// stepExclusion evaluates the base, then the subtracted side in a frame of its own: no answer below
// it may lean on an atom outside, because what is not yet known to hold must not be subtracted as
// if it were known not to. The model guarantees that; should it ever fail, the check fails with it.
func (e *evaluator) stepExclusion(f *frame, v verdict) verdict {
	if f.next == 0 {
		f.next = 1
		if v = e.call(f.op.kids[0], f.obj); v == pending {
			return pending
		}
	}
	top := &e.opens[len(e.opens)-1]
	if f.next == 1 {
		if v == no {
			return e.pop(no)
		}
		f.next, f.kept = 2, top.low
		top.low = leansOnNone
		if v = e.call(f.op.kids[1], f.obj); v == pending {
			return pending
		}
	}
	if top.low != leansOnNone {
		return e.fail(errUnsound())
	}
	top.low = f.kept
	return e.pop(decided(v == no))
}

// stepThis looks for the subject itself, then asks the usersets one by one.
func (e *evaluator) stepThis(f *frame, v verdict) verdict {
	r := e.model.relations[f.op.relation]
	if f.next == 0 {
		if f.root && e.direct(f.obj, r) { // otherwise call has looked
			return e.pop(yes)
		}
		f.cur = e.forward.scan(pack(f.obj, r.id), pack(1, 0), math.MaxUint64)
	}
	for v != yes {
		if f.op.grouped && e.wide(f) {
			return e.pop(decided(e.anyGroup(f.obj, r)))
		}
		lo, ok := e.forward.next(&f.cur)
		if !ok {
			return e.pop(no)
		}
		f.next++
		if v = e.enter(low(lo), high(lo)); v == pending {
			return pending
		}
	}
	return e.pop(yes)
}

// wide reports whether so many usersets were tried that trying the subject's groups is cheaper.
func (e *evaluator) wide(f *frame) bool {
	return f.next > 16 && e.groupsKnown() && int(f.next) > 4*len(e.groups.atoms)
}

// anyGroup reports whether the relation was given to one of the subject's groups.
func (e *evaluator) anyGroup(obj uint32, r *relation) bool {
	for _, a := range e.groups.atoms {
		if e.tick() && e.forward.has(key{pack(obj, r.id), pack(low(a.key), high(a.key))}) {
			return true
		}
	}
	return false
}

// stepFrom goes along the tupleset and asks at every object it leads to.
func (e *evaluator) stepFrom(f *frame, v verdict) verdict {
	if f.next == 0 {
		f.next = 1
		f.cur = e.forward.scan(pack(f.obj, f.op.tupleset), 0, pack(0, math.MaxUint32))
	}
	for v != yes {
		lo, ok := e.forward.next(&f.cur)
		if !ok {
			return e.pop(no)
		}
		if !e.tick() {
			return pending
		}
		rel := e.targetOf(f.op, low(lo))
		if rel == 0 {
			continue // an object of a type that does not have the relation
		}
		if v = e.enter(low(lo), rel); v == pending {
			return pending
		}
	}
	return e.pop(yes)
}

// targetOf is the relation that a From asks of obj, or 0.
func (e *evaluator) targetOf(o *op, obj uint32) uint32 {
	if o.relation != 0 {
		return o.relation // saves looking up the type of obj
	}
	kind := e.kindOf(obj)
	for _, t := range o.targets {
		if t.kind == kind {
			return t.relation
		}
	}
	return 0
}

// pop ends the topmost frame with a verdict.
func (e *evaluator) pop(v verdict) verdict {
	if e.err != nil {
		return pending
	}
	last := len(e.frames) - 1
	root := e.frames[last].root
	e.frames[last].cur.leaf = nil // a pooled evaluator must not keep a revision alive
	e.frames = e.frames[:last]
	if root {
		e.leave(v)
	}
	return v
}

// leave closes the innermost open atom.
//
// A "yes" is final: it was derived from other final ones. It takes back the "no" of every atom that
// was assumed since this one was opened, since they may have leaned on it. A "no" that leaned on
// nothing further out is final, and so are those assumed since; any other is an assumption.
func (e *evaluator) leave(v verdict) {
	last := len(e.opens) - 1
	a := e.opens[last]
	e.opens = e.opens[:last]
	switch {
	case v == yes:
		e.settle(a.trail, stateForgot)
		e.proved++
		e.memo.put(a.key, stateYes|e.proved)
	case a.low >= int32(last):
		e.settle(a.trail, stateNo)
		e.memo.put(a.key, stateNo)
	default:
		e.memo.put(a.key, stateAssumed|uint32(len(e.trail)))
		e.trail = append(e.trail, a.key)
		e.lean(a.low)
	}
}

// settle gives a state to all atoms assumed since the trail had a length.
func (e *evaluator) settle(length int32, state uint32) {
	for _, key := range e.trail[length:] {
		e.memo.put(key, state)
	}
	e.trail = e.trail[:length]
}

package graph

import (
	"math"
	"sort"
)

// verdict is what is known of a question. Pending is the zero value: nothing is allowed by default.
// The others are in the order of truth of Kleene's logic: a union is the largest of its parts, an
// intersection the smallest.
type verdict uint8

const (
	pending verdict = iota
	no
	unknown // a condition lacks parameters or has failed, and the answer depends on it
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
	stateOpen           = iota << stateShift // in progress; the number is its position in evaluator.opens
	stateAssumedNo                           // leaning on an open atom; position in evaluator.trail
	stateAssumedUnknown                      // the same
	stateForgot                              // was assumed, must be asked again
	stateNo                                  // final
	stateUnknown                             // final
	stateYes                                 // final; the number is the order in which atoms became "yes"

	stateShift = 29
	numberMask = 1<<stateShift - 1
)

// open is an atom in progress.
type open struct {
	key   uint64
	low   int32 // position of the lowest open atom that an answer below leaned on; leansOnNone if none
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

	unsure bool    // a part so far was unknown
	edge   verdict // of the condition on the edge that was followed last
}

// run evaluates one atom. On return nothing is open and the whole memo is final.
func (e *evaluator) run(obj uint32, r *relation) (verdict, error) {
	if r.group && e.direct(obj, r) == yes {
		return yes, e.err // saves walking the subject's groups
	}
	v := e.enter(obj, r.id)
	for len(e.frames) > 0 && e.err == nil {
		v = e.step(v)
	}
	if e.err != nil {
		return no, e.err
	}
	return v, nil
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
		return e.direct(obj, r)
	}
	key := pack(obj, rel)
	if w := e.walked(r); w != nil {
		return w.verdict(key)
	}
	if entry, ok := e.memo.get(key); ok {
		if v := e.recall(entry); v != pending {
			return v
		}
	}
	if e.climbs && r.climb != nil && r.body.kind != rewriteThis {
		if v := e.climb(obj, r); v != pending || e.err != nil {
			return v
		}
	}
	if r.body.grouped {
		if v := e.held(obj, r); v != pending {
			e.remember(key, v)
			return v
		}
		if e.err != nil {
			return pending
		}
	}
	e.memo.put(key, stateOpen|uint32(len(e.opens)))
	e.opens = append(e.opens, open{key: key, low: leansOnNone, trail: int32(len(e.trail))})
	e.frames = append(e.frames, frame{op: r.body, obj: obj, root: true})
	return pending
}

// remember notes the final answer about an atom that was never open.
func (e *evaluator) remember(key uint64, v verdict) {
	state := uint32(stateNo)
	switch v {
	case unknown:
		state = stateUnknown
	case yes:
		e.proved++
		state = stateYes | e.proved
	}
	e.memo.put(key, state)
}

// held tells whether tuples give a relation to the subject, its wildcard or its groups, where all usersets
// of the relation are groups. Pending means that the groups are not known, or that evaluation has failed.
func (e *evaluator) held(obj uint32, r *relation) verdict {
	v := e.direct(obj, r)
	if v == yes || len(r.usersets) == 0 {
		return v
	}
	c := e.forward.scan(pack(obj, r.id), pack(1, 0), math.MaxUint64)
	for n := 0; ; n++ {
		lo, condition, ok := e.forward.next(&c)
		switch {
		case !ok:
			return v
		case !e.tick() || !e.groupsKnown():
			return pending
		case n > 16 && n > 4*len(e.groups.atoms): // trying the subject's groups is cheaper
			return max(v, e.anyGroup(obj, r))
		}
		member := e.groups.verdict(pack(low(lo), high(lo)))
		if member == no {
			continue
		}
		if v = max(v, min(member, e.condition(condition))); v == yes {
			return yes
		}
	}
}

// walked is a walk from the subject that has found all there is of a relation, if there is one.
func (e *evaluator) walked(r *relation) *walk {
	switch {
	case e.listing && r.exact && e.found.want[r.id]:
		return &e.found
	case r.group && e.groupsKnown():
		return &e.groups
	}
	return nil
}

// recall answers from the memo; pending means that the atom must be evaluated.
func (e *evaluator) recall(entry uint32) verdict {
	number := int32(entry & numberMask)
	switch entry &^ numberMask {
	case stateYes:
		return yes
	case stateNo:
		return no
	case stateUnknown:
		return unknown
	case stateOpen: // a cycle: nothing is proved by it
		e.lean(number)
		return no
	case stateAssumedNo:
		e.leanOn(number)
		return no
	case stateAssumedUnknown:
		e.leanOn(number)
		return unknown
	}
	return pending
}

// leanOn leans on an assumption by its position in the trail: whatever it leaned on, the innermost
// open atom around it leans on as well.
func (e *evaluator) leanOn(number int32) {
	e.lean(int32(sort.Search(len(e.opens), func(i int) bool { return e.opens[i].trail > number })) - 1)
}

// lean notes that the innermost open atom used an answer that is good only while the atom at
// position of opens does not turn out better than it was assumed to be.
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
		if o.grouped {
			if v := e.held(obj, r); v != pending || e.err != nil {
				return v
			}
		}
		v := e.direct(obj, r)
		if v == yes || len(r.usersets) == 0 {
			return v
		}
		e.frames = append(e.frames, frame{op: o, obj: obj, unsure: v == unknown})
		return pending
	}
	e.frames = append(e.frames, frame{op: o, obj: obj})
	return pending
}

// stepAll asks the parts in turn until one gives the verdict that settles the whole.
func (e *evaluator) stepAll(f *frame, v, settles, otherwise verdict) verdict {
	for v != settles {
		f.unsure = f.unsure || v == unknown
		if int(f.next) == len(f.op.kids) {
			return e.pop(f.orUnknown(otherwise))
		}
		f.next++
		if v = e.call(f.op.kids[f.next-1], f.obj); v == pending {
			return pending // f may have moved
		}
	}
	return e.pop(settles)
}

// orUnknown is what a frame comes to that no part has settled.
func (f *frame) orUnknown(otherwise verdict) verdict {
	if f.unsure {
		return unknown
	}
	return otherwise
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
		f.unsure = v == unknown
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
	if v == yes {
		return e.pop(no)
	}
	f.unsure = f.unsure || v == unknown
	return e.pop(f.orUnknown(yes))
}

// stepThis looks for the subject itself, then asks the usersets one by one.
func (e *evaluator) stepThis(f *frame, v verdict) verdict {
	r := e.model.relations[f.op.relation]
	if f.next == 0 {
		if f.root { // otherwise call has looked
			direct := e.direct(f.obj, r)
			if direct == yes {
				return e.pop(yes)
			}
			f.unsure = direct == unknown
		}
		f.cur = e.forward.scan(pack(f.obj, r.id), pack(1, 0), math.MaxUint64)
	}
	for !f.followed(v) {
		lo, condition, ok := e.forward.next(&f.cur)
		if !ok {
			return e.pop(f.orUnknown(no))
		}
		f.next++
		if v, f.edge = pending, e.condition(condition); f.edge == no {
			if !e.tick() {
				return pending
			}
			continue
		}
		if v = e.enter(low(lo), high(lo)); v == pending {
			return pending
		}
	}
	return e.pop(yes)
}

// followed takes in the answer from the end of an edge and reports whether that proves the frame. An
// edge leads no further than its condition.
func (f *frame) followed(v verdict) bool {
	v = min(v, f.edge)
	f.unsure = f.unsure || v == unknown
	return v == yes
}

// anyGroup tells whether the relation was given to one of the subject's groups.
func (e *evaluator) anyGroup(obj uint32, r *relation) verdict {
	v := no
	for i, a := range e.groups.atoms {
		if !e.tick() {
			return no
		}
		v = max(v, min(e.groups.verdictOf(int32(i)), e.given(key{pack(obj, r.id), pack(low(a.key), high(a.key))})))
		if v == yes {
			break
		}
	}
	return v
}

// stepFrom goes along the tupleset and asks at every object it leads to.
func (e *evaluator) stepFrom(f *frame, v verdict) verdict {
	if f.next == 0 {
		f.next = 1
		f.cur = e.forward.scan(pack(f.obj, f.op.tupleset), 0, pack(0, math.MaxUint32))
	}
	for !f.followed(v) {
		lo, condition, ok := e.forward.next(&f.cur)
		if !ok {
			return e.pop(f.orUnknown(no))
		}
		if !e.tick() {
			return pending
		}
		v = pending
		rel := e.targetOf(f.op, low(lo))
		if rel == 0 {
			continue // an object of a type that does not have the relation
		}
		if f.edge = e.condition(condition); f.edge == no {
			continue
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
// A "yes" is final: it was derived from other final ones. It takes back the answer of every atom that
// was assumed since this one was opened, since they may have leaned on it. A "no" or "unknown" that
// leaned on nothing further out is final; any other is an assumption.
//
// What had taken an atom for "no" while that was open is right if it is "no". If it is "unknown", a
// "no" may have to rise and is taken back; an "unknown" stands, because knowing less of one input
// never makes more known of an output.
func (e *evaluator) leave(v verdict) {
	last := len(e.opens) - 1
	a := e.opens[last]
	e.opens = e.opens[:last]
	final := a.low >= int32(last)
	switch {
	case v == yes:
		e.settle(a.trail, stateForgot, stateForgot)
		e.proved++
		e.memo.put(a.key, stateYes|e.proved)
		return
	case final && v == no:
		e.settle(a.trail, stateNo, stateUnknown)
		e.memo.put(a.key, stateNo)
		return
	case final:
		e.settle(a.trail, stateForgot, stateUnknown)
		e.memo.put(a.key, stateUnknown)
		return
	case v == unknown:
		e.forgetNo(a.trail)
		e.memo.put(a.key, stateAssumedUnknown|uint32(len(e.trail)))
	default:
		e.memo.put(a.key, stateAssumedNo|uint32(len(e.trail)))
	}
	e.trail = append(e.trail, a.key)
	e.lean(a.low)
}

// settle gives a state to all atoms assumed since the trail had a length.
func (e *evaluator) settle(length int32, ifNo, ifUnknown uint32) {
	for _, key := range e.trail[length:] {
		state := ifNo
		if entry, _ := e.memo.get(key); entry&^numberMask == stateAssumedUnknown {
			state = ifUnknown
		}
		e.memo.put(key, state)
	}
	e.trail = e.trail[:length]
}

// forgetNo takes back every "no" assumed since the trail had a length. The rest stays assumed.
func (e *evaluator) forgetNo(length int32) {
	kept := e.trail[:length]
	for _, key := range e.trail[length:] {
		if entry, _ := e.memo.get(key); entry&^numberMask == stateAssumedNo {
			e.memo.put(key, stateForgot)
			continue
		}
		e.memo.put(key, stateAssumedUnknown|uint32(len(kept)))
		kept = append(kept, key)
	}
	e.trail = kept
}

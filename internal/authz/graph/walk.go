package graph

import "math"

// walk finds what a subject may have, going from the subject along the tuples: all atoms of the
// wanted relations that follow when the subtracted sides of exclusions, and all but one part of
// intersections, are left out. For relations that are exact, who is found has it.
type walk struct {
	e     *evaluator
	want  []bool // by relation
	seen  table  // atom → position in atoms
	atoms []reached
	sure  int       // how many of atoms were reached without an unknown condition; the rest are unknown
	leapt bool      // atoms came from closures: from and via say nothing
	later []reached // what unknown conditions lead to, followed when all else is
	limit int       // atoms and edges; beyond it the walk gives up
	steps int
}

// reached is an atom and how the walk came to it.
type reached struct {
	key  uint64
	from int32 // position of the atom it followed from; fromSubject, fromWildcard or fromSelf if none
	via  uint32
}

// What an atom followed from when that is not another atom.
const (
	fromSubject  = -1 // a tuple names the subject
	fromWildcard = -2 // a tuple names the wildcard of its type
	fromSelf     = -3 // the subject is the atom
)

// maxGroups bounds the walk for the groups of one subject. A subject with more is evaluated from the
// object's side, after at most this many wasted steps.
const maxGroups = 4096

// groupsKnown walks to the groups and roles of the subject once per question, and reports whether
// they are all known.
func (e *evaluator) groupsKnown() bool {
	if e.groupsState == groupsUnasked {
		e.groups.start(e, e.model.index.groups, maxGroups)
		e.groupsState = groupsTooMany
		if e.groups.leap() || e.groups.finish() {
			e.groupsState = groupsReady
		}
	}
	return e.groupsState == groupsReady
}

// start begins a walk for the evaluator's subject.
func (w *walk) start(e *evaluator, want []bool, limit int) {
	w.e, w.want, w.limit, w.steps = e, want, limit, 0
	w.atoms, w.later, w.sure, w.leapt = w.atoms[:0], w.later[:0], -1, false
	w.seen.reset()
	index := &e.model.index
	if rel := e.subjectRel; rel != 0 {
		// If it is not wanted, nothing that follows from it is: the wanted relations are closed
		// under asking.
		w.add(pack(e.subject, rel), fromSelf, 0)
		return
	}
	if e.subject != e.subjectKind {
		w.edges(index.plain[e.subjectKind], pack(e.subject, 0), fromSubject)
	}
	w.edges(index.wild[e.subjectKind], pack(e.subjectKind, 0), fromWildcard)
}

// finish follows everything that was reached and reports whether the limits sufficed.
func (w *walk) finish() bool {
	index := &w.e.model.index
	for i := 0; i < len(w.atoms) || w.doubt(); i++ {
		if w.steps > w.limit || w.e.err != nil {
			return false
		}
		at := w.atoms[i].key
		obj, rel := high(at), low(at)
		w.edges(index.userset[rel], at, int32(i))
		for _, next := range index.computed[rel] {
			w.add(pack(obj, next), int32(i), 0)
		}
		for _, r := range index.from[rel] {
			if w.want[r.relation] {
				w.along(r, obj, int32(i))
			}
		}
	}
	return w.steps <= w.limit && w.e.err == nil
}

// edges reaches the objects of every tuple that gives one of the relations to the subject hi.
func (w *walk) edges(relations []uint32, hi uint64, from int32) {
	for _, rel := range relations {
		if !w.want[rel] {
			continue
		}
		c := w.e.reverse.scan(hi, pack(rel, 0), pack(rel, math.MaxUint32))
		for w.count() {
			lo, condition, ok := w.e.reverse.next(&c)
			if !ok {
				break
			}
			w.under(condition, pack(low(lo), rel), from, rel)
		}
	}
}

// along reaches the objects whose tupleset holds obj.
func (w *walk) along(r road, obj uint32, from int32) {
	c := w.e.reverse.scan(pack(obj, 0), pack(r.tupleset, 0), pack(r.tupleset, math.MaxUint32))
	for w.count() {
		lo, condition, ok := w.e.reverse.next(&c)
		if !ok {
			break
		}
		w.under(condition, pack(low(lo), r.relation), from, r.tupleset)
	}
}

// under adds what a tuple leads to, at once or, if its condition is unknown, when all that is sure
// has been found.
func (w *walk) under(condition uint32, key uint64, from int32, via uint32) {
	switch w.e.condition(condition) {
	case yes:
		w.add(key, from, via)
	case unknown:
		w.later = append(w.later, reached{key, from, via})
	}
}

// doubt goes on with what was put off, and reports whether that led anywhere new.
func (w *walk) doubt() bool {
	before := len(w.atoms)
	if w.sure < 0 {
		w.sure = before
	}
	for _, r := range w.later {
		w.add(r.key, r.from, r.via)
	}
	w.later = w.later[:0]
	return len(w.atoms) > before
}

// verdict tells whether the subject has an atom of a wanted relation, all of which are exact.
func (w *walk) verdict(key uint64) verdict {
	i, ok := w.seen.get(key)
	if !ok {
		return no
	}
	return w.verdictOf(int32(i))
}

func (w *walk) verdictOf(position int32) verdict {
	if int(position) < w.sure {
		return yes
	}
	return unknown
}

// count spends one step; false stops the walk.
func (w *walk) count() bool {
	w.steps++
	return w.steps <= w.limit && w.e.tick()
}

// add notes an atom. via is the relation of the tuple that led to it, 0 if none did.
func (w *walk) add(key uint64, from int32, via uint32) {
	if !w.want[low(key)] {
		return
	}
	if _, ok := w.seen.get(key); ok {
		return
	}
	w.seen.put(key, uint32(len(w.atoms)))
	w.atoms = append(w.atoms, reached{key, from, via})
}

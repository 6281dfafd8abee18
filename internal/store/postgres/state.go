package postgres

import (
	"slices"
	"time"

	"github.com/cardea-auth/cardea/internal/store"
)

// tupleKey is what a tuple is; the rest of it may change.
type tupleKey struct {
	object   store.ObjectRef
	relation string
	subject  store.SubjectRef
}

func keyOf(t store.Tuple) tupleKey { return tupleKey{t.Object, t.Relation, t.Subject} }

// tupleState is the tuples that a group is about, as they are after the operations so far. The counter
// of the store is locked, so nobody else changes them.
type tupleState struct {
	stored map[tupleKey]store.Tuple // as they were found
	now    map[tupleKey]*store.Tuple
	logged tupleArrays

	before []step // since begin
	kept   int    // of the log
}

func (s *tupleState) found(t store.Tuple) {
	if s.stored == nil {
		s.stored = map[tupleKey]store.Tuple{}
	}
	s.stored[keyOf(t)] = t
}

func (s *tupleState) current(k tupleKey) (store.Tuple, bool) {
	if t, touched := s.now[k]; touched {
		if t == nil {
			return store.Tuple{}, false
		}
		return *t, true
	}
	t, ok := s.stored[k]
	return t, ok
}

// apply does one operation and reports whether it changed anything. An expired tuple is not there for
// a strict operation, although its row may be.
func (s *tupleState) apply(op store.TupleOp, at time.Time) (changed bool, err error) {
	want := op.Tuple
	want.Expires = moment(millis(want.Expires)) // as it will be read
	k := keyOf(want)
	have, exists := s.current(k)
	alive := exists && (have.Expires.IsZero() || have.Expires.UnixMilli() > at.UnixMilli())
	if op.Strict && alive != op.Delete {
		return false, &store.TupleError{Op: op}
	}
	if op.Delete {
		if exists {
			s.set(k, nil)
		}
		return exists, nil
	}
	if exists && have.Condition == want.Condition && have.Expires.Equal(want.Expires) && !op.Strict {
		return false, nil
	}
	s.set(k, &want)
	return true, nil
}

// log notes an effective operation for the changelog.
func (s *tupleState) log(op store.TupleOp, revision uint64, n int, at time.Time) {
	s.logged.add(op.Tuple)
	s.logged.revision = append(s.logged.revision, int64(revision))
	s.logged.n = append(s.logged.n, int64(n))
	s.logged.at = append(s.logged.at, at.UnixMilli())
	s.logged.removed = append(s.logged.removed, op.Delete)
}

// begin marks the state to which undo comes back.
func (s *tupleState) begin() { s.before, s.kept = s.before[:0], len(s.logged.relation) }

func (s *tupleState) undo() {
	for _, b := range slices.Backward(s.before) {
		if b.touched {
			s.now[b.key] = b.now
		} else {
			delete(s.now, b.key)
		}
	}
	s.logged.cut(s.kept)
}

// set changes what is there now.
func (s *tupleState) set(k tupleKey, t *store.Tuple) {
	if s.now == nil {
		s.now = map[tupleKey]*store.Tuple{}
	}
	was, touched := s.now[k]
	s.before = append(s.before, step{k, was, touched})
	s.now[k] = t
}

// step is what a change has replaced.
type step struct {
	key     tupleKey
	now     *store.Tuple
	touched bool
}

// net is what is to be put and what is to be removed, and the changelog.
func (s *tupleState) net() (put tupleArrays, gone []store.Tuple, logged tupleArrays) {
	for k, t := range s.now {
		was, existed := s.stored[k]
		switch {
		case t == nil && existed:
			gone = append(gone, was)
		case t != nil:
			put.add(*t)
		}
	}
	return put, gone, s.logged
}

// tupleArrays are tuples as columns, for unnest.
type tupleArrays struct {
	objectType, objectID, relation, subjectType, subjectID, subjectRelation []string
	condition, context                                                      []string
	expires                                                                 []*int64

	revision, n, at []int64
	removed         []bool
}

func (a *tupleArrays) add(t store.Tuple) {
	for _, x := range []struct {
		to   *[]string
		text string
	}{
		{&a.objectType, t.Object.Type}, {&a.objectID, t.Object.ID}, {&a.relation, t.Relation}, {&a.subjectType, t.Subject.Type},
		{&a.subjectID, t.Subject.ID}, {&a.subjectRelation, t.Subject.Relation}, {&a.condition, t.Condition.Name}, {&a.context, t.Condition.Context},
	} {
		*x.to = append(*x.to, toText(x.text))
	}
	a.expires = append(a.expires, millis(t.Expires))
}

func (a *tupleArrays) keys() []any {
	return []any{a.objectType, a.objectID, a.relation, a.subjectType, a.subjectID, a.subjectRelation}
}

func (a *tupleArrays) all() []any { return append(a.keys(), a.condition, a.context, a.expires) }

// cut leaves the first n.
func (a *tupleArrays) cut(n int) {
	for _, list := range []*[]string{
		&a.objectType, &a.objectID, &a.relation, &a.subjectType, &a.subjectID, &a.subjectRelation, &a.condition, &a.context,
	} {
		*list = (*list)[:n]
	}
	a.expires, a.revision, a.n, a.at, a.removed = a.expires[:n], a.revision[:n], a.n[:n], a.at[:n], a.removed[:n]
}

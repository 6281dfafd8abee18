package relational

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

// TupleState is the tuples that a group of batches is about, as they are after the operations so far.
// Whoever uses it has locked the counter of the store, so nobody else changes them. The zero value knows
// of no tuple.
type TupleState struct {
	stored map[tupleKey]store.Tuple // as they were found
	now    map[tupleKey]*store.Tuple
	logged []store.TupleChange

	before []step // since the batch began
	kept   int    // of the log
}

// step is what a change has replaced.
type step struct {
	key     tupleKey
	now     *store.Tuple
	touched bool
}

// Found notes a tuple that is stored.
func (s *TupleState) Found(t store.Tuple) {
	if s.stored == nil {
		s.stored = map[tupleKey]store.Tuple{}
	}
	s.stored[keyOf(t)] = t
}

// Relate applies the tuple operations of a batch, all or none, and returns the revision after it, which
// is the one before where nothing has changed. Its error is a *store.TupleError.
func (s *TupleState) Relate(w store.Write, revision uint64) (uint64, error) {
	s.before, s.kept = s.before[:0], len(s.logged)
	for _, op := range w.Tuples {
		changed, err := s.apply(op, w.At)
		if err != nil {
			s.undo()
			return revision, err
		}
		if changed {
			s.logged = append(s.logged, store.TupleChange{Revision: revision + 1, At: w.At, TupleOp: op})
		}
	}
	if len(s.logged) > s.kept {
		revision++
	}
	return revision, nil
}

func (s *TupleState) undo() {
	for _, b := range slices.Backward(s.before) {
		if b.touched {
			s.now[b.key] = b.now
		} else {
			delete(s.now, b.key)
		}
	}
	s.logged = s.logged[:s.kept]
}

// apply does one operation and reports whether it changed anything. An expired tuple is not there for
// a strict operation, although its row may be.
func (s *TupleState) apply(op store.TupleOp, at time.Time) (changed bool, err error) {
	want := op.Tuple
	if !want.Expires.IsZero() { // as it will be read
		want.Expires = time.UnixMilli(want.Expires.UnixMilli()).UTC()
	}
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

func (s *TupleState) current(k tupleKey) (store.Tuple, bool) {
	if t, touched := s.now[k]; touched {
		if t == nil {
			return store.Tuple{}, false
		}
		return *t, true
	}
	t, ok := s.stored[k]
	return t, ok
}

// set changes what is there now.
func (s *TupleState) set(k tupleKey, t *store.Tuple) {
	if s.now == nil {
		s.now = map[tupleKey]*store.Tuple{}
	}
	was, touched := s.now[k]
	s.before = append(s.before, step{k, was, touched})
	s.now[k] = t
}

// Net is what the operations come to: what is to be replaced, added and removed, and the
// changelog, oldest first.
func (s *TupleState) Net() (replaced, added, gone []store.Tuple, log []store.TupleChange) {
	for k, t := range s.now {
		was, existed := s.stored[k]
		switch {
		case t == nil && existed:
			gone = append(gone, was)
		case t != nil && existed:
			replaced = append(replaced, *t)
		case t != nil:
			added = append(added, *t)
		}
	}
	return replaced, added, gone, s.logged
}

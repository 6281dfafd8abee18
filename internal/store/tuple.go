package store

import "time"

// ObjectRef names an object of the relation graph.
type ObjectRef struct{ Type, ID string }

// SubjectRef names a subject of the relation graph: an object, or with a Relation the set of
// subjects that have that relation to it.
type SubjectRef struct{ Type, ID, Relation string }

// Tuple says that Subject has Relation to Object, until Expires (zero: for ever).
type Tuple struct {
	Object   ObjectRef
	Relation string
	Subject  SubjectRef
	Expires  time.Time
}

// TupleOp writes or deletes a tuple. Writing one that exists changes only its expiry; deleting one
// that is absent does nothing. Only effective changes get into the changelog.
type TupleOp struct {
	Delete bool
	Tuple  Tuple
}

// TupleChange is a row of the changelog. All changes of one batch share a revision.
type TupleChange struct {
	Revision uint64
	At       time.Time
	TupleOp
}

// TuplePage cuts a list of tuples: at most Limit, after the tuple After, in the order of
// (object type, object id, relation, subject type, subject id, subject relation).
type TuplePage struct {
	Limit int
	After *Tuple
}

// WriteTuple is the operation that writes t.
func WriteTuple(t Tuple) TupleOp { return TupleOp{Tuple: t} }

// DeleteTuple is the operation that deletes t.
func DeleteTuple(t Tuple) TupleOp { return TupleOp{Delete: true, Tuple: t} }

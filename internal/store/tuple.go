package store

import (
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
)

// TupleStore names a store of relation tuples, each with dense revisions of its own: one that an
// application of the tenant keeps, or with an empty ID the tenant's own, which holds Cardea's roles.
type TupleStore struct {
	Tenant id.Tenant
	ID     string
}

// OwnTuples is the tuple store in which a tenant's roles and members are kept.
func OwnTuples(t id.Tenant) TupleStore { return TupleStore{Tenant: t} }

// ObjectRef names an object of the relation graph.
type ObjectRef struct{ Type, ID string }

// SubjectRef names a subject of the relation graph: an object, or with a Relation the set of
// subjects that have that relation to it.
type SubjectRef struct{ Type, ID, Relation string }

// Tuple says that Subject has Relation to Object, until Expires (zero: for ever) and while Condition
// holds. Condition, Expires and Written are no part of what it is: there is one tuple of the other three.
type Tuple struct {
	Object    ObjectRef
	Relation  string
	Subject   SubjectRef
	Condition TupleCondition
	Expires   time.Time
	// Written is when it was written as it is now, in milliseconds; zero where nobody has noted it. A change
	// in the log has its own time and leaves it zero.
	Written time.Time
}

// TupleCondition names a condition of the model, and what the tuple itself says to it. The zero value
// is no condition.
type TupleCondition struct {
	Name    string
	Context string // a JSON object, or empty
}

// TupleOp writes or deletes a tuple. Writing one that exists changes only its condition and expiry;
// deleting one that is absent does nothing. Only effective changes get into the changelog, and only they
// change Written, to what the operation says: DB says when the batch was made.
type TupleOp struct {
	Delete bool
	// Strict makes the whole batch fail with a TupleError where the tuple to be written is there, or
	// the one to be deleted is not.
	Strict bool
	Tuple  Tuple
}

// TupleFilter says which tuples are meant. What is empty may be anything; a subject without a relation
// is the subject itself, never a set.
type TupleFilter struct {
	Object   ObjectRef // an ID needs a Type
	Relation string
	Subject  SubjectRef // a Type and an ID, or neither
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

// TupleError says which strict operation did not find what it expected.
type TupleError struct{ Op TupleOp }

func (e *TupleError) Error() string {
	if e.Op.Delete {
		return "store: a tuple to be deleted is not there"
	}
	return "store: a tuple to be written is there already"
}

// WriteTuple is the operation that writes t.
func WriteTuple(t Tuple) TupleOp { return TupleOp{Tuple: t} }

// DeleteTuple is the operation that deletes t.
func DeleteTuple(t Tuple) TupleOp { return TupleOp{Delete: true, Tuple: t} }

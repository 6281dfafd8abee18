package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
)

// Engine is a database: SQLite, PostgreSQL, MongoDB. It knows collections, never nouns. The suite
// in storetest is its only specification.
type Engine interface {
	Reader
	Tuples
	// Commit writes w whole or not at all, and returns only when it is durable. Outcomes:
	//   - nil: everything is on disk;
	//   - *ExistsError: an Insert met the same key or a unique index, nothing was written;
	//   - ErrChanged: a Replace, Delete or Check met another version, nothing was written;
	//   - ErrAmbiguous: the connection was lost at the wrong moment, see Committed;
	//   - any other error: nothing was written.
	Commit(ctx context.Context, w Write) (Receipt, error)
	// Committed looks up whether w was written, after ErrAmbiguous: the record of w.Mark carries w.ID.
	// ErrAmbiguous again means that nobody can say: the batch marks no record, or the record was
	// replaced again since.
	Committed(ctx context.Context, w Write) (bool, error)
}

// Reader answers questions about records. Expired records are not returned.
type Reader interface {
	// Get returns ErrNotFound if there is no such live record.
	Get(ctx context.Context, k Key) (Record, error)
	// GetMany returns the live records among keys, in no particular order.
	GetMany(ctx context.Context, keys []Key) ([]Record, error)
	// Find returns the records of q in index order, then by id.
	Find(ctx context.Context, q Scan) ([]Record, error)
	// Count counts the records of q, but stops at limit.
	Count(ctx context.Context, q Scan, limit int) (int, error)
}

// Tuples reads relation tuples.
type Tuples interface {
	// Revision is the newest revision of the tuple store; 0 if it has none yet.
	Revision(ctx context.Context, s TupleStore) (uint64, error)
	// Snapshot yields all tuples of the store at one revision, which it returns. An error from yield
	// stops it and is returned.
	Snapshot(ctx context.Context, s TupleStore, yield func(Tuple) error) (uint64, error)
	// ListTuples returns the tuples that f means. It reads along the object or the subject; a filter
	// that names neither by id reads the whole store.
	ListTuples(ctx context.Context, s TupleStore, f TupleFilter, p TuplePage) ([]Tuple, error)
	// Changes returns the changes after revision since, oldest first, whole revisions only and at
	// least one if there is any. ErrTrimmed means that the log no longer reaches back so far.
	Changes(ctx context.Context, s TupleStore, since uint64, limit int) ([]TupleChange, error)
}

// Keeper is what wiring and operators do with an engine.
type Keeper interface {
	// Ensure creates or extends tables and indexes so that they match schemas. It never drops.
	Ensure(ctx context.Context, schemas []Schema) error
	// Missing says what Ensure would do and changes nothing; of the tables that every database has it speaks
	// as of collections. Afterwards what is there already can be read.
	Missing(ctx context.Context, schemas []Schema) ([]Work, error)
	// Sweep removes up to limit expired records and tuples and returns how many it removed.
	Sweep(ctx context.Context, now time.Time, limit int) (int, error)
	// Export yields every live record of every tenant in one collection, in key order.
	Export(ctx context.Context, collection string, yield func(Record) error) error
	// TupleStores lists the tuple stores that there are, by tenant and id.
	TupleStores(ctx context.Context) ([]TupleStore, error)
	// Ping reports whether the engine can write.
	Ping(ctx context.Context) error
	Close() error
}

// Work is something that Ensure would do to a collection: make it, if Column and Index are empty, or add
// a column or an index.
type Work struct {
	Collection string `json:"collection"`
	Column     string `json:"column,omitempty"`
	Index      string `json:"index,omitempty"`
	// Records is how many there are in the collection, which it must read; counted up to MaxWork.
	Records int64 `json:"records"`
}

// MaxWork is up to where Work.Records counts.
const MaxWork = 1_000_000

// Shared is an engine that other nodes write to as well. It keeps, in the transaction of each change, a
// note of it for some minutes.
type Shared interface {
	// Life names this database: another one, or one that was made anew, has another.
	Life() string
	// Follow begins to follow what all nodes change, if it can as of some time back, until ctx ends.
	Follow(ctx context.Context, back time.Duration) Follower
}

// Follower hears of changes, its own node's among them. One goroutine uses it.
type Follower interface {
	// Next returns what has become visible since the Next before, each change at least once; the first
	// what was noted since as far back as was asked for, or less far. at is the time by the engine's clock. ErrTrimmed means that changes were missed:
	// everything may be another, and the next Next goes on from here.
	Next(ctx context.Context) (changes []Change, at time.Time, err error)
	// Since is from when on, by the engine's clock, no change was missed: those noted before may have been.
	Since() time.Time
	// Wake receives now and then when there is something to read. Nothing may depend on it.
	Wake() <-chan struct{}
}

// Change is a record that was replaced or deleted, or inserted where its absence may be remembered; its
// Revision is the version that it now has, and 0 means that it was deleted or that nobody knows. With an
// empty collection it is the tuple store, whose ID is that of the Key, that has reached Revision; there 0
// means that it was dropped.
type Change struct {
	Key      Key
	Revision uint64
}

// Engine errors. Engines return them bare; the typed layer turns them into *errs.Error.
var (
	ErrNotFound  = errors.New("store: not found")
	ErrChanged   = errors.New("store: changed meanwhile")
	ErrAmbiguous = errors.New("store: commit may or may not have happened")
	ErrTrimmed   = errors.New("store: changelog no longer reaches back so far")
	ErrNoIndex   = errors.New("store: query needs a declared index")
	ErrTooLarge  = errors.New("store: batch is too large")
)

// ExistsError says which unique index of which collection stood in the way. When the key did, it is
// named; among several others any may be.
type ExistsError struct{ Collection, Index string }

// PrimaryIndex names the key (tenant, id) of a collection in an ExistsError.
const PrimaryIndex = "primary"

// Error names the index, never the value.
func (e *ExistsError) Error() string {
	return "store: " + e.Collection + " exists already by index " + e.Index
}

// Exists reports whether err says that a unique index of that name stood in the way.
func Exists(err error, index string) bool {
	e, ok := errors.AsType[*ExistsError](err)
	return ok && e.Index == index
}

// Key names one record. Every key begins with the tenant.
type Key struct {
	Tenant     id.Tenant
	Collection string
	ID         string
}

// Record is a stored document.
type Record struct {
	Key
	Version int64     // 1 for the first, plus one at each Replace
	Expires time.Time // zero: never; at and after it the record is as good as gone
	Body    []byte    // JSON
}

// Outline is a record without its body. Sum is that of the body, or empty where the engine has none.
type Outline struct {
	Record
	Sum []byte
}

// Sum tells a body from others that the record had or may have: the first half of the SHA-256 (FIPS 180-4)
// of the version in decimal, a space and the body.
func Sum(version int64, body []byte) []byte {
	h := sha256.New()
	h.Write(strconv.AppendInt(nil, version, 10))
	h.Write([]byte{' '})
	h.Write(body)
	return h.Sum(nil)[:sha256.Size/2]
}

// Schema is what an engine must know of a collection: from it Ensure derives tables and indexes.
type Schema struct {
	Name    string
	Columns []Column
	Indexes []Index
	// Derive computes the columns of a stored record, for filling a column that is new. It does not
	// open sealed fields: a column must not depend on one.
	Derive func(Record) ([]Value, error)
	// Forms are those of the Kind. Engines need not look at them.
	Forms []Form
}

// Column is an indexed value of a document, kept beside it.
type Column struct {
	Name string
	Kind ValueKind
}

// Index is a declared way to find documents; the tenant always stands in front of its columns.
// A unique index ignores documents in which any of its columns is None.
type Index struct {
	Name    string
	Columns []string
	Unique  bool
	// Since is the data format that brought the index, 0 for one that has always been there. Nodes of an older
	// version do not keep its columns, so it can be asked only once all documents are in that format.
	Since int
}

// ValueKind is the type of a column. Texts are compared bytewise on every engine.
type ValueKind uint8

// The kinds of value.
const (
	None ValueKind = iota // absent
	TextKind
	IntKind
)

// Value is the value of a column. The zero Value is None, which no query matches.
type Value struct {
	Kind ValueKind
	Text string
	Int  int64
}

// Text is a text value. The empty text is a value and differs from None.
func Text[S ~string](s S) Value { return Value{Kind: TextKind, Text: string(s)} }

// TextOrNone is None for the empty text.
func TextOrNone[S ~string](s S) Value {
	if s == "" {
		return Value{}
	}
	return Text(s)
}

// Int is a number.
func Int(n int64) Value { return Value{Kind: IntKind, Int: n} }

// Bool is 0 or 1.
func Bool(b bool) Value {
	if b {
		return Int(1)
	}
	return Int(0)
}

// Time is a point in time in milliseconds; the zero time is None.
func Time(t time.Time) Value {
	if t.IsZero() {
		return Value{}
	}
	return Int(t.UnixMilli())
}

// Scan is a query as an engine sees it: records of a collection whose index columns equal Eq, whose
// next column lies in [From, Until) or begins with Prefix, in index order from after a position. The
// id is the last column of every index. None sorts before every value, on every engine and in unique
// indexes too, and neither Eq, a range nor a prefix matches it. A value of another kind than its
// column, or a position that is not one of the index, is ErrNoIndex.
type Scan struct {
	Tenant      id.Tenant
	Collection  string
	Index       string // a declared index, or PrimaryIndex: all records by id
	Eq          []Value
	From, Until *Value
	Prefix      string
	Desc        bool
	Limit       int
	After       *Position
	Now         time.Time // records that expire at or before it are not seen
}

// Position is where a page ended: the values of the index columns after Eq, and the id.
type Position struct {
	Values []Value
	ID     string
}

// OpKind is what a document operation does.
type OpKind uint8

// The operations on documents.
const (
	InsertOp OpKind = iota + 1
	ReplaceOp
	DeleteOp
	CheckOp
)

// Op is one operation on one record. Replace, Delete and Check apply only to the given version of a
// record that has not expired. An expired record does not stand in the way of an Insert.
type Op struct {
	Kind    OpKind
	Key     Key
	Version int64
	Expires time.Time
	Body    []byte
	Columns []Value // in the order of Schema.Columns
	Tell    bool    // of an Insert: nodes may remember that the record was not there
}

// Changes reports whether nodes may remember what op makes untrue: a record that it replaces or deletes,
// or the absence of one that it inserts.
func (o Op) Changes() bool {
	return o.Kind == ReplaceOp || o.Kind == DeleteOp || o.Kind == InsertOp && o.Tell
}

// Write is a batch as an engine sees it: events and messages have become documents.
type Write struct {
	ID     string // UUIDv7, stored with the record of Mark
	At     time.Time
	Tenant id.Tenant // whose tuples are written
	Docs   []Op
	// TupleStore is the store of the tenant in which the tuples are.
	TupleStore string
	Tuples     []TupleOp
	// DropTuples deletes the tuple store, its revision and its log, before anything is written.
	DropTuples bool
}

// InTuples is the tuple store that w writes to.
func (w Write) InTuples() TupleStore { return TupleStore{w.Tenant, w.TupleStore} }

// TouchesTuples reports whether w changes a tuple store.
func (w Write) TouchesTuples() bool { return len(w.Tuples) > 0 || w.DropTuples }

// Mark is the place in Docs of the operation whose record keeps the ID of the batch: the first
// Insert, because nobody else writes that record soon, or else the first Replace; -1 if there is
// neither. A later batch overwrites the ID only where its own mark falls on the same record.
func (w Write) Mark() int {
	for _, kind := range []OpKind{InsertOp, ReplaceOp} {
		if i := slices.IndexFunc(w.Docs, func(o Op) bool { return o.Kind == kind }); i >= 0 {
			return i
		}
	}
	return -1
}

// Receipt says what a commit did.
type Receipt struct {
	Revision uint64 // of the tuple store after the commit; 0 if the batch wrote no tuples
}

package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// Bounds of a batch.
const (
	MaxDocs   = 100
	MaxTuples = 1000
)

const (
	// retryAfter is what we ask callers to wait when the engine does not answer.
	retryAfter = 2 * time.Second
	// settleWithin bounds the search for the outcome of an ambiguous commit.
	settleWithin = 5 * time.Second
)

// Cache holds decoded documents near the process. It is filled only by its loader, never set, so
// that a slow reader cannot put back what was revoked meanwhile.
type Cache interface {
	// Peek returns the cached value of k, if there is one.
	Peek(k Key) (any, bool)
	// Get returns the cached value of k or calls load once for all who wait. An error is not kept.
	Get(ctx context.Context, k Key, load func(context.Context) (any, error)) (any, error)
	// Drop forgets keys, loads under way included.
	Drop(keys ...Key)
	// Clear forgets everything, loads under way included.
	Clear() error
}

// Config is what a DB needs. All fields but Cache, Second and Waker are required.
type Config struct {
	Engine Engine
	Sealer Sealer
	Now    func() time.Time
	Cache  Cache  // nil: every View reads the engine
	Second Second // nil: what is not in the cache is read from the engine; it needs a Cache
	Waker  Waker  // nil: nodes hear of each other as the engine tells them, and look for themselves
}

// DB is the typed side of an engine and the only road to Commit.
type DB struct {
	engine Engine
	sealer Sealer
	cache  Cache
	now    func() time.Time
	waker  Waker
	second Second // nil where no other node can have read anything

	mu        sync.Mutex
	formats   Formats // nil: the newest
	schemas   []Schema
	onTuples  func(ctx context.Context, s TupleStore, revision uint64) error
	onOutbox  func(t id.Tenant)
	onEvents  func([]Event)
	onChanged map[string]func(context.Context, id.Tenant)
	onMissed  []func(context.Context)

	following following
	told      told

	events *Collection[EventRecord]
	outbox *Collection[OutboxRecord]
}

// New makes a DB over an engine. Collections announce themselves by NewCollection; wiring calls
// Ensure once all are known.
func New(c Config) *DB {
	db := &DB{engine: c.Engine, sealer: c.Sealer, cache: c.Cache, now: c.Now, waker: c.Waker}
	db.following.engine, _ = c.Engine.(Shared)
	if db.following.engine != nil {
		db.second = c.Second
	}
	db.events = NewCollection(db, eventKind())
	db.outbox = NewCollection(db, outboxKind())
	return db
}

// Schemas are the declarations of all collections of this DB.
func (db *DB) Schemas() []Schema {
	db.mu.Lock()
	defer db.mu.Unlock()
	return slices.Clone(db.schemas)
}

// Ensure has the engine create or extend its tables and indexes for every collection declared so
// far. Until then no collection can be used. It may be called again.
func (db *DB) Ensure(ctx context.Context) error {
	keeper, ok := db.engine.(interface {
		Ensure(context.Context, []Schema) error
	})
	if !ok {
		return errors.New("store: the engine has no Ensure")
	}
	return keeper.Ensure(ctx, db.Schemas())
}

// Events is the collection of audit events, for the audit domain.
func (db *DB) Events() *Collection[EventRecord] { return db.events }

// Outbox is the collection of waiting messages, for whoever sends them.
func (db *DB) Outbox() *Collection[OutboxRecord] { return db.outbox }

// Tuples reads relation tuples.
func (db *DB) Tuples() Tuples { return db.engine }

// Now is the time of this node in UTC, in the milliseconds that every engine keeps.
func (db *DB) Now() time.Time { return db.now().UTC().Truncate(time.Millisecond) }

// OnTuples has f called after each commit that wrote tuples and before it is acknowledged, so that
// the decision engine has caught up when the caller hears of the success. An error of f does not
// undo the commit; f must make the engine refuse to answer from the old state. Revision 0 means that
// it is not known which one was reached, or whether any: f looks for itself.
func (db *DB) OnTuples(f func(ctx context.Context, s TupleStore, revision uint64) error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.onTuples = f
}

// OnOutbox has f called after each commit that held messages, so that they leave at once. f must not
// block.
func (db *DB) OnOutbox(f func(t id.Tenant)) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.onOutbox = f
}

// OnEvents has f called with the events of each commit that had some, so that they can be counted. f must
// not block.
func (db *DB) OnEvents(f func([]Event)) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.onEvents = f
}

// Batch is the one way to change something. It is written whole or not at all.
type Batch struct {
	Permit access.Permit // from the guard; its tenant is the tenant of the batch
	Docs   []DocOp
	Tuples []TupleOp
	Events []Event
	Outbox []Message
	// TupleStore is the id of the store in which Tuples are; empty is the tenant's own.
	TupleStore string
	// DropTuples deletes TupleStore and all that is in it. The tenant's own cannot be deleted.
	DropTuples bool
}

// And is b with the parts of o added. The permit stays b's.
func (b Batch) And(o Batch) Batch {
	b.Docs = append(slices.Clip(b.Docs), o.Docs...)
	b.Tuples = append(slices.Clip(b.Tuples), o.Tuples...)
	b.Events = append(slices.Clip(b.Events), o.Events...)
	b.Outbox = append(slices.Clip(b.Outbox), o.Outbox...)
	return b
}

// DocOp is one operation on one document, made by a Scope.
type DocOp struct {
	op  Op
	err error
}

// Commit writes b and returns when it is durable. Its errors are *errs.Error: Conflict with code
// changed_meanwhile (another version) or already_exists (see Exists for which index), Unavailable
// when the engine does not answer (with code outcome_unknown when nobody can say whether b was
// written, else nothing was), Internal for a batch that must not be: no permit, no event for
// an action that is not routine, another tenant's documents.
func (db *DB) Commit(ctx context.Context, b Batch) (Receipt, error) {
	w, err := db.lower(ctx, b)
	if err != nil {
		return Receipt{}, err
	}
	receipt, err := db.engine.Commit(ctx, w)
	if errors.Is(err, ErrAmbiguous) {
		return db.settle(ctx, w)
	}
	if err != nil {
		return Receipt{}, wrapEngine(err, "")
	}
	db.changedHere(w)
	db.dropAll(w)
	db.announce(ctx, w, receipt)
	db.mu.Lock()
	f := db.onEvents
	db.mu.Unlock()
	if f != nil && len(b.Events) > 0 {
		f(b.Events)
	}
	return receipt, nil
}

// settle finds out what an ambiguous commit did. A blind retry of a code redemption would look like
// a replay and revoke the user's own tokens. Where nobody can say, the caches and the decision engine
// are told as after a success: it costs them a look.
func (db *DB) settle(ctx context.Context, w Write) (Receipt, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	db.changedHere(w)
	db.dropAll(w)
	done, err := db.engine.Committed(ctx, w)
	if err == nil && !done {
		return Receipt{}, errs.Busy(retryAfter, ErrAmbiguous, "store_unavailable", "The database did not answer; nothing was changed.")
	}
	var receipt Receipt
	if len(w.Tuples) > 0 && err == nil {
		receipt.Revision, err = db.engine.Revision(ctx, w.InTuples())
	}
	db.announce(ctx, w, receipt)
	if !done {
		return Receipt{}, errs.Busy(retryAfter, err, "outcome_unknown", "The database did not answer; read again to see whether anything was changed.")
	}
	return receipt, nil
}

func (db *DB) announce(ctx context.Context, w Write, r Receipt) {
	db.mu.Lock()
	f, g := db.onTuples, db.onOutbox
	db.mu.Unlock()
	db.tell(w)
	inOutbox := func(op Op) bool { return op.Kind == InsertOp && op.Key.Collection == OutboxCollection }
	if g != nil && slices.ContainsFunc(w.Docs, inOutbox) {
		g(w.Tenant)
	}
	if f == nil || !w.TouchesTuples() {
		return
	}
	// The commit stands whatever happens here: the caller is told of the success, and the decision
	// engine, which knows that it is behind, refuses to answer until it has caught up.
	_ = f(context.WithoutCancel(ctx), w.InTuples(), r.Revision)
}

func (db *DB) dropAll(w Write) {
	if db.cache == nil {
		return
	}
	keys := make([]Key, 0, len(w.Docs))
	for _, op := range w.Docs {
		if op.Changes() {
			keys = append(keys, op.Key)
		}
	}
	db.cache.Drop(keys...)
}

// lower checks a batch and turns events and messages into documents.
func (db *DB) lower(ctx context.Context, b Batch) (Write, error) {
	if err := b.check(); err != nil {
		return Write{}, err
	}
	if _, err := db.format(ctx); err != nil {
		return Write{}, err
	}
	now := db.Now()
	w := Write{
		ID: id.NewRow(now), At: now, Tenant: b.Permit.By().Tenant(),
		Tuples: dated(b.Tuples, now), TupleStore: b.TupleStore, DropTuples: b.DropTuples,
	}
	// Documents first: where one has changed meanwhile, nothing else is written in vain.
	for _, op := range b.Docs {
		if err := w.add(op); err != nil {
			return Write{}, err
		}
	}
	for i, e := range b.Events {
		r := e.record(w.ID, i, now, b.Permit)
		if err := w.add(db.events.In(w.Tenant).insert(ctx, &r)); err != nil {
			return Write{}, err
		}
	}
	for _, m := range b.Outbox {
		if err := db.addMessage(ctx, &w, m); err != nil {
			return Write{}, err
		}
	}
	if len(w.Docs) > MaxDocs+len(b.Events) || len(w.Tuples) > MaxTuples {
		return Write{}, errs.Wrap(errs.Invalid, ErrTooLarge, "batch_too_large", "Too much was asked for at once.")
	}
	return w, nil
}

// dated are operations whose tuples are written at that time.
func dated(ops []TupleOp, at time.Time) []TupleOp {
	out := slices.Clone(ops)
	for i := range out {
		out[i].Tuple.Written = at
	}
	return out
}

func (db *DB) addMessage(ctx context.Context, w *Write, m Message) error {
	if m.Expires.IsZero() {
		m.Expires = w.At.Add(24 * time.Hour)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return errs.Wrap(errs.Internal, err, "", "Something went wrong on our side.")
	}
	r := OutboxRecord{
		Meta:    Meta{ID: id.NewRow(w.At), Expires: m.Expires},
		Channel: m.Channel, State: OutboxWaiting, Due: w.At, Created: w.At, Envelope: secret.New(string(body)),
	}
	return w.add(db.outbox.In(w.Tenant).insert(ctx, &r))
}

func (b Batch) check() error {
	switch {
	case !b.Permit.Valid():
		return errs.Wrap(errs.Internal, errors.New("store: batch without a permit"), "", "Something went wrong on our side.")
	case len(b.Events) == 0 && !b.Permit.Routine():
		return errs.Wrap(errs.Internal, errors.New("store: "+string(b.Permit.Action())+" without an event"), "", "Something went wrong on our side.")
	case b.DropTuples && b.TupleStore == "":
		return errs.Wrap(errs.Internal, errors.New("store: a tenant's own tuples cannot be dropped"), "", "Something went wrong on our side.")
	case len(b.Docs)+len(b.Tuples)+len(b.Events)+len(b.Outbox) == 0:
		return errs.Wrap(errs.Internal, errors.New("store: empty batch"), "", "Something went wrong on our side.")
	}
	return nil
}

func (w *Write) add(op DocOp) error {
	if op.err != nil {
		return op.err
	}
	if op.op.Key.Tenant != w.Tenant {
		return errs.Wrap(errs.Internal, errors.New("store: batch across tenants"), "", "Something went wrong on our side.")
	}
	w.Docs = append(w.Docs, op.op)
	return nil
}

// wrapEngine turns an engine's error into one for callers. Noun is for sentences and may be empty.
func wrapEngine(err error, noun string) error {
	if noun == "" {
		noun = "object"
	}
	if _, ok := errors.AsType[*errs.Error](err); ok {
		return err
	}
	if _, ok := errors.AsType[*ExistsError](err); ok {
		return errs.Wrap(errs.Conflict, err, "already_exists", "It exists already.")
	}
	if e, ok := errors.AsType[*TupleError](err); ok {
		if e.Op.Delete {
			return errs.Wrap(errs.Conflict, err, "tuple_missing", "A tuple to be deleted is not there.")
		}
		return errs.Wrap(errs.Conflict, err, "tuple_exists", "A tuple to be written is there already.")
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return errs.Missing(noun)
	case errors.Is(err, ErrChanged):
		return errs.Wrap(errs.Conflict, err, "changed_meanwhile", "It was changed meanwhile; read it again.")
	case errors.Is(err, ErrNoIndex):
		return errs.Wrap(errs.Internal, err, "", "Something went wrong on our side.")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return errs.Busy(retryAfter, err, "timeout", "The request took too long.")
	}
	return errs.Busy(retryAfter, err, "store_unavailable", "The database does not answer just now.")
}

package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
)

// Opened is a fresh, empty engine for one test of the suite. Whoever opens it also has it closed at
// the end of the test (a second Close does nothing).
type Opened struct {
	Engine store.Engine
	Keeper store.Keeper
	// Clock is the clock by which the engine tells what has expired.
	Clock *Clock
	// AtRest returns all bytes that the engine has put on its disk, so that they can be searched for
	// secrets. Nil if they cannot be had: then only the records are searched.
	AtRest func(t *testing.T) []byte
	// Freeze calls f with the store as it is at one moment.
	Freeze func(ctx context.Context, f func(context.Context, Frozen) error) error
	// StandsStill says why nobody can write meanwhile; empty if they can.
	StandsStill string
}

// Frozen is a store at one moment.
type Frozen interface {
	Export(ctx context.Context, collection string, yield func(store.Record) error) error
	TupleStores(ctx context.Context) ([]store.TupleStore, error)
	Snapshot(ctx context.Context, s store.TupleStore, yield func(store.Tuple) error) (uint64, error)
}

// Run runs the whole suite. Each test opens an engine of its own.
func Run(t *testing.T, open func(t *testing.T) Opened) {
	for _, test := range []struct {
		name string
		run  func(*world)
	}{
		{"ReadsAndWrites", testReadsAndWrites},
		{"GetMany", testGetMany},
		{"Versions", testVersions},
		{"Check", testCheck},
		{"BatchIsAtomic", testBatchIsAtomic},
		{"OrderOfOperations", testOrderOfOperations},
		{"UnknownCollection", testUnknownCollection},
		{"Unique", testUnique},
		{"UniqueIsOptional", testUniqueIsOptional},
		{"TextIdentity", testTextIdentity},
		{"TextInIDs", testTextInIDs},
		{"TextThatIsNotUTF8", testTextThatIsNotUTF8},
		{"Times", testTimes},
		{"FindAgainstOracle", testFindAgainstOracle},
		{"PagesAgainstOracle", testPagesAgainstOracle},
		{"FindRefusals", testFindRefusals},
		{"CursorsAreBound", testCursorsAreBound},
		{"Count", testCount},
		{"OneRedemptionWins", testOneRedemptionWins},
		{"OneInsertWins", testOneInsertWins},
		{"CounterUnderContention", testCounterUnderContention},
		{"Cancellation", testCancellation},
		{"TenantsAreApart", testTenantsAreApart},
		{"BatchAcrossTenants", testBatchAcrossTenants},
		{"UnknownMembersSurvive", testUnknownMembersSurvive},
		{"Sealed", testSealed},
		{"SealedIsBound", testSealedIsBound},
		{"Refusals", testRefusals},
		{"Events", testEvents},
		{"Outbox", testOutbox},
		{"Expiry", testExpiry},
		{"ExpiredDoesNotStandInTheWay", testExpiredDoesNotStandInTheWay},
		{"Sweep", testSweep},
		{"Tuples", testTuples},
		{"TuplePages", testTuplePages},
		{"TupleFilter", testTupleFilter},
		{"TupleStores", testTupleStores},
		{"TupleConditions", testTupleConditions},
		{"TupleStrict", testTupleStrict},
		{"TupleExpiry", testTupleExpiry},
		{"TupleTimes", testTupleTimes},
		{"TupleRevisionsAreDense", testTupleRevisionsAreDense},
		{"TupleChanges", testTupleChanges},
		{"TupleSnapshot", testTupleSnapshot},
		{"OnTuples", testOnTuples},
		{"Committed", testCommitted},
		{"AmbiguousCommit", testAmbiguousCommit},
		{"EnsureExtends", testEnsureExtends},
		{"EnsureRefuses", testEnsureRefuses},
		{"Export", testExport},
		{"Outline", testOutline},
		{"Freeze", testFreeze},
		{"Ping", testPing},
		{"Close", testClose},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(newWorld(t, open(t)))
		})
	}
}

// world is what a test of the suite works in: the engine itself and a DB over it.
type world struct {
	*testing.T
	Opened
	sealer  *Sealer
	db      *store.DB
	gadgets *store.Collection[gadget]
}

func newWorld(t *testing.T, o Opened) *world {
	w := &world{T: t, Opened: o, sealer: NewSealer()}
	w.db = store.New(store.Config{Engine: o.Engine, Sealer: w.sealer, Now: o.Clock.Now})
	w.gadgets = store.NewCollection(w.db, gadgetKind())
	if err := o.Keeper.Ensure(t.Context(), w.db.Schemas()); err != nil {
		t.Fatalf("Ensure: %v", err)
	}
	return w
}

// gadget is the suite's own document.
type gadget struct {
	store.Meta
	Name   string       `json:"name"`
	Group  string       `json:"group,omitzero"` // may be absent
	Rank   int64        `json:"rank"`
	At     time.Time    `json:"at,omitzero"`    // may be absent
	Email  string       `json:"email,omitzero"` // unique unless absent
	Secret secret.Value `json:"-"`
}

// Indexes of gadgets.
const (
	byName      = "by_name"       // (name)
	byRank      = "by_rank"       // (rank)
	byGroupRank = "by_group_rank" // (group, rank)
	byGroupAt   = "by_group_at"   // (group, at, name)
	byEmail     = "by_email"      // unique (email)
	byPair      = "by_pair"       // unique (group, email)
)

const gadgetCollection = "gadget"

func gadgetKind() store.Kind[gadget] {
	return store.Kind[gadget]{
		Name: gadgetCollection, Noun: "gadget",
		Meta: func(g *gadget) *store.Meta { return &g.Meta },
		Columns: []store.ColumnOf[gadget]{
			{Name: "name", Kind: store.TextKind, Of: func(g *gadget) store.Value { return store.Text(g.Name) }},
			{Name: "group", Kind: store.TextKind, Of: func(g *gadget) store.Value { return store.TextOrNone(g.Group) }},
			{Name: "rank", Kind: store.IntKind, Of: func(g *gadget) store.Value { return store.Int(g.Rank) }},
			{Name: "at", Kind: store.IntKind, Of: func(g *gadget) store.Value { return store.Time(g.At) }},
			{Name: "email", Kind: store.TextKind, Of: func(g *gadget) store.Value { return store.TextOrNone(g.Email) }},
		},
		Indexes: []store.Index{
			{Name: byName, Columns: []string{"name"}},
			{Name: byRank, Columns: []string{"rank"}},
			{Name: byGroupRank, Columns: []string{"group", "rank"}},
			{Name: byGroupAt, Columns: []string{"group", "at", "name"}},
			{Name: byEmail, Columns: []string{"email"}, Unique: true},
			{Name: byPair, Columns: []string{"group", "email"}, Unique: true},
		},
		Sealed: []store.SealedField[gadget]{
			{Name: "secret", Of: func(g *gadget) *secret.Value { return &g.Secret }},
		},
	}
}

// The tenants of the suite.
const (
	here  id.Tenant = "here"
	there id.Tenant = "there"
)

func (w *world) in(t id.Tenant) store.Scope[gadget] { return w.gadgets.In(t) }

func newGadget(docID, name string) *gadget {
	return &gadget{Meta: store.Meta{ID: docID}, Name: name}
}

// commit writes ops of one tenant with an event.
func (w *world) commit(t id.Tenant, ops ...store.DocOp) error {
	_, err := w.db.Commit(w.Context(), batch(t, ops...))
	return err
}

func batch(t id.Tenant, ops ...store.DocOp) store.Batch {
	return store.Batch{
		Permit: Permit(t, "gadget.change"), Docs: ops,
		Events: []store.Event{{Kind: "gadget.changed"}},
	}
}

// insert adds gadgets to a tenant.
func (w *world) insert(t id.Tenant, gadgets ...*gadget) {
	w.Helper()
	for _, g := range gadgets {
		w.must(w.commit(t, w.in(t).Insert(w.Context(), g)))
	}
}

// get reads a gadget that must be there.
func (w *world) get(t id.Tenant, docID string) *gadget {
	w.Helper()
	g, err := w.in(t).Get(w.Context(), docID)
	w.must(err)
	return g
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// raw is the key of a gadget for calls to the engine itself.
func raw(t id.Tenant, docID string) store.Key {
	return store.Key{Tenant: t, Collection: gadgetCollection, ID: docID}
}

// rawOp is an operation on a gadget for calls to the engine itself.
func rawOp(kind store.OpKind, k store.Key, version int64, body string) store.Op {
	return store.Op{
		Kind: kind, Key: k, Version: version, Body: []byte(body),
		Columns: []store.Value{store.Text("raw"), {}, store.Int(0), {}, {}},
	}
}

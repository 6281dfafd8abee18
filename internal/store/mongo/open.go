package mongo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// Config is what an Engine needs. URL and Now are required.
type Config struct {
	URL         secret.Value     // mongodb://user:password@host:port/database, see Check
	Now         func() time.Time // decides what has expired
	Connections int              // at most, to each server; 0 means 16, or what the URL says as maxPoolSize
	KeepLog     time.Duration    // how long Sweep leaves the changelog of tuples; 0 means 7 days
	// Within bounds a reading and a transaction; 0 means 5 seconds, and nothing else is for servers: what nodes
	// remember counts on it.
	Within time.Duration
}

// Bounds and defaults.
const (
	defaultConnections = 16
	defaultKeepLog     = 7 * 24 * time.Hour
	defaultWithin      = 5 * time.Second
	// formatVersion is of the collections that every database has.
	formatVersion = 1
)

// ErrClosed is returned after Close.
var ErrClosed = errors.New("mongo: the engine is closed")

// Collections that every database has.
const (
	collRegistry = "cardea"
	collStores   = "tuple_store"
	collTuples   = "tuple"
	collLog      = "tuple_log"
	collChanges  = "change"
)

// Engine is a store in one database of a replica set. It is safe for concurrent use.
type Engine struct {
	config  Config
	address string // for messages
	life    string
	client  *mongo.Client
	db      *mongo.Database
	tables  atomic.Pointer[map[string]*table]
	lanes   *relational.Lanes
	commits atomic.Int64 // transactions of batches that became durable
	trips   atomic.Int64 // commands that were sent

	closing    sync.Once
	disconnect func() error
}

var (
	_ store.Engine = (*Engine)(nil)
	_ store.Keeper = (*Engine)(nil)
	_ store.Shared = (*Engine)(nil)
)

// Open connects and makes or checks what every database of ours has. Collections can be used after
// Ensure. Its errors are one line for people, which says what to do and holds no password.
func Open(ctx context.Context, c Config) (*Engine, error) {
	if c.URL.Empty() || c.Now == nil {
		return nil, errors.New("mongo: URL and Now are required")
	}
	if err := Check(c.URL.Reveal()); err != nil {
		return nil, err
	}
	p, err := parse(c.URL.Reveal())
	if err != nil {
		return nil, err
	}
	o, err := p.client()
	if err != nil {
		return nil, err
	}
	if c.Connections > 0 {
		o.SetMaxPoolSize(uint64(c.Connections))
	}
	if c.KeepLog <= 0 {
		c.KeepLog = defaultKeepLog
	}
	if c.Within <= 0 {
		c.Within = defaultWithin
	}
	e := &Engine{config: c, address: p.hosts}
	o.SetMonitor(&event.CommandMonitor{Started: func(context.Context, *event.CommandStartedEvent) { e.trips.Add(1) }})
	e.tables.Store(&map[string]*table{})
	e.lanes = relational.NewLanes(ErrClosed, e.commitGroup)
	if e.client, err = mongo.Connect(o); err != nil {
		return nil, e.explain(err)
	}
	e.db = e.client.Database(p.database)
	quiet := context.WithoutCancel(ctx)
	e.disconnect = func() error {
		ctx, cancel := context.WithTimeout(quiet, c.Within)
		defer cancel()
		return e.client.Disconnect(ctx)
	}
	if err := e.prepare(ctx); err != nil {
		_ = e.disconnect() // what was wrong before counts
		return nil, err
	}
	return e, nil
}

// hello is what a server says of itself.
type hello struct {
	Set      string        `bson:"setName"`
	Message  string        `bson:"msg"` // isdbgrid: a router in front of shards
	Primary  bool          `bson:"isWritablePrimary"`
	Time     bson.DateTime `bson:"localTime"`
	Election bson.ObjectID `bson:"electionId"` // another one for each primary
}

func (e *Engine) hello(ctx context.Context) (h hello, err error) {
	err = e.db.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&h)
	return h, err
}

// prepare looks at the server, and makes what every database has where it is missing.
func (e *Engine) prepare(ctx context.Context) error {
	var h hello
	err := e.read(ctx, func(ctx context.Context) (err error) {
		h, err = e.hello(ctx)
		return err
	})
	switch {
	case err != nil:
		return e.explain(err)
	case h.Set == "" && h.Message != "isdbgrid":
		return fmt.Errorf("the MongoDB server at %s stands alone and has no transactions; make it a replica set, which may be of one member: mongod --replSet rs0, then rs.initiate()", e.address)
	case !h.Primary && h.Message != "isdbgrid":
		return fmt.Errorf("the server at %s is a secondary and takes no writes; name the replica set in the URL (replicaSet=…) and leave out directConnection", e.address)
	}
	return e.explain(e.ensureBase(ctx))
}

// Close finishes what is queued, refuses what comes later, and closes the connections. A second Close
// does nothing.
func (e *Engine) Close() (err error) {
	e.closing.Do(func() {
		e.lanes.Close()
		err = e.disconnect()
	})
	return err
}

// Commits is how many transactions have become durable since Open: groups, not batches. For metrics.
func (e *Engine) Commits() int64 { return e.commits.Load() }

// RoundTrips is how many commands were sent since Open. For metrics.
func (e *Engine) RoundTrips() int64 { return e.trips.Load() }

// Life implements store.Shared.
func (e *Engine) Life() string { return e.life }

// in is a collection of the engine's own, of a table the documents.
func (e *Engine) in(name string) *mongo.Collection { return e.db.Collection(name) }

func (e *Engine) of(t *table) *mongo.Collection { return e.db.Collection(t.Name) }

// proven is a collection whose readings are answered by the primary only after a majority has confirmed that
// it still is one, and has all that is read.
func (e *Engine) proven(name string) *mongo.Collection {
	return e.db.Collection(name, options.Collection().SetReadConcern(readconcern.Linearizable()))
}

// read runs f, which may be done twice, within Config.Within. The caller's context is looked at before: to
// cancel a command costs its connection. The driver repeats a reading whose connection was lost once.
func (e *Engine) read(ctx context.Context, f func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	quiet, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.config.Within)
	defer cancel()
	err := f(quiet)
	if err != nil && quiet.Err() == nil && mongo.IsNetworkError(err) {
		err = f(quiet)
	}
	return answered(quiet, err)
}

// answered is err, which has nothing to do with the caller's context.
func answered(quiet context.Context, err error) error {
	if err != nil && (quiet.Err() != nil || errors.Is(err, context.DeadlineExceeded) || mongo.IsTimeout(err)) {
		return silence{err.Error()}
	}
	return clean(err)
}

func (e *Engine) table(collection string) (*table, error) {
	t, ok := (*e.tables.Load())[collection]
	if !ok {
		return nil, fmt.Errorf("mongo: collection %q is not known; Ensure has not been told of it", collection)
	}
	return t, nil
}

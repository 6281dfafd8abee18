package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// Config is what an Engine needs. URL and Now are required.
type Config struct {
	URL         secret.Value     // postgres://user:password@host:port/database, see Parse
	Now         func() time.Time // decides what has expired
	Connections int              // at most; 0 means 16, or what the URL says as pool_max_conns
	KeepLog     time.Duration    // how long Sweep leaves the changelog of tuples; 0 means 7 days
}

// Bounds and defaults.
const (
	defaultConnections = 16
	defaultKeepLog     = 7 * 24 * time.Hour
	// answerWithin bounds a statement on the server and a commit or a reading on this side. It is half of
	// what Tail looks back, so that no change becomes visible when nobody looks for it any more.
	answerWithin = 5 * time.Second
	// formatVersion is of the tables that every database has.
	formatVersion = 1
)

// ErrClosed is returned after Close.
var ErrClosed = errors.New("postgres: the engine is closed")

// Engine is a store in one schema of a PostgreSQL database. It is safe for concurrent use.
type Engine struct {
	config  Config
	address string // for messages
	life    string
	pool    *pgxpool.Pool
	pooled  bool // behind a pooler that keeps no session: nothing is prepared, nobody listens
	tables  atomic.Pointer[map[string]*table]
	timed   atomic.Bool // the table of tuples has the column "written"; always after Ensure
	lanes   *relational.Lanes
	waker   waker
	commits atomic.Int64 // transactions of batches that became durable
	trips   trips

	closing sync.Once
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
		return nil, errors.New("postgres: URL and Now are required")
	}
	parsed, err := parse(c.URL.Reveal())
	if err != nil {
		return nil, err
	}
	if c.Connections > 0 {
		parsed.pool.MaxConns = int32(c.Connections)
	}
	if c.KeepLog <= 0 {
		c.KeepLog = defaultKeepLog
	}
	e := &Engine{config: c, address: parsed.address, pooled: parsed.pooled}
	parsed.pool.ConnConfig.Tracer = &e.trips
	e.tables.Store(&map[string]*table{})
	e.lanes = relational.NewLanes(ErrClosed, e.commitGroup)
	if e.pool, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), parsed.pool); err != nil {
		return nil, e.explain(err)
	}
	if err := e.prepare(ctx); err != nil {
		e.pool.Close()
		return nil, err
	}
	return e, nil
}

// prepare looks at the server, and makes the tables of tuples and changes where they are missing.
func (e *Engine) prepare(ctx context.Context) error {
	var encoding, durable, schema string
	var standby bool
	err := e.read(ctx, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, "SELECT current_setting('server_encoding'), current_setting('synchronous_commit'), pg_is_in_recovery(), coalesce(current_schema(), '')").
			Scan(&encoding, &durable, &standby, &schema)
	})
	switch {
	case err != nil:
		return e.explain(err)
	case encoding != "UTF8":
		return fmt.Errorf("the database at %s has the encoding %s; make one with ENCODING 'UTF8'", e.address, encoding)
	case durable == "off":
		return fmt.Errorf("the database at %s acknowledges commits before they are on disk; set synchronous_commit to on", e.address)
	case standby:
		return fmt.Errorf("the server at %s is a standby and takes no writes; name the primary", e.address)
	case schema == "":
		return fmt.Errorf("the search path of the database at %s names no schema that is there; make one, or name another with search_path in the URL", e.address)
	}
	if err := e.explain(e.ensureBase(ctx)); err != nil {
		return err
	}
	if !e.pooled {
		e.waker.start(context.WithoutCancel(ctx), e, schema)
	}
	return nil
}

// Close finishes what is queued, refuses what comes later, and closes the connections. A second Close
// does nothing.
func (e *Engine) Close() error {
	e.closing.Do(func() {
		e.lanes.Close()
		e.waker.close()
		e.pool.Close()
	})
	return nil
}

// Commits is how many transactions have become durable since Open: groups, not batches. For metrics.
func (e *Engine) Commits() int64 { return e.commits.Load() }

// Life implements store.Shared.
func (e *Engine) Life() string { return e.life }

// done notes a commit, and whether it has told other nodes something.
func (e *Engine) done(told bool) {
	e.commits.Add(1)
	e.waker.committed(told)
}

// read runs f, which changes nothing, on a connection. A connection that turns out to be dead costs
// another try: a server that was started again is answered for by new connections.
func (e *Engine) read(ctx context.Context, f func(context.Context, *pgx.Conn) error) error {
	for try := 1; ; try++ {
		err := e.once(ctx, f)
		if !lost(err) || try == 3 {
			return err
		}
	}
}

// once runs f on a connection. The caller's context bounds the wait for one; after that the work is
// bounded by answerWithin alone, because to cancel a statement costs the connection.
func (e *Engine) once(ctx context.Context, f func(context.Context, *pgx.Conn) error) error {
	c, err := e.acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	quiet, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
	defer cancel()
	if err = f(quiet, c.Conn()); err != nil && c.Conn().IsClosed() && quiet.Err() == nil {
		return lostError{err}
	}
	return err
}

func (e *Engine) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	c, err := e.pool.Acquire(wait)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil && wait.Err() != nil {
		return nil, errNoConnection
	}
	return c, err
}

// errNoConnection says that all connections were taken for too long, or that the server does not answer.
var errNoConnection = errors.New("postgres: no connection in time")

func (e *Engine) table(collection string) (*table, error) {
	t, ok := (*e.tables.Load())[collection]
	if !ok {
		return nil, fmt.Errorf("postgres: collection %q is not known; Ensure has not been told of it", collection)
	}
	return t, nil
}

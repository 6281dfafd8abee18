package sqlite

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"

	"github.com/cardea-auth/cardea/internal/store"
)

// Durability says what a successful Commit promises.
type Durability uint8

// The durabilities.
const (
	// Full: the commit is on the disk and survives a loss of power. The zero value.
	Full Durability = iota
	// Off: the commit survives the end of the process but not a loss of power, which may even
	// damage the file. For tests only.
	Off
)

// Config is what an Engine needs. Path and Now are required.
type Config struct {
	Path       string           // of the database file; its directory must exist
	Now        func() time.Time // decides what has expired
	Durability Durability
	ReadOnly   bool          // nothing is ever written; for reading a backup
	Readers    int           // connections for reading; 0 means 8
	KeepLog    time.Duration // how long Sweep leaves the changelog of tuples; 0 means 7 days
}

// Bounds and defaults.
const (
	defaultReaders = 8
	defaultKeepLog = 7 * 24 * time.Hour
	fileMode       = 0o600
)

// Marks in the header of the file, so that no other program's file is taken for ours.
const (
	applicationID = 0x43415244 // "CARD"
	formatVersion = 2
)

// ErrClosed is returned after Close.
var ErrClosed = errors.New("sqlite: the engine is closed")

// ErrReadOnly is returned by writes of an engine opened with ReadOnly.
var ErrReadOnly = errors.New("sqlite: the engine is read-only")

// Engine is a store in one SQLite file. It is safe for concurrent use.
type Engine struct {
	config    Config
	readers   *pool
	committer *committer // nil when read-only
	vfs       *vfs       // of the committer's connection; nil: SQLite's own
	tables    atomic.Pointer[map[string]*table]
	timed     atomic.Bool // tuples have the column for when they were written

	closing sync.Once
	closed  error
}

var (
	_ store.Engine = (*Engine)(nil)
	_ store.Keeper = (*Engine)(nil)
)

// Open opens the file, or creates it with mode 0600. Collections can be used after Ensure.
func Open(ctx context.Context, c Config) (*Engine, error) {
	if c.Path == "" || c.Now == nil {
		return nil, errors.New("sqlite: Path and Now are required")
	}
	if c.Readers <= 0 {
		c.Readers = defaultReaders
	}
	if c.KeepLog <= 0 {
		c.KeepLog = defaultKeepLog
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, fmt.Errorf("finding the database file: %w", err)
	}
	c.Path = path
	e := &Engine{config: c}
	e.tables.Store(&map[string]*table{})
	if err := e.open(context.WithoutCancel(ctx)); err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	return e, nil
}

func (e *Engine) open(ctx context.Context) error {
	if !e.config.ReadOnly {
		writer, err := e.openWriter(ctx)
		if err != nil {
			return errors.Join(err, e.closeVFS())
		}
		if e.committer, err = startCommitter(ctx, writer); err != nil {
			return errors.Join(err, writer.close(), e.closeVFS())
		}
	}
	e.readers = newPool(e.config.Readers, func() (*conn, error) { return connect(ctx, e.readDSN()) })
	err := e.readers.with(ctx, func(c *conn) error {
		if _, err := checkHeader(ctx, c); err != nil {
			return err
		}
		n, err := c.number(ctx, hasWritten)
		e.timed.Store(n > 0)
		return err
	})
	if err != nil && e.committer != nil {
		e.committer.stop()
		err = errors.Join(err, e.committer.conn.close(), e.closeVFS())
	}
	if err != nil {
		return errors.Join(err, e.readers.close())
	}
	return nil
}

// openWriter opens the one connection that writes and creates what every database has.
func (e *Engine) openWriter(ctx context.Context) (*conn, error) {
	// SQLite gives its -wal and -shm files the mode of the database file.
	f, err := os.OpenFile(e.config.Path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Chmod(fileMode), f.Close()); err != nil {
		return nil, err
	}
	if e.vfs, err = newVFS(); err != nil {
		return nil, err
	}
	c, err := connect(ctx, e.writeDSN())
	if err != nil {
		return nil, err
	}
	if err := prepareFile(ctx, c); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// prepareFile refuses foreign files and creates the tables of tuples. On a file that is ours already
// it writes nothing.
func prepareFile(ctx context.Context, c *conn) error {
	version, err := checkHeader(ctx, c)
	if err != nil {
		return err
	}
	statements := []string{"BEGIN IMMEDIATE"}
	if version == 1 {
		statements = append(statements, fromVersion1()...)
	}
	statements = append(statements, baseTables()...)
	if version == 1 {
		statements = append(statements, afterVersion1()...)
	}
	if version < formatVersion {
		statements = append(statements,
			fmt.Sprintf("PRAGMA application_id = %d", applicationID),
			fmt.Sprintf("PRAGMA user_version = %d", formatVersion))
	}
	for _, s := range append(statements, "COMMIT") {
		if _, err := c.exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// checkHeader accepts an empty file, whose version is 0, and files that this version or an older one
// has written.
func checkHeader(ctx context.Context, c *conn) (version int64, err error) {
	var app, tables int64
	for statement, n := range map[string]*int64{
		"PRAGMA application_id": &app, "PRAGMA user_version": &version, "SELECT count(*) FROM sqlite_schema": &tables,
	} {
		if *n, err = c.number(ctx, statement); err != nil {
			return 0, err
		}
	}
	switch {
	case app == 0 && version == 0 && tables == 0:
		return 0, nil
	case app != applicationID:
		return 0, errors.New("sqlite: the file belongs to another program")
	case version > formatVersion:
		return 0, errors.New("sqlite: the file was written by a newer version of Cardea; start that version")
	}
	return version, nil
}

func (e *Engine) writeDSN() string {
	synchronous := "FULL"
	if e.config.Durability == Off {
		synchronous = "OFF"
	}
	name := dsn(e.config.Path,
		// Before the journal mode, so that a second process that starts at the same time waits.
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous("+synchronous+")",
		// A checkpoint after 16 MiB of log instead of 4 saves a sixth of the cost of a commit, since a
		// page that changes often is moved into the file less often. A burst's log is cut at 64 MiB.
		"wal_autocheckpoint(4000)", "journal_size_limit(67108864)", "temp_store(MEMORY)", "trusted_schema(0)",
		// 16 MiB of pages instead of 2: a batch of tuples touches pages all over both directions of a large
		// store, which with less are spilled into the log, read back and written again.
		"cache_size(-16384)",
		// Zeroes what is deleted where that costs no further page.
		"secure_delete(FAST)")
	if e.vfs != nil {
		name += "&vfs=" + e.vfs.name
	}
	return name
}

func (e *Engine) closeVFS() error {
	if e.vfs == nil {
		return nil
	}
	return e.vfs.close()
}

func (e *Engine) readDSN() string {
	name := dsn(e.config.Path, "busy_timeout(5000)", "query_only(1)", "temp_store(MEMORY)", "trusted_schema(0)")
	if e.config.ReadOnly {
		name += "&mode=ro" // a file that is missing is not created
	}
	return name
}

func dsn(path string, pragmas ...string) string {
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}, "_dqs": {"0"}, "_defensive": {"1"}}
	u := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	return u.String()
}

func connect(ctx context.Context, name string) (*conn, error) {
	connector, err := sqlite.NewConnector(name)
	if err != nil {
		return nil, err
	}
	raw, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{raw: raw, statements: map[string]statement{}}, nil
}

// Close finishes what is queued, refuses what comes later, and closes the file. A second Close does
// nothing.
func (e *Engine) Close() error {
	e.closing.Do(func() {
		if e.committer == nil {
			e.closed = e.readers.close()
			return
		}
		e.committer.stop()
		// The writer goes last: whoever goes last moves the log into the file.
		e.closed = errors.Join(e.readers.close(), e.committer.conn.close(), e.closeVFS())
	})
	return e.closed
}

// Commits is how many transactions have become durable since Open: groups, not batches. For metrics.
func (e *Engine) Commits() int64 {
	if e.committer == nil {
		return 0
	}
	return e.committer.commits.Load()
}

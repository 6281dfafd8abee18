package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/cache/memory"
	"github.com/cardea-auth/cardea/internal/config"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/limit"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/cluster"
	"github.com/cardea-auth/cardea/internal/store/envelope"
)

// The files of a data directory.
const (
	fileDatabase = "cardea.db"
	fileLock     = "lock"
	fileMaster   = config.MasterFile
	fileSocket   = "control.sock"
	dirGraphs    = "graphs"
)

// ErrRunning says that another process holds the data directory.
var ErrRunning = errors.New("another cardea process uses this data directory")

// house is an open data directory.
type house struct {
	dir    string
	lock   *os.File
	graphs *os.Root // where images of graphs are
	engine database
	master envelope.Master
	made   string // the file of a master key that was made at this start
	sealer *lateSealer
	db     *store.DB
	cache  *memory.Cache
	shared together

	cluster *cluster.Cluster
	leave   func() // has this process count as a node no more; nil while it does not
}

// together is what the nodes of a database have in common besides it. The zero value is nothing.
type together struct {
	second   store.Second
	waker    store.Waker
	counters limit.Shared
	run      func(ctx context.Context, tasks *sync.WaitGroup)
	close    func() error
	up       func() bool
	failures func() int64
	trouble  func() error
	answers  func() (hits, misses, stale, garbage int64) // of second
}

// openHouse locks the directory and opens what is in it. Nothing can be read that is sealed before
// unlock.
func openHouse(ctx context.Context, c Config) (*house, error) {
	if err := config.ClaimDir(c.Dir, c.Dev); err != nil {
		return nil, err
	}
	lock, err := takeLock(filepath.Join(c.Dir, fileLock))
	if err != nil {
		return nil, err
	}
	h := &house{dir: c.Dir, lock: lock}
	if err := h.open(ctx, c); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

func (h *house) open(ctx context.Context, c Config) error {
	var err error
	if h.graphs, err = openDir(filepath.Join(h.dir, dirGraphs)); err != nil {
		return err
	}
	if h.master, err = h.findMaster(c); err != nil {
		return err
	}
	if h.engine, err = openDatabase(ctx, c); err != nil {
		return err
	}
	if !c.Redis.Empty() {
		if h.shared, err = shareByRedis(ctx, c, h); err != nil {
			return err
		}
	}
	return h.assemble(c)
}

// openDir opens a directory of the data directory, which it makes if need be.
func openDir(path string) (*os.Root, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("making a directory of the data directory: %w", err)
	}
	return os.OpenRoot(path)
}

// assemble puts cache, sealer and DB over the engine.
func (h *house) assemble(c Config) error {
	var err error
	if h.cache, err = memory.New(memory.Config{Now: c.Now, MaxEntries: 100_000}); err != nil {
		return err
	}
	h.sealer = &lateSealer{}
	h.db = store.New(store.Config{Engine: h.engine.engine, Sealer: h.sealer, Now: c.Now, Cache: h.cache, Second: h.shared.second, Waker: h.shared.waker})
	h.cluster = cluster.New(cluster.Config{
		Engine: h.engine.engine, DB: h.db, Formats: c.formats(), Release: c.release(), Name: c.node(), Now: c.Now, Lease: c.Lease,
	})
	return nil
}

// declare makes the rooms' last collections known.
func (h *house) declare(c Config, g *access.Guard) {
	h.sealer.envelope = envelope.New(envelope.Config{Master: h.master, Guard: g})
	h.sealer.envelope.Attach(h.db)
	if c.Declare != nil {
		c.Declare(h.db)
	}
}

// ensure creates the tables of all rooms and makes this process a node, unless it must not work on this database.
func (h *house) ensure(ctx context.Context) error {
	if err := h.cluster.Admit(ctx); err != nil {
		return err
	}
	if err := h.db.Ensure(ctx); err != nil {
		return fmt.Errorf("creating tables: %w", err)
	}
	if err := h.cluster.Join(ctx); err != nil {
		return err
	}
	h.live(ctx)
	return nil
}

// leaveWithin bounds how long the end of a node may take that cannot say so to the others.
const leaveWithin = 2 * time.Second

// live has this process count as a node until close.
func (h *house) live(ctx context.Context) {
	quiet := context.WithoutCancel(ctx)
	beating, end := context.WithCancel(quiet)
	var ended sync.WaitGroup
	ended.Go(func() { h.cluster.Run(beating) })
	h.leave = func() {
		end()
		ended.Wait()
		within, cancel := context.WithTimeout(quiet, leaveWithin)
		defer cancel()
		_ = h.cluster.Leave(within) // or its row expires
	}
}

// unlock opens what is sealed. A wrong master key ends the start. One that was made at this start is
// wrong where other nodes have begun the database: it is of no use to anybody and removed.
func (h *house) unlock(ctx context.Context) error {
	err := h.sealer.envelope.Unlock(ctx)
	if _, wrong := errors.AsType[*envelope.WrongKeyError](err); wrong && h.made != "" {
		return errors.Join(errors.New("the database has been begun with another master key; give every node the same one with master_key (CARDEA_MASTER_KEY_FILE)"),
			os.Remove(h.made))
	}
	if _, wrong := errors.AsType[*envelope.WrongKeyError](err); wrong {
		return fmt.Errorf("%w; put the right key back as %s, or name it with master_key", err, filepath.Join(h.dir, fileMaster))
	}
	return err
}

// lateSealer is the envelope, which needs a guard and the DB, which needs a sealer. Until unlock has
// filled it in, nothing can be sealed or opened.
type lateSealer struct{ envelope *envelope.Sealer }

// Seal implements store.Sealer.
func (s *lateSealer) Seal(ctx context.Context, t id.Tenant, additional, plain []byte) ([]byte, error) {
	if s.envelope == nil {
		return nil, envelope.ErrLocked
	}
	return s.envelope.Seal(ctx, t, additional, plain)
}

// Open implements store.Sealer.
func (s *lateSealer) Open(ctx context.Context, t id.Tenant, additional, sealed []byte) ([]byte, error) {
	if s.envelope == nil {
		return nil, envelope.ErrLocked
	}
	return s.envelope.Open(ctx, t, additional, sealed)
}

func (h *house) findMaster(c Config) (envelope.Master, error) {
	if c.Master.Valid() {
		return c.Master, nil
	}
	path := filepath.Join(h.dir, fileMaster)
	master, err := envelope.LoadMaster(path)
	if !errors.Is(err, os.ErrNotExist) || c.bare {
		return master, ignoreMissing(err)
	}
	if _, err := os.Stat(filepath.Join(h.dir, fileDatabase)); err == nil && c.Database.Empty() {
		return master, fmt.Errorf("the master key %s is missing, and the database cannot be read without it: put your copy back", path)
	}
	if master, err = envelope.CreateMaster(path); err == nil {
		h.made = path
		c.notice("The master key is in " + path + ". Keep a copy elsewhere: no backup holds it, and without it no backup can be read.")
	}
	return master, err
}

// ignoreMissing leaves it to unlock to miss the key.
func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func (c Config) notice(text string) {
	if c.Notice != nil {
		c.Notice(text)
	}
}

func (h *house) close() error {
	var all []error
	if h.leave != nil {
		h.leave()
	}
	if h.shared.close != nil {
		all = append(all, h.shared.close())
	}
	if h.engine.engine != nil {
		all = append(all, h.engine.Close())
	}
	if h.graphs != nil {
		all = append(all, h.graphs.Close())
	}
	if h.lock != nil {
		all = append(all, h.lock.Close()) // which gives the lock back
	}
	return errors.Join(all...)
}

// How often the lock is tried, and after which pause: half a second in all.
const (
	lockTries = 51
	lockPause = 10 * time.Millisecond
)

// takeLock holds the directory for this process. The kernel gives the lock back when the process
// ends, however it ends; what was killed while it started a worker leaves it to that for a moment.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	for tries := 1; ; tries++ {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(err, f.Close())
		}
		if tries == lockTries {
			return nil, errors.Join(ErrRunning, f.Close())
		}
		<-time.After(lockPause)
	}
	return f, nil
}

package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/cache/memory"
	"github.com/cardea-auth/cardea/internal/config"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/envelope"
	"github.com/cardea-auth/cardea/internal/store/sqlite"
)

// The files of a data directory.
const (
	fileDatabase = "cardea.db"
	fileLock     = "lock"
	fileMaster   = config.MasterFile
	fileSocket   = "control.sock"
)

// ErrRunning says that another process holds the data directory.
var ErrRunning = errors.New("another cardea process uses this data directory")

// house is an open data directory.
type house struct {
	dir    string
	lock   *os.File
	engine *sqlite.Engine
	master envelope.Master
	sealer *lateSealer
	db     *store.DB
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
	if h.master, err = h.findMaster(c); err != nil {
		return err
	}
	h.engine, err = sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(h.dir, fileDatabase), Now: c.Now})
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	return h.assemble(c)
}

// assemble puts cache, sealer and DB over the engine.
func (h *house) assemble(c Config) error {
	cache, err := memory.New(memory.Config{Now: c.Now, MaxEntries: 100_000})
	if err != nil {
		return err
	}
	h.sealer = &lateSealer{}
	h.db = store.New(store.Config{Engine: h.engine, Sealer: h.sealer, Now: c.Now, Cache: cache})
	return nil
}

// ensure creates the tables of all rooms.
func (h *house) ensure(ctx context.Context, g *access.Guard) error {
	h.sealer.envelope = envelope.New(envelope.Config{Master: h.master, Guard: g})
	h.sealer.envelope.Attach(h.db)
	if err := h.db.Ensure(ctx); err != nil {
		return fmt.Errorf("creating tables: %w", err)
	}
	return nil
}

// unlock opens what is sealed. A wrong master key ends the start.
func (h *house) unlock(ctx context.Context) error { return h.sealer.envelope.Unlock(ctx) }

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
	if !errors.Is(err, os.ErrNotExist) {
		return master, err
	}
	if _, err := os.Stat(filepath.Join(h.dir, fileDatabase)); err == nil {
		return master, fmt.Errorf("the master key %s is missing, and the database cannot be read without it: put your copy back", path)
	}
	if master, err = envelope.CreateMaster(path); err == nil {
		c.notice("The master key is in " + path + ". Keep a copy elsewhere: no backup holds it, and without it no backup can be read.")
	}
	return master, err
}

func (c Config) notice(text string) {
	if c.Notice != nil {
		c.Notice(text)
	}
}

func (h *house) close() error {
	var all []error
	if h.engine != nil {
		all = append(all, h.engine.Close())
	}
	if h.lock != nil {
		all = append(all, h.lock.Close()) // which gives the lock back
	}
	return errors.Join(all...)
}

// takeLock holds the directory for this process. The kernel gives the lock back when the process
// ends, however it ends.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrRunning
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

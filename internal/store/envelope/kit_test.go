package envelope_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/envelope"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// node is one server over a database file.
type node struct {
	*envelope.Sealer
	db    *store.DB
	notes *store.Collection[note]
}

// note is a document with a sealed field.
type note struct {
	store.Meta
	Text secret.Value `json:"-"`
}

type options struct {
	master envelope.Master
	clock  *storetest.Clock
	wrap   func(store.Engine) store.Engine
	bounds [2]int64
}

// start opens a server over the file. It does not unlock.
func start(t testing.TB, path string, o options) *node {
	t.Helper()
	if o.clock == nil {
		o.clock = storetest.NewClock()
	}
	s := envelope.New(envelope.Config{Master: o.master, Guard: storetest.Guard(o.clock.Now)})
	if o.bounds[0] != 0 {
		s.SetBounds(o.bounds[0], o.bounds[1])
	}
	with := []storetest.Option{storetest.WithPath(path), storetest.WithClock(o.clock), storetest.WithSealer(s)}
	if o.wrap != nil {
		with = append(with, storetest.WithEngine(o.wrap))
	}
	n := &node{Sealer: s, db: storetest.NewDB(t, with...)}
	s.Attach(n.db)
	n.notes = store.NewCollection(n.db, store.Kind[note]{
		Name: "note", Noun: "note", Meta: func(x *note) *store.Meta { return &x.Meta },
		Sealed: []store.SealedField[note]{{Name: "text", Of: func(x *note) *secret.Value { return &x.Text }}},
	})
	storetest.Ensure(t, n.db)
	return n
}

// open is start with a successful Unlock.
func open(t testing.TB, path string, o options) *node {
	t.Helper()
	n := start(t, path, o)
	if err := n.Unlock(t.Context()); err != nil {
		t.Fatalf("unlocking: %v", err)
	}
	return n
}

// solo is a server over a file of its own, and its master key.
func solo(t testing.TB) *node {
	return open(t, file(t), options{master: envelope.NewMaster()})
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "test.db") }

func (n *node) mustSeal(t testing.TB, tenant id.Tenant, text string) []byte {
	t.Helper()
	box, err := n.Seal(t.Context(), tenant, []byte("place"), []byte(text))
	if err != nil {
		t.Fatalf("sealing: %v", err)
	}
	return box
}

func (n *node) mustOpen(t testing.TB, tenant id.Tenant, box []byte, want string) {
	t.Helper()
	got, err := n.Open(t.Context(), tenant, []byte("place"), box)
	if err != nil || string(got) != want {
		t.Fatalf("opening: %q, %v; want %q", got, err, want)
	}
}

// errKilled stands for the end of the process.
var errKilled = errors.New("killed")

// mortal is an engine that dies before or after a given commit.
type mortal struct {
	store.Engine
	store.Keeper
	commits atomic.Int64
	dieAt   atomic.Int64 // the number of the commit; 0: never
	after   bool         // die after it was written, not before
}

func (m *mortal) Commit(ctx context.Context, w store.Write) (store.Receipt, error) {
	n := m.commits.Add(1)
	if die := m.dieAt.Load(); die == 0 || n < die {
		return m.Engine.Commit(ctx, w)
	} else if n == die && m.after {
		if r, err := m.Engine.Commit(ctx, w); err != nil {
			return r, err
		}
	}
	return store.Receipt{}, errKilled
}

func (m *mortal) wrap(e store.Engine) store.Engine {
	m.Engine, m.Keeper = e, e.(store.Keeper)
	return m
}

// dies arms the engine: it dies at the n-th commit from now.
func (m *mortal) dies(n int64) { m.dieAt.Store(m.commits.Load() + n) }

const second = time.Second

// counting counts reads.
type counting struct {
	store.Engine
	store.Keeper
	gets atomic.Int64
}

func (c *counting) Get(ctx context.Context, k store.Key) (store.Record, error) {
	c.gets.Add(1)
	return c.Engine.Get(ctx, k)
}

func (c *counting) wrap(e store.Engine) store.Engine {
	c.Engine, c.Keeper = e, e.(store.Keeper)
	return c
}

// openSQL opens the database file beside the server, as somebody who tampers would.
func openSQL(t testing.TB, path string) *sql.DB {
	t.Helper()
	storetest.SQLiteOnly(t, "it opens the database file beside the engine")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// hooked is an engine that runs before once, ahead of its next commit.
type hooked struct {
	store.Engine
	store.Keeper
	before func()
}

func (h *hooked) Commit(ctx context.Context, w store.Write) (store.Receipt, error) {
	if f := h.before; f != nil {
		h.before = nil
		f()
	}
	return h.Engine.Commit(ctx, w)
}

func (h *hooked) wrap(e store.Engine) store.Engine {
	h.Engine, h.Keeper = e, e.(store.Keeper)
	return h
}

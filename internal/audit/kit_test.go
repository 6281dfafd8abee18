package audit_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/audit"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
	"github.com/cardea-auth/cardea/internal/tenant"
)

const (
	acme   = id.Tenant("acme")
	issuer = "https://id.example"
	origin = issuer + "/audit/acme"
)

// house is one node with an audit log over a database file.
type house struct {
	*audit.Log
	t     testing.TB
	clock *storetest.Clock
	db    *store.DB
	guard *access.Guard
	ring  *keyring.Ring
	path  string
	admin access.Caller
}

type options struct {
	path   string
	clock  *storetest.Clock
	sealer store.Sealer
	faults *storetest.Faults
	hook   *hook
	change func(*audit.Config)
}

func newHouse(t testing.TB) *house { return build(t, options{}) }

func build(t testing.TB, o options) *house {
	t.Helper()
	if o.clock == nil {
		o.clock = storetest.NewClock()
	}
	if o.path == "" {
		o.path = filepath.Join(t.TempDir(), "audit.db")
	}
	with := []storetest.Option{storetest.WithClock(o.clock), storetest.WithPath(o.path)}
	if o.sealer != nil {
		with = append(with, storetest.WithSealer(o.sealer))
	}
	if o.faults != nil {
		with = append(with, storetest.WithFaults(o.faults))
	}
	if o.hook != nil {
		with = append(with, storetest.WithEngine(o.hook.wrap))
	}
	h := &house{t: t, clock: o.clock, path: o.path, db: storetest.NewDB(t, with...), guard: storetest.Guard(o.clock.Now)}
	var err error
	h.ring, err = keyring.New(keyring.Config{DB: h.db, Guard: h.guard, Revocations: tenant.NewRevocations(h.db)})
	if err != nil {
		t.Fatal(err)
	}
	c := audit.Config{DB: h.db, Guard: h.guard, Notary: h.ring.Checkpoints(), Issuer: issuer}
	if o.change != nil {
		o.change(&c)
	}
	h.Log = audit.New(c)
	h.admin = storetest.User(acme, "root", h.clock.Now())
	storetest.Ensure(t, h.db)
	return h
}

// hook is an engine that runs before once, ahead of the next read of a collection and index.
type hook struct {
	store.Engine
	store.Keeper
	collection, index string // index "": a Get
	before            func()
}

func (k *hook) wrap(e store.Engine) store.Engine {
	k.Engine, k.Keeper = e, e.(store.Keeper)
	return k
}

func (k *hook) Get(ctx context.Context, key store.Key) (store.Record, error) {
	k.run(key.Collection, "")
	return k.Engine.Get(ctx, key)
}

func (k *hook) Find(ctx context.Context, q store.Scan) ([]store.Record, error) {
	k.run(q.Collection, q.Index)
	return k.Engine.Find(ctx, q)
}

func (k *hook) run(collection, index string) {
	if f := k.before; f != nil && collection == k.collection && index == k.index {
		k.before = nil
		f()
	}
}

// twins are two nodes over one database.
func twins(t testing.TB) (a, b *house) {
	t.Helper()
	o := options{path: filepath.Join(t.TempDir(), "audit.db"), clock: storetest.NewClock(), sealer: storetest.NewSealer()}
	return build(t, o), build(t, o)
}

// happen commits n events about persons p0 to p9, a millisecond apart.
func (h *house) happen(n int) {
	h.t.Helper()
	for i := range n {
		permit, err := h.guard.Allow(h.t.Context(), access.Operator(acme, "op", "test"), "user.update", access.Object{Type: "cardea:user", ID: fmt.Sprint("u", i)})
		if err != nil {
			h.t.Fatal(err)
		}
		h.clock.Advance(time.Millisecond)
		_, err = h.db.Commit(h.t.Context(), store.Batch{Permit: permit, Events: []store.Event{{
			Kind: "user.updated", Person: fmt.Sprint("p", i%10), Object: access.Object{Type: "cardea:user", ID: fmt.Sprint("u", i), Org: "o1"},
			Public: map[string]string{"n": fmt.Sprint(i), "by": "test"}, Personal: map[string]string{"email": fmt.Sprintf("p%d@example.com", i%10)},
		}}})
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *house) seal() {
	h.t.Helper()
	if err := h.Seal(h.t.Context(), acme); err != nil {
		h.t.Fatalf("sealing: %v", err)
	}
}

// settle seals until nothing is left; the first checkpoint makes a key, which is an event.
func (h *house) settle() {
	h.t.Helper()
	h.seal()
	h.seal()
}

func (h *house) verify(pinned string) audit.Report {
	h.t.Helper()
	r, err := h.Verify(h.t.Context(), h.admin, pinned)
	if err != nil {
		h.t.Fatalf("verifying: %v", err)
	}
	return r
}

func (h *house) mustVerify(pinned string) audit.Report {
	h.t.Helper()
	r := h.verify(pinned)
	if !r.OK {
		h.t.Fatalf("a log nobody touched does not verify: %+v", r)
	}
	return r
}

// sql opens the database file, as somebody who tampers would.
func (h *house) sql() *sql.DB {
	h.t.Helper()
	storetest.SQLiteOnly(h.t, "it opens the database file beside the engine")
	db, err := sql.Open("sqlite", h.path+"?_pragma=busy_timeout(5000)&_pragma=synchronous(OFF)") // what is forged need not survive a power failure
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = db.Close() })
	return db
}

// exec runs a statement that must change something.
func exec(t testing.TB, db *sql.DB, query string, args ...any) {
	t.Helper()
	result, err := db.Exec(query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if n, _ := result.RowsAffected(); n == 0 {
		t.Fatalf("%s: changed nothing", query)
	}
}

// conflict reports whether err says that another node was faster.
func conflict(err error) bool { return errs.Is(err, errs.Conflict) }

package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// Fault is a way in which a call to the engine or the sealer fails.
type Fault uint8

// The faults.
const (
	// Refused: the call does nothing and says so.
	Refused Fault = iota + 1
	// Lost: the call does its work, and the connection is lost before the answer. A Commit is
	// store.ErrAmbiguous.
	Lost
	// Unsent: the connection is lost before the call does anything, but the caller cannot know that.
	// A Commit is store.ErrAmbiguous.
	Unsent
)

// ErrFault is what a failed call returns, unless it is a Commit whose outcome is unknown.
var ErrFault = errors.New("storetest: planned fault")

// Faults stands between a DB and its engine and sealer, counts their calls, and has one of them or
// all from one on fail. Give it to NewDB by WithFaults. It is safe for concurrent use.
type Faults struct {
	store.Keeper
	engine store.Engine

	mu    sync.Mutex
	armed bool
	calls int
	from  int // the first call that fails
	until int // the last one; less than from: none fails
	fault Fault
	hits  int // calls that have failed
}

var (
	_ store.Engine = (*Faults)(nil)
	_ store.Keeper = (*Faults)(nil)
)

// NewFaults makes one that lets everything pass.
func NewFaults() *Faults { return &Faults{} }

// WithFaults puts f in front of the engine and the sealer.
func WithFaults(f *Faults) Option {
	return func(s *setup) {
		s.wrap = func(e store.Engine) store.Engine { return f.Attach(e, e.(store.Keeper)) }
		s.faults = f
	}
}

// Attach puts f in front of an engine.
func (f *Faults) Attach(e store.Engine, k store.Keeper) *Faults {
	f.engine, f.Keeper = e, k
	return f
}

// Fail has the k-th call from now on fail, counted from 1, and no other.
func (f *Faults) Fail(k int, how Fault) { f.plan(k, k, how); f.Arm() }

// FailFrom has all calls from the k-th on fail: the engine is down.
func (f *Faults) FailFrom(k int, how Fault) { f.plan(k, 1<<62, how); f.Arm() }

// Heal lets everything pass again and counts from zero.
func (f *Faults) Heal() { f.plan(0, -1, 0); f.Arm() }

// Arm starts the count. SweepFaults plans before the scenario has prepared its world, which should
// not fail; the scenario arms when it is ready.
func (f *Faults) Arm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed, f.calls = true, 0
}

// Calls is the number of calls since the count was started.
func (f *Faults) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Hits is the number of calls that have failed by plan, ever.
func (f *Faults) Hits() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hits
}

func (f *Faults) plan(from, until int, how Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.from, f.until, f.fault = from, until, how
}

// SweepFaults runs scenario over and over: in the k-th run its k-th call after Arm fails, until a run
// needs fewer than k calls. The scenario checks by itself that nothing was granted half-way; it calls
// Heal before it looks.
func SweepFaults(t *testing.T, how Fault, scenario func(t *testing.T, f *Faults)) {
	for k := 1; ; k++ {
		f := NewFaults()
		f.plan(k, k, how)
		t.Run(fmt.Sprintf("call=%d", k), func(t *testing.T) { scenario(t, f) })
		if f.Hits() == 0 || t.Failed() {
			return
		}
	}
}

// around makes one call, or has it fail.
func (f *Faults) around(commit bool, do func() error) error {
	unknown := ErrFault
	if commit {
		unknown = store.ErrAmbiguous
	}
	switch f.next() {
	case Refused:
		return ErrFault
	case Unsent:
		return unknown
	case Lost:
		if err := do(); err != nil {
			return err
		}
		return unknown
	}
	return do()
}

func (f *Faults) next() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.armed {
		return 0
	}
	f.calls++
	if f.calls < f.from || f.calls > f.until {
		return 0
	}
	f.hits++
	return f.fault
}

// Commit implements store.Engine.
func (f *Faults) Commit(ctx context.Context, w store.Write) (r store.Receipt, err error) {
	err = f.around(true, func() (err error) { r, err = f.engine.Commit(ctx, w); return err })
	return r, err
}

// Committed implements store.Engine.
func (f *Faults) Committed(ctx context.Context, w store.Write) (done bool, err error) {
	err = f.around(false, func() (err error) { done, err = f.engine.Committed(ctx, w); return err })
	return done && err == nil, err
}

// Get implements store.Reader.
func (f *Faults) Get(ctx context.Context, k store.Key) (r store.Record, err error) {
	err = f.around(false, func() (err error) { r, err = f.engine.Get(ctx, k); return err })
	return r, err
}

// GetMany implements store.Reader.
func (f *Faults) GetMany(ctx context.Context, keys []store.Key) (r []store.Record, err error) {
	err = f.around(false, func() (err error) { r, err = f.engine.GetMany(ctx, keys); return err })
	return r, err
}

// Find implements store.Reader.
func (f *Faults) Find(ctx context.Context, q store.Scan) (r []store.Record, err error) {
	err = f.around(false, func() (err error) { r, err = f.engine.Find(ctx, q); return err })
	return r, err
}

// Count implements store.Reader.
func (f *Faults) Count(ctx context.Context, q store.Scan, limit int) (n int, err error) {
	err = f.around(false, func() (err error) { n, err = f.engine.Count(ctx, q, limit); return err })
	return n, err
}

// Revision implements store.Tuples.
func (f *Faults) Revision(ctx context.Context, t store.TupleStore) (n uint64, err error) {
	err = f.around(false, func() (err error) { n, err = f.engine.Revision(ctx, t); return err })
	return n, err
}

// Snapshot implements store.Tuples.
func (f *Faults) Snapshot(ctx context.Context, t store.TupleStore, yield func(store.Tuple) error) (n uint64, err error) {
	err = f.around(false, func() (err error) { n, err = f.engine.Snapshot(ctx, t, yield); return err })
	return n, err
}

// ListTuples implements store.Tuples.
func (f *Faults) ListTuples(ctx context.Context, t store.TupleStore, q store.TupleFilter, p store.TuplePage) (r []store.Tuple, err error) {
	err = f.around(false, func() (err error) { r, err = f.engine.ListTuples(ctx, t, q, p); return err })
	return r, err
}

// Changes implements store.Tuples.
func (f *Faults) Changes(ctx context.Context, t store.TupleStore, since uint64, limit int) (r []store.TupleChange, err error) {
	err = f.around(false, func() (err error) { r, err = f.engine.Changes(ctx, t, since, limit); return err })
	return r, err
}

// faultySealer counts the calls to a sealer among those to the engine.
type faultySealer struct {
	store.Sealer
	faults *Faults
}

func (s faultySealer) Seal(ctx context.Context, t id.Tenant, additional, plain []byte) (out []byte, err error) {
	err = s.faults.around(false, func() (err error) { out, err = s.Sealer.Seal(ctx, t, additional, plain); return err })
	return out, err
}

func (s faultySealer) Open(ctx context.Context, t id.Tenant, additional, sealed []byte) (out []byte, err error) {
	err = s.faults.around(false, func() (err error) { out, err = s.Sealer.Open(ctx, t, additional, sealed); return err })
	return out, err
}

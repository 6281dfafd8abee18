package store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
)

// How a node follows the others.
const (
	// followEvery is the pause between two looks when nobody wakes the node.
	followEvery = 250 * time.Millisecond
	// followWithin bounds one look.
	followWithin = 2 * time.Second
	// heardWithin is how long a node may act on what it remembers without having looked.
	heardWithin = 5 * time.Second
)

// following is how far this node has followed the others. The zero value has heard of nothing.
type following struct {
	engine Shared // nil: no other node can change anything
	heard  atomic.Pointer[time.Time]
	skew   atomic.Int64 // nanoseconds by which this node's clock is ahead of the engine's at least
}

// Current reports whether what this node remembers is current: it has heard of all changes up to a few
// seconds ago. Otherwise the caches are passed by, and whoever needs to know asks the engine.
func (db *DB) Current() bool {
	if db.following.engine == nil {
		return true
	}
	at := db.following.heard.Load()
	return at != nil && db.now().Sub(*at) < heardWithin
}

// Skew is by how much the clock of this node is ahead of the engine's, as of the last look, less what a slow look
// may have made of it; 0 where the engine is not shared.
func (db *DB) Skew() time.Duration { return time.Duration(db.following.skew.Load()) }

// Follow has the node forget what other nodes change, until ctx ends. It does nothing where no other
// node can.
func (db *DB) Follow(ctx context.Context) {
	if db.following.engine == nil {
		return
	}
	back := time.Duration(0)
	if db.second != nil {
		back = lookBack
	}
	f := db.following.engine.Follow(ctx, back)
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		db.look(ctx, f)
		select {
		case <-ctx.Done():
			return
		case <-f.Wake():
		case <-db.heard():
		case <-tick.C:
		}
	}
}

// Waker tells other nodes that there is something to read, and hears it from them, beside what the engine
// does. Nothing may depend on it.
type Waker interface {
	// Tell tells the others soon. It must not block.
	Tell()
	// Heard receives when others have told something.
	Heard() <-chan struct{}
}

func (db *DB) heard() <-chan struct{} {
	if db.waker == nil {
		return nil
	}
	return db.waker.Heard()
}

// tell has other nodes read what w has changed.
func (db *DB) tell(w Write) {
	if db.waker == nil || db.following.engine == nil {
		return
	}
	if w.TouchesTuples() || slices.ContainsFunc(w.Docs, forgettable) {
		db.waker.Tell()
	}
}

// forgettable reports whether somebody may remember what op changes.
func forgettable(op Op) bool {
	return op.Changes() && op.Key.Collection != EventCollection && op.Key.Collection != OutboxCollection
}

// look hears of changes once. What was heard is forgotten before the node counts as current.
func (db *DB) look(ctx context.Context, f Follower) {
	ctx, cancel := context.WithTimeout(ctx, followWithin)
	defer cancel()
	began := db.now()
	changes, at, err := f.Next(ctx)
	switch {
	case errors.Is(err, ErrTrimmed):
		err = db.forgetAll(ctx)
	case err == nil:
		db.forget(ctx, changes, at)
	}
	if err != nil {
		return // and after a while the node is no longer current
	}
	db.told.reach(f.Since(), at)
	db.following.heard.Store(&began)
	// The engine has told its time at some moment of the look.
	db.following.skew.Store(int64(max(0, began.Sub(at)) + min(0, db.now().Sub(at))))
}

// forget drops what was changed, which first counts as changed: who reads it anew meanwhile shall find
// nothing older elsewhere.
func (db *DB) forget(ctx context.Context, changes []Change, at time.Time) {
	db.mu.Lock()
	tuples, others := db.onTuples, maps.Clone(db.onChanged)
	db.mu.Unlock()
	for _, c := range changes {
		if c.Key.Collection == "" {
			if tuples != nil {
				_ = tuples(ctx, TupleStore{c.Key.Tenant, c.Key.ID}, c.Revision) // it knows by itself that it is behind
			}
			continue
		}
		if db.second != nil {
			db.told.hear(c, at)
		}
		if db.cache != nil {
			db.cache.Drop(c.Key)
		}
		if f := others[c.Key.Collection]; f != nil {
			f(ctx, c.Key.Tenant)
		}
	}
}

// forgetAll is for a node that may have missed changes.
func (db *DB) forgetAll(ctx context.Context) error {
	db.mu.Lock()
	all := slices.Clone(db.onMissed)
	db.mu.Unlock()
	for _, f := range all {
		f(ctx)
	}
	if db.cache == nil {
		return nil
	}
	return db.cache.Clear()
}

// OnChanged has f called when another node, or this one, has replaced or deleted a document of a
// collection, or inserted one if its Kind keeps absence, for whoever remembers such documents in a form of its own. f must not block.
func (db *DB) OnChanged(collection string, f func(ctx context.Context, t id.Tenant)) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.onChanged == nil {
		db.onChanged = map[string]func(context.Context, id.Tenant){}
	}
	db.onChanged[collection] = f
}

// OnMissed has f called when this node may have missed changes of other nodes: what is remembered must
// be looked at anew. f must not block.
func (db *DB) OnMissed(f func(ctx context.Context)) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.onMissed = append(db.onMissed, f)
}

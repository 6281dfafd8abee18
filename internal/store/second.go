package store

import (
	"context"
	"sync"
	"time"
)

// Second is a cache that nodes share, behind that of the process. It is not believed: what it returns
// counts only if this node has heard of all that has changed since it was read, and of no change of it.
// Whoever implements it answers only with what a node of the same database has put there for that key,
// however old it may be.
type Second interface {
	// Recall returns what was put for k, if good says that it is good.
	Recall(ctx context.Context, k Key, good func(version int64, asOf time.Time) bool) (Record, bool)
	// Put keeps r, which was read when this node had heard of all changes up to asOf by the engine's clock.
	// It must not block, and never replaces a newer version.
	Put(r Record, asOf time.Time)
}

// How long what others have read may be used.
const (
	// secondAge is how old a record of the second cache may be.
	secondAge = time.Minute
	// commitWithin is how much later than its note a change may become visible: no engine lets a commit
	// take longer.
	commitWithin = 5 * time.Second
	// lookBack is from when on a node wants to hear of changes when it starts.
	lookBack = secondAge + 2*commitWithin
	// maxTold bounds how many keys are remembered as changed.
	maxTold = 200_000
)

// told is what this node has heard of changes in the last minute or so: enough to judge a record that
// somebody has read in the meantime. The zero value has heard nothing, and finds nothing good.
//
//	       floor                      asOf            head
//	─────────┼──────────────────────────┼───────────────┼──▶ the engine's clock
//	         └ all that became visible from here on is in keys, up to here ┘
type told struct {
	mu          sync.Mutex
	head, floor time.Time
	keys        map[Key]changed
	order       []toldAt // oldest first; a key may be in it several times
}

type toldAt struct {
	key Key
	at  time.Time
}

// changed is what is known of a key: no version below is current, and if it was ever gone, nothing that
// was read before.
type changed struct {
	version int64
	gone    time.Time
	at      time.Time
}

// hear notes a change that was heard of at a time.
func (t *told) hear(c Change, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.keys == nil {
		t.keys = map[Key]changed{}
	}
	known := t.keys[c.Key]
	known.version, known.at = max(known.version, int64(c.Revision)), at
	if c.Revision == 0 {
		known.gone = at
	}
	t.keys[c.Key] = known
	t.order = append(t.order, toldAt{c.Key, at})
}

// reach notes that all changes noted from since up to head have been heard of, and forgets what no record
// can be judged by any more. Where too much has changed, older records are not good.
func (t *told) reach(since, head time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.head = head
	if from := since.Add(commitWithin); from.After(t.floor) {
		t.floor = from
	}
	n, old := 0, head.Add(-lookBack)
	for ; n < len(t.order) && (t.order[n].at.Before(old) || len(t.order)-n > maxTold); n++ {
		if x := t.order[n]; !t.keys[x.key].at.After(x.at) {
			delete(t.keys, x.key)
		}
		if at := t.order[n].at.Add(commitWithin); at.After(t.floor) && !t.order[n].at.Before(old) {
			t.floor = at
		}
	}
	t.order = t.order[n:]
}

// reached is up to where this node has heard of all changes.
func (t *told) reached() (time.Time, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.head, !t.head.IsZero()
}

// good reports whether a record that somebody has read is as good as one that this node has read then and
// kept since.
func (t *told) good(k Key, version int64, asOf time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.head.IsZero() || asOf.Before(t.floor) || asOf.Before(t.head.Add(-secondAge)) || asOf.After(t.head.Add(heardWithin)) {
		return false
	}
	c, ok := t.keys[k]
	return !ok || version >= c.version && !asOf.Before(c.gone.Add(commitWithin))
}

// record reads a record from the second cache or the engine, and tells the former what it has learnt.
func (db *DB) record(ctx context.Context, k Key) (Record, error) {
	if db.second == nil || !db.Current() {
		return db.engine.Get(ctx, k)
	}
	good := func(version int64, asOf time.Time) bool { return db.told.good(k, version, asOf) }
	if r, ok := db.second.Recall(ctx, k, good); ok {
		return r, nil
	}
	asOf, ok := db.told.reached() // before the reading: it is at least as new
	r, err := db.engine.Get(ctx, k)
	if err == nil && ok {
		db.second.Put(r, asOf)
	}
	return r, err
}

// changedHere notes what a commit of this node has changed before others are heard of it. The head is behind
// the commit, so what was deleted counts as gone for a while longer.
func (db *DB) changedHere(w Write) {
	if db.second == nil {
		return
	}
	at := db.now().Add(-db.Skew())
	for _, op := range w.Docs {
		switch op.Kind {
		case ReplaceOp:
			db.told.hear(Change{Key: op.Key, Revision: uint64(op.Version) + 1}, at)
		case DeleteOp:
			db.told.hear(Change{Key: op.Key}, at.Add(heardWithin))
		}
	}
}

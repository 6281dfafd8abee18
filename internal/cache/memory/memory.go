// Package memory is the cache inside the process: decoded documents, for at most a minute each.
//
// It is filled only by the loader that a reader brings along, never set, so that a slow reader
// cannot put back what was revoked meanwhile:
//
//	Get ── hit ──▶ value
//	 └──── miss ──▶ one load for all who wait ── dropped meanwhile? ── yes ──▶ load again
//	                                             └─ no ──▶ kept until it is dropped or a minute old
//
// It is a hint, not a record: the store is the truth. It must not know what a document means.
package memory

import (
	"context"
	"errors"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/cardea-auth/cardea/internal/store"
)

// MaxAge is the longest that a value may be kept: how stale a reader may be whom no invalidation
// reaches.
const MaxAge = time.Minute

// DefaultMaxEntries is how many values are kept if Config says nothing.
const DefaultMaxEntries = 20_000

// Config is what a Cache needs. Now is required.
type Config struct {
	// Now tells the time. It should keep Go's monotonic reading, as time.Now does: then a step of
	// the machine's clock does not make a value live longer.
	Now        func() time.Time
	MaxEntries int           // 0 means DefaultMaxEntries
	Age        time.Duration // how long a value is kept; 0 means MaxAge, more than MaxAge is refused
}

// Cache implements store.Cache. It is safe for concurrent use.
type Cache struct {
	config  Config
	clock   clock
	recent  recent
	entries atomic.Pointer[entries]
	hits    atomic.Int64
	loads   atomic.Int64
}

type entries = otter.Cache[store.Key, any]

var _ store.Cache = (*Cache)(nil)

// New makes an empty cache. It starts no goroutine: what has expired is removed when the room is
// needed.
func New(c Config) (*Cache, error) {
	if c.Now == nil {
		return nil, errors.New("memory: Now is required")
	}
	if c.MaxEntries == 0 {
		c.MaxEntries = DefaultMaxEntries
	}
	if c.Age == 0 {
		c.Age = MaxAge
	}
	if c.MaxEntries < 0 || c.Age < 0 || c.Age > MaxAge {
		return nil, errors.New("memory: a cache needs room, and an age of at most a minute")
	}
	m := &Cache{config: c, clock: clock{now: c.Now, start: c.Now()}, recent: recent{seed: maphash.MakeSeed()}}
	return m, m.reset()
}

func (m *Cache) reset() error {
	fresh, err := otter.New(&otter.Options[store.Key, any]{
		MaximumSize:      m.config.MaxEntries,
		ExpiryCalculator: otter.ExpiryWriting[store.Key, any](m.config.Age),
		Clock:            m.clock,
		Executor:         func(f func()) { f() }, // whoever fills the cache makes the room for it
	})
	if err != nil {
		return err
	}
	m.entries.Store(fresh)
	return nil
}

// Get implements store.Cache. While a load is under way, callers of the same key wait for it, each
// no longer than its own context lives; when the context of the caller who loads ends, another one
// loads. A load that a Drop has overtaken is repeated.
func (m *Cache) Get(ctx context.Context, k store.Key, load func(context.Context) (any, error)) (any, error) {
	loader := otter.LoaderFunc[store.Key, any](func(ctx context.Context, _ store.Key) (any, error) {
		m.loads.Add(1)
		return load(ctx)
	})
	return m.entries.Load().Get(ctx, k, loader)
}

// Drop implements store.Cache.
func (m *Cache) Drop(keys ...store.Key) {
	now := m.entries.Load()
	for _, k := range keys {
		now.Invalidate(k)
	}
	m.recent.drops.Add(1)
}

// Clear forgets everything, loads under way included: for a node that may have missed an
// invalidation.
func (m *Cache) Clear() error {
	defer m.recent.drops.Add(1)
	return m.reset()
}

// Answers is how often Peek has found a value, and how often one was loaded, since the start.
func (m *Cache) Answers() (hits, loads int64) { return m.hits.Load(), m.loads.Load() }

// Len is about how many values are kept.
func (m *Cache) Len() int { return m.entries.Load().EstimatedSize() }

// clock counts from when the cache was made, so that it goes by the monotonic reading.
type clock struct {
	now   func() time.Time
	start time.Time
}

func (c clock) NowNano() int64 { return int64(c.now().Sub(c.start)) }

// Tick returns no channel: no clean-ups in the background.
func (clock) Tick(time.Duration) <-chan time.Time { return nil }

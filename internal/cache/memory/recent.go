package memory

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/internal/store"
)

// recent is what was peeked at last. A few documents are asked for with every request, and to find one here
// costs a third of what it costs in the cache, which hashes three texts and notes each use. It is believed
// until anything at all is dropped, and for no longer than recentFor, so that the cache hears of what is used.
type recent struct {
	seed  maphash.Seed
	drops atomic.Uint64 // grows after something was dropped, and before whoever dropped it goes on
	// Each key has one place, and shares it with others: whoever was asked for last has it.
	places [recentPlaces]atomic.Pointer[glimpse]
}

const (
	recentPlaces = 1024
	recentFor    = time.Second
)

// glimpse is a value as it was found.
type glimpse struct {
	key   store.Key
	value any
	drops uint64 // counted before it was looked for
	until int64  // of the cache's clock
}

func (r *recent) place(k store.Key) *atomic.Pointer[glimpse] {
	return &r.places[maphash.String(r.seed, k.ID)%recentPlaces]
}

// Peek implements store.Cache.
func (m *Cache) Peek(k store.Key) (any, bool) {
	now, drops, place := m.clock.NowNano(), m.recent.drops.Load(), m.recent.place(k)
	if g := place.Load(); g != nil && g.drops == drops && now < g.until && g.key == k {
		m.hits.Add(1)
		return g.value, true
	}
	found, ok := m.entries.Load().GetEntry(k)
	if !ok {
		return nil, false
	}
	m.hits.Add(1)
	place.Store(&glimpse{key: k, value: found.Value, drops: drops, until: min(found.ExpiresAtNano, now+int64(recentFor))})
	return found.Value, true
}

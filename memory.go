package cardea

import (
	"crypto/sha256"
	"sync"
)

// Bounds of the memory for verified tokens.
const (
	maxRemembered      = 10_000
	maxRememberedBytes = 32 << 20
)

// digest is the SHA-256 of a token: the memory holds no tokens that somebody could steal from it.
type digest = [sha256.Size]byte

// memory remembers verified tokens so that each signature is checked once. It holds two generations:
// when the young one is full, it becomes the old one and the old one is dropped, which bounds the
// memory without a list to keep in order on every hit. Only tokens with a good signature enter, so a
// stranger cannot push anything out.
type memory struct {
	mu         sync.RWMutex
	young, old map[digest]*verified
	bytes      int // size of young
	limit      int // entries per generation
	limitBytes int // bytes per generation
}

func newMemory(entries, bytes int) *memory {
	return &memory{young: make(map[digest]*verified), limit: entries / 2, limitBytes: bytes / 2}
}

// find is what was remembered, or nil. A hit in the old generation moves to the young one.
func (m *memory) find(d digest) *verified {
	m.mu.RLock()
	v, young := m.young[d]
	if !young {
		v = m.old[d]
	}
	m.mu.RUnlock()
	if v != nil && !young {
		m.put(d, v)
	}
	return v
}

func (m *memory) put(d digest, v *verified) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.young[d] != nil {
		m.young[d] = v
		return
	}
	if len(m.young) >= m.limit || m.bytes+v.size() > m.limitBytes {
		m.old, m.young, m.bytes = m.young, make(map[digest]*verified), 0
	}
	m.young[d] = v
	m.bytes += v.size()
}

func (m *memory) forget(d digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v := m.young[d]; v != nil {
		m.bytes -= v.size()
	}
	delete(m.young, d)
	delete(m.old, d)
}

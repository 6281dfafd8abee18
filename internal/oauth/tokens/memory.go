package tokens

import (
	"crypto/sha256"
	"sync"

	"github.com/cardea-auth/cardea/internal/kit/id"
)

// maxRemembered is how many verified JWTs each of the two generations holds: about 8 MB when full.
const maxRemembered = 8192

// memoryKey names a token of a tenant without holding it.
type memoryKey struct {
	tenant id.Tenant
	sum    [sha256.Size]byte
}

func keyOf(t id.Tenant, token string) memoryKey {
	return memoryKey{tenant: t, sum: sha256.Sum256([]byte(token))}
}

// memory remembers JWTs whose signature and claims were found good: a signature costs 50 µs to check,
// a look here 0.2. Nothing about time, keys or revocation is remembered; those are looked at on each
// use. When the young generation is full it becomes the old one, and the old one is forgotten.
type memory struct {
	mu         sync.RWMutex
	young, old map[memoryKey]*Access
}

func newMemory() *memory { return &memory{young: map[memoryKey]*Access{}} }

func (m *memory) find(k memoryKey) *Access {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if a := m.young[k]; a != nil {
		return a
	}
	return m.old[k]
}

func (m *memory) put(k memoryKey, a *Access) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.young) >= maxRemembered {
		m.old, m.young = m.young, make(map[memoryKey]*Access, maxRemembered/4)
	}
	m.young[k] = a
}

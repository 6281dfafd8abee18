package envelope

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// The form of a sealed text.
const (
	version   = 1
	headSize  = 1 + 4 + nonceSize // version, number of the data key, nonce
	nonceSize = 12
	tagSize   = 16
)

// Bounds of a data key.
const (
	maxSeals  = 1 << 31 // after so many seals it is replaced
	sealBlock = 1 << 20 // so many seals are written down at a time, before they are used
)

// reloadEvery is how long a sealed text with an unknown key number waits for the next look into the
// store, so that forged texts cost no reads.
const reloadEvery = 100 * time.Millisecond

// Errors of sealing and opening. They say nothing about the text.
var (
	// ErrLocked means that Unlock has not succeeded.
	ErrLocked = errors.New("envelope: locked")
	// ErrSealed means that a text does not open: it was changed, moved to another place, sealed by
	// another database, or never sealed.
	ErrSealed = errors.New("envelope: does not open")
)

// Config is what a Sealer needs; all of it is required.
type Config struct {
	Master Master
	Guard  *access.Guard // for permits of routine work: store.seal_key
}

// Sealer implements store.Sealer. It is safe for concurrent use; sealing and opening take no lock
// once the tenant's keys are in memory.
type Sealer struct {
	guard *access.Guard
	rings sync.Map // id.Tenant → *ring

	db       *store.DB
	keys     *store.Collection[ringDocument]
	canaries *store.Collection[canaryDocument]

	// mu guards the slow path: loading, making and replacing data keys.
	mu       sync.Mutex
	masters  []Master // the one in use first; a second one during a change of the master key
	unlocked bool

	changing sync.Mutex // one Rewrap or Finish at a time

	maxSeals, sealBlock int64 // for tests
}

var _ store.Sealer = (*Sealer)(nil)

// ring is the data keys of a tenant in memory. It is not changed but replaced.
type ring struct {
	sealing  *sealing
	byNumber map[uint32]cipher.AEAD
	loaded   time.Time
}

// sealing is the key that seals and how often it may still do so before the next block is counted.
type sealing struct {
	number uint32
	aead   cipher.AEAD
	left   atomic.Int64
}

// New makes a locked sealer: until Attach and Unlock it refuses everything.
func New(c Config) *Sealer {
	return &Sealer{guard: c.Guard, masters: []Master{c.Master}, maxSeals: maxSeals, sealBlock: sealBlock}
}

// Attach declares the sealer's documents to the DB that it serves. It is called once, before Ensure.
func (s *Sealer) Attach(db *store.DB) {
	s.db = db
	s.keys = store.NewCollection(db, ringKind())
	s.canaries = store.NewCollection(db, canaryKind())
}

// Seal implements store.Sealer: about 0.2 µs for a short text. The first seal for a tenant makes its
// first data key, and every 2²⁰-th writes down the next block, so those need the store.
func (s *Sealer) Seal(ctx context.Context, t id.Tenant, additional, plain []byte) ([]byte, error) {
	k := s.ready(t)
	if k == nil {
		var err error
		if k, err = s.reserve(ctx, t); err != nil {
			return nil, fmt.Errorf("finding a data key: %w", err)
		}
	}
	out := make([]byte, headSize, headSize+len(plain)+tagSize)
	out[0] = version
	binary.BigEndian.PutUint32(out[1:], k.number)
	nonce := out[headSize-nonceSize : headSize]
	rand.Read(nonce)
	return k.aead.Seal(out, nonce, plain, additional), nil
}

// Open implements store.Sealer: about 0.1 µs for a short text. ErrSealed if it does not open.
func (s *Sealer) Open(ctx context.Context, t id.Tenant, additional, sealed []byte) ([]byte, error) {
	if len(sealed) < headSize+tagSize || sealed[0] != version {
		return nil, ErrSealed
	}
	number := binary.BigEndian.Uint32(sealed[1:])
	aead, ok := s.known(t, number)
	if !ok {
		var err error
		if aead, err = s.find(ctx, t, number); err != nil {
			return nil, err
		}
	}
	plain, err := aead.Open(nil, sealed[headSize-nonceSize:headSize], sealed[headSize:], additional)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

func (s *Sealer) ring(t id.Tenant) *ring {
	if r, ok := s.rings.Load(t); ok {
		return r.(*ring)
	}
	return nil
}

// ready is the key that seals, with one seal taken off its block; nil when the block is used up.
func (s *Sealer) ready(t id.Tenant) *sealing {
	r := s.ring(t)
	if r == nil || r.sealing == nil || r.sealing.left.Add(-1) < 0 {
		return nil
	}
	return r.sealing
}

func (s *Sealer) known(t id.Tenant, number uint32) (cipher.AEAD, bool) {
	if r := s.ring(t); r != nil {
		aead, ok := r.byNumber[number]
		return aead, ok
	}
	return nil, false
}

// find looks for a data key that is not in memory: the tenant was not met yet, or another node has
// made a new key.
func (s *Sealer) find(ctx context.Context, t id.Tenant, number uint32) (cipher.AEAD, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.unlocked {
		return nil, ErrLocked
	}
	if aead, ok := s.known(t, number); ok {
		return aead, nil
	}
	if r := s.ring(t); r != nil {
		// A clock that was set back makes the age negative; then it is time to read, too.
		if age := s.db.Now().Sub(r.loaded); age >= 0 && age < reloadEvery {
			return nil, ErrSealed
		}
	}
	if err := s.load(ctx, t); err != nil {
		return nil, err
	}
	if aead, ok := s.known(t, number); ok {
		return aead, nil
	}
	return nil, ErrSealed
}

// load reads the tenant's data keys into memory. A tenant that has none gets an empty ring, so that
// forged texts do not read again and again.
func (s *Sealer) load(ctx context.Context, t id.Tenant) error {
	doc, err := s.keys.In(id.System).Get(ctx, string(t))
	if errs.Is(err, errs.NotFound) {
		s.rings.Store(t, &ring{loaded: s.db.Now()})
		return nil
	}
	if err != nil {
		return err
	}
	return s.keep(t, doc, nil)
}

// keep puts the data keys of doc into memory. seal is the key that seals from now on, or nil: then
// the one in memory goes on with its block, if it is still the current one.
func (s *Sealer) keep(t id.Tenant, doc *ringDocument, seal *sealing) error {
	old := s.ring(t)
	next := &ring{byNumber: make(map[uint32]cipher.AEAD, len(doc.Keys)), loaded: s.db.Now(), sealing: seal}
	for _, k := range doc.Keys {
		if old != nil && old.byNumber[k.Number] != nil {
			next.byNumber[k.Number] = old.byNumber[k.Number]
			continue
		}
		aead, err := s.unwrap(t, k)
		if err != nil {
			return err
		}
		next.byNumber[k.Number] = aead
	}
	if seal != nil {
		seal.aead = next.byNumber[seal.number]
	} else if old != nil && old.sealing != nil && old.sealing.number == doc.Current {
		next.sealing = old.sealing
	}
	s.rings.Store(t, next)
	return nil
}

func (s *Sealer) unwrap(t id.Tenant, k dataKey) (cipher.AEAD, error) {
	plain, err := unwrapAny(s.masters, t, k)
	if err != nil {
		return nil, err
	}
	return newAEAD(plain)
}

// unwrapAny opens a data key by whichever of the master keys wrapped it.
func unwrapAny(masters []Master, t id.Tenant, k dataKey) ([]byte, error) {
	for _, m := range masters {
		box, ok := k.Wraps[m.ID()]
		if !ok {
			continue
		}
		plain, err := m.unwrap(box, wrapPlace(t, k.Number))
		if err != nil {
			return nil, fmt.Errorf("unwrapping data key %d of tenant %s: %w", k.Number, t, err)
		}
		return plain, nil
	}
	return nil, fmt.Errorf("unwrapping data key %d of tenant %s: it is not wrapped by the master key of this server", k.Number, t)
}

// Refresh reads again the data keys of every tenant in memory, so that a key that another node has
// retired seals no longer here. Wiring calls it every minute where several nodes share a store.
func (s *Sealer) Refresh(ctx context.Context) error {
	var all []error
	s.rings.Range(func(t, _ any) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		all = append(all, s.load(ctx, t.(id.Tenant)))
		return ctx.Err() == nil
	})
	return errors.Join(all...)
}

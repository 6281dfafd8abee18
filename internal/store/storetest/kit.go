package storetest

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// Epoch is where a Clock starts that is not told otherwise.
var Epoch = time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)

// Clock is a clock that stands still until it is moved. It is safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock makes a clock that stands at Epoch.
func NewClock() *Clock { return &Clock{at: Epoch} }

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Set moves the clock to t, which may lie in the past.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = t
}

// Advance moves the clock by d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Option changes what NewDB makes.
type Option func(*setup)

type setup struct {
	now    func() time.Time
	cache  store.Cache
	second store.Second
	sealer store.Sealer
	wrap   func(store.Engine) store.Engine
	faults *Faults
	path   string
}

// WithClock sets the time by c. Without it the time is the machine's.
func WithClock(c *Clock) Option { return WithNow(c.Now) }

// WithNow sets the time by now.
func WithNow(now func() time.Time) Option { return func(s *setup) { s.now = now } }

// WithCache puts a cache in front of View.
func WithCache(c store.Cache) Option { return func(s *setup) { s.cache = c } }

// WithSecond puts a second cache behind the first; the engine must be one that nodes share.
func WithSecond(x store.Second) Option { return func(s *setup) { s.second = x } }

// WithSealer replaces the test sealer.
func WithSealer(x store.Sealer) Option { return func(s *setup) { s.sealer = x } }

// WithEngine wraps the engine, for instance into Faults.
func WithEngine(wrap func(store.Engine) store.Engine) Option {
	return func(s *setup) { s.wrap = wrap }
}

// WithPath names a database that outlives the DB, so that a test can open it twice: the path of a file
// in a directory of the test's.
func WithPath(path string) Option { return func(s *setup) { s.path = path } }

// NewDB makes a DB over an engine of its own, which the end of the test closes. It knows the store's
// own collections; call Ensure after declaring more.
func NewDB(t testing.TB, options ...Option) *store.DB {
	t.Helper()
	s := setup{now: time.Now, sealer: NewSealer()}
	for _, o := range options {
		o(&s)
	}
	engine := open(t, s)
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Errorf("closing the engine: %v", err)
		}
	})
	var used store.Engine = engine
	if s.wrap != nil {
		used = s.wrap(engine)
	}
	if s.faults != nil {
		s.sealer = faultySealer{Sealer: s.sealer, faults: s.faults}
	}
	db := store.New(store.Config{Engine: used, Sealer: s.sealer, Now: s.now, Cache: s.cache, Second: s.second})
	Ensure(t, db)
	return db
}

// Ensure creates the tables of all collections that were declared to db.
func Ensure(t testing.TB, db *store.DB) {
	t.Helper()
	if err := db.Ensure(t.Context()); err != nil {
		t.Fatalf("creating the tables: %v", err)
	}
}

// Guard makes a guard whose decider allows everything. Rules still hold: a caller must be known, and
// an action whose rule says Fresh needs a fresh proof.
func Guard(now func() time.Time) *access.Guard { return access.NewGuard(allow{}, now) }

type allow struct{}

func (allow) DecideAccess(context.Context, access.Request) (access.Decision, error) {
	return access.Decision{Allow: true, Reason: "test"}, nil
}

// Permit is a permit of a background task to do a, for batches that a test writes by hand. With an
// action that is not routine the batch needs an event.
func Permit(t id.Tenant, a access.Action) access.Permit { return Guard(time.Now).Task(t, a) }

// User is a caller who has just proved itself with two factors, by the clock now.
func User(t id.Tenant, userID string, now time.Time) access.Caller {
	proof := access.Proof{Strength: access.TwoFactors, At: now, Session: "test-session"}
	return access.Authenticated(t, access.User(userID), proof, access.Origin{RequestID: "test-request"})
}

// Sealer seals with AES-256-GCM and one random key per tenant. It keeps its keys in memory only.
type Sealer struct {
	mu   sync.Mutex
	keys map[id.Tenant]cipher.AEAD
}

// NewSealer makes a sealer with keys of its own: what another has sealed does not open.
func NewSealer() *Sealer { return &Sealer{keys: map[id.Tenant]cipher.AEAD{}} }

// Seal implements store.Sealer.
func (s *Sealer) Seal(_ context.Context, t id.Tenant, additional, plain []byte) ([]byte, error) {
	aead, err := s.key(t)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return aead.Seal(nonce, nonce, plain, additional), nil
}

// Open implements store.Sealer.
func (s *Sealer) Open(_ context.Context, t id.Tenant, additional, sealed []byte) ([]byte, error) {
	aead, err := s.key(t)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, errors.New("storetest: sealed text is too short")
	}
	n := aead.NonceSize()
	return aead.Open(nil, sealed[:n], sealed[n:], additional)
}

func (s *Sealer) key(t id.Tenant) (cipher.AEAD, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if aead, ok := s.keys[t]; ok {
		return aead, nil
	}
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	s.keys[t] = aead
	return aead, nil
}

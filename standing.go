package cardea

import (
	"errors"
	"sync"
	"time"
)

const (
	// contactLife is how long silence on the feed may last before the client asks about each token.
	contactLife = 5 * time.Second
	// maxMarks bounds the revocations in force that are kept. A feed that sends more is not followed.
	maxMarks = 1 << 20
	// sweepEvery is how often marks that are over are dropped.
	sweepEvery = 30 * time.Second
)

// kind is what a line of the feed revokes.
type kind uint8

const (
	kindSession kind = iota + 1
	kindUser
	kindClient
	kindTenant
	kindToken
	kindKey
	kindConsent
)

func kindOf(name string) (kind, bool) {
	switch name {
	case "session":
		return kindSession, true
	case "user":
		return kindUser, true
	case "client":
		return kindClient, true
	case "tenant":
		return kindTenant, true
	case "jti":
		return kindToken, true
	case "key":
		return kindKey, true
	case "consent":
		return kindConsent, true
	}
	return 0, false
}

// mark is one revocation in force: tokens of earlier epochs are revoked, until it may be forgotten.
type mark struct {
	minEpoch uint64
	until    int64 // Unix seconds
}

// ref names what is revoked. The tenant has no id here: a feed is one issuer's, and that is a tenant.
type ref struct {
	kind kind
	id   string
}

// byEpoch reports whether a revocation of this kind concerns only tokens of earlier epochs.
func (k kind) byEpoch() bool { return k != kindToken && k != kindKey }

// marks is the set of revocations in force.
type marks struct {
	byRef map[ref]mark
	blind int64 // until then, in Unix seconds, an unknown kind of revocation is in force
}

func newMarks() *marks { return &marks{byRef: make(map[ref]mark)} }

// add puts a revocation in force. Of two about the same thing, the stricter of each part counts.
func (m *marks) add(r ref, n mark) error {
	old, known := m.byRef[r]
	if !known && len(m.byRef) >= maxMarks {
		return errors.New("the feed has more revocations than this client can hold")
	}
	m.byRef[r] = mark{minEpoch: max(old.minEpoch, n.minEpoch), until: max(old.until, n.until)}
	return nil
}

// revoked reports whether v, or anything behind it, was revoked. An epoch that the token does not
// state is 0, below every epoch that a revocation sets.
func (m *marks) revoked(v *verified) bool {
	if len(m.byRef) == 0 {
		return false
	}
	return m.below(kindSession, v.caller.SessionID, v.epochs.session) ||
		m.below(kindUser, v.caller.Subject, v.epochs.user) ||
		m.below(kindClient, v.caller.ClientID, v.epochs.client) ||
		m.below(kindTenant, "", v.epochs.tenant) ||
		// A token that needed no consent states no epoch of one.
		v.epochs.consent != 0 && m.below(kindConsent, v.caller.Subject+"/"+v.caller.ClientID, v.epochs.consent) ||
		m.has(kindToken, v.caller.TokenID) || m.has(kindKey, v.key.kid)
}

func (m *marks) below(k kind, id string, epoch uint64) bool {
	n, ok := m.byRef[ref{k, id}]
	return ok && epoch < n.minEpoch
}

func (m *marks) has(k kind, id string) bool {
	_, ok := m.byRef[ref{k, id}]
	return ok
}

func (m *marks) sweep(now int64) {
	for r, n := range m.byRef {
		if n.until < now {
			delete(m.byRef, r)
		}
	}
}

// standing is what is known about revocations, and how fresh that is. Readers hold the lock for a few
// map look-ups; the follower is the only writer.
type standing struct {
	mu      sync.RWMutex
	marks   *marks
	heard   time.Time // when the feed was last known to be complete; zero, long ago, if never
	sweepAt int64
}

func newStanding() *standing { return &standing{marks: newMarks()} }

// check reports whether v is revoked as far as is known, and whether what is known is complete as of
// the last five seconds. Wall-clock time is compared, because the monotonic clock stands still while a
// machine sleeps; a clock that was set back counts as lost contact.
func (s *standing) check(v *verified, now time.Time) (gone, inContact bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	silence := now.Round(0).Sub(s.heard)
	inContact = silence >= 0 && silence < contactLife && now.Unix() > s.marks.blind
	return s.marks.revoked(v), inContact
}

// change applies what one line says while the feed is live or resumed.
func (s *standing) change(apply func(*marks) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return apply(s.marks)
}

// replace puts a complete new set in force.
func (s *standing) replace(m *marks) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marks = m
}

// hear notes that everything up to now is known.
func (s *standing) hear(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = now.Round(0)
	if unix := now.Unix(); unix >= s.sweepAt {
		s.marks.sweep(unix)
		s.sweepAt = unix + int64(sweepEvery/time.Second)
	}
}

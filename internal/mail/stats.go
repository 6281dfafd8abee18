package mail

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
)

// Outcome is what a try has come to.
type Outcome string

// The outcomes.
const (
	Sent     Outcome = "sent"
	Deferred Outcome = "deferred" // to be tried again
	Failed   Outcome = "failed"   // refused for good, or expired before it could be sent
)

// Result is one try. It names no person.
type Result struct {
	Tenant   id.Tenant
	Template string
	Outcome  Outcome
	Tries    int
	Age      time.Duration // since the commit
	// Err is why it was not sent, or with Sent why that could not be noted: then it will be sent
	// again under the same Message-ID.
	Err error
}

// Stats is what a relay has done since it was made.
type Stats struct {
	Sent, Deferred, Failed uint64
	Row                    int       // tries that were deferred since one was sent
	LastSent               time.Time // zero: none yet
	LastErr                error     // why the newest try was deferred or failed; nil after one was sent
	StoreErr               error     // why the outbox could not be read or written at the newest look
}

type state struct {
	mu sync.Mutex
	Stats
}

func (s *state) looked(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.StoreErr = err
}

func (s *state) tried(r Result, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.LastErr = r.Err
	switch r.Outcome {
	case Sent:
		s.Sent, s.Row, s.LastSent, s.LastErr = s.Sent+1, 0, now, nil
	case Deferred:
		s.Deferred, s.Row = s.Deferred+1, s.Row+1
	case Failed:
		s.Failed++
	}
}

// Stats returns a consistent picture of the moment.
func (r *Relay) Stats() Stats {
	r.state.mu.Lock()
	defer r.state.mu.Unlock()
	return r.state.Stats
}

// alarm is how many deferred tries in a row are a fault and no longer a server that is restarted.
const alarm = 5

// Check says what keeps mails from leaving, or nil. A server without mail is healthy until it has a
// message to send.
func (r *Relay) Check() error {
	s := r.Stats()
	switch {
	case s.StoreErr != nil:
		return fmt.Errorf("reading the outbox: %w", s.StoreErr)
	case s.Row > 0 && errors.Is(s.LastErr, ErrUnconfigured):
		return s.LastErr
	case s.Row >= alarm:
		return fmt.Errorf("the newest %d tries to send a mail did not succeed: %w", s.Row, s.LastErr)
	}
	return nil
}

// Package revocations keeps the tenant's revocation list at hand: which single tokens are dead, for
// our own doors, and a resumable feed of everything, for services that verify tokens themselves.
//
// The list itself is the tenant's and durable. A Board reads what is new in it, at most four times a
// second and only while somebody asks, and remembers the rest. It never answers from a list that it
// could not read for five seconds: then nobody can say that a token is good.
package revocations

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/tenant"
)

const (
	// freshFor is how long a reading of the list is used without looking again.
	freshFor = 250 * time.Millisecond
	// meanwhileFor is how long it is used by the others while one of them looks again.
	meanwhileFor = 2 * freshFor
	// maxSilence is how long it may be used when the store does not answer.
	maxSilence = 5 * time.Second
	// overlap is how far back each reading starts before the last one: an entry becomes visible a
	// moment after its time, and the clocks of nodes differ.
	overlap = 10 * time.Second
	// leeway is what a verifier may allow a token beyond its expiry.
	leeway = 5 * time.Minute
)

// Board knows what was revoked, per tenant.
type Board struct {
	list    *tenant.Revocations
	tenants oauth.Tenants
	now     func() time.Time

	mu      sync.Mutex
	shelves map[id.Tenant]*shelf
}

// NewBoard makes a Board over the revocation list.
func NewBoard(list *tenant.Revocations, tenants oauth.Tenants, now func() time.Time) *Board {
	return &Board{list: list, tenants: tenants, now: now, shelves: map[id.Tenant]*shelf{}}
}

// shelf is what a Board remembers of one tenant.
type shelf struct {
	reading sync.Mutex // held by the one who reads the list

	mu     sync.RWMutex
	read   time.Time // when the list was last read; zero if it must be read again
	noted  int       // counts the calls of Notice
	seen   map[string]bool
	tokens map[string]time.Time // dead token → until when that matters
	log    []*tenant.Revocation // in the order in which they were found
	first  int                  // number of log[0]
	newest time.Time            // the latest time of an entry; zero if none was found
	found  time.Time            // when that was found
}

// RevokeToken is the operation that lists a token as dead. After the commit, call Notice.
func (b *Board) RevokeToken(ctx context.Context, t id.Tenant, jti string) store.DocOp {
	return b.list.Add(ctx, t, tenant.RevokedToken, jti, 0)
}

// Notice makes the next question read the list, because this node has just written to it.
func (b *Board) Notice(t id.Tenant) {
	s := b.shelf(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read = time.Time{}
	s.noted++
}

// Dead reports whether the token with this jti was revoked by itself. Unavailable if nobody can say.
func (b *Board) Dead(ctx context.Context, t id.Tenant, jti string) (bool, error) {
	s := b.shelf(t)
	dead, fresh := s.look(jti, b.now(), freshFor)
	if dead || fresh {
		return dead, nil
	}
	if err := b.refresh(ctx, t, s); err != nil {
		return false, err
	}
	dead, _ = s.look(jti, b.now(), freshFor)
	return dead, nil
}

func (b *Board) shelf(t id.Tenant) *shelf {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.shelves[t]
	if s == nil {
		s = &shelf{seen: map[string]bool{}, tokens: map[string]time.Time{}}
		b.shelves[t] = s
	}
	return s
}

// look says whether the token is known to be dead, and whether the list was read no longer ago than that.
func (s *shelf) look(jti string, now time.Time, ago time.Duration) (dead, fresh bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, dead = s.tokens[jti]
	age := now.Sub(s.read)
	return dead, !s.read.IsZero() && age >= 0 && age < ago
}

// since is from when on the list must be read: a little before the newest entry, until a reading has begun
// when all that was on its way then must have come. Without that end a crowd that was revoked at once would
// be read again four times a second, for as long as nobody else is.
func (s *shelf) since() time.Time {
	switch {
	case s.newest.IsZero():
		return time.Time{}
	case s.read.Sub(s.found) > overlap:
		return s.newest.Add(time.Millisecond) // as exact as the list is ordered
	}
	return s.newest.Add(-overlap)
}

// refresh reads what is new in the list. Those who come while somebody reads use what was read before, as
// long as they may; then they wait, and find that there is nothing left to do.
func (b *Board) refresh(ctx context.Context, t id.Tenant, s *shelf) error {
	if !s.reading.TryLock() {
		if _, usable := s.look("", b.now(), meanwhileFor); usable {
			return nil
		}
		s.reading.Lock()
	}
	defer s.reading.Unlock()
	if _, fresh := s.look("", b.now(), freshFor); fresh {
		return nil
	}
	s.mu.RLock()
	since, last, noted := s.since(), s.read, s.noted
	s.mu.RUnlock()
	start := b.now()
	found, err := b.after(ctx, t, since)
	if err != nil {
		if age := start.Sub(last); !last.IsZero() && age >= 0 && age < maxSilence {
			return nil
		}
		return errs.Busy(time.Second, err, "revocations_unavailable", "Whether the token was revoked could not be found out just now.")
	}
	s.add(found, start, noted)
	return nil
}

// after reads all pages of the list from since on.
func (b *Board) after(ctx context.Context, t id.Tenant, since time.Time) ([]*tenant.Revocation, error) {
	var all []*tenant.Revocation
	for r := (page.Request{Limit: page.MaxLimit}); ; {
		p, err := b.list.After(ctx, t, since, r)
		if err != nil {
			return nil, err
		}
		all = append(all, p.Items...)
		if r.Cursor = p.Next; r.Cursor == "" {
			return all, nil
		}
	}
}

func (s *shelf) add(found []*tenant.Revocation, at time.Time, noted int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range found {
		if s.seen[r.ID] {
			continue
		}
		s.seen[r.ID] = true
		s.log = append(s.log, r)
		if r.At.After(s.newest) {
			s.newest, s.found = r.At, at
		}
		if r.Kind == tenant.RevokedToken {
			s.tokens[r.About] = until(r)
		}
	}
	s.forget(at)
	if s.noted == noted {
		s.read = at
	}
}

// forget drops what no longer matters, oldest first.
func (s *shelf) forget(now time.Time) {
	n := 0
	for n < len(s.log) && until(s.log[n]).Before(now) {
		delete(s.seen, s.log[n].ID)
		if end, ok := s.tokens[s.log[n].About]; ok && end.Before(now) {
			delete(s.tokens, s.log[n].About)
		}
		n++
	}
	s.log, s.first = slices.Delete(s.log, 0, n), s.first+n
}

// until is when every token that r is about has expired for everybody.
func until(r *tenant.Revocation) time.Time { return r.At.Add(tenant.RevocationLife + leeway) }

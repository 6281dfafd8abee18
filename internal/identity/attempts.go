package identity

import (
	"context"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
)

// Lockout says how guessing is slowed down. The zero value means the defaults.
type Lockout struct {
	Free    int           // failures that cost nothing but the last of which starts the first wait; default 5
	First   time.Duration // the first wait; each further failure doubles it; default 1m
	Longest time.Duration // no wait is longer; default 60m
	Forget  time.Duration // after so long without a failure all is forgotten; default 24h
}

func (l Lockout) effective() Lockout {
	if l.Free == 0 {
		l.Free = 5
	}
	if l.First == 0 {
		l.First = time.Minute
	}
	if l.Longest == 0 {
		l.Longest = time.Hour
	}
	if l.Forget == 0 {
		l.Forget = 24 * time.Hour
	}
	return l
}

// wait is how long an account waits after its n-th failure in a row.
func (l Lockout) wait(n int) time.Duration {
	if n < l.Free {
		return 0
	}
	if over := n - l.Free; over < 32 {
		return min(l.First<<over, l.Longest)
	}
	return l.Longest
}

// attempts counts the failures of one account, one unknown name or one known device.
type attempts struct {
	store.Meta
	Failures int       `json:"failures"`
	Until    time.Time `json:"until,omitzero"` // no attempt is evaluated before
	Last     time.Time `json:"last,omitzero"`
}

// account is the key under which attempts are counted. An unknown name is counted by the hash of its
// canonical form, so that unknown and known names lock alike and no spelling resets a count.
type account string

func knownAccount(userID string) account { return account("u/" + userID) }
func unknownName[S ~string](canonical S) account {
	return account("n/" + secret.Hash(string(canonical)))
}
func knownDevice(deviceID string) account { return account("d/" + deviceID) }

// ledger keeps the counts.
type ledger struct {
	db      *store.DB
	rule    Lockout
	entries *store.Collection[attempts]
	gates   gates
}

func newLedger(db *store.DB, rule Lockout) *ledger {
	return &ledger{
		db: db, rule: rule.effective(),
		entries: store.NewCollection(db, store.Kind[attempts]{
			Name: "attempts", Noun: "count of attempts",
			Meta: func(a *attempts) *store.Meta { return &a.Meta },
		}),
		gates: gates{held: map[gateKey]*gate{}},
	}
}

// read returns the count of a; a new one if there is none.
func (l *ledger) read(ctx context.Context, t id.Tenant, a account) (*attempts, error) {
	doc, err := l.entries.In(t).Get(ctx, string(a))
	if errs.Is(err, errs.NotFound) {
		return &attempts{Meta: store.Meta{ID: string(a)}}, nil
	}
	return doc, err
}

// locked returns how long a still has to wait; 0 if it may try.
func (l *ledger) locked(ctx context.Context, t id.Tenant, a account) (time.Duration, error) {
	doc, err := l.read(ctx, t, a)
	if err != nil {
		return 0, err
	}
	return l.wait(doc), nil
}

// wait is how long who has failed so often still has to wait.
func (l *ledger) wait(a *attempts) time.Duration { return max(0, a.Until.Sub(l.db.Now())) }

// failed is the operation that counts one more failure. Call it again when the commit conflicts.
func (l *ledger) failed(ctx context.Context, t id.Tenant, a account) (store.DocOp, *attempts, error) {
	doc, err := l.read(ctx, t, a)
	if err != nil {
		return store.DocOp{}, nil, err
	}
	now := l.db.Now()
	doc.Failures++
	doc.Last = now
	doc.Until = now.Add(l.rule.wait(doc.Failures))
	doc.Expires = now.Add(l.rule.Forget)
	return l.write(ctx, t, doc), doc, nil
}

// reset is the operation that forgets all failures; false if there are none.
func (l *ledger) reset(ctx context.Context, t id.Tenant, a account) (store.DocOp, bool, error) {
	doc, err := l.read(ctx, t, a)
	if err != nil || doc.Version == 0 || doc.Failures == 0 {
		return store.DocOp{}, false, err
	}
	doc.Failures, doc.Until = 0, time.Time{}
	doc.Expires = l.db.Now().Add(l.rule.Forget)
	return l.write(ctx, t, doc), true, nil
}

func (l *ledger) write(ctx context.Context, t id.Tenant, doc *attempts) store.DocOp {
	if doc.Version == 0 {
		return l.entries.In(t).Insert(ctx, doc)
	}
	return l.entries.In(t).Replace(ctx, doc)
}

// gates let one attempt at an account through at a time, so that a burst of parallel guesses cannot
// all be evaluated before the first of them is counted.
type gates struct {
	mu   sync.Mutex
	held map[gateKey]*gate
}

type gateKey struct {
	tenant  id.Tenant
	account account
}

type gate struct {
	turn  chan struct{} // holds one token while the gate is taken
	users int
}

// maxWaiting is how many attempts at one account may wait for their turn.
const maxWaiting = 8

// enter waits for the turn of an attempt and returns the function that ends it.
func (g *gates) enter(ctx context.Context, t id.Tenant, a account) (leave func(), err error) {
	k := gateKey{t, a}
	g.mu.Lock()
	gt := g.held[k]
	if gt == nil {
		gt = &gate{turn: make(chan struct{}, 1)}
		g.held[k] = gt
	}
	if gt.users > maxWaiting {
		g.mu.Unlock()
		return nil, errs.TooMany(time.Second, "too_many_attempts", "Too many attempts at once; wait a moment.")
	}
	gt.users++
	g.mu.Unlock()
	select {
	case gt.turn <- struct{}{}:
		return func() { <-gt.turn; g.drop(k, gt) }, nil
	case <-ctx.Done():
		g.drop(k, gt)
		return nil, errs.Busy(time.Second, ctx.Err(), "timeout", "The request took too long.")
	}
}

func (g *gates) drop(k gateKey, gt *gate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if gt.users--; gt.users == 0 {
		delete(g.held, k)
	}
}

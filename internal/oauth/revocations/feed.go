package revocations

import (
	"cmp"
	"context"
	"encoding/binary"
	"iter"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/clientauth"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// CodeGone is the code of the error for a cursor that is unknown or too old. A door answers 410, and
// the follower starts again from nothing.
const CodeGone = "cursor_gone"

// The kinds of entry besides those of the revocation list.
const (
	Live      tenant.RevocationKind = "live"      // everything that was in force has been said
	Heartbeat tenant.RevocationKind = "heartbeat" // nothing new
)

const (
	beat = time.Second
	// maxFuture is how far ahead of our clock a cursor of another node may lie.
	maxFuture = time.Minute
)

// Entry is one line of the feed.
type Entry struct {
	Kind     tenant.RevocationKind `json:"kind"`
	ID       string                `json:"id,omitzero"`
	MinEpoch int64                 `json:"min_epoch,omitzero"` // tokens of a lower epoch are dead
	Until    int64                 `json:"until,omitzero"`     // Unix seconds after which it may be forgotten
	Cursor   string                `json:"cursor"`             // resumes after this line
}

// Follow returns the feed of revocations after a cursor; the empty cursor means from nothing. First
// comes everything still in force, then one Live entry, then each revocation as it is found and a
// Heartbeat every second, until ctx ends or the list cannot be read for five seconds, which yields an
// error and ends the feed. Some entries may come twice; they mean the same.
//
// Only a confidential client that answers for an audience may follow: unauthorized_client otherwise.
func (b *Board) Follow(ctx context.Context, client clientauth.Proven, after string) (iter.Seq2[Entry, error], error) {
	if !client.Confidential() || len(client.Client().Serves) == 0 {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "Only a client that answers for an audience may follow revocations.")
	}
	from, err := b.position(after)
	if err != nil {
		return nil, err
	}
	f := &follower{board: b, tenant: client.Tenant(), shelf: b.shelf(client.Tenant())}
	if err := f.catchUp(ctx, from); err != nil {
		return nil, err
	}
	return func(yield func(Entry, error) bool) { f.run(ctx, yield) }, nil
}

// position reads a cursor: the time from which on the follower may have missed something.
func (b *Board) position(cursor string) (time.Time, error) {
	if cursor == "" {
		return time.Time{}, nil
	}
	payload, ok := opaque.Payload(opaque.Feed, cursor)
	if !ok || len(payload) != 8 {
		return time.Time{}, gone()
	}
	at, now := time.UnixMilli(int64(binary.BigEndian.Uint64(payload))), b.now()
	if at.Before(now.Add(-tenant.RevocationLife)) || at.After(now.Add(maxFuture)) {
		return time.Time{}, gone()
	}
	return at.Add(-overlap), nil
}

func cursor(at time.Time) string {
	return opaque.With(opaque.Feed, binary.BigEndian.AppendUint64(nil, uint64(at.UnixMilli())))
}

func gone() error {
	return errs.New(errs.Precondition, CodeGone, "This cursor is not known any more; start again without one.")
}

// follower is one feed.
type follower struct {
	board  *Board
	tenant id.Tenant
	shelf  *shelf
	next   int   // number of the next entry of the shelf's log
	epoch  int64 // of the tenant, as last told
	ready  []Entry
}

// catchUp collects everything in force since from, oldest first.
func (f *follower) catchUp(ctx context.Context, from time.Time) error {
	found, at, err := f.news(ctx)
	if err != nil {
		return err
	}
	now := f.board.now()
	found = slices.DeleteFunc(found, func(r *tenant.Revocation) bool { return r.At.Before(from) || until(r).Before(now) })
	slices.SortStableFunc(found, func(a, b *tenant.Revocation) int { return cmp.Compare(a.At.UnixMilli(), b.At.UnixMilli()) })
	for _, r := range found {
		f.ready = append(f.ready, entry(r))
	}
	if err := f.checkTenant(ctx, at); err != nil {
		return err
	}
	f.ready = append(f.ready, Entry{Kind: Live, Cursor: cursor(at)})
	return nil
}

// run yields what is ready and then what comes.
func (f *follower) run(ctx context.Context, yield func(Entry, error) bool) {
	tick := time.NewTicker(freshFor)
	defer tick.Stop()
	told := f.board.now()
	for {
		for _, e := range f.ready {
			if !yield(e, nil) {
				return
			}
		}
		if len(f.ready) > 0 {
			told = f.board.now()
		}
		f.ready = f.ready[:0]
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := f.poll(ctx, told); err != nil {
			yield(Entry{}, err)
			return
		}
	}
}

// poll collects what is new, or a heartbeat when it is time for one.
func (f *follower) poll(ctx context.Context, told time.Time) error {
	found, at, err := f.news(ctx)
	if err != nil {
		return err
	}
	for _, r := range found {
		f.ready = append(f.ready, entry(r))
	}
	if err := f.checkTenant(ctx, at); err != nil {
		return err
	}
	now := f.board.now()
	// A heartbeat promises that nothing was missed, so there is none while the list cannot be read.
	if len(f.ready) == 0 && now.Sub(told) >= beat-freshFor/2 && now.Sub(at) < beat {
		f.ready = append(f.ready, Entry{Kind: Heartbeat, Cursor: cursor(at)})
	}
	return nil
}

// news are the entries that this feed has not had yet, and the time of the reading they come from.
func (f *follower) news(ctx context.Context) ([]*tenant.Revocation, time.Time, error) {
	if _, fresh := f.shelf.look("", f.board.now(), freshFor); !fresh {
		if err := f.board.refresh(ctx, f.tenant, f.shelf); err != nil {
			return nil, time.Time{}, err
		}
	}
	s := f.shelf
	s.mu.RLock()
	defer s.mu.RUnlock()
	at := s.read
	if at.IsZero() { // a notice came in between: say so much less
		at = f.board.now().Add(-maxSilence)
	}
	begin := max(f.next-s.first, 0)
	found := slices.Clone(s.log[min(begin, len(s.log)):])
	f.next = s.first + len(s.log)
	return found, at, nil
}

// checkTenant tells when everything of the tenant was ended. The tenant's epoch is the time of that.
func (f *follower) checkTenant(ctx context.Context, at time.Time) error {
	t, err := f.board.tenants.Standing(ctx, f.tenant)
	if err != nil {
		return err
	}
	matters := time.Unix(t.Epoch, 0).Add(tenant.RevocationLife + leeway)
	if t.Epoch > f.epoch && matters.After(f.board.now()) {
		f.ready = append(f.ready, Entry{
			Kind: tenant.RevokedTenant, ID: string(f.tenant), MinEpoch: t.Epoch, Until: matters.Unix(), Cursor: cursor(at),
		})
	}
	f.epoch = max(f.epoch, t.Epoch)
	return nil
}

func entry(r *tenant.Revocation) Entry {
	return Entry{
		Kind: r.Kind, ID: r.About, MinEpoch: r.MinEpoch, Until: until(r).Unix() + 1,
		Cursor: cursor(r.At),
	}
}

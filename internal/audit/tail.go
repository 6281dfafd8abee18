package audit

import (
	"context"
	"iter"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/pause"
	"github.com/cardea-auth/cardea/internal/store"
)

// tailEvery is how often a follower looks for events that another node has sealed; those sealed here
// wake it at once.
const tailEvery = 500 * time.Millisecond

// FromStart has Tail begin with the first event.
const FromStart int64 = -1

// Tail follows the log from after the event numbered after until ctx ends; 0 means from now on. It
// sees sealed events only, so their numbers are dense, order them and name where to resume: a follower
// that comes back with the last number it has seen misses nothing and sees nothing twice. An event
// arrives within 0.7 s. The permission audit.read is asked for again while it follows; an error is the
// last thing it yields.
func (l *Log) Tail(ctx context.Context, c access.Caller, after int64) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		last, err := l.tailFrom(ctx, c, after)
		for err == nil {
			var more bool
			rung := l.sealed.Rung() // before looking, so that no ring is missed
			if last, more, err = l.tailOnce(ctx, c, last, yield); err != nil || last < 0 {
				break
			}
			if !more && pause.Until(ctx, rung, tailEvery) != nil {
				return
			}
		}
		if err != nil && ctx.Err() == nil {
			yield(nil, err)
		}
	}
}

func (l *Log) tailFrom(ctx context.Context, c access.Caller, after int64) (int64, error) {
	if err := l.mayRead(ctx, c); err != nil {
		return 0, err
	}
	switch {
	case after == FromStart:
		return 0, nil
	case after != 0:
		return max(0, after), nil
	}
	h, err := l.head(ctx, c.Tenant())
	if err != nil {
		return 0, err
	}
	return h.Size, nil
}

// tailOnce yields what is there behind last, at most a page, and returns the new last, or -1 when the
// follower has had enough.
func (l *Log) tailOnce(ctx context.Context, c access.Caller, last int64, yield func(*Event, error) bool) (int64, bool, error) {
	if err := l.mayRead(ctx, c); err != nil {
		return last, false, err
	}
	next := store.Int(last + 1)
	p, err := l.events.In(c.Tenant()).Find(ctx, store.Query{Index: store.EventsBySeq, From: &next, Request: page.Request{Limit: page.DefaultLimit}})
	if err != nil {
		return last, false, err
	}
	for _, e := range p.Items {
		e.Salt = ""
		if !yield(e, nil) {
			return -1, false, nil
		}
		last = e.Seq
	}
	return last, p.Next != "", nil
}

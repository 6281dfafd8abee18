package store

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

// touchEvery is how often the last use of one document is written; touchQueue is how many writes may
// wait before further ones are dropped.
const (
	touchEvery = time.Minute
	touchQueue = 1024
)

// Touch says how documents of one kind tell when they were last used.
type Touch[T any] struct {
	Action access.Action // a routine one
	Last   func(*T) *time.Time
	Live   func(*T) bool // what is over is not touched any more
	// Written is told of a use that was written, and of the one before; nil tells nobody.
	Written func(t id.Tenant, before, now time.Time)
}

// Touches writes when documents were last used: at most once a minute each, and never in the way of a
// request. What could not be written is lost; the next use tries again.
type Touches[T any] struct {
	Touch[T]
	all   *Collection[T]
	guard *access.Guard
	queue chan touched
}

type touched struct {
	tenant id.Tenant
	id     string
}

// NewTouches makes the touches of a collection. Run writes them.
func NewTouches[T any](all *Collection[T], g *access.Guard, how Touch[T]) *Touches[T] {
	return &Touches[T]{Touch: how, all: all, guard: g, queue: make(chan touched, touchQueue)}
}

func (s *Touches[T]) due(doc *T) bool {
	return s.all.db.Now().Sub(*s.Last(doc)) >= touchEvery && s.Live(doc)
}

// Note asks for the last use of doc, which is not changed, to be written. When too many wait, this one is
// dropped.
func (s *Touches[T]) Note(t id.Tenant, doc *T) {
	if !s.due(doc) {
		return
	}
	select {
	case s.queue <- touched{t, s.all.kind.Meta(doc).ID}:
	default:
	}
}

// Run writes until ctx ends.
func (s *Touches[T]) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case x := <-s.queue:
			_ = s.write(ctx, x)
		}
	}
}

func (s *Touches[T]) write(ctx context.Context, x touched) error {
	in := s.all.In(x.tenant)
	doc, err := in.Get(ctx, x.id)
	if err != nil || !s.due(doc) {
		return err
	}
	before, now := *s.Last(doc), s.all.db.Now()
	*s.Last(doc) = now
	_, err = s.all.db.Commit(ctx, Batch{Permit: s.guard.Task(x.tenant, s.Action), Docs: []DocOp{in.Replace(ctx, doc)}})
	if err == nil && s.Written != nil {
		s.Written(x.tenant, before, now)
	}
	return err
}

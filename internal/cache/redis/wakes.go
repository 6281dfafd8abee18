package redis

import (
	"context"
	"sync"
	"time"

	driver "github.com/redis/go-redis/v9"

	"github.com/cardea-auth/cardea/internal/kit/pause"
	"github.com/cardea-auth/cardea/internal/store"
)

// How often a node tells others, and how it listens.
const (
	// tellEvery is the least time between two messages of a node: each has all others look.
	tellEvery = 10 * time.Millisecond
	// listenEvery is the pause before the next try when nobody can be listened to.
	listenEvery = time.Second
	// pingEvery is how long nothing may be heard before the other side has to say that it is there.
	pingEvery = 3 * time.Second
)

// Wakes tells other nodes that there is something to read, and hears it from them. It implements
// store.Waker: nothing depends on it.
type Wakes struct {
	link    *Link
	channel string
	dirty   chan struct{}
	heard   chan struct{}
}

var _ store.Waker = (*Wakes)(nil)

// NewWakes makes the wakes of a link. Run tells and listens.
func NewWakes(l *Link) *Wakes {
	return &Wakes{link: l, channel: l.vault.name("wake"), dirty: make(chan struct{}, 1), heard: make(chan struct{}, 1)}
}

// Tell implements store.Waker.
func (w *Wakes) Tell() { signal(w.dirty) }

// Heard implements store.Waker.
func (w *Wakes) Heard() <-chan struct{} { return w.heard }

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run tells and listens until ctx ends.
func (w *Wakes) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { w.listen(ctx) })
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.dirty:
		}
		_ = w.link.do(ctx, func(ctx context.Context) error { // if it fails, they look for themselves
			return w.link.client.Publish(ctx, w.channel, "").Err()
		})
		if pause.For(ctx, tellEvery) != nil {
			return
		}
	}
}

func (w *Wakes) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if w.link.Up() {
			_ = w.link.guarded(func() error { w.hear(ctx); return nil })
		}
		if pause.For(ctx, listenEvery) != nil {
			return
		}
	}
}

// hear listens on a connection of its own until it is lost or ctx ends.
func (w *Wakes) hear(ctx context.Context) {
	s := w.link.client.Subscribe(ctx, w.channel)
	defer func() { _ = s.Close() }() // there is nothing to lose
	silent := false
	for {
		m, err := s.ReceiveTimeout(ctx, pingEvery)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && (silent || !isTimeout(err)):
			return
		case err != nil:
			if silent = true; s.Ping(ctx) != nil {
				return
			}
			continue
		}
		silent = false
		if _, ok := m.(*driver.Message); ok {
			signal(w.heard)
		}
	}
}

func isTimeout(err error) bool {
	t, ok := err.(interface{ Timeout() bool })
	return ok && t.Timeout()
}

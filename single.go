package cardea

import (
	"context"
	"errors"
	"sync"
)

// errClosed is what callers get from a client that was closed.
var errClosed = errors.New("the client is closed")

// single runs one piece of work at a time. Who asks while it runs waits for it and shares its result,
// so a thousand callers cost the issuer one call.
type single struct {
	mu  sync.Mutex
	run *run
}

type run struct {
	done chan struct{}
	err  error // set before done is closed
}

// do starts work, or joins the one under way, and waits for its end or ctx's.
func (s *single) do(ctx context.Context, life *lifetime, work func(context.Context) error) error {
	r := s.start(life, work)
	if r == nil {
		return errClosed
	}
	return r.wait(ctx)
}

// start starts work unless some is under way, and returns the one that runs, or nil after the end of
// life. The work belongs to the client's life and not to the caller who was first, who may go away
// without failing the others.
func (s *single) start(life *lifetime, work func(context.Context) error) *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run != nil {
		return s.run
	}
	r := &run{done: make(chan struct{})}
	started := life.spawn(func(ctx context.Context) {
		r.err = work(ctx)
		s.mu.Lock()
		s.run = nil
		s.mu.Unlock()
		close(r.done)
	})
	if !started {
		return nil
	}
	s.run = r
	return r
}

// wait waits for the work under way, if there is any.
func (s *single) wait(ctx context.Context) {
	s.mu.Lock()
	r := s.run
	s.mu.Unlock()
	if r != nil {
		_ = r.wait(ctx) // the caller looks for itself at what the work has brought
	}
}

func (r *run) wait(ctx context.Context) error {
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

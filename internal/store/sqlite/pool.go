package sqlite

import (
	"context"
	"errors"
	"sync"

	"modernc.org/sqlite"
)

// pool lends connections for reading. It opens them when they are first needed and lends the one
// used last, whose page cache is warm.
type pool struct {
	open   func() (*conn, error)
	slots  chan struct{} // full when all connections are lent
	closed chan struct{}

	mu   sync.Mutex
	idle []*conn
	shut bool
}

func newPool(size int, open func() (*conn, error)) *pool {
	return &pool{open: open, slots: make(chan struct{}, size), closed: make(chan struct{})}
}

// with calls f with a connection. It waits for a free one no longer than ctx lives.
func (p *pool) with(ctx context.Context, f func(*conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case p.slots <- struct{}{}:
	default:
		if err := p.wait(ctx); err != nil {
			return err
		}
	}
	defer func() { <-p.slots }()
	c, err := p.take()
	if err != nil {
		return err
	}
	err = f(c)
	p.give(c, err)
	return err
}

func (p *pool) wait(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.closed:
		return ErrClosed
	}
}

func (p *pool) take() (*conn, error) {
	p.mu.Lock()
	if p.shut {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	return p.open()
}

// give takes a connection back. One that has met an error of SQLite is not used again: it may be in
// the middle of a transaction.
func (p *pool) give(c *conn, err error) {
	_, broken := errors.AsType[*sqlite.Error](err)
	p.mu.Lock()
	if !broken && !p.shut {
		p.idle = append(p.idle, c)
		c = nil
	}
	p.mu.Unlock()
	if c != nil {
		_ = c.close() // nothing was written on it
	}
}

// close waits for the connections that are lent and closes all.
func (p *pool) close() error {
	p.mu.Lock()
	if p.shut {
		p.mu.Unlock()
		return nil
	}
	p.shut = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	close(p.closed)
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	var errs []error
	for _, c := range idle {
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}

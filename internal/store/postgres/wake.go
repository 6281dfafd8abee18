package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cardea-auth/cardea/internal/kit/pause"
)

// wakeEvery is the least time between two notifications of a node: PostgreSQL takes one lock for all
// of them, and one with every commit divided the throughput by five.
const wakeEvery = 50 * time.Millisecond

// listenAgain is the pause before the next try when nobody can be listened to.
const listenAgain = time.Second

// waker tells other nodes that there is something to read, and hears it from them. Nothing depends on
// it: without it they look four times a second.
type waker struct {
	channel string
	dirty   chan struct{}
	stop    context.CancelFunc
	live    sync.WaitGroup
}

// start begins to tell. The channel is named after the schema, which the nodes share.
func (w *waker) start(ctx context.Context, e *Engine, schema string) {
	sum := sha256.Sum256([]byte(schema))
	w.channel = "cardea_" + hex.EncodeToString(sum[:8])
	w.dirty = make(chan struct{}, 1)
	ctx, w.stop = context.WithCancel(ctx)
	w.live.Go(func() {
		for w.next(ctx) {
			_ = e.once(ctx, func(ctx context.Context, c *pgx.Conn) error { // if it fails, they look for themselves
				_, err := c.Exec(ctx, "SELECT pg_notify($1, '')", w.channel)
				return err
			})
			if pause.For(ctx, wakeEvery) != nil {
				return
			}
		}
	})
}

func (w *waker) next(ctx context.Context) bool {
	select {
	case <-w.dirty:
		return true
	case <-ctx.Done():
		return false
	}
}

// committed notes that a commit has told other nodes something.
func (w *waker) committed(told bool) {
	if !told || w.dirty == nil {
		return
	}
	select {
	case w.dirty <- struct{}{}:
	default:
	}
}

func (w *waker) close() {
	if w.stop != nil {
		w.stop()
	}
	w.live.Wait()
}

// listen passes on what other nodes tell, until ctx ends or the engine is closed.
func (e *Engine) listen(ctx context.Context, wake chan<- struct{}) {
	for {
		err := e.hear(ctx, wake)
		if err == nil || pause.For(ctx, listenAgain) != nil {
			return
		}
	}
}

// hear listens on a connection of its own, which does not count among those of the pool.
func (e *Engine) hear(ctx context.Context, wake chan<- struct{}) error {
	c, err := pgx.ConnectConfig(ctx, e.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }() // there is nothing to lose
	if _, err := c.Exec(ctx, "LISTEN "+e.waker.channel, pgx.QueryExecModeExec); err != nil {
		return err
	}
	for {
		if _, err := c.WaitForNotification(ctx); err != nil {
			return err
		}
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

package pause

import (
	"context"
	"sync"
	"time"
)

// Bell wakes everybody who waits for something. The zero value is one that has not been rung.
type Bell struct {
	mu   sync.Mutex
	rung chan struct{}
}

// Rung is closed at the next Ring. Ask for it before looking whether it is worth waiting.
func (b *Bell) Rung() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}

// Ring wakes who waits now.
func (b *Bell) Ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}

// Until returns when rung is closed or after most, or with the context's error as soon as that ends.
func Until(ctx context.Context, rung <-chan struct{}, most time.Duration) error {
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-rung:
		return nil
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

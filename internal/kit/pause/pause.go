// Package pause waits, for a time or for a bell, in a way that can be broken off.
package pause

import (
	"context"
	"time"
)

// For returns after d, or with the context's error as soon as that ends.
func For(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

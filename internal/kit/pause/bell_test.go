package pause_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/pause"
)

func TestBell(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b pause.Bell
		b.Ring() // nobody waits: the next one does not count as rung
		var woken atomic.Int32
		for range 3 {
			rung := b.Rung()
			go func() {
				if err := pause.Until(t.Context(), rung, time.Hour); err != nil {
					t.Error(err)
				}
				woken.Add(1)
			}()
			synctest.Wait()
		}
		if woken.Load() != 0 {
			t.Fatalf("%d woke before the bell", woken.Load())
		}
		began := time.Now()
		b.Ring()
		synctest.Wait()
		if woken.Load() != 3 || time.Since(began) != 0 {
			t.Errorf("%d of 3 woke after %v", woken.Load(), time.Since(began))
		}
		if err := pause.Until(t.Context(), b.Rung(), time.Minute); err != nil || time.Since(began) != time.Minute {
			t.Errorf("waited %v for a bell that is not rung: %v", time.Since(began), err)
		}
	})
}

func TestBrokenOff(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var b pause.Bell
	if err := pause.Until(ctx, b.Rung(), time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

package cli

import (
	"testing"
	"time"
)

func TestGCPercent(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{0: 400, 4 << 20: 400, 8 << 20: 300, 12 << 20: 200, 24 << 20: 200, 48 << 20: 200, 64 << 20: 150, 96 << 20: 100, 1 << 30: 100} {
		if got := gcPercent(live); got != want {
			t.Errorf("with %d live bytes: %d %%, want %d", live, got, want)
		}
	}
}

// TestThreadsFollowTheDisk: a fifth of the time in waiting for the disk brings a second thread at once, and three
// calm seconds take it away.
func TestThreadsFollowTheDisk(t *testing.T) {
	t.Parallel()
	p, syncing := pressure{calm: calmAgain}, time.Duration(0)
	for i, step := range []struct {
		more  time.Duration // in a tenth of a second
		times int
		want  int
	}{{0, 5, 1}, {19 * time.Millisecond, 40, 1}, {20 * time.Millisecond, 1, 2}, {time.Millisecond, calmAgain - 1, 2}, {0, 1, 1}, {time.Second, 3, 2}} {
		for range step.times {
			syncing += step.more
			if got := p.threads(syncing); got != step.want {
				t.Fatalf("step %d: %d threads, want %d", i, got, step.want)
			}
		}
	}
}

package cli

import (
	"testing"
	"time"
)

func TestGCPercent(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{0: 400, 4 << 20: 400, 8 << 20: 300, 12 << 20: 200, 24 << 20: 200, 48 << 20: 200, 64 << 20: 150, 96 << 20: 100, 1 << 30: 100} {
		if got := new(room).percent(live, 0); got != want {
			t.Errorf("with %d live bytes: %d %%, want %d", live, got, want)
		}
	}
}

// TestRoomFollowsCollections: frequent ones bring more room, up to a bound, and a second without any takes it back.
func TestRoomFollowsCollections(t *testing.T) {
	t.Parallel()
	var r room
	cycles := uint64(7)
	for i, step := range []struct {
		collections uint64 // in a second
		live        uint64
		want        int
	}{
		{0, 12 << 20, 200}, {2, 12 << 20, 200}, {3, 12 << 20, 400}, {5, 12 << 20, 800}, {9, 12 << 20, 800}, {1, 12 << 20, 800},
		{9, 32 << 20, 300}, {9, 1 << 30, 100}, {0, 12 << 20, 200}, {1, 12 << 20, 200}, {4, 1 << 20, 800},
	} {
		cycles += step.collections
		if i == 0 {
			r.cycles = cycles
		}
		if got := r.percent(step.live, cycles); got != step.want {
			t.Errorf("step %d: %d %%, want %d", i, got, step.want)
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

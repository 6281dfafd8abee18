package cli

import "testing"

func TestGCPercent(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{0: 400, 4 << 20: 400, 8 << 20: 300, 12 << 20: 200, 24 << 20: 200, 48 << 20: 200, 64 << 20: 150, 96 << 20: 100, 1 << 30: 100} {
		if got := gcPercent(live); got != want {
			t.Errorf("with %d live bytes: %d %%, want %d", live, got, want)
		}
	}
}

// TestThreadsFollowCommits: several commits in a tenth of a second bring a second thread at once, and three
// calm seconds take it away.
func TestThreadsFollowCommits(t *testing.T) {
	t.Parallel()
	p, commits := pressure{calm: calmAgain}, int64(0)
	for i, step := range []struct {
		more  int64
		times int
		want  int
	}{{0, 5, 1}, {1, 40, 1}, {2, 1, 2}, {1, calmAgain - 1, 2}, {0, 1, 1}, {300, 3, 2}} {
		for range step.times {
			commits += step.more
			if got := p.threads(commits); got != step.want {
				t.Fatalf("step %d: %d threads, want %d", i, got, step.want)
			}
		}
	}
}

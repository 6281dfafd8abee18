package cli

import "testing"

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

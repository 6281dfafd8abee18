package cli

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// tune sets what the Go runtime cannot know about a server. Who has set GOGC has decided, and is left alone.
func tune(ctx context.Context) {
	if os.Getenv("GOGC") == "" {
		keep := keepRoom()
		keep()
		go every(ctx, time.Second, keep)
	}
}

// room is how much the heap may grow between two garbage collections. The default lets it double, which for the ten
// megabytes of a small installation means a collection every few thousand requests and an eighth of the processor. It
// has headroom always, and more, up to ample, while collections are frequent: then the slowest hundredth of all answers
// waited for them, 1 ms in place of 0.7. A second without any takes it back. A heap that is not large may triple, by
// ample at most: with a graph of 100,000 tuples in it that is a tenth of what a check costs. A large heap keeps the
// default.
type room struct {
	cycles uint64 // collections until it was last asked
	more   uint64 // bytes, while they are frequent
}

const (
	headroom = 24 << 20
	ample    = 96 << 20
	frequent = 3       // collections in a second
	smallest = 6 << 20 // a heap that is smaller counts as this: before the first collection nothing is known to live
)

// percent is asked every second, and answers as GOGC counts.
func (r *room) percent(live, cycles uint64) int {
	switch before := r.cycles; {
	case cycles-before >= frequent:
		r.more = min(max(2*r.more, 2*headroom), ample)
	case cycles == before:
		r.more = 0
	}
	r.cycles = cycles
	live = max(live, smallest)
	return int(100 * max(live, headroom, r.more, min(2*live, ample)) / live)
}

func keepRoom() func() {
	var r room
	set := 0
	return func() {
		s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/cycles/total:gc-cycles"}}
		metrics.Read(s)
		if n := r.percent(s[0].Value.Uint64(), s[1].Value.Uint64()); n != set { // setting it stops everything for a moment
			set = n
			debug.SetGCPercent(n)
		}
	}
}

func every(ctx context.Context, pause time.Duration, f func()) {
	for t := time.NewTicker(pause); ; {
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
			f()
		}
	}
}

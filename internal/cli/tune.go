package cli

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// tune sets what the Go runtime cannot know about a server. Who has set GOMAXPROCS or GOGC has
// decided, and is left alone.
func tune(ctx context.Context, syncing func() time.Duration) {
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) == 1 {
		go every(ctx, 100*time.Millisecond, followDisk(syncing))
	}
	if os.Getenv("GOGC") == "" {
		keep := keepRoom()
		keep()
		go every(ctx, time.Second, keep)
	}
}

// pressure tells how many threads Go should use where the machine or the container has one processor: two while
// much time goes by in waiting for the disk. With one, nothing is read from the network during an fsync that is
// shorter than the runtime takes to notice: commits then stand alone instead of being shared, and some callers wait
// for a second. It was 1,500 refreshes per second with one thread and 2,600 with two, on the same core. With two, the
// system takes turns between them, of 4 ms each, and the collector has one of them to itself: what only reads has 3
// times the p99.
//
// Where a server keeps the data, nothing here waits for a disk, and there is one thread: a commit is a wait for a
// socket, in which the runtime parks the request and no thread, and goes on with whoever else has something to do. The
// flush of the log, and the sharing of it, is PostgreSQL's. In turns on one core, a refresh took 193 to 233 µs of the
// processor with one thread and 235 to 264 with two, beside other work, and no more of them were done in a second.
type pressure struct {
	syncing time.Duration // when it was last asked
	calm    int           // how often the disk was waited for little since it was waited for much
}

// threads is asked every tenth of a second.
func (p *pressure) threads(syncing time.Duration) int {
	p.calm++
	if syncing-p.syncing >= muchWaiting {
		p.calm = 0
	}
	p.syncing = syncing
	if p.calm < calmAgain {
		return 2
	}
	return 1
}

// followDisk sets how many threads Go uses.
func followDisk(syncing func() time.Duration) func() {
	p := pressure{syncing: syncing()}
	return func() {
		if n := p.threads(syncing()); n != runtime.GOMAXPROCS(0) { // setting it stops everything for a moment
			runtime.GOMAXPROCS(n)
		}
	}
}

// Of a tenth of a second, and in tenths of a second.
const (
	muchWaiting = 20 * time.Millisecond
	calmAgain   = 30 // without much waiting
)

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

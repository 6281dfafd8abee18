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
func tune(ctx context.Context, commits func() int64) {
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) == 1 {
		go every(ctx, 100*time.Millisecond, followCommits(commits))
	}
	if os.Getenv("GOGC") == "" {
		keepHeadroom()
		go every(ctx, 10*time.Second, keepHeadroom)
	}
}

// pressure tells how many threads Go should use where the machine or the container has one processor: two for
// as long as much becomes durable. With one, nothing is read from the network during an fsync that is shorter
// than the runtime takes to notice: commits then stand alone instead of being shared, and some callers wait
// for a second. It was 1,500 refreshes per second with one thread and 2,600 with two, on the same core. With
// two, the system takes turns between them, of 4 ms each, and whoever waits for the other one's turn to end is
// slow: what only reads has 3 times the p99.
type pressure struct {
	commits int64 // when it was last asked
	calm    int   // how often there were few more since there were several
}

// threads is asked every tenth of a second.
func (p *pressure) threads(commits int64) int {
	p.calm++
	if commits-p.commits >= severalCommits {
		p.calm = 0
	}
	p.commits = commits
	if p.calm < calmAgain {
		return 2
	}
	return 1
}

// followCommits sets how many threads Go uses.
func followCommits(commits func() int64) func() {
	p := pressure{commits: commits()}
	return func() {
		if n := p.threads(commits()); n != runtime.GOMAXPROCS(0) { // setting it stops everything for a moment
			runtime.GOMAXPROCS(n)
		}
	}
}

// In tenths of a second.
const (
	severalCommits = 2  // in one
	calmAgain      = 30 // without several commits
)

// headroom is how much the heap may always grow between two garbage collections. The default lets it
// double, which for the ten megabytes of a small installation means a collection every few thousand
// requests and an eighth of the processor. A heap that is not large may triple, by ample at most: with a graph
// of 100,000 tuples in it that is a tenth of what a check costs. A large heap keeps the default.
const (
	headroom = 24 << 20
	ample    = 96 << 20
)

func keepHeadroom() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	debug.SetGCPercent(gcPercent(live[0].Value.Uint64()))
}

func gcPercent(live uint64) int {
	growth := max(live, headroom, min(2*live, ample))
	return int(min(100*growth/max(live, 1), 400))
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

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
func tune(ctx context.Context) {
	if os.Getenv("GOMAXPROCS") == "" {
		twoProcessors()
	}
	if os.Getenv("GOGC") == "" {
		keepHeadroom()
		go everyTenSeconds(ctx, keepHeadroom)
	}
}

// twoProcessors lets Go use two threads where the machine or the container has one processor. With one,
// nothing is read from the network during an fsync that is shorter than the runtime takes to notice:
// commits then stand alone instead of being shared, and some callers wait for a second. It was 1,500
// refreshes per second with one thread and 2,600 with two, on the same core.
func twoProcessors() {
	if runtime.GOMAXPROCS(0) == 1 {
		runtime.GOMAXPROCS(2)
	}
}

// headroom is how much the heap may always grow between two garbage collections. The default lets it
// double, which for the ten megabytes of a small installation means a collection every few thousand
// requests and an eighth of the processor. A large heap keeps the default.
const headroom = 24 << 20

func keepHeadroom() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	debug.SetGCPercent(gcPercent(live[0].Value.Uint64()))
}

func gcPercent(live uint64) int {
	return int(min(max(100, 100*headroom/max(live, 1)), 400))
}

func everyTenSeconds(ctx context.Context, f func()) {
	for t := time.NewTicker(10 * time.Second); ; {
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
			f()
		}
	}
}

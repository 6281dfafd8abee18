package password

import (
	"runtime"
	"runtime/metrics"
	"sync"
)

// ledger keeps the memory of hashing under a bound although the library allocates afresh for each
// hash. A finished hash leaves garbage, and the garbage collector, left alone, lets the heap double
// before it looks: that is the base and all slots once more. So the memory of a finished hash stays
// on the books until a collection has run, and a hash that would exceed the bound runs one first.
//
// Measured with 19 MiB and two slots under flood, over a heap of 5 to 60 MiB: left alone, the heap
// grew by 95 to 134 MiB; with the ledger by 38. The collections take 3 to 25 % of the time of
// hashing, in proportion to what else is on the heap. A memory limit for the process (GOMEMLIMIT) of
// about that size kept the bound as well, but took longer, as the collector then runs all the time.
// The resident set follows the heap, but may keep one more freed buffer for a while.
type ledger struct {
	bound uint64 // bytes that hashing may use, garbage included

	mu      sync.Mutex
	running uint64 // bytes of hashes being computed
	dead    uint64 // bytes of finished hashes that are not known to be collected
	cycle   uint64 // collections that were complete when the last of them died
}

// reserve books memory for a hash, after a collection if need be. The caller holds its slots, so the
// running hashes alone never exceed the bound (or are one larger hash), and collecting makes room.
func (l *ledger) reserve(bytes uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	cycle, live := collector()
	if cycle >= l.cycle+2 { // one may have been under way when they died; the next began later
		l.dead = 0
	}
	if l.dead > 0 && l.running+l.dead+bytes > max(l.bound, bytes)+l.tolerated(live) {
		// Whoever needs room meanwhile waits here for this collection, whoever finishes waits too.
		runtime.GC()
		l.dead = 0
	}
	l.running += bytes
}

// finish turns the memory of a hash into garbage.
func (l *ledger) finish(bytes uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running -= bytes
	l.dead += bytes
	l.cycle, _ = collector()
}

// tolerated is how much garbage beyond the bound is cheaper to keep than to collect: half of what
// else lives on the heap. A collection costs in proportion to that, so a process with a large heap
// is spared, and in comparison with its heap the excess is small.
func (l *ledger) tolerated(live uint64) uint64 { return (live - min(live, l.bound)) / 2 }

// collector is how many collections are complete and how many bytes the last one found alive.
func collector() (cycle, live uint64) {
	s := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 || s[1].Value.Kind() != metrics.KindUint64 {
		return 0, 0 // a future runtime without them: the bound is kept without its exceptions
	}
	return s[0].Value.Uint64(), s[1].Value.Uint64()
}

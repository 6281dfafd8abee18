package apart

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	// niceness lets a process have a tenth of the weight of an ordinary one: in a flood hashing takes what
	// the server leaves, and on a busy server it still goes on.
	niceness = 10
	// slice is how long, in nanoseconds, a hash would like to run at once. One that asks for long turns is
	// interrupted as soon as somebody wakes who asks for short ones, as the server does; else it would finish
	// its turn of some milliseconds first (sched(7), Linux 6.12 and later).
	slice = 100_000_000
)

// GiveWay lowers the priority of this process: of every thread, since Linux keeps priorities by thread, and
// of those to come, which inherit it. A system that does not let it is no worse than before.
func GiveWay() {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return
	}
	for _, t := range threads {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: niceness, Runtime: slice}
		if unix.SchedSetAttr(tid, &attr, 0) != nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, tid, niceness)
		}
	}
}

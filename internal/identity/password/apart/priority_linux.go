package apart

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// niceness lets a process of low priority have a tenth of the weight of an ordinary one.
const niceness = 10

// GiveWay lowers the priority of this process: of every thread, since Linux keeps priorities by thread, and
// of those to come, which inherit it. A system that does not let it is no worse than before.
//
// The last priority is SCHED_IDLE (sched(7)): whoever wakes has the processor at once. With any other, who has
// just had more than its share waits until the others had theirs, which for a hash was 10 to 19 ms at a time.
// A process that has no privileges does not come back from it.
func GiveWay(to Priority) {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return
	}
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: niceness}
	if to == Last {
		attr.Policy, attr.Nice = unix.SCHED_IDLE, 0
	}
	for _, t := range threads {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if unix.SchedSetAttr(tid, &attr, 0) != nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, tid, niceness)
		}
	}
}

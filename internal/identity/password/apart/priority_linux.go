package apart

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// niceness lets a process of low priority have a tenth of the weight of an ordinary one.
const niceness = 10

// giveWay lowers the priority of this process: of every thread, since Linux keeps priorities by thread, and
// of those to come, which inherit it. A system that does not let it is no worse than before.
//
// The last priority is SCHED_IDLE (sched(7)): whoever wakes has the processor at once, unless they have just had
// more than their share, be it by a microsecond. Then they wait until the scheduler looks again, which without
// another reason is at the next tick: 4 ms later where there are 250 in a second. The pulse is that reason: a timer
// that wakes the caller's thread, which keeps its ordinary priority and must do nothing else. It costs up to one
// percent of a hash. With any other priority who has had more than its share waits until the others had theirs, which
// for a hash was 10 to 19 ms at a time. A process that has no privileges does not come back from SCHED_IDLE.
func giveWay(to Priority) (pulse func(on bool)) {
	pulse = func(bool) {}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return pulse
	}
	attr, awake := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: niceness}, 0
	if to == Last {
		attr.Policy, attr.Nice = unix.SCHED_IDLE, 0
		if t, err := newTimer(); err == nil {
			pulse, awake = t.pulse, unix.Gettid()
		}
	}
	for _, t := range threads {
		tid, err := strconv.Atoi(t.Name())
		if err != nil || tid == awake {
			continue
		}
		if unix.SchedSetAttr(tid, &attr, 0) != nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, tid, niceness)
		}
	}
	return pulse
}

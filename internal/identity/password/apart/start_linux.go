package apart

import (
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// slack is how much later than asked the system may wake a worker.
const slack = 20 * time.Millisecond

// start starts a worker that need not be woken on time (PR_SET_TIMERSLACK(2const); a thread hands its slack on to
// what it starts). A thread of Go's runtime looks after 20 microseconds, again and again, whether anybody holds
// on to a processor. A hash does so rightly, and was interrupted by it 36 times, each of which cost a virtual machine 9
// microseconds: 2 percent of it. With slack it looks when the kernel has something to do itself.
func start(worker *exec.Cmd) error {
	runtime.LockOSThread() // no thread of our own is made by one that is locked, so none inherits this
	defer runtime.UnlockOSThread()
	if was, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0); err == nil && was > 0 {
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(slack.Nanoseconds()), 0, 0, 0)
		defer func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(was), 0, 0, 0) }()
	}
	return worker.Start()
}

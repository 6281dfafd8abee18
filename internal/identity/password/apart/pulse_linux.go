package apart

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pulseEvery is how long somebody who wakes beside a hash may have to wait for its worker to give way.
const pulseEvery = time.Millisecond

// timer is a timer of the kernel that wakes one thread (timer_create(2) with SIGEV_THREAD_ID), by SIGALRM, which
// nobody in a worker waits for.
type timer struct{ id int32 }

// sigevent is struct sigevent of 64 bytes (sigevent(3type)), and a few more where an address has four.
type sigevent struct {
	value          uintptr
	signal, notify int32
	thread         int32
	_              [48]byte
}

const notifyThread = 4 // SIGEV_THREAD_ID

// newTimer makes a timer for the calling thread. It rests.
func newTimer() (*timer, error) {
	t, e := new(timer), sigevent{signal: int32(unix.SIGALRM), notify: notifyThread, thread: int32(unix.Gettid())}
	_, _, failed := unix.Syscall(unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&e)), uintptr(unsafe.Pointer(&t.id)))
	if failed != 0 {
		return nil, failed
	}
	return t, nil
}

// pulse has the timer wake its thread again and again, or lets it rest. A system that refuses is no worse than
// one without a timer.
func (t *timer) pulse(on bool) {
	var spec unix.ItimerSpec
	if on {
		spec.Interval = unix.NsecToTimespec(pulseEvery.Nanoseconds())
		spec.Value = spec.Interval
	}
	_, _, _ = unix.Syscall6(unix.SYS_TIMER_SETTIME, uintptr(t.id), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}

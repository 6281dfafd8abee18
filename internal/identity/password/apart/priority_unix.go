//go:build unix && !linux

package apart

import "syscall"

// giveWay lowers the priority of this process: to the last there is, or to one with a share even when others
// want everything. A system that does not let it is no worse than before.
func giveWay(to Priority) (pulse func(on bool)) {
	niceness := 10
	if to == Last {
		niceness = 19
	}
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, niceness)
	return func(bool) {}
}

//go:build unix && !linux

package apart

import "syscall"

// niceness lets a process have a tenth of the weight of an ordinary one: in a flood hashing takes what
// the server leaves, and on a busy server it still goes on.
const niceness = 10

// GiveWay lowers the priority of this process. A system that does not let it is no worse than before.
func GiveWay() { _ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, niceness) }

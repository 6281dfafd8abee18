//go:build unix && !linux

package apart

import "syscall"

// niceness is that of each priority: the last there is, and one with a share even when others want everything.
var niceness = map[Priority]int{Last: 19, Low: 10}

// GiveWay lowers the priority of this process. A system that does not let it is no worse than before.
func GiveWay(to Priority) { _ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, niceness[to]) }

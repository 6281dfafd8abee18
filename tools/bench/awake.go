package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
)

// awakeFlag makes this program keep its core from sleeping.
const awakeFlag = "BENCH_AWAKE"

// keepAwake has the server's core do something whenever nobody wants it, until stop is called. The core of a
// virtual machine that has nothing to do is given back to the host, which gives it again some milliseconds after
// somebody is to be woken: at half load that is the slowest hundredth of whatever answers. What keeps it awake gives way
// at once (SCHED_IDLE). Where the system does not let it, nothing is kept awake and ok is false.
func keepAwake(ctx context.Context) (stop func(), ok bool) {
	path, err := exec.LookPath("chrt")
	if err != nil || runtime.GOOS != "linux" {
		return func() {}, false
	}
	self, err := os.Executable()
	if err != nil {
		return func() {}, false
	}
	c := onServerCore(ctx, path, "--idle", "0", self)
	c.Env = append(os.Environ(), awakeFlag+"=1", "GOMAXPROCS=1")
	if c.Start() != nil {
		return func() {}, false
	}
	return func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	}, true
}

// stayAwake is all that the program does then. The process that has started it ends it, and dies with it.
func stayAwake() {
	for os.Getppid() != 1 { //nolint:revive // a system call is work enough
	}
}

//go:build !linux

package apart

import "os/exec"

func start(worker *exec.Cmd) error { return worker.Start() }

package clients_test

import (
	"os"
	"os/exec"
	"strings"

	"github.com/cardea-auth/cardea/test/process"
)

// start starts a program. env is added to an environment without variables of ours.
func start(env []string, path string, args ...string) (*process.Process, error) {
	c := exec.Command(path, args...)
	c.Env = append(cleanEnv(), env...)
	return process.Start(c)
}

// sound is any status of a program that works.
func sound(status int) bool { return status < 500 }

// cleanEnv is our environment without what could configure the programs.
func cleanEnv() []string {
	var out []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "CARDEA_") && !strings.HasPrefix(e, "API_") {
			out = append(out, e)
		}
	}
	return out
}

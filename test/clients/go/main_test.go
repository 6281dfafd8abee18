package clients_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// programs are the paths of what was built.
type programs struct {
	dir                string
	cardea, api, clock string
}

// built is set by TestMain, once, before any test runs.
var built programs

// shared is the server that tests use which do not need one of their own. It is started by the first.
var shared world

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if err := neverCached(); err != nil {
		return 1, err
	}
	if built.dir, err = os.MkdirTemp("", "cardea"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(built.dir)) }()
	if err := built.find(); err != nil {
		return 1, err
	}
	code = m.Run()
	return code, shared.end()
}

// neverCached keeps go test from remembering the result: it does not know that the programs which the
// tests start are made from files outside of this module. It never keeps a result for which a
// directory was looked at that has just changed.
func neverCached() error {
	f, err := os.CreateTemp(".", ".now")
	if err != nil {
		return err
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return err
	}
	_, err = os.Stat(".")
	return err
}

// find takes the programs from the directory E2E_BIN, or makes them as a user would; E2E_RACE=1
// makes them with the race detector.
func (p *programs) find() error {
	bin := os.Getenv("E2E_BIN")
	if bin == "" {
		bin = p.dir
	}
	p.cardea, p.api = filepath.Join(bin, "cardea"), filepath.Join(bin, "api")
	p.clock = filepath.Join(bin, "clock")
	if bin != p.dir {
		return nil
	}
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		return err
	}
	for out, pkg := range map[string]string{p.cardea: "./cmd/cardea", p.clock: "./test/clients/clock"} {
		if err := goBuild(root, out, pkg); err != nil {
			return err
		}
	}
	return goBuild(filepath.Join(root, "examples", "api"), p.api, ".")
}

func goBuild(dir, out, pkg string) error {
	args, cgo := []string{"build", "-o", out}, "0"
	if os.Getenv("E2E_RACE") != "" {
		args, cgo = append(args, "-race"), "1"
	}
	c := exec.Command("go", append(args, pkg)...)
	c.Dir, c.Env = dir, append(os.Environ(), "CGO_ENABLED="+cgo)
	text, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("building %s: %w\n%s", pkg, err, text)
	}
	return nil
}

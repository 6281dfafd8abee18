package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/cardea-auth/cardea/test/port"
)

// peer is OpenFGA in one of its forms, on the server's core.
type peer struct {
	name    string
	engine  string
	uri     string
	caches  bool
	writers int // that load at once
}

// peersOf are OpenFGA on a SQLite file below dir and, unless its address is empty, on PostgreSQL, without and
// with its caches.
func peersOf(dir, postgres string) []peer {
	var all []peer
	for _, caches := range []bool{false, true} {
		p := peer{name: "OpenFGA", engine: "sqlite", caches: caches, writers: 1} // it fails two who write at once
		if caches {
			p.name += " with its caches"
		}
		p.uri = "file:" + filepath.Join(dir, fmt.Sprintf("openfga-%t.db", caches))
		all = append(all, p)
		if postgres != "" {
			p.name, p.engine, p.uri, p.writers = p.name+", on PostgreSQL", "postgres", postgres, 16
			all = append(all, p)
		}
	}
	return all
}

// start builds OpenFGA from its Go module, once, and starts it.
func (p peer) start(ctx context.Context, dir string) (*decider, error) {
	program := filepath.Join(dir, "openfga")
	if _, err := os.Stat(program); err != nil {
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "github.com/openfga/openfga/cmd/openfga")
		build.Dir, build.Stderr = filepath.Join("test", "conformance", "openfga"), os.Stderr
		if err := build.Run(); err != nil {
			return nil, err
		}
	}
	store := []string{"--datastore-engine", p.engine, "--datastore-uri", p.uri}
	if out, err := exec.CommandContext(ctx, program, append([]string{"migrate"}, store...)...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	at, err := port.Addresses(2)
	if err != nil {
		return nil, err
	}
	args := append([]string{"run", "--http-addr", at[0], "--grpc-addr", at[1], "--playground-enabled=false", "--metrics-enabled=false", "--log-level", "error"}, store...)
	if p.caches {
		args = append(args, "--check-query-cache-enabled", "--check-iterator-cache-enabled", "--cache-controller-enabled")
	}
	c := onServerCore(ctx, program, args...)
	if err := c.Start(); err != nil {
		return nil, err
	}
	d := &decider{name: p.name, base: "http://" + at[0], process: c, writers: p.writers}
	return d, waitFor(ctx, d.base+"/healthz")
}

func (d *decider) stop() {
	_ = d.process.Process.Kill()
	_ = d.process.Wait()
}

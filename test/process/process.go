// Package process starts programs for tests that need real ones, waits for them and ends them.
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Limit is how long a program may take to answer, and to end; a busy machine takes long.
const Limit = 30 * time.Second

// Process is a program that was started.
type Process struct {
	*exec.Cmd
	Log   Log           // what it has printed
	Ended chan struct{} // closed when it has ended; then Err may be read
	Err   error         // of its end
}

// Log is what a program has printed, readable while it runs.
type Log struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// Start starts a program, whose outputs it takes.
func Start(c *exec.Cmd) (*Process, error) {
	p := &Process{Cmd: c, Ended: make(chan struct{})}
	c.Stdout, c.Stderr = &p.Log, &p.Log
	if err := c.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.Err = c.Wait()
		close(p.Ended)
	}()
	return p, nil
}

// Run is Start for one test, which ends the program and, if it has failed, says what was printed.
func Run(t testing.TB, c *exec.Cmd) *Process {
	t.Helper()
	p, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Stop() // a test may have killed it
		if t.Failed() {
			t.Logf("%s printed:\n%s", filepath.Base(c.Path), &p.Log)
		}
	})
	return p
}

// Stop asks the program to end and waits until it has, which it must do well. One that does not end is killed.
func (p *Process) Stop() error {
	if err := p.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.Ended:
	case <-time.After(Limit):
		return errors.Join(fmt.Errorf("%s did not end", p.Path), p.Process.Kill())
	}
	if p.Err != nil {
		return fmt.Errorf("%s ended badly: %w\n%s", p.Path, p.Err, &p.Log)
	}
	return nil
}

// Await waits until the program answers at an address with a status that is good.
func (p *Process) Await(ctx context.Context, address string, good func(status int) bool) error {
	ctx, cancel := context.WithTimeout(ctx, Limit)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
		if err != nil {
			return err
		}
		if answer, err := http.DefaultClient.Do(r); err == nil {
			_ = answer.Body.Close()
			if good(answer.StatusCode) {
				return nil
			}
		}
		select {
		case <-again.C:
		case <-p.Ended:
			return fmt.Errorf("%s has ended: %v\n%s", p.Path, p.Err, &p.Log)
		case <-ctx.Done():
			return fmt.Errorf("nothing good answers at %s: %w\n%s", address, ctx.Err(), &p.Log)
		}
	}
}

package clients_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// startLimit is how long a program may take to answer; a busy machine takes long.
const startLimit = 30 * time.Second

// process is a program that was started by a test.
type process struct {
	cmd    *exec.Cmd
	output output
	ended  chan struct{}
	err    error // of its end; read after ended is closed
}

// output collects what a program writes.
type output struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}

// start starts a program. env is added to an environment without variables of ours.
func start(env []string, path string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(path, args...), ended: make(chan struct{})}
	p.cmd.Env = append(cleanEnv(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

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

// stop asks the program to end, and waits until it has. It must end well.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.ended:
	case <-time.After(startLimit):
		return errors.Join(fmt.Errorf("%s did not end", p.cmd.Path), p.cmd.Process.Signal(syscall.SIGKILL))
	}
	if p.err != nil {
		return fmt.Errorf("%s ended badly: %w\n%s", p.cmd.Path, p.err, p.output.String())
	}
	return nil
}

// answers waits until something answers at an address with any status below 500.
func (p *process) answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(r)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode < 500 {
				return nil
			}
		}
		select {
		case <-again.C:
		case <-p.ended:
			return fmt.Errorf("%s ended at its start: %v\n%s", p.cmd.Path, p.err, p.output.String())
		case <-ctx.Done():
			return fmt.Errorf("nothing answers at %s: %w\n%s", url, ctx.Err(), p.output.String())
		}
	}
}

// freeAddresses are addresses on loopback at which nobody listens.
func freeAddresses(n int) ([]string, error) {
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // at the end, so that all are different
		out = append(out, l.Addr().String())
	}
	return out, nil
}

// Package apart computes password hashes in processes of their own, as many as there are slots:
//
//	Hasher ── Work, as a line of JSON ──▶ cardea password-worker ── Outcome ──▶ Hasher
//
// A hash takes 19 MiB and 17 ms of a core. In the process of the server its buffer made the garbage
// collector run once for each sign-in, which cost half a hash more, and the scheduler let everybody
// else wait for it: in a flood of sign-ins the slowest introspections took twenty times as long.
// A process of its own has a heap with nothing else on it, gives way to the server by its priority,
// and is the one that is ended when the machine is out of memory.
//
// A worker computes when nobody else wants the processor. Where everybody does all the time it would never be
// done, so after a second its computation goes to one with a small share of its own, and for half a minute
// so do all others: people can sign in on a server that is busy, and wait less where it is not.
//
// Half-way: a worker that dies takes one computation with it, which is done once more in a new one.
// Where no process can be started the Hasher computes in the server. Workers end when the pipe to the
// server does, however the server went, and after a while without work.
package apart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/internal/identity/password"
)

// Name is the argument by which a program knows that it is a worker.
const Name = "password-worker"

// Priority is how far a worker stands back behind the server.
type Priority string

const (
	Last Priority = "last" // it computes when nobody else wants the processor
	Low  Priority = "low"  // it has a small share even then
)

const (
	defaultIdle     = 30 * time.Second
	defaultPatience = time.Second
	// hurried is how long workers of low priority are preferred after one of the last was too late.
	hurried = 30 * time.Second
	// stuck is longer than the costliest hash that is accepted takes on a crowded machine.
	stuck = time.Minute
)

// Config is what a Pool needs. Command and Failed are required.
type Config struct {
	// Command makes the command of a worker: a program that calls Main with its standard input and
	// output. Its environment should be empty: a worker needs no secrets but those it is sent.
	Command func(Priority) *exec.Cmd
	// Failed is told when workers end without an answer, and the server does the work itself.
	Failed   func(error)
	Idle     time.Duration // a worker without work for so long is ended; 0 means 30 seconds
	Patience time.Duration // how long the last in priority may take for a hash; 0 means a second
}

// Pool is the workers of a server. It starts one whenever none is free: the Hasher's slots bound how
// many that can be. It implements password.Worker.
type Pool struct {
	config Config

	mu       sync.Mutex
	free     []*child // the one used last at the end
	priority Priority // of who is to compute next
	calm     *time.Timer
	closed   bool
	alive    sync.WaitGroup
}

var _ password.Worker = (*Pool)(nil)

// New makes a Pool without any worker.
func New(c Config) *Pool {
	if c.Idle == 0 {
		c.Idle = defaultIdle
	}
	if c.Patience == 0 {
		c.Patience = defaultPatience
	}
	return &Pool{config: c, priority: Last}
}

// answer is an Outcome or the reason why there is none.
type answer struct {
	password.Outcome
	Error string `json:"error,omitempty"`
}

// Compute implements password.Worker.
func (p *Pool) Compute(_ context.Context, w password.Work) (password.Outcome, error) {
	var failed error
	for deaths := 0; deaths < 2; {
		c, err := p.take()
		if err != nil {
			return password.Outcome{}, fmt.Errorf("%w: %w", password.ErrNoWorker, err)
		}
		a, late, err := c.ask(w, p.limit(c.priority))
		if late && c.priority == Last {
			p.hurry()
			continue
		}
		if err != nil { // died half-way, or does not answer
			c.kill()
			failed = err
			deaths++
			continue
		}
		p.put(c)
		if a.Error != "" {
			return password.Outcome{}, errors.New(a.Error)
		}
		return a.Outcome, nil
	}
	p.config.Failed(failed)
	return password.Outcome{}, fmt.Errorf("%w: %w", password.ErrNoWorker, failed)
}

// Close ends all workers, those that compute as soon as they have answered, and waits for them.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	for _, c := range p.free {
		c.end()
	}
	p.free = nil
	if p.calm != nil {
		p.calm.Stop()
	}
	p.mu.Unlock()
	p.alive.Wait()
	return nil
}

func (p *Pool) take() (*child, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.New("apart: closed")
	}
	for n, c := range slices.Backward(p.free) {
		if c.priority == p.priority { // others end when they have had nothing to do for a while
			p.free = slices.Delete(p.free, n, n+1)
			c.rest.Stop()
			return c, nil
		}
	}
	return p.start()
}

// hurry prefers workers of low priority for a while.
func (p *Pool) hurry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.priority == Low || p.closed {
		return
	}
	p.priority = Low
	p.calm = time.AfterFunc(hurried, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.priority = Last
	})
}

// limit is how long a worker may take for an answer.
func (p *Pool) limit(of Priority) time.Duration {
	if of == Last {
		return p.config.Patience
	}
	return stuck
}

func (p *Pool) put(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.end()
		return
	}
	c.rest = time.AfterFunc(p.config.Idle, func() { p.retire(c) })
	p.free = append(p.free, c)
}

// retire ends a worker that has had nothing to do, unless it has just been taken.
func (p *Pool) retire(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.free, c); i >= 0 {
		p.free = slices.Delete(p.free, i, i+1)
		c.end()
	}
}

// child is one worker. Whoever has taken it from the pool talks with it alone.
type child struct {
	priority Priority
	in       io.WriteCloser
	process  *exec.Cmd
	asks     *json.Encoder
	answers  *json.Decoder
	rest     *time.Timer
}

// start runs under the lock: a crowd that arrives at once then starts no more workers than it needs.
func (p *Pool) start() (*child, error) {
	cmd := p.config.Command(p.priority)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := start(cmd); err != nil {
		return nil, err
	}
	c := &child{priority: p.priority, in: in, process: cmd, asks: json.NewEncoder(in), answers: json.NewDecoder(out)}
	p.alive.Go(func() {
		_, _ = cmd.Process.Wait() // not cmd.Wait, which would close the pipe under an answer
		_ = out.Close()
	})
	return c, nil
}

// ask waits for an answer until the limit, after which it kills the worker and says that it was late.
func (c *child) ask(w password.Work, limit time.Duration) (a answer, late bool, err error) {
	timer := time.AfterFunc(limit, c.kill)
	if err = c.asks.Encode(w); err == nil {
		err = c.answers.Decode(&a)
	}
	return a, !timer.Stop(), err
}

// end lets a worker finish: it ends when nothing more can come.
func (c *child) end() { _ = c.in.Close() }

func (c *child) kill() {
	c.end()
	_ = c.process.Process.Kill()
}

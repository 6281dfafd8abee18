package apart

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/cardea-auth/cardea/internal/identity/password"
)

// Main is the whole life of a worker process. It returns when in ends.
func Main(in io.Reader, out io.Writer, at Priority) error {
	// The terminal and the service manager tell everybody in the group to stop. The server needs its
	// workers until it has; then their input ends.
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	runtime.LockOSThread() // this thread keeps its priority, and does nothing but wake
	pulse := giveWay(at)
	debug.SetGCPercent(-1) // serve collects, when nobody waits
	ended := make(chan error, 1)
	go func() { ended <- serve(in, out, pulse) }()
	return <-ended
}

// useProcessors bounds the threads that run Go by what the next hash can use. A spare one does nothing but
// help the collection after each hash, with a bustle that costs a fifth of the hash itself.
func useProcessors(n int) {
	if n = min(n, runtime.NumCPU()); n != runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(n)
	}
}

// Serve computes what comes in, one after another, until in ends.
func Serve(in io.Reader, out io.Writer) error { return serve(in, out, func(bool) {}) }

// serve has pulse go while it computes.
func serve(in io.Reader, out io.Writer, pulse func(on bool)) error {
	requests, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var w password.Work
		if err := requests.Decode(&w); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		useProcessors(w.Lanes())
		pulse(true)
		outcome, err := w.Compute()
		pulse(false)
		a := answer{Outcome: outcome}
		if err != nil {
			a.Error = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
		clear(w.Key)
		runtime.GC() // the buffer of this hash is the buffer of the next
	}
}

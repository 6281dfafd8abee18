// Command clock is cardea with a clock that a test can move: each SIGUSR1 moves it ahead by the time
// in CLOCK_STEP. It is for the tests of test/clients that would have to wait for an hour otherwise; in
// everything else it is the program that is shipped.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cardea-auth/cardea/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	process := cli.System()
	process.Now = moving()
	code := cli.Main(ctx, os.Args[1:], process)
	stop()
	os.Exit(code)
}

// moving is a clock that every SIGUSR1 moves ahead. It says so on standard error, so that the test
// knows when the move is over.
func moving() func() time.Time {
	var ahead atomic.Int64
	step, err := time.ParseDuration(os.Getenv("CLOCK_STEP"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "clock: CLOCK_STEP:", err)
		os.Exit(1)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		for range signals {
			fmt.Fprintln(os.Stderr, "clock: moved by", time.Duration(ahead.Add(int64(step))))
		}
	}()
	return func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
}

// Command profiled is cardea with a profiler of processor time: one SIGUSR1 starts it, the next one
// ends it. Each run leaves a file in PROFILE_DIR, named by its number. It is for tools/bench only: the
// program that is shipped shows nobody its insides.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"syscall"

	"github.com/cardea-auth/cardea/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	toggles := make(chan os.Signal, 1)
	signal.Notify(toggles, syscall.SIGUSR1)
	go profile(os.Getenv("PROFILE_DIR"), toggles)
	code := cli.Main(ctx, os.Args[1:], cli.System())
	stop()
	os.Exit(code)
}

func profile(dir string, toggles <-chan os.Signal) {
	for n := 0; ; n++ {
		<-toggles
		f, err := os.Create(filepath.Join(dir, strconv.Itoa(n)+".pprof"))
		if err != nil {
			fmt.Fprintln(os.Stderr, "profiled:", err)
			return
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			fmt.Fprintln(os.Stderr, "profiled:", err)
			return
		}
		<-toggles
		pprof.StopCPUProfile()
		_ = f.Close()
	}
}

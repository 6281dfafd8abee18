// Command opa is cardea with Rego: the same program, in which decision points can be bundles of policies.
// It is a module of its own, so that nobody who does not want Rego carries the 17 MB of it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/cardea-auth/cardea/internal/cli"
	"github.com/cardea-auth/cardea/opa/rego"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := cli.System()
	p.Rego = rego.Engine{}
	code := cli.Main(ctx, os.Args[1:], p)
	stop()
	os.Exit(code)
}

// Package cli is the command line. Every command but serve, config, restore, import, health and version is
// a function over an App, so it gives the same answer whether it runs inside the server (through the
// control socket) or by itself (under the lock of the data directory):
//
//	cardea user list ──▶ is a server running on the data directory?
//	    yes: the words go to it, and it runs the command   no: this process opens the directory and runs it
//
// Whoever may do that is the operator of the machine; what is done is audited as such. Only the
// command line resolves user:EMAIL; the APIs take ids.
package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/app"
	"github.com/cardea-auth/cardea/internal/authz/point"
	"github.com/cardea-auth/cardea/internal/identity/password/apart"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Process is what a command line has around it.
type Process struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Env            []string // NAME=value
	Dir            string   // working directory
	Terminal       bool     // whether Stdout is one
	Now            func() time.Time
	Rego           point.Evaluator // nil: the program was built without
	// Config changes what the App is made from; nil changes nothing. It is for tests.
	Config func(*app.Config)
}

// System is the process that runs this program.
func System() Process {
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	info, err := os.Stdout.Stat()
	return Process{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Environ(), Dir: dir,
		Terminal: err == nil && info.Mode()&os.ModeCharDevice != 0, Now: time.Now,
	}
}

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1 // the command failed; for check: denied
	exitBad    = 2 // the command could not be understood; for check: could not be decided
)

// Main runs a command line and returns its exit status.
func Main(ctx context.Context, args []string, p Process) int {
	if len(args) == 2 && args[0] == apart.Name { // not a command: serve starts it
		return report(p.Stderr, apart.Main(p.Stdin, p.Stdout, apart.Priority(args[1])))
	}
	var g grammar
	command, err := parse(&g, args, p.Stdout, p.Stderr)
	if err != nil {
		report(p.Stderr, err)
		return exitBad
	}
	local := &localRun{ctx: ctx, process: p, global: &g.global, args: args}
	switch c := command.(type) {
	case nil: // help
		return exitOK
	case localCommand:
		return report(p.Stderr, c.local(local))
	}
	return local.house(command)
}

// localCommand is a command that runs in the process that was called, never in the server.
type localCommand interface{ local(*localRun) error }

// houseCommand is a command over an App.
type houseCommand interface{ run(*env) error }

// localRun is the call of a command in this process.
type localRun struct {
	ctx     context.Context
	process Process
	global  *global
	args    []string
}

// house runs a command over the data directory: in the server if one runs, else here.
func (l *localRun) house(command any) int {
	call := app.Command{Args: l.args, Dir: l.process.Dir}
	if s, ok := command.(interface{ readsStdin() bool }); ok && s.readsStdin() {
		text, err := io.ReadAll(io.LimitReader(l.process.Stdin, 1<<20))
		if err != nil {
			return report(l.process.Stderr, err)
		}
		call.Stdin = string(text)
	}
	_, bare := command.(bareCommand)
	send := func(call app.Command) (app.Outcome, error) {
		out, err := app.SendCommand(l.ctx, l.dataDir(), call)
		if errors.Is(err, app.ErrNotRunning) {
			return l.alone(call, bare)
		}
		return out, err
	}
	if w, ok := command.(*authzWatch); ok && w.Follow {
		return w.follow(l, send)
	}
	bar := l.bar()
	call.Progress = bar.show
	out, err := send(call)
	bar.end()
	if err != nil {
		return report(l.process.Stderr, err)
	}
	_, _ = io.WriteString(l.process.Stdout, out.Stdout)
	_, _ = io.WriteString(l.process.Stderr, out.Stderr)
	return out.Code
}

// bareCommand is a command that finds the database as it is, and not as this version needs it.
type bareCommand interface{ bare() }

// alone opens the data directory and runs the command in this process.
func (l *localRun) alone(c app.Command, bare bool) (app.Outcome, error) {
	config, err := l.config()
	if err != nil {
		return app.Outcome{}, err
	}
	if !exists(config.Dir) {
		return app.Outcome{}, fmt.Errorf("there is no data directory at %s; name it with --data, or start a server with cardea serve", config.Dir)
	}
	config.Issuer = knownIssuer(config.Dir, config.Issuer)
	open := app.Open
	if bare {
		open = app.Bare
	}
	a, err := open(l.ctx, config)
	if err != nil {
		return app.Outcome{}, err
	}
	out := Run(l.ctx, a, "uid:"+strconv.Itoa(os.Getuid()), c)
	return out, a.Close()
}

// dataDir is the data directory that the command is about.
func (l *localRun) dataDir() string {
	dir := l.global.Data
	if dir == "" {
		dir = environment(l.process.Env, "CARDEA_DATA_DIR")
	}
	if c, err := l.settings(); err == nil {
		dir = c.Data.Dir
	} else if dir == "" {
		dir = "cardea-data"
		if l.global.Dev {
			dir = "cardea-dev"
		}
	}
	return absolute(l.process.Dir, dir)
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// Run is the app.Runner: it runs a command over an App and returns what it printed.
func Run(ctx context.Context, a *app.App, who string, c app.Command) app.Outcome {
	var g grammar
	var stdout, stderr bytes.Buffer
	done := func(code int) app.Outcome {
		return app.Outcome{Stdout: stdout.String(), Stderr: stderr.String(), Code: code}
	}
	parsed, err := parse(&g, c.Args, &stdout, &stderr)
	if err != nil {
		report(&stderr, err)
		return done(exitBad)
	}
	command, ok := parsed.(houseCommand)
	if !ok {
		return done(report(&stderr, errors.New("this command does not run inside a server")))
	}
	e := &env{ctx: ctx, App: a, global: &g.global, who: who, stdin: c.Stdin, dir: c.Dir, out: &stdout, progress: seldom(c.Progress, a.Now)}
	if err := command.run(e); err != nil {
		return done(failed(&stderr, err))
	}
	return done(exitOK)
}

// coded is an error with an exit status of its own.
type coded struct {
	code int
	err  error // may be nil: then nothing is printed
}

func (c coded) Error() string {
	if c.err == nil {
		return "exit " + strconv.Itoa(c.code)
	}
	return c.err.Error()
}

func failed(w io.Writer, err error) int {
	if c, ok := errors.AsType[coded](err); ok {
		if c.err != nil {
			report(w, c.err)
		}
		return c.code
	}
	return report(w, err)
}

// report prints an error for a person: what is wrong, the places, and when to come back. The operator
// of the machine may see the cause.
func report(w io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	e, ok := errors.AsType[*errs.Error](err)
	if !ok {
		fmt.Fprintln(w, "cardea:", err)
		return exitFailed
	}
	text := strings.TrimSuffix(e.Text, ".")
	if e.Err != nil {
		text += " (" + e.Err.Error() + ")"
	}
	fmt.Fprintf(w, "cardea: %s [%s]\n", text, errs.CodeOf(e))
	for _, f := range e.Fields {
		fmt.Fprintf(w, "  %s %s\n", f.Pointer, f.Detail)
	}
	return exitFailed
}

// Command proof runs the long form of every test of faults, one after the other, and prints what they have
// counted as a table; docs/reliability.md says what each is about and keeps the figures.
//
//	go run ./tools/proof [-rounds N] [-only TEXT] [-json]
//
// It says on standard error what it is at, and ends with status 1 if a test fails.
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/test/proof"
)

func main() {
	rounds := flag.Int("rounds", 20, "rounds of each test; see CONTRIBUTING.md")
	only := flag.String("only", "", "run only tests whose name holds this")
	asJSON := flag.Bool("json", false, "print JSON, for programs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *rounds, *only, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int, only string, asJSON bool) error {
	r := &runner{rounds: rounds, progress: os.Stderr}
	for _, dir := range dirs() {
		var names []string
		for _, p := range proofs {
			if p.dir == dir && strings.Contains(p.test, only) {
				names = append(names, p.test)
			}
		}
		if len(names) == 0 {
			continue
		}
		if err := r.tests(ctx, dir, names); err != nil {
			return err
		}
	}
	if len(r.shown) == 0 {
		return errors.New("there is no such test")
	}
	if asJSON {
		if err := json.NewEncoder(os.Stdout).Encode(r.shown); err != nil {
			return err
		}
	} else {
		printTable(os.Stdout, r.shown)
	}
	if slices.ContainsFunc(r.shown, func(s *shown) bool { return s.Result == "fail" }) {
		return errors.New("not all is shown")
	}
	return ctx.Err()
}

// dirs are the packages of the proofs, in their order.
func dirs() (out []string) {
	for _, p := range proofs {
		if !slices.Contains(out, p.dir) {
			out = append(out, p.dir)
		}
	}
	return out
}

// shown is what a test, or a part of one, has come to.
type shown struct {
	Test    string   `json:"test"`
	Result  string   `json:"result"` // pass, fail or skip
	Seconds float64  `json:"seconds"`
	Figures []figure `json:"figures,omitempty"`

	said []string // what it has printed
}

type figure struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// runner runs the tests of one package after the other.
type runner struct {
	rounds   int
	progress io.Writer
	shown    []*shown
}

// event is a line of go test -json.
type event struct {
	Action, Test, Output, Key, Value string
	Elapsed                          float64
}

func (r *runner) tests(ctx context.Context, dir string, names []string) error {
	c := exec.CommandContext(ctx, "go", "test", "-json", "-count", "1", "-parallel", "1", "-timeout", "12h", "-run", "^("+strings.Join(names, "|")+")$", ".")
	c.Dir, c.Env, c.Stderr = filepath.FromSlash(dir), append(os.Environ(), proof.Variable+"="+strconv.Itoa(r.rounds)), r.progress
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	var loose []string // what belongs to no test, such as a build that fails
	for s := bufio.NewScanner(out); s.Scan(); {
		var e event
		if json.Unmarshal(s.Bytes(), &e) != nil || e.Test == "" {
			if e.Action == "output" || e.Action == "build-output" {
				loose = append(loose, e.Output)
			}
			continue
		}
		r.happened(e)
	}
	if err := c.Wait(); err != nil && !slices.ContainsFunc(r.shown, func(s *shown) bool { return s.Result == "fail" }) {
		return fmt.Errorf("%s: %w\n%s", dir, err, strings.Join(loose, ""))
	}
	return nil
}

// happened notes an event and tells of it.
func (r *runner) happened(e event) {
	i := slices.IndexFunc(r.shown, func(s *shown) bool { return s.Test == e.Test })
	if i < 0 {
		i = len(r.shown)
		r.shown = append(r.shown, &shown{Test: e.Test})
	}
	s := r.shown[i]
	switch e.Action {
	case "cont":
		fmt.Fprintf(r.progress, "%s %s …\n", time.Now().Format(time.TimeOnly), e.Test)
	case "attr":
		s.Figures = append(s.Figures, figure{strings.ReplaceAll(e.Key, "_", " "), e.Value})
	case "output":
		s.said = append(s.said, e.Output)
	case "pass", "fail", "skip":
		s.Result, s.Seconds = e.Action, e.Elapsed
		fmt.Fprintf(r.progress, "%s %s: %s after %.0f s\n", time.Now().Format(time.TimeOnly), e.Test, e.Action, e.Elapsed)
		if e.Action != "pass" {
			fmt.Fprint(r.progress, strings.Join(s.said, ""))
		}
	}
}

// printTable prints what was shown, in Markdown. A test that is but its parts has no line of its own.
func printTable(w io.Writer, all []*shown) {
	fmt.Fprint(w, "| Test | Result | Figures | Took |\n|---|---|---|---|\n")
	for _, s := range all {
		inParts := slices.ContainsFunc(all, func(o *shown) bool { return strings.HasPrefix(o.Test, s.Test+"/") })
		if inParts && len(s.Figures) == 0 && s.Result == "pass" {
			continue
		}
		var figures []string
		for _, f := range s.Figures {
			figures = append(figures, f.Name+" "+f.Value)
		}
		fmt.Fprintf(w, "| `%s` | %s | %s | %.0f s |\n", s.Test, cmp.Or(s.Result, "did not end"), strings.Join(figures, ", "), s.Seconds)
	}
}

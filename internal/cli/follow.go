package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/internal/app"
	"github.com/cardea-auth/cardea/internal/kit/pause"
)

// followPause lies between two looks of watch --follow, each of which is one command.
const followPause = time.Second

// follow prints changes as they come, until it is interrupted. Each look is watch itself, from the cursor of the
// look before; what has come of it is printed before that cursor, so that whoever goes on from the last one that
// was printed misses nothing, whatever ended this process.
func (c *authzWatch) follow(l *localRun, run func(app.Command) (app.Outcome, error)) int {
	next := c.After
	for {
		out, err := run(app.Command{Args: append(slices.Clone(l.args), "--json", "--after="+next), Dir: l.process.Dir})
		if l.ctx.Err() != nil {
			return exitOK
		}
		if out.Code != exitOK {
			_, _ = io.WriteString(l.process.Stderr, out.Stderr)
			return out.Code
		}
		var found watched
		if err == nil {
			err = json.Unmarshal([]byte(out.Stdout), &found)
		}
		if err == nil && found.Next != next {
			err = found.append(l.process.Stdout, l.global.JSON)
		}
		if err != nil {
			return report(l.process.Stderr, err)
		}
		next = found.Next
		if pause.For(l.ctx, followPause) != nil { // interrupted
			return exitOK
		}
	}
}

// append writes what one look has found: a line for each change and one for the cursor, as JSON each for programs.
func (f watched) append(w io.Writer, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for _, x := range f.Changes {
			if err := enc.Encode(x); err != nil {
				return err
			}
		}
		return enc.Encode(watched{Next: f.Next})
	}
	for _, x := range f.Changes {
		if _, err := fmt.Fprintln(w, x.Revision, x.At.Format(time.RFC3339), x.what(), visible(x.User), visible(x.Relation), visible(x.Object)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "next: --after %s\n", f.Next)
	return err
}

package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/audit"
	"github.com/cardea-auth/cardea/internal/kit/page"
)

type auditCommands struct {
	List   auditList   `cmd:"" help:"List events, newest first."`
	Verify auditVerify `cmd:"" help:"Recompute the log and find what was changed. Exits 1 if something was."`
	Erase  auditErase  `cmd:"" help:"Erase the personal part of all events about a person."`
	Count  auditCount  `cmd:"" help:"Count how often things have happened."`
}

type auditList struct {
	Kind   string    `help:"Only events of this kind, e.g. signin.failed."`
	Actor  string    `help:"Only what this id has done."`
	Object string    `help:"Only what was done to this id."`
	Person string    `help:"Only whose personal part is about this id."`
	Since  time.Time `help:"Only from this time on, such as 2026-01-31T00:00:00Z."`
	Until  time.Time `help:"Only before this time."`
	Limit  int       `help:"At most so many." default:"50"`
}

func (c *auditList) run(e *env) error {
	p, err := e.Audit.List(e.ctx, e.caller(), audit.Filter{
		Kind: c.Kind, Actor: c.Actor, Object: c.Object, Person: c.Person, From: c.Since, Until: c.Until,
	}, page.Request{Limit: c.Limit})
	if err != nil {
		return err
	}
	type event struct {
		Seq    int64             `json:"seq,omitempty"`
		At     time.Time         `json:"at"`
		Kind   string            `json:"kind"`
		Actor  string            `json:"actor"`
		Object string            `json:"object"`
		Reason string            `json:"reason,omitempty"`
		Public map[string]string `json:"public,omitempty"`
	}
	out := make([]event, len(p.Items))
	for i, x := range p.Items {
		actor := x.ActorType + ":" + x.ActorID
		if x.ActorType == "" {
			actor = "anonymous"
		}
		out[i] = event{x.Seq, x.At, x.Kind, actor, x.ObjectType + ":" + x.ObjectID, x.Reason, x.Public}
	}
	return e.print(out, func(w io.Writer) {
		table(w, "SEQ AT KIND ACTOR OBJECT", func(row func(...any)) {
			for _, x := range out {
				row(x.Seq, x.At.Format(time.RFC3339), x.Kind, x.Actor, x.Object)
			}
		})
	})
}

type auditVerify struct {
	From string `help:"File with a checkpoint that you have kept." placeholder:"FILE"`
}

func (c *auditVerify) run(e *env) error {
	pinned := ""
	if c.From != "" {
		text, err := os.ReadFile(absolute(e.dir, c.From))
		if err != nil {
			return fmt.Errorf("reading the checkpoint: %w", err)
		}
		pinned = strings.TrimRight(string(text), "\r\n") + "\n" // tools add or drop a final newline
	}
	report, err := e.Audit.Verify(e.ctx, e.caller(), pinned)
	if err != nil {
		return coded{exitBad, err}
	}
	err = e.print(report, func(w io.Writer) {
		if report.OK {
			fmt.Fprintf(w, "ok: %d sealed events are as they were written, %d are too new to be sealed.\n", report.Sealed, report.Unsealed)
			return
		}
		fmt.Fprintf(w, "TAMPERED at event %d: %s\n", report.BadSeq, report.Problem)
	})
	if err == nil && !report.OK {
		return coded{code: exitFailed}
	}
	return err
}

type auditErase struct {
	User string `arg:"" help:"Address or id of a user; the id of an account that is gone works too."`
}

func (c *auditErase) run(e *env) error {
	person := c.User
	if strings.Contains(person, "@") {
		u, err := e.user(person)
		if err != nil {
			return err
		}
		person = u.ID
	}
	n, err := e.Audit.Erase(e.ctx, e.caller(), person)
	if err != nil {
		return err
	}
	return e.done(map[string]any{"erased": n}, "The personal part of %d events is erased.", n)
}

type auditCount struct {
	For time.Duration `help:"How far to look back." default:"24h"`
}

type countOut struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
}

func (c *auditCount) run(e *env) error {
	now := e.DB.Now()
	hours, err := all(func(r page.Request) (page.Page[*audit.Counter], error) {
		return e.Audit.Counters(e.ctx, e.caller(), now.Add(-c.For).Truncate(time.Hour), now.Add(time.Hour), r)
	})
	if err != nil {
		return err
	}
	sums := map[string]int64{}
	for _, h := range hours {
		sums[h.Name] += h.Count
	}
	out := make([]countOut, 0, len(sums))
	for name, n := range sums {
		out = append(out, countOut{name, n})
	}
	slices.SortFunc(out, func(a, b countOut) int { return strings.Compare(a.Name, b.Name) })
	return e.print(out, func(w io.Writer) {
		table(w, "COUNT NAME", func(row func(...any)) {
			for _, x := range out {
				row(x.Count, x.Name)
			}
		})
	})
}

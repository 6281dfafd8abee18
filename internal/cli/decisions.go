package cli

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/journal"
	"github.com/cardea-auth/cardea/internal/authz/policy"
	"github.com/cardea-auth/cardea/internal/authz/tuplekey"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
)

type authzLog struct {
	List logList `cmd:"" help:"List decisions that were kept, the newest first."`
	Set  logSet  `cmd:"" help:"Say which decisions are kept from now on, and how long."`
}

type logList struct {
	Last     int       `help:"How many." default:"50"`
	Subject  string    `help:"Only about this one, like user:alice@example.com."`
	Action   string    `help:"Only about this action."`
	Resource string    `help:"Only about this type of resource, or this one: invoice or invoice:42."`
	Decision string    `help:"Only what was allowed, or what was denied: any, allowed or denied." enum:"any,allowed,denied" default:"any"`
	Since    time.Time `help:"Only from this time on, such as 2026-01-31T00:00:00Z."`
	Until    time.Time `help:"Only before this time."`
}

func (c *logList) filter(e *env) (journal.Filter, error) {
	f := journal.Filter{Action: c.Action, Resource: c.Resource, From: c.Since, Until: c.Until}
	if c.Decision != "any" {
		allowed := c.Decision == "allowed"
		f.Allowed = &allowed
	}
	if c.Subject != "" {
		s, err := e.subject(c.Subject)
		if err != nil {
			return f, err
		}
		f.Subject = s.ID
	}
	return f, nil
}

type loggedOut struct {
	ID       string `json:"id"`
	At       string `json:"at"`
	Decision bool   `json:"decision"`
	Question string `json:"question"`
	Reason   string `json:"reason"`
}

func showLogged(e journal.Entry) loggedOut {
	out := loggedOut{ID: e.ID, At: e.At.Format("2006-01-02T15:04:05Z"), Decision: e.Decision.Allow, Question: asked(e.Request)}
	if len(e.Decision.Reasons) > 0 {
		out.Reason = e.Decision.Reasons[0].Text
	}
	return out
}

// asked is a question in one line.
func asked(r authz.Request) string {
	return r.Subject.Type + ":" + r.Subject.ID + " " + r.Action.Name + " " + r.Resource.Type + ":" + r.Resource.ID
}

func answered(allow bool) string {
	if allow {
		return "allowed"
	}
	return "denied"
}

func (c *logList) run(e *env) error {
	f, err := c.filter(e)
	if err != nil {
		return err
	}
	out := []loggedOut{}
	for r := (page.Request{Limit: c.Last}); ; {
		p, err := e.Journal.List(e.ctx, e.caller(), f, r)
		if err != nil {
			return err
		}
		for _, entry := range p.Items {
			out = append(out, showLogged(entry))
		}
		if r.Limit, r.Cursor = c.Last-len(out), p.Next; r.Limit <= 0 || r.Cursor == "" {
			break
		}
	}
	return e.print(out, func(w io.Writer) {
		table(w, "ID AT DECISION QUESTION", func(row func(...any)) {
			for _, l := range out {
				row(l.ID, l.At, answered(l.Decision), l.Question)
			}
		})
	})
}

type logSet struct {
	Share float64 `arg:"" help:"Of the questions that applications ask, from 0 (none) to 1 (all)."`
	Days  int     `help:"How long they are kept." default:"7"`
}

func (c *logSet) run(e *env) error {
	if err := e.Decisions.SetLog(e.ctx, e.caller(), authz.LogSettings{Share: c.Share, Days: c.Days}); err != nil {
		return err
	}
	return e.done(map[string]any{"share": c.Share, "days": c.Days}, "%v of the decisions are kept for %d days.", c.Share, c.Days)
}

type authzReplay struct {
	ID string `arg:"" help:"Id of a decision in the log."`
}

func (c *authzReplay) run(e *env) error {
	r, err := e.Journal.Replay(e.ctx, e.caller(), c.ID)
	if err != nil {
		return err
	}
	out := map[string]any{"logged": showLogged(r.Entry), "decision": r.Again.Allow, "reasons": r.Again.Reasons, "same": r.Same, "exact": r.Exact}
	return e.print(out, func(w io.Writer) {
		fmt.Fprintln(w, visible(asked(r.Request)))
		fmt.Fprintf(w, "then   %s\n", visible(answered(r.Decision.Allow)+": "+showLogged(r.Entry).Reason))
		fmt.Fprintf(w, "again  %s\n", visible(answered(r.Again.Allow)+": "+r.Again.Reasons[0].Text))
		if !r.Exact {
			fmt.Fprintln(w, "The log does not tell of every tuple how it was.")
		}
	})
}

// supposition is what is supposed to be otherwise.
type supposition struct {
	Write       []string          `help:"Tuple of roles to suppose, as in 'user:bob assignee role:editor'; may be repeated." sep:"none" placeholder:"TUPLE"`
	Delete      []string          `help:"Tuple of roles to suppose away; may be repeated." sep:"none" placeholder:"TUPLE"`
	StoreWrite  []string          `help:"Tuple of the store that the plan names to suppose; may be repeated." sep:"none" placeholder:"TUPLE"`
	StoreDelete []string          `help:"Tuple of that store to suppose away; may be repeated." sep:"none" placeholder:"TUPLE"`
	Model       string            `help:"Version of the model of that store." placeholder:"ID"`
	Policies    map[string]string `help:"Other policies, as in rules=3 or rules=draft.cedar; may be repeated." placeholder:"SET=VERSION|FILE"`
}

func changesOf(write, remove []string) ([]graph.Change, error) {
	var out []graph.Change
	for i, text := range append(append([]string{}, write...), remove...) {
		parts := strings.Fields(text)
		if len(parts) != 3 {
			return nil, errs.Bad("TUPLE", "must be like 'user:bob assignee role:editor'")
		}
		t, err := tuplekey.Key{User: parts[0], Relation: parts[1], Object: parts[2]}.Tuple()
		if err != nil {
			return nil, err
		}
		out = append(out, graph.Change{Tuple: t, Delete: i >= len(write)})
	}
	return out, nil
}

func (c supposition) suppose(e *env) (s authz.Suppose, err error) {
	if s.Roles, err = changesOf(c.Write, c.Delete); err != nil {
		return s, err
	}
	if s.Store, err = changesOf(c.StoreWrite, c.StoreDelete); err != nil {
		return s, err
	}
	s.Model, s.Policies = c.Model, map[string]policy.Use{}
	for set, which := range c.Policies {
		if n, err := strconv.Atoi(which); err == nil {
			s.Policies[set] = policy.Use{Version: n}
			continue
		}
		text, err := os.ReadFile(absolute(e.dir, which))
		if err != nil {
			return s, err
		}
		p, err := policy.Parse(string(text))
		if err != nil {
			return s, policyFiles{File: which}.unsound(e.out, err)
		}
		s.Policies[set] = policy.Use{Draft: p}
	}
	return s, nil
}

type authzSimulate struct {
	Subject  string `arg:"" optional:"" help:"Like user:alice@example.com; left out: the newest decisions of the log are asked again."`
	Action   string `arg:"" optional:"" help:"The permission, like invoice:delete."`
	Resource string `arg:"" optional:"" help:"Like invoice:42."`
	Last     int    `help:"How many of the log." default:"100"`
	known
	supposition
}

func (c *authzSimulate) run(e *env) error {
	s, err := c.suppose(e)
	if err != nil {
		return err
	}
	if c.Subject == "" {
		return c.log(e, s)
	}
	r, err := checkCommand{Subject: c.Subject, Action: c.Action, Resource: c.Resource, Explain: true, known: c.known}.request(e)
	if err != nil {
		return coded{exitBad, err}
	}
	sim, err := e.Journal.Simulate(e.ctx, e.caller(), r, s)
	if err != nil {
		return coded{exitBad, err}
	}
	err = e.print(map[string]any{"before": shownDecision(sim.Before), "after": shownDecision(sim.After), "changed": sim.Changed()}, func(w io.Writer) {
		fmt.Fprintf(w, "now   %s\n", visible(answered(sim.Before.Allow)+": "+sim.Before.Reasons[0].Text))
		fmt.Fprintf(w, "then  %s\n", visible(answered(sim.After.Allow)+": "+sim.After.Reasons[0].Text))
	})
	return err
}

func (c *authzSimulate) log(e *env, s authz.Suppose) error {
	changed, looked, err := e.Journal.SimulateLog(e.ctx, e.caller(), c.Last, s)
	if err != nil {
		return err
	}
	type one struct {
		ID       string `json:"id"`
		Question string `json:"question"`
		Before   bool   `json:"before"`
		After    bool   `json:"after"`
	}
	items := make([]one, len(changed))
	for i, d := range changed {
		items[i] = one{d.ID, asked(d.Request), d.Before.Allow, d.After.Allow}
	}
	return e.print(map[string]any{"looked": looked, "changed": items}, func(w io.Writer) {
		fmt.Fprintf(w, "%d decisions were asked again, %d would change.\n", looked, len(items))
		for _, d := range items {
			fmt.Fprintln(w, visible("  "+d.ID+"  "+d.Question+": "+answered(d.Before)+" now, "+answered(d.After)+" then"))
		}
	})
}

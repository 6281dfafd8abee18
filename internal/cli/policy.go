package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/policy"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
)

type authzPolicy struct {
	Create   policyCreate   `cmd:"" help:"Make a policy set."`
	List     policyList     `cmd:"" help:"List policy sets, or with a name the versions of one."`
	Show     policyShow     `cmd:"" help:"Print a version."`
	Check    policyCheck    `cmd:"" help:"Say what is wrong with policies, and run their cases. Needs no server."`
	Write    policyWrite    `cmd:"" help:"Write a version, which decides nothing yet."`
	Test     policyTest     `cmd:"" help:"Run the cases of a version. Exits 1 if one fails."`
	Activate policyActivate `cmd:"" help:"Have a version decide, if all its cases pass."`
	Rollback policyRollback `cmd:"" help:"Have the version decide that did so before."`
	Diff     policyDiff     `cmd:"" help:"Say how a version differs from the active one, or from another."`
	Delete   policyDelete   `cmd:"" help:"Delete a policy set that no decision plan names."`
}

// policyFiles are the files of a version.
type policyFiles struct {
	File   string `arg:"" help:"Policies: a .cedar file."`
	Schema string `help:"Cedar schema; the policies are validated against it." placeholder:"FILE"`
	Cases  string `help:"Cases: a JSON list of questions with what is expected." placeholder:"FILE"`
	Note   string `help:"What changes, for people."`
}

func (f policyFiles) draft(dir string) (policy.Draft, error) {
	d := policy.Draft{Note: f.Note}
	text, err := os.ReadFile(absolute(dir, f.File))
	if err != nil {
		return d, err
	}
	d.Text = string(text)
	if f.Schema != "" {
		if text, err = os.ReadFile(absolute(dir, f.Schema)); err != nil {
			return d, err
		}
		d.Schema = string(text)
	}
	if f.Cases == "" {
		return d, nil
	}
	if text, err = os.ReadFile(absolute(dir, f.Cases)); err != nil {
		return d, err
	}
	if err := json.Unmarshal(text, &d.Cases, json.RejectUnknownMembers(true)); err != nil {
		return d, errs.Wrap(errs.Invalid, err, "policy_cases_unreadable", "The cases cannot be read: %s", err)
	}
	return d, nil
}

// unsound prints what is wrong with policies, one line each, in the form that editors jump to.
func (f policyFiles) unsound(w io.Writer, err error) error {
	all := policy.Findings(err)
	for _, one := range all {
		name := f.File
		if one.In == "schema" && f.Schema != "" {
			name = f.Schema
		}
		fmt.Fprintln(w, visible(name+":"+one.String()))
	}
	if len(all) > 0 {
		return coded{exitFailed, nil}
	}
	return err
}

type policyCreate struct {
	Set         string `arg:"" help:"Name of the set."`
	Description string `help:"What it is for."`
}

func (c *policyCreate) run(e *env) error {
	s, err := e.Policies.Create(e.ctx, e.caller(), c.Set, c.Description)
	if err != nil {
		return err
	}
	return e.done(map[string]any{"set": s.ID}, "Policy set %s is made; write a version of it.", s.ID)
}

type policyList struct {
	Set string `arg:"" optional:"" help:"Name of a set: list its versions."`
}

type versionOut struct {
	Number  int    `json:"number"`
	Created string `json:"created_at"`
	Digest  string `json:"digest"`
	Author  string `json:"author,omitempty"`
	Note    string `json:"note,omitempty"`
	Active  bool   `json:"active"`
}

func (c *policyList) run(e *env) error {
	if c.Set != "" {
		return c.versions(e)
	}
	sets, err := all(func(r page.Request) (page.Page[*policy.Set], error) { return e.Policies.List(e.ctx, e.caller(), r) })
	if err != nil {
		return err
	}
	type setOut struct {
		Name   string `json:"name"`
		Active int    `json:"active,omitempty"`
		Latest int    `json:"latest,omitempty"`
	}
	out := make([]setOut, len(sets))
	for i, s := range sets {
		out[i] = setOut{s.ID, s.Active, s.Latest}
	}
	return e.print(out, func(w io.Writer) {
		table(w, "SET ACTIVE LATEST", func(row func(...any)) {
			for _, s := range out {
				row(s.Name, s.Active, s.Latest)
			}
		})
	})
}

func (c *policyList) versions(e *env) error {
	set, err := e.Policies.Get(e.ctx, e.caller(), c.Set)
	if err != nil {
		return err
	}
	found, err := all(func(r page.Request) (page.Page[*policy.Version], error) {
		return e.Policies.Versions(e.ctx, e.caller(), c.Set, r)
	})
	if err != nil {
		return err
	}
	out := make([]versionOut, len(found))
	for i, v := range found {
		out[i] = versionOut{v.Number, v.Created.Format("2006-01-02T15:04:05Z"), v.Digest, "", v.Note, v.Number == set.Active}
		if v.Author.Type != "" {
			out[i].Author = v.Author.String()
		}
	}
	return e.print(out, func(w io.Writer) {
		table(w, "VERSION CREATED AUTHOR ACTIVE NOTE", func(row func(...any)) {
			for _, v := range out {
				active := ""
				if v.Active {
					active = "active"
				}
				row(v.Number, v.Created, v.Author, active, v.Note)
			}
		})
	})
}

// ofSet is a command about a version.
type ofSet struct {
	Set     string `arg:"" help:"Name of the set."`
	Version int    `arg:"" optional:"" help:"Number of the version; by default the active one."`
}

type policyShow struct{ ofSet }

func (c *policyShow) run(e *env) error {
	v, err := e.Policies.Version(e.ctx, e.caller(), c.Set, c.Version)
	if err != nil {
		return err
	}
	return e.print(v.Draft, func(w io.Writer) {
		fmt.Fprintf(w, "// %s, version %d\n%s\n", c.Set, v.Number, strings.TrimRight(v.Text, "\n"))
	})
}

type policyCheck struct{ policyFiles }

func (c *policyCheck) local(l *localRun) error {
	d, err := c.draft(l.process.Dir)
	if err != nil {
		return err
	}
	p, err := d.Check()
	if err != nil {
		return c.unsound(l.process.Stdout, err)
	}
	outcomes, err := p.Run(l.ctx, d.Cases)
	if err != nil {
		return err
	}
	if failed := printOutcomes(l.process.Stdout, outcomes); failed > 0 {
		return coded{exitFailed, nil}
	}
	fmt.Fprintln(l.process.Stdout, "The policies are sound.")
	return nil
}

// printOutcomes prints a line for each case and returns how many have failed.
func printOutcomes(w io.Writer, all []policy.Outcome) int {
	failed := 0
	for _, o := range all {
		if o.Passed {
			fmt.Fprintln(w, visible("ok    "+o.Name))
			continue
		}
		failed++
		got := string(o.Got)
		if o.Error != "" {
			got = o.Error
		}
		fmt.Fprintln(w, visible("FAIL  "+o.Name+": expected "+string(o.Expected)+", got "+got))
		for _, c := range o.By {
			fmt.Fprintln(w, visible(fmt.Sprintf("      %s, line %d", c.Policy, c.Line)))
		}
	}
	return failed
}

type policyWrite struct {
	Set string `arg:"" help:"Name of the set."`
	policyFiles
}

func (c *policyWrite) run(e *env) error {
	d, err := c.draft(e.dir)
	if err != nil {
		return err
	}
	v, err := e.Policies.Write(e.ctx, e.caller(), c.Set, d)
	if err != nil {
		return c.unsound(e.out, err)
	}
	return e.done(map[string]any{"set": c.Set, "version": v.Number, "digest": v.Digest},
		"Version %d of %s is written; it decides nothing before cardea authz policy activate %s %d.", v.Number, c.Set, c.Set, v.Number)
}

type policyTest struct{ ofSet }

func (c *policyTest) run(e *env) error {
	outcomes, err := e.Policies.Test(e.ctx, e.caller(), c.Set, c.Version)
	if err != nil {
		return err
	}
	failed := 0
	err = e.print(outcomes, func(w io.Writer) {
		printOutcomes(w, outcomes)
		fmt.Fprintf(w, "%d cases.\n", len(outcomes))
	})
	for _, o := range outcomes {
		if !o.Passed {
			failed++
		}
	}
	if err == nil && failed > 0 {
		return coded{exitFailed, nil}
	}
	return err
}

type policyActivate struct {
	Set     string `arg:"" help:"Name of the set."`
	Version int    `arg:"" help:"Number of the version; an older one is a rollback."`
}

func (c *policyActivate) run(e *env) error {
	s, err := e.Policies.Activate(e.ctx, e.caller(), c.Set, c.Version)
	if err != nil {
		return err
	}
	return e.done(map[string]any{"set": s.ID, "active": s.Active}, "Version %d of %s decides.", s.Active, s.ID)
}

type policyRollback struct {
	Set string `arg:"" help:"Name of the set."`
}

func (c *policyRollback) run(e *env) error {
	s, err := e.Policies.Rollback(e.ctx, e.caller(), c.Set)
	if err != nil {
		return err
	}
	return e.done(map[string]any{"set": s.ID, "active": s.Active}, "Version %d of %s decides again.", s.Active, s.ID)
}

type policyDiff struct {
	Set     string `arg:"" help:"Name of the set."`
	Version int    `arg:"" help:"Number of the version."`
	From    int    `help:"Compare with this version; by default with the active one." placeholder:"N"`
}

func (c *policyDiff) run(e *env) error {
	changes, err := e.Policies.Diff(e.ctx, e.caller(), c.Set, c.From, c.Version)
	if err != nil {
		return err
	}
	return e.print(changes, func(w io.Writer) {
		if len(changes) == 0 {
			fmt.Fprintln(w, "Nothing would change.")
		}
		for _, change := range changes {
			fmt.Fprintln(w, visible(change.Kind+" "+change.Policy))
			for sign, text := range map[string]string{"-": change.Before, "+": change.After} {
				for line := range strings.SplitSeq(text, "\n") {
					if text != "" {
						fmt.Fprintln(w, visible("  "+sign+" "+line))
					}
				}
			}
		}
	})
}

type policyDelete struct {
	Set string `arg:"" help:"Name of the set."`
}

func (c *policyDelete) run(e *env) error {
	if err := e.Policies.Delete(e.ctx, e.caller(), c.Set); err != nil {
		return err
	}
	return e.done(nil, "Policy set %s is gone.", c.Set)
}

type authzPlan struct {
	List   planList   `cmd:"" help:"List decision plans: which engines answer questions about which type of resource."`
	Set    planSet    `cmd:"" help:"Say which engines answer questions about a type of resource."`
	Remove planRemove `cmd:"" help:"Take a decision plan away."`
}

type planList struct{}

type planOut struct {
	Type string `json:"type"`
	authz.Plan
}

func (c *planList) run(e *env) error {
	plans, err := e.Decisions.Plans(e.ctx, e.caller())
	if err != nil {
		return err
	}
	out := make([]planOut, len(plans))
	for i, p := range plans {
		out[i] = planOut{p.Type, p.Plan}
	}
	return e.print(out, func(w io.Writer) {
		table(w, "TYPE ROLES POLICIES STORE RELATIONS POINTS", func(row func(...any)) {
			for _, p := range out {
				var relations []string
				for action, relation := range p.Relations {
					relations = append(relations, action+"="+relation)
				}
				row(p.Type, p.Roles, strings.Join(p.Policies, ","), p.Store, strings.Join(relations, ","), strings.Join(p.Points, ","))
			}
		})
	})
}

type planSet struct {
	Type     string            `arg:"" help:"Type of resource, or * for all that have no plan of their own."`
	Roles    bool              `help:"The tenant's own roles permit."`
	Policies []string          `help:"Name of a policy set; may be repeated."`
	Store    string            `help:"Id or name of a store, whose tuples permit." placeholder:"STORE"`
	Points   []string          `help:"Name of a decision point outside, asked where nothing else decides; may be repeated."`
	Relation map[string]string `help:"Which relation of the store an action asks for, as in read=viewer; may be repeated." placeholder:"ACTION=RELATION"`
}

func (c *planSet) run(e *env) error {
	p := authz.Plan{Roles: c.Roles, Policies: c.Policies, Relations: c.Relation, Points: c.Points}
	if c.Store != "" {
		var err error
		if p.Store, err = (inStore{c.Store}).id(e); err != nil {
			return err
		}
	}
	if err := e.Decisions.SetPlan(e.ctx, e.caller(), c.Type, p); err != nil {
		return err
	}
	return e.done(map[string]any{"type": c.Type}, "The plan for %s is set.", c.Type)
}

type planRemove struct {
	Type string `arg:"" help:"Type of resource, or *."`
}

func (c *planRemove) run(e *env) error {
	if err := e.Decisions.RemovePlan(e.ctx, e.caller(), c.Type); err != nil {
		return err
	}
	return e.done(nil, "The plan for %s is gone.", c.Type)
}

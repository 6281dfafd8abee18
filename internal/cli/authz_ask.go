package cli

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/scenario"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/authz/tuplekey"
	"github.com/cardea-auth/cardea/internal/httpapi/openfga"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// askTuple is a question on the command line.
type askTuple struct {
	oneTuple
	Model   string `help:"Id of the version of the model; by default the one that is used." placeholder:"ID"`
	Context string `help:"What the request knows for conditions: a JSON object." placeholder:"JSON"`
}

func (c askTuple) ask(e *env) (stores.At, graph.Query, error) {
	storeID, err := c.id(e)
	if err != nil {
		return stores.At{}, graph.Query{}, err
	}
	q, err := tuplekey.Key{User: c.User, Relation: c.Relation, Object: c.Object}.Question()
	if err != nil {
		return stores.At{}, graph.Query{}, err
	}
	known, err := tuplekey.Context([]byte(c.Context))
	return stores.At{Store: storeID, Model: c.Model, Full: true}, graph.Query{Object: q.Object, Relation: q.Relation, Subject: q.Subject, Context: known}, err
}

type authzCheck struct{ askTuple }

func (c *authzCheck) run(e *env) error { return c.answer(e, false) }

type authzExplain struct{ askTuple }

func (c *authzExplain) run(e *env) error { return c.answer(e, true) }

// answer prints the sentence, and if asked for the way there, or what would lead there.
func (c askTuple) answer(e *env, why bool) error {
	at, q, err := c.ask(e)
	if err != nil {
		return coded{exitBad, err}
	}
	explained, _, err := e.Stores.Explain(e.ctx, e.caller(), at, q)
	if err != nil {
		return coded{exitBad, err}
	}
	out := openfga.ShowExplanation(explained)
	if !why {
		out = openfga.Explained{Allowed: out.Allowed, Reason: out.Reason, Missing: out.Missing}
	}
	err = e.print(out, func(w io.Writer) {
		answer := "denied"
		if out.Allowed {
			answer = "allowed"
		}
		fmt.Fprintf(w, "%s: %s\n", answer, visible(out.Reason))
		for _, k := range out.Path {
			fmt.Fprintln(w, visible("  "+k.Object+" "+k.Relation+" "+k.User))
		}
		for _, r := range out.Remedies {
			fmt.Fprintln(w, visible("  "+remedy(r)))
		}
	})
	if err == nil && !out.Allowed {
		return coded{code: exitFailed}
	}
	return err
}

// remedy is a set of changes in one line.
func remedy(r openfga.Remedy) string {
	var parts []string
	for _, k := range r.Write {
		parts = append(parts, "write "+k.User+" "+k.Relation+" "+k.Object)
	}
	for _, k := range r.Delete {
		parts = append(parts, "delete "+k.User+" "+k.Relation+" "+k.Object)
	}
	for _, u := range r.Meet {
		parts = append(parts, strings.TrimSpace("meet "+u.Tuple.Condition.Name+" "+strings.Join(u.Missing, ", ")))
	}
	return strings.Join(parts, "; ")
}

type authzList struct {
	Objects listObjects `cmd:"" help:"List the objects of a type to which a user has a relation."`
	Users   listUsers   `cmd:"" help:"List the users of a type that have a relation to an object."`
}

type listObjects struct {
	User     string `arg:"" help:"Like user:anne."`
	Relation string `arg:"" help:"Like viewer."`
	Type     string `arg:"" help:"Like folder."`
	Context  string `help:"What the request knows for conditions: a JSON object." placeholder:"JSON"`
	inStore
}

func (c *listObjects) run(e *env) error {
	storeID, err := c.id(e)
	if err != nil {
		return err
	}
	s, err := tuplekey.ParseSubject(c.User)
	if err != nil {
		return err
	}
	q := graph.ObjectsQuery{Type: c.Type, Relation: c.Relation, Subject: s, Limit: math.MaxInt}
	if q.Context, err = tuplekey.Context([]byte(c.Context)); err != nil {
		return err
	}
	found, _, err := e.Stores.Objects(e.ctx, e.caller(), stores.At{Store: storeID, Full: true}, q)
	if err != nil {
		return err
	}
	out := listed{Items: []string{}, Missing: found.Missing}
	for _, name := range found.IDs {
		out.Items = append(out.Items, c.Type+":"+name)
	}
	return out.print(e)
}

// listed is an exact list, but for what depends on parameters that were not given.
type listed struct {
	Items   []string `json:"items"`
	Missing []string `json:"missing,omitempty"`
}

func (l listed) print(e *env) error {
	return e.print(l, func(w io.Writer) {
		for _, name := range l.Items {
			fmt.Fprintln(w, visible(name))
		}
		if len(l.Missing) > 0 {
			fmt.Fprintln(w, visible("# others depend on "+strings.Join(l.Missing, ", ")))
		}
	})
}

type listUsers struct {
	Object   string `arg:"" help:"Like folder:designs."`
	Relation string `arg:"" help:"Like viewer."`
	Type     string `arg:"" help:"Like user, or team#member."`
	Context  string `help:"What the request knows for conditions: a JSON object." placeholder:"JSON"`
	inStore
}

func (c *listUsers) run(e *env) error {
	storeID, err := c.id(e)
	if err != nil {
		return err
	}
	o, err := tuplekey.ParseObject(c.Object)
	if err != nil {
		return err
	}
	q := graph.SubjectsQuery{Object: o, Relation: c.Relation, Limit: math.MaxInt, Named: true}
	q.Type, q.SubjectRelation, _ = strings.Cut(c.Type, "#")
	if q.Context, err = tuplekey.Context([]byte(c.Context)); err != nil {
		return err
	}
	found, _, err := e.Stores.Subjects(e.ctx, e.caller(), stores.At{Store: storeID, Full: true}, q)
	if err != nil {
		return err
	}
	out := listed{Items: []string{}, Missing: found.Missing}
	if found.Everyone {
		out.Items = append(out.Items, q.Type+":"+graph.Wildcard)
	}
	for _, name := range found.IDs {
		out.Items = append(out.Items, tuplekey.Subject(graph.Subject{Type: q.Type, ID: name, Relation: q.SubjectRelation}))
	}
	return out.print(e)
}

type authzTest struct {
	File string `arg:"" help:"A .fga.yaml file."`
}

func (c *authzTest) local(l *localRun) error {
	path := absolute(l.process.Dir, c.File)
	all, err := scenario.Options{Now: l.process.Now()}.Run(l.ctx, os.DirFS("/"), strings.TrimPrefix(filepath.Clean(path), "/"))
	if err != nil {
		return findings(l.process.Stdout, c.File, err)
	}
	failed := 0
	for _, o := range all {
		if !o.Passed {
			failed++
		}
	}
	e := &env{global: l.global, out: l.process.Stdout}
	err = e.print(map[string]any{"passed": len(all) - failed, "failed": failed, "outcomes": append([]scenario.Outcome{}, all...)}, func(w io.Writer) {
		for _, o := range all {
			if !o.Passed {
				fmt.Fprintln(w, visible(fmt.Sprintf("%s: %s: want %s, got %s", o.Test, o.Question, o.Want, o.Got)))
			}
		}
		fmt.Fprintf(w, "%d passed, %d failed\n", len(all)-failed, failed)
	})
	if err == nil && (failed > 0 || len(all) == 0) {
		return errs.New(errs.Precondition, "tests_failed", "%d of %d answers are not as expected.", failed, len(all))
	}
	return err
}

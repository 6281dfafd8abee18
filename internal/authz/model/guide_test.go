package model_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/builtin"
	"github.com/cardea-auth/cardea/internal/authz/condition"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/model"
)

var (
	fence = regexp.MustCompile("(?ms)^```(.*?)\n(.*?)^```\n")
	row   = regexp.MustCompile("(?m)^\\| `([^`]*)` \\| (.*?) ?\\|$")
	named = regexp.MustCompile("(?m)^`([a-z.]+)`:$")
)

// TestGuide reads every model of docs/guides/models.md, and asks every question with the tuples
// that stand there.
func TestGuide(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../../docs/guides/models.md")
	if err != nil {
		t.Fatal(err)
	}
	g := guide{t: t}
	for section := range strings.SplitSeq(string(raw), "\n## ") {
		g.model, g.refusal = nil, nil
		rest := section
		for {
			at := fence.FindStringSubmatchIndex(rest)
			if at == nil {
				g.ask(rest)
				break
			}
			g.ask(rest[:at[0]])
			g.block(rest[:at[0]], rest[at[2]:at[3]], rest[at[4]:at[5]])
			rest = rest[at[1]:]
		}
	}
	g.join()
	if g.models < 5 || g.questions < 10 || g.refusals < 2 {
		t.Errorf("only %d models, %d questions and %d refusals were found", g.models, g.questions, g.refusals)
	}
}

type guide struct {
	t        *testing.T
	model    *graph.Model
	refusal  error
	manifest model.Manifest
	files    []model.File

	models, questions, refusals int
}

// block reads what stands in a fence of a kind, after some text.
func (g *guide) block(before, kind, text string) {
	switch kind {
	case "fga", "fga built-in":
		g.models++
		m, err := builtin.Parse(text)
		if err != nil || builtin.Extends(m) != (kind == "fga built-in") || builtin.Check(m) != nil {
			g.t.Fatalf("%v\n%s", err, text)
		}
		if g.model, _, err = m.Compile(condition.Config{}); err != nil {
			g.t.Fatalf("%v\n%s", err, text)
		}
		if advice := m.Advice(); len(advice) > 0 {
			g.t.Errorf("%v\n%s", advice, text)
		}
		if written, err := builtin.Text(m); err != nil || written != text {
			g.t.Errorf("%v: the guide writes otherwise than Format:\n%s", err, written)
		}
	case "fga refused":
		m, err := model.Parse(text)
		if err == nil {
			err = m.Check()
		}
		g.refusal = err
	case "sh":
	case "text":
		if g.refusal != nil {
			g.refusals++
			if g.refusal.Error() != strings.TrimSpace(text) {
				g.t.Errorf("got\n%v\nthe guide says\n%s", g.refusal, text)
			}
		}
		g.refusal = nil
	case "yaml":
		var err error
		if g.manifest, err = model.ParseManifest(text); err != nil {
			g.t.Fatal(err)
		}
	case "fga module":
		names := named.FindAllStringSubmatch(before, -1)
		g.files = append(g.files, model.File{Name: names[len(names)-1][1], Text: text})
	default:
		g.t.Errorf("a block of an unknown kind: %q", kind)
	}
}

// ask reads the tables of a text: first tuples, then questions and their answers.
func (g *guide) ask(text string) {
	var changes []graph.Change
	var questions [][]string
	for _, m := range row.FindAllStringSubmatch(text, -1) {
		if m[2] == "" {
			changes = append(changes, graph.Change{Tuple: tuple(g.t, m[1])})
		} else if m[2] == "yes" || m[2] == "no" {
			questions = append(questions, m)
		}
	}
	if len(questions) == 0 {
		return
	}
	index := graph.New(g.model, graph.Limits{})
	if err := index.Apply(1, changes); err != nil {
		g.t.Fatal(err)
	}
	for _, q := range questions {
		g.questions++
		asked := tuple(g.t, q[1])
		d, err := index.Check(g.t.Context(), time.Now(), graph.Query{Object: asked.Object, Relation: asked.Relation, Subject: asked.Subject})
		if err != nil || d.Allowed != (q[2] == "yes") {
			g.t.Errorf("%s: %v %v, the guide says %s", q[1], d, err, q[2])
		}
	}
}

func (g *guide) join() {
	m, err := model.Join(g.manifest.Schema, g.files)
	if err == nil {
		err = m.Check()
	}
	if err != nil {
		g.t.Error(err)
	}
	for i, f := range g.files {
		if g.manifest.Files[i] != f.Name {
			g.t.Errorf("the manifest names %s, the guide shows %s", g.manifest.Files[i], f.Name)
		}
	}
}

func tuple(t *testing.T, text string) graph.Tuple {
	t.Helper()
	out, err := graph.ParseTuple(text)
	if err != nil {
		t.Fatal(text, err)
	}
	return out
}

package model

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cardea-auth/cardea/internal/authz/condition"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Compile checks the model and makes of it the rules that decide and the conditions that they name.
// It costs about a microsecond a relation and some ten to a hundred a condition. Errors are as in
// Check.
func (m *Model) Compile(c condition.Config) (*graph.Model, *condition.Set, error) {
	return m.CompileWith(c, func(Type, Relation) string { return "" })
}

// CompileWith is Compile of a model some of whose relations have their tuples from another store: of those foreign
// says where they are given, see graph.Relation; of others it says nothing.
func (m *Model) CompileWith(c condition.Config, foreign func(Type, Relation) string) (*graph.Model, *condition.Set, error) {
	found := m.check()
	set := m.compileConditions(c, &found)
	if err := found.err(); err != nil {
		return nil, nil, err
	}
	if err := m.checkSubjects(); err != nil {
		return nil, nil, err
	}
	rules, err := graph.NewConditionalModel(set, m.graph(foreign)...)
	if err != nil {
		return nil, nil, &Error{[]Diagnostic{m.located(err)}}
	}
	return rules, set, nil
}

// compileConditions compiles all conditions at once, and where that fails one by one, so that the
// mistakes of all are found.
func (m *Model) compileConditions(c condition.Config, found *findings) *condition.Set {
	if len(found.list) == 0 {
		var sources []condition.Source
		for _, k := range m.Conditions {
			sources = append(sources, k.source())
		}
		if set, err := condition.Compile(c, sources...); err == nil {
			return set
		}
	}
	sound := len(found.list) == 0
	for _, k := range m.Conditions[:min(len(m.Conditions), MaxConditions)] {
		if strings.TrimSpace(k.Expression) == "" || len(k.Expression) > MaxExpression {
			continue // check has said so
		}
		_, err := condition.Compile(c, k.source())
		if err == nil {
			continue
		}
		problems := m.expressions(err)
		if len(problems) == 0 && sound {
			problems = []Diagnostic{{At: k.At, Path: plain("condition " + k.Name), Code: CodeExpression, Text: errs.From(err).Text}}
		}
		for _, d := range problems {
			found.add(d)
		}
	}
	if len(found.list) == 0 {
		found.add(Diagnostic{Code: CodeExpression, Text: "The conditions do not compile together."})
	}
	return nil
}

// source is the condition in the words of package condition. A type that there is not becomes the
// zero type, which it refuses.
func (c Condition) source() condition.Source {
	out := condition.Source{Name: c.Name, Expression: c.Expression}
	for _, p := range c.Parameters {
		t, err := condition.ParseType(p.Type.String())
		if err != nil {
			t = condition.Type{}
		}
		out.Parameters = append(out.Parameters, condition.Parameter{Name: p.Name, Type: t})
	}
	return out
}

// graph is the model in the words of package graph.
func (m *Model) graph(foreign func(Type, Relation) string) []graph.Type {
	var out []graph.Type
	for _, t := range m.Types {
		g := graph.Type{Name: t.Name}
		for _, r := range t.Relations {
			g.Relations = append(g.Relations, graph.Relation{Name: r.Name, Rewrite: r.graph(r.Rewrite), Foreign: foreign(t, r)})
		}
		out = append(out, g)
	}
	return out
}

func (r Relation) graph(w Rewrite) graph.Rewrite {
	var parts []graph.Rewrite
	for _, p := range w.Parts {
		parts = append(parts, r.graph(p))
	}
	switch w.Operator {
	case Direct:
		var allowed []string
		seen := map[string]bool{}
		for _, s := range r.Subjects {
			if text := s.String(); !seen[text] {
				seen[text] = true
				allowed = append(allowed, text)
			}
		}
		return graph.This(allowed...)
	case Computed:
		return graph.Computed(w.Relation)
	case From:
		return graph.From(w.Tupleset, w.Relation)
	case Union:
		return graph.Union(parts...)
	case Intersection:
		return graph.Intersection(parts...)
	case Exclusion:
		return graph.Exclusion(parts[0], parts[1])
	}
	return graph.Rewrite{}
}

// located gives a refusal of the graph its place in the text.
func (m *Model) located(err error) Diagnostic {
	d := Diagnostic{Code: CodeRecursion, Text: errs.From(err).Text}
	e, ok := errors.AsType[*errs.Error](err)
	if !ok || len(e.Fields) == 0 {
		return d
	}
	d.Path = e.Fields[0].Pointer
	owner, name, _ := strings.Cut(d.Path, "#")
	d.Text = fmt.Sprintf("The relation %s %s.", d.Path, e.Fields[0].Detail)
	if t := m.Type(owner); t != nil {
		if r := t.Relation(name); r != nil {
			d.At = r.At
		}
	}
	return d
}

// checkSubjects refuses relations that no type of subject can ever have.
func (m *Model) checkSubjects() error {
	var found findings
	for _, n := range newWeb(m).nodes {
		if !n.subjects.empty() {
			continue
		}
		hint := "No way through its rule ends in [..] with a type."
		for w := range n.relation.Rewrite.all() {
			if w.Operator == Intersection {
				hint = "The parts of its \"and\" have no type of subject in common."
			}
		}
		path := n.owner.Name + "#" + n.relation.Name
		found.add(Diagnostic{At: n.relation.At, Path: path, Code: CodeImpossible, Text: fmt.Sprintf("Nobody can ever have the relation %s.", path), Hint: hint})
	}
	return found.err()
}

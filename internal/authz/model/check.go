package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/internal/authz/condition"
)

// Check refuses with an *Error a model that does not make sense as a whole. All of it is looked at,
// so that all mistakes are found at once:
//
//   - names are malformed, reserved, too long or given twice, or there are too many of them;
//   - a rule names a type, relation or condition that there is not;
//   - "X from Y" where Y may hold anything but plain objects, or nothing that Y may hold has X;
//   - [..] is missing where it is needed, or empty;
//   - a relation that no tuples could ever give to anybody, one that refers to itself on the same
//     object, and one that depends on itself through what it subtracts;
//   - a condition whose expression does not compile to true or false.
//
// It is what the typesystem of OpenFGA refuses, and of what its weighted graph refuses besides the
// part that has no meaning. The rest of that is Advice.
func (m *Model) Check() error {
	_, _, err := m.Compile(condition.Config{Inline: true})
	return err
}

// checker looks for what is wrong with one model.
type checker struct {
	model *Model
	index index
	named map[string]bool // conditions
	found findings
}

// index finds types and relations by name.
type index map[string]map[string]*Relation

func newIndex(m *Model) index {
	out := index{}
	for i := range m.Types {
		t := &m.Types[i]
		if out[t.Name] != nil {
			continue
		}
		out[t.Name] = map[string]*Relation{}
		for j := range t.Relations {
			out[t.Name][t.Relations[j].Name] = &t.Relations[j]
		}
	}
	return out
}

func (x index) names(typeName string) []string {
	var out []string
	for name := range x[typeName] {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// check finds everything but what the graph and the compiler of conditions find.
func (m *Model) check() findings {
	c := &checker{model: m, index: newIndex(m), named: map[string]bool{}}
	for _, k := range m.Conditions {
		c.named[k.Name] = true
	}
	if m.Schema != Schema11 && m.Schema != Schema12 {
		c.found.add(Diagnostic{Code: CodeSchema, Text: "The schema must be 1.1 or 1.2."})
	}
	switch n := len(m.Types); {
	case n == 0:
		c.found.add(Diagnostic{Code: CodeType, Text: "The model has no types."})
	case n > MaxTypes:
		c.found.add(Diagnostic{Code: CodeLimit, Text: fmt.Sprintf("A model has at most %d types.", MaxTypes)})
	}
	if len(m.Conditions) > MaxConditions {
		c.found.add(Diagnostic{Code: CodeLimit, Text: fmt.Sprintf("A model has at most %d conditions.", MaxConditions)})
	}
	c.types()
	c.conditions()
	return c.found
}

func (c *checker) types() {
	seen := map[string]Position{}
	for _, t := range c.model.Types {
		at := place{&c.found, t.At, plain(t.Name)}
		at.name(t.Name, "a type", maxTypeName, isExtended)
		if other, twice := seen[t.Name]; twice {
			c.found.add(duplicateType(t, other))
			continue
		}
		seen[t.Name] = t.At
		at.origin(t.Origin)
		named := map[string]bool{}
		for _, r := range t.Relations {
			if named[r.Name] {
				c.at(r.At, t, r).add(CodeDuplicate, "", "The relation %s is already defined in the type %s.", shown(r.Name), shown(t.Name))
				continue
			}
			named[r.Name] = true
			c.relation(t, r)
		}
	}
}

func (c *checker) relation(t Type, r Relation) {
	c.at(r.At, t, r).name(r.Name, "a relation", maxName, isExtended)
	c.at(r.At, t, r).origin(r.Origin)
	brackets := 0
	for w := range r.Rewrite.all() {
		if w.Operator == Direct {
			brackets++
		}
		c.rewrite(t, r, w)
	}
	if depth(r.Rewrite) > MaxNesting {
		c.at(r.At, t, r).add(CodeLimit, "Give a part of it a name, as a relation of its own.", "The rule is nested deeper than %d.", MaxNesting)
	}
	switch {
	case brackets > 1:
		c.at(r.At, t, r).add(CodeDirect, "Name them once and put the rest into a relation of its own.", "The rule has direct subjects in more than one place.")
	case brackets == 1 && len(r.Subjects) == 0:
		c.at(r.At, t, r).add(CodeDirect, "Name the types in [..].", "The relation can be given directly, but to no type of subject.")
	case brackets == 0 && len(r.Subjects) > 0:
		c.at(r.At, t, r).add(CodeDirect, "", "The relation names types of subjects, but its rule has no place for them.")
	}
	for _, s := range r.Subjects {
		c.subject(t, r, s)
	}
}

func depth(w Rewrite) int {
	deepest := 0
	for _, p := range w.Parts {
		deepest = max(deepest, depth(p))
	}
	return deepest + 1
}

// subject checks one entry of [..].
func (c *checker) subject(t Type, r Relation, s Subject) {
	at := c.at(s.At, t, r)
	switch relations := c.index[s.Type]; {
	case relations == nil:
		at.add(CodeType, c.near(s.Type, func() []string { return typeNames(c.model) }), "There is no type %s.", shown(s.Type))
	case s.Relation != "" && relations[s.Relation] == nil:
		at.add(CodeRelation, c.near(s.Relation, func() []string { return c.index.names(s.Type) }), "The type %s has no relation %s.", shown(s.Type), shown(s.Relation))
	}
	if s.Condition != "" && s.Condition != Inline && !c.named[s.Condition] {
		at.add(CodeCondition, c.near(s.Condition, func() []string { return conditionNames(c.model) }), "There is no condition %s.", shown(s.Condition))
	}
}

// rewrite checks one part of a rule; its parts come by themselves.
func (c *checker) rewrite(t Type, r Relation, w Rewrite) {
	at := c.at(w.At, t, r)
	switch w.Operator {
	case Direct:
	case Computed:
		if c.index[t.Name][w.Relation] == nil {
			at.add(CodeRelation, c.near(w.Relation, func() []string { return c.index.names(t.Name) }), "The type %s has no relation %s.", shown(t.Name), shown(w.Relation))
		}
	case From:
		c.from(t, r, w)
	case Union, Intersection:
		if len(w.Parts) < 2 {
			at.add(CodeRewrite, "", "A union or intersection needs two parts.")
		}
	case Exclusion:
		if len(w.Parts) != 2 {
			at.add(CodeRewrite, "", "An exclusion needs a base and what to subtract.")
		}
	default:
		at.add(CodeRewrite, "", "The rule is empty.")
	}
}

// from checks "relation from tupleset".
func (c *checker) from(t Type, r Relation, w Rewrite) {
	at := c.at(w.At, t, r)
	road := c.index[t.Name][w.Tupleset]
	if road == nil {
		at.add(CodeRelation, c.near(w.Tupleset, func() []string { return c.index.names(t.Name) }), "The type %s has no relation %s.", shown(t.Name), shown(w.Tupleset))
		return
	}
	if road.Rewrite.Operator != Direct {
		at.add(CodeTupleset, "Its rule must be [..] alone.", "The relation %s is used after from, so it must be given directly.", shown(w.Tupleset))
		return
	}
	known := len(road.Subjects) == 0 // which is said elsewhere
	for _, s := range road.Subjects {
		if s.Wildcard || s.Relation != "" {
			at.add(CodeTupleset, "Name the type alone.", "The relation %s is used after from, so it must hold plain objects, not %s.", shown(w.Tupleset), shown(s.Type)+strings.TrimPrefix(s.kind(), s.Type))
			return
		}
		known = known || c.index[s.Type] == nil || c.index[s.Type][w.Relation] != nil
	}
	if !known {
		candidates := func() (out []string) {
			for _, s := range road.Subjects[:min(len(road.Subjects), maxDiagnostics)] {
				out = append(out, c.index.names(s.Type)...)
			}
			return out
		}
		at.add(CodeRelation, c.near(w.Relation, candidates), "None of the types that %s may hold has a relation %s.", shown(w.Tupleset), shown(w.Relation))
	}
}

// near is a hint with the nearest candidate, if there is still somebody to read it.
func (c *checker) near(name string, candidates func() []string) string {
	if len(c.found.list) >= maxDiagnostics {
		return ""
	}
	return perhaps(name, candidates())
}

// at is a place to report findings of a relation. A part read from JSON has none of its own.
func (c *checker) at(p Position, t Type, r Relation) place {
	if p.Line == 0 {
		p = r.At
	}
	return place{&c.found, p, plain(t.Name + "#" + r.Name)}
}

type place struct {
	found *findings
	at    Position
	path  string
}

func (p place) add(code Code, hint, format string, args ...any) {
	p.found.add(Diagnostic{At: p.at, Path: p.path, Code: code, Text: fmt.Sprintf(format, args...), Hint: hint})
}

// shown is a name if it has the form of one. What else was given is not repeated.
func shown(name string) string {
	if len(name) > maxTypeName+1+maxName || plain(name) != name {
		return "of that name"
	}
	return name
}

// name checks the form of a name. The language must be able to write it.
func (p place) name(name, noun string, longest int, ok func(string) bool) {
	switch {
	case len(name) > longest:
		p.add(CodeName, "", "The name of %s has at most %d bytes.", noun, longest)
	case !ok(name):
		p.add(CodeName, "", "The name of %s begins with a letter or _, goes on with letters, digits and _, may have single - / . between, and is no word of the language.", noun)
	case name == "self" || name == "this":
		p.add(CodeName, "", "The names self and this are reserved.")
	}
}

// isExtended reports whether the language reads text as the name of a type or relation.
func isExtended(name string) bool {
	if name == "" {
		return false
	}
	k, n := (&lexer{}).next(name)
	return n == len(name) && (k == word || k == soft || k == path)
}

// isModule is isExtended for modules.
func isModule(name string) bool {
	k, _ := (&lexer{}).next(name + " ")
	return isExtended(name) && k != path
}

// isParameter is isExtended for parameters.
func isParameter(name string) bool {
	if name == "" {
		return false
	}
	k, n := nextParameter(name)
	return n == len(name) && k == word
}

// isCondition is isExtended for conditions, whose name stands in both kinds of text.
func isCondition(name string) bool {
	return isParameter(name) && isExtended(name) && isModule(name) && !gentle[name]
}

// origin checks the names of module and file.
func (p place) origin(o Origin) {
	if o.Module != "" {
		p.name(o.Module, "a module", maxName, isModule)
	}
	if o.File != "" && !isFile(o.File) {
		p.add(CodeModule, "", "The name of a module's file ends in .fga and has before that 1 to 100 letters, digits, _, - and /.")
	}
}

func isFile(name string) bool {
	n := span(name, func(c byte) bool { return isDashed(c) || c == '/' })
	return n > 0 && n <= 100 && name[n:] == ".fga"
}

func (c *checker) conditions() {
	for i, k := range c.model.Conditions {
		at := place{&c.found, k.At, plain("condition " + k.Name)}
		at.name(k.Name, "a condition", maxName, isCondition)
		at.origin(k.Origin)
		if slices.ContainsFunc(c.model.Conditions[:i], func(o Condition) bool { return o.Name == k.Name }) {
			at.add(CodeDuplicate, "", "The condition %s is already defined.", shown(k.Name))
		}
		if len(k.Parameters) > MaxParameters {
			at.add(CodeLimit, "", "A condition has at most %d parameters.", MaxParameters)
		}
		switch {
		case strings.TrimSpace(k.Expression) == "":
			at.add(CodeExpression, "", "The condition %s has no expression.", shown(k.Name))
		case len(k.Expression) > MaxExpression:
			at.add(CodeLimit, "", "An expression has at most %d bytes.", MaxExpression)
		}
		for _, p := range k.Parameters {
			place{&c.found, p.At, at.path}.name(p.Name, "a parameter", maxName, isParameter)
		}
	}
}

// expressions says what the compiler of conditions found.
func (m *Model) expressions(err error) []Diagnostic {
	e, ok := errors.AsType[*condition.SourceError](err)
	if !ok {
		return nil
	}
	k := m.Condition(e.Condition)
	if k == nil {
		return nil
	}
	var out []Diagnostic
	for _, p := range e.Problems {
		d := Diagnostic{At: k.At, Path: "condition " + k.Name, Code: CodeExpression, Text: strings.Join(strings.Fields(p.Text), " ") + "."}
		if p.Line > 0 && k.Body.Line > 0 {
			d.At = Position{File: k.Body.File, Line: k.Body.Line + p.Line - 1, Column: max(1, p.Column)}
			if p.Line == 1 {
				d.At.Column += k.Body.Column - 1
			}
		}
		out = append(out, d)
	}
	return out
}

package model

import (
	"slices"
	"strings"
)

// Model says which types of objects exist, how their relations follow from tuples and from each
// other, and under which conditions a tuple counts. It has no id and no store: it is a value that
// a text, a JSON document or a stored version are read into and written from.
type Model struct {
	Schema     Schema
	Types      []Type      // in the order of the text
	Conditions []Condition // in the order of the text
}

// Schema is the version of the language.
type Schema string

// The versions there are. 1.2 adds modules; a single text may use either.
const (
	Schema11 Schema = "1.1"
	Schema12 Schema = "1.2"
)

// Type is a type of object. One without relations, like user, can only be a subject.
type Type struct {
	Name      string
	Relations []Relation // in the order of the text
	Origin    Origin
	At        Position
}

// Relation is a relation of a type and the rule by which it holds.
type Relation struct {
	Name     string
	Subjects []Subject // what a tuple of it may name; empty if it only follows from others
	Rewrite  Rewrite
	Origin   Origin // only if another module than that of the type added it
	At       Position
}

// Origin is the module and file that declared something. It is empty in a model of one text.
type Origin struct {
	Module, File string
}

// Subject is one of the kinds of subject in brackets: user, user:*, group#member, each perhaps
// "with" a condition.
type Subject struct {
	Type      string
	Relation  string // of a userset
	Wildcard  bool
	Condition string // a condition of the model, Inline, or empty
	At        Position
}

// Inline is the condition of a tuple that brings its expression itself.
const Inline = "$expression"

// String is the subject as the language writes it.
func (s Subject) String() string {
	text := s.kind()
	if s.Condition != "" {
		text += " with " + s.Condition
	}
	return text
}

// kind is the subject without its condition.
func (s Subject) kind() string {
	switch {
	case s.Wildcard:
		return s.Type + ":*"
	case s.Relation != "":
		return s.Type + "#" + s.Relation
	}
	return s.Type
}

// Operator says what a Rewrite is. The zero value is none, and no model with it passes Check.
type Operator uint8

// The operators.
const (
	_            Operator = iota
	Direct                // [user, group#member]: whoever a tuple names; Relation.Subjects lists what it may name
	Computed              // Relation: whoever has another relation to the same object
	From                  // Relation from Tupleset: whoever has it to an object that stands in Tupleset
	Union                 // any of Parts, two or more
	Intersection          // all of Parts, two or more
	Exclusion             // Parts[0] but not Parts[1]
)

// Rewrite is the rule of a relation, or a part of it.
type Rewrite struct {
	Operator Operator
	Relation string // Computed, From
	Tupleset string // From
	Parts    []Rewrite
	At       Position
}

// all yields r and everything under it.
func (r Rewrite) all() func(yield func(Rewrite) bool) {
	return func(yield func(Rewrite) bool) { r.visit(yield) }
}

func (r Rewrite) visit(yield func(Rewrite) bool) bool {
	if !yield(r) {
		return false
	}
	for _, p := range r.Parts {
		if !p.visit(yield) {
			return false
		}
	}
	return true
}

// Condition is an expression over parameters that must be true for a tuple to count.
type Condition struct {
	Name       string
	Parameters []Parameter
	Expression string // CEL
	Origin     Origin
	At         Position
	Body       Position // of the expression
}

// Parameter is a typed name that an expression may use. Its value comes with the tuple or with the
// question.
type Parameter struct {
	Name string
	Type ParameterType
	At   Position
}

// ParameterType is the type of a parameter: a simple name, or list or map and the type of the
// elements. The keys of a map are strings.
type ParameterType struct {
	Name    string
	Element *ParameterType
}

// String is the type as the language writes it.
func (t ParameterType) String() string {
	if t.Element == nil {
		return t.Name
	}
	return t.Name + "<" + t.Element.String() + ">"
}

// Type returns the type of that name, or nil.
func (m *Model) Type(name string) *Type {
	i := slices.IndexFunc(m.Types, func(t Type) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	return &m.Types[i]
}

// Relation returns the relation of that name, or nil.
func (t *Type) Relation(name string) *Relation {
	i := slices.IndexFunc(t.Relations, func(r Relation) bool { return r.Name == name })
	if i < 0 {
		return nil
	}
	return &t.Relations[i]
}

// Condition returns the condition of that name, or nil.
func (m *Model) Condition(name string) *Condition {
	i := slices.IndexFunc(m.Conditions, func(c Condition) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &m.Conditions[i]
}

// sorted is a copy in which types, relations, conditions and parameters stand by name, and nothing
// around expressions.
func (m *Model) sorted() *Model {
	s := *m
	s.Types = byName(m.Types, func(t Type) string { return t.Name })
	for i, t := range s.Types {
		s.Types[i].Relations = byName(t.Relations, func(r Relation) string { return r.Name })
	}
	s.Conditions = byName(m.Conditions, func(c Condition) string { return c.Name })
	for i, c := range s.Conditions {
		s.Conditions[i].Parameters = byName(c.Parameters, func(p Parameter) string { return p.Name })
		s.Conditions[i].Expression = strings.TrimSpace(c.Expression)
	}
	return &s
}

func byName[T any](list []T, name func(T) string) []T {
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b T) int { return strings.Compare(name(a), name(b)) })
	return out
}

// Equal reports whether two models say the same. Positions do not count, nor does the order of
// types, relations, conditions and parameters, nor white space around an expression.
func (m *Model) Equal(other *Model) bool {
	a, b := m.sorted(), other.sorted()
	return a.Schema == b.Schema && slices.EqualFunc(a.Types, b.Types, sameType) &&
		slices.EqualFunc(a.Conditions, b.Conditions, sameCondition)
}

func sameType(a, b Type) bool {
	return a.Name == b.Name && a.Origin == b.Origin && slices.EqualFunc(a.Relations, b.Relations, sameRelation)
}

func sameRelation(a, b Relation) bool {
	return a.Name == b.Name && a.Origin == b.Origin && sameRewrite(a.Rewrite, b.Rewrite) &&
		slices.EqualFunc(a.Subjects, b.Subjects, sameSubject)
}

func sameSubject(a, b Subject) bool {
	a.At, b.At = Position{}, Position{}
	return a == b
}

func sameRewrite(a, b Rewrite) bool {
	return a.Operator == b.Operator && a.Relation == b.Relation && a.Tupleset == b.Tupleset &&
		slices.EqualFunc(a.Parts, b.Parts, sameRewrite)
}

func sameCondition(a, b Condition) bool {
	return a.Name == b.Name && a.Origin == b.Origin && a.Expression == b.Expression &&
		slices.EqualFunc(a.Parameters, b.Parameters, sameParameter)
}

func sameParameter(a, b Parameter) bool {
	return a.Name == b.Name && a.Type.String() == b.Type.String()
}

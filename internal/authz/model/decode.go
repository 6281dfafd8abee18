package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// typeNamePrefix begins the names of types of parameters in the JSON form: TYPE_NAME_STRING.
const typeNamePrefix = "TYPE_NAME_"

func upper(name string) string { return strings.ToUpper(name) }

// ParseJSON reads the JSON form of the OpenFGA API, in time linear in its length. Members that it
// does not know, such as id, are ignored, as there; a name twice is an error. A missing version is
// 1.1. In a union or intersection the part with direct subjects comes first in the result, as the
// language writes it. Whether what it says makes sense is for Check.
func ParseJSON(text []byte) (*Model, error) {
	if len(text) > MaxBytes {
		return nil, &Error{[]Diagnostic{{Code: CodeLimit, Text: fmt.Sprintf("The model is longer than %d bytes.", MaxBytes)}}}
	}
	var w wireModel
	if err := json.Unmarshal(text, &w); err != nil {
		return nil, &Error{[]Diagnostic{malformed(text, err)}}
	}
	r := reader{model: &Model{Schema: Schema(w.Schema)}}
	if w.Schema == "" {
		r.model.Schema = Schema11
	}
	for _, t := range w.Types {
		r.model.Types = append(r.model.Types, r.typeOf(t))
	}
	for _, c := range w.Conditions {
		r.model.Conditions = append(r.model.Conditions, r.condition(c.name, c.value))
	}
	if err := r.found.err(); err != nil {
		return nil, err
	}
	return r.model, nil
}

// UnmarshalJSON is ParseJSON, for documents that hold a model.
func (m *Model) UnmarshalJSON(text []byte) error {
	parsed, err := ParseJSON(text)
	if err != nil {
		return err
	}
	*m = *parsed
	return nil
}

// malformed says where the JSON is wrong. The decoder's own text quotes the input.
func malformed(text []byte, err error) Diagnostic {
	d := Diagnostic{Code: CodeSyntax, Text: "The model is not valid JSON."}
	offset := int64(0)
	if s, ok := errors.AsType[*json.SemanticError](err); ok {
		d.Text, offset = "A member has the wrong type.", s.ByteOffset
	}
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		d.Text, offset = "The model is not valid JSON.", s.ByteOffset
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		d.Code, d.Text = CodeDuplicate, "An object names a member twice."
	}
	before := text[:min(max(offset, 0), int64(len(text)))]
	line := strings.Count(string(before), "\n")
	start := strings.LastIndexByte(string(before), '\n') + 1
	d.At = Position{Line: line + 1, Column: utf8.RuneCount(before[start:]) + 1}
	return d
}

// reader turns the JSON form into a model. What names what is for Check; here is only what a Model
// could not hold.
type reader struct {
	model *Model
	found findings
}

func (r *reader) refuse(path string, code Code, format string, args ...any) {
	r.found.add(Diagnostic{Path: plain(path), Code: code, Text: fmt.Sprintf(format, args...)})
}

// plain is the path if it consists of names, and nothing otherwise, so that errors repeat names
// only.
func plain(path string) string {
	for i := range len(path) {
		if c := path[i]; !isDashed(c) && c != '/' && c != '.' && c != '#' && c != ' ' {
			return ""
		}
	}
	return path[:min(len(path), maxTypeName+1+maxName)]
}

func (r *reader) typeOf(w wireType) Type {
	meta := wireMetadata{}
	if w.Metadata != nil {
		meta = *w.Metadata
	}
	t := Type{Name: w.Type, Origin: origin(meta.Module, meta.Source)}
	known := map[string]wireRelation{}
	for _, one := range meta.Relations {
		known[one.name] = one.value
	}
	for _, one := range w.Relations {
		path := w.Type + "#" + one.name
		rule := Relation{Name: one.name, Rewrite: r.rewrite(path, one.value, 1)}
		about := known[one.name]
		rule.Origin = origin(about.Module, about.Source)
		for _, s := range about.Subjects {
			rule.Subjects = append(rule.Subjects, r.subject(path, s))
		}
		t.Relations = append(t.Relations, rule)
	}
	return t
}

func origin(module string, source *wireSource) Origin {
	o := Origin{Module: module}
	if source != nil {
		o.File = source.File
	}
	return o
}

func (r *reader) subject(path string, w wireSubject) Subject {
	s := Subject{Type: w.Type, Wildcard: w.Wildcard != nil, Condition: w.Condition}
	switch {
	case w.Relation != nil && w.Wildcard != nil:
		r.refuse(path, CodeDirect, "A subject has both a relation and a wildcard.")
	case w.Relation != nil && *w.Relation == "":
		r.refuse(path, CodeRelation, "A subject has an empty relation.")
	case w.Relation != nil:
		s.Relation = *w.Relation
	}
	return s
}

func (r *reader) rewrite(path string, w wireRewrite, depth int) Rewrite {
	if depth > MaxNesting+1 { // what Parse can read must be readable from its JSON; Check is stricter
		r.refuse(path, CodeLimit, "The rule is nested deeper than %d.", MaxNesting)
		return Rewrite{}
	}
	var all []Rewrite
	if w.This != nil {
		all = append(all, Rewrite{Operator: Direct})
	}
	if w.Computed != nil {
		all = append(all, Rewrite{Operator: Computed, Relation: w.Computed.Relation})
	}
	if w.From != nil {
		all = append(all, Rewrite{Operator: From, Relation: w.From.Computed.Relation, Tupleset: w.From.Tupleset.Relation})
	}
	if w.Union != nil {
		all = append(all, r.parts(path, Union, w.Union.Child, depth))
	}
	if w.Intersection != nil {
		all = append(all, r.parts(path, Intersection, w.Intersection.Child, depth))
	}
	if w.Difference != nil {
		all = append(all, r.exclusion(path, w.Difference, depth))
	}
	if len(all) != 1 {
		r.refuse(path, CodeRewrite, "A rule needs exactly one of this, computedUserset, tupleToUserset, union, intersection and difference.")
		return Rewrite{}
	}
	return all[0]
}

// parts reads operands and brings the one with direct subjects to the front.
func (r *reader) parts(path string, operator Operator, child []wireRewrite, depth int) Rewrite {
	out := Rewrite{Operator: operator}
	for _, c := range child {
		out.Parts = append(out.Parts, r.rewrite(path, c, depth+1))
	}
	if i := slices.IndexFunc(out.Parts, direct); i > 0 {
		first := out.Parts[i]
		out.Parts = slices.Insert(slices.Delete(out.Parts, i, i+1), 0, first)
	}
	return out
}

// direct reports whether a rule has direct subjects in it.
func direct(w Rewrite) bool {
	for p := range w.all() {
		if p.Operator == Direct {
			return true
		}
	}
	return false
}

func (r *reader) exclusion(path string, w *wireExclusion, depth int) Rewrite {
	if w.Base == nil || w.Subtract == nil {
		r.refuse(path, CodeRewrite, "A difference needs base and subtract.")
		return Rewrite{}
	}
	return Rewrite{Operator: Exclusion, Parts: []Rewrite{r.rewrite(path, *w.Base, depth+1), r.rewrite(path, *w.Subtract, depth+1)}}
}

func (r *reader) condition(key string, w wireCondition) Condition {
	path := "condition " + key
	if w.Name != key {
		r.refuse(path, CodeName, "The condition bears another name than the member that holds it.")
	}
	c := Condition{Name: key, Expression: w.Expression}
	if w.Metadata != nil {
		c.Origin = origin(w.Metadata.Module, w.Metadata.Source)
	}
	for _, p := range w.Parameters {
		c.Parameters = append(c.Parameters, Parameter{Name: p.name, Type: r.parameterType(path, p.value, 1)})
	}
	return c
}

// maxGeneric bounds list<list<...>>.
const maxGeneric = 8

func (r *reader) parameterType(path string, w wireParameter, depth int) ParameterType {
	name, ok := strings.CutPrefix(w.Type, typeNamePrefix)
	lower := strings.ToLower(name)
	generic := lower == "list" || lower == "map"
	switch {
	case !ok || upper(lower) != name || !generic && lower != "any" && !slices.Contains(simpleTypes, lower):
		r.refuse(path, CodeParameter, "A parameter has a type that there is not.")
	case depth > maxGeneric:
		r.refuse(path, CodeLimit, "A type of parameter is nested deeper than %d.", maxGeneric)
	case generic && len(w.Generic) != 1:
		r.refuse(path, CodeParameter, "A list or map needs one type of its elements.")
	case generic:
		element := r.parameterType(path, w.Generic[0], depth+1)
		return ParameterType{Name: lower, Element: &element}
	case len(w.Generic) > 0:
		r.refuse(path, CodeParameter, "Only list and map have a type of their elements.")
	default:
		return ParameterType{Name: lower}
	}
	return ParameterType{}
}

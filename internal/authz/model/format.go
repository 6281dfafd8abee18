package model

import (
	"slices"
	"strings"
)

// Format writes the model as one text in the form that everybody writes: two spaces deeper for each
// level, an empty line between types. What Parse reads from it is Equal to the model, but for the
// origin of its parts; FormatModules keeps that. Comments are no part of a model.
//
// The JSON form can say a few things that the language cannot: a condition without parameters or
// with a parameter of type any, subjects that are subtracted, braces in an expression. They are
// refused with CodeRewrite, CodeParameter or CodeExpression.
func Format(m *Model) (string, error) {
	if err := writable(m); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("model\n  schema " + string(m.Schema) + "\n")
	for _, t := range m.Types {
		writeType(&b, "type ", t.Name, t.Relations)
	}
	for _, c := range m.Conditions {
		writeCondition(&b, c)
	}
	return b.String(), nil
}

// FormatModules is Format for a model of modules: one text for each file, in the order in which the
// types name them. Join makes the model of them again. Parts without a module are refused.
func FormatModules(m *Model) ([]File, error) {
	if err := writable(m); err != nil {
		return nil, err
	}
	var origins []Origin
	note := func(o Origin) {
		if o != (Origin{}) && !slices.Contains(origins, o) {
			origins = append(origins, o)
		}
	}
	for _, t := range m.Types {
		note(t.Origin)
		if t.Origin.Module == "" {
			return nil, &Error{[]Diagnostic{{At: t.At, Path: t.Name, Code: CodeModule, Text: "The type " + t.Name + " belongs to no module."}}}
		}
	}
	for _, t := range m.Types {
		for _, r := range t.Relations {
			note(r.Origin)
		}
	}
	for _, c := range m.Conditions {
		note(c.Origin)
	}
	var out []File
	for _, o := range origins {
		out = append(out, File{Name: o.File, Text: formatModule(m, o)})
	}
	return out, nil
}

func formatModule(m *Model, o Origin) string {
	var b strings.Builder
	b.WriteString("module " + o.Module + "\n")
	for _, t := range m.Types {
		var own, added []Relation
		for _, r := range t.Relations {
			switch {
			case r.Origin == (Origin{}):
				own = append(own, r)
			case r.Origin == o:
				added = append(added, r)
			}
		}
		if t.Origin == o {
			writeType(&b, "type ", t.Name, own)
		} else if len(added) > 0 {
			writeType(&b, "extend type ", t.Name, added)
		}
	}
	for _, c := range m.Conditions {
		if c.Origin == o {
			writeCondition(&b, c)
		}
	}
	return b.String()
}

func writeType(b *strings.Builder, word, name string, relations []Relation) {
	b.WriteString("\n" + word + name + "\n")
	if len(relations) > 0 {
		b.WriteString("  relations\n")
	}
	for _, r := range relations {
		b.WriteString("    define " + r.Name + ": " + r.Rule() + "\n")
	}
}

func writeCondition(b *strings.Builder, c Condition) {
	b.WriteString("\n" + c.String() + "\n")
}

// String is the condition as the language writes it.
func (c Condition) String() string {
	var parameters []string
	for _, p := range c.Parameters {
		parameters = append(parameters, p.Name+": "+p.Type.String())
	}
	return "condition " + c.Name + "(" + strings.Join(parameters, ", ") + ") {\n  " + strings.TrimSpace(c.Expression) + "\n}"
}

// Rule is the rule of the relation as the language writes it: what stands behind the colon.
func (r Relation) Rule() string { return r.rule(r.Rewrite, false) }

func (r Relation) rule(w Rewrite, nested bool) string {
	joint := ""
	switch w.Operator {
	case Direct:
		var subjects []string
		for _, s := range r.Subjects {
			subjects = append(subjects, s.String())
		}
		return "[" + strings.Join(subjects, ", ") + "]"
	case Computed:
		return w.Relation
	case From:
		return w.Relation + " from " + w.Tupleset
	case Union:
		joint = " or "
	case Intersection:
		joint = " and "
	case Exclusion:
		joint = " but not "
	}
	var parts []string
	for _, p := range w.Parts {
		parts = append(parts, r.rule(p, true))
	}
	if nested {
		return "(" + strings.Join(parts, joint) + ")"
	}
	return strings.Join(parts, joint)
}

// writable refuses what the language cannot say.
func writable(m *Model) error {
	var found findings
	for _, t := range m.Types {
		for _, r := range t.Relations {
			if !leading(r.Rewrite, true) {
				found.add(Diagnostic{At: r.At, Path: t.Name + "#" + r.Name, Code: CodeRewrite,
					Text: "The language writes the subjects in [..] once, and first; this rule has them elsewhere."})
			}
		}
	}
	for _, c := range m.Conditions {
		if d, bad := unwritable(c); bad {
			d.At, d.Path = c.At, "condition "+c.Name
			found.add(d)
		}
	}
	return found.err()
}

// leading reports whether every Direct in w stands where only parentheses are before it.
func leading(w Rewrite, first bool) bool {
	if w.Operator == Direct {
		return first
	}
	for i, p := range w.Parts {
		if !leading(p, first && i == 0) {
			return false
		}
	}
	return true
}

func unwritable(c Condition) (Diagnostic, bool) {
	if len(c.Parameters) == 0 {
		return Diagnostic{Code: CodeParameter, Text: "The language needs a parameter in every condition."}, true
	}
	for _, p := range c.Parameters {
		name, element := p.Type.Name, p.Type.Element
		if element != nil {
			name = element.Name
		}
		if !slices.Contains(simpleTypes, name) || element != nil && element.Element != nil {
			return Diagnostic{Code: CodeParameter, Text: "The language cannot write the type of the parameter " + p.Name + "."}, true
		}
	}
	// Braces, comments and lines that look like one are told apart best by reading them again.
	alone := &Model{Schema: Schema11, Conditions: []Condition{c}}
	alone.Conditions[0].Origin = Origin{}
	again, err := Parse("model\n  schema 1.1\n\n" + c.String() + "\n")
	if err != nil || !again.Equal(alone) {
		return Diagnostic{Code: CodeExpression, Text: "The language cannot write this expression: it has a brace, a comment or \" #\" in it."}, true
	}
	return Diagnostic{}, false
}

package model

import (
	"slices"
	"strings"
)

// ChangeKind says what became of a part of a model.
type ChangeKind string

// The kinds.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
)

// Change is one difference between two models. One of Relation and Condition may be set; without
// either it is about the type, and without a type about the schema.
type Change struct {
	Kind      ChangeKind `json:"kind"`
	Type      string     `json:"type,omitzero"`
	Relation  string     `json:"relation,omitzero"`
	Condition string     `json:"condition,omitzero"`
	Before    string     `json:"before,omitzero"` // as the language writes it
	After     string     `json:"after,omitzero"`
	Orphans   []Orphan   `json:"orphans,omitzero"` // stored tuples that no longer fit
}

// Path names what has changed: schema, document, document#viewer, "condition in_region".
func (c Change) Path() string {
	switch {
	case c.Condition != "":
		return "condition " + c.Condition
	case c.Relation != "":
		return c.Type + "#" + c.Relation
	case c.Type != "":
		return c.Type
	}
	return "schema"
}

// Orphan is a kind of tuples that the later model does not accept. An empty Relation is every
// relation of the type; an empty Subject is every subject.
type Orphan struct {
	Type     string `json:"type"`
	Relation string `json:"relation,omitzero"`
	Subject  string `json:"subject,omitzero"` // user, user:* or group#member, perhaps "with" a condition
}

// String is the kind of tuples as tuples are written: document#viewer@user:*.
func (o Orphan) String() string {
	text := o.Type
	if o.Relation != "" {
		text += "#" + o.Relation
	}
	if o.Subject != "" {
		text += "@" + o.Subject
	}
	return text
}

// Diff is what differs, in the order of the text: schema, types with their relations, conditions;
// first what the earlier model has, then what is new.
type Diff []Change

// Orphans lists the kinds of stored tuples that the later model does not accept. A store that has
// none of them can change to it, and back, without losing anything.
func (d Diff) Orphans() []Orphan {
	var out []Orphan
	for _, c := range d {
		out = append(out, c.Orphans...)
	}
	return out
}

// String is one line for each change: + added, - removed, ~ changed; what no longer fits below it.
func (d Diff) String() string {
	var b strings.Builder
	for _, c := range d {
		mark := map[ChangeKind]string{Added: "+ ", Removed: "- ", Changed: "~ "}[c.Kind]
		b.WriteString(mark + c.Path())
		for _, side := range []struct{ sign, text string }{{"- ", c.Before}, {"+ ", c.After}} {
			for line := range strings.SplitSeq(side.text, "\n") {
				if side.text != "" {
					b.WriteString("\n    " + side.sign + line)
				}
			}
		}
		for _, o := range c.Orphans {
			b.WriteString("\n    no longer fit: " + o.String())
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Compare says what changes from one sound model to another. Models that are Equal but for the
// origin of their parts have no difference.
func Compare(before, after *Model) Diff {
	var d Diff
	if before.Schema != after.Schema {
		d = append(d, Change{Kind: Changed, Before: string(before.Schema), After: string(after.Schema)})
	}
	for _, t := range before.Types {
		if other := after.Type(t.Name); other != nil {
			d = append(d, compareType(t, *other)...)
		} else {
			d = append(d, Change{Kind: Removed, Type: t.Name, Before: typeText(t), Orphans: lost(t)})
		}
	}
	for _, t := range after.Types {
		if before.Type(t.Name) == nil {
			d = append(d, Change{Kind: Added, Type: t.Name, After: typeText(t)})
		}
	}
	return append(d, compareConditions(before, after)...)
}

func typeText(t Type) string {
	var b strings.Builder
	writeType(&b, "type ", t.Name, t.Relations)
	return strings.TrimSpace(b.String())
}

// lost are the tuples on objects of a removed type. Those whose subject is of it are found at the
// relations that named it.
func lost(t Type) []Orphan {
	if slices.ContainsFunc(t.Relations, func(r Relation) bool { return len(r.Subjects) > 0 }) {
		return []Orphan{{Type: t.Name}}
	}
	return nil
}

func compareType(before, after Type) Diff {
	var d Diff
	for _, r := range before.Relations {
		change := Change{Kind: Changed, Type: before.Name, Relation: r.Name, Before: r.Rule()}
		other := after.Relation(r.Name)
		switch {
		case other == nil:
			change.Kind = Removed
			if len(r.Subjects) > 0 {
				change.Orphans = []Orphan{{Type: before.Name, Relation: r.Name}}
			}
		case sameRewrite(r.Rewrite, other.Rewrite) && slices.EqualFunc(r.Subjects, other.Subjects, sameSubject):
			continue
		default:
			change.After = other.Rule()
			change.Orphans = narrowed(before.Name, r, *other)
		}
		d = append(d, change)
	}
	for _, r := range after.Relations {
		if before.Relation(r.Name) == nil {
			d = append(d, Change{Kind: Added, Type: before.Name, Relation: r.Name, After: r.Rule()})
		}
	}
	return d
}

// narrowed are the kinds of subjects that a relation no longer takes.
func narrowed(typeName string, before, after Relation) []Orphan {
	if len(before.Subjects) > 0 && len(after.Subjects) == 0 {
		return []Orphan{{Type: typeName, Relation: before.Name}}
	}
	var out []Orphan
	for _, s := range before.Subjects {
		o := Orphan{Type: typeName, Relation: before.Name, Subject: s.String()}
		if !slices.ContainsFunc(after.Subjects, func(a Subject) bool { return sameSubject(a, s) }) && !slices.Contains(out, o) {
			out = append(out, o)
		}
	}
	return out
}

func compareConditions(before, after *Model) Diff {
	var d Diff
	for _, c := range before.Conditions {
		change := Change{Kind: Changed, Condition: c.Name, Before: c.String()}
		other := after.Condition(c.Name)
		switch {
		case other == nil:
			change.Kind = Removed // the relations that named it have changed, and say what no longer fits
		case sameCondition(unplaced(c), unplaced(*other)):
			continue
		default:
			change.After = other.String()
			if !accepts(c, *other) {
				change.Orphans = conditioned(after, c.Name)
			}
		}
		d = append(d, change)
	}
	for _, c := range after.Conditions {
		if before.Condition(c.Name) == nil {
			d = append(d, Change{Kind: Added, Condition: c.Name, After: c.String()})
		}
	}
	return d
}

// unplaced is a condition without where it stands.
func unplaced(c Condition) Condition {
	c.Origin = Origin{}
	c.Expression = strings.TrimSpace(c.Expression)
	c.Parameters = byName(c.Parameters, func(p Parameter) string { return p.Name })
	return c
}

// accepts reports whether every context that a tuple may bring for one condition fits another.
func accepts(before, after Condition) bool {
	return !slices.ContainsFunc(before.Parameters, func(p Parameter) bool {
		return !slices.ContainsFunc(after.Parameters, func(o Parameter) bool { return sameParameter(p, o) })
	})
}

// conditioned are the tuples that carry a condition. Those among them with values for a parameter
// that is gone or has another type do not fit.
func conditioned(m *Model, name string) []Orphan {
	var out []Orphan
	for _, t := range m.Types {
		for _, r := range t.Relations {
			for _, s := range r.Subjects {
				if s.Condition == name {
					out = append(out, Orphan{Type: t.Name, Relation: r.Name, Subject: s.String()})
				}
			}
		}
	}
	return out
}

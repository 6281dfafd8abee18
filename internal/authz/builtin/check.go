package builtin

import (
	"fmt"
	"slices"

	"github.com/cardea-auth/cardea/internal/authz/model"
)

const hint = "cardea authz model built-in prints the module. A module of your own needs another name than cardea."

// Check refuses, with a *model.Error, a model in which something is of this module that is not in it, or is otherwise
// than there. A part of the module is enough.
func Check(m *model.Model) error {
	want, err := Model()
	if err != nil {
		return err
	}
	c := checker{model: m, want: want}
	for _, t := range m.Types {
		if ofModule(t) {
			c.ofModule(t)
			continue
		}
		for _, r := range t.Relations {
			if r.Origin.Module == Name {
				c.add(r.At, t.Name+"#"+r.Name, "The built-in module adds no relations to the types of others.")
			}
		}
	}
	for _, k := range m.Conditions {
		if k.Origin.Module == Name {
			c.add(k.At, "condition "+k.Name, "The built-in module has no conditions.")
		}
	}
	if len(c.found) > 0 {
		return &model.Error{Diagnostics: c.found}
	}
	return nil
}

type checker struct {
	model, want *model.Model
	found       []model.Diagnostic
}

// maxFound bounds what is told.
const maxFound = 20

func (c *checker) add(at model.Position, path, format string, args ...any) {
	if len(c.found) < maxFound {
		c.found = append(c.found, model.Diagnostic{At: at, Path: path, Code: model.CodeModule, Text: fmt.Sprintf(format, args...), Hint: hint})
	}
}

func (c *checker) ofModule(t model.Type) {
	want := c.want.Type(t.Name)
	if want == nil {
		c.add(t.At, "", "The built-in module has no type of that name.")
		return
	}
	for _, w := range want.Relations {
		r := t.Relation(w.Name)
		path := t.Name + "#" + w.Name
		switch {
		case r == nil || !isOwn(*r):
			c.add(t.At, path, "The type %s lacks the relation %s, which the built-in module gives it.", t.Name, w.Name)
		case !same(*r, w):
			c.add(r.At, path, "The relation %s is not as in the built-in module, where it is %s.", path, w.Rule())
		default:
			c.subjects(path, *r)
		}
	}
	for _, r := range t.Relations {
		if isOwn(r) && want.Relation(r.Name) == nil {
			c.add(r.At, "", "The built-in module has no such relation of the type %s; a module of yours can extend it.", t.Name)
		}
	}
}

// subjects refuses a type that only bears the name of the one that is meant.
func (c *checker) subjects(path string, r model.Relation) {
	for _, s := range r.Subjects {
		if t := c.model.Type(s.Type); t == nil || !ofModule(*t) {
			c.add(r.At, path, "The relation %s needs the type %s of the built-in module.", path, s.Type)
		}
	}
}

func same(a, b model.Relation) bool {
	kinds := func(r model.Relation) []string {
		var out []string
		for _, s := range r.Subjects {
			out = append(out, s.String())
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	return a.Rewrite.Operator == model.Direct && b.Rewrite.Operator == model.Direct && slices.Equal(kinds(a), kinds(b))
}

// Compare is model.Compare, and says besides of which relations the tuples would be the server's, or the store's,
// and were not before.
func Compare(before, after *model.Model) model.Diff {
	d := model.Compare(before, after)
	for _, t := range after.Types {
		was := before.Type(t.Name)
		if was == nil || ofModule(t) == ofModule(*was) {
			continue
		}
		for _, r := range t.Relations {
			from := was.Relation(r.Name)
			if from == nil || Foreign(t, r) == Foreign(*was, *from) {
				continue
			}
			change := model.Change{Kind: model.Changed, Type: t.Name, Relation: r.Name, Before: rule(*was, *from), After: rule(t, r)}
			if Foreign(t, r) != "" && len(from.Subjects) > 0 {
				change.Orphans = []model.Orphan{{Type: t.Name, Relation: r.Name}}
			}
			same := func(o model.Change) bool { return o.Type == t.Name && o.Relation == r.Name }
			d = append(slices.DeleteFunc(d, same), change)
		}
	}
	return d
}

// rule is the rule of a relation and, as a comment, that it is the module's.
func rule(t model.Type, r model.Relation) string {
	if Foreign(t, r) == "" {
		return r.Rule()
	}
	return r.Rule() + " # module " + Name
}

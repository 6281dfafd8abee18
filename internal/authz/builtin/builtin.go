// Package builtin is the model of every tenant: who belongs to which group, organisation and role, and what roles
// permit. It is a module of the modelling language, and its text is the one place where that is said:
//
//	Rules                     what decides about a tenant's own tuples
//	Parse, Text               models of applications that use its types, as people write them
//	Extends, Check, Foreign   what of such a model is the module's, and that it is so unchanged
//	Compare                   what differs between two models, if one of them uses it
//
// A model uses the module if types in it are of a module of this name. Then the tuples of the relations that the
// module defines are the tenant's own, and those of all other relations are the application's. The module names
// nothing but itself, so what an application adds can give nobody a role.
package builtin

import (
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/internal/authz/condition"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/model"
)

// Name is the name of the module, and File that of its file.
const (
	Name = "cardea"
	File = "cardea.fga"
)

// Module is the text of the module. role:editor#assignee@role:admin#assignee makes admin a senior of editor: it
// may what editor may (RBAC1, ANSI INCITS 359). org_role:ORG/editor is editor on the resources of one organisation,
// store_role:STORE/editor on one store of relation tuples.
const Module = `module cardea

type user

type service

type group
  relations
    define member: [user, service, group#member]

type org
  relations
    define member: [user]

type role
  relations
    define assignee: [user, service, group#member, org#member, role#assignee]

type org_role
  relations
    define assignee: [user, service, group#member, org#member]

type store_role
  relations
    define assignee: [user, service, group#member]

type permission
  relations
    define granted: [role#assignee]
`

// Model is the module as a model of its own.
func Model() (*model.Model, error) {
	return model.Join(model.Schema12, []model.File{{Name: File, Text: Module}})
}

// Rules are what decides about a tenant's own tuples, and a name that changes with them.
func Rules() (rules *graph.Model, digest string, err error) {
	m, err := Model()
	if err != nil {
		return nil, "", err
	}
	if rules, _, err = m.Compile(condition.Config{}); err != nil {
		return nil, "", err
	}
	digest, err = m.Digest()
	return rules, digest, err
}

// Parse reads a model as model.Parse does. A text that is one module becomes a model with those types of the
// built-in module that it uses: those that it names or extends, and those that they need.
func Parse(source string) (*model.Model, error) {
	switch name, is := model.ModuleName(source); {
	case !is:
		return model.Parse(source)
	case name == Name:
		return model.Join(model.Schema12, []model.File{{Text: source}})
	}
	m, err := model.Join(model.Schema12, []model.File{{Name: File, Text: Module}, {Text: source}})
	if err != nil {
		return nil, err
	}
	used := needed(m)
	m.Types = slices.DeleteFunc(m.Types, func(t model.Type) bool { return ofModule(t) && !used[t.Name] })
	return m, nil
}

// needed are the types of the module without which the rest of a model would not be sound.
func needed(m *model.Model) map[string]bool {
	used := map[string]bool{}
	var use func(r model.Relation)
	use = func(r model.Relation) {
		for _, s := range r.Subjects {
			t := m.Type(s.Type)
			if t == nil || !ofModule(*t) || used[t.Name] {
				continue
			}
			used[t.Name] = true
			for _, further := range t.Relations {
				use(further)
			}
		}
	}
	for _, t := range m.Types {
		for _, r := range t.Relations {
			if ofModule(t) && isOwn(r) {
				continue
			}
			used[t.Name] = true
			use(r)
			for _, beside := range t.Relations { // of a type that is extended
				use(beside)
			}
		}
	}
	return used
}

func ofModule(t model.Type) bool { return t.Origin.Module == Name }

// isOwn reports whether a relation of a type of the module is the module's, and not one that another added.
func isOwn(r model.Relation) bool { return r.Origin.Module == "" || r.Origin.Module == Name }

// Extends reports whether a model uses the module, or says so.
func Extends(m *model.Model) bool {
	return slices.ContainsFunc(m.Types, func(t model.Type) bool {
		return ofModule(t) || slices.ContainsFunc(t.Relations, func(r model.Relation) bool { return r.Origin.Module == Name })
	}) || slices.ContainsFunc(m.Conditions, func(c model.Condition) bool { return c.Origin.Module == Name })
}

// Types are the names of the types that a model has of the module.
func Types(m *model.Model) []string {
	var out []string
	for _, t := range m.Types {
		if ofModule(t) {
			out = append(out, t.Name)
		}
	}
	return out
}

// Foreign says where the tuples of a relation are given, if that is the tenant's own store; see model.CompileWith.
func Foreign(t model.Type, r model.Relation) string {
	if !ofModule(t) || !isOwn(r) {
		return ""
	}
	switch t.Name {
	case "group":
		return "The members of groups are the server's, and are changed there: cardea group add."
	case "org":
		return "The members of organisations are the server's, and are changed there: cardea org member add."
	case "permission":
		return "What roles permit is the server's, and is changed there: cardea role update."
	}
	return "Who has a role is the server's, and is changed there: cardea role assign."
}

// Text is a model that uses the module as a text from which Parse makes the same, or else as model.Format has it.
// What other modules there are becomes one, under the name of the first.
func Text(m *model.Model) (string, error) {
	if !Extends(m) {
		return model.Format(m)
	}
	app, out := model.Origin{Module: "app"}, *m
	for _, t := range slices.Backward(m.Types) {
		if other := t.Origin.Module; other != "" && other != Name {
			app.Module = other
		}
	}
	others := slices.DeleteFunc(slices.Clone(m.Types), ofModule)
	out.Types = append(slices.DeleteFunc(slices.Clone(m.Types), func(t model.Type) bool { return !ofModule(t) }), others...) // as Parse has them
	for i := range out.Types {
		t := &out.Types[i]
		t.Relations = slices.Clone(t.Relations)
		for j := range t.Relations {
			r := &t.Relations[j]
			own := !ofModule(*t) || isOwn(*r)
			if r.Origin = app; own {
				r.Origin = model.Origin{}
			}
		}
		if !ofModule(*t) {
			t.Origin = app
		}
	}
	out.Conditions = slices.Clone(m.Conditions)
	for i := range out.Conditions {
		out.Conditions[i].Origin = app
	}
	files, err := model.FormatModules(&out)
	if err != nil {
		return "", err
	}
	text := ""
	for _, f := range files {
		if strings.HasPrefix(f.Text, "module "+app.Module+"\n") || text == "" && len(files) == 1 {
			text = f.Text
		}
	}
	return text, nil
}

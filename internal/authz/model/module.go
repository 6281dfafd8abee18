package model

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Manifest is an fga.mod: which files make a model. Paths are relative to the manifest, with /.
type Manifest struct {
	Schema Schema
	Files  []string
}

// ParseManifest reads an fga.mod, a YAML document with schema and contents. It refuses paths that
// lead out of the folder of the manifest and files that do not end in .fga.
func ParseManifest(source string) (Manifest, error) {
	if d, ok := unreadable("", source); ok {
		return Manifest{}, &Error{[]Diagnostic{d}}
	}
	var document struct {
		Schema   yaml.Node `yaml:"schema"`
		Contents yaml.Node `yaml:"contents"`
	}
	if err := yaml.Unmarshal([]byte(source), &document); err != nil {
		// The parser's own text quotes the input.
		return Manifest{}, &Error{[]Diagnostic{{Code: CodeManifest, Text: "The manifest is not a YAML document with schema and contents."}}}
	}
	var m Manifest
	var found findings
	m.readSchema(&document.Schema, &found)
	m.readContents(&document.Contents, &found)
	if err := found.err(); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

func (m *Manifest) readSchema(n *yaml.Node, found *findings) {
	switch {
	case n.IsZero():
		found.add(Diagnostic{At: nodeAt(n), Code: CodeManifest, Text: "The manifest has no schema.", Hint: `Add the line: schema: "1.2"`})
	case n.ShortTag() != "!!str":
		found.add(Diagnostic{At: nodeAt(n), Code: CodeManifest, Text: "The schema must be a string.", Hint: `Put it in quotes: "1.2".`})
	case n.Value != string(Schema12):
		found.add(Diagnostic{At: nodeAt(n), Code: CodeSchema, Text: "Modules need schema 1.2."})
	default:
		m.Schema = Schema12
	}
}

func (m *Manifest) readContents(n *yaml.Node, found *findings) {
	switch {
	case n.IsZero():
		found.add(Diagnostic{At: nodeAt(n), Code: CodeManifest, Text: "The manifest has no contents.", Hint: "List the files below the line: contents:"})
		return
	case n.ShortTag() != "!!seq":
		found.add(Diagnostic{At: nodeAt(n), Code: CodeManifest, Text: "The contents must be a list of files."})
		return
	case len(n.Content) > MaxTypes:
		found.add(Diagnostic{At: nodeAt(n), Code: CodeLimit, Text: fmt.Sprintf("A model has at most %d files.", MaxTypes)})
		return
	}
	for _, item := range n.Content {
		path, wrong := "", "must be a string"
		if item.ShortTag() == "!!str" {
			path, wrong = manifestPath(item.Value)
		}
		if wrong != "" {
			found.add(Diagnostic{At: nodeAt(item), Code: CodeManifest, Text: "A file " + wrong + "."})
			continue
		}
		m.Files = append(m.Files, path)
	}
}

// manifestPath decodes a path, in which bytes may be written as %41, and \ stands for /.
func manifestPath(text string) (path, wrong string) {
	decoded, err := url.QueryUnescape(text)
	if err != nil {
		return "", "has a % that is not followed by two hexadecimal digits"
	}
	path = strings.ReplaceAll(decoded, `\`, "/")
	switch {
	case strings.HasPrefix(path, "/") || strings.Contains(path, "../"):
		return "", "must lie in the folder of the manifest"
	case !strings.HasSuffix(path, ".fga"):
		return "", "must end in .fga"
	}
	return path, ""
}

func nodeAt(n *yaml.Node) Position {
	return Position{Line: max(1, n.Line), Column: max(1, n.Column)}
}

// Modules makes the model of an fga.mod, whose files are read from beside it.
func Modules(manifest string, read func(name string) ([]byte, error)) (*Model, error) {
	m, err := ParseManifest(manifest)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, name := range m.Files {
		text, err := read(name)
		if err != nil {
			return nil, err
		}
		files = append(files, File{Name: name, Text: string(text)})
	}
	return Join(m.Schema, files)
}

// File is one module as text. Its name goes into positions and into Origin.
type File struct {
	Name, Text string
}

// Join makes one model of modules. A type belongs to the module that declares it; the others extend
// it. The order of the files decides the order of the types, and nothing else.
func Join(schema Schema, files []File) (*Model, error) {
	j := joiner{model: &Model{Schema: schema}}
	size := 0
	for _, f := range files {
		if size += len(f.Text); size > MaxBytes {
			return nil, &Error{[]Diagnostic{{Code: CodeLimit, Text: fmt.Sprintf("The modules are longer than %d bytes together.", MaxBytes)}}}
		}
		parsed, err := parseFile(f.Name, f.Text)
		if err != nil {
			for _, d := range Diagnostics(err) {
				j.found.add(d)
			}
			continue
		}
		j.add(parsed)
	}
	for _, f := range j.files {
		j.extend(f)
	}
	if err := j.found.err(); err != nil {
		return nil, err
	}
	return j.model, nil
}

// joiner collects the declarations of modules.
type joiner struct {
	model *Model
	files []*file
	found findings
}

// add takes the types and conditions that a file declares.
func (j *joiner) add(f *file) {
	if f.module == "" {
		j.found.add(Diagnostic{At: f.at, Code: CodeModule, Text: "The file is a model of its own.", Hint: "A module begins with the line \"module\" and its name."})
		return
	}
	j.files = append(j.files, f)
	for i, t := range f.types {
		switch {
		case f.extends[i]:
			if slices.ContainsFunc(f.types, func(o Type) bool { return o.Name == t.Name && o.At != t.At }) {
				j.found.add(Diagnostic{At: t.At, Path: t.Name, Code: CodeDuplicate,
					Text: "The file declares the type " + t.Name + " and extends it.", Hint: "Put the relations together."})
			}
		case j.model.Type(t.Name) != nil:
			j.found.add(duplicateType(t, j.model.Type(t.Name).At))
		default:
			j.model.Types = append(j.model.Types, t)
		}
	}
	for _, c := range f.conditions {
		if other := j.model.Condition(c.Name); other != nil {
			j.found.add(Diagnostic{At: c.At, Path: "condition " + c.Name, Code: CodeDuplicate,
				Text: fmt.Sprintf("The condition %s is already defined at %s.", c.Name, other.At)})
			continue
		}
		j.model.Conditions = append(j.model.Conditions, c)
	}
}

func duplicateType(t Type, other Position) Diagnostic {
	d := Diagnostic{At: t.At, Path: t.Name, Code: CodeDuplicate, Text: fmt.Sprintf("The type %s is already defined.", t.Name)}
	if other.Line > 0 {
		d.Text = fmt.Sprintf("The type %s is already defined at %s.", t.Name, other)
	}
	return d
}

// extend adds relations to the types of other modules.
func (j *joiner) extend(f *file) {
	for i, t := range f.types {
		if !f.extends[i] {
			continue
		}
		whole := j.model.Type(t.Name)
		if whole == nil {
			j.found.add(Diagnostic{At: t.At, Path: t.Name, Code: CodeType, Text: fmt.Sprintf("There is no type %s to extend.", t.Name),
				Hint: perhaps(t.Name, typeNames(j.model))})
			continue
		}
		for _, r := range t.Relations {
			if other := whole.Relation(r.Name); other != nil {
				j.found.add(Diagnostic{At: r.At, Path: t.Name + "#" + r.Name, Code: CodeDuplicate,
					Text: fmt.Sprintf("The relation %s is already defined in the type %s at %s.", r.Name, t.Name, other.At)})
				continue
			}
			whole.Relations = append(whole.Relations, r)
		}
	}
}

func typeNames(m *Model) []string {
	out := make([]string, len(m.Types))
	for i, t := range m.Types {
		out[i] = t.Name
	}
	return out
}

func conditionNames(m *Model) []string {
	out := make([]string, len(m.Conditions))
	for i, c := range m.Conditions {
		out[i] = c.Name
	}
	return out
}

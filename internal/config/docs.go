package config

import (
	_ "embed" // for the source of the tree
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"reflect"
	"strings"
)

// tree is the source of the structs, whose comments are the reference.
//
//go:embed tree.go
var tree string

// Docs writes the reference of all settings in Markdown.
func Docs(w io.Writer) error {
	comments, err := readComments(tree)
	if err != nil {
		return fmt.Errorf("reading the comments of the settings: %w", err)
	}
	d := reference{comments: comments}
	d.out.WriteString(preface)
	d.settings(reflect.TypeFor[Config](), "")
	if d.err != nil {
		return d.err
	}
	_, err = io.WriteString(w, d.out.String())
	return err
}

const preface = `# Configuration

<!-- Written by ` + "`cardea config docs`" + ` from the comments in internal/config/tree.go. Do not edit. -->

Settings come from a YAML file, from the environment and from flags; the later win. Every setting has a
default, so an empty file is a working server for this machine. ` + "`cardea config check`" + ` says what is
wrong with a configuration, all at once; ` + "`cardea config print`" + ` shows every value and where it comes from.

- **Strict.** A key that does not exist, one that is written twice, a value of another type and an
  empty value are errors. Leave out what you do not mean to set.
- **Environment.** The name is ` + "`CARDEA_`" + ` and the key in capitals, with ` + "`_`" + ` for the dots. Lists are written
  with commas. Entries of a list of sections are numbered: ` + "`CARDEA_PASSWORD_PEPPERS_0_ID`" + `.
- **Secrets** stand in a file of their own, named by ` + "`…_file`" + ` in YAML or ` + "`…_FILE`" + ` in the environment, or in
  the environment itself; never in the YAML file or a flag. A file that everybody can read is refused.
- **Times** are written like ` + "`500ms`, `10m`, `24h`, `30d`, `1d12h`" + `; amounts of memory like ` + "`64KiB`, `19MiB`, `1GiB`" + `.

`

// readComments returns the comments of types, as Type, and of their fields, as Type.Field.
func readComments(source string) (map[string]string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), "tree.go", source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		decl, ok := n.(*ast.GenDecl)
		if !ok || decl.Tok != token.TYPE {
			return true
		}
		for _, s := range decl.Specs {
			spec := s.(*ast.TypeSpec) // all that a type declaration can hold
			out[spec.Name.Name] = words(decl.Doc)
			fieldComments(out, spec)
		}
		return false
	})
	return out, nil
}

func fieldComments(out map[string]string, spec *ast.TypeSpec) {
	structure, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range structure.Fields.List {
		for _, name := range f.Names {
			out[spec.Name.Name+"."+name.Name] = words(f.Doc)
		}
	}
}

func words(c *ast.CommentGroup) string { return strings.TrimSpace(c.Text()) }

// reference is the document as it grows. The first error stays.
type reference struct {
	comments map[string]string
	out      strings.Builder
	err      error
}

// comment is that of a field of t.
func (d *reference) comment(t reflect.Type, f field) string {
	name := t.Name() + "." + t.Field(f.index).Name
	c := d.comments[name]
	if c == "" {
		c = d.comments[f.kind.Name()] // a section is mostly explained by its type
	}
	if c == "" && d.err == nil {
		d.err = errors.New("config: " + name + " has no comment")
	}
	return c
}

// settings describes the fields of t, single ones first: what follows a heading belongs to it.
func (d *reference) settings(t reflect.Type, key string) {
	for _, f := range fields(t) {
		if !isSection(f.kind) {
			d.setting(t, f, join(key, f.name))
		}
	}
	for _, f := range fields(t) {
		if isSection(f.kind) {
			full := join(key, f.name)
			fmt.Fprintf(&d.out, "%s %s\n\n%s\n\n", strings.Repeat("#", 2+strings.Count(full, ".")), full, d.comment(t, f))
			d.settings(f.kind, full)
		}
	}
}

func (d *reference) setting(t reflect.Type, f field, key string) {
	fmt.Fprintf(&d.out, "- **`%s`**", key)
	switch {
	case isSecret(f.kind):
		fmt.Fprintf(&d.out, " (in YAML `%s%s`) · `%s`, `%[3]s_FILE`", key, fileSuffix, variable(key))
	case isList(f.kind) && isSection(f.kind.Elem()):
		fmt.Fprintf(&d.out, " · a list")
	default:
		fmt.Fprintf(&d.out, " · `%s`", variable(key))
	}
	d.out.WriteString(defaultsOf(key) + "\\\n  " + strings.ReplaceAll(d.comment(t, f), "\n", "\n  ") + "\n\n")
	if isList(f.kind) && isSection(f.kind.Elem()) {
		d.settings(f.kind.Elem(), key+".0")
	}
}

// defaultsOf is the default of key, and where it differs by profile or --dev.
func defaultsOf(key string) string {
	of := func(c Config) string {
		v, _ := find(reflect.ValueOf(&c).Elem(), key)
		if !v.IsValid() || isSecret(v.Type()) {
			return ""
		}
		return text(v)
	}
	usual := of(Defaults(Business, false))
	if usual == "" || key == "dev" {
		return ""
	}
	out := " · default `" + usual + "`"
	if key == "profile" {
		return out
	}
	for _, p := range Profiles() {
		if other := of(Defaults(p, false)); other != usual {
			out += fmt.Sprintf(", %s `%s`", p, other)
		}
	}
	if other := of(Defaults(Business, true)); other != usual {
		out += fmt.Sprintf(", with --dev `%s`", other)
	}
	return out
}

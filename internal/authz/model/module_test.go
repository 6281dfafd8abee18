package model_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/authz/model"
)

// modules reads "file: text" separated by lines of ---.
func modules(text string) (out []model.File) {
	for part := range strings.SplitSeq(text, "---\n") {
		name, body, _ := strings.Cut(part, "\n")
		out = append(out, model.File{Name: name, Text: body})
	}
	return out
}

const wiki = `core.fga
module core

type user

type org
  relations
    define member: [user]
---
wiki.fga
module wiki

extend type org
  relations
    define can_write: member

type page
  relations
    define org: [org]
    define viewer: member from org
`

func TestJoin(t *testing.T) {
	t.Parallel()
	files := modules(wiki)
	m, err := model.Join(model.Schema12, files)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Check(); err != nil {
		t.Error(err)
	}
	if r := m.Type("org").Relation("can_write"); r.Origin != (model.Origin{Module: "wiki", File: "wiki.fga"}) {
		t.Errorf("%+v", r.Origin)
	}
	written, err := model.FormatModules(m)
	if err != nil {
		t.Fatal(err)
	}
	// A type that is extended stands before those of the module itself.
	if diff := cmp.Diff(files, written); diff != "" {
		t.Error(diff)
	}
	raw, err := m.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := model.ParseJSON(raw); err != nil || !back.Equal(m) {
		t.Errorf("%v\n%s", err, raw)
	}
}

func TestJoinRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ files, want string }{
		{"a.fga\nmodule a\ntype user\n---\nb.fga\nmodule b\ntype user\n", "b.fga:2:6: The type user is already defined at a.fga:2:6."},
		{"a.fga\nmodule a\ntype user\n---\nb.fga\nmodule b\nextend type usr\n", "b.fga:2:13: There is no type usr to extend. Perhaps user is meant."},
		{"a.fga\nmodule a\ntype t\n  relations\n    define x: [t]\n---\nb.fga\nmodule b\nextend type t\n  relations\n    define x: [t]\n",
			"b.fga:4:12: The relation x is already defined in the type t at a.fga:4:12."},
		{"a.fga\nmodule a\ntype t\nextend type t\n", "a.fga:3:13: The file declares the type t and extends it. Put the relations together."},
		{"a.fga\nmodel\n  schema 1.1\ntype t\n", "a.fga:1:1: The file is a model of its own. A module begins with the line \"module\" and its name."},
		{"a.fga\nmodule a\ntype t t\n---\nb.fga\nmodule\n", "a.fga:2:8: Expected the relations of the type in a new line, found t.\nb.fga:1:7: Expected a space and the name of the module, found the end."},
		{"a.fga\nmodule a\ncondition c(x: int) {\n  x > 1\n}\n---\nb.fga\nmodule b\ncondition c(x: int) {\n  x > 1\n}\n", "b.fga:2:11: The condition c is already defined at a.fga:2:11."},
	} {
		if _, err := model.Join(model.Schema12, modules(c.files)); err == nil || err.Error() != c.want {
			t.Errorf("%s\ngot  %v\nwant %s", c.files, err, c.want)
		}
	}
}

func TestManifestRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"", "1:1: The manifest has no schema. Add the line: schema: \"1.2\"\n1:1: The manifest has no contents. List the files below the line: contents:"},
		{"schema: 1.2\ncontents: []\n", "1:9: The schema must be a string. Put it in quotes: \"1.2\"."},
		{"schema: \"1.1\"\ncontents: x\n", "1:9: Modules need schema 1.2.\n2:11: The contents must be a list of files."},
		{"schema: \"1.2\"\ncontents:\n  - ../a.fga\n  - /a.fga\n  - a%2f..%2f../b.fga\n  - ..\\a.fga\n  - a.txt\n  - 1\n  - \"%zz.fga\"\n",
			"3:5: A file must lie in the folder of the manifest.\n4:5: A file must lie in the folder of the manifest.\n5:5: A file must lie in the folder of the manifest.\n" +
				"6:5: A file must lie in the folder of the manifest.\n7:5: A file must end in .fga.\n8:5: A file must be a string.\n9:5: A file has a % that is not followed by two hexadecimal digits."},
		{"- x", "The manifest is not a YAML document with schema and contents."},
	} {
		if _, err := model.ParseManifest(c.text); err == nil || err.Error() != c.want {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, err, c.want)
		}
	}
}

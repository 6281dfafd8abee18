package openfga_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// modules are those whose models we read. Their tests come with the module, but cannot be imported.
var modules = []string{"github.com/openfga/openfga", "github.com/openfga/language/pkg/go"}

// corpus collects every text in the modules that could be a model: the test matrices, and every
// string of their Go files with a header in it. The order is always the same.
func corpus(t testing.TB) []string {
	var out []string
	for _, m := range modules {
		dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", m).Output()
		if err != nil {
			t.Fatal(err)
		}
		err = filepath.WalkDir(strings.TrimSpace(string(dir)), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil || d.IsDir():
				return err
			case strings.HasSuffix(path, ".go"):
				out = append(out, literals(t, path)...)
			case strings.HasSuffix(path, "_tests.yaml"):
				out = append(out, matrix(t, path)...)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// matrix reads the models of one of OpenFGA's files of tests.
func matrix(t testing.TB, path string) []string {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Tests []struct {
			Stages []struct {
				Model string `yaml:"model"`
			} `yaml:"stages"`
		} `yaml:"tests"`
	}
	if err := yaml.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, one := range file.Tests {
		for _, s := range one.Stages {
			out = append(out, s.Model)
		}
	}
	return out
}

// literals reads the strings of a Go file that look like a model.
func literals(t testing.TB, path string) []string {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		l, ok := n.(*ast.BasicLit)
		if !ok || l.Kind != token.STRING {
			return true
		}
		if text, err := strconv.Unquote(l.Value); err == nil && looksLikeModel(text) {
			out = append(out, text)
		}
		return true
	})
	return out
}

func looksLikeModel(text string) bool {
	return strings.Contains(text, "\n") && (strings.Contains(text, "schema 1.") || isModule(text)) && !strings.Contains(text, "%s") && !strings.Contains(text, "%v")
}

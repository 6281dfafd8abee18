// Package docs_test keeps the documents true where a program can: links lead somewhere, decisions
// are listed, dependencies are explained.
package docs_test

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

const root = ".."

// files lists the files below dir whose name ends in suffix, by their path from the root. Folders
// that are modules of their own are left out unless nested.
func files(t *testing.T, dir, suffix string, nested bool) (out []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(root, dir), func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel == "." || rel == filepath.FromSlash(dir) {
				return nil
			}
			_, notModule := os.Stat(filepath.Join(p, "go.mod"))
			if strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "testdata" || !nested && notModule == nil {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(d.Name(), suffix) {
			out = append(out, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestLinks follows every link of our documents to a file.
func TestLinks(t *testing.T) {
	code := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, file := range files(t, ".", ".md", true) {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(read(t, file), ""), -1) {
			u, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: link %s: %v", file, m[1], err)
				continue
			}
			if u.Scheme != "" || u.Path == "" {
				continue
			}
			to := path.Join(path.Dir(file), u.Path)
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s: link %s leads nowhere", file, m[1])
			}
		}
	}
}

// TestDecisionsAreListed: the index has every decision by its title, and nothing else.
func TestDecisionsAreListed(t *testing.T) {
	var want []string
	for _, file := range files(t, "docs/adr", ".md", false) {
		name := path.Base(file)
		if name == "README.md" {
			continue
		}
		title, _, _ := strings.Cut(read(t, file), "\n")
		number, words, ok := strings.Cut(strings.TrimPrefix(title, "# "), ": ")
		if !ok || number+"-" != name[:len(number)+1] {
			t.Errorf("%s does not begin with its number and a title: %s", file, title)
		}
		want = append(want, "| ["+number+"]("+name+") | "+words+" |")
	}
	var got []string
	for line := range strings.Lines(read(t, "docs/adr/README.md")) {
		if strings.HasPrefix(line, "| [") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the index of decisions should be:\n%s", strings.Join(want, "\n"))
	}
}

// explained are the names that a section of docs/dependencies.md has a line for, by the file that its
// heading names.
func explained(t *testing.T) map[string][]string {
	out := map[string][]string{}
	heading := regexp.MustCompile("^## .*`([^`]+)`")
	entry := regexp.MustCompile("^\\| `([^`]+)` \\|(.*)")
	section := ""
	for line := range strings.Lines(read(t, "docs/dependencies.md")) {
		if strings.HasPrefix(line, "## ") {
			section = ""
		}
		if m := heading.FindStringSubmatch(line); m != nil {
			section = m[1]
			out[section] = []string{}
		}
		if m := entry.FindStringSubmatch(line); m != nil && section != "" {
			if cells := strings.Split(m[2], "|"); len(cells) != 4 || slices.ContainsFunc(cells[:3], func(s string) bool { return strings.TrimSpace(s) == "" }) {
				t.Errorf("docs/dependencies.md: %s needs a reason, what it replaces, and a licence", m[1])
			}
			out[section] = append(out[section], m[1])
		}
	}
	for _, names := range out {
		slices.Sort(names)
	}
	return out
}

// TestDependenciesAreExplained: every module that our code imports has a line that says why, and no
// line is about one that it does not.
func TestDependenciesAreExplained(t *testing.T) {
	known := explained(t)
	used := map[string][]string{}
	for _, file := range files(t, ".", "go.mod", true) {
		used[file] = goDependencies(t, file)
	}
	for _, file := range files(t, ".", "package.json", true) {
		used[file] = npmDependencies(t, file)
	}
	for file, names := range used {
		for _, name := range names {
			if !slices.Contains(known[file], name) {
				t.Errorf("docs/dependencies.md has no line for %s under a heading for `%s`", name, file)
			}
		}
	}
	for file, names := range known {
		for _, name := range names {
			if !slices.Contains(used[file], name) {
				t.Errorf("docs/dependencies.md has a line for %s, which %s does not use", name, file)
			}
		}
		if _, ok := used[file]; !ok {
			t.Errorf("docs/dependencies.md has a heading for %s, which is not there", file)
		}
	}
}

// goDependencies are the modules whose packages a module imports, and its tools.
func goDependencies(t *testing.T, file string) []string {
	t.Helper()
	mod, err := modfile.Parse(file, []byte(read(t, file)), nil)
	if err != nil {
		t.Fatal(err)
	}
	moduleOf := func(importPath string) (found string) {
		for _, r := range mod.Require {
			if m := r.Mod.Path; (importPath == m || strings.HasPrefix(importPath, m+"/")) && len(m) > len(found) {
				found = m
			}
		}
		return found
	}
	used := map[string]bool{}
	for _, tool := range mod.Tool {
		used[moduleOf(tool.Path)] = true
	}
	for _, source := range files(t, path.Dir(file), ".go", false) {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, source), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			used[moduleOf(strings.Trim(i.Path.Value, `"`))] = true
		}
	}
	delete(used, "")
	delete(used, "github.com/cardea-auth/cardea")
	return slices.Sorted(maps.Keys(used))
}

func npmDependencies(t *testing.T, file string) []string {
	t.Helper()
	var p struct{ Dependencies, DevDependencies map[string]string }
	if err := json.Unmarshal([]byte(read(t, file)), &p); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	used := slices.AppendSeq(slices.Collect(maps.Keys(p.Dependencies)), maps.Keys(p.DevDependencies))
	slices.Sort(used)
	return used
}

// TestNoticesAreKept: what we hand on of others is named with its licence.
func TestNoticesAreKept(t *testing.T) {
	notices := read(t, "docs/dependencies.md")
	for _, file := range files(t, ".", ".LICENSE", true) {
		if !strings.Contains(notices, file) {
			t.Errorf("docs/dependencies.md does not name %s", file)
		}
	}
}

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// tests are the names of all test functions of the repository, whatever their module.
type tests map[string]bool

func findTests(root string) (tests, error) {
	found := tests{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "testdata") {
				return filepath.SkipDir
			}
			return nil
		case !strings.HasSuffix(p, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && isTest(fn.Name.Name) {
				found[fn.Name.Name] = true
			}
		}
		return nil
	})
	return found, err
}

func isTest(name string) bool {
	return strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz") || strings.HasPrefix(name, "Example")
}

// isFile reports whether a name in a table is a file and not a Go test.
func isFile(name string) bool { return strings.Contains(name, "/") }

// of lists the tests that belong to a row by their name.
func (k tests) of(t table, id string) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(k)) {
		if slices.Contains(t.numbered(name), id) {
			names = append(names, name)
		}
	}
	return names
}

// check lists what is wrong with a document.
func (d *document) check(root string, known tests) (problems []string) {
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	seen := map[string]bool{}
	for _, r := range d.rows {
		if seen[r.id] {
			problem("row %s stands there twice", r.id)
		}
		seen[r.id] = true
		for _, p := range r.check(root, known) {
			problem("row %s: %s", r.id, p)
		}
		for _, name := range known.of(d.table, r.id) {
			if !slices.Contains(r.tests, name) {
				problem("row %s does not name its test %s; run go run ./tools/securityrows -w", r.id, name)
			}
		}
	}
	for n := range d.table.rows {
		if id := d.prefix + strconv.Itoa(n+1); !seen[id] {
			problem("row %s is not there", id)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		for _, id := range d.numbered(name) {
			if !seen[id] {
				problem("%s belongs to row %s, which is not there", name, id)
			}
		}
	}
	if !slices.Contains(d.lines, d.count()) {
		problem("it does not hold the line %q; run go run ./tools/securityrows -w", d.count())
	}
	return problems
}

// check lists what is wrong with a row by itself.
func (r *row) check(root string, known tests) (problems []string) {
	if strings.TrimSpace(strings.Join(r.words, "")) == "" {
		problems = append(problems, "it says nothing")
	}
	for _, name := range r.tests {
		if isFile(name) {
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				problems = append(problems, "there is no file "+name)
			}
		} else if !known[name] {
			problems = append(problems, "there is no test "+name)
		}
	}
	has, why := len(r.tests) > 0, r.why != ""
	switch r.status {
	case tested:
		if !has {
			problems = append(problems, "it is tested, but names no test")
		}
	case partly:
		if !has || !why {
			problems = append(problems, "it is tested partly, which needs a test and a reason")
		}
	case later, missing:
		if has || !why {
			problems = append(problems, "it is not tested, which needs a reason and no test")
		}
	default:
		problems = append(problems, fmt.Sprintf("%q is no status", r.status))
	}
	return problems
}

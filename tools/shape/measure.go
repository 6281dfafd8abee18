package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// house is what was counted.
type house struct {
	module  string
	modules []string // that go.mod requires

	files, funcs             []int // lines of each
	longestFile, longestFunc string
	testLines, comments      int
	widest, wideFuncs        int
	widestName, wideFunc     string
	exported, documented     int
	packages                 map[string]*pkg // by folder
	deps, testDeps           map[string]bool // modules that are imported
	depth                    int
	deepest                  string
}

type pkg struct {
	lines   int
	doc     bool
	imports map[string]bool // folders of this module
}

// generated is the mark of generated files (https://go.dev/s/generatedcode).
var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// measure counts the module at root. Folders with a go.mod of their own are other modules.
func measure(root string) (*house, error) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	mod, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		return nil, err
	}
	h := &house{module: mod.Module.Mod.Path, packages: map[string]*pkg{}, deps: map[string]bool{}, testDeps: map[string]bool{}}
	for _, r := range mod.Require {
		h.modules = append(h.modules, r.Mod.Path)
	}
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p != root && skipped(p, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		return h.file(p, filepath.ToSlash(rel))
	})
	if err == nil {
		h.measureDepth()
	}
	return h, err
}

func skipped(p, name string) bool {
	_, err := os.Stat(filepath.Join(p, "go.mod"))
	return err == nil || strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules"
}

func (h *house) file(p, rel string) error {
	text, err := os.ReadFile(p)
	if err != nil || generated.Match(text) {
		return err
	}
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, p, text, parser.ParseComments)
	if err != nil {
		return err
	}
	lines := bytes.Count(text, []byte("\n"))
	if forTests(rel) {
		h.testLines += lines
		h.imports(f, nil)
		return nil
	}
	dir := path.Dir(rel)
	in := h.packages[dir]
	if in == nil {
		in = &pkg{imports: map[string]bool{}}
		h.packages[dir] = in
	}
	in.lines += lines
	in.doc = in.doc || f.Doc != nil
	h.imports(f, in)
	h.files = append(h.files, lines)
	if lines == slices.Max(h.files) {
		h.longestFile = rel
	}
	for _, c := range f.Comments {
		h.comments += files.Position(c.End()).Line - files.Position(c.Pos()).Line + 1
	}
	for _, d := range f.Decls {
		h.declaration(files, f.Name.Name, d)
	}
	return nil
}

// forTests reports whether a file is for our own tests: a test, or a kit for them.
func forTests(rel string) bool {
	return strings.HasSuffix(rel, "_test.go") || strings.HasPrefix(rel, "internal/") && strings.HasSuffix(path.Dir(rel), "test")
}

// imports notes what a file imports; in is nil for a test.
func (h *house) imports(f *ast.File, in *pkg) {
	for _, i := range f.Imports {
		name := strings.Trim(i.Path.Value, `"`)
		if inside, ours := strings.CutPrefix(name, h.module); ours {
			if in != nil {
				in.imports[strings.TrimPrefix(path.Clean("."+inside), "./")] = true
			}
			continue
		}
		if m := h.moduleOf(name); m != "" {
			h.testDeps[m] = true
			if in != nil {
				h.deps[m] = true
			}
		}
	}
}

// moduleOf is the required module that has the package; "" for the standard library.
func (h *house) moduleOf(importPath string) (found string) {
	for _, m := range h.modules {
		if (importPath == m || strings.HasPrefix(importPath, m+"/")) && len(m) > len(found) {
			found = m
		}
	}
	return found
}

func (h *house) declaration(files *token.FileSet, in string, d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		h.function(files, in, d)
	case *ast.GenDecl:
		for _, s := range d.Specs {
			t, ok := s.(*ast.TypeSpec)
			if !ok {
				continue
			}
			h.documentation(t.Name, d.Doc != nil || t.Doc != nil || t.Comment != nil)
			if i, ok := t.Type.(*ast.InterfaceType); ok && i.Methods.NumFields() > h.widest {
				h.widest, h.widestName = i.Methods.NumFields(), in+"."+t.Name.Name
			}
		}
	}
}

func (h *house) function(files *token.FileSet, in string, d *ast.FuncDecl) {
	name := in + "." + d.Name.Name
	if d.Recv == nil || receiverExported(d.Recv) {
		h.documentation(d.Name, d.Doc != nil)
	}
	if d.Type.Params.NumFields() > 5 {
		h.wideFuncs++
		h.wideFunc = name
	}
	n := files.Position(d.End()).Line - files.Position(d.Pos()).Line + 1
	h.funcs = append(h.funcs, n)
	if n == slices.Max(h.funcs) {
		h.longestFunc = name
	}
}

func receiverExported(r *ast.FieldList) bool {
	t := r.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	switch g := t.(type) {
	case *ast.IndexExpr:
		t = g.X
	case *ast.IndexListExpr:
		t = g.X
	}
	name, ok := t.(*ast.Ident)
	return ok && name.IsExported()
}

func (h *house) documentation(name *ast.Ident, has bool) {
	if !name.IsExported() {
		return
	}
	h.exported++
	if has {
		h.documented++
	}
}

// measureDepth finds the longest chain of imports inside the module. Go has no import cycles.
func (h *house) measureDepth() {
	known := map[string]int{}
	next := map[string]string{}
	var below func(dir string) int
	below = func(dir string) int {
		if d, ok := known[dir]; ok {
			return d
		}
		deepest := 0
		p := h.packages[dir]
		if p == nil {
			return 0
		}
		for _, i := range slices.Sorted(maps.Keys(p.imports)) {
			if d := below(i); d > deepest {
				deepest, next[dir] = d, i
			}
		}
		known[dir] = deepest + 1
		return deepest + 1
	}
	for _, dir := range slices.Sorted(maps.Keys(h.packages)) {
		if d := below(dir); d > h.depth {
			h.depth, h.deepest = d, chain(dir, next)
		}
	}
}

func chain(dir string, next map[string]string) string {
	var names []string
	for d := dir; d != ""; d = next[d] {
		names = append(names, path.Base(d))
	}
	return strings.Join(names, " ▸ ")
}

func (h *house) packageLines() []int {
	var out []int
	for _, p := range h.packages {
		out = append(out, p.lines)
	}
	return out
}

func (h *house) largestPackage() (dir string) {
	for _, d := range slices.Sorted(maps.Keys(h.packages)) {
		if dir == "" || h.packages[d].lines > h.packages[dir].lines {
			dir = d
		}
	}
	return dir
}

func (h *house) packageDocs() (n int) {
	for _, p := range h.packages {
		if p.doc {
			n++
		}
	}
	return n
}

// percentiles of a set of sizes.
type percentiles struct{ p50, p90, p95, p99, max int }

func spread(all []int) percentiles {
	if len(all) == 0 {
		return percentiles{}
	}
	s := slices.Sorted(slices.Values(all))
	at := func(p int) int { return s[(len(s)-1)*p/100] }
	return percentiles{at(50), at(90), at(95), at(99), s[len(s)-1]}
}

func sum(all []int) (n int) {
	for _, v := range all {
		n += v
	}
	return n
}

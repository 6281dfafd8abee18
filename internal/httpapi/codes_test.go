package httpapi_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/httpapi/problem"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// TestErrorCodes writes or compares api/errors.md: every code of a refusal, with its status and
// what it says, as the source has them.
func TestErrorCodes(t *testing.T) {
	golden(t, "../../api/errors.md", errorPage(collectCodes(t)))
}

// code is a refusal as it stands in the source.
type code struct {
	kind errs.Kind
	text string
}

func errorPage(codes map[string][]code) []byte {
	var b bytes.Buffer
	b.WriteString("# Error codes\n\nEvery refusal is a problem document (RFC 9457) whose `code` is stable: programs may test it. The sentence in\n" +
		"`detail` is for people and may change. A code that is not in this list is as its status says. `%` stands for\nwhat the server fills in; it never is a value that was sent.\n\n" +
		"Made from the source by `go generate ./internal/httpapi`.\n")
	for _, name := range slices.Sorted(keys(codes)) {
		fmt.Fprintf(&b, "\n## %s\n", name)
		for _, c := range codes[name] {
			status := problem.Status(errs.New(c.kind, name, ""))
			fmt.Fprintf(&b, "\n%d %s: %s\n", status, problem.Title(status), c.text)
		}
	}
	return b.Bytes()
}

func keys(m map[string][]code) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// collectCodes finds the calls of errs.New and its sisters with a constant code.
func collectCodes(t *testing.T) map[string][]code {
	t.Helper()
	files := parseInternal(t)
	names := constants(files)
	found := map[string][]code{
		"internal": {{errs.Internal, "Something went wrong on our side."}}, "not_found": {{errs.NotFound, "There is no such %."}},
		"invalid_input": {{errs.Invalid, "The request is not valid: % %."}},
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name, c, ok := refusal(call, names)
			if ok && !slices.Contains(found[name], c) {
				found[name] = append(found[name], c)
			}
			return true
		})
	}
	for _, all := range found {
		slices.SortFunc(all, func(a, b code) int { return strings.Compare(a.text, b.text) })
	}
	return found
}

// parseInternal parses the sources of the server without tests, in the order of their paths.
func parseInternal(t *testing.T) []*ast.File {
	t.Helper()
	var files []*ast.File
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.SkipObjectResolution)
		files = append(files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// constants are the values of constants whose names begin with Code or code.
func constants(files []*ast.File) map[string]string {
	out := map[string]string{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, name := range spec.Names {
				if i < len(spec.Values) && strings.HasPrefix(strings.ToLower(name.Name), "code") {
					if v, ok := literal(spec.Values[i], nil); ok {
						out[name.Name] = v
					}
				}
			}
			return true
		})
	}
	return out
}

// refusal reads errs.New(kind, code, text), errs.Wrap(kind, err, code, text), errs.TooMany(wait, code,
// text) and errs.Busy(wait, err, code, text).
func refusal(call *ast.CallExpr, names map[string]string) (string, code, bool) {
	fun, ok := call.Fun.(*ast.SelectorExpr)
	pkg, isName := any(nil), false
	if ok {
		pkg, isName = fun.X.(*ast.Ident)
	}
	if !isName || pkg.(*ast.Ident).Name != "errs" {
		return "", code{}, false
	}
	at, ok := map[string]int{"New": 1, "Wrap": 2, "TooMany": 1, "Busy": 2}[fun.Sel.Name]
	if !ok || len(call.Args) <= at+1 {
		return "", code{}, false
	}
	kind := map[string]errs.Kind{"TooMany": errs.RateLimited, "Busy": errs.Unavailable}[fun.Sel.Name]
	if sel, ok := call.Args[0].(*ast.SelectorExpr); ok && kind == errs.Internal {
		kind = kinds()[sel.Sel.Name]
	}
	name, okName := literal(call.Args[at], names)
	text, okText := literal(call.Args[at+1], names)
	if !okName || !okText || name == "" || kind == errs.Internal {
		return "", code{}, false
	}
	return name, code{kind, verbs(text)}, true
}

func kinds() map[string]errs.Kind {
	return map[string]errs.Kind{
		"Invalid": errs.Invalid, "Unauthenticated": errs.Unauthenticated, "Denied": errs.Denied, "NotFound": errs.NotFound, "Conflict": errs.Conflict,
		"Precondition": errs.Precondition, "RateLimited": errs.RateLimited, "Unavailable": errs.Unavailable, "Unsupported": errs.Unsupported,
	}
}

// verbs replaces the verbs of a format by %.
func verbs(text string) string {
	return strings.NewReplacer("%s", "%", "%d", "%", "%q", "%", "%v", "%").Replace(text)
}

// literal is the value of a string literal, of a sum of them, or of a known constant.
func literal(e ast.Expr, names map[string]string) (string, bool) {
	switch x := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(x.Value)
		return s, err == nil && x.Kind == token.STRING
	case *ast.BinaryExpr:
		a, okA := literal(x.X, names)
		b, okB := literal(x.Y, names)
		return a + b, okA && okB
	case *ast.Ident:
		s, ok := names[x.Name]
		return s, ok
	case *ast.SelectorExpr:
		s, ok := names[x.Sel.Name]
		return s, ok
	}
	return "", false
}

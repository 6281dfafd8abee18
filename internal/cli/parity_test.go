package cli_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/cli"
)

// TestConsoleAndCommands: everything that an administrator can do by command can be done in the console and by
// the API, and the other way round. The table in the guide says so, and is compared here with all three.
func TestConsoleAndCommands(t *testing.T) {
	guide := read(t, "../../docs/guides/console-and-commands.md")
	both, rest, _ := strings.Cut(guide, "## Only as a command")
	onlyCommands, onlyAPI, _ := strings.Cut(rest, "## Only in the API")

	commands, operations := commandsOf(t), operationsOf(t)
	sources, pages := consoleOf(t), pagesOf(t)
	var shownCommands, shownOperations []string
	for _, row := range rowsOf(both) {
		if len(row) != 4 || len(row[1]) != 1 || len(row[2]) != 1 || len(row[3]) == 0 {
			t.Errorf("a row lacks something: %v", row)
			continue
		}
		shownCommands, shownOperations = append(shownCommands, row[1][0]), append(shownOperations, row[3]...)
		if !slices.Contains(pages, row[2][0]) {
			t.Errorf("there is no page %s", row[2][0])
		}
		for _, o := range row[3] {
			at, known := operations[o]
			if known && !strings.Contains(sources, "api."+at.method+"('"+at.path+"'") {
				t.Errorf("the console never calls %s", o)
			}
		}
	}
	for _, row := range rowsOf(onlyCommands) {
		shownCommands = append(shownCommands, row[0]...)
	}
	for _, row := range rowsOf(onlyAPI) {
		shownOperations = append(shownOperations, row[0]...)
	}
	same(t, "commands", shownCommands, commands)
	var administrative []string
	for o, at := range operations {
		if strings.HasPrefix(at.path, "/api/") {
			administrative = append(administrative, o)
		}
	}
	shownOperations = slices.DeleteFunc(shownOperations, func(o string) bool { return o == "decision.evaluate" }) // for applications too
	same(t, "operations", shownOperations, administrative)
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func same(t *testing.T, what string, shown, real []string) {
	t.Helper()
	slices.Sort(shown)
	slices.Sort(real)
	for _, x := range real {
		if n := len(slices.DeleteFunc(slices.Clone(shown), func(y string) bool { return y != x })); n != 1 {
			t.Errorf("%s: %s stands in the guide %d times", what, x, n)
		}
	}
	for _, x := range shown {
		if !slices.Contains(real, x) {
			t.Errorf("%s: there is no %s", what, x)
		}
	}
}

// rowsOf are the rows of the tables in a text: of each cell what stands there as code.
func rowsOf(text string) (rows [][][]string) {
	code := regexp.MustCompile("`([^`]+)`")
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(line, "| ") || !strings.Contains(line, "`") {
			continue
		}
		var row [][]string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			var found []string
			for _, m := range code.FindAllStringSubmatch(cell, -1) {
				found = append(found, m[1])
			}
			row = append(row, found)
		}
		rows = append(rows, row)
	}
	return rows
}

// commandsOf are all commands, as help lists them.
func commandsOf(t *testing.T) (all []string) {
	t.Helper()
	groups := map[string]bool{}
	for _, d := range declarations(cli.Grammar()) {
		if len(d.words) > 1 {
			groups[d.words[0]] = true
		}
	}
	listed := func(args ...string) {
		var out bytes.Buffer
		cli.Main(context.Background(), append(args, "--help"), cli.Process{Stdout: &out, Stderr: &out})
		_, list, found := strings.Cut(out.String(), "\nCommands:\n")
		if !found {
			t.Fatalf("%v --help lists no commands:\n%s", args, out.String())
		}
		list, _, _ = strings.Cut(list, "\n\n")
		for _, m := range regexp.MustCompile(`(?m)^  ([a-z]+(?:[ -][a-z]+)*)  +\S`).FindAllStringSubmatch(list, -1) {
			if len(args) > 0 || !groups[m[1]] {
				all = append(all, m[1])
			}
		}
	}
	listed()
	for group := range groups {
		listed(group)
	}
	return all
}

type operation struct{ method, path string }

// operationsOf are the operations of the contract by name.
func operationsOf(t *testing.T) map[string]operation {
	t.Helper()
	out := map[string]operation{}
	var path, method string
	line := regexp.MustCompile(`^  (/\S*):$|^    (get|put|post|patch|delete):$|^      operationId: (\S+)$`)
	for text := range strings.SplitSeq(read(t, "../../api/openapi.yaml"), "\n") {
		switch m := line.FindStringSubmatch(text); {
		case m == nil:
		case m[1] != "":
			path = m[1]
		case m[2] != "":
			method = strings.ToUpper(m[2])
		default:
			out[m[3]] = operation{method, path}
		}
	}
	return out
}

// consoleOf is the source of the administration console.
func consoleOf(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir("../../web/src/console/admin", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all.WriteString(read(t, p))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// pagesOf are the paths of the pages of the administration console.
func pagesOf(t *testing.T) (all []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`path: '([^']*)'`).FindAllStringSubmatch(read(t, "../../web/src/console/admin/pages.ts"), -1) {
		all = append(all, strings.TrimSuffix("/admin/"+m[1], "/"))
	}
	return all
}

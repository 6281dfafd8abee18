package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTablesAreTrue checks the tables of this repository.
func TestTablesAreTrue(t *testing.T) {
	const root = "../.."
	known, err := findTests(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables() {
		doc, err := table.read(root)
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range doc.check(root, known) {
			t.Errorf("%s: %s", table.path, problem)
		}
	}
}

func document1(t *testing.T, root string, rows ...string) *document {
	t.Helper()
	path := filepath.Join(root, "table.md")
	if err := os.WriteFile(path, []byte("# Table\n\nCount: ?\n\n"+strings.Join(rows, "\n")+"\n\nEnd.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all := tables()[0]
	all.path, all.rows = "table.md", len(rows)
	doc, err := all.read(root)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestCheck finds each lie that a table can tell.
func TestCheck(t *testing.T) {
	known := tests{"TestRegress_001_A": true, "TestRegress_001_002_B": true, "TestOther": true}
	for name, c := range map[string]struct {
		rows []string
		want string // in the first problem; empty: there is none but the count
	}{
		"true": {[]string{
			"| 1 | ids | words | tested | `TestRegress_001_A`, `TestRegress_001_002_B` | |",
			"| 2 | ids | words | partly | `TestRegress_001_002_B`, `docs/x` | half |",
			"| 3 | ids | words | later | | no such feature |",
			"| 4 | ids | words | missing | | nobody wrote it |",
		}, ""},
		"a test without its row": {[]string{"| 1 | | words | tested | `TestRegress_001_A` | |", "| 2 | | words | tested | `TestRegress_001_002_B` | |"}, "does not name its test TestRegress_001_002_B"},
		"no such test":           {[]string{"| 1 | | words | tested | `TestRegress_001_A`, `TestRegress_001_002_B`, `TestGone` | |", "| 2 | | words | tested | `TestRegress_001_002_B` | |"}, "no test TestGone"},
		"tested without tests":   {[]string{"| 1 | | words | tested | `TestRegress_001_A`, `TestRegress_001_002_B` | |", "| 2 | | words | tested | `TestRegress_001_002_B` | |", "| 3 | | words | tested | | |"}, "names no test"},
		"later without a reason": {[]string{"| 1 | | words | tested | `TestRegress_001_A`, `TestRegress_001_002_B` | |", "| 2 | | words | tested | `TestRegress_001_002_B` | |", "| 3 | | words | later | | |"}, "needs a reason"},
		"partly without reason":  {[]string{"| 1 | | words | tested | `TestRegress_001_A`, `TestRegress_001_002_B` | |", "| 2 | | words | partly | `TestRegress_001_002_B` | |"}, "needs a test and a reason"},
		"an unknown status":      {[]string{"| 1 | | words | fine | `TestRegress_001_A`, `TestRegress_001_002_B` | |", "| 2 | | words | tested | `TestRegress_001_002_B` | |"}, "is no status"},
		"no words":               {[]string{"| 1 | | | tested | `TestRegress_001_A`, `TestRegress_001_002_B` | |", "| 2 | | words | tested | `TestRegress_001_002_B` | |"}, "says nothing"},
		"a row twice":            {[]string{"| 1 | | words | tested | `TestRegress_001_A`, `TestRegress_001_002_B` | |", "| 1 | | words | tested | `TestRegress_001_A`, `TestRegress_001_002_B` | |"}, "twice"},
		"no such file":           {[]string{"| 1 | | words | tested | `TestRegress_001_A`, `TestRegress_001_002_B`, `docs/gone` | |", "| 2 | | words | tested | `TestRegress_001_002_B` | |"}, "no file docs/gone"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if err := os.MkdirAll(filepath.Join(root, "docs/x"), 0o700); err != nil {
				t.Fatal(err)
			}
			got := strings.Join(document1(t, root, c.rows...).check(root, known), "\n")
			if !strings.Contains(got, c.want) || !strings.Contains(got, `"Count: `) {
				t.Errorf("problems:\n%s\nwant %q and the count", got, c.want)
			}
			if c.want == "" && strings.Count(got, "\n") != 0 {
				t.Errorf("problems in a true table:\n%s", got)
			}
		})
	}
}

// TestAmend writes what is known into the table and leaves the rest to a person.
func TestAmend(t *testing.T) {
	known := tests{"TestRegress_001_A": true, "FuzzRegress_002_B": true, "TestOther": true}
	root := t.TempDir()
	doc := document1(t, root,
		"| 1 | ids | words | later | | no such feature |",
		"| 2 | ids | words | tested | `TestOther`, `TestGone` | |",
		"| 3 | ids | words | tested | `TestGone` | |",
		"| 4 | ids | words | partly | `TestOther` | Missing: the half. |",
	)
	doc.amend(known)
	if err := doc.save(root); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "table.md"))
	if err != nil {
		t.Fatal(err)
	}
	want := `# Table

Count: 1 tested, 2 partly, with a gap in 4, 0 later, 1 missing: 3.

| 1 | ids | words | partly | ` + "`TestRegress_001_A`" + ` | no such feature |
| 2 | ids | words | tested | ` + "`TestOther`, `FuzzRegress_002_B`" + ` | |
| 3 | ids | words | missing | | |
| 4 | ids | words | partly | ` + "`TestOther`" + ` | Missing: the half. |

End.
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

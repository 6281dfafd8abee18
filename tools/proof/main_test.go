package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestProofsAreThere: every test that is listed exists and stands in the document, and every test that has a
// long form is listed.
func TestProofsAreThere(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	begins, long := regexp.MustCompile(`(?m)^func (Test\w+)`), map[string]bool{}
	for _, dir := range dirs() {
		files, err := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			starts := append(begins.FindAllSubmatchIndex(source, -1), []int{len(source)})
			for i, at := range starts[:len(starts)-1] {
				body := string(source[at[0]:starts[i+1][0]])
				long[string(source[at[2]:at[3]])] = strings.Contains(body, "proof.Figures(") || strings.Contains(body, "proof.Rounds(")
			}
		}
	}
	for _, p := range proofs {
		if _, exists := long[p.test]; !exists {
			t.Errorf("%s has no test %s", p.dir, p.test)
		}
		if !strings.Contains(string(text), "`"+p.test+"`") {
			t.Errorf("docs/reliability.md does not say what %s is about", p.test)
		}
		delete(long, p.test)
	}
	for name, has := range long {
		if has {
			t.Errorf("%s has a long form and is not listed", name)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	r := &runner{progress: &bytes.Buffer{}}
	for _, e := range []event{
		{Action: "run", Test: "TestA"},
		{Action: "run", Test: "TestA/one"},
		{Action: "attr", Test: "TestA/one", Key: "full_disks", Value: "3"},
		{Action: "pass", Test: "TestA/one", Elapsed: 2},
		{Action: "pass", Test: "TestA", Elapsed: 2},
		{Action: "run", Test: "TestB"},
		{Action: "output", Test: "TestB", Output: "because\n"},
		{Action: "fail", Test: "TestB", Elapsed: 1},
	} {
		r.happened(e)
	}
	var out bytes.Buffer
	printTable(&out, r.shown)
	const want = "| Test | Result | Figures | Took |\n|---|---|---|---|\n| `TestA/one` | pass | full disks 3 | 2 s |\n| `TestB` | fail |  | 1 s |\n"
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
	if !strings.Contains(r.progress.(*bytes.Buffer).String(), "because") {
		t.Error("nobody is told why a test failed")
	}
}

package model_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cardea-auth/cardea/internal/authz/model"
)

var update = flag.Bool("update", false, "write what is said today into testdata")

// TestMistakes compares what is said about texts that cannot be used, and about sound ones that
// need a second look, with testdata/mistakes.txtar: texts, each followed by what is said.
func TestMistakes(t *testing.T) {
	t.Parallel()
	const file = "testdata/mistakes.txtar"
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(archive.Files); i += 2 {
		text, said := archive.Files[i], &archive.Files[i+1]
		got := remarks(string(text.Data))
		if *update {
			said.Data = []byte(got)
		} else if got != string(said.Data) {
			t.Errorf("%s\ngot\n%swant\n%s", text.Name, got, said.Data)
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func remarks(text string) string {
	m, err := model.Parse(text)
	if err == nil {
		err = m.Check()
	}
	found := model.Diagnostics(err)
	if err == nil {
		found = m.Advice()
	}
	var b strings.Builder
	for _, d := range found {
		b.WriteString(string(d.Code) + " " + d.String() + "\n")
	}
	return b.String()
}

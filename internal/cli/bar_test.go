package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/cli"
)

// TestBar: a person at a terminal sees how far a long command has come, and a program sees nothing of it.
func TestBar(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := func(terminal bool, args ...string) (out, errOut string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		code := cli.Main(context.Background(), append(args, "--data", filepath.Join(dir, "data")), cli.Process{
			Stdout: &stdout, Stderr: &stderr, Terminal: terminal, Now: time.Now, Dir: dir, Stdin: strings.NewReader("correct horse battery staple"),
		})
		if code != 0 {
			t.Fatalf("%v: %s", args, stderr.String())
		}
		return stdout.String(), stderr.String()
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	run(false, "user", "add", "ada@example.com", "--verified", "--password-stdin")
	if out, shown := run(true, "export", "all.ndjson"); !strings.Contains(shown, "\rexporting ") || !strings.HasSuffix(shown, "\r") || strings.Contains(out, "\r") {
		t.Errorf("a terminal shows %q", shown)
	}
	if _, shown := run(false, "export", "again.ndjson"); shown != "" {
		t.Errorf("a program is shown %q", shown)
	}
	if _, shown := run(true, "export", "third.ndjson", "--json"); shown != "" {
		t.Errorf("with --json there is shown %q", shown)
	}
}

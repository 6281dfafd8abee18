package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/sqlite"
)

// The tests of crashes, system calls and full disks run a part of themselves in a child process: the
// test binary again, told by the environment which part to play.
const (
	roleVariable = "CARDEA_TEST_SQLITE_ROLE"
	dirVariable  = "CARDEA_TEST_SQLITE_DIR"
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		os.Exit(m.Run())
	case "crash":
		play(crashChild)
	case "trace":
		play(func(ctx context.Context, dir string) error { return traceChild(ctx, dir, sqlite.Full) })
	case "trace-off":
		play(func(ctx context.Context, dir string) error { return traceChild(ctx, dir, sqlite.Off) })
	case "limit":
		play(limitChild)
	}
}

func play(part func(ctx context.Context, dir string) error) {
	if err := part(context.Background(), os.Getenv(dirVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child is the command that plays a role on a directory; in front of it may stand a tracer.
func child(t *testing.T, role, dir string, front ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	argv := append(front, self)
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, dirVariable+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

// openIn opens an engine in dir with the notes.
func openIn(ctx context.Context, dir string, d sqlite.Durability) (*sqlite.Engine, error) {
	e, err := sqlite.Open(ctx, sqlite.Config{Path: dir + "/test.db", Now: time.Now, Durability: d})
	if err != nil {
		return nil, err
	}
	return e, e.Ensure(ctx, crashSchemas())
}

func crashSchemas() []store.Schema {
	return []store.Schema{
		{Name: "note"},
		{
			Name: "counter", Columns: []store.Column{{Name: "n", Kind: store.IntKind}},
			Indexes: []store.Index{{Name: "by_n", Columns: []string{"n"}}},
		},
		{
			Name: "log", Columns: []store.Column{{Name: "writer", Kind: store.TextKind}, {Name: "n", Kind: store.IntKind}},
			Indexes: []store.Index{{Name: "by_writer", Columns: []string{"writer", "n"}, Unique: true}},
		},
	}
}

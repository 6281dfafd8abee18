package cli_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"github.com/cardea-auth/cardea/internal/cli"
	"github.com/cardea-auth/cardea/internal/store/mongo/mongotest"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/test/port"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cardea": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := cli.Main(ctx, os.Args[1:], cli.System())
		stop()
		os.Exit(code)
	}})
}

// TestStories runs what an operator would type; each file is a story and a page of documentation.
func TestStories(t *testing.T) {
	testscript.Run(t, stories("testdata/stories", func(*testscript.Env) error { return nil }))
}

// TestPostgresStories are those of a server whose database is PostgreSQL. Each has two schemas.
func TestPostgresStories(t *testing.T) {
	pgtest.URL(t) // or it is skipped
	testscript.Run(t, stories("testdata/postgres", func(e *testscript.Env) error {
		e.Setenv("POSTGRES_URL", pgtest.URL(t))
		e.Setenv("POSTGRES_SECOND_URL", pgtest.URL(t))
		return nil
	}))
}

// TestMongoStories is that of a server whose database is MongoDB, or what stands in for it.
func TestMongoStories(t *testing.T) {
	mongotest.URL(t) // or it is skipped
	testscript.Run(t, stories("testdata/mongo", func(e *testscript.Env) error {
		e.Setenv("MONGO_URL", mongotest.URL(t))
		e.Setenv("MONGO_SECOND_URL", mongotest.URL(t))
		return nil
	}))
}

// TestServerStories is that of a move from one server to another.
func TestServerStories(t *testing.T) {
	pgtest.URL(t) // or it is skipped
	mongotest.URL(t)
	testscript.Run(t, stories("testdata/servers", func(e *testscript.Env) error {
		e.Setenv("POSTGRES_URL", pgtest.URL(t))
		e.Setenv("POSTGRES_SECOND_URL", pgtest.URL(t))
		e.Setenv("MONGO_URL", mongotest.URL(t))
		return nil
	}))
}

func stories(dir string, more func(*testscript.Env) error) testscript.Params {
	return testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			for _, name := range []string{"PORT", "MANAGEMENT"} {
				free, err := port.Free()
				if err != nil {
					return err
				}
				e.Setenv(name, strconv.Itoa(free))
			}
			// With the race detector every command would wait for a second before it ends.
			e.Setenv("GORACE", "atexit_sleep_ms=0")
			e.Setenv("ISSUER", "http://localhost:"+e.Getenv("PORT"))
			e.Setenv("CARDEA_SERVER_ISSUER", e.Getenv("ISSUER"))
			e.Setenv("CARDEA_SERVER_LISTEN", "127.0.0.1:"+e.Getenv("PORT"))
			e.Setenv("CARDEA_SERVER_MANAGEMENT", "127.0.0.1:"+e.Getenv("MANAGEMENT"))
			return more(e)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"ready": ready, "sealed": sealed, "status": status, "tamper": tamper, "url": urlFile, "sql": inPostgres, "newer": newer,
		},
	}
}

// urlFile puts the URL of the database into a file of mode 0600: url FILE.
func urlFile(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(ts.Getenv("POSTGRES_URL")+"\n"), 0o600))
}

// inPostgres changes the database behind the server's back: sql STATEMENT.
func inPostgres(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(pgtest.Exec(ts.Getenv("POSTGRES_URL"), args[0]))
}

// newer has a version that is not there yet write the second database.
func newer(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(mongotest.Set(ts.Getenv("MONGO_SECOND_URL"), "cardea", "format", "value", "99"))
}

// ready waits until the server answers that it can work.
func ready(ts *testscript.TestScript, _ bool, _ []string) {
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		r, err := http.Get("http://127.0.0.1:" + ts.Getenv("MANAGEMENT") + "/readyz")
		if err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("the server is not ready")
}

// sealed waits until every event of a running server's log is sealed: sealed DIR.
func sealed(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		err := ts.Exec("cardea", "audit", "verify", "--data", args[0], "--json")
		if err == nil && strings.Contains(ts.ReadFile("stdout"), `"unsealed": 0,`) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	ts.Fatalf("events stay unsealed")
}

// status checks the status of a GET: status 200 /path.
func status(ts *testscript.TestScript, _ bool, args []string) {
	r, err := http.Get(ts.Getenv("ISSUER") + args[1])
	ts.Check(err)
	_ = r.Body.Close()
	if fmt.Sprint(r.StatusCode) != args[0] {
		ts.Fatalf("%s: status %d, want %s", args[1], r.StatusCode, args[0])
	}
}

// tamper changes the database behind the server's back: tamper STATEMENT.
func tamper(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", filepath.Join(ts.MkAbs("d"), "cardea.db"))
	ts.Check(err)
	_, err = db.Exec(args[0])
	ts.Check(err)
	ts.Check(db.Close())
}

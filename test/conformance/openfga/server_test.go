package openfga_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/internal/store/mongo/mongotest"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/test/port"
	"github.com/cardea-auth/cardea/test/process"
)

// server is the program itself, with its shipped defaults but for conditions that tuples bring, which
// OpenFGA's tests use.
type server struct {
	issuer string
	key    string // an API key of a service that may do everything with stores
	// cli runs a command line beside the server and reads the JSON that it prints into out; it returns
	// the exit status and what it wrote about a failure.
	cli func(out any, words ...string) (int, string)
}

// program builds the program once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cardea-openfga")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "cardea")
	build := exec.Command("go", "build", "-o", path, "./cmd/cardea")
	build.Dir = filepath.Join("..", "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil && built {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// built says that there is something to remove.
var built bool

// startServer runs the program until the test ends: on SQLite, or on the engine that CARDEA_TEST_ENGINE names.
func startServer(t *testing.T, more ...string) *server {
	t.Helper()
	switch engine := os.Getenv(engineVariable); {
	case len(more) > 0: // the test says which
	case engine == "postgres":
		more = []string{onPostgres(t)}
	case engine == "mongo":
		more = []string{onMongo(t)}
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	built = true
	dir, err := os.MkdirTemp(filepath.Dir(path), "data") // the path of the control socket must be short
	if err != nil {
		t.Fatal(err)
	}
	at, err := port.Addresses(2)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{issuer: "http://" + at[0]}
	c := exec.Command(path, "serve", "--data", dir, "--listen", at[0], "--management", at[1], "--issuer", s.issuer)
	c.Env = append(append(clean(), "CARDEA_AUTHZ_INLINE_CONDITIONS=true"), more...)
	serve, err := process.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := serve.Stop(); err != nil || strings.Contains(serve.Log.String(), `"level":"ERROR"`) {
			t.Errorf("the server ended with %v\n%.4000s", err, &serve.Log)
		}
	})
	if err := serve.Await(t.Context(), "http://"+at[1]+"/readyz", func(status int) bool { return status == http.StatusOK }); err != nil {
		t.Fatal(err)
	}
	s.cli = func(out any, words ...string) (int, string) {
		t.Helper()
		c := exec.Command(path, append(words, "--data", dir, "--json")...)
		var stdout, stderr bytes.Buffer
		c.Env, c.Stdout, c.Stderr = append(clean(), more...), &stdout, &stderr
		if err := c.Run(); err != nil && c.ProcessState == nil {
			t.Fatalf("cardea %s: %v", strings.Join(words, " "), err)
		}
		if stdout.Len() > 0 && out != nil {
			if err := json.Unmarshal(stdout.Bytes(), out); err != nil {
				t.Fatal(err)
			}
		}
		return c.ProcessState.ExitCode(), stderr.String()
	}
	must := func(out any, words ...string) {
		t.Helper()
		if code, text := s.cli(out, words...); code != 0 {
			t.Fatalf("cardea %s: status %d\n%s", strings.Join(words, " "), code, text)
		}
	}
	var app struct {
		ID string `json:"client_id"`
	}
	var key struct{ Key string }
	must(&app, "app", "create", "Runner", "--type", "service")
	must(&struct{}{}, "role", "assign", "cardea:admin", "service:"+app.ID)
	must(&key, "apikey", "create", "service:"+app.ID, "runner", "--scope", "cardea:authz")
	s.key = key.Key
	return s
}

// engineVariable has every server keep its data in the engine that it names.
const engineVariable = "CARDEA_TEST_ENGINE"

// onPostgres is the setting that puts a server on a database of its own in PostgreSQL.
func onPostgres(t *testing.T) string {
	t.Helper()
	return "CARDEA_DATABASE_URL=" + pgtest.URL(t)
}

// onMongo is the same in MongoDB, or in what stands for it.
func onMongo(t *testing.T) string {
	t.Helper()
	return "CARDEA_DATABASE_URL=" + mongotest.URL(t)
}

func clean() []string {
	var out []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "CARDEA_") {
			out = append(out, e)
		}
	}
	return out
}

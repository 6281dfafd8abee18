package clients_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/test/port"
	"github.com/cardea-auth/cardea/test/process"
)

// server is a running Cardea, seen from one of its tenants.
type server struct {
	*process.Process
	origin string // scheme, host and port
	issuer string // of the tenant
	tenant string
	dir    string

	address    string   // of the listener of this node
	management string   // address of the private listener
	env        []string // with which it was started

	mayFail bool

	http *http.Client // leads to this node of several that share an issuer; nil: the issuer's address does
}

// client is what requests to this server are sent with.
func (s *server) client() *http.Client {
	if s.http != nil {
		return s.http
	}
	return plain
}

// launch says which server is started. The zero launch is the program as it is shipped.
type launch struct {
	program string   // "" means cardea itself
	env     []string // settings that differ from the defaults, and what the program needs besides
	issuer  string   // "" is the address at which it listens
	mayFail bool     // its database is taken away, so that it may log errors
}

// newServer starts a Cardea over an empty data directory. Only its addresses are not those by default.
func newServer(ctx context.Context, l launch) (*server, error) {
	at, err := port.Addresses(2)
	if err != nil {
		return nil, err
	}
	// Not t.TempDir: the path of the control socket must stay below 108 bytes.
	dir, err := os.MkdirTemp(built.dir, "data")
	if err != nil {
		return nil, err
	}
	if l.program == "" {
		l.program = built.cardea
	}
	if l.env, err = withDatabase(l.env); err != nil {
		return nil, err
	}
	s := &server{address: at[0], origin: "http://" + at[0], issuer: "http://" + at[0], tenant: "default", dir: dir, management: "http://" + at[1], env: l.env, mayFail: l.mayFail}
	if l.issuer != "" {
		s.issuer = l.issuer
	}
	s.Process, err = start(l.env, l.program, "serve", "--data", dir, "--listen", at[0], "--management", at[1], "--issuer", s.issuer)
	if err != nil {
		return nil, err
	}
	if err := s.Await(ctx, "http://"+at[1]+"/readyz", sound); err != nil {
		return nil, errors.Join(err, s.Cmd.Process.Kill())
	}
	return s, nil
}

// newTenant is the same server as another tenant of it sees it.
func (s *server) newTenant(t testing.TB, name string) *server {
	t.Helper()
	other := *s
	other.tenant, other.issuer = name, s.origin+"/t/"+name
	s.cli(t, "tenant", "add", name)
	return &other
}

// startServer is newServer for one test, which ends it.
func startServer(t *testing.T, l launch) *server {
	t.Helper()
	s, err := newServer(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.end(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// end stops the server, which must not have found anything wrong with itself.
func (s *server) end() error {
	err := s.Stop()
	for line := range strings.Lines(s.Log.String()) {
		if alarming(line) && !s.mayFail {
			err = errors.Join(err, errors.New("the server has logged: "+strings.TrimSpace(line)))
		}
	}
	return err
}

// alarming reports whether a line of the log is about a fault of the server.
func alarming(line string) bool {
	return strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, "level=ERROR") || strings.Contains(line, "DATA RACE") || strings.HasPrefix(line, "panic")
}

// result is what a command has printed.
type result struct {
	stdout, stderr string
	code           int
}

// command runs a command line beside the server, as an operator would.
func (s *server) command(ctx context.Context, stdin string, words ...string) (result, error) {
	c := exec.CommandContext(ctx, built.cardea, append(words, "--data", s.dir, "--tenant", s.tenant)...)
	var stdout, stderr bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr, c.Env, c.Dir = strings.NewReader(stdin), &stdout, &stderr, cleanEnv(), s.dir
	err := c.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		err = nil
	}
	return result{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}, err
}

// cli runs a command that must succeed.
func (s *server) cli(t testing.TB, words ...string) string {
	t.Helper()
	r, err := s.command(t.Context(), "", words...)
	if err != nil || r.code != 0 {
		t.Fatalf("cardea %s: status %d, %v\n%s%s", strings.Join(words, " "), r.code, err, r.stdout, r.stderr)
	}
	return r.stdout
}

// ask runs a command that must succeed and reads the JSON that it prints into out.
func (s *server) ask(t testing.TB, out any, words ...string) {
	t.Helper()
	if err := json.Unmarshal([]byte(s.cli(t, append(words, "--json")...)), out); err != nil {
		t.Fatalf("cardea %s: %v", strings.Join(words, " "), err)
	}
}

// password is good enough for the shipped rules.
const password = "wheelbarrow-umbrella-seven"

// user is a person with an account.
type user struct{ id, email string }

// addUser opens an account.
func (s *server) addUser(t testing.TB, email string, more ...string) user {
	t.Helper()
	return s.open(t, email, password, append([]string{"--password-stdin"}, more...)...)
}

// open opens an account with something on standard input.
func (s *server) open(t testing.TB, email, stdin string, more ...string) user {
	t.Helper()
	words := append([]string{"user", "add", email, "--verified", "--json"}, more...)
	r, err := s.command(t.Context(), stdin+"\n", words...)
	if err != nil || r.code != 0 {
		t.Fatalf("user add: status %d, %v\n%s", r.code, err, r.stderr)
	}
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(r.stdout), &made); err != nil {
		t.Fatal(err)
	}
	return user{made.ID, email}
}

// app is a registered application.
type app struct {
	id, secret string
	redirect   string
}

// addApp registers an application with a redirect URI, unless it is a service.
func (s *server) addApp(t testing.TB, kind string, more ...string) app {
	t.Helper()
	a := app{}
	words := []string{"app", "create", "App of " + t.Name(), "--type", kind}
	if kind != "service" {
		a.redirect = "http://127.0.0.1:9/callback"
		words = append(words, "--redirect", a.redirect)
	}
	var made struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	s.ask(t, &made, append(words, more...)...)
	a.id, a.secret = made.ID, made.Secret
	return a
}

// file writes a file beside the data and returns its path.
func (s *server) file(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// scopes are flags that let an application ask for scopes.
func scopes(names ...string) []string {
	var out []string
	for _, n := range names {
		out = append(out, "--scope", n)
	}
	return out
}

// flags joins flags of several kinds.
func flags(parts ...[]string) []string {
	var out []string
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func (r result) String() string {
	return fmt.Sprintf("status %d\n%s%s", r.code, r.stdout, r.stderr)
}

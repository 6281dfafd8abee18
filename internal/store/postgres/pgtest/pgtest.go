// Package pgtest gives tests a PostgreSQL server.
//
// One server is shared by all tests of a test binary, each in a schema of its own; a test that kills
// its server starts a private one. Servers listen on a socket in a temporary directory and nowhere
// else, and end with the test binary, however it ends. CARDEA_TEST_POSTGRES_URI names another server
// for the shared one. Without PostgreSQL a test is skipped; where CI is set it fails.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Variable names a server to use instead of one that is started.
const Variable = "CARDEA_TEST_POSTGRES_URI"

// prefix begins the names of the directories of servers; the process id of the test binary follows.
const prefix = "cardea-postgres-"

// Server is a running server.
type Server struct {
	dir     string // "" if it was not started here
	fsync   bool
	process *exec.Cmd
	ended   chan struct{}
}

var shared = sync.OnceValues(func() (string, error) {
	if uri := os.Getenv(Variable); uri != "" {
		return uri, nil
	}
	s, err := start(false)
	if err != nil {
		return "", err
	}
	return s.URL(), s.wait()
})

// URL is the address of a schema of its own on the shared server. The end of the test drops it.
func URL(t testing.TB) string {
	t.Helper()
	server, err := shared()
	if err != nil {
		missing(t, err)
	}
	return schema(t, server, "t_"+strings.ToLower(rand.Text()))
}

// New is URL for whoever is not a test: the schema stays until the server ends.
func New() (string, error) {
	server, err := shared()
	if err != nil {
		return "", err
	}
	name := "t_" + strings.ToLower(rand.Text())
	if err := Exec(server, "CREATE SCHEMA "+name); err != nil {
		return "", err
	}
	return with(server, "search_path", name)
}

// Named is like URL for the schema of that name, which is made if it is not there: a test gets the same
// one each time.
func Named(t testing.TB, name string) string {
	t.Helper()
	server, err := shared()
	if err != nil {
		missing(t, err)
	}
	return schema(t, server, "t_"+name)
}

func schema(t testing.TB, server, name string) string {
	t.Helper()
	execute(t, server, "CREATE SCHEMA IF NOT EXISTS "+name)
	t.Cleanup(func() { execute(t, server, "DROP SCHEMA IF EXISTS "+name+" CASCADE") })
	return With(t, server, "search_path", name)
}

// With is a URL with another parameter.
func With(t testing.TB, uri, name, value string) string {
	t.Helper()
	out, err := with(uri, name, value)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func with(uri, name, value string) (string, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// Private starts a server for one test, which writes to its disk for good.
func Private(t testing.TB) *Server {
	t.Helper()
	s, err := start(true)
	if err == nil {
		err = s.wait()
	}
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(func() { s.Kill(); _ = os.RemoveAll(s.dir) })
	return s
}

func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") != "" || !errors.Is(err, exec.ErrNotFound) {
		t.Fatalf("PostgreSQL: %v", err)
	}
	t.Skipf("PostgreSQL is not here (Debian package postgresql): %v", err)
}

// URL is the address of the server's database.
func (s *Server) URL() string {
	return "postgres:///postgres?" + url.Values{"host": {s.dir}, "user": {"postgres"}}.Encode()
}

// Socket is the file on which the server listens.
func (s *Server) Socket() string { return filepath.Join(s.dir, ".s.PGSQL.5432") }

// Kill ends the server and all its processes at once (SIGKILL).
func (s *Server) Kill() {
	if s.process == nil {
		return
	}
	// The first process goes first: it would answer the death of another by ending them all in order.
	pid := s.process.Process.Pid
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	_ = syscall.Kill(pid, syscall.SIGKILL)
	for _, child := range strings.Fields(string(children)) {
		if n, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(n, syscall.SIGKILL)
		}
	}
	<-s.ended
	s.process = nil
}

// Restart starts a server that was killed, and waits until it answers. The first tries may meet what
// is left of the old one.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	var err error
	for range 50 {
		if err = errors.Join(s.run(), s.wait()); err == nil {
			return
		}
		<-time.After(100 * time.Millisecond)
	}
	t.Fatal(err)
}

// start makes a cluster and starts it.
func start(fsync bool) (*Server, error) {
	initdb, err := program("initdb")
	if err != nil {
		return nil, err
	}
	sweep()
	dir, err := os.MkdirTemp(os.TempDir(), prefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, fsync: fsync}
	if c := credential(); c != nil {
		if err := os.Chown(dir, int(c.Uid), int(c.Gid)); err != nil {
			return nil, err
		}
	}
	// An order of texts that is not that of their bytes finds the statement that has forgotten to say so.
	cmd := s.command(initdb, "-D", filepath.Join(dir, "data"), "-A", "trust", "-U", "postgres", "-E", "UTF8",
		"--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--no-sync")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	return s, s.run()
}

// run starts the server. It gets SIGQUIT when this process ends: the thread that starts it lives as
// long as the server.
func (s *Server) run() error {
	postgres, err := program("postgres")
	if err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(s.dir, "data", "postmaster.pid")) // of one that was killed
	onOff := map[bool]string{true: "on", false: "off"}
	cmd := s.command(postgres, "-D", filepath.Join(s.dir, "data"), "-c", "listen_addresses=", "-c", "unix_socket_directories="+s.dir,
		"-c", "fsync="+onOff[s.fsync], "-c", "full_page_writes="+onOff[s.fsync], "-c", "max_connections=500", "-c", "shared_buffers=64MB")
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it was told to end
		}
		_ = log.Close()
		close(ended)
	}()
	s.process, s.ended = cmd, ended
	return <-started
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), name, args...)
	cmd.Dir, cmd.Env = s.dir, []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential()}
	return cmd
}

// wait returns once the server answers.
func (s *Server) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		c, err := pgx.Connect(ctx, s.URL())
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-s.ended:
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("the server ended: %s", log)
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// credential is somebody who is not root, as whom PostgreSQL does run; nil if we are not root.
func credential() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return nil
}

// program finds one of the server's programs, which Debian does not put into PATH.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
	}
	return found[len(found)-1], nil
}

// sweep removes the directories of test binaries that are no more.
func sweep() {
	found, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	for _, dir := range found {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), prefix), "-")
		if n, err := strconv.Atoi(pid); err == nil && errors.Is(syscall.Kill(n, 0), syscall.ESRCH) {
			_ = os.RemoveAll(dir)
		}
	}
}

func execute(t testing.TB, uri, statement string) {
	t.Helper()
	if err := Exec(uri, statement); err != nil {
		t.Fatal(err)
	}
}

// Exec runs a statement on the database of a URL.
func Exec(uri, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, uri)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, statement)
	return errors.Join(err, c.Close(ctx))
}

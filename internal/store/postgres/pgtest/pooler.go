package pgtest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Pooler starts a PgBouncer that gives each transaction another connection, in front of a server of its
// own, and returns what makes a new database and its URL through the pooler. Schemas cannot be told
// apart there: the pooler forgets what a session has set. Without PgBouncer the test is skipped.
func Pooler(t testing.TB) func(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		if path = "/usr/sbin/pgbouncer"; !isFile(path) {
			missing(t, err)
		}
	}
	server, err := start(false)
	if err == nil {
		err = server.wait()
	}
	if err != nil {
		missing(t, err)
	}
	dir := filepath.Join(server.dir, "pooler")
	stop, err := server.pool(path, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); server.Kill(); _ = os.RemoveAll(server.dir) })
	return func(t testing.TB) string {
		t.Helper()
		name := "t_" + strings.ToLower(rand.Text())
		execute(t, server.URL(), "CREATE DATABASE "+name)
		return "postgres:///" + name + "?" + url.Values{"host": {dir}, "user": {"postgres"}, "pgbouncer": {"true"}}.Encode()
	}
}

func isFile(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// pool starts the pooler, whose socket lies in dir.
func (s *Server) pool(path, dir string) (stop func(), err error) {
	settings := fmt.Sprintf("[databases]\n* = host=%s user=postgres\n[pgbouncer]\nlisten_addr =\nlisten_port = 5432\nunix_socket_dir = %s\n"+
		"auth_type = any\npool_mode = transaction\nmax_client_conn = 1000\ndefault_pool_size = 3\nlogfile = %s/log\n", s.dir, dir, dir)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		return nil, err
	}
	if c := credential(); c != nil {
		for _, name := range []string{dir, file} {
			if err := os.Chown(name, int(c.Uid), int(c.Gid)); err != nil {
				return nil, err
			}
		}
	}
	cmd := s.command(path, file)
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started, ended := make(chan error, 1), make(chan struct{})
	go func() { // the thread lives as long as the pooler
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it was told to end
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	for range 500 {
		if isFile(filepath.Join(dir, ".s.PGSQL.5432")) {
			return func() { _ = cmd.Process.Kill(); <-ended }, nil
		}
		select {
		case <-ended:
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			return nil, fmt.Errorf("the pooler ended: %s", log)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil, errors.New("the pooler does not answer")
}

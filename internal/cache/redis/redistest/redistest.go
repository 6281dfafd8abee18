// Package redistest gives tests a Redis server.
//
// Each test starts its own on free ports of loopback, with everything in memory, and stops it by its
// process; a server ends with the test binary, however it ends. Without redis-server a test is
// skipped; where CI is set it fails.
package redistest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/test/port"
)

// Server is a server that a test has started.
type Server struct {
	Address string

	port    int
	args    []string
	dir     string
	process *exec.Cmd
	ended   chan struct{}
}

// Start starts a server that keeps nothing on disk, with further settings, each a name and a value.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s := &Server{port: freePort(t), dir: t.TempDir()}
	s.Address = net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
	s.args = append([]string{"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", s.dir}, settings...)
	t.Cleanup(s.Kill)
	s.Restart(t)
	return s
}

// Sentinel starts a Sentinel that watches a master by a name, and gives it up after half a second.
func Sentinel(t testing.TB, name string, master *Server) *Server {
	t.Helper()
	s := &Server{port: freePort(t), dir: t.TempDir()}
	s.Address = net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
	file := filepath.Join(s.dir, "sentinel.conf") // it writes to it
	text := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor %s 127.0.0.1 %d 1\nsentinel down-after-milliseconds %s 500\nsentinel failover-timeout %s 2000\n",
		s.port, s.dir, name, master.port, name, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.args = []string{file, "--sentinel"}
	t.Cleanup(s.Kill)
	s.Restart(t)
	return s
}

// Cluster starts a cluster of three masters.
func Cluster(t testing.TB) []*Server {
	t.Helper()
	var all []*Server
	const slots, masters = 16384, 3
	var buses [masters]string // where they talk with each other
	for i := range buses {
		buses[i] = strconv.Itoa(freePort(t))
		all = append(all, Start(t, "--cluster-enabled", "yes", "--cluster-port", buses[i], "--cluster-node-timeout", "1000"))
	}
	for i, s := range all {
		from, to := i*slots/masters, (i+1)*slots/masters-1
		s.Do(t, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(from), strconv.Itoa(to))
		s.Do(t, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		s.Do(t, "CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(all[0].port), buses[0])
	}
	for _, s := range all {
		s.Until(t, "cluster_state:ok", "CLUSTER", "INFO")
		s.Until(t, "cluster_known_nodes:3", "CLUSTER", "INFO")
	}
	return all
}

// URL is the address of the server, for the setting.
func (s *Server) URL() string { return "redis://" + s.Address }

// Restart starts a server that was killed, empty, and waits until it answers.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("Redis is not here (Debian package redis-server): ", err)
	}
	cmd := exec.CommandContext(context.Background(), path, s.args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error, 1), make(chan struct{})
	go func() { // the thread lives as long as the server
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it was told to end
		}
		close(ended)
	}()
	s.process, s.ended = cmd, ended
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	s.Until(t, "PONG", "PING")
}

// Kill ends the server at once (SIGKILL).
func (s *Server) Kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill()
	<-s.ended
	s.process = nil
}

// Hang stops the server without ending it: connections stay, and nothing answers. Resume lets it go on.
func (s *Server) Hang(t testing.TB) { s.send(t, syscall.SIGSTOP) }

// Resume lets a server that hangs go on.
func (s *Server) Resume(t testing.TB) { s.send(t, syscall.SIGCONT) }

func (s *Server) send(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if err := s.process.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// Do sends a command and returns the answer as it came.
func (s *Server) Do(t testing.TB, words ...string) string {
	t.Helper()
	answer, err := s.try(words...)
	if err != nil || strings.HasPrefix(answer, "-") {
		t.Fatalf("%s: %s %v", words[0], answer, err)
	}
	return answer
}

// Until repeats a command until its answer holds a text.
func (s *Server) Until(t testing.TB, text string, words ...string) {
	t.Helper()
	answer, err := "", error(nil)
	for since := time.Now(); time.Since(since) < 20*time.Second; <-time.After(10 * time.Millisecond) {
		if answer, err = s.try(words...); err == nil && strings.Contains(answer, text) {
			return
		}
		select {
		case <-s.ended:
			t.Fatal("the server has ended")
		default:
		}
	}
	t.Fatalf("%v never answers %q but %q, %v", words, text, answer, err)
}

// try sends a command on a connection of its own: a first line, and what a bulk string holds.
func (s *Server) try(words ...string) (string, error) {
	c, err := net.DialTimeout("tcp", s.Address, time.Second)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return "", err
	}
	text := fmt.Sprintf("*%d\r\n", len(words))
	for _, w := range words {
		text += fmt.Sprintf("$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := c.Write([]byte(text)); err != nil {
		return "", err
	}
	r := bufio.NewReader(c)
	line, err := r.ReadString('\n')
	line = strings.TrimSpace(line)
	if err != nil || !strings.HasPrefix(line, "$") || line == "$-1" {
		return line, err
	}
	n, err := strconv.Atoi(line[1:])
	if err != nil {
		return "", err
	}
	bulk := make([]byte, n)
	for read := 0; read < n; {
		k, err := r.Read(bulk[read:])
		if err != nil {
			return "", errors.Join(err, errors.New("half an answer"))
		}
		read += k
	}
	return string(bulk), nil
}

func freePort(t testing.TB) int {
	t.Helper()
	free, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	return free
}

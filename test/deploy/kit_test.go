// Package deploy_test runs what deploy/ holds, as far as that goes without a container engine: the binary in
// an empty root as nobody, behind the proxies with the files that are shipped, under the units and rules as
// their own programs read them.
package deploy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the program as deploy/Dockerfile builds it, but for the paths of its sources: without those each
// package would be compiled once more.
var binary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cardea-deploy-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = filepath.Join(dir, "cardea")
	c := exec.Command("go", "build", "-tags", "zones", "-ldflags", "-s -w", "-o", binary, "./cmd/cardea")
	c.Dir, c.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s\n%v\n", out, err)
		return 1
	}
	return m.Run()
}

// root is the top of the project.
const root = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// program is the path of a program that the machine may lack; in CI nothing may be missing.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		if path := filepath.Join(dir, name); executable(path) {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not here, and in CI nothing may be missing", name)
	}
	t.Skipf("%s is not here; scripts/setup installs it", name)
	return ""
}

func executable(path string) bool {
	is, err := os.Stat(path)
	return err == nil && is.Mode().IsRegular() && is.Mode()&0o111 != 0
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// process is a program that runs until the test ends.
type process struct {
	command *exec.Cmd
	log     *output
	ended   chan error
}

// output is what a process has printed, readable while it runs.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func start(t *testing.T, c *exec.Cmd) *process {
	t.Helper()
	p := &process{command: c, log: &output{}, ended: make(chan error, 1)}
	c.Stdout, c.Stderr = p.log, p.log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- c.Wait() }()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("%s printed:\n%s", filepath.Base(c.Path), p.log)
		}
	})
	return p
}

// stop tells the process to end and waits until it has; a second call does nothing.
func (p *process) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.ended:
		p.ended <- err
	case <-time.After(30 * time.Second):
		_ = p.command.Process.Kill()
	}
}

// await asks until the answer has the status, for half a minute at most.
func await(t *testing.T, p *process, url string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		if got, _ := try(ctx, url); got == status {
			return
		}
		select {
		case err := <-p.ended:
			p.ended <- err
			t.Fatalf("it has ended: %v\n%s", err, p.log)
		case <-ctx.Done():
			t.Fatalf("%s does not answer with %d\n%s", url, status, p.log)
		case <-tick.C:
		}
	}
}

func try(ctx context.Context, url string) (int, string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, ""
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = answer.Body.Close() }()
	body, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body)
}

// node is a running server.
type node struct {
	*process
	dir, listen, management string
	env                     []string
}

// serve starts a server with a data directory of its own, known as issuer.
func serve(t *testing.T, issuer string, env ...string) *node {
	t.Helper()
	n := &node{dir: t.TempDir(), listen: "127.0.0.1:" + freePort(t), management: "127.0.0.1:" + freePort(t)}
	n.env = append([]string{
		"CARDEA_DATA_DIR=" + filepath.Join(n.dir, "data"), "CARDEA_SERVER_ISSUER=" + issuer,
		"CARDEA_SERVER_LISTEN=" + n.listen, "CARDEA_SERVER_MANAGEMENT=" + n.management,
	}, env...)
	c := exec.Command(binary, "serve")
	c.Env = n.env
	n.process = start(t, c)
	await(t, n.process, "http://"+n.management+"/readyz", http.StatusOK)
	return n
}

// cli runs a command beside the server.
func (n *node) cli(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), binary, args...)
	c.Env, c.Stdin = n.env, strings.NewReader(stdin)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("cardea %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// checked runs a program that judges a file.
func checked(t *testing.T, name string, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
}

// Package deploy_test runs what deploy/ holds, as far as that goes without a container engine: the binary in
// an empty root as nobody, behind the proxies with the files that are shipped, under the units and rules as
// their own programs read them.
package deploy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/test/port"
	"github.com/cardea-auth/cardea/test/process"
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
	free, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(free)
}

// await asks until the answer has the status.
func await(t *testing.T, p *process.Process, url string, status int) {
	t.Helper()
	if err := p.Await(t.Context(), url, func(got int) bool { return got == status }); err != nil {
		t.Fatal(err)
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
	*process.Process
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
	n.Process = process.Run(t, c)
	await(t, n.Process, "http://"+n.management+"/readyz", http.StatusOK)
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

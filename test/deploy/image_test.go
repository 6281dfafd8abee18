package deploy_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/cardea-auth/cardea/test/process"
)

// nobody is the user of the image.
const nobody = 65532

// TestImage runs the binary where nothing else is: an empty root, no C library, no shell, an unprivileged
// user, as the image of deploy/Dockerfile has it. Passwords are checked by workers there too.
func TestImage(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root for chroot")
	}
	jail, err := os.MkdirTemp("", "cardea-image-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(jail) })
	program, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []error{
		os.Chmod(jail, 0o755), os.WriteFile(filepath.Join(jail, "cardea"), program, 0o755),
		os.Mkdir(filepath.Join(jail, "data"), 0o700), os.Chown(filepath.Join(jail, "data"), nobody, nobody),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	port, private := freePort(t), freePort(t)
	env := []string{
		"CARDEA_DATA_DIR=/data", "CARDEA_SERVER_ISSUER=http://localhost:" + port,
		"CARDEA_SERVER_LISTEN=:" + port, "CARDEA_SERVER_MANAGEMENT=127.0.0.1:" + private,
	}
	inside := func(args ...string) *exec.Cmd {
		c := exec.Command("/cardea", args...)
		c.Dir, c.Env = "/", env
		c.SysProcAttr = &syscall.SysProcAttr{Chroot: jail, Credential: &syscall.Credential{Uid: nobody, Gid: nobody, NoSetGroups: true}}
		return c
	}
	server := process.Run(t, inside("serve"))
	await(t, server, "http://127.0.0.1:"+private+"/readyz", http.StatusOK)
	if out, err := inside("health").CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "ok") {
		t.Errorf("health: %v\n%s", err, out)
	}
	add := inside("user", "add", "ada@example.com", "--verified", "--password-stdin")
	add.Stdin = strings.NewReader("correct horse battery staple")
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("user add: %v\n%s", err, out)
	}
	signIn(t, "http://localhost:"+port)
	if strings.Contains(server.Log.String(), "hashes itself") {
		t.Error("no worker for passwords could be started")
	}
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
}

// TestDockerfile holds the parts of the recipe that have no engine to run them here.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	text := read(t, "deploy/Dockerfile")
	var env []string
	for _, m := range regexp.MustCompile(`(?m)(CARDEA_[A-Z_]+)=(\S+)`).FindAllStringSubmatch(text[strings.Index(text, "FROM scratch"):], -1) {
		env = append(env, m[1]+"="+m[2])
	}
	if len(env) < 3 {
		t.Fatalf("the image sets %q", env)
	}
	configCheck(t, append(env, "CARDEA_SERVER_ISSUER=https://id.example.com", "CARDEA_SERVER_TRUSTED_PROXIES=10.0.0.1/32"))
	goVersion := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))[1]
	if !strings.Contains(text, "golang:"+goVersion+"-") {
		t.Errorf("the image is not built with Go %s of go.mod", goVersion)
	}
	for _, flag := range []string{"CGO_ENABLED=0", "-tags zones", "USER 65532"} {
		if !strings.Contains(text, flag) {
			t.Errorf("the recipe lacks %q, which TestImage relies on", flag)
		}
	}
}

// configCheck has the program judge settings from the environment.
func configCheck(t *testing.T, env []string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), binary, "config", "check")
	c.Env = env
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%q: %s", env, out)
	}
}

func run1(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestUnit has systemd read the unit.
func TestUnit(t *testing.T) {
	t.Parallel()
	analyze := program(t, "systemd-analyze")
	unit := filepath.Join(t.TempDir(), "cardea.service")
	text := strings.ReplaceAll(read(t, "deploy/systemd/cardea.service"), "/usr/local/bin/cardea", binary)
	if err := os.WriteFile(unit, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	checked(t, analyze, "verify", "--man=no", unit)
}

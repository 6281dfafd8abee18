package deploy_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/cardea-auth/cardea/internal/cache/redis/redistest"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/test/process"
)

// service is one of the stack.
type service struct {
	Image       string
	Build       struct{ Args map[string]string }
	Environment map[string]string
	Volumes     []string
}

// composed are the services of the stack.
func composed(t *testing.T) map[string]service {
	t.Helper()
	var file struct{ Services map[string]service }
	if err := yaml.Unmarshal([]byte(read(t, "deploy/compose/compose.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	return file.Services
}

// TestCompose: every service of the product has settings that the program accepts, and what the file
// mounts is there.
func TestCompose(t *testing.T) {
	t.Parallel()
	key := strings.TrimSpace(run1(t, binary, "config", "key"))
	ours := 0
	for name, s := range composed(t) {
		for _, v := range s.Volumes {
			if from, _, _ := strings.Cut(v, ":"); strings.HasPrefix(from, ".") {
				if _, err := os.Stat(filepath.Join(root, "deploy/compose", from)); err != nil {
					t.Errorf("%s mounts what is not there: %v", name, err)
				}
			}
		}
		if from := s.Build.Args["DIR"]; from != "" {
			if _, err := os.Stat(filepath.Join(root, from, "main.go")); err != nil {
				t.Errorf("%s is built from what is not there: %v", name, err)
			}
		}
		if s.Image != "cardea" {
			continue
		}
		ours++
		env := []string{"CARDEA_MASTER_KEY=" + key, "CARDEA_DATABASE_URL=postgres://cardea:x@postgres:5432/cardea?sslmode=disable"}
		for k, v := range s.Environment {
			env = append(env, k+"="+v)
		}
		configCheck(t, env)
	}
	if ours != 2 {
		t.Errorf("%d services of the product, want 2", ours)
	}
}

// TestSecrets makes the secrets of Compose with the program itself.
func TestSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script := filepath.Join(dir, "secrets.sh")
	if err := os.WriteFile(script, []byte(read(t, "deploy/compose/secrets.sh")), 0o755); err != nil {
		t.Fatal(err)
	}
	make := func() string {
		c := exec.CommandContext(t.Context(), "sh", script)
		c.Env = append(os.Environ(), "CARDEA="+binary)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		text, err := os.ReadFile(filepath.Join(dir, "secrets/cardea.env"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first := make()
	if make() != first {
		t.Error("a second run has made other secrets: the database would be lost")
	}
	is, err := os.Stat(filepath.Join(dir, "secrets/cardea.env"))
	if err != nil || is.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", is.Mode(), err)
	}
	configCheck(t, strings.Fields(first))
}

// stack is deploy/compose as processes of this machine: the same programs, files, scripts and settings at other
// addresses.
type stack struct {
	*testing.T
	dir      string            // with the scripts, and the secrets that they make
	base     string            // of Cardea
	api      string            // of the demo
	upstream string            // the provider
	at       *strings.Replacer // names of the stack by addresses here
	nodes    [2]*node
}

func newStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{T: t, dir: t.TempDir()}
	port, api, upstream := freePort(t), freePort(t), freePort(t)
	s.base, s.api, s.upstream = "http://localhost:"+port, "http://localhost:"+api, "http://localhost:"+upstream
	redis := strings.TrimPrefix(redistest.Start(t).URL(), "redis://")
	s.at = strings.NewReplacer(
		"http://localhost:8420", s.base, "http://localhost:8080", s.api, "http://upstream.localhost:9090", s.upstream,
		"redis:6379", redis, "172.30.42.0/24", "127.0.0.0/8", ":8080", "127.0.0.1:"+api, ":9090", "127.0.0.1:"+upstream,
	)
	for _, name := range []string{"secrets.sh", "demo.sh"} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(s.at.Replace(read(t, "deploy/compose/"+name))), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.script("secrets.sh", nil)
	more := append(s.made("cardea.env"), "CARDEA_DATABASE_URL="+pgtest.URL(t), "CARDEA_MAIL_SMTP_HOST=127.0.0.1")
	s.nodes = [2]*node{serve(t, s.base, append(s.settings("one"), more...)...), serve(t, s.base, append(s.settings("two"), more...)...)}
	text := strings.NewReplacer("listen 8420", "listen 127.0.0.1:"+port, "server one:8420", "server "+s.nodes[0].listen, "server two:8420", "server "+s.nodes[1].listen).
		Replace(read(t, "deploy/compose/nginx.conf"))
	dir := t.TempDir()
	main := write(t, "nginx.conf", nginxMain(dir, write(t, "cardea.conf", text)))
	await(t, process.Run(t, exec.Command(program(t, "nginx"), "-c", main, "-e", "stderr", "-p", dir)), s.base+"/.well-known/openid-configuration", http.StatusOK)
	return s
}

// settings is the environment of a service.
func (s *stack) settings(name string) (env []string) {
	s.Helper()
	for k, v := range composed(s.T)[name].Environment {
		env = append(env, k+"="+s.at.Replace(v))
	}
	return env
}

// made are the variables in a file that a script has made.
func (s *stack) made(name string) []string {
	s.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "secrets", name))
	if err != nil {
		s.Fatal(err)
	}
	return strings.Fields(string(text))
}

// script runs one of the scripts beside a server, or none.
func (s *stack) script(name string, beside *node) {
	s.Helper()
	c := exec.CommandContext(s.Context(), "sh", filepath.Join(s.dir, name))
	c.Env = append(os.Environ(), "CARDEA="+binary)
	if beside != nil {
		c.Env = append(c.Env, beside.env...)
	}
	if out, err := c.CombinedOutput(); err != nil {
		s.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// build starts a service that is built from a folder, with its settings and what else it gets.
func (s *stack) build(name string, more ...string) *process.Process {
	s.Helper()
	path := filepath.Join(s.TempDir(), "program")
	c := exec.CommandContext(s.Context(), "go", "build", "-o", path, ".")
	c.Dir, c.Env = filepath.Join(root, composed(s.T)[name].Build.Args["DIR"]), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		s.Fatalf("building %s: %v\n%s", name, err, out)
	}
	run := exec.Command(path)
	run.Env = append(s.settings(name), more...)
	return process.Run(s.T, run)
}

// TestComposeRuns: two nodes on PostgreSQL and Redis behind nginx, where somebody signs in, and the demo, which is
// registered by its script and lets in whom it should.
func TestComposeRuns(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.nodes[0].cli(t, "correct horse battery staple", "user", "add", "ada@example.com", "--verified", "--password-stdin")
	signIn(t, s.base)
	s.script("demo.sh", s.nodes[0])
	first := s.made("demo.env")
	s.script("demo.sh", s.nodes[1])
	if again := s.made("demo.env"); strings.Join(again, " ") != strings.Join(first, " ") {
		t.Error("a second run has registered it again")
	}
	demo := s.build("demo", first...)
	invoices := s.api + "/invoices"
	await(t, demo, invoices, http.StatusUnauthorized)
	token := s.token("demo-program", s.made("demo-program")[0], url.Values{"grant_type": {"client_credentials"}, "scope": {"invoice:read"}, "resource": {s.api}})
	if status := s.get(invoices, token); status != http.StatusOK {
		t.Errorf("with the role: %d", status)
	}
	s.nodes[1].cli(t, "", "role", "unassign", "demo-reader", "service:demo-program")
	for deadline := time.Now().Add(10 * time.Second); s.get(invoices, token) != http.StatusForbidden; { // the other node has to hear of it
		if time.Now().After(deadline) {
			t.Fatal("the demo lets in who has no role any more")
		}
	}
}

// TestComposeUpstream: the provider of others is who it says; test/upstream signs in there.
func TestComposeUpstream(t *testing.T) {
	t.Parallel()
	s := &stack{T: t, upstream: "http://localhost:" + freePort(t)}
	s.at = strings.NewReplacer("http://upstream.localhost:9090", s.upstream, ":9090", strings.TrimPrefix(s.upstream, "http://"))
	await(t, s.build("upstream"), s.upstream+"/.well-known/openid-configuration", http.StatusOK)
	var is struct{ Issuer string }
	if _, text := try(t.Context(), s.upstream+"/.well-known/openid-configuration"); json.Unmarshal([]byte(text), &is) != nil || is.Issuer != s.upstream {
		t.Errorf("it says %s", text)
	}
}

// token asks for one as an application.
func (s *stack) token(id, secret string, form url.Values) string {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.base+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		s.Fatal(err)
	}
	r.SetBasicAuth(id, secret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var out struct {
		Token string `json:"access_token"`
		Error string
	}
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil || out.Token == "" {
		s.Fatalf("no token: %d %s %v", answer.StatusCode, out.Error, err)
	}
	return out.Token
}

// get asks with a token and returns the status.
func (s *stack) get(address, token string) int {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodGet, address, nil)
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

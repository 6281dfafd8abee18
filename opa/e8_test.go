package main_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/test/port"
	"github.com/cardea-auth/cardea/test/process"
)

// server is the program, running.
type server struct {
	*testing.T
	program, dir, issuer, key string
}

func start(t *testing.T) *server {
	t.Helper()
	at, err := os.MkdirTemp("", "opa") // not t.TempDir: the path of the control socket must stay below 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(at) })
	s := &server{T: t, program: filepath.Join(at, "cardea"), dir: filepath.Join(at, "data")}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", s.program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as scripts/test compiles it anyway
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	addresses, err := port.Addresses(2)
	if err != nil {
		t.Fatal(err)
	}
	s.issuer = "http://" + addresses[0]
	p, err := process.Start(exec.Command(s.program, "serve", "--data", s.dir, "--listen", addresses[0], "--management", addresses[1], "--issuer", s.issuer))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil || strings.Contains(p.Log.String(), "level=ERROR") {
			t.Error(err, &p.Log)
		}
	})
	if err := p.Await(t.Context(), "http://"+addresses[1]+"/readyz", func(status int) bool { return status == http.StatusOK }); err != nil {
		t.Fatal(err)
	}
	return s
}

// run runs a command and returns what it prints and its status.
func (s *server) run(words ...string) (string, int) {
	s.Helper()
	c := exec.CommandContext(s.Context(), s.program, append(words, "--data", s.dir)...)
	out, _ := c.CombinedOutput()
	return string(out), c.ProcessState.ExitCode()
}

func (s *server) must(words ...string) string {
	s.Helper()
	out, code := s.run(words...)
	if code != 0 {
		s.Fatalf("%v: %s", words, out)
	}
	return out
}

func (s *server) bundle(name string, files ...string) {
	s.Helper()
	dir := filepath.Join(s.dir, "bundles", "default", name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		s.Fatal(err)
	}
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o600); err != nil {
			s.Fatal(err)
		}
	}
}

// send calls an end point with the key of an administrator.
func (s *server) send(method, path, body string) (string, int) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.issuer+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.key)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	out, err := io.ReadAll(a.Body)
	if err != nil {
		s.Fatal(err)
	}
	return string(out), a.StatusCode
}

// asked is an answer by the API.
type asked struct {
	Decision bool
	Context  struct{ Reason string }
}

func (s *server) evaluate(subject, action, resource string) asked {
	s.Helper()
	kind, id, _ := strings.Cut(resource, ":")
	q, _ := json.Marshal(map[string]any{
		"subject": map[string]string{"type": "user", "id": subject}, "action": map[string]string{"name": action},
		"resource": map[string]string{"type": kind, "id": id},
	})
	text, status := s.send("POST", "/access/v1/evaluation", string(q))
	var out asked
	if err := json.Unmarshal([]byte(text), &out); err != nil || status != 200 {
		s.Fatal(status, text)
	}
	return out
}

const rulesV0 = `package cardea
default allow = false
allow { data.admins[_] == input.subject.id }
allow { input.action.name == "read"; input.resource.type == "profile"; input.resource.id == input.subject.id }
allow { input.action.name == "read"; input.resource.type == "profile"; data.reports[input.subject.id][_] == input.resource.id }
`

const rulesV1 = `package cardea
default allow := false
allow if input.subject.id in data.admins
allow if { reads_profile; input.resource.id == input.subject.id }
allow if { reads_profile; input.resource.id in data.reports[input.subject.id] }
reads_profile if { input.action.name == "read"; input.resource.type == "profile" }
`

// TestE8_RegoByCommandAndRequest: a manager reads the profiles of those who report to her, by policies in both
// versions of Rego, asked by the command and by the API. A policy that fails denies, and is named.
func TestE8_RegoByCommandAndRequest(t *testing.T) {
	t.Parallel()
	s := start(t)
	var app struct {
		Client struct {
			ID string `json:"client_id"`
		} `json:"client"`
		ID string `json:"client_id"`
	}
	if err := json.Unmarshal([]byte(s.must("app", "create", "pep", "--type", "service", "--json")), &app); err != nil {
		t.Fatal(err)
	}
	if app.ID == "" {
		app.ID = app.Client.ID
	}
	s.must("role", "assign", "cardea:admin", "service:"+app.ID)
	var key struct{ Key string }
	if err := json.Unmarshal([]byte(s.must("apikey", "create", "service:"+app.ID, "key", "--scope", "cardea:admin", "--json")), &key); err != nil {
		t.Fatal(err)
	}
	s.key = key.Key
	data := `{"reports":{"maria":["alice","bob"]},"admins":["root"]}`
	s.bundle("old", "policy.rego", rulesV0, "data.json", data)
	s.bundle("new", "policy.rego", rulesV1, "data.json", data)
	s.bundle("broken", "policy.rego", "package cardea\nallow if {")
	for name, version := range map[string]string{"old": "v0", "new": "v1"} {
		s.must("authz", "point", "set", name, "--rego", version)
		for _, kind := range []string{"profile", "invoice"} {
			s.must("authz", "plan", "set", kind, "--points", name)
		}
		for _, c := range []struct {
			subject, resource string
			want              bool
		}{
			{"maria", "profile:bob", true}, {"maria", "profile:alice", true}, {"maria", "profile:carol", false}, {"bob", "profile:maria", false},
			{"bob", "profile:bob", true}, {"bob", "invoice:bob", false}, {"root", "invoice:1", true},
		} {
			if got := s.evaluate(c.subject, "read", c.resource); got.Decision != c.want {
				t.Errorf("%s: %s reads %s by request: %+v", name, c.subject, c.resource, got)
			}
			if out, code := s.run("check", "user:"+c.subject, "read", c.resource); (code == 0) != c.want || code > 1 {
				t.Errorf("%s: %s reads %s by command: %s", name, c.subject, c.resource, out)
			}
		}
	}
	// By the API, and with what is not sound.
	if text, status := s.send("PUT", "/api/decision-points/broken", `{"rego":{"version":1,"query":"data.cardea.allow"}}`); status != 200 {
		t.Fatal(status, text)
	}
	if text, status := s.send("PUT", "/api/plans/profile", `{"points":["broken"]}`); status != 200 {
		t.Fatal(status, text)
	}
	if got := s.evaluate("root", "read", "profile:1"); got.Decision || !strings.HasPrefix(got.Context.Reason, "point:broken could not answer: The bundle of policies is not sound.") {
		t.Errorf("%+v", got)
	}
	if text, status := s.send("PUT", "/api/decision-points/x", `{"rego":{"query":"1 == 1"}}`); status != 422 && status != 400 {
		t.Error(status, text)
	}
}

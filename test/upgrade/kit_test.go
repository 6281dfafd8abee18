// Package upgrade_test opens a database of an earlier version with the program of today, and lets two
// versions of the program meet on one database.
package upgrade_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/app"
	"github.com/cardea-auth/cardea/internal/cli"
	"github.com/cardea-auth/cardea/internal/config"
	"github.com/cardea-auth/cardea/internal/identity/password/apart"
	"github.com/cardea-auth/cardea/internal/store/cluster"
	"github.com/cardea-auth/cardea/test/port"
	"github.com/cardea-auth/cardea/test/process"
)

// The test binary plays the program when these are set: how far its clock is behind the machine's, in
// seconds, and which data format it knows.
const (
	behindVariable = "CARDEA_TEST_BEHIND"
	formatVariable = "CARDEA_TEST_FORMAT"
	leaseVariable  = "CARDEA_TEST_LEASE"
)

func TestMain(m *testing.M) {
	_, plays := os.LookupEnv(behindVariable)
	if plays || len(os.Args) > 1 && os.Args[1] == apart.Name {
		play()
	}
	os.Exit(m.Run())
}

func play() {
	p := cli.System()
	if seconds, _ := strconv.Atoi(os.Getenv(behindVariable)); seconds != 0 {
		p.Now = func() time.Time { return time.Now().Add(-time.Duration(seconds) * time.Second) }
	}
	p.Config = func(c *app.Config) {
		c.Release = "0.1.0"
		if os.Getenv(formatVariable) == "2" {
			c.Release, c.Formats = "0.2.0", []cluster.Format{{Number: 1, Release: "0.1.0"}, {Number: 2, Release: "0.2.0"}}
		}
		if d, err := time.ParseDuration(os.Getenv(leaseVariable)); err == nil {
			c.Lease = d
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:], p)
	stop()
	os.Exit(code)
}

// The issuer of the fixture; its servers listen on loopback and are asked by this name.
const host = "auth.example.com"

// program is a version of the program with a data directory.
type program struct {
	*testing.T
	binary             string
	env                []string
	listen, management string
}

// today is the program of this source.
func today(t *testing.T, dir string, env ...string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return newProgram(t, self, dir, append([]string{behindVariable + "=0"}, env...)...)
}

func newProgram(t *testing.T, binary, dir string, env ...string) *program {
	t.Helper()
	at, err := port.Addresses(2)
	if err != nil {
		t.Fatal(err)
	}
	p := &program{T: t, binary: binary, listen: at[0], management: at[1]}
	p.env = append([]string{
		"HOME=" + dir, "CARDEA_DATA_DIR=" + dir, "CARDEA_SERVER_ISSUER=https://" + host, "CARDEA_SERVER_LISTEN=" + p.listen,
		"CARDEA_SERVER_MANAGEMENT=" + p.management, "CARDEA_SERVER_TRUSTED_PROXIES=127.0.0.1/32", "CARDEA_LOG_FORMAT=text",
		"GORACE=atexit_sleep_ms=0", // or each command waits for a second before it ends
	}, env...)
	return p
}

// run runs a command and returns what it printed and whether it succeeded.
func (p *program) run(stdin string, args ...string) (string, bool) {
	p.Helper()
	c := exec.CommandContext(p.Context(), p.binary, args...)
	c.Env, c.Stdin = p.env, strings.NewReader(stdin)
	out, err := c.CombinedOutput()
	return string(out), err == nil
}

// must runs a command that succeeds.
func (p *program) must(stdin string, args ...string) string {
	p.Helper()
	out, ok := p.run(stdin, args...)
	if !ok {
		p.Fatalf("cardea %s:\n%s", strings.Join(args, " "), out)
	}
	return out
}

func (p *program) serve() *process.Process {
	p.Helper()
	c := exec.Command(p.binary, "serve")
	c.Env = p.env
	s := process.Run(p.T, c)
	if err := s.Await(p.Context(), "http://"+p.management+"/readyz", func(status int) bool { return status == http.StatusOK }); err != nil {
		p.Fatal(err)
	}
	return s
}

// answer is what a server has answered.
type answer struct {
	status   int
	location string
	cookies  []*http.Cookie
	body     map[string]any
}

func (a answer) text(name string) string { s, _ := a.body[name].(string); return s }

// ask sends a request that must be answered.
func (p *program) ask(method, path string, body any, header ...string) answer {
	p.Helper()
	a, err := p.try(method, path, body, header...)
	if err != nil {
		p.Fatal(err)
	}
	return a
}

// try sends a request as a proxy would that has got it by TLS. A form is url.Values; anything else is JSON.
func (p *program) try(method, path string, body any, header ...string) (answer, error) {
	var text []byte
	kind := "application/json"
	if form, ok := body.(url.Values); ok {
		text, kind = []byte(form.Encode()), "application/x-www-form-urlencoded"
	} else if body != nil {
		text, _ = json.Marshal(body)
	}
	r, err := http.NewRequestWithContext(p.Context(), method, "http://"+p.listen+path, bytes.NewReader(text))
	if err != nil {
		return answer{}, err
	}
	r.Host = host
	for k, v := range map[string]string{"X-Forwarded-Proto": "https", "Content-Type": kind, "Sec-Fetch-Site": "same-origin"} {
		r.Header.Set(k, v)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	got, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = got.Body.Close() }()
	out := answer{status: got.StatusCode, location: got.Header.Get("Location"), cookies: got.Cookies()}
	raw, err := io.ReadAll(got.Body)
	_ = json.Unmarshal(raw, &out.body) // what is none has no members
	return out, err
}

// signIn returns the cookies of a person who has signed in.
func (p *program) signIn(email string) string {
	p.Helper()
	begun := p.ask("POST", "/flows", map[string]string{"kind": "sign_in"})
	done := p.ask("POST", "/flow/password", map[string]string{"email": email, "password": thePassword},
		"X-CSRF-Token", begun.text("csrf_token"), "Cookie", cookies(begun))
	if done.status != http.StatusOK || done.body["done"] != true {
		p.Fatalf("signing in: %d %v", done.status, done.body)
	}
	return cookies(done)
}

func cookies(a answer) string {
	var all []string
	for _, c := range a.cookies {
		if c.Value != "" && c.MaxAge >= 0 {
			all = append(all, c.Name+"="+c.Value)
		}
	}
	return strings.Join(all, "; ")
}

// authenticated reports whether a cookie is good for a session.
func (p *program) authenticated(cookie string) bool {
	return p.ask("GET", "/session", nil, "Cookie", cookie).body["authenticated"] == true
}

const (
	thePassword  = "correct horse battery staple"
	theVerifier  = "a-verifier-that-is-long-enough-to-be-one-0123456789"
	theChallenge = "IdFsue1MJJJtybEPX0invmHHuW1I7Ai5LXVlXpENjsk"
	theRedirect  = "https://app.example.com/back"
)

// token asks the token endpoint as the application of the fixture.
func (p *program) token(form url.Values) answer {
	p.Helper()
	form.Set("client_id", "shop")
	return p.ask("POST", "/oauth/token", form)
}

// copyFile copies a file of a data directory.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// dataDir is an empty data directory.
func dataDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := errors.Join(os.Mkdir(dir, 0o700), config.ClaimDir(dir, false)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// field is the value of "name": "…" in what a command has printed as JSON.
func field(t *testing.T, text, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, fmt.Sprintf("%q:", name))
	value, _, closed := strings.Cut(strings.TrimLeft(rest, ` "`), `"`)
	if !ok || !closed {
		t.Fatalf("%s is not in %s", name, text)
	}
	return value
}

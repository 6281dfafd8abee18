package deploy_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/test/process"
)

// person is a browser that talks JSON.
type person struct {
	t    *testing.T
	base string
	http *http.Client
}

func newPerson(t *testing.T, base string) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t: t, base: base, http: &http.Client{Jar: secureJar{jar}, Timeout: 30 * time.Second}}
}

// secureJar sends Secure cookies to http://localhost, as browsers do.
type secureJar struct{ *cookiejar.Jar }

func (j secureJar) SetCookies(u *url.URL, c []*http.Cookie) { j.Jar.SetCookies(https(u), c) }
func (j secureJar) Cookies(u *url.URL) []*http.Cookie       { return j.Jar.Cookies(https(u)) }

func https(u *url.URL) *url.URL {
	c := *u
	c.Scheme = "https"
	return &c
}

func (p *person) send(method, path, csrf string, body any, header ...string) (int, map[string]any) {
	p.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, bytes.NewReader(text))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if csrf != "" {
		r.Header.Set("X-CSRF-Token", csrf)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := p.http.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var out map[string]any
	got, _ := io.ReadAll(answer.Body)
	_ = json.Unmarshal(got, &out)
	return answer.StatusCode, out
}

// signIn signs ada in and returns the browser.
func signIn(t *testing.T, base string, header ...string) *person {
	t.Helper()
	p := newPerson(t, base)
	_, flow := p.send("POST", "/flows", "", map[string]string{"kind": "sign_in"}, header...)
	csrf, _ := flow["csrf_token"].(string)
	status, done := p.send("POST", "/flow/password", csrf, map[string]string{"email": "ada@example.com", "password": "correct horse battery staple"}, header...)
	if status != http.StatusOK || done["done"] != true {
		t.Fatalf("signing in: %d %v", status, done)
	}
	return p
}

// behind is a server behind a proxy: what both must do together, whoever the proxy is. tooLarge is what it may
// say of a body that is too large besides 413.
func behind(t *testing.T, n *node, proxy *process.Process, base string, tooLarge ...int) {
	t.Helper()
	await(t, proxy, base+"/.well-known/openid-configuration", http.StatusOK)
	n.cli(t, "correct horse battery staple", "user", "add", "ada@example.com", "--verified", "--password-stdin")
	p := signIn(t, base, "X-Forwarded-For", "203.0.113.9", "Forwarded", "for=203.0.113.9", "Client-Cert", ":AAAA:")
	if out := n.cli(t, "", "session", "list", "ada@example.com", "--json"); !strings.Contains(out, "127.0.0.1") || strings.Contains(out, "203.0.113.9") {
		t.Errorf("the address of the session is what the client said: %s", out)
	}
	status, _ := p.send("POST", "/flows", "", map[string]string{"kind": "sign_in", "login_hint": strings.Repeat("x", 2<<20)})
	if status != http.StatusRequestEntityTooLarge && !slices.Contains(tooLarge, status) {
		t.Errorf("two megabytes: %d, want 413", status)
	}
	follow(t, n, base)
}

// follow reads the feed of revocations through the proxy: an entry arrives while the feed stays open.
func follow(t *testing.T, n *node, base string) {
	t.Helper()
	var app struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal([]byte(n.cli(t, "", "app", "create", "follower", "--type", "service", "--serves", "http://api.example", "--json")), &app); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/revocations", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(app.ID, app.Secret)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("the feed: %d", answer.StatusCode)
	}
	n.cli(t, "", "session", "revoke", "--all", "ada@example.com")
	seen := ""
	for buf := make([]byte, 4096); !strings.Contains(seen, `"session"`); {
		k, err := answer.Body.Read(buf)
		seen += string(buf[:k])
		if err != nil {
			t.Fatalf("the feed ended with %v after %q", err, seen)
		}
	}
}

// write puts a configuration where the proxy finds it.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// nginxMain is what stands around a file of conf.d, for a process that keeps to one directory.
func nginxMain(dir, include string) string {
	var b strings.Builder
	b.WriteString("daemon off; worker_processes 1; pid " + dir + "/pid; error_log stderr;\nevents { worker_connections 256; }\nhttp {\naccess_log off;\n")
	for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		b.WriteString(what + "_temp_path " + dir + "/" + what + ";\n")
	}
	b.WriteString("include " + include + ";\n}\n")
	return b.String()
}

func TestNginx(t *testing.T) {
	t.Parallel()
	nginx := program(t, "nginx")
	port := freePort(t)
	base := "http://localhost:" + port
	n := serve(t, base, "CARDEA_SERVER_TRUSTED_PROXIES=127.0.0.1/32")
	text := read(t, "deploy/compose/nginx.conf")
	text = strings.NewReplacer("listen 8420", "listen 127.0.0.1:"+port, "server one:8420", "server "+n.listen, "    server two:8420 max_fails=1 fail_timeout=2s;\n", "").Replace(text)
	dir := t.TempDir()
	main := write(t, "nginx.conf", nginxMain(dir, write(t, "cardea.conf", text)))
	proxy := process.Run(t, exec.Command(nginx, "-c", main, "-e", "stderr", "-p", dir))
	behind(t, n, proxy, base)
}

// TestNginxWithTLS has nginx read the file for production, and compares it with the one that was run.
func TestNginxWithTLS(t *testing.T) {
	t.Parallel()
	nginx := program(t, "nginx")
	certificate, key := selfSigned(t)
	text := read(t, "deploy/nginx/cardea.conf")
	local := strings.NewReplacer("/etc/ssl/id.example.com.pem", certificate, "/etc/ssl/id.example.com.key", key).Replace(text)
	dir := t.TempDir()
	checked(t, nginx, "-t", "-q", "-e", "stderr", "-p", dir, "-c", write(t, "nginx.conf", nginxMain(dir, write(t, "cardea.conf", local))))
	for line := range strings.Lines(read(t, "deploy/compose/nginx.conf")) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "location") || strings.HasPrefix(line, "limit_req") || strings.HasPrefix(line, "proxy_next") {
			if !strings.Contains(squeeze(text), squeeze(line)) {
				t.Errorf("only the file of Compose has: %s", line)
			}
		}
	}
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

func selfSigned(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"id.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, about, about, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
		write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
}

func TestCaddy(t *testing.T) {
	t.Parallel()
	caddy := program(t, "caddy")
	port := freePort(t)
	base := "http://localhost:" + port
	n := serve(t, base, "CARDEA_SERVER_TRUSTED_PROXIES=127.0.0.1/32,::1/128")
	dir := t.TempDir()
	c := exec.Command(caddy, "run", "--adapter", "caddyfile", "--config", write(t, "Caddyfile", "{\n\tadmin off\n\tauto_https off\n}\n"+read(t, "deploy/caddy/Caddyfile")))
	c.Env = append(os.Environ(), "CARDEA_SITE="+base, "CARDEA_NODES="+n.listen, "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	behind(t, n, process.Run(t, c), base, http.StatusBadGateway) // when the server refuses it while Caddy is still sending
}

func TestHAProxy(t *testing.T) {
	t.Parallel()
	haproxy := program(t, "haproxy")
	port := freePort(t)
	base := "http://localhost:" + port
	n := serve(t, base, "CARDEA_SERVER_TRUSTED_PROXIES=127.0.0.1/32")
	_, private, _ := strings.Cut(n.management, ":")
	c := exec.Command(haproxy, "-db", "-f", write(t, "haproxy.cfg", read(t, "deploy/haproxy/haproxy.cfg")))
	c.Env = append(os.Environ(), "CARDEA_BIND=127.0.0.1:"+port, "CARDEA_NODE_1="+n.listen, "CARDEA_PROBE_1="+private,
		"CARDEA_NODE_2=127.0.0.1:"+freePort(t), "CARDEA_PROBE_2="+freePort(t))
	behind(t, n, process.Run(t, c), base)
}

package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/httpapi/serve"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// writePair writes a self-signed certificate for localhost with the given serial number.
func writePair(t *testing.T, dir string, serial int64) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	write(t, certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	return certFile, keyFile
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func handshake(t *testing.T, server *tls.Config, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	go func() { _ = tls.Server(a, server).Handshake() }()
	client.InsecureSkipVerify, client.ServerName = true, "localhost"
	c := tls.Client(b, client)
	err := c.Handshake()
	return c.ConnectionState(), err
}

// TestRegress_149_TLS: nothing older than TLS 1.2, and no suite without forward secrecy and
// authenticated encryption.
func TestRegress_149_TLS(t *testing.T) {
	cert, key := writePair(t, t.TempDir(), 1)
	certs, err := serve.LoadCertificates(cert, key, false, time.Now, quiet())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		if _, err := handshake(t, certs.Config(), &tls.Config{MinVersion: v, MaxVersion: v}); err == nil {
			t.Errorf("%s was accepted", tls.VersionName(v))
		}
	}
	all := append(tls.CipherSuites(), tls.InsecureCipherSuites()...)
	accepted := 0
	for _, s := range all {
		_, err := handshake(t, certs.Config(), &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{s.ID}})
		if err == nil && (strings.Contains(s.Name, "CBC") || !strings.Contains(s.Name, "ECDHE") || strings.Contains(s.Name, "RC4")) {
			t.Errorf("%s was accepted", s.Name)
		}
		if err == nil {
			accepted++
		}
	}
	if accepted == 0 {
		t.Error("no suite of TLS 1.2 is left")
	}
	if st, err := handshake(t, certs.Config(), &tls.Config{}); err != nil || st.Version != tls.VersionTLS13 {
		t.Errorf("TLS 1.3: %v %s", err, tls.VersionName(st.Version))
	}
}

func TestCertificatesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	cert, key := writePair(t, dir, 1)
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	var log bytes.Buffer
	certs, err := serve.LoadCertificates(cert, key, false, now, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		st, err := handshake(t, certs.Config(), &tls.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return st.PeerCertificates[0].SerialNumber.Int64()
	}
	later := time.Now().Add(time.Minute)
	change := func(serial int64) {
		writePair(t, dir, serial)
		later = later.Add(time.Second)
		for _, f := range []string{cert, key} {
			if err := os.Chtimes(f, later, later); err != nil {
				t.Fatal(err)
			}
		}
	}
	change(2)
	if serial() != 1 {
		t.Error("the files are looked at for every handshake")
	}
	ahead.Add(int64(6 * time.Second))
	if serial() != 2 {
		t.Error("a new certificate is not used")
	}
	write(t, key, []byte("half a file"))
	ahead.Add(int64(6 * time.Second))
	if serial() != 2 || !strings.Contains(log.String(), "old one stays") {
		t.Error("a broken pair was used, or nobody was told")
	}
	change(3)
	ahead.Add(int64(6 * time.Second))
	if serial() != 3 || time.Until(certs.Expires()) > 61*time.Minute {
		t.Error("a repaired pair is not used")
	}
	if _, err := serve.LoadCertificates(cert, filepath.Join(dir, "none"), false, now, quiet()); err == nil {
		t.Error("a missing key is accepted at the start")
	}
}

func TestCheckIssuer(t *testing.T) {
	for issuer, ok := range map[string]bool{
		"https://id.example.com": true, "http://localhost:8420": true, "http://127.0.0.1:8420": true, "http://[::1]:8420": true,
		"http://id.example.com": false, "http://10.0.0.1": false, "http://localhost.evil.example": false, "http://0.0.0.0": false,
		"ftp://localhost": false, "": false, "https://": false, "//localhost": false,
	} {
		if err := serve.CheckIssuer(issuer); (err == nil) != ok {
			t.Errorf("%q: %v", issuer, err)
		}
	}
}

func TestToHTTPS(t *testing.T) {
	h := serve.ToHTTPS("https://id.example.com")
	for target, want := range map[string]string{
		"/a/b?c=d": "https://id.example.com/a/b?c=d", "/": "https://id.example.com/", "//evil.example/": "https://id.example.com/",
		"/%0d%0aSet-Cookie:x": "https://id.example.com/%0d%0aSet-Cookie:x",
	} {
		r := httptest.NewRequest("GET", "http://evil.example/", nil)
		u, err := r.URL.Parse("http://evil.example" + target)
		if err != nil {
			t.Fatal(err)
		}
		r.URL = u
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Location"); got != want || w.Code != 308 {
			t.Errorf("%s: %d %s", target, w.Code, got)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/oauth/token", nil))
	if w.Code != 426 || w.Header().Get("Location") != "" {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestManagement(t *testing.T) {
	var down error
	h := serve.Management{
		Ready:   func(context.Context) error { return down },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "metrics") }),
	}.Handler()
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w.Code, w.Body.String()
	}
	for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/metrics": 200, "/debug/pprof/": 404, "/": 404} {
		if code, _ := get(path); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	h = serve.Management{
		Ready: func(context.Context) error { return down }, Trouble: func() error { return errors.New("no mail leaves") },
		Metrics: http.NotFoundHandler(),
	}.Handler()
	if code, body := get("/readyz"); code != 200 || body != "ok\nno mail leaves\n" {
		t.Errorf("readyz without mail: %d %q", code, body)
	}
	down = errors.New("the store does not answer")
	if code, body := get("/readyz"); code != 503 || !strings.Contains(body, "store") {
		t.Errorf("readyz: %d %s", code, body)
	}
	if code, _ := get("/livez"); code != 200 {
		t.Errorf("livez: %d", code)
	}
}

// TestRegress_156_SlowAndHugeHeaders: a connection that sends too much header is answered and
// closed; the time limits are set.
func TestRegress_156_SlowAndHugeHeaders(t *testing.T) {
	s := serve.Server(http.NotFoundHandler(), nil, quiet())
	if s.ReadHeaderTimeout == 0 || s.ReadTimeout == 0 || s.WriteTimeout == 0 || s.IdleTimeout == 0 || s.HTTP2.MaxConcurrentStreams > 250 {
		t.Fatalf("a limit is missing: %+v", s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\n")
	go func() {
		for range 2000 { // the server hangs up long before
			if _, err := fmt.Fprintf(c, "X-Flood: %s\r\n", strings.Repeat("a", 100)); err != nil {
				return
			}
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 431 {
		t.Errorf("status %d, want 431", resp.StatusCode)
	}
}

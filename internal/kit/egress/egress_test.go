package egress_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/egress"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// trap is a TLS server on loopback that counts who comes.
type trap struct {
	*httptest.Server
	came atomic.Int32
	port string
	pool *x509.CertPool
}

func newTrap(t *testing.T, h http.HandlerFunc) *trap {
	t.Helper()
	tr := new(trap)
	tr.Server = httptest.NewUnstartedServer(h)
	tr.Config.ErrorLog = log.New(io.Discard, "", 0)
	tr.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			tr.came.Add(1)
		}
	}
	tr.StartTLS()
	t.Cleanup(tr.Close)
	tr.port = tr.Listener.Addr().(*net.TCPAddr).AddrPort().String()[len("127.0.0.1:"):]
	tr.pool = x509.NewCertPool()
	tr.pool.AddCert(tr.Certificate())
	return tr
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }

func newClient(t *testing.T, c egress.Config) *egress.Client {
	t.Helper()
	client, err := egress.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func loopback(p egress.Purpose) []egress.Rule {
	return []egress.Rule{{Purpose: p, Network: netip.MustParsePrefix("127.0.0.0/8")}}
}

func TestGet(t *testing.T) {
	t.Parallel()
	tr := newTrap(t, ok)
	c := newClient(t, egress.Config{
		Allow: loopback(egress.Webhook), RootCAs: tr.pool,
		Resolver: newNames(map[string][][]string{"example.com": {{"127.0.0.1"}}}).resolver(),
	})
	for _, u := range []string{tr.URL, "https://example.com:" + tr.port + "/keys?x=1", "HTTPS://EXAMPLE.com:" + tr.port} {
		r, err := c.Get(t.Context(), egress.Webhook, u)
		if err != nil || string(r.Body) != "ok" {
			t.Errorf("Get(%s): %+v, %v", u, r, err)
		}
	}
	if _, err := c.Get(t.Context(), egress.Upstream, tr.URL); !errs.Is(err, errs.Invalid) {
		t.Errorf("what is allowed for webhooks is allowed for upstream: %v", err)
	}
	if _, err := c.Get(t.Context(), egress.Upstream, "https://example.com:"+tr.port); !refused(err) {
		t.Errorf("a name: what is allowed for webhooks is allowed for upstream: %v", err)
	}
	if _, err := c.Get(t.Context(), "other", "https://example.com:"+tr.port); !errs.Is(err, errs.Internal) {
		t.Errorf("an unknown purpose: %v", err)
	}
}

func refused(err error) bool {
	_, is := errors.AsType[*egress.RefusedError](err)
	return is
}

// What a caller sees must not tell a refused address from a dead one.
func TestRefusalIsSilent(t *testing.T) {
	t.Parallel()
	c := newClient(t, egress.Config{Resolver: newNames(map[string][][]string{"inside.example": {{"10.0.0.1"}}}).resolver()})
	_, inside := c.Get(t.Context(), egress.Webhook, "https://inside.example/")
	_, absent := c.Get(t.Context(), egress.Webhook, "https://absent.example/")
	if !refused(inside) || refused(absent) {
		t.Fatalf("causes: %v; %v", inside, absent)
	}
	a, b := errs.From(inside), errs.From(absent)
	if a.Kind != b.Kind || a.Code != b.Code || a.Text != b.Text || a.RetryAfter != b.RetryAfter {
		t.Errorf("the caller can tell %+v from %+v", a, b)
	}
	if !strings.Contains(inside.Error(), "webhook=10.0.0.1/32") {
		t.Errorf("the log does not say what to allow: %v", inside)
	}
}

// A name that is public when it is looked at and private when it is used.
func TestRegress_139_Rebinding(t *testing.T) {
	t.Parallel()
	tr := newTrap(t, ok)
	n := newNames(map[string][][]string{
		"rebind.example": {{"127.0.0.1"}, {"203.0.113.7", "127.0.0.1"}, {"::1"}, {"169.254.169.254", "::ffff:127.0.0.1"}},
	})
	c := newClient(t, egress.Config{RootCAs: tr.pool, Resolver: n.resolver()})
	u := "https://rebind.example:" + tr.port
	if err := c.Check(egress.ClientMetadata, u); err != nil {
		t.Fatalf("Check resolves names: %v", err)
	}
	for range 4 {
		if _, err := c.Get(t.Context(), egress.ClientMetadata, u); !refused(err) {
			t.Errorf("a name that points to private addresses: %v", err)
		}
	}
	if got := tr.came.Load(); got != 0 {
		t.Errorf("%d connections arrived", got)
	}
}

func TestRegress_139_Redirect(t *testing.T) {
	t.Parallel()
	target := newTrap(t, ok)
	for _, status := range []int{301, 302, 303, 307, 308} {
		tr := newTrap(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target.URL, status) })
		c := newClient(t, egress.Config{Allow: loopback(egress.Upstream), RootCAs: tr.pool})
		if _, err := c.Get(t.Context(), egress.Upstream, tr.URL); errs.CodeOf(err) != "fetch_failed" {
			t.Errorf("%d: %v", status, err)
		}
		r, err := c.Do(t.Context(), egress.Upstream, egress.Request{Method: http.MethodPost, URL: tr.URL, Body: []byte("x")})
		if err != nil || r.Status != status {
			t.Errorf("%d: Do: %+v, %v", status, r, err)
		}
	}
	if got := target.came.Load(); got != 0 {
		t.Errorf("%d redirects were followed", got)
	}
}

func TestNoProxyOfTheEnvironment(t *testing.T) {
	tr := newTrap(t, ok)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy"} {
		t.Setenv(name, "http://127.0.0.1:"+tr.port)
	}
	c := newClient(t, egress.Config{
		Allow:    []egress.Rule{{Purpose: egress.Webhook, Network: netip.MustParsePrefix("127.0.0.1/32")}},
		Resolver: newNames(nil).resolver(),
	})
	if _, err := c.Get(t.Context(), egress.Webhook, "https://absent.example/"); errs.CodeOf(err) != "fetch_failed" {
		t.Error(err)
	}
	if got := tr.came.Load(); got != 0 {
		t.Errorf("the proxy was used %d times", got)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	pause := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10") // so that the end of the handler is not the end of the body
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	for name, h := range map[string]http.HandlerFunc{
		"large":           func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1025)) },
		"large header":    func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 100<<10)) },
		"slow body":       pause,
		"not found":       http.NotFound,
		"zip is not told": func(w http.ResponseWriter, r *http.Request) { zip(w, r) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTrap(t, h)
			c := newClient(t, egress.Config{
				Allow: loopback(egress.Upstream), RootCAs: tr.pool, MaxBody: 1024, Timeout: 300 * time.Millisecond,
			})
			if _, err := c.Get(t.Context(), egress.Upstream, tr.URL); errs.CodeOf(err) != "fetch_failed" {
				t.Error(err)
			}
		})
	}
	tr := newTrap(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1024)) })
	c := newClient(t, egress.Config{Allow: loopback(egress.Upstream), RootCAs: tr.pool, MaxBody: 1024})
	if r, err := c.Get(t.Context(), egress.Upstream, tr.URL); err != nil || len(r.Body) != 1024 {
		t.Errorf("a body of the largest size: %v", err)
	}
}

// zip fails the test's expectation of an error only if the client asked for compression.
func zip(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Accept-Encoding") != "" {
		return
	}
	http.Error(w, "", http.StatusTeapot)
}

// Strangers may hold few places, and neither take those of others nor lose their own to them.
func TestAnonymousBudget(t *testing.T) {
	t.Parallel()
	arrived, leave := make(chan struct{}, 8), make(chan struct{})
	tr := newTrap(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-leave
	})
	c := newClient(t, egress.Config{Allow: loopback(egress.ClientMetadata), RootCAs: tr.pool, Anonymous: 2, Budget: 1, Timeout: 10 * time.Second})
	results := make(chan error, 8)
	get := func(c *egress.Client) {
		_, err := c.Get(context.WithoutCancel(t.Context()), egress.ClientMetadata, tr.URL)
		results <- err
	}
	stranger := c.ForAnonymous()
	go get(stranger)
	go get(stranger)
	<-arrived
	<-arrived
	if _, err := stranger.Get(t.Context(), egress.ClientMetadata, tr.URL); errs.CodeOf(err) != "too_busy" {
		t.Errorf("the third stranger: %v", err)
	}
	go get(c)
	<-arrived
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Get(short, egress.ClientMetadata, tr.URL); errs.CodeOf(err) != "too_busy" {
		t.Errorf("beyond the budget: %v", err)
	}
	close(leave)
	for range 3 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if _, err := stranger.Get(t.Context(), egress.ClientMetadata, tr.URL); err != nil {
		t.Errorf("after the others have left: %v", err)
	}
}

func TestDev(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.HandlerFunc(ok))
	t.Cleanup(plain.Close)
	port := plain.URL[len("http://127.0.0.1:"):]
	n := newNames(map[string][][]string{"dev.example": {{"127.0.0.1"}}, "away.example": {{"93.184.215.14"}}, "inside.example": {{"10.0.0.1"}}})
	inside := []egress.Rule{{Purpose: egress.Webhook, Network: netip.MustParsePrefix("10.0.0.0/8")}} // for https, not for http
	c := newClient(t, egress.Config{Dev: true, Allow: inside, Resolver: n.resolver(), Timeout: time.Second})
	for u, want := range map[string]bool{
		plain.URL: true, "http://dev.example:" + port: true, "http://away.example:" + port: false,
		"http://inside.example": false, "http://93.184.215.14/": false,
	} {
		_, err := c.Get(t.Context(), egress.Webhook, u)
		if (err == nil) != want || !want && !refused(err) {
			t.Errorf("%s: %v", u, err)
		}
	}
	public := newClient(t, egress.Config{Allow: loopback(egress.Webhook)})
	if _, err := public.Get(t.Context(), egress.Webhook, plain.URL); errs.CodeOf(err) != "url_refused" {
		t.Errorf("http without Dev: %v", err)
	}
}

func TestDialer(t *testing.T) {
	t.Parallel()
	tr := newTrap(t, ok)
	address := "127.0.0.1:" + tr.port
	c := newClient(t, egress.Config{Allow: loopback(egress.SMTP)})
	for name, d := range map[string]egress.Dial{"Dialer": c.Dialer(egress.SMTP), "LocalDialer": c.LocalDialer(egress.SMTP)} {
		conn, err := d(t.Context(), "tcp", address)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_ = conn.Close()
		if _, err := d(t.Context(), "udp", address); !refused(err) {
			t.Errorf("%s: udp: %v", name, err)
		}
	}
	if _, err := c.Dialer(egress.LDAP)(t.Context(), "tcp", address); !refused(err) {
		t.Errorf("another purpose: %v", err)
	}
	if _, err := c.LocalDialer(egress.SMTP)(t.Context(), "tcp", "93.184.215.14:25"); !refused(err) {
		t.Errorf("LocalDialer to a public address: %v", err)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"smtp=10.1.2.0/24": true, "webhook=fd00::/8": true, "redis=127.0.0.1/32": true, "ldap=fc00::/7": true,
		"smtp=10.1.2.3": false, "smtp=10.1.2.3/24": false, "smtp": false, "": false, "=10.0.0.0/8": false,
		"smtp=0.0.0.0/0": false, "smtp=::/0": false, "smtp=2000::/3": false, "mail=10.0.0.0/8": false,
		"smtp=::ffff:10.0.0.0/104": false, "smtp=10.0.0.0/7": false, "smtp= 10.0.0.0/8": false,
	} {
		var r egress.Rule
		err := r.UnmarshalText([]byte(text))
		if (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
		if err == nil {
			if back, _ := r.MarshalText(); string(back) != text {
				t.Errorf("%q became %q", text, back)
			}
		}
	}
	if _, err := egress.New(egress.Config{Allow: []egress.Rule{{Purpose: "smtp"}}}); err == nil {
		t.Error("a rule without a network is accepted")
	}
	if _, err := egress.New(egress.Config{Budget: -1}); err == nil {
		t.Error("a negative budget is accepted")
	}
}

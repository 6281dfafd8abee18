// Package cardeatest is an issuer and a decision point for the tests of a service that is protected
// with package cardea. It runs in the test's own process and needs nothing else.
//
//	srv := cardeatest.NewServer(t)
//	auth := srv.NewClient(t)          // a *cardea.Client for this issuer
//	srv.Grant("alice", "invoice:read") // what the decision API will say
//	req.Header.Set("Authorization", "Bearer "+srv.Token(cardeatest.Claims{Subject: "alice"}))
//
// Tokens are real ES256 tokens, revocations travel over the real feed, and [Server.Break] takes parts
// of the issuer away, so that a test can see its service fail closed. The issuer is for tests only: its
// secrets are constants and it signs whatever it is told to.
package cardeatest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea"
)

// What a Server knows without being told.
const (
	Audience     = "https://api.test" // the API that tokens are for, unless Claims say otherwise
	ClientID     = "test-client"      // the service under test, as the issuer knows it
	ClientSecret = "test-secret"
	UserClient   = "test-app" // the application through which users come, unless Claims say otherwise
)

// Server is an issuer: metadata, keys, client credentials, introspection, revocation feed and AuthZEN
// decisions. It is safe for use by many goroutines.
type Server struct {
	// URL is the issuer's identifier.
	URL string

	t      testing.TB
	http   *http.Client
	now    func() time.Time
	closed chan struct{} // ends the open feeds

	mu      sync.Mutex
	key     signer
	public  []map[string]any // the published keys, as JWKs
	epochs  map[ref]uint64
	allowed map[rule]bool
	broken  map[Part]bool
	clients map[string]bool // the tokens that the token endpoint gave out
	spent   map[string]bool // revoked kids and jtis
	log     []line          // the revocations, oldest first
	era     int             // changes when cursors are forgotten
	changed chan struct{}   // closed and replaced when anything above changes
	calls   map[string]int  // requests by path
	life    time.Duration   // of the token endpoint's tokens
	stepUps map[rule]stepUp // denials that a sign-in would turn around
}

type signer struct {
	kid     string
	private *ecdsa.PrivateKey
}

// Option changes how a Server runs.
type Option func(*settings)

type settings struct {
	inMemory bool
	now      func() time.Time
}

// InMemory makes a server that is reached through memory and not over the network, only by the client
// that [Server.HTTPClient] gives. It works inside the bubble of testing/synctest.
func InMemory() Option { return func(s *settings) { s.inMemory = true } }

// Clock makes the server mint and introspect by another clock than time.Now.
func Clock(now func() time.Time) Option { return func(s *settings) { s.now = now } }

// NewServer starts a server that ends with the test.
func NewServer(t testing.TB, options ...Option) *Server {
	t.Helper()
	set := settings{now: time.Now}
	for _, o := range options {
		o(&set)
	}
	s := &Server{
		t: t, now: set.now, closed: make(chan struct{}), changed: make(chan struct{}), life: time.Hour,
		epochs: make(map[ref]uint64), allowed: make(map[rule]bool), broken: make(map[Part]bool),
		clients: make(map[string]bool), spent: make(map[string]bool), calls: make(map[string]int),
		stepUps: make(map[rule]stepUp),
	}
	s.RotateKey()
	if set.inMemory {
		s.serveInMemory()
		return s
	}
	h := httptest.NewServer(s.handler())
	s.URL, s.http = h.URL, h.Client()
	t.Cleanup(func() { close(s.closed); h.Close() })
	return s
}

// serveInMemory serves over net.Pipe, which testing/synctest understands, as it does not the network.
func (s *Server) serveInMemory() {
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	h := &http.Server{Handler: s.handler(), ReadHeaderTimeout: time.Minute}
	var serving sync.WaitGroup
	serving.Go(func() { _ = h.Serve(l) }) // always ends with ErrServerClosed
	transport := &http.Transport{DialContext: l.dial}
	s.URL, s.http = "http://localhost", &http.Client{Transport: transport}
	s.t.Cleanup(func() {
		close(s.closed)
		transport.CloseIdleConnections()
		_ = h.Close()
		serving.Wait()
	})
}

// pipeListener hands one end of a pipe to whoever dials and the other to the server.
type pipeListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept waits for the next dialler.
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and every dial.
func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr names the listener.
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "pipe"} }

// HTTPClient is a client that reaches the server.
func (s *Server) HTTPClient() *http.Client { return s.http }

// Config is the configuration of a service that trusts this server.
func (s *Server) Config() cardea.Config {
	return cardea.Config{
		Issuer: s.URL, Audience: Audience, ClientID: ClientID, ClientSecret: ClientSecret,
		HTTPClient: s.http, Now: s.now,
	}
}

// NewClient is a client with the server's [Server.Config] that is closed with the test.
func (s *Server) NewClient(t testing.TB, options ...cardea.Option) *cardea.Client {
	t.Helper()
	c, err := cardea.New(t.Context(), s.Config(), options...)
	if err != nil {
		t.Fatalf("cardeatest: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

// RotateKey makes the server sign with a new key from now on. The old keys stay published.
func (s *Server) RotateKey() {
	s.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatalf("cardeatest: making a key: %v", err)
	}
	point, err := private.PublicKey.Bytes() // 4 ‖ x ‖ y
	if err != nil {
		s.t.Fatalf("cardeatest: encoding a key: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = signer{kid: "key-" + rand.Text(), private: private}
	s.public = append(s.public, map[string]any{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": s.key.kid,
		"x": encode(point[1:33]), "y": encode(point[33:65]),
	})
}

// Part is something that an issuer can lose.
type Part string

// The parts that Break takes away.
const (
	Metadata      Part = "metadata"
	Keys          Part = "keys"
	Tokens        Part = "token endpoint"
	Introspection Part = "introspection"
	Feed          Part = "revocation feed"
	Decisions     Part = "decisions"
)

// Break makes parts answer 503; an open feed is cut.
func (s *Server) Break(parts ...Part) { s.setBroken(true, parts) }

// Mend makes parts work again.
func (s *Server) Mend(parts ...Part) { s.setBroken(false, parts) }

func (s *Server) setBroken(broken bool, parts []Part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range parts {
		s.broken[p] = broken
	}
	s.announce()
}

// announce wakes the feeds. The caller holds mu.
func (s *Server) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Calls is how often the path was asked for, such as "/introspect".
func (s *Server) Calls(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[path]
}

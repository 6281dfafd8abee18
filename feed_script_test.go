package cardea_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/cardea-auth/cardea"
	"github.com/cardea-auth/cardea/cardeatest"
)

// script is a revocation feed that says what a test tells it to, one connection after the other. It
// stands in front of a cardeatest server as a transport.
type script struct {
	inner    http.RoundTripper
	mu       sync.Mutex
	queue    []connection
	current  *io.PipeWriter
	resumed  []string
	fallback int // the status when the queue is empty
}

// connection is one answer of a script: a status, or lines.
type connection struct {
	status int
	lines  []string
}

func live(cursor string) string { return `{"kind":"live","cursor":"` + cursor + `"}` }

// newScript is a feed whose first connection says lines.
func newScript(lines ...string) *script {
	return &script{queue: []connection{{status: http.StatusOK, lines: lines}}, fallback: http.StatusServiceUnavailable}
}

// scripted is a server with feed in front of it, and a client.
func scripted(t *testing.T, feed *script) (*cardeatest.Server, *cardea.Client) {
	t.Helper()
	srv := cardeatest.NewServer(t, cardeatest.InMemory())
	feed.inner = srv.HTTPClient().Transport
	cfg := srv.Config()
	cfg.HTTPClient = &http.Client{Transport: feed}
	auth, err := cardea.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(auth.Close)
	return srv, auth
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != feedPath {
		return s.inner.RoundTrip(r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resumed = append(s.resumed, r.URL.Query().Get("after"))
	c := connection{status: s.fallback}
	if len(s.queue) > 0 {
		c, s.queue = s.queue[0], s.queue[1:]
	}
	rec := httptest.NewRecorder()
	rec.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
	rec.WriteHeader(c.status)
	res := rec.Result()
	if c.status != http.StatusOK {
		return res, nil
	}
	out, in := io.Pipe()
	context := r.Context()
	go func() { <-context.Done(); in.CloseWithError(context.Err()) }()
	s.current, res.Body = in, io.NopCloser(out)
	go func() { _, _ = io.WriteString(in, strings.Join(c.lines, "\n")+"\n") }()
	return res, nil
}

// say sends a line on the open connection.
func (s *script) say(line string) {
	synctest.Wait() // for the lines before it
	s.mu.Lock()
	in := s.current
	s.mu.Unlock()
	go func() { _, _ = io.WriteString(in, line+"\n") }()
	synctest.Wait()
}

// next prepares the next connection.
func (s *script) next(lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, connection{status: http.StatusOK, lines: lines})
}

// answer prepares a refusal of the next connection.
func (s *script) answer(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, connection{status: status})
}

// hangUp ends the open connection and prepares the next one.
func (s *script) hangUp(lines ...string) {
	s.next(lines...)
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.current.Close()
}

func (s *script) cursors() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.resumed...)
}

package clients_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// slow are connections that say as little as they can without falling silent.
type slow struct {
	t     *testing.T
	all   []net.Conn
	stop  chan struct{}
	ended sync.WaitGroup
}

// openSlow opens n connections to s: a third never finish the head of their request, a third never finish
// its body, and a third do not read the answer to it.
func openSlow(t *testing.T, s *server, n int) *slow {
	t.Helper()
	l := &slow{t: t, stop: make(chan struct{})}
	host := strings.TrimPrefix(s.origin, "http://")
	heads := []string{
		"GET /session HTTP/1.1\r\nHost: " + host + "\r\nX-Slow: ",
		"POST /flows HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{\"kind\":\"",
		"GET /oauth/jwks HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
	}
	for i := range n {
		c, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		if _, err := io.WriteString(c, heads[i%len(heads)]); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		l.all = append(l.all, c)
	}
	l.ended.Go(l.drip)
	return l
}

// drip sends one byte on each connection now and then.
func (l *slow) drip() {
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-again.C:
		}
		for i, c := range l.all {
			if i%3 < 2 {
				_, _ = c.Write([]byte("a")) // the server may have given up on it
			}
		}
	}
}

// end closes all connections.
func (l *slow) end() {
	close(l.stop)
	l.ended.Wait()
	for _, c := range l.all {
		_ = c.Close()
	}
}

// TestRegress_156_SlowConnections: a thousand clients that hold their connections open and say next to
// nothing do not keep others from being served, cost little memory each, and are sent away.
func TestRegress_156_SlowConnections(t *testing.T) {
	t.Parallel()
	n := 1000
	if testing.Short() {
		n = 100
	}
	s := startServer(t, launch{})
	service := s.addApp(t, "service")
	u := s.addUser(t, "good@slow.example")
	before := s.metrics(t)
	l := openSlow(t, s, n)
	defer l.end()
	for i := range 100 {
		if a := s.post(t, service, "/oauth/token", "grant_type", "client_credentials"); a.status != http.StatusOK {
			t.Fatalf("request %d beside slow ones: %s", i, a)
		}
	}
	if m := s.browser(t, u).signIn().me(); !m.Authenticated {
		t.Error("nobody can sign in beside slow connections")
	}
	during := s.metrics(t)
	const memory, files = "process_resident_memory_bytes", "process_open_fds"
	if during[files] < before[files]+float64(n)/2 {
		t.Fatalf("%v files are open, %v before: the connections are not there", during[files], before[files])
	}
	if grown := during[memory] - before[memory]; grown > float64(n*64<<10+64<<20) {
		t.Errorf("the server has grown by %.0f MB with %d slow connections", grown/(1<<20), n)
	}
	// The server gives up on those that do not finish their requests; those that have are idle.
	limit := time.After(2 * time.Minute)
	for open := during[files]; open > before[files]+float64(n)/2; open = s.metrics(t)[files] {
		select {
		case <-limit:
			t.Fatalf("two minutes later %v files are open still, %v before", open, before[files])
		case <-time.After(100 * time.Millisecond):
		}
	}
	if a := s.post(t, service, "/oauth/token", "grant_type", "client_credentials"); a.status != http.StatusOK {
		t.Errorf("afterwards: %s", a)
	}
	fmt.Fprintf(t.Output(), "%d slow connections: %.1f MB more, %.0f files at most\n", n, (during[memory]-before[memory])/(1<<20), during[files])
}

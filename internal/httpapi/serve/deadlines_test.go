package serve_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/internal/httpapi/serve"
)

// pipes is a listener of connections in memory, which live in the time of synctest.
type pipes struct{ come chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p.come
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// connected is both ends of a connection whose deadlines are noted.
func connected(t *testing.T) (ours, theirs net.Conn) {
	t.Helper()
	p := pipes{make(chan net.Conn, 1)}
	l := serve.Deadlines(p)
	a, b := net.Pipe()
	p.come <- a
	ours, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ours.Close(); _ = b.Close() })
	return ours, b
}

// late is how much later than a deadline a call may end.
const late = time.Second

// ends checks that a call ends by its deadline, after at least so long and not much longer.
func ends(t *testing.T, after time.Duration, call func() error) {
	t.Helper()
	begun := time.Now()
	err := call()
	if took := time.Since(begun); !errors.Is(err, os.ErrDeadlineExceeded) || took < after || took > after+late {
		t.Errorf("%v after %v; the deadline was after %v", err, took, after)
	}
}

func reads(c net.Conn) func() error {
	return func() error { _, err := c.Read(make([]byte, 1)); return err }
}

func writes(c net.Conn) func() error {
	return func() error { _, err := c.Write([]byte("x")); return err }
}

func TestDeadlines(t *testing.T) {
	for name, of := range map[string]struct {
		set  func(net.Conn, time.Time) error
		call func(net.Conn) func() error
	}{
		"reading": {net.Conn.SetReadDeadline, reads},
		"writing": {net.Conn.SetWriteDeadline, writes},
		"both":    {net.Conn.SetDeadline, reads},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := connected(t)
				set := func(d time.Duration) {
					if err := of.set(c, time.Now().Add(d)); err != nil {
						t.Error(err)
					}
				}
				set(5 * time.Second)
				ends(t, 5*time.Second, of.call(c))
				ends(t, 0, of.call(c)) // and stays so
				set(20 * time.Second)  // until there is another
				moved := time.AfterFunc(19*time.Second, func() { set(11 * time.Second) })
				defer moved.Stop()
				ends(t, 30*time.Second, of.call(c))
				set(time.Hour)
				called := time.AfterFunc(3*time.Second, func() { _ = of.set(c, time.Unix(1, 0)) })
				defer called.Stop()
				ends(t, 3*time.Second, of.call(c)) // as net/http calls back what it reads
				ends(t, 0, of.call(c))
			})
		})
	}
}

// What was cut off goes on as if nothing had been once it has time again.
func TestDeadlineLifted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, other := connected(t)
		for _, at := range []time.Time{time.Now().Add(time.Second), time.Unix(1, 0)} {
			if err := c.SetDeadline(at); err != nil {
				t.Fatal(err)
			}
			if err := reads(c)(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%v", err)
			}
			if err := c.SetDeadline(time.Time{}); err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(time.Hour, func() { _ = writes(other)() })
			if err := reads(c)(); err != nil {
				t.Errorf("without a deadline: %v", err)
			}
			go func() { _ = reads(other)() }()
			if err := writes(c)(); err != nil {
				t.Errorf("writing: %v", err)
			}
		}
	})
}

// Two directions, and two connections, have their own.
func TestDeadlinesAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipes{make(chan net.Conn, 2)}
		l := serve.Deadlines(p)
		var all [2]net.Conn
		for i := range all {
			a, b := net.Pipe()
			p.come <- a
			all[i], _ = l.Accept()
			defer func() { _ = all[i].Close(); _ = b.Close() }()
		}
		_ = all[0].SetReadDeadline(time.Now().Add(time.Second))
		_ = all[0].SetWriteDeadline(time.Now().Add(10 * time.Second))
		_ = all[1].SetReadDeadline(time.Now().Add(20 * time.Second))
		var group sync.WaitGroup
		group.Go(func() { ends(t, time.Second, reads(all[0])) })
		group.Go(func() { ends(t, 10*time.Second, writes(all[0])) })
		group.Go(func() { ends(t, 20*time.Second, reads(all[1])) })
		group.Wait()
	})
}

// A real server with limits that requests just keep to answers all of them, again and again, over connections
// that net/http calls its reading back from at the end of each; and nobody who says nothing stays.
func TestDeadlinesOfServer(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(b)
	}))
	s.Listener = serve.Deadlines(s.Listener)
	s.Config.ReadHeaderTimeout, s.Config.ReadTimeout, s.Config.WriteTimeout = 100*time.Millisecond, time.Minute, time.Minute
	s.Start()
	defer s.Close()
	silent, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 500 {
				r, err := s.Client().Post(s.URL, "text/plain", strings.NewReader("hello"))
				if err != nil {
					t.Error(err)
					return
				}
				if b, err := io.ReadAll(r.Body); string(b) != "hello" || err != nil {
					t.Errorf("%q, %v", b, err)
				}
				_ = r.Body.Close()
			}
		})
	}
	group.Wait()
	if err := silent.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(silent); err != nil || len(b) > 0 {
		t.Errorf("a connection that says nothing was not closed: %q, %v", b, err)
	}
}

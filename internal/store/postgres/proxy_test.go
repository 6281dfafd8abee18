package postgres_test

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
)

// cut says at which moment a proxy ends a connection.
type cut int

const (
	never    cut = iota
	unsent       // what the client says is not passed on
	answered     // what the server answers is not passed on: it has done its work
	unknown      // as answered, and the client is told that nobody knows
)

// nobodyKnows is what a server says (statement_completion_unknown), and that it is ready again.
const nobodyKnows = "E\x00\x00\x00\x25SERROR\x00VERROR\x00C40003\x00Mnot known\x00\x00" + "Z\x00\x00\x00\x05I"

// proxy stands between an engine and its server. What a client sends at once is one burst.
type proxy struct {
	server string // socket
	mu     sync.Mutex
	when   cut
	bursts int // that pass before
	cuts   int
}

// startProxy returns a proxy and the URL that leads through it.
func startProxy(t *testing.T, uri string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	dir := t.TempDir()
	p := &proxy{server: filepath.Join(q.Get("host"), ".s.PGSQL.5432")}
	if q.Get("host") == "" {
		t.Skip("the proxy needs a server that listens on a socket")
	}
	l, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	q.Set("host", dir)
	u.RawQuery = q.Encode()
	return p, u.String()
}

// plan has the connection cut around the burst after next many.
func (p *proxy) plan(when cut, bursts int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.when, p.bursts, p.cuts = when, bursts, 0
}

// next says what is to happen with a burst.
func (p *proxy) next() cut {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.when == never {
		return never
	}
	if p.bursts > 0 {
		p.bursts--
		return never
	}
	now := p.when
	p.when = never
	p.cuts++
	return now
}

func (p *proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("unix", p.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var swallow sync.Mutex
	silent := never
	go func() {
		defer func() { _ = client.Close() }()
		buffer := make([]byte, 1<<16)
		for {
			n, err := server.Read(buffer)
			swallow.Lock()
			stop := silent
			swallow.Unlock()
			if stop == unknown && err == nil {
				_, _ = client.Write([]byte(nobodyKnows))
			}
			if stop != never || err != nil {
				return
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	}()
	buffer := make([]byte, 1<<20)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		switch now := p.next(); now {
		case unsent:
			return
		case answered, unknown:
			swallow.Lock()
			silent = now
			swallow.Unlock()
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// TestConnectionLostAroundCommit cuts the connection before and after each burst of a commit. Whoever
// is told of success finds everything, whoever is told of failure finds nothing, and nobody is told
// that it is not known: here it always can be found out.
func TestConnectionLostAroundCommit(t *testing.T) {
	t.Parallel()
	for name, tuples := range map[string]bool{"documents": false, "with tuples": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, uri := startProxy(t, pgtest.URL(t))
			w := newWriter(t, pgtest.With(t, uri, "pgbouncer", "true"))
			if err := w.commit("warm", tuples); err != nil {
				t.Fatal(err)
			}
			written, failed := 0, 0
			for _, when := range []cut{unsent, answered} {
				for burst := range 3 {
					docID := fmt.Sprint(when, "-", burst)
					p.plan(when, burst)
					err := w.commit(docID, tuples)
					p.plan(never, 0)
					w.look(docID, tuples, err == nil)
					switch {
					case err == nil:
						written++
					case errs.CodeOf(err) == "store_unavailable":
						failed++
					default:
						t.Errorf("%s: told %v (%s)", docID, err, errs.CodeOf(err))
					}
				}
			}
			if written == 0 || failed == 0 {
				t.Errorf("%d were written and %d not: the proxy has not cut where it should", written, failed)
			}
		})
	}
}

// TestReadingSurvivesALostConnection has the connection die under a reading.
func TestReadingSurvivesALostConnection(t *testing.T) {
	t.Parallel()
	p, uri := startProxy(t, pgtest.URL(t))
	o := openAt(t, uri)
	if err := o.Keeper.Ensure(t.Context(), []store.Schema{{Name: "note"}}); err != nil {
		t.Fatal(err)
	}
	for _, when := range []cut{unsent, answered} {
		p.plan(when, 0)
		_, err := o.Engine.Get(t.Context(), store.Key{Tenant: here, Collection: "note", ID: "1"})
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("cut %v: %v", when, err)
		}
		if p.cuts != 1 {
			t.Errorf("cut %v: %d connections were cut", when, p.cuts)
		}
	}
}

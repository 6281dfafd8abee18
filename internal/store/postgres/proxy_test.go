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
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/postgres"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// cut says at which moment a proxy ends a connection.
type cut int

const (
	never    cut = iota
	unsent       // what the client says is not passed on
	answered     // what the server answers is not passed on: it has done its work
)

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
	silent := false
	go func() {
		defer func() { _ = client.Close() }()
		buffer := make([]byte, 1<<16)
		for {
			n, err := server.Read(buffer)
			swallow.Lock()
			stop := silent
			swallow.Unlock()
			if stop || err != nil {
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
		switch p.next() {
		case unsent:
			return
		case answered:
			swallow.Lock()
			silent = true
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
			clock := storetest.NewClock()
			e, err := postgres.Open(t.Context(), postgres.Config{URL: secret.New(pgtest.With(t, uri, "pgbouncer", "true")), Now: clock.Now, Connections: 2})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = e.Close() })
			db := store.New(store.Config{Engine: e, Sealer: storetest.NewSealer(), Now: clock.Now})
			notes := store.NewCollection(db, noteKind())
			storetest.Ensure(t, db)
			commit := func(docID string) error {
				b := store.Batch{
					Permit: storetest.Permit(here, "note.write"), Events: []store.Event{{Kind: "note.written"}},
					Docs: []store.DocOp{notes.In(here).Insert(t.Context(), &note{Meta: store.Meta{ID: docID}})},
				}
				if tuples {
					b.Tuples = []store.TupleOp{store.WriteTuple(viewer(docID))}
				}
				_, err := db.Commit(t.Context(), b)
				return err
			}
			if err := commit("warm"); err != nil {
				t.Fatal(err)
			}
			written, failed := 0, 0
			for _, when := range []cut{unsent, answered} {
				for burst := range 3 {
					docID := fmt.Sprint(when, "-", burst)
					p.plan(when, burst)
					err := commit(docID)
					p.plan(never, 0)
					_, missing := notes.In(here).Get(t.Context(), docID)
					related, listErr := e.ListTuples(t.Context(), store.OwnTuples(here), store.TupleFilter{Object: viewer(docID).Object}, store.TuplePage{})
					if listErr != nil {
						t.Fatal(listErr)
					}
					if (missing == nil) != (len(related) == 1) && tuples {
						t.Errorf("%s: half of it was written: %v, %d tuples", docID, missing, len(related))
					}
					switch {
					case err == nil && missing == nil:
						written++
					case err != nil && errs.CodeOf(err) == "store_unavailable" && errs.Is(missing, errs.NotFound):
						failed++
					default:
						t.Errorf("%s: told %v (%s), reading says %v", docID, err, errs.CodeOf(err), missing)
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

package clients_test

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/test/process"
	"github.com/cardea-auth/cardea/test/proof"
)

// TestDatabaseKilled kills PostgreSQL (SIGKILL) while people refresh, and starts it again, a few times.
// Whoever is refused is told 503 and goes on with the token that it has; nobody is taken for a thief,
// and nothing that was given is lost. The key set is there all the time.
func TestDatabaseKilled(t *testing.T) {
	t.Parallel()
	rounds := proof.Rounds(t, 3)
	database := pgtest.Private(t)
	s := startServer(t, launch{env: []string{"CARDEA_DATABASE_URL=" + database.URL()}, mayFail: true})
	w := &world{server: s, asAPI: s.addApp(t, "service", "--serves", audience)}
	p, u := w.webParty(t, "outage@nodes.example")
	var good, refused atomic.Int64
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		token := p.login(s.browser(t, u)).Token
		all.Go(func() {
			for {
				select {
				case <-stop:
					if !s.active(t, w.asAPI, token.AccessToken) {
						t.Error("what was given last is not good any more")
					}
					return
				default:
				}
				next, err := p.refresh(t, token.RefreshToken)
				if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok && e.Response.StatusCode == http.StatusServiceUnavailable {
					refused.Add(1)
					<-time.After(10 * time.Millisecond)
					continue
				}
				if err != nil {
					t.Errorf("refreshing: %v", err)
					return
				}
				token = next
				good.Add(1)
			}
		})
	}
	longest := time.Duration(0)
	for range rounds {
		before := good.Load()
		eventually(t, "good answers", func() bool { return good.Load() > before+20 })
		database.Kill()
		before = refused.Load()
		eventually(t, "refusals", func() bool { return refused.Load() > before })
		if a := s.with(t, "GET", "/oauth/jwks", "", ""); a.status != http.StatusOK {
			t.Errorf("the key set without a database: %s", a)
		}
		database.Restart(t)
		back, before := time.Now(), good.Load()
		eventually(t, "a good answer", func() bool { return good.Load() > before })
		longest = max(longest, time.Since(back))
	}
	close(stop)
	all.Wait()
	proof.Figures(t, "kills", rounds, "refreshed", good.Load(), "refused with 503", refused.Load(), "first good answer after at most", longest)
}

// eventually waits for something that takes as long as it takes.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for since := time.Now(); !so(); <-time.After(5 * time.Millisecond) {
		if time.Since(since) > process.Limit {
			t.Fatalf("no %s", what)
		}
	}
}

// relay stands between a server and the socket of its database, and can be cut.
type relay struct {
	listener net.Listener
	to       string
	delay    atomic.Int64 // of each piece, at most, in nanoseconds

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

// startRelay returns a relay and the URL that leads through it.
func startRelay(t *testing.T, uri string) (*relay, string) {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if !strings.HasPrefix(q.Get("host"), "/") {
		t.Skip("the relay needs a server that listens on a socket")
	}
	dir, err := os.MkdirTemp(built.dir, "r")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{to: filepath.Join(q.Get("host"), ".s.PGSQL.5432"), conns: map[net.Conn]bool{}}
	if r.listener, err = net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.listener.Close() })
	go r.run()
	q.Set("host", dir)
	u.RawQuery = q.Encode()
	return r, u.String()
}

func (r *relay) run() {
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", r.to)
		if err != nil || !r.keep(c, server) {
			_ = c.Close()
			continue
		}
		go r.pass(server, c)
		go r.pass(c, server)
	}
}

func (r *relay) keep(both ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range both {
		r.conns[c] = true
	}
	return !r.cut
}

// part cuts all connections and lets no new one through, or heals.
func (r *relay) part(cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = cut
	for c := range r.conns {
		_ = c.Close()
		delete(r.conns, c)
	}
}

// TestNodeCutOff cuts one node off from the database and revokes a session at the other. Within five
// seconds the node that cannot know stops answering from its memory, and says that it is not ready;
// when it is back it knows.
func TestNodeCutOff(t *testing.T) {
	t.Parallel()
	uri := pgtest.URL(t)
	one := startServer(t, launch{env: []string{"CARDEA_DATABASE_URL=" + uri}})
	line, through := startRelay(t, uri)
	two := one.join(t, launch{env: []string{"CARDEA_DATABASE_URL=" + through}, mayFail: true}, one.masterKey(t))
	w := &world{server: one, asAPI: one.addApp(t, "service", "--serves", audience)}
	p, u := w.webParty(t, "cut@nodes.example")
	here := one.browser(t, u)
	got := p.login(here)
	session := here.me().Session.ID
	there := two.browser(t, u)
	there.cookies = here.cookies
	if !there.me().Authenticated || !two.active(t, w.asAPI, got.AccessToken) {
		t.Fatal("the other node does not know of the session or the token")
	}
	line.part(true)
	since := time.Now()
	one.cli(t, "session", "revoke", session)
	refuses := func() bool { a := there.get("/session"); return a.status == http.StatusServiceUnavailable }
	for !refuses() {
		if time.Since(since) > 6*time.Second {
			t.Fatal("the node that is cut off still answers from its memory")
		}
		<-time.After(10 * time.Millisecond)
	}
	took := time.Since(since)
	if a := two.post(t, w.asAPI, "/oauth/introspect", "token", got.AccessToken); a.status != http.StatusServiceUnavailable {
		t.Errorf("introspection at the node that is cut off: %s", a)
	}
	if r, err := http.Get(two.management + "/readyz"); err != nil || r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the node that is cut off is ready: %v, %v", r.StatusCode, err)
	}
	line.part(false)
	eventually(t, "answers after the cut", func() bool { return there.get("/session").status == http.StatusOK })
	if there.me().Authenticated || two.active(t, w.asAPI, got.AccessToken) {
		t.Error("the node is back and does not know of the revocation")
	}
	proof.Figures(t, "refused after", took)
}

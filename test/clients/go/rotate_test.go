package clients_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/test/proof"
)

// inTurn is a client that reaches the nodes in turn, as behind a proxy: each request another one.
func (c cluster) inTurn() *http.Client {
	var next atomic.Int64
	client := clientAt("")
	client.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, c[int(next.Add(1))%len(c)].address)
	}}
	return client
}

// movable is a database whose clock can be moved: the schema has a function of the name before that of the
// system.
func movable(t *testing.T) (uri string, ahead func(time.Duration)) {
	t.Helper()
	uri = pgtest.URL(t)
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	uri = pgtest.With(t, uri, "search_path", u.Query().Get("search_path")+",pg_catalog")
	for _, statement := range []string{
		"CREATE TABLE clock (ahead double precision)", "INSERT INTO clock VALUES (0)",
		"CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS" +
			" 'SELECT pg_catalog.clock_timestamp() + make_interval(secs => (SELECT ahead FROM clock))'",
	} {
		if err := pgtest.Exec(uri, statement); err != nil {
			t.Fatal(err)
		}
	}
	return uri, func(d time.Duration) {
		t.Helper()
		if err := pgtest.Exec(uri, fmt.Sprintf("UPDATE clock SET ahead = %f", d.Seconds())); err != nil {
			t.Fatal(err)
		}
	}
}

// clocked starts a server alone whose clock and that of its database jump by a step when told to. It is ready again
// then.
func clocked(t *testing.T, step time.Duration) (s *server, jump func()) {
	t.Helper()
	l, move := launch{program: built.clock, env: []string{"CLOCK_STEP=" + step.String()}}, func(time.Duration) {}
	if os.Getenv(engineVariable) == "postgres" {
		var uri string
		uri, move = movable(t)
		l.env, l.mayFail = append(l.env, "CARDEA_DATABASE_URL="+uri), true // it is alarmed until it has looked again
	}
	s = startServer(t, l)
	return s, func() {
		t.Helper()
		move(step)
		s.jump(t)
		eventually(t, "server that is ready", func() bool { so, _ := s.ready(t); return so })
	}
}

// ready reports whether a node wants requests, and what it says.
func (s *server) ready(t testing.TB) (bool, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.management+"/readyz", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	a, err := send(http.DefaultClient, r)
	if err != nil {
		t.Fatal(err)
	}
	return a.status == http.StatusOK, string(a.body)
}

// TestNodesKeysRotateUnderLoad rotates the signing key again and again while people work at three nodes: each
// of their requests reaches another. Whoever verifies keeps the key set, as the Go package and go-oidc do.
// Nothing that they do fails. The hour for which a key is published first passes on the clocks of nodes and
// database; nobody is in the middle of something meanwhile.
func TestNodesKeysRotateUnderLoad(t *testing.T) {
	t.Parallel()
	uri, move := movable(t)
	// An hour that passes at once alarms the nodes, which say so in their logs until they have looked again.
	nodes := startClusterOn(t, 3, launch{program: built.clock, mayFail: true, env: []string{"CLOCK_STEP=" + lead.String(), "CARDEA_DATABASE_URL=" + uri,
		"CARDEA_LIMITS_CREDENTIAL_ADDRESS=off", "CARDEA_TOKENS_REFRESH_ABSOLUTE=90d", "CARDEA_SESSIONS_ABSOLUTE=90d"}})
	front := *nodes[0]
	front.http = nodes.inTurn()
	w := &world{server: &front, asAPI: front.addApp(t, "service", "--serves", audience)}
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	w.apiURL = w.sdk(t, now, func(c *cardea.Client) func(http.Handler) http.Handler { return c.RequireSignIn }).URL
	p, u := w.webParty(t, "works@nodes.example")
	l := startLoad(t, w, p, u, 3)
	rounds := proof.Rounds(t, 3)
	signed := map[string]bool{}
	for range rounds {
		l.some(10)
		old := front.tokenKey(t, "active")
		front.cli(t, "keys", "rotate")
		next := front.tokenKey(t, "next")
		l.some(10)
		l.pause.Lock()
		move(time.Duration(ahead.Add(int64(lead))))
		for _, n := range nodes {
			n.jump(t)
		}
		for _, n := range nodes {
			eventually(t, "node that is ready", func() bool { so, _ := n.ready(t); return so })
		}
		l.pause.Unlock()
		front.cli(t, "keys", "rotate") // has what is due done, and plans the one after
		eventually(t, "signature of the new key", func() bool { return l.signed(next.Kid) })
		if signed[next.Kid] || !front.publishes(t, old.Kid) {
			t.Errorf("the key has signed before: %t; the old one is published: %t", signed[next.Kid], front.publishes(t, old.Kid))
		}
		signed[next.Kid] = true
	}
	l.some(10)
	l.end()
	proof.Figures(t, "rotations", rounds, "rounds of refresh and id token and API and introspection", l.rounds.Load(), "failed", len(l.failed))
}

// TestNodeClockOff: a node whose clock is an hour ahead of the database's or behind it is not ready, says what to do,
// and refuses whoever comes all the same; the other one is and does not.
func TestNodeClockOff(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"1h", "-1h"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			l := launch{program: built.clock, env: []string{"CLOCK_STEP=" + step, "CARDEA_DATABASE_URL=" + pgtest.URL(t)}, mayFail: true}
			nodes := startClusterOn(t, 2, l)
			nodes[1].jump(t)
			eventually(t, "refusal", func() bool {
				so, why := nodes[1].ready(t)
				return !so && strings.Contains(why, "clock") && strings.Contains(why, "set it right")
			})
			if so, why := nodes[0].ready(t); !so {
				t.Errorf("the node with the right clock: %s", why)
			}
			for _, path := range []string{"/oauth/token", "/oauth/introspect", "/oauth/revoke"} {
				a := nodes[1].post(t, app{}, path, "token", "x")
				if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || !strings.Contains(string(a.body), "clock of this server is wrong") {
					t.Errorf("%s at the node with the wrong clock: %s", path, a)
				}
				if a := nodes[0].post(t, app{}, path, "token", "x"); a.status == http.StatusServiceUnavailable {
					t.Errorf("%s at the other node: %s", path, a)
				}
			}
		})
	}
}

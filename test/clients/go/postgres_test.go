package clients_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/test/port"
	"github.com/cardea-auth/cardea/test/proof"
)

// engineVariable has every server of these tests keep its data in PostgreSQL, each in a schema of its
// own, if it says so.
const engineVariable = "CARDEA_TEST_ENGINE"

// withDatabase adds the database to the environment of a server that has none yet.
func withDatabase(env []string) ([]string, error) {
	named := func(e string) bool { return strings.HasPrefix(e, "CARDEA_DATABASE_URL=") }
	if os.Getenv(engineVariable) != "postgres" || slices.ContainsFunc(env, named) {
		return env, nil
	}
	uri, err := pgtest.New()
	return append(slices.Clone(env), "CARDEA_DATABASE_URL="+uri), err
}

// cluster is several servers on one database: the first answers at the address of the issuer, the
// others are reached by clients of their own.
type cluster []*server

// startCluster starts n servers with the same settings. All have the master key of the first.
func startCluster(t *testing.T, n int, env ...string) cluster {
	t.Helper()
	return startClusterOn(t, n, launch{env: append([]string{"CARDEA_DATABASE_URL=" + pgtest.URL(t)}, env...)})
}

func startClusterOn(t *testing.T, n int, l launch) cluster {
	t.Helper()
	nodes := cluster{startServer(t, l)}
	for len(nodes) < n {
		nodes = append(nodes, nodes[0].join(t, l, nodes[0].masterKey(t)))
	}
	return nodes
}

// masterKey is the key that the server has made for itself.
func (s *server) masterKey(t *testing.T) string {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(s.dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	return string(key)
}

// join starts another node beside the first.
func (s *server) join(t *testing.T, l launch, key string) *server {
	t.Helper()
	at, err := port.Addresses(2)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(built.dir, "data")
	if err != nil {
		t.Fatal(err)
	}
	other := *s
	other.dir, other.address, other.management, other.http = dir, at[0], "http://"+at[1], clientTo(at[0])
	other.env, other.mayFail = append(slices.Clone(l.env), "CARDEA_MASTER_KEY="+strings.TrimSpace(key)), l.mayFail
	if l.program == "" {
		l.program = built.cardea
	}
	other.Process, err = start(other.env, l.program, "serve", "--data", dir, "--listen", at[0], "--management", at[1], "--issuer", s.issuer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := other.end(); err != nil {
			t.Error(err)
		}
	})
	if err := other.Await(t.Context(), other.management+"/readyz", sound); err != nil {
		t.Fatal(err)
	}
	return &other
}

// clientTo is an HTTP client that finds every address at one place.
func clientTo(address string) *http.Client {
	c := clientAt("")
	c.Transport = &http.Transport{MaxIdleConnsPerHost: 64, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	return c
}

// refreshAt refreshes at a node.
func (p *party) refreshAt(t testing.TB, at *server, token string) (*oauth2.Token, error) {
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, at.client())
	return p.config.TokenSource(ctx, &oauth2.Token{RefreshToken: token}).Token()
}

// heardWithin is how soon the other nodes must know, without notifications too.
const heardWithin = 1500 * time.Millisecond

// soon asks until it is so, and returns how long that took.
func soon(t testing.TB, what string, so func() bool) time.Duration {
	t.Helper()
	since := time.Now()
	for !so() {
		if time.Since(since) > heardWithin {
			t.Fatalf("%s: not after %v", what, heardWithin)
		}
		<-time.After(2 * time.Millisecond)
	}
	return time.Since(since)
}

// TestNodesOneSuccessor: a hundred tabs at three nodes refresh one token at once. All that succeed hold
// the same successor.
func TestNodesOneSuccessor(t *testing.T) {
	t.Parallel()
	nodes := startCluster(t, 3)
	w := &world{server: nodes[0], asAPI: nodes[0].addApp(t, "service", "--serves", audience)}
	p, u := w.webParty(t, "racer@nodes.example")
	token := p.login(nodes[0].browser(t, u)).RefreshToken
	rounds := 5 * proof.Rounds(t, 1)
	for round := range rounds {
		got, errs := make([]*oauth2.Token, racers), make([]error, racers)
		var all sync.WaitGroup
		for i := range racers {
			all.Go(func() { got[i], errs[i] = p.refreshAt(t, nodes[i%len(nodes)], token) })
		}
		all.Wait()
		successors := map[string]int{}
		for i, err := range errs {
			if err != nil {
				t.Errorf("round %d: node %d: %v", round, i%len(nodes), err)
				continue
			}
			successors[got[i].RefreshToken]++
		}
		if len(successors) != 1 {
			t.Fatalf("round %d: %d successors", round, len(successors))
		}
		for next := range successors {
			token = next
		}
	}
	proof.Figures(t, "rounds", rounds, "racers", racers, "successors of each token", 1)
}

// TestNodesHearOfRevocations ends something at one node and asks another.
func TestNodesHearOfRevocations(t *testing.T) {
	t.Parallel()
	nodes := startCluster(t, 2)
	one, two := nodes[0], nodes[1]
	w := &world{server: one, asAPI: one.addApp(t, "service", "--serves", audience)}
	p, u := w.webParty(t, "owner@nodes.example")
	here := one.browser(t, u)
	got := p.login(here)
	there := two.browser(t, u)
	there.cookies = here.cookies
	if !there.me().Authenticated || !two.active(t, w.asAPI, got.AccessToken) {
		t.Fatal("the other node does not know of the session or the token")
	}
	var key struct{ ID, Key string }
	one.ask(t, &key, "apikey", "create", u.email, "deploy")
	usable := func() bool {
		return two.with(t, "GET", "/session", "Authorization", "Bearer "+key.Key).status != http.StatusUnauthorized
	}
	took := map[string]time.Duration{}

	one.cli(t, "role", "create", "editor", "--permission", "invoice:read")
	one.cli(t, "role", "assign", "editor", u.email)
	may := func() bool { return slices.Contains(there.me().Permissions, "invoice:read") }
	took["role given"] = soon(t, "a role that was given", may)
	one.cli(t, "role", "unassign", "editor", u.email)
	took["role taken"] = soon(t, "a role that was taken", func() bool { return !may() })

	if !usable() {
		t.Fatal("the key is no good at the other node")
	}
	one.cli(t, "apikey", "revoke", key.ID)
	took["key"] = soon(t, "a revoked API key", func() bool { return !usable() })

	one.cli(t, "session", "revoke", here.me().Session.ID)
	took["session"] = soon(t, "a revoked session", func() bool { return !there.me().Authenticated })
	took["token of the session"] = soon(t, "its token", func() bool { return !two.active(t, w.asAPI, got.AccessToken) })

	again := two.browser(t, u).signIn()
	one.cli(t, "user", "disable", u.email)
	took["user"] = soon(t, "a disabled user", func() bool { return !again.me().Authenticated })
	t.Logf("the other node knew after %v", took)
}

// TestNodesKeysRotate revokes a signing key at one node: the other refuses what it has signed, publishes
// it no longer, and signs with its successor.
func TestNodesKeysRotate(t *testing.T) {
	t.Parallel()
	nodes := startCluster(t, 2)
	one, two := nodes[0], nodes[1]
	w := &world{server: one, asAPI: one.addApp(t, "service", "--serves", audience)}
	p, u := w.webParty(t, "keys@nodes.example")
	got := p.login(one.browser(t, u))
	rounds := proof.Rounds(t, 3)
	for round := range rounds {
		if !two.active(t, w.asAPI, got.AccessToken) {
			t.Fatalf("round %d: the token is no good at the other node", round)
		}
		old := one.tokenKey(t, "active")
		one.cli(t, "keys", "revoke", old.Kid)
		soon(t, "a token of the revoked key", func() bool { return !two.active(t, w.asAPI, got.AccessToken) })
		soon(t, "the key set", func() bool { return !two.publishes(t, old.Kid) })
		next, err := p.refreshAt(t, two, got.RefreshToken)
		if err != nil {
			t.Fatalf("round %d: refreshing at the other node: %v", round, err)
		}
		if !one.active(t, w.asAPI, next.AccessToken) {
			t.Errorf("round %d: a token of the other node is no good here", round)
		}
		got.Token = next
	}
	proof.Figures(t, "revoked keys", rounds)
}

// TestNodesStartTogether starts several servers on an empty database at the same time.
func TestNodesStartTogether(t *testing.T) {
	t.Parallel()
	uri := pgtest.URL(t)
	servers, errs := make([]*server, 3), make([]error, 3)
	made, err := os.ReadFile(filepath.Join(theWorld(t).server.dir, "master.key")) // any will do
	if err != nil {
		t.Fatal(err)
	}
	key := "CARDEA_MASTER_KEY=" + strings.TrimSpace(string(made))
	var all sync.WaitGroup
	for i := range servers {
		all.Go(func() {
			servers[i], errs[i] = newServer(t.Context(), launch{env: []string{"CARDEA_DATABASE_URL=" + uri, key}, issuer: "http://127.0.0.1:9"})
		})
	}
	all.Wait()
	for i, s := range servers {
		if errs[i] != nil {
			t.Errorf("server %d: %v", i, errs[i])
			continue
		}
		if err := s.end(); err != nil {
			t.Error(err)
		}
	}
}

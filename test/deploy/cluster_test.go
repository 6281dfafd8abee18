package deploy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/cache/redis/redistest"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/test/process"
	"github.com/cardea-auth/cardea/test/proof"
)

// again starts a server that was stopped, with the same settings.
func (n *node) again(t *testing.T) {
	t.Helper()
	c := exec.Command(binary, "serve")
	c.Env = n.env
	n.Process = process.Run(t, c)
	await(t, n.Process, "http://"+n.management+"/readyz", http.StatusOK)
}

// cluster is three nodes on one PostgreSQL and one Redis behind HAProxy with the file that is shipped, which
// names two.
func cluster(t *testing.T, env ...string) (base string, nodes [3]*node) {
	t.Helper()
	haproxy := program(t, "haproxy")
	port := freePort(t)
	base = "http://localhost:" + port
	env = append([]string{
		"CARDEA_DATABASE_URL=" + pgtest.URL(t), "CARDEA_MASTER_KEY=" + strings.TrimSpace(run1(t, binary, "config", "key")),
		"CARDEA_SERVER_TRUSTED_PROXIES=127.0.0.1/32", "CARDEA_REDIS_URL=" + redistest.Start(t).URL(), "CARDEA_EGRESS_ALLOW=redis=127.0.0.1/32",
	}, env...)
	text := read(t, "deploy/haproxy/haproxy.cfg") + "    server three \"$CARDEA_NODE_3\" port \"$CARDEA_PROBE_3\"\n"
	c := exec.Command(haproxy, "-db", "-f", write(t, "haproxy.cfg", text))
	c.Env = append(os.Environ(), "CARDEA_BIND=127.0.0.1:"+port)
	for i := range nodes {
		nodes[i] = serve(t, base, env...)
		_, private, _ := strings.Cut(nodes[i].management, ":")
		c.Env = append(c.Env, fmt.Sprintf("CARDEA_NODE_%d=%s", i+1, nodes[i].listen), fmt.Sprintf("CARDEA_PROBE_%d=%s", i+1, private))
	}
	await(t, process.Run(t, c), base+"/.well-known/openid-configuration", http.StatusOK)
	return base, nodes
}

// load asks all the time, as browsers and services do, and counts what was not answered as it must be.
type load struct {
	asked, failed atomic.Int64
	first         atomic.Pointer[string]
}

func (l *load) note(what string, status, want int, err error) {
	l.asked.Add(1)
	if err == nil && status == want {
		return
	}
	l.failed.Add(1)
	text := fmt.Sprintf("%s: %d %v", what, status, err)
	l.first.CompareAndSwap(nil, &text)
}

// run asks with several workers until ctx ends.
func (l *load) run(ctx context.Context, wg *sync.WaitGroup, p *person, app credentials) {
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				l.ask(p.http, "GET", p.base+"/session", "", credentials{})
				l.ask(http.DefaultClient, "POST", p.base+"/oauth/token", "grant_type=client_credentials", app)
			}
		})
	}
}

type credentials struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

func (l *load) ask(client *http.Client, method, address, form string, app credentials) {
	r, err := http.NewRequest(method, address, strings.NewReader(form))
	if err != nil {
		l.note(address, 0, http.StatusOK, err)
		return
	}
	if app.ID != "" {
		r.SetBasicAuth(url.QueryEscape(app.ID), url.QueryEscape(app.Secret))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := client.Do(r)
	if err != nil {
		l.note(address, 0, http.StatusOK, err)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	var body struct {
		Authenticated bool   `json:"authenticated"`
		AccessToken   string `json:"access_token"`
	}
	err = json.NewDecoder(answer.Body).Decode(&body)
	if err == nil && !body.Authenticated && body.AccessToken == "" {
		err = fmt.Errorf("an empty answer")
	}
	l.note(address, answer.StatusCode, http.StatusOK, err)
}

// TestRollingRestart restarts one node after the other while people and services go on: nobody notices.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	base, nodes := cluster(t, "CARDEA_SERVER_DRAIN=1s")
	nodes[0].cli(t, "correct horse battery staple", "user", "add", "ada@example.com", "--verified", "--password-stdin")
	var app credentials
	if err := json.Unmarshal([]byte(nodes[1].cli(t, "", "app", "create", "batch", "--type", "service", "--json")), &app); err != nil {
		t.Fatal(err)
	}
	p := signIn(t, base)
	rounds := proof.Rounds(t, 3)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rounds)*time.Minute)
	defer cancel()
	var l load
	var wg sync.WaitGroup
	l.run(ctx, &wg, p, app)
	for range rounds {
		for _, n := range nodes {
			if err := n.Stop(); err != nil {
				t.Error(err)
			}
			n.again(t)
			seen(t, n)
		}
	}
	cancel()
	wg.Wait()
	if l.failed.Load() > 0 {
		t.Errorf("%d of %d requests failed, the first: %s", l.failed.Load(), l.asked.Load(), *l.first.Load())
	}
	proof.Figures(t, "restarts", len(nodes)*rounds, "requests", l.asked.Load(), "failed", l.failed.Load())
}

// TestDrain: a node that is told to stop says so first, and serves until then.
func TestDrain(t *testing.T) {
	t.Parallel()
	n := serve(t, "http://localhost:8420", "CARDEA_SERVER_DRAIN=1m")
	if err := n.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, n.Process, "http://"+n.management+"/readyz", http.StatusServiceUnavailable)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+n.listen+"/session", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "localhost:8420"
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("while it drains: %v, %v", answer, err)
	}
	_ = answer.Body.Close()
	_ = n.Cmd.Process.Kill() // a minute is longer than this test may take
}

// TestStopWhileFollowed: nobody waits for those who follow something, what they got ends as it should, and what
// has happened is sealed.
func TestStopWhileFollowed(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	n := serve(t, "http://localhost:"+port, "CARDEA_SERVER_LISTEN=127.0.0.1:"+port)
	var app credentials
	if err := json.Unmarshal([]byte(n.cli(t, "", "app", "create", "follower", "--type", "service", "--serves", "http://api.example", "--json")), &app); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost:"+port+"/revocations", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(app.ID, app.Secret)
	feed, err := http.DefaultClient.Do(r)
	if err != nil || feed.StatusCode != http.StatusOK {
		t.Fatalf("the feed: %v, %v", feed, err)
	}
	defer func() { _ = feed.Body.Close() }()
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(feed.Body); err != nil {
		t.Errorf("the feed was cut off: %v", err)
	}
}

// seen waits until the proxy uses a node again: its check runs every half second.
func seen(t *testing.T, n *node) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	before := served(t, n)
	for tick := time.NewTicker(50 * time.Millisecond); time.Now().Before(deadline); <-tick.C {
		if served(t, n) > before {
			return
		}
	}
	t.Fatal("the proxy does not use the node again")
}

// served is how many requests a node has answered at its token end point.
func served(t *testing.T, n *node) int {
	t.Helper()
	_, metrics := try(t.Context(), "http://"+n.management+"/metrics")
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, `cardea_http_request_duration_seconds_count{route="POST /oauth/token",status="2xx"}`) {
			f := strings.Fields(line)
			k, _ := strconv.Atoi(f[len(f)-1])
			return k
		}
	}
	return 0
}

package deploy_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/cache/redis/redistest"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/test/proof"
)

// TestPartitions has the network between a node and PostgreSQL, Redis, or both lose everything without a
// word, while the other node revokes. The node that is cut off from PostgreSQL refuses within five seconds
// what was revoked elsewhere and is not ready; without Redis it goes on. Both are well by themselves when
// the network is.
func TestPartitions(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	front, toPostgres, toRedis := m.wire(), m.wire(), m.wire()
	database, redis := pgtest.URL(t), redistest.Start(t)
	shared := []string{
		"CARDEA_MASTER_KEY=" + strings.TrimSpace(run1(t, binary, "config", "key")),
		"CARDEA_EGRESS_ALLOW=redis=127.0.0.1/32,redis=" + toRedis.here + "/32",
	}
	w := &revoking{t: t, base: "http://localhost:" + freePort(t)}
	w.nodes[0] = serve(t, w.base, append(shared, "CARDEA_DATABASE_URL="+database, "CARDEA_REDIS_URL="+redis.URL())...)
	w.nodes[1] = serveIn(t, front, w.base, append(shared, "CARDEA_DATABASE_URL="+overNetwork(t, toPostgres, database),
		"CARDEA_REDIS_URL=redis://"+toRedis.lead("tcp", redis.Address))...)
	w.furnish()
	accepted, back := map[bool][]time.Duration{}, []time.Duration{}
	rounds := proof.Rounds(t, 3)
	for range rounds {
		for _, cut := range []*cutting{{"PostgreSQL", []*wire{toPostgres}, true}, {"Redis", []*wire{toRedis}, false}, {"both", []*wire{toPostgres, toRedis}, true}} {
			w.until("both nodes use Redis", 1)
			longest, healed := w.partition(cut)
			accepted[cut.database] = append(accepted[cut.database], longest)
			if cut.database {
				back = append(back, healed)
			}
		}
	}
	proof.Figures(t, "partitions", 3*rounds, "accepted without PostgreSQL for at most", proof.Quantile(accepted[true], 1),
		"accepted without Redis for at most", proof.Quantile(accepted[false], 1), "well again after at most", proof.Quantile(back, 1))
}

// overNetwork is the URL of a database whose server listens on a socket, by a wire.
func overNetwork(t *testing.T, by *wire, uri string) string {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	u.Host = by.lead("unix", q.Get("host")+"/.s.PGSQL.5432")
	q.Del("host")
	q.Set("sslmode", "disable")
	u.RawQuery = q.Encode()
	return u.String()
}

// cutting is what a node is cut off from.
type cutting struct {
	name     string
	wires    []*wire
	database bool
}

// partition cuts the second node off, revokes a token at the first, waits until the second refuses it, and
// mends the network. It returns how long the token was accepted, and how long it took the node to be well
// again.
func (w *revoking) partition(c *cutting) (accepted, back time.Duration) {
	w.t.Helper()
	one, two, app := w.nodes[0], w.nodes[1], w.apps[0]
	keep, lose := w.token(app), w.token(app)
	for _, token := range []string{keep, lose} {
		if !w.active(two, app, token) {
			w.t.Fatal("the other node does not know of a token")
		}
	}
	for _, x := range c.wires {
		x.cut()
	}
	if _, err := w.at(one, "/oauth/revoke", app, url.Values{"token": {lose}}); err != nil {
		w.t.Fatal(err)
	}
	since := time.Now()
	for asked := since; w.accepts(two, app, lose); asked = time.Now() {
		if asked.Sub(since) > hearWithin {
			w.t.Fatalf("cut off from %s: a token is accepted %v after it was revoked", c.name, asked.Sub(since))
		}
		accepted = time.Since(since)
	}
	var all sync.WaitGroup
	for range 20 { // and it stays so
		all.Go(func() {
			if w.accepts(two, app, lose) {
				w.t.Errorf("cut off from %s: what was refused is accepted again", c.name)
			}
		})
	}
	if c.database {
		await(w.t, two.Process, "http://"+two.management+"/readyz", http.StatusServiceUnavailable)
	} else if !w.active(two, app, keep) {
		w.t.Error("without Redis a good token is refused")
	}
	all.Wait()
	for _, x := range c.wires {
		x.mend()
	}
	healed := time.Now()
	await(w.t, two.Process, "http://"+two.management+"/readyz", http.StatusOK)
	for !w.accepts(two, app, keep) {
		if time.Since(healed) > time.Minute {
			w.t.Fatalf("cut off from %s: not well a minute after", c.name)
		}
		<-time.After(5 * time.Millisecond)
	}
	if w.accepts(two, app, lose) {
		w.t.Errorf("cut off from %s: the node is back and does not know of the revocation", c.name)
	}
	return accepted, time.Since(healed)
}

// token is a new token of the first node.
func (w *revoking) token(app credentials) string {
	w.t.Helper()
	given, err := w.at(w.nodes[0], "/oauth/token", app, url.Values{"grant_type": {"client_credentials"}})
	if err != nil {
		w.t.Fatal(err)
	}
	return given["access_token"].(string)
}

// accepts reports whether a node says that a token is good. One that cannot say does not.
func (w *revoking) accepts(n *node, app credentials, token string) bool {
	body, err := w.at(n, "/oauth/introspect", app, url.Values{"token": {token}})
	if err != nil && !strings.Contains(err.Error(), ": 503 ") {
		w.t.Error(err)
	}
	return err == nil && body["active"] == true
}

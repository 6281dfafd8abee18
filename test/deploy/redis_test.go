package deploy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/cache/redis/redistest"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/test/proof"
)

// TestRedisFails has Redis killed, emptied, cut off, hang and talk nonsense while people and services go on
// at two nodes, and while tokens and sessions are revoked at one and used at the other: no request fails,
// and nothing that was revoked is accepted once the other node must have heard of it.
func TestRedisFails(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	between := newRelay(t, redis.Address)
	w := &revoking{t: t, base: "http://localhost:" + freePort(t)}
	env := []string{
		"CARDEA_DATABASE_URL=" + pgtest.URL(t), "CARDEA_MASTER_KEY=" + strings.TrimSpace(run1(t, binary, "config", "key")),
		"CARDEA_REDIS_URL=redis://" + between.listener.Addr().String(), "CARDEA_EGRESS_ALLOW=redis=127.0.0.1/32",
	}
	for i := range w.nodes {
		w.nodes[i] = serve(t, w.base, env...)
	}
	w.furnish()
	rounds := proof.Rounds(t, 3)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rounds)*5*time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	ada := w.person("ada@example.com")
	for i := range 2 {
		wg.Go(func() { w.run(ctx, i) })
		wg.Go(func() { w.use(ctx, ada) })
	}
	down := func() { w.until("both nodes do without Redis", 0) }
	faults := []struct {
		name string
		fail func()
		mend func()
	}{
		{"killed", func() { redis.Kill(); down() }, func() { redis.Restart(t) }},
		{"emptied", func() { redis.Do(t, "FLUSHALL") }, func() {}},
		{"hangs", func() { redis.Hang(t); down() }, func() { redis.Resume(t) }},
		{"cut off", func() { between.set(cutOff); down() }, func() { between.set(honest) }},
		{"silent", func() { between.set(silent); down() }, func() { between.set(honest) }},
		{"nonsense", func() { between.set(nonsense); down() }, func() { between.set(honest) }},
	}
	w.until("both nodes use Redis", 1)
	for range rounds {
		for _, f := range faults {
			f.fail()
			w.more("while Redis is "+f.name, 10)
			w.session()
			f.mend()
			w.until("both nodes use Redis after it was "+f.name, 1)
			w.more("after it was "+f.name, 10)
		}
	}
	cancel()
	wg.Wait()
	hits, stale := 0, 0
	for _, n := range w.nodes {
		hits += number(t, n, `cardea_redis_lookups_total{answer="hit"}`)
		stale += number(t, n, `cardea_redis_lookups_total{answer="stale"}`)
	}
	if hits == 0 || stale == 0 {
		t.Errorf("%d documents came from Redis, and %d that had been changed were refused: nothing is shown", hits, stale)
	}
	proof.Figures(t, "faults", rounds*len(faults), "requests", w.asked.Load(), "failed", w.failed.Load(), "revocations", w.revoked.Load(),
		"uses of what was revoked", w.tried.Load(), "accepted too late", w.accepted.Load(), "longest at the other node", time.Duration(w.longest.Load()),
		"documents from Redis", hits, "refused as changed", stale)
}

// hearWithin is how soon a node must have heard of what others do, or pass its memory by, however slow the
// machine is: five seconds, and a second to the next look far back.
const hearWithin = 6500 * time.Millisecond

// revoking gives tokens, uses them at both nodes, and revokes them.
type revoking struct {
	t     *testing.T
	base  string
	nodes [2]*node
	apps  [2]credentials // whose tokens are opaque, and JWTs

	asked, failed                     atomic.Int64
	revoked, tried, accepted, longest atomic.Int64
}

func (w *revoking) furnish() {
	w.nodes[0].cli(w.t, "correct horse battery staple", "user", "add", "ada@example.com", "--verified", "--password-stdin")
	w.nodes[0].cli(w.t, "correct horse battery staple", "user", "add", "eve@example.com", "--verified", "--password-stdin")
	for i, form := range []string{"opaque", "jwt"} {
		out := w.nodes[1].cli(w.t, "", "app", "create", "batch", "--type", "service", "--access-token", form, "--json")
		if err := json.Unmarshal([]byte(out), &w.apps[i]); err != nil {
			w.t.Fatal(err)
		}
	}
}

// client asks the given nodes in turn, whatever the address is, as behind a proxy.
func (w *revoking) client(jar http.CookieJar, nodes ...*node) *http.Client {
	var next atomic.Int64
	return &http.Client{Jar: jar, Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, nodes[int(next.Add(1))%len(nodes)].listen)
		},
	}}
}

// person is somebody who has signed in.
func (w *revoking) person(email string) *person {
	w.t.Helper()
	p := newPerson(w.t, w.base)
	p.http = w.client(p.http.Jar, w.nodes[:]...)
	_, flow := p.send("POST", "/flows", "", map[string]string{"kind": "sign_in"})
	csrf, _ := flow["csrf_token"].(string)
	if status, done := p.send("POST", "/flow/password", csrf, map[string]string{"email": email, "password": "correct horse battery staple"}); status != http.StatusOK {
		w.t.Fatalf("signing in: %d %v", status, done)
	}
	return p
}

// in reports whether a person is signed in.
func (w *revoking) in(client *http.Client) (bool, error) {
	answer, err := client.Get(w.base + "/session")
	if err != nil {
		return false, err
	}
	defer func() { _ = answer.Body.Close() }()
	var body struct{ Authenticated bool }
	err = json.NewDecoder(answer.Body).Decode(&body)
	if answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("/session: %d", answer.StatusCode)
	}
	return body.Authenticated, err
}

// use has a person look around until ctx ends.
func (w *revoking) use(ctx context.Context, p *person) {
	for ctx.Err() == nil {
		w.asked.Add(1)
		if in, err := w.in(p.http); err != nil || !in {
			w.failed.Add(1)
			w.t.Errorf("a good session: %v, %v", in, err)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// at sends a form to one node, past the proxy.
func (w *revoking) at(n *node, path string, app credentials, form url.Values) (map[string]any, error) {
	r, err := http.NewRequest(http.MethodPost, "http://"+n.listen+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Host = strings.TrimPrefix(w.base, "http://")
	r.SetBasicAuth(url.QueryEscape(app.ID), url.QueryEscape(app.Secret))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", path, answer.StatusCode, text)
	}
	var body map[string]any
	_ = json.Unmarshal(text, &body) // a revocation answers with nothing
	return body, err
}

func (w *revoking) active(n *node, app credentials, token string) bool {
	w.asked.Add(1)
	body, err := w.at(n, "/oauth/introspect", app, url.Values{"token": {token}})
	if err != nil {
		w.failed.Add(1)
		w.t.Error(err)
	}
	return body["active"] == true
}

// run gives and revokes until ctx ends, and tries again now and then what was revoked long ago.
func (w *revoking) run(ctx context.Context, i int) {
	app := w.apps[i]
	var old []string
	for n := 0; ctx.Err() == nil && !w.t.Failed(); n++ {
		one, other := w.nodes[n%2], w.nodes[1-n%2]
		given, err := w.at(one, "/oauth/token", app, url.Values{"grant_type": {"client_credentials"}})
		token, _ := given["access_token"].(string)
		if err != nil || token == "" {
			w.t.Errorf("no token: %v %v", given, err)
			return
		}
		for _, n := range w.nodes { // the other finds it where the first has put it, or in the database
			for range 2 {
				if !w.active(n, app, token) {
					w.failed.Add(1)
					w.t.Error("a good token is refused")
				}
			}
		}
		if _, err := w.at(one, "/oauth/revoke", app, url.Values{"token": {token}}); err != nil {
			w.t.Errorf("revoking: %v", err)
		}
		done := time.Now()
		w.revoked.Add(1)
		if w.tried.Add(1); w.active(one, app, token) {
			w.accepted.Add(1)
			w.t.Error("who has revoked a token accepts it")
		}
		for asked := time.Now(); w.active(other, app, token); asked = time.Now() {
			w.longest.Store(max(w.longest.Load(), int64(asked.Sub(done))))
			if asked.Sub(done) > hearWithin {
				w.accepted.Add(1)
				w.t.Errorf("a token is accepted %v after it was revoked at the other node", asked.Sub(done))
				return
			}
		}
		old = append(old, token)
		<-time.After(5 * time.Millisecond)
		for range 3 {
			for _, n := range w.nodes {
				if w.tried.Add(1); w.active(n, app, old[rand.IntN(len(old))]) {
					w.accepted.Add(1)
					w.t.Error("what was refused is accepted again")
				}
			}
		}
	}
}

// session begins a session, uses it at both nodes, ends it at one of them, and uses it again.
func (w *revoking) session() {
	w.t.Helper()
	p := w.person("eve@example.com")
	for range 4 {
		if in, err := w.in(p.http); !in {
			w.t.Error("a good session is refused: ", err)
		}
	}
	w.nodes[0].cli(w.t, "", "session", "revoke", "--all", "eve@example.com")
	w.revoked.Add(1)
	done := time.Now()
	for _, n := range w.nodes {
		client, refused := w.client(p.http.Jar, n), 0
		for asked := time.Now(); refused < 3; asked = time.Now() {
			in, err := w.in(client)
			w.tried.Add(1)
			switch {
			case err != nil:
				w.t.Fatal(err)
			case !in:
				refused++
			case refused > 0 || asked.Sub(done) > hearWithin:
				w.accepted.Add(1)
				w.t.Fatalf("a session is accepted %v after it was ended", asked.Sub(done))
			}
		}
	}
}

// more waits for so many further revocations.
func (w *revoking) more(when string, n int64) {
	w.t.Helper()
	want := w.revoked.Load() + n
	for since := time.Now(); w.revoked.Load() < want; <-time.After(10 * time.Millisecond) {
		if w.t.Failed() || time.Since(since) > 2*time.Minute {
			w.t.Fatal("no progress ", when)
		}
	}
}

// until waits until both nodes use Redis (1) or do without it (0).
func (w *revoking) until(what string, up int) {
	w.t.Helper()
	for since := time.Now(); number(w.t, w.nodes[0], "cardea_redis_up") != up || number(w.t, w.nodes[1], "cardea_redis_up") != up; <-time.After(20 * time.Millisecond) {
		if time.Since(since) > 2*time.Minute {
			w.t.Fatal("never: ", what)
		}
	}
}

// number is the value of a metric.
func number(t *testing.T, n *node, name string) int {
	t.Helper()
	_, metrics := try(t.Context(), "http://"+n.management+"/metrics")
	for line := range strings.Lines(metrics) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			f, _ := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return int(f)
		}
	}
	return -1
}

// What a relay does with what comes.
const (
	honest   = iota
	cutOff   // nobody gets through, and who was is thrown out
	silent   // whatever is said, nothing comes back
	nonsense // and something else does
)

// relay stands between the nodes and Redis.
type relay struct {
	listener net.Listener
	to       string
	mode     atomic.Int64

	mu   sync.Mutex
	open map[net.Conn]bool
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, to: to, open: map[net.Conn]bool{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.carry(c)
		}
	}()
	t.Cleanup(func() { _ = l.Close(); r.set(cutOff) })
	return r
}

func (r *relay) set(mode int64) {
	r.mode.Store(mode)
	if mode != cutOff {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.open {
		_ = c.Close()
	}
}

func (r *relay) carry(c net.Conn) {
	up, err := net.Dial("tcp", r.to)
	if err != nil {
		_ = c.Close()
		return
	}
	r.mu.Lock()
	r.open[c], r.open[up] = true, true
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.open, c)
		delete(r.open, up)
		r.mu.Unlock()
		_, _ = c.Close(), up.Close()
	}()
	if r.mode.Load() == cutOff {
		return
	}
	go r.pass(up, c)
	r.pass(c, up)
}

func (r *relay) pass(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		switch r.mode.Load() {
		case silent:
			continue
		case nonsense:
			for i := range n {
				b[i] ^= byte(rand.IntN(256))
			}
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

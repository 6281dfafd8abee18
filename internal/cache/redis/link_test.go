package redis_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/cache/redis"
	"github.com/cardea-auth/cardea/internal/cache/redis/redistest"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/limit"
	"github.com/cardea-auth/cardea/internal/store"
)

func TestURLs(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"redis://127.0.0.1:6379": true, "redis://127.0.0.1": true, "rediss://user:secret@redis.example:6380/3": true,
		"redis://h:1?addr=i:2&master=mine": true, "redis://h:1?addr=i:2&addr=j:3&cluster=true": true, "redis://:secret@h": true,
		"redis://h:1?cluster=true": true, "redis://[::1]:6379/0": true,

		"": false, "redis://": false, "redis:///0": false, "http://h": false, "h:6379": false, "redis:h": false, "redis://h/x": false,
		"redis://h/-1": false, "redis://h/0/1": false, "redis://h?protocol=3": false, "redis://h?addr=i:2": false, "redis://h?addr=i&cluster=true": false,
		"redis://h?cluster=yes": false, "redis://h/1?cluster=true": false, "redis://h?cluster=true&master=m": false, "redis://h?addr=:2&cluster=true": false,
		"redis://h?addr=i:0&cluster=true": false, "redis://h:secret:1": false, "redis://h#f": false, "redis://a b": false,
	} {
		err := redis.Check(text)
		if good != (err == nil) {
			t.Errorf("%q: %v", text, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error repeats it: %v", text, err)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	good := redis.Config{URL: secret.New("redis://h"), Secret: [32]byte{1}, Dial: (&net.Dialer{}).DialContext}
	for name, spoil := range map[string]func(*redis.Config){
		"no URL": func(c *redis.Config) { c.URL = secret.Value{} }, "a bad URL": func(c *redis.Config) { c.URL = secret.New("h") },
		"no secret": func(c *redis.Config) { c.Secret = [32]byte{} }, "no way out": func(c *redis.Config) { c.Dial = nil },
	} {
		c := good
		spoil(&c)
		if _, err := redis.Open(t.Context(), c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// ask takes from a counter, and says whether it was shared and how long it took.
func ask(c *redis.Counters) (bool, time.Duration) {
	began := time.Now()
	_, ok := c.Take([]limit.Use{{Rule: limit.Rule{Count: 1_000_000, Per: time.Hour}}})
	return ok, time.Since(began)
}

// TestNobodyWaits: where Redis is killed, hangs or refuses, a request waits for it three times at most
// and 50 ms each, and once it is back it is asked again.
func TestNobodyWaits(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*testing.T, *redistest.Server) (mend func()){
		"killed": func(t *testing.T, s *redistest.Server) func() { s.Kill(); return func() { s.Restart(t) } },
		"hangs":  func(t *testing.T, s *redistest.Server) func() { s.Hang(t); return func() { s.Resume(t) } },
		"refuses writes": func(t *testing.T, s *redistest.Server) func() {
			s.Do(t, "CONFIG", "SET", "min-replicas-to-write", "1")
			return func() { s.Do(t, "CONFIG", "SET", "min-replicas-to-write", "0") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t)
			l := open(t, s.URL())
			run(t, l.Run)
			until(t, "the link is up", l.Up)
			c := redis.NewCounters(l)
			if ok, _ := ask(c); !ok {
				t.Fatal("no answer")
			}
			mend := fail(t, s)
			slow, failed := 0, 0
			for range 50 {
				ok, took := ask(c)
				if !ok {
					failed++
				}
				if took > 40*time.Millisecond {
					slow++
				}
			}
			if failed != 50 || slow > 3 {
				t.Errorf("%d of 50 were not answered, and %d had to wait", failed, slow)
			}
			if l.Up() || l.Trouble() == nil {
				t.Error("nobody has noticed")
			}
			mend()
			until(t, "Redis is asked again", l.Up)
			until(t, "an answer", func() bool { ok, _ := ask(c); return ok })
			if l.Trouble() != nil {
				t.Error(l.Trouble())
			}
		})
	}
}

// TestNeverThere: a link to nothing opens, and nobody waits for it.
func TestNeverThere(t *testing.T) {
	t.Parallel()
	l := open(t, "redis://127.0.0.1:1")
	run(t, l.Run)
	if ok, took := ask(redis.NewCounters(l)); ok || took > 20*time.Millisecond {
		t.Errorf("answered %v after %v", ok, took)
	}
	until(t, "a reason", func() bool { return l.Failures() > 0 })
	if err := l.Trouble(); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
}

// TestGarbage talks to servers that answer with anything: nothing is believed, and nothing breaks.
func TestGarbage(t *testing.T) {
	t.Parallel()
	noise := func() []byte {
		b := make([]byte, 300)
		for i := range b {
			b[i] = byte(rand.IntN(256))
		}
		return b
	}
	for name, answer := range map[string]func() []byte{
		"noise":           noise,
		"too long":        func() []byte { return []byte("$99999999999\r\n") },
		"negative":        func() []byte { return []byte("$-2\r\n") },
		"many":            func() []byte { return []byte("*2147483647\r\n") },
		"deep":            func() []byte { return []byte(strings.Repeat("*1\r\n", 1_000_000)) },
		"another answer":  func() []byte { return []byte("+OK\r\n") },
		"too many":        func() []byte { return []byte(strings.Repeat(":1\r\n", 100)) },
		"wrong numbers":   func() []byte { return []byte("*3\r\n:-5\r\n:7\r\n:99999999999999\r\n") },
		"texts":           func() []byte { return []byte("*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n") },
		"RESP3":           func() []byte { return []byte("%1\r\n+a\r\n+b\r\n>1\r\n+x\r\n") },
		"a web server":    func() []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") },
		"no end":          func() []byte { return []byte(strings.Repeat("+", 100_000)) },
		"nothing but end": func() []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := connectToLiar(t, answer)
			c := redis.NewCounters(l)
			w := redis.NewWakes(l)
			run(t, w.Run)
			for range 200 {
				w.Tell()
				if verdicts, ok := c.Take([]limit.Use{{Rule: limit.Rule{Count: 5, Per: time.Hour}}, {Rule: limit.Rule{Count: 500, Per: time.Hour}}}); ok {
					for _, v := range verdicts {
						if v.Remaining < 0 || v.Remaining > v.Rule.Count || v.Wait < 0 {
							t.Fatalf("believed %+v", v)
						}
					}
				}
			}
			if l.Failures() == 0 {
				t.Error("nothing has failed")
			}
		})
	}
}

// connectToLiar makes a link to a Redis that is honest at first and then answers what a test says.
func connectToLiar(t *testing.T, answer func() []byte) *redis.Link {
	t.Helper()
	honest := redistest.Start(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var lies atomic.Bool
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go relayOrLie(c, honest.Address, &lies, answer)
		}
	}()
	t.Cleanup(func() { _ = listener.Close() })
	l := open(t, "redis://"+listener.Addr().String())
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { l.Run(ctx); close(done) }()
	until(t, "the link is up", l.Up)
	t.Cleanup(func() { stop(); <-done })
	lies.Store(true)
	return l
}

// relayOrLie answers each piece that comes in, and no more than it was asked.
func relayOrLie(c net.Conn, honest string, lies *atomic.Bool, answer func() []byte) {
	defer func() { _ = c.Close() }()
	up, err := net.Dial("tcp", honest)
	if err != nil {
		return
	}
	defer func() { _ = up.Close() }()
	go func() { // what honest Redis says
		b := make([]byte, 64<<10)
		for {
			n, err := up.Read(b)
			if err != nil || lies.Load() {
				return
			}
			_, _ = c.Write(b[:n])
		}
	}()
	b := make([]byte, 64<<10)
	for {
		n, err := c.Read(b)
		switch {
		case err != nil:
			return
		case lies.Load():
			text := answer()
			if text == nil {
				return
			}
			if _, err := c.Write(text); err != nil {
				return
			}
		default:
			if _, err := io.Copy(up, strings.NewReader(string(b[:n]))); err != nil {
				return
			}
		}
	}
}

// TestClusterAndSentinel: a cluster of three masters and a master behind Sentinel serve like one server,
// also after one of them has died.
func TestClusterAndSentinel(t *testing.T) {
	t.Parallel()
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		all := redistest.Cluster(t)
		l := connect(t, all[0].URL()+"?cluster=true&addr="+all[1].Address)
		worksWhole(t, l)
		all[2].Kill()
		until(t, "the link is down", func() bool { ask(redis.NewCounters(l)); return !l.Up() })
	})
	t.Run("sentinel", func(t *testing.T) {
		t.Parallel()
		master := redistest.Start(t)
		_, port, _ := net.SplitHostPort(master.Address)
		replica := redistest.Start(t, "--replicaof", "127.0.0.1 "+port)
		replica.Until(t, "master_link_status:up", "INFO", "replication")
		sentinel := redistest.Sentinel(t, "mine", master)
		sentinel.Until(t, "slaves=1", "INFO", "sentinel")
		l := connect(t, sentinel.URL()+"?master=mine")
		worksWhole(t, l)
		master.Kill()
		until(t, "the link is down", func() bool { ask(redis.NewCounters(l)); return !l.Up() })
		until(t, "the link is up again", l.Up)
		worksWhole(t, l)
	})
}

// worksWhole uses all that a link is for.
func worksWhole(t *testing.T, l *redis.Link) {
	t.Helper()
	c := redis.NewCounters(l)
	rule := limit.Policy{SignUp: limit.Rules{Address: limit.Rule{Count: 3, Per: time.Hour}, Tenant: limit.Rule{Count: 100, Per: time.Hour}}}
	g := gate(c, rule)
	address := fmt.Sprintf("10.%d.%d.%d", rand.IntN(256), rand.IntN(256), rand.IntN(256)) // a replica knows who was counted before
	for i := range 4 {
		if v := g.Use(asker(address, ""), limit.SignUp); v.Allowed() != (i < 3) {
			t.Errorf("use %d: %v", i+1, v.Allowed())
		}
	}
	w := redis.NewWakes(l)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	until(t, "a wake", func() bool {
		w.Tell()
		select {
		case <-w.Heard():
			return true
		default:
			return false
		}
	})
	stop()
	<-done
	if !l.Up() {
		t.Error(l.Trouble())
	}
}

// TestLeastPrivileges works with a user who may do what the guide says and nothing else.
func TestLeastPrivileges(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../../docs/guides/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rule, ok := strings.Cut(string(guide), "```\nuser cardea ")
	if !ok {
		t.Fatal("the guide names no user")
	}
	rule, _, _ = strings.Cut(rule, "```")
	words := append([]string{"ACL", "SETUSER", "cardea"}, strings.Fields(strings.ReplaceAll(rule, "PASSWORD", "hunter2"))...)
	for name, servers := range map[string][]*redistest.Server{"one": {redistest.Start(t)}, "cluster": redistest.Cluster(t)} {
		for _, s := range servers {
			s.Do(t, words...)
			s.Do(t, "ACL", "SETUSER", "default", "off")
		}
		url := "redis://cardea:hunter2@" + servers[0].Address
		if name == "cluster" {
			url += "?cluster=true"
		}
		l := connect(t, url)
		worksWhole(t, l)
		d := redis.NewDocuments(l)
		run(t, d.Run)
		k := store.Key{Tenant: here, Collection: "note", ID: "1"}
		d.Put(store.Record{Key: k, Version: 1}, time.Now())
		until(t, name+": a record comes back", func() bool {
			_, ok := d.Recall(t.Context(), k, func(int64, time.Time) bool { return true })
			return ok
		})
		if n := l.Failures(); n > 0 {
			t.Errorf("%s: %d failures", name, n)
		}
	}
}

// FuzzURL reads any text: what is accepted names hosts, and no refusal repeats what was given.
func FuzzURL(f *testing.F) {
	for _, text := range []string{
		"redis://127.0.0.1:6379/0", "rediss://user:hunter2@h:1?addr=i:2&cluster=true", "redis://:hunter2@h?addr=i:2&master=m", "redis://[::1]:6379", "redis://h:hunter2", "%", "redis://h?addr=hunter2",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		err := redis.Check(text)
		if hosts := redis.Hosts(text); (err == nil) != (len(hosts) > 0) || slices.Contains(hosts, "") {
			t.Errorf("%q: %v, hosts %q", text, err, hosts)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	})
}

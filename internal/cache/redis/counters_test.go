package redis_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cardea-auth/cardea/internal/cache/redis"
	"github.com/cardea-auth/cardea/internal/cache/redis/redistest"
	"github.com/cardea-auth/cardea/internal/limit"
)

// TestCountersAsInTheProcess has the counters of a node and the shared ones do the same at the same
// times: each answer must be the same.
func TestCountersAsInTheProcess(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	shared := redis.NewCounters(connect(t, s.URL()))
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		s.Do(t, "FLUSHALL")
		now := time.UnixMicro(1_790_000_000_000_000 + r.Int64N(1_000_000))
		clock := func() time.Time { return now }
		own := limit.NewLimiter(limit.Config{Now: clock})
		shared.SetNow(clock)
		rule := limit.Rule{
			Count: []int{1, 2, 5, 31, 32, 33, 100, 1000, 1_000_000}[r.IntN(9)],
			Per:   []time.Duration{30 * time.Second, 7 * time.Second, time.Minute, time.Hour, 31 * 24 * time.Hour}[r.IntN(5)],
		}
		use := limit.Use{Rule: rule}
		for step := range 120 {
			var want limit.Verdict
			var all []limit.Verdict
			ok, op := true, []string{"take", "take", "take", "look", "return"}[r.IntN(5)]
			switch op {
			case "take":
				want = own.Take(use.Key, rule)
				all, ok = shared.Take([]limit.Use{use})
			case "look":
				want = own.Look(use.Key, rule)
				all, ok = shared.Look([]limit.Use{use})
			case "return":
				own.Return(use.Key, rule)
				shared.Return([]limit.Use{use})
			}
			if !ok {
				t.Fatal("no answer")
			}
			if len(all) == 1 {
				if d := cmp.Diff(want, all[0], cmpopts.IgnoreUnexported(limit.Verdict{})); d != "" {
					t.Fatalf("round %d step %d, %s of %+v: in the process -, shared +\n%s", round, step, op, rule, d)
				}
			}
			switch r.IntN(4) {
			case 0:
				now = now.Add(time.Duration(r.Int64N(int64(rule.Per))).Truncate(time.Microsecond))
			case 1:
				now = now.Add(max(want.Wait, time.Duration(r.Int64N(2000))*time.Microsecond))
			}
		}
	}
}

func asker(address, account string) limit.Asker {
	return limit.Asker{Tenant: "acme", Address: netip.MustParseAddr(address), Account: limit.Account(account)}
}

func gate(s limit.Shared, p limit.Policy) *limit.Gate {
	return limit.NewGate(limit.NewLimiter(limit.Config{Now: time.Now}), s, p)
}

// TestNodesCountTogether: what three nodes allow at the same time is as much as one would.
func TestNodesCountTogether(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	rules := limit.Policy{SignUp: limit.Rules{Address: limit.Rule{Count: 20, Per: time.Hour}, Tenant: limit.Rule{Count: 300, Per: time.Hour}}}
	var nodes []*limit.Gate
	var links []*redis.Link
	for range 3 {
		l := connect(t, s.URL())
		links = append(links, l)
		nodes = append(nodes, gate(redis.NewCounters(l), rules))
	}
	var allowed atomic.Int64
	var all sync.WaitGroup
	for i := range 90 {
		all.Go(func() {
			if nodes[i%3].Use(asker("192.0.2.1", ""), limit.SignUp).Allowed() {
				allowed.Add(1)
			}
		})
	}
	all.Wait()
	if n := allowed.Load(); n != 20 {
		t.Errorf("three nodes allow %d uses, want 20; %v", n, links[0].Trouble())
	}
	// What the address was refused was not counted for the tenant.
	tenant := 0
	for i := range 400 {
		if nodes[i%3].Use(asker(fmt.Sprintf("198.51.100.%d", i/20), ""), limit.SignUp).Allowed() {
			tenant++
		}
	}
	if tenant != 280 {
		t.Errorf("the tenant is allowed %d more, want 280", tenant)
	}
}

// TestNodesCountFailuresTogether is example E12 at two nodes: the sixth attempt is refused wherever it
// comes, and each node lets at most one bad credential too many through.
func TestNodesCountFailuresTogether(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := limit.Defaults()
	p.Credential.Address = limit.Rule{Count: 10, Per: time.Minute}
	nodes := []*limit.Gate{gate(redis.NewCounters(connect(t, s.URL())), p), gate(redis.NewCounters(connect(t, s.URL())), p)}
	alice := asker("192.0.2.1", "u/alice")
	for i := range 5 {
		if !nodes[i%2].Look(alice, limit.SignIn).Allowed() {
			t.Fatalf("attempt %d is refused", i+1)
		}
		nodes[i%2].Count(alice, limit.SignIn)
	}
	for i, n := range nodes {
		if v := n.Look(alice, limit.SignIn); v.Allowed() || v.Name() != "sign_in-account-address" || v.Wait > 10*time.Minute {
			t.Errorf("node %d, the sixth attempt: %s waits %v", i, v.Name(), v.Wait)
		}
	}
	through := 0
	for i := range 100 {
		if n := nodes[i%2]; n.Look(alice, limit.Credential).Allowed() {
			through++
			n.Count(alice, limit.Credential)
		}
	}
	if through < 10 || through > 11 {
		t.Errorf("%d bad credentials came through two nodes, want 10 or 11", through)
	}
}

// TestCountersWithoutRedis: each node goes on with its part of each rule, and all of them come to no
// more than twice what they could do together.
func TestCountersWithoutRedis(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	rules := limit.Policy{SignUp: limit.Rules{Address: limit.Rule{Count: 30, Per: time.Hour}}}
	var links []*redis.Link
	var nodes []*limit.Gate
	for range 3 {
		links = append(links, connect(t, s.URL()))
	}
	for _, l := range links {
		until(t, "three nodes know of each other", func() bool { return l.Nodes() == 3 })
		nodes = append(nodes, gate(redis.NewCounters(l), rules))
	}
	use := func(n int) (allowed int) {
		for range n {
			if nodes[0].Use(asker("192.0.2.1", ""), limit.SignUp).Allowed() {
				allowed++
			}
		}
		return allowed
	}
	if n := use(12); n != 12 {
		t.Fatalf("%d of 12 uses are allowed", n)
	}
	s.Kill()
	for _, l := range links {
		until(t, "the node has found out", func() bool { return !l.Up() })
	}
	total := 12
	for _, n := range nodes {
		for range 100 {
			if n.Use(asker("192.0.2.1", ""), limit.SignUp).Allowed() {
				total++
			}
		}
	}
	if total != 12+2*10 { // the first has used up its third already
		t.Errorf("%d uses in all, want 32", total)
	}
	s.Restart(t)
	until(t, "Redis is asked again", func() bool { return links[1].Up() && links[2].Up() })
	if !nodes[1].Use(asker("192.0.2.2", ""), limit.SignUp).Allowed() {
		t.Error("another address is refused")
	}
}

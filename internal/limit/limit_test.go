package limit_test

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/limit"
)

func newGate(p limit.Policy) *limit.Gate {
	return limit.NewGate(limit.NewLimiter(limit.Config{Now: time.Now}), nil, p)
}

func asker(address, account string) limit.Asker {
	return limit.Asker{Tenant: id.Default, Address: netip.MustParseAddr(address), Account: limit.Account(account)}
}

// TestSignIn is example E12: five failures for one account from one address in ten minutes.
func TestSignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(limit.Defaults())
		alice := asker("192.0.2.1", "u/alice")
		for i := range 5 {
			if err := g.Look(alice, limit.SignIn).Err(); err != nil {
				t.Fatalf("attempt %d: %v", i+1, err)
			}
			g.Count(alice, limit.SignIn)
			time.Sleep(time.Minute)
		}
		v := g.Look(alice, limit.SignIn)
		if v.Wait != 5*time.Minute || v.Name() != "sign_in-account-address" {
			t.Fatalf("the sixth attempt waits %s because of %s, want 5m because of the pair", v.Wait, v.Name())
		}
		if e := errs.From(v.Err()); e.Kind != errs.RateLimited || e.RetryAfter != v.Wait {
			t.Errorf("refusal is %v with %s", e.Kind, e.RetryAfter)
		}
		for _, other := range []limit.Asker{asker("192.0.2.1", "u/bob"), asker("192.0.2.2", "u/alice")} {
			if v := g.Look(other, limit.SignIn); !v.Allowed() {
				t.Errorf("%v is refused too", other)
			}
		}
		time.Sleep(5 * time.Minute)
		if v := g.Look(alice, limit.SignIn); !v.Allowed() || v.Remaining != 1 {
			t.Errorf("after ten minutes: allowed %v, %d left, want one", v.Allowed(), v.Remaining)
		}
	})
}

// TestExact holds the promise of a small rule over every window, whatever the rhythm of the attempts.
func TestExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(limit.Policy{SignIn: limit.Rules{Account: limit.Rule{Count: 5, Per: time.Minute}}})
		var taken []time.Time
		for i := range 3000 {
			if g.Use(asker("192.0.2.1", "a"), limit.SignIn).Allowed() {
				taken = append(taken, time.Now())
			}
			time.Sleep(time.Duration(i%37*40) * time.Millisecond)
		}
		for i := 5; i < len(taken); i++ {
			if d := taken[i].Sub(taken[i-5]); d < time.Minute {
				t.Fatalf("six uses within %s", d)
			}
		}
		if len(taken) < 100 {
			t.Fatalf("only %d uses were allowed in %d minutes", len(taken), 3000*18*40/60000)
		}
	})
}

// TestRate checks burst, refill and the honesty of Wait for a rule that is too large for a list.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(limit.Policy{API: limit.Rules{Client: limit.Rule{Count: 600, Per: time.Minute}}})
		a := limit.Asker{Tenant: id.Default, Client: "app"}
		allowed := 0
		for g.Use(a, limit.API).Allowed() {
			allowed++
		}
		if allowed != 600 {
			t.Fatalf("burst of %d, want 600", allowed)
		}
		v := g.Look(a, limit.API)
		if v.Wait != 100*time.Millisecond {
			t.Fatalf("wait %s, want 100ms", v.Wait)
		}
		time.Sleep(v.Wait)
		if !g.Use(a, limit.API).Allowed() || g.Use(a, limit.API).Allowed() {
			t.Fatal("exactly one use must refill in one interval")
		}
		time.Sleep(time.Minute)
		if v := g.Use(a, limit.API); v.Remaining != 599 {
			t.Errorf("after a full period %d are left, want 599", v.Remaining)
		}
	})
}

// TestAllOrNothing: a use that one rule refuses is not counted by the others.
func TestAllOrNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(limit.Policy{Reset: limit.Rules{
			Address: limit.Rule{Count: 10, Per: time.Hour}, Account: limit.Rule{Count: 2, Per: time.Hour},
		}})
		for range 8 {
			g.Use(asker("192.0.2.1", "a"), limit.Reset)
		}
		for i := range 8 { // two of ten uses of the address are gone
			if v := g.Use(asker("192.0.2.1", fmt.Sprint("c", i)), limit.Reset); !v.Allowed() {
				t.Fatalf("use %d is refused by %s: refused uses were counted", i, v.Name())
			}
		}
		v := g.Use(asker("192.0.2.1", "z"), limit.Reset)
		if v.Allowed() || v.Name() != "reset-address" {
			t.Errorf("the eleventh use of the address: %+v", v)
		}
	})
}

func TestRegress_107_AddressForms(t *testing.T) {
	g := newGate(limit.Policy{SignIn: limit.Rules{Address: limit.Rule{Count: 1, Per: time.Hour}}})
	tests := []struct {
		first, second string
		same          bool
	}{
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.2", "64:ff9b::192.0.2.2", true},
		{"192.0.2.3", "192.0.2.4", false},
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
		{"2001:db8:2:2::1", "2001:DB8:2:2:0:0:0:1", true},
		{"2001:db8:3:2::1", "2001:db8:3:3::1", false},
		{"fe80::1", "fe80::1%eth0", true},
		{"::c000:205", "192.0.2.5", false}, // deprecated IPv4-compatible form: no one's IPv4 address
	}
	for _, tt := range tests {
		g.Count(asker(tt.first, ""), limit.SignIn)
		if same := !g.Look(asker(tt.second, ""), limit.SignIn).Allowed(); same != tt.same {
			t.Errorf("%s and %s are one address: %v, want %v", tt.first, tt.second, same, tt.same)
		}
	}
}

// TestRegress_107_Network: rotating through the /64s of one /48 helps for a while only.
func TestRegress_107_Network(t *testing.T) {
	g := newGate(limit.Policy{SignIn: limit.Rules{Address: limit.Rule{Count: 2, Per: time.Hour}}})
	allowed := 0
	for i := range 1000 {
		if g.Use(asker(fmt.Sprintf("2001:db8:7:%x::1", i), ""), limit.SignIn).Allowed() {
			allowed++
		}
	}
	if allowed != 32 {
		t.Errorf("%d uses from one /48, want 32", allowed)
	}
}

// TestKeysDoNotMix: neither intents, nor tenants, nor kinds of names share a counter.
func TestKeysDoNotMix(t *testing.T) {
	one := limit.Rules{Account: limit.Rule{Count: 1, Per: time.Hour}, Client: limit.Rule{Count: 1, Per: time.Hour}}
	g := newGate(limit.Policy{SignIn: one, Reset: one, SignUp: limit.Rules{Tenant: limit.Rule{Count: 1, Per: time.Hour}}})
	g.Use(limit.Asker{Tenant: "a", Account: "x"}, limit.SignIn)
	for name, v := range map[string]limit.Verdict{
		"another tenant": g.Use(limit.Asker{Tenant: "b", Account: "x"}, limit.SignIn),
		"another intent": g.Use(limit.Asker{Tenant: "a", Account: "x"}, limit.Reset),
		"a client":       g.Use(limit.Asker{Tenant: "a", Client: "x"}, limit.SignIn),
		"joined names":   g.Use(limit.Asker{Tenant: "ax", Account: ""}, limit.SignIn),
		"the tenant":     g.Use(limit.Asker{Tenant: "a"}, limit.SignUp),
	} {
		if !v.Allowed() {
			t.Errorf("%s shares a counter", name)
		}
	}
	if g.Look(limit.Asker{Tenant: "a", Account: "x"}, limit.SignIn).Allowed() {
		t.Error("the counter itself was lost")
	}
}

func TestParallelUsesAreExact(t *testing.T) {
	g := newGate(limit.Policy{SignUp: limit.Rules{Address: limit.Rule{Count: 20, Per: time.Hour}}})
	var mu sync.Mutex
	var wg sync.WaitGroup
	allowed := 0
	for range 200 {
		wg.Go(func() {
			if g.Use(asker("192.0.2.1", ""), limit.SignUp).Allowed() {
				mu.Lock()
				allowed++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if allowed != 20 {
		t.Errorf("%d of 200 parallel uses were allowed, want 20", allowed)
	}
}

// TestFloodKeepsWhatMatters: new keys push each other out, not the counter that refuses.
func TestFloodKeepsWhatMatters(t *testing.T) {
	l := limit.NewLimiter(limit.Config{Now: time.Now, MaxKeys: 6400})
	g := limit.NewGate(l, nil, limit.Policy{SignIn: limit.Rules{Pair: limit.Rule{Count: 5, Per: time.Hour}}})
	victim := asker("192.0.2.1", "u/victim")
	for range 5 {
		g.Count(victim, limit.SignIn)
	}
	for i := range 200_000 {
		g.Count(asker("198.51.100.7", fmt.Sprint(i)), limit.SignIn)
	}
	if n := l.Len(); n > 6400 {
		t.Errorf("%d counters are kept, bound 6400", n)
	}
	if g.Look(victim, limit.SignIn).Allowed() {
		t.Error("a flood made the limiter forget a counter that refuses")
	}
}

func TestStricterRuleApplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewLimiter(limit.Config{Now: time.Now})
		wide := limit.NewGate(l, nil, limit.Policy{SignIn: limit.Rules{Account: limit.Rule{Count: 10, Per: time.Hour}}})
		for range 8 {
			wide.Use(asker("192.0.2.1", "a"), limit.SignIn)
			time.Sleep(time.Minute)
		}
		narrow := limit.NewGate(l, nil, limit.Policy{SignIn: limit.Rules{Account: limit.Rule{Count: 3, Per: time.Hour}}})
		v := narrow.Look(asker("192.0.2.1", "a"), limit.SignIn)
		if v.Wait != 57*time.Minute {
			t.Errorf("wait %s, want until only two of the last hour are left: 57m", v.Wait)
		}
	})
}

func TestPolicyCheck(t *testing.T) {
	if err := limit.Defaults().Check(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for name, change := range map[string]func(*limit.Policy){
		"no limit on guessing": func(p *limit.Policy) { p.SignIn.Pair, p.SignIn.Account = limit.Rule{}, limit.Rule{} },
		"half a rule":          func(p *limit.Policy) { p.Reset.Tenant = limit.Rule{Count: 5} },
		"negative":             func(p *limit.Policy) { p.Token.Client = limit.Rule{Count: -1, Per: time.Second} },
		"below a millisecond":  func(p *limit.Policy) { p.Token.Client = limit.Rule{Count: 1, Per: time.Microsecond} },
		"absurd":               func(p *limit.Policy) { p.API.Client = limit.Rule{Count: 1 << 40, Per: time.Second} },
	} {
		p := limit.Defaults()
		change(&p)
		if p.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func BenchmarkUse(b *testing.B) {
	g := newGate(limit.Policy{API: limit.Rules{Client: limit.Rule{Count: 1e9, Per: time.Second}}})
	a := limit.Asker{Tenant: id.Default, Address: netip.MustParseAddr("192.0.2.1"), Client: "app"}
	b.ReportAllocs()
	for b.Loop() {
		g.Use(a, limit.API)
	}
}

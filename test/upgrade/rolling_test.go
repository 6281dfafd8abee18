package upgrade_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/pause"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/test/process"
	"github.com/cardea-auth/cardea/test/proof"
)

// TestRollingUpgrade: two servers on one PostgreSQL are replaced one after the other by the newer version, and by the
// older one again, while people sign in and refresh and services ask, each time another server; in the end the
// newer version is finalised. Nobody notices any of it.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	env := []string{
		"CARDEA_DATABASE_URL=" + pgtest.URL(t), "CARDEA_MASTER_KEY=" + strings.TrimSpace(today(t, dataDir(t)).must("", "config", "key")),
		"CARDEA_SERVER_DRAIN=0s", "CARDEA_LIMITS_SIGN_IN_ADDRESS=off", "CARDEA_LIMITS_SIGN_IN_PAIR=100000/1m", "CARDEA_LIMITS_SIGN_IN_ACCOUNT=off",
		"CARDEA_LIMITS_CREDENTIAL_ADDRESS=off", "CARDEA_PASSWORD_ARGON2_MEMORY=7MiB", "CARDEA_PASSWORD_ARGON2_PASSES=5",
	}
	older := []*program{today(t, dataDir(t), env...), today(t, dataDir(t), env...)}
	var newer []*program
	var running []*process.Process
	for _, p := range older {
		n := *p
		n.env = append(slices.Clone(p.env), formatVariable+"=2")
		newer, running = append(newer, &n), append(running, p.serve())
	}
	l := newLoad(older)

	rounds := proof.Rounds(t, 3)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rounds+1)*2*time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	l.run(ctx, &wg)
	replace := func(by []*program) {
		for i, p := range by {
			l.out(i)
			if err := running[i].Stop(); err != nil {
				t.Error(err)
			}
			running[i] = p.serve()
			l.in(i, p)
			l.goesOn()
		}
	}
	for range rounds {
		newer[0].must("", "migrate", "up", "--no-snapshot")
		replace(newer)
		replace(older)
	}
	replace(newer)
	newer[1].must("", "migrate", "finalise", "--no-snapshot")
	l.goesOn()
	if ctx.Err() != nil {
		t.Error("it took too long")
	}
	cancel()
	wg.Wait()
	if n := l.failed.Load(); n > 0 {
		t.Errorf("%d of %d requests failed, the first: %s", n, l.asked.Load(), *l.first.Load())
	}
	if status := newer[0].must("", "migrate", "status"); !strings.Contains(status, "data format 2 is written") {
		t.Errorf("status:\n%s", status)
	}
	proof.Figures(t, "replaced", (2*rounds+1)*len(older), "requests", l.asked.Load(), "sign-ins", l.signedIn.Load(), "refreshed", l.refreshed.Load(), "failed", l.failed.Load())
}

// load is people and services that ask all the time, each request at another of the servers that are in, and what was
// not answered as it must be.
type load struct {
	*testing.T
	mu   sync.Mutex
	at   []*program // nil: out
	turn int
	busy []sync.WaitGroup // requests under way at each

	store, key, user string
	grants           []answer

	asked, failed, signedIn, refreshed atomic.Int64
	first                              atomic.Pointer[string]
}

// newLoad furnishes what is asked about.
func newLoad(at []*program) *load {
	one := at[0]
	one.Helper()
	var f fixture
	one.furnish(&f)
	app := field(one.T, one.must("", "app", "create", "Gateway", "--type", "service", "--json"), "client_id")
	one.must("", "role", "assign", "cardea:admin", "service:"+app)
	l := &load{T: one.T, at: slices.Clone(at), busy: make([]sync.WaitGroup, len(at)), store: f.Store}
	l.user = field(one.T, one.must("", "user", "show", "alice@example.com", "--json"), "id")
	l.key = keyIn(one.T, one.must("", "apikey", "create", "service:"+app, "gateway", "--scope", "cardea:authz"))
	for range 3 {
		l.grants = append(l.grants, one.granted(one.signIn("alice@example.com")))
	}
	return l
}

// out has a server be asked no more, and returns when it has answered everybody.
func (l *load) out(i int) {
	l.mu.Lock()
	l.at[i] = nil
	l.mu.Unlock()
	l.busy[i].Wait()
}

func (l *load) in(i int, p *program) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at[i] = p
}

// next is the server that is asked next, and how to say that it has answered.
func (l *load) next() (p *program, done func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		i := l.turn % len(l.at)
		l.turn++
		if l.at[i] != nil {
			l.busy[i].Add(1)
			return l.at[i], l.busy[i].Done
		}
	}
}

// goesOn waits until each of those who ask has been answered by the servers that are in.
func (l *load) goesOn() {
	l.Helper()
	more := [3]int64{l.asked.Load() + 100, l.signedIn.Load() + 2, l.refreshed.Load() + 10}
	for deadline := time.Now().Add(time.Minute); l.asked.Load() < more[0] || l.signedIn.Load() < more[1] || l.refreshed.Load() < more[2]; time.Sleep(10 * time.Millisecond) {
		if first := l.first.Load(); first != nil {
			l.Fatal(*first)
		}
		if time.Now().After(deadline) {
			l.Fatal("nobody asks any more")
		}
	}
}

// ask sends a request and reports whether it was answered as it must be.
func (l *load) ask(good func(answer) bool, method, path string, body any, header ...string) (answer, bool) {
	p, done := l.next()
	defer done()
	a, err := p.try(method, path, body, header...)
	l.asked.Add(1)
	if err == nil && a.status == http.StatusOK && good(a) {
		return a, true
	}
	l.failed.Add(1)
	text := fmt.Sprintf("%s %s: %d %v %v", method, path, a.status, a.body, err)
	l.first.CompareAndSwap(nil, &text)
	return a, false
}

// thinking is how long each waits before it asks again.
const thinking = 5 * time.Millisecond

// run asks until ctx ends. Whoever is refused once does not go on: what comes after a refresh that failed is
// no use.
func (l *load) run(ctx context.Context, wg *sync.WaitGroup) {
	repeat := func(f func() bool) {
		wg.Go(func() {
			for f() && pause.For(ctx, thinking) == nil {
			}
		})
	}
	for _, g := range l.grants {
		repeat(func() bool { return l.refresh(&g) })
	}
	repeat(l.signIn)
	repeat(l.decide)
}

func (l *load) refresh(g *answer) bool {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {g.text("refresh_token")}, "client_id": {"shop"}}
	next, ok := l.ask(func(a answer) bool { return a.text("refresh_token") != "" }, "POST", "/oauth/token", form)
	if !ok {
		return false
	}
	*g = next
	l.refreshed.Add(1)
	_, ok = l.ask(func(a answer) bool { return a.text("sub") == l.user }, "GET", "/oauth/userinfo", nil, "Authorization", "Bearer "+g.text("access_token"))
	return ok
}

func (l *load) signIn() bool {
	begun, ok := l.ask(func(a answer) bool { return a.text("csrf_token") != "" }, "POST", "/flows", map[string]string{"kind": "sign_in"})
	if !ok {
		return false
	}
	done, ok := l.ask(func(a answer) bool { return a.body["done"] == true }, "POST", "/flow/password",
		map[string]string{"email": "bob@example.com", "password": thePassword}, "X-CSRF-Token", begun.text("csrf_token"), "Cookie", cookies(begun))
	if !ok {
		return false
	}
	l.signedIn.Add(1)
	_, ok = l.ask(func(a answer) bool { return a.body["authenticated"] == true }, "GET", "/session", nil, "Cookie", cookies(done))
	return ok
}

// decide asks whether somebody may, of whom that is true and of whom it is not, of roles and of a store.
func (l *load) decide() bool {
	bearer := []string{"Authorization", "Bearer " + l.key}
	for user, may := range map[string]bool{"anne": true, "carl": false} {
		question := map[string]any{"tuple_key": map[string]string{"user": "user:" + user, "relation": "viewer", "object": "doc:roof"}}
		if _, ok := l.ask(func(a answer) bool { return a.body["allowed"] == may }, "POST", "/stores/"+l.store+"/check", question, bearer...); !ok {
			return false
		}
	}
	for action, may := range map[string]bool{"doc:edit": true, "doc:burn": false} {
		question := map[string]any{
			"subject": map[string]string{"type": "user", "id": l.user}, "action": map[string]string{"name": action}, "resource": map[string]string{"type": "doc", "id": "1"},
		}
		if _, ok := l.ask(func(a answer) bool { return a.body["decision"] == may }, "POST", "/access/v1/evaluation", question, bearer...); !ok {
			return false
		}
	}
	return true
}

package clients_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/cardea-auth/cardea"

	"github.com/cardea-auth/cardea/test/process"
)

// lead is more than the time for which a key is published before it signs.
const lead = 61 * time.Minute

// jump moves the clock of a server that was started as built.clock, and waits until it has moved.
func (s *server) jump(t testing.TB) {
	t.Helper()
	before := strings.Count(s.Log.String(), "clock: moved")
	if err := s.Cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(process.Limit); strings.Count(s.Log.String(), "clock: moved") == before; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the clock does not move")
		}
	}
}

// key is a signing key as the command lists it.
type key struct {
	Kid, Purpose, Alg, State string
	Ready                    time.Time
}

// tokenKey is the key for tokens that is in a state; the zero key if there is none.
func (s *server) tokenKey(t testing.TB, state string) key {
	t.Helper()
	var all []key
	s.ask(t, &all, "keys", "list")
	for _, k := range all {
		if k.Purpose == "token" && k.Alg == "ES256" && k.State == state {
			return k
		}
	}
	return key{}
}

// load is people at work: each refreshes, looks at the id token as a relying party, calls the API and
// asks the server about the token, again and again.
type load struct {
	t       *testing.T
	party   *party
	world   *world
	pause   sync.RWMutex // held by whoever must not be disturbed
	stop    chan struct{}
	workers sync.WaitGroup
	rounds  atomic.Int64
	failed  chan error
	kids    sync.Map // that have signed
}

func startLoad(t *testing.T, w *world, p *party, u user, workers int) *load {
	t.Helper()
	l := &load{t: t, party: p, world: w, stop: make(chan struct{}), failed: make(chan error, workers)}
	for range workers {
		token := p.login(w.server.browser(t, u)).RefreshToken
		l.workers.Go(func() { l.work(token) })
	}
	return l
}

func (l *load) work(token string) {
	for {
		select {
		case <-l.stop:
			return
		default:
		}
		next, err := l.round(token)
		if err != nil {
			l.failed <- err
			return
		}
		token = next
		l.rounds.Add(1)
	}
}

// round is one person's work once. It ends with another refresh token, or with what went wrong.
func (l *load) round(token string) (string, error) {
	l.pause.RLock()
	defer l.pause.RUnlock()
	ctx := l.t.Context()
	got, err := l.party.refresh(l.t, token)
	if err != nil {
		return "", fmt.Errorf("refreshing: %w", err)
	}
	raw, ok := got.Extra("id_token").(string)
	if !ok {
		return "", errors.New("a refresh gave no id token")
	}
	if _, err := l.party.provider.Verifier(&oidc.Config{ClientID: l.party.app.id}).Verify(ctx, raw); err != nil {
		return "", fmt.Errorf("the id token: %w", err)
	}
	a, err := l.world.call(ctx, http.MethodGet, "/me", got.AccessToken, "")
	if err != nil || a.status >= 300 {
		return "", fmt.Errorf("the API: %v, %v", a, err)
	}
	if !l.world.server.active(l.t, l.world.asAPI, got.AccessToken) {
		return "", errors.New("introspection says that a new token is not active")
	}
	signed, err := jose.ParseSignedCompact(got.AccessToken, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return "", err
	}
	l.kids.Store(signed.Signatures[0].Header.KeyID, true)
	return got.RefreshToken, nil
}

// some waits until n more rounds have been worked.
func (l *load) some(n int64) {
	l.t.Helper()
	want, deadline := l.rounds.Load()+n, time.After(process.Limit)
	for l.rounds.Load() < want {
		select {
		case err := <-l.failed:
			l.t.Fatal(err)
		case <-deadline:
			l.t.Fatal("nobody works")
		case <-time.After(time.Millisecond):
		}
	}
}

// end stops the work. Nothing may have failed.
func (l *load) end() {
	l.t.Helper()
	close(l.stop)
	l.workers.Wait()
	select {
	case err := <-l.failed:
		l.t.Error(err)
	default:
	}
}

func (l *load) signed(kid string) bool {
	_, ok := l.kids.Load(kid)
	return ok
}

// TestKeysRotateUnderLoad plans a rotation, lets the hour pass for which the new key is published, and
// then revokes the old key, all while people work. Nothing they do fails. The server is the one with a
// clock that can be moved; its policy is the shipped one.
func TestKeysRotateUnderLoad(t *testing.T) {
	t.Parallel()
	s, jump := clocked(t, lead)
	w := &world{server: s, asAPI: s.addApp(t, "service", "--serves", audience)}
	var ahead atomic.Int64 // the API's clock is moved with the server's
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	w.apiURL = w.sdk(t, now, func(c *cardea.Client) func(http.Handler) http.Handler { return c.RequireSignIn }).URL
	p, u := w.webParty(t, "works@keys.example")
	l := startLoad(t, w, p, u, 3)
	l.some(10)

	old := s.tokenKey(t, "active")
	s.cli(t, "keys", "rotate")
	next := s.tokenKey(t, "next")
	if until := time.Until(next.Ready); until < 55*time.Minute || !s.publishes(t, next.Kid) {
		t.Errorf("the new key is ready in %v, published: %t", until, s.publishes(t, next.Kid))
	}
	l.some(20)
	if l.signed(next.Kid) {
		t.Error("the new key signs before it was published for long enough")
	}
	l.pause.Lock() // nobody is in the middle of something while an hour passes
	jump()
	ahead.Store(int64(lead))
	l.pause.Unlock()
	l.some(10)
	s.cli(t, "keys", "rotate") // has what is due done, and plans the one after
	l.some(20)
	if k := s.tokenKey(t, "active"); k.Kid != next.Kid || !l.signed(next.Kid) || !s.publishes(t, old.Kid) {
		t.Errorf("an hour later %+v signs, want %s; the old one is published: %t", k, next.Kid, s.publishes(t, old.Kid))
	}
	s.cli(t, "keys", "revoke", old.Kid)
	l.some(20)
	if s.publishes(t, old.Kid) {
		t.Error("a revoked key is still published")
	}
	l.end()
	t.Logf("%d rounds of refresh, id token, API and introspection, no failure", l.rounds.Load())
}

// publishes reports whether the key set holds a key.
func (s *server) publishes(t testing.TB, kid string) bool {
	t.Helper()
	var set jose.JSONWebKeySet
	a := s.with(t, "GET", "/oauth/jwks", "", "")
	if err := json.Unmarshal(a.body, &set); err != nil {
		t.Fatal(err)
	}
	return len(set.Key(kid)) > 0
}

// TestRevokedKeyIsDeadEverywhere: for a key that has leaked. What it signed is refused at once here, and
// within a second at the example API; whoever refreshes goes on.
func TestRevokedKeyIsDeadEverywhere(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server.newTenant(t, "leak") // the other tests want to keep their key
	w := &world{server: s, asAPI: s.addApp(t, "service", "--serves", audience)}
	var err error
	if w.api, w.apiURL, err = startAPI(t.Context(), s, w.asAPI); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.api.Stop(); err != nil {
			t.Error(err)
		}
	})
	p, u := w.webParty(t, "leaked@keys.example")
	got := p.login(s.browser(t, u))
	if a := w.must(t, "GET", "/me", got.AccessToken, ""); a.status != http.StatusOK {
		t.Fatalf("before: %s", a)
	}
	leaked := s.tokenKey(t, "active")
	s.cli(t, "keys", "revoke", leaked.Kid)
	since := time.Now()
	if s.active(t, w.asAPI, got.AccessToken) {
		t.Error("introspection says that a token of the revoked key is good")
	}
	if a := s.with(t, "GET", "/oauth/userinfo", "Authorization", "Bearer "+got.AccessToken); a.status != http.StatusUnauthorized {
		t.Errorf("userinfo: %s", a)
	}
	t.Logf("the API refused after %v", w.deadAtAPI(t, got.AccessToken, since))
	again := p.mustRefresh(t, got.RefreshToken)
	if a := w.must(t, "GET", "/me", again.AccessToken, ""); a.status != http.StatusOK {
		t.Errorf("with a token of the new key: %s", a)
	}
}

package cardea_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea"
	"github.com/cardea-auth/cardea/cardeatest"
)

const (
	feedPath       = "/revocations"
	introspectPath = "/introspect"
)

// TestRevocationTakesEffect revokes each thing behind a token, over a real connection, and sees that
// every later token of the same thing holds.
func TestRevocationTakesEffect(t *testing.T) {
	t.Parallel()
	for name, revoke := range map[string]func(*cardeatest.Server, string){
		"session": func(s *cardeatest.Server, _ string) { s.RevokeSession("session-of-alice") },
		"user":    func(s *cardeatest.Server, _ string) { s.RevokeUser("alice") },
		"client":  func(s *cardeatest.Server, _ string) { s.RevokeClient(cardeatest.UserClient) },
		"consent": func(s *cardeatest.Server, _ string) { s.RevokeConsent("alice", cardeatest.UserClient) },
		"tenant":  func(s *cardeatest.Server, _ string) { s.RevokeAll() },
		"token":   func(s *cardeatest.Server, token string) { s.RevokeToken(token) },
		"key":     func(s *cardeatest.Server, _ string) { s.RevokeKey(s.KeyID()); s.RotateKey() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := cardeatest.NewServer(t)
			auth := srv.NewClient(t)
			token := srv.Token(cardeatest.Claims{})
			other := srv.Token(cardeatest.Claims{Subject: "bob", ClientID: "other-app"})
			verify(t, auth, token, "")
			revoke(srv, token)
			start := time.Now()
			for {
				if _, err := auth.Verify(t.Context(), token); err != nil {
					wantCode(t, err, cardea.CodeTokenRevoked)
					break
				}
				if time.Since(start) > time.Second {
					t.Fatal("the revocation took more than a second")
				}
			}
			verify(t, auth, srv.Token(cardeatest.Claims{}), "") // signed in again
			if name != "key" && name != "tenant" {
				verify(t, auth, other, "")
			}
			if n := srv.Calls(introspectPath); n != 0 {
				t.Errorf("%d introspections although the feed is in contact", n)
			}
		})
	}
}

// TestConsentOfNobodyRevokesNothing: a token that needed no consent does not die with one.
func TestConsentOfNobodyRevokesNothing(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	needed := srv.Token(cardeatest.Claims{})
	none := srv.Token(cardeatest.Claims{Extra: map[string]any{"ep": map[string]any{"u": 0, "c": 0, "t": 0, "s": 0}}})
	srv.RevokeConsent("alice", cardeatest.UserClient)
	auth := srv.NewClient(t)
	verify(t, auth, needed, cardea.CodeTokenRevoked)
	verify(t, auth, none, "")
}

func TestRevocationsOfThePastAreKnownFromTheStart(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	token := srv.Token(cardeatest.Claims{})
	srv.RevokeUser("alice")
	verify(t, srv.NewClient(t), token, cardea.CodeTokenRevoked)
	verify(t, srv.NewClient(t, cardea.Offline()), token, "") // as its documentation says
}

// A token that does not state an epoch is older than every revocation.
func TestAbsentEpochsAreZero(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	srv.RevokeUser("alice")
	auth := srv.NewClient(t)
	verify(t, auth, srv.Token(cardeatest.Claims{Extra: map[string]any{"ep": nil}}), cardea.CodeTokenRevoked)
	verify(t, auth, srv.Token(cardeatest.Claims{Extra: map[string]any{"ep": map[string]any{"s": 9, "c": 9}}}), cardea.CodeTokenRevoked)
	verify(t, auth, srv.Token(cardeatest.Claims{Extra: map[string]any{"ep": map[string]any{"u": 1}}}), "")
}

// TestContactLoss walks from contact to introspection to refusal and back.
func TestContactLoss(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		auth := srv.NewClient(t)
		token := srv.Token(cardeatest.Claims{Life: time.Hour})
		gone := srv.Token(cardeatest.Claims{Subject: "bob", Life: time.Hour})
		verify(t, auth, gone, "")

		srv.Break(cardeatest.Feed)
		time.Sleep(4900 * time.Millisecond)
		verify(t, auth, token, "")
		if n := srv.Calls(introspectPath); n != 0 {
			t.Errorf("%d introspections within five seconds", n)
		}
		srv.RevokeUser("bob")
		time.Sleep(200 * time.Millisecond)
		for range 2 { // each time, not once
			verify(t, auth, token, "")
			verify(t, auth, gone, cardea.CodeTokenRevoked)
		}
		if n := srv.Calls(introspectPath); n != 4 {
			t.Errorf("%d introspections, want one per token and call", n)
		}

		srv.Break(cardeatest.Introspection)
		verify(t, auth, token, cardea.CodeRevocationUnknown)

		srv.Mend(cardeatest.Feed)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		verify(t, auth, token, "")
		verify(t, auth, gone, cardea.CodeTokenRevoked) // told by the feed this time
	})
}

// What the feed has said stays true while nobody can be asked.
func TestKnownRevocationsOutliveContact(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		auth := srv.NewClient(t)
		token := srv.Token(cardeatest.Claims{})
		srv.RevokeSession("session-of-alice")
		synctest.Wait()
		srv.Break(cardeatest.Feed, cardeatest.Introspection)
		time.Sleep(time.Minute)
		verify(t, auth, token, cardea.CodeTokenRevoked)
	})
}

// An idle feed stays in contact by its heartbeats, on one connection.
func TestHeartbeatsKeepContact(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		auth := srv.NewClient(t)
		srv.Break(cardeatest.Introspection)
		for range 10 {
			time.Sleep(time.Minute)
			verify(t, auth, srv.Token(cardeatest.Claims{}), "")
		}
		if n := srv.Calls(feedPath); n != 1 {
			t.Errorf("%d connections to the feed, want 1", n)
		}
	})
}

func TestTheFeedResumesByCursor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		feed := newScript(`{"kind":"user","id":"alice","min_epoch":1,"until":4102444800,"cursor":"c1"}`, live("c2"))
		srv, auth := scripted(t, feed)
		token := srv.Token(cardeatest.Claims{Subject: "bob"})
		verify(t, auth, srv.Token(cardeatest.Claims{}), cardea.CodeTokenRevoked)
		feed.say(`{"kind":"heartbeat","cursor":"c/3 +&"}`)
		feed.hangUp(`{"kind":"user","id":"bob","min_epoch":1,"until":4102444800,"cursor":"c4"}`, live("c5"))
		time.Sleep(time.Second)
		synctest.Wait()
		verify(t, auth, token, cardea.CodeTokenRevoked)
		verify(t, auth, srv.Token(cardeatest.Claims{}), cardea.CodeTokenRevoked) // the first part is kept
		if got := feed.cursors(); len(got) != 2 || got[0] != "" || got[1] != "c/3 +&" {
			t.Errorf("cursors %q", got)
		}
	})
}

// After 410 the follower starts from nothing. Until the new set is complete, the old one counts.
func TestAForgottenCursorStartsAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		auth := srv.NewClient(t)
		token, other := srv.Token(cardeatest.Claims{}), srv.Token(cardeatest.Claims{Subject: "bob"})
		srv.RevokeUser("alice")
		synctest.Wait()
		srv.Break(cardeatest.Feed)
		synctest.Wait()
		srv.ForgetCursors()
		srv.RevokeUser("bob")
		srv.Mend(cardeatest.Feed)
		time.Sleep(time.Second)
		synctest.Wait()
		verify(t, auth, token, cardea.CodeTokenRevoked)
		verify(t, auth, other, cardea.CodeTokenRevoked)
		if n := srv.Calls(introspectPath); n != 0 {
			t.Errorf("%d introspections", n)
		}
	})
}

func TestANewSetReplacesTheOldOneAtLiveOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		feed := newScript(`{"kind":"user","id":"alice","min_epoch":1,"until":4102444800,"cursor":"c1"}`, live("c2"))
		srv, auth := scripted(t, feed)
		token := srv.Token(cardeatest.Claims{})
		feed.answer(http.StatusGone)
		feed.hangUp(`{"kind":"user","id":"bob","min_epoch":1,"until":4102444800,"cursor":"d1"}`)
		time.Sleep(time.Second)
		synctest.Wait()
		verify(t, auth, token, cardea.CodeTokenRevoked) // the new set is not complete
		feed.hangUp(`{"kind":"user","id":"bob","min_epoch":1,"until":4102444800,"cursor":"d1"}`)
		time.Sleep(time.Second)
		feed.say(live("d2"))
		synctest.Wait()
		verify(t, auth, token, "") // the new set does not know alice
		verify(t, auth, srv.Token(cardeatest.Claims{Subject: "bob"}), cardea.CodeTokenRevoked)
		if got := fmt.Sprintf("%q", feed.cursors()); got != `["" "c2" "" ""]` { // a half set is not resumed
			t.Errorf("cursors %s", got)
		}
	})
}

// Of two lines about the same thing, the stricter of each part counts, in whichever order they come.
func TestLaterLinesNeverLoosen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		strict := fmt.Sprintf(`{"kind":"user","id":"alice","min_epoch":3,"until":%d,"cursor":"c1"}`, time.Now().Add(time.Hour).Unix())
		loose := fmt.Sprintf(`{"kind":"user","id":"alice","min_epoch":2,"until":%d,"cursor":"c2"}`, time.Now().Add(time.Second).Unix())
		for _, lines := range [][]string{{strict, loose, live("c3")}, {loose, strict, live("c3")}} {
			feed := newScript(lines...)
			srv, auth := scripted(t, feed)
			for i := range 40 {
				feed.say(fmt.Sprintf(`{"kind":"heartbeat","cursor":"h%d"}`, i))
				time.Sleep(2 * time.Second)
			}
			verify(t, auth, srv.Token(cardeatest.Claims{Extra: map[string]any{"ep": map[string]any{"u": 2}}}), cardea.CodeTokenRevoked)
			verify(t, auth, srv.Token(cardeatest.Claims{Extra: map[string]any{"ep": map[string]any{"u": 3}}}), "")
		}
	})
}

// A server that replays for long is not in contact until it is live.
func TestReplayIsNotContact(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		feed := newScript(live("c1"))
		srv, auth := scripted(t, feed)
		feed.hangUp(`{"kind":"heartbeat","cursor":"c2"}`)
		for range 6 {
			time.Sleep(time.Second)
			feed.say(`{"kind":"heartbeat","cursor":"c2"}`)
		}
		synctest.Wait()
		verify(t, auth, srv.Token(cardeatest.Claims{}), "")
		if n := srv.Calls(introspectPath); n != 1 {
			t.Errorf("%d introspections, want 1", n)
		}
	})
}

// Each of these lines could hide a revocation, so contact is lost and the line is asked for again.
func TestBrokenLinesBreakContact(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"not JSON":         `{"kind":"user"`,
		"an array":         `[]`,
		"no kind":          `{"id":"alice","min_epoch":1,"until":4102444800,"cursor":"c2"}`,
		"no cursor":        `{"kind":"user","id":"alice","min_epoch":1,"until":4102444800}`,
		"a long cursor":    `{"kind":"heartbeat","cursor":"` + strings.Repeat("x", 513) + `"}`,
		"no id":            `{"kind":"user","min_epoch":1,"until":4102444800,"cursor":"c2"}`,
		"no min_epoch":     `{"kind":"user","id":"alice","until":4102444800,"cursor":"c2"}`,
		"a negative epoch": `{"kind":"user","id":"alice","min_epoch":-1,"until":4102444800,"cursor":"c2"}`,
		"no until":         `{"kind":"user","id":"alice","min_epoch":1,"cursor":"c2"}`,
		"a member twice":   `{"kind":"heartbeat","kind":"user","id":"alice","min_epoch":1,"until":4102444800,"cursor":"c2"}`,
		"a long line":      `{"kind":"heartbeat","cursor":"c2","x":"` + strings.Repeat("x", 5000) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				feed := newScript(live("c1"))
				srv, auth := scripted(t, feed)
				feed.say(line)
				synctest.Wait()
				for range 3 {
					feed.answer(http.StatusServiceUnavailable)
				}
				time.Sleep(6 * time.Second)
				verify(t, auth, srv.Token(cardeatest.Claims{}), "")
				if srv.Calls(introspectPath) != 1 {
					t.Error("the follower stayed in contact")
				}
				if got := feed.cursors(); len(got) < 2 || got[1] != "c1" {
					t.Errorf("cursors %q: the next connection must start before the broken line", got)
				}
			})
		})
	}
}

// A kind from the future is a revocation that this client cannot apply.
func TestUnknownKindsFailClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		auth := srv.NewClient(t)
		srv.RevokeUnknown(time.Minute)
		synctest.Wait()
		verify(t, auth, srv.Token(cardeatest.Claims{}), "")
		if n := srv.Calls(introspectPath); n != 1 {
			t.Errorf("%d introspections, want 1", n)
		}
		time.Sleep(time.Minute + 2*time.Second)
		verify(t, auth, srv.Token(cardeatest.Claims{}), "")
		if n := srv.Calls(introspectPath); n != 1 {
			t.Errorf("%d introspections after the time is over, want no more", n)
		}
	})
}

// Heartbeats that stop while the connection stays open: the follower finds another in time.
func TestASilentConnectionIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		feed := newScript(live("c1"))
		srv, auth := scripted(t, feed)
		feed.next(live("c2"))
		time.Sleep(4 * time.Second)
		synctest.Wait()
		verify(t, auth, srv.Token(cardeatest.Claims{}), "")
		if srv.Calls(introspectPath) != 0 || len(feed.cursors()) != 2 {
			t.Errorf("%d introspections, %d connections", srv.Calls(introspectPath), len(feed.cursors()))
		}
	})
}

func TestOldMarksAreDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		auth := srv.NewClient(t)
		for i := range 100 {
			srv.RevokeSession(fmt.Sprint(i))
		}
		synctest.Wait()
		if n := auth.Marks(); n != 100 {
			t.Errorf("%d marks, want 100", n)
		}
		time.Sleep(time.Hour + time.Minute)
		if n := auth.Marks(); n != 0 {
			t.Errorf("%d marks an hour later, want 0", n)
		}
	})
}

// While an issuer is away for an hour, its clients come back seldom, and the log stays short and clean.
func TestReconnectingIsPatient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		cfg := srv.Config()
		var log strings.Builder
		cfg.Notice = func(what string, cause error) { fmt.Fprintln(&log, what, cause) }
		auth, err := cardea.New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		srv.Break(cardeatest.Feed)
		time.Sleep(time.Hour)
		if n := srv.Calls(feedPath); n < 600 || n > 1500 {
			t.Errorf("%d connections in an hour", n)
		}
		srv.Mend(cardeatest.Feed)
		time.Sleep(6 * time.Second)
		auth.Close()
		if n := strings.Count(log.String(), "\n"); n != 3 || !strings.Contains(log.String(), "again") {
			t.Errorf("%d notices:\n%s", n, log.String())
		}
		if strings.Contains(log.String(), cardeatest.ClientSecret) {
			t.Error("the secret is in the log")
		}
	})
}

func TestAClosedClientRefusesEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		auth := srv.NewClient(t)
		token := srv.Token(cardeatest.Claims{})
		verify(t, auth, token, "")
		auth.Close()
		auth.Close()
		verify(t, auth, token, cardea.CodeRevocationUnknown)
		_, err := auth.Decide(t.Context(), cardea.Request{
			Subject: cardea.Entity{Type: "user", ID: "a"}, Action: cardea.Action{Name: "b"}, Resource: cardea.Entity{Type: "c", ID: "d"},
		})
		wantCode(t, err, cardea.CodeDecisionUnavailable)
	})
}

// When the issuer hangs, requests do not pile up behind it.
func TestIntrospectionsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		hang := &hanging{path: introspectPath, next: srv.HTTPClient().Transport}
		cfg := srv.Config()
		cfg.HTTPClient = &http.Client{Transport: hang}
		auth, err := cardea.New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer auth.Close()
		token := srv.Token(cardeatest.Claims{})
		srv.Break(cardeatest.Feed)
		time.Sleep(6 * time.Second)
		start := time.Now()
		var waiting sync.WaitGroup
		for range 500 {
			waiting.Go(func() { verify(t, auth, token, cardea.CodeRevocationUnknown) })
		}
		waiting.Wait()
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("the last was refused after %v, want the timeout", d)
		}
		if hang.count != 64 {
			t.Errorf("%d introspections under way at once, want 64", hang.count)
		}
	})
}

// hanging is an issuer of which one path never answers.
type hanging struct {
	path  string
	next  http.RoundTripper
	mu    sync.Mutex
	count int
}

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != h.path {
		return h.next.RoundTrip(r)
	}
	h.mu.Lock()
	h.count++
	h.mu.Unlock()
	<-r.Context().Done()
	return nil, r.Context().Err()
}

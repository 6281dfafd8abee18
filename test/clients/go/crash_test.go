package clients_test

import (
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// crash ends the server as a power failure does, and starts it again over what it has left behind.
func (s *server) crash(t testing.TB) {
	t.Helper()
	if err := s.Cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.Ended
	p, err := start(s.env, s.Cmd.Path, s.Cmd.Args[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	s.Process = p
	if err := p.Await(t.Context(), s.origin+"/session", sound); err != nil {
		t.Fatal(err)
	}
}

// TestNothingIsLostByACrash kills the server in the middle of refreshes. What was answered is still so
// afterwards: sessions, the newest refresh tokens, and above all what was revoked.
func TestNothingIsLostByACrash(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	w := &world{server: s, asAPI: s.addApp(t, "service", "--serves", audience)}
	p, u := w.webParty(t, "stays@crash.example")
	ended := s.addUser(t, "ends@crash.example")
	b, gone := s.browser(t, u), s.browser(t, ended)
	revoked := p.login(gone)
	var tokens [4]string
	for i := range tokens {
		tokens[i] = p.login(b).RefreshToken
	}
	var working sync.WaitGroup
	for i := range tokens {
		working.Go(func() { // until the server is gone; the last token that was answered is kept
			for {
				got, err := p.refresh(t, tokens[i])
				if err != nil {
					return
				}
				tokens[i] = got.RefreshToken
			}
		})
	}
	s.cli(t, "user", "disable", ended.email)
	<-time.After(100 * time.Millisecond) // of work
	s.crash(t)
	working.Wait()
	if !b.me().Authenticated {
		t.Error("a session is lost")
	}
	for i, token := range tokens {
		// The answer to the last refresh may have been lost with the server: the token before is good
		// for the same successor then.
		if _, err := p.refresh(t, token); err != nil {
			t.Errorf("refresh token %d is lost: %v", i, err)
		}
	}
	if s.active(t, w.asAPI, revoked.AccessToken) || gone.me().Authenticated {
		t.Error("what was revoked is alive again")
	}
	if a := gone.try(); a.status == http.StatusOK {
		t.Errorf("who was disabled signs in: %s", a)
	}
	if out := s.cli(t, "audit", "verify"); !strings.HasPrefix(out, "ok") {
		t.Errorf("audit verify: %s", out)
	}
	if info, err := os.Stat(s.dir + "/master.key"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the master key: %v, %v", info, err)
	}
}

package clients_test

import (
	"net/http"
	"regexp"
	"testing"
	"time"
)

// deadline is how soon the example API must have heard of a revocation.
const deadline = time.Second

// deadAtAPI asks the example API with a token until it refuses, and fails if that is later than
// deadline after since. It returns how long it took.
func (w *world) deadAtAPI(t testing.TB, token string, since time.Time) time.Duration {
	t.Helper()
	for {
		a, asked := w.must(t, "GET", "/me", token, ""), time.Since(since)
		switch {
		case a.status == http.StatusUnauthorized && a.refusal() == "token_revoked":
			return asked
		case a.status != http.StatusOK:
			t.Fatalf("the API answers %s", a)
		case asked > deadline:
			t.Fatalf("the API still accepts the token after %v", asked)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// TestRevocationReachesEverybody ends what somebody was given, in every way there is. Cardea's own
// doors refuse at once; the example API, a program of its own that asks nobody while it verifies, does
// so within a second.
func TestRevocationReachesEverybody(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	s := w.server
	for _, c := range []struct {
		name  string
		email string
		end   func(t *testing.T, p *party, b *browser, u user, got tokens)
		// sessionLives says that the browser stays signed in: only what the application has is ended.
		sessionLives bool
	}{
		{"session revoked", "session@revoke.example", func(t *testing.T, _ *party, _ *browser, _ user, got tokens) {
			var claims struct{ SID string }
			if err := got.id.Claims(&claims); err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile(`^[0-9a-z]+$`).MatchString(claims.SID) { // a word for the command line
				t.Errorf("sid %q", claims.SID)
			}
			s.cli(t, "session", "revoke", claims.SID)
		}, false},
		{"all sessions revoked", "sessions@revoke.example", func(t *testing.T, _ *party, _ *browser, u user, _ tokens) {
			s.cli(t, "session", "revoke", "--all", u.email)
		}, false},
		{"signed out", "out@revoke.example", func(t *testing.T, _ *party, b *browser, _ user, _ tokens) {
			b.get("/session")
			stolen := b.clone()
			if a := b.do(b.request(http.MethodDelete, "/session", nil)); a.status != http.StatusNoContent || b.session() != "" {
				t.Fatalf("signing out: %s", a)
			}
			b.cookies = stolen.cookies
		}, false},
		{"user disabled", "user@revoke.example", func(t *testing.T, _ *party, _ *browser, u user, _ tokens) {
			s.cli(t, "user", "disable", u.email)
		}, false},
		{"user deleted", "gone@revoke.example", func(t *testing.T, _ *party, _ *browser, u user, _ tokens) {
			s.cli(t, "user", "delete", u.email)
		}, false},
		{"access token given back", "access@revoke.example", func(t *testing.T, p *party, _ *browser, _ user, got tokens) {
			if a := s.post(t, p.app, "/oauth/revoke", "token", got.AccessToken); a.status != http.StatusOK {
				t.Fatalf("revoking: %s", a)
			}
		}, true},
		{"refresh token given back", "refresh@revoke.example", func(t *testing.T, p *party, _ *browser, _ user, got tokens) {
			if a := s.post(t, p.app, "/oauth/revoke", "token", got.RefreshToken, "token_type_hint", "refresh_token"); a.status != http.StatusOK {
				t.Fatalf("revoking: %s", a)
			}
		}, true},
		{"consent withdrawn", "consent@revoke.example", func(t *testing.T, p *party, b *browser, _ user, _ tokens) {
			b.get("/session")
			if a := b.do(b.request(http.MethodDelete, "/account/consents/"+p.app.id, nil)); a.status != http.StatusNoContent {
				t.Fatalf("withdrawing: %s", a)
			}
		}, true},
		{"application disabled", "app@revoke.example", func(t *testing.T, p *party, _ *browser, _ user, _ tokens) {
			s.cli(t, "app", "disable", p.app.id)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, u := w.webParty(t, c.email)
			b := s.browser(t, u)
			got := p.login(b)
			if a := w.must(t, "GET", "/me", got.AccessToken, ""); a.status != http.StatusOK {
				t.Fatalf("before: %s", a)
			}
			c.end(t, p, b, u, got)
			since := time.Now()
			if s.active(t, w.asAPI, got.AccessToken) {
				t.Error("introspection says that the token is good")
			}
			if a := s.with(t, "GET", "/oauth/userinfo", "Authorization", "Bearer "+got.AccessToken); a.status != http.StatusUnauthorized {
				t.Errorf("userinfo: %s", a)
			}
			if me := b.me(); me.Authenticated != c.sessionLives {
				t.Errorf("the cookie: %+v", me)
			}
			if c.name != "access token given back" {
				if _, err := p.refresh(t, got.RefreshToken); err == nil {
					t.Error("the refresh token is still good")
				}
			}
			doors := time.Since(since)
			t.Logf("Cardea's own doors refused within %v, the API after %v", doors, w.deadAtAPI(t, got.AccessToken, since))
		})
	}
}

// me is what GET /session says.
type me struct {
	Authenticated bool
	User          struct{ ID, Email string }
	Session       struct{ ID string }
	Permissions   []string
}

func (b *browser) me() me {
	b.t.Helper()
	var m me
	a := b.get("/session")
	if a.status != http.StatusOK {
		b.t.Fatalf("GET /session: %s", a)
	}
	a.read(b.t, &m)
	return m
}

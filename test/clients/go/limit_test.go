package clients_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
)

// wrong tries a wrong password.
func (b *browser) wrong() answer {
	b.t.Helper()
	b.secret = "not-the-password-of-anybody"
	defer func() { b.secret = password }()
	return b.try()
}

// waits reads how long a refused browser is asked to wait, in seconds.
func (a answer) waits(t testing.TB) int {
	t.Helper()
	n, err := strconv.Atoi(a.header.Get("Retry-After"))
	if err != nil {
		t.Fatalf("Retry-After %q of %s", a.header.Get("Retry-After"), a)
	}
	return n
}

// TestE11_LockoutOverHTTP comes from another address each time, so that only the account is counted:
// five failures are 401, then the account waits, even for the right password.
func TestE11_LockoutOverHTTP(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server
	known, unknown := s.addUser(t, "locked@e11.example"), user{email: "nobody@e11.example"}
	for i := range 5 {
		for _, u := range []user{known, unknown} {
			a := s.browserAt(t, u, fmt.Sprintf("127.0.11.%d", i+1)).wrong()
			if a.status != http.StatusUnauthorized || a.refusal() != "invalid_credentials" {
				t.Errorf("failure %d of %s: %s", i+1, u.email, a)
			}
		}
	}
	for i, u := range []user{known, unknown, known, known} {
		a := s.browserAt(t, u, fmt.Sprintf("127.0.11.%d", i+10)).try()
		if a.status != http.StatusTooManyRequests || a.refusal() != "account_locked" {
			t.Fatalf("%s while it waits: %s", u.email, a)
		}
		if wait := a.waits(t); wait < 50 || wait > 60 {
			t.Errorf("%s waits %d seconds, want 60 from the fifth failure on", u.email, wait)
		}
	}
	s.cli(t, "user", "unlock", known.email)
	s.browserAt(t, known, "127.0.11.20").signIn()
}

// TestE12_RateOverHTTP: after five failures for an account from one address the sixth is 429 with the
// wait; another account there still gets 401. A header that names another address changes nothing,
// because nobody has said that there is a proxy.
func TestE12_RateOverHTTP(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server
	u := s.addUser(t, "guessed@e12.example")
	b := s.browserAt(t, u, "127.0.12.1")
	for i := range 5 {
		if a := b.wrong(); a.status != http.StatusUnauthorized {
			t.Fatalf("failure %d: %s", i+1, a)
		}
	}
	a := b.wrong()
	if a.status != http.StatusTooManyRequests {
		t.Fatalf("the sixth: %s", a)
	}
	// The longer of the limit (ten minutes) and the lockout (one) is answered.
	if wait := a.waits(t); wait < 500 || wait > 600 {
		t.Errorf("the sixth waits %d seconds, want ten minutes from the first failure on", wait)
	}
	if a := b.try(); a.status != http.StatusTooManyRequests {
		t.Errorf("the right password meanwhile: %s", a)
	}
	if a := s.browserAt(t, user{email: "else@e12.example"}, "127.0.12.1").wrong(); a.status != http.StatusUnauthorized {
		t.Errorf("another account from there: %s", a)
	}
	f := b.begin(map[string]string{"kind": "sign_in"})
	if len(f.Steps) == 0 {
		t.Fatal("no step is offered")
	}
	r := b.request(http.MethodPost, "/flow/password", map[string]string{"email": u.email, "password": password})
	r.Header.Set("X-Forwarded-For", "192.0.2.1")
	r.Header.Set("Forwarded", "for=192.0.2.1")
	if a := b.do(r); a.status != http.StatusTooManyRequests || a.waits(t) < 500 {
		t.Errorf("with a made-up address: %s", a)
	}
}

// TestUnknownAccountsAnswerAlike: whether an account exists is not to be seen in body, status or header.
func TestUnknownAccountsAnswerAlike(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server
	known := s.addUser(t, "known@alike.example")
	disabled := s.addUser(t, "disabled@alike.example")
	s.cli(t, "user", "disable", disabled.email)
	want := s.browserAt(t, user{email: "unknown@alike.example"}, "127.0.13.1").wrong()
	for _, u := range []user{known, disabled} {
		a := s.browserAt(t, u, "127.0.13.1").wrong()
		for _, h := range []http.Header{a.header, want.header} {
			h.Del("Date")
			h.Del("X-Request-Id")
			h.Del("Set-Cookie")
		}
		if a.status != want.status || a.refusal() != want.refusal() || fmt.Sprint(a.header) != fmt.Sprint(want.header) {
			t.Errorf("%s: %s %v, for an unknown one %s %v", u.email, a, a.header, want, want.header)
		}
	}
}

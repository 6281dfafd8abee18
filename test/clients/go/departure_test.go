package clients_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestDeletedAccountIsForgotten: who deletes the account is not known any more by address, name, browser
// or network, in nothing that is kept; that something happened, and to which id, stays provable.
func TestDeletedAccountIsForgotten(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	const agent = "Agent-of-somebody-who-leaves"
	u := s.addUser(t, "leaves@departure.example", "--name", "Lea Ving")
	stays := s.addUser(t, "stays@departure.example")
	s.browser(t, stays).signIn()
	b := s.browserAt(t, u, "127.0.7.7")
	inAgent := b.http.Transport
	b.http.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		r.Header.Set("User-Agent", agent)
		return inAgent.RoundTrip(r)
	})
	b.signIn()
	b.get("/session")
	var org struct{ ID string }
	s.ask(t, &org, "org", "add", "Left behind")
	s.cli(t, "org", "member", "add", org.ID, u.email)
	if a := b.post("/account/apikeys", map[string]string{"name": "ci"}); a.status != http.StatusCreated && a.status != http.StatusOK {
		t.Fatalf("making a key: %s", a)
	}
	traces := []string{u.email, "Lea Ving", agent, "127.0.7.7"}
	before := s.exported(t)
	for _, trace := range traces {
		if !strings.Contains(before, trace) {
			t.Errorf("%q is not kept, so nothing can be said about forgetting it", trace)
		}
	}
	if a := b.do(b.request(http.MethodDelete, "/account", nil)); a.status != http.StatusNoContent {
		t.Fatalf("deleting the account: %s", a)
	}
	after := s.exported(t)
	for _, trace := range traces {
		for line := range strings.Lines(after) {
			if strings.Contains(line, trace) {
				t.Errorf("%q is still kept: %.200s", trace, line)
			}
		}
	}
	for line := range strings.Lines(after) { // the id stays in events and in the list of revocations only
		if strings.Contains(line, u.id) && !strings.Contains(line, `"event"`) && !strings.Contains(line, `"revocation"`) {
			t.Errorf("the id is still kept: %.200s", line)
		}
	}
	if !strings.Contains(after, stays.email) || !strings.Contains(after, "user.deleted") {
		t.Error("more was forgotten than that")
	}
	if out := s.cli(t, "audit", "verify"); !strings.HasPrefix(out, "ok") {
		t.Errorf("audit verify: %s", out)
	}
}

// roundTripper is a function as an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

package browser_test

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/httpapi/browser"
)

// TestMeAsJSON: the writing by hand is that of the declared type, member by member.
func TestMeAsJSON(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 30, 0, 250e6, time.UTC)
	status := &browser.SessionStatus{ID: "s1", Expires: at.Add(time.Hour), AuthTime: at, ACR: "urn:x", AMR: []string{"pwd", "otp"}}
	for _, me := range []browser.Me{
		{},
		{Authenticated: true, User: &browser.Person{ID: "u1"}},
		{Authenticated: true, User: &browser.Person{}, Session: status, CSRF: "t"},
		{
			Authenticated: true, Session: status, Scopes: []string{"openid"}, Permissions: []string{"a:b", "c:d"}, CSRF: "token",
			User: &browser.Person{ID: "u1", Email: "ada@example.com", EmailVerified: true, Name: "Ada \"A\" \u2028 Löve", Locale: "de"},
		},
	} {
		want, err := json.Marshal(me)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := me.AppendJSON(nil); err != nil || string(got) != string(want) {
			t.Errorf("%v\n got %s\nwant %s", err, got, want)
		}
	}
}

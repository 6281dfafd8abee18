package tenant_test

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cardea-auth/cardea/internal/tenant"
)

// FuzzValidOrigin: an origin that is accepted is spelled as browsers spell it, so comparing it byte for
// byte is enough.
func FuzzValidOrigin(f *testing.F) {
	for _, seed := range []string{
		"https://app.example.com", "https://app.example.com:8443", "http://localhost:3000", "http://[::1]:3000", "http://app.example.com",
		"https://App.example.com", "https://app.example.com/", "https://u@a.example", "https://a%2eexample", "https://a.example?x", "null", "*", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !tenant.ValidOrigin(text) {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || strings.ToLower(text) != text || !strings.HasPrefix(text, "http") {
			t.Fatalf("%q is an origin", text)
		}
		if u.Scheme == "http" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" && u.Hostname() != "::1" {
			t.Fatalf("%q is an origin that others can change", text)
		}
	})
}

// FuzzDisplayName: a name that is accepted shows as it is written.
func FuzzDisplayName(f *testing.F) {
	for _, seed := range []string{"Example & Sons", "", "a\x00b", "a\u202eb", "\u200e", strings.Repeat("ä", 201), "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := tenant.DisplayName("/name", text)
		if err != nil {
			return
		}
		if got != text || !utf8.ValidString(got) || utf8.RuneCountInString(got) > 200 || strings.ContainsAny(got, "\x00\r\n\t\u202e\u2066") {
			t.Fatalf("%q is shown as %q", text, got)
		}
	})
}

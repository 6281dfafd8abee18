package oauth_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/oauth"
)

// FuzzParseScopes: what is read is what was written, in order and without repetition.
func FuzzParseScopes(f *testing.F) {
	for _, seed := range []string{"openid email", "", " ", "a  b", "a a", "a\tb", `a"b`, `a\b`, "ä", strings.Repeat("a ", 100), strings.Repeat("x", 200)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := oauth.ParseScopes(text)
		if err != nil {
			if oauth.CodeOf(err) != oauth.InvalidScope && oauth.CodeOf(err) != oauth.InvalidRequest {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		for i, name := range got {
			if name == "" || strings.ContainsAny(name, " \"\\\t\r\n") || slices.Contains(got[:i], name) {
				t.Fatalf("%q is read as %q", text, got)
			}
		}
		again, err := oauth.ParseScopes(got.String())
		if err != nil || !slices.Equal(again, got) {
			t.Fatalf("%q is read as %q and then as %q, %v", text, got, again, err)
		}
	})
}

// FuzzParseChallenge: only S256 in its one form is a challenge, and nothing but its verifier meets it.
func FuzzParseChallenge(f *testing.F) {
	f.Add("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "S256")
	f.Add("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN", "S256")
	f.Add("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "plain")
	f.Add("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM=", "S256")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, challenge, method string) {
		got, err := oauth.ParseChallenge(challenge, method)
		if err != nil {
			return
		}
		if challenge != "" && (method != "S256" || len(challenge) != 43) {
			t.Fatalf("%q by %q is read as %v", challenge, method, got)
		}
	})
}

// FuzzValidResource: a resource has one reading: no fragment, no blanks, a scheme.
func FuzzValidResource(f *testing.F) {
	for _, seed := range []string{"https://api.example.com/v1", "urn:example:api", "//api", "https://a#b", "https://a b", "https://a\\b", "a", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if oauth.ValidResource(text) && (strings.ContainsAny(text, "# \t\r\n") || !strings.Contains(text, ":")) {
			t.Fatalf("%q is a resource", text)
		}
	})
}

package oidc_test

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/cardea-auth/cardea/internal/httpapi/oidc"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/authorize"
)

// elements are those of a page as a browser's parser reads it: name and attributes.
func elements(t *testing.T, page string) (all []string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || slices.Contains([]string{"html", "head", "body", "meta", "title", "noscript"}, n.Data) {
			continue
		}
		text := n.Data
		for _, a := range n.Attr {
			text += " " + a.Key + "=" + a.Val
		}
		all = append(all, text)
	}
	return all
}

// TestFormPost: whatever the client had sent back, the page is one form with its values and one script.
func TestFormPost(t *testing.T) {
	t.Parallel()
	const to = "https://app.example.com/cb?a=1&b='2'"
	for _, state := range []string{
		"plain", `"><script>alert(1)</script>`, `' autofocus onfocus='alert(1)`, "</form></script><img src=x onerror=alert(1)>", "javascript:alert(1)", "&quot;{}", "a\x00\"b",
	} {
		r := authorize.Response{Redirect: to, Mode: authorize.FormPost, Params: []authorize.Param{{Name: "code", Value: "cdc_x"}, {Name: "state", Value: state}}}
		want := []string{
			"form method=post action=" + to, "input type=hidden name=code value=cdc_x",
			"input type=hidden name=state value=" + strings.ReplaceAll(state, "\x00", "\ufffd"), "script nonce=bm9uY2U=",
		}
		if got := elements(t, oidc.FormPost(r, "bm9uY2U=")); !slices.Equal(got, want) {
			t.Errorf("state %q: %q, want %q", state, got, want)
		}
	}
}

// TestFormPostAddress: no client can register an address that a browser would run (see
// oauth.CheckRedirectURI); were one stored all the same, the form would not hold it.
func TestFormPostAddress(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"https://app.example.com/cb": "https://app.example.com/cb", "http://127.0.0.1:9000/cb": "http://127.0.0.1:9000/cb", "com.example.app:/cb": "com.example.app:/cb",
		"javascript:alert(1)": "about:invalid", "JavaScript:alert(1)": "about:invalid", "data:text/html,x": "about:invalid",
	} {
		if registered := oauth.CheckRedirectURI(oauth.Native, uri) == nil; registered != (uri == want) {
			t.Errorf("%s can be registered: %t", uri, registered)
		}
		page := oidc.FormPost(authorize.Response{Redirect: oauth.RedirectURI(uri), Mode: authorize.FormPost}, "n")
		if got := elements(t, page)[0]; got != "form method=post action="+want {
			t.Errorf("%s: %s", uri, got)
		}
	}
}

// TestTold: the page of a refusal shows texts, and nothing in them becomes markup.
func TestTold(t *testing.T) {
	t.Parallel()
	page := oidc.Told("<script>1</script>", `"><img src=x>`, "</small>")
	if got := elements(t, page); !slices.Equal(got, []string{"h1", "p", "p", "p", "small"}) {
		t.Errorf("%q in\n%s", got, page)
	}
}

package oauth_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/oauth"
)

// badURIs are addresses that registration must refuse (rows 1, 2, 7).
func badURIs() []string {
	return []string{
		"", "https://", "https:///path", "//app.example.com/cb", "/cb", "app.example.com/cb",
		"http://app.example.com/cb", "HTTP://127.0.0.1/cb", "ftp://app.example.com/cb",
		"https://user@app.example.com/cb", "https://a@b@app.example.com/cb", "https://user:pass@app.example.com/cb",
		"https://app.example.com/cb#fragment", "https://app.example.com/cb#", "https://*.example.com/cb", "https://app.example.com/*",
		"https://app.example.com/a/../cb", "https://app.example.com/./cb", "https://app.example.com/a/..;/cb",
		"https://app.example.com/a/%2e%2e/cb", "https://app.example.com/%2E/cb", "https://app.example.com\\cb",
		"https://app.example.com/\tcb", "https://app.example.com/\x00cb", "https://app.example.com/\ncb", " https://app.example.com/cb",
		"https://app.example.com/cb ", "https://APP.example.com/cb", "https://äpp.example.com/cb", "https://app.example.com/ä",
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", "\x01javascript:alert(1)", "data:text/html,x", "DATA:text/html,x",
		"vbscript:x", "file:///etc/passwd", "blob:https://app.example.com/x", "about:blank", "myapp://cb", "myapp:/cb",
		"com..app:/cb", ".com.app:/cb", "Com.Example.App:/cb", "http://127.0.0.1.evil.example/cb", "http://127.0.0.1@evil.example/cb",
		"http://localhost.evil.example/cb", "http://[::2]/cb", "http://0.0.0.0/cb", "http://127.1/cb",
		"https://app.example.com/" + strings.Repeat("a", 2048),
	}
}

func TestRegress_007_RegistrationRefusesWhatCouldBeReadTwice(t *testing.T) {
	for _, kind := range []oauth.ClientType{oauth.Web, oauth.SPA, oauth.Native} {
		for _, uri := range badURIs() {
			if err := oauth.CheckRedirectURI(kind, uri); oauth.CodeOf(err) != oauth.InvalidRedirectURI {
				t.Errorf("%s client registered %q: %v", kind, uri, err)
			}
		}
		for _, uri := range []string{
			"https://app.example.com", "https://app.example.com/", "https://app.example.com:8443/cb?x=1&y=2", "https://app.example.com/a;b/c",
			"http://127.0.0.1:9000/cb", "http://[::1]/cb", "http://localhost:3000/cb",
		} {
			if err := oauth.CheckRedirectURI(kind, uri); err != nil {
				t.Errorf("%s client could not register %q: %v", kind, uri, err)
			}
		}
		for _, uri := range []string{"com.example.app:/cb", "com.example.app://cb/x", "com.example.app:cb"} {
			if err := oauth.CheckRedirectURI(kind, uri); (err == nil) != (kind == oauth.Native) {
				t.Errorf("%s client and the private scheme %q: %v", kind, uri, err)
			}
		}
	}
}

func TestRegress_001_002_003_004_005_006_RedirectURIsAreComparedByteForByte(t *testing.T) {
	web := []oauth.RedirectURI{"https://foo.bar.com/cb", "http://127.0.0.1/cb", "http://localhost/cb"}
	native := []oauth.RedirectURI{"http://127.0.0.1/cb?x=1", "http://[::1]:4000/cb", "http://127.0.0.1", "com.example.app:/cb", "http://localhost:1/cb"}
	cases := []struct {
		row        string
		kind       oauth.ClientType
		registered []oauth.RedirectURI
		sent       string
		good       bool
	}{
		{"exact", oauth.Web, web, "https://foo.bar.com/cb", true},
		{"001 userinfo", oauth.Web, web, "https://foo.bar.com@evil.example/cb", false},
		{"001 several @", oauth.Web, web, "https://a@b@foo.bar.com/cb", false},
		{"002 dot dot", oauth.Web, web, "https://foo.bar.com/x/../cb", false},
		{"002 semicolon", oauth.Web, web, "https://foo.bar.com/..;/cb", false},
		{"002 encoded", oauth.Web, web, "https://foo.bar.com/%63b", false},
		{"002 backslash", oauth.Web, web, "https://foo.bar.com\\cb", false},
		{"003 another port on web", oauth.Web, web, "http://127.0.0.1:81/cb", false},
		{"003 another path", oauth.Native, native, "http://127.0.0.1:81/cb2?x=1", false},
		{"003 another host", oauth.Native, native, "http://127.0.0.2:81/cb?x=1", false},
		{"003 localhost keeps its port", oauth.Native, native, "http://localhost:2/cb", false},
		{"003 port varies", oauth.Native, native, "http://127.0.0.1:50123/cb?x=1", true},
		{"003 port may be absent", oauth.Native, native, "http://127.0.0.1/cb?x=1", true},
		{"003 IPv6 port varies", oauth.Native, native, "http://[::1]:1/cb", true},
		{"003 empty path", oauth.Native, native, "http://127.0.0.1:5", true},
		{"003 port 0", oauth.Native, native, "http://127.0.0.1:0/cb?x=1", false},
		{"003 port 65536", oauth.Native, native, "http://127.0.0.1:65536/cb?x=1", false},
		{"003 port with a zero", oauth.Native, native, "http://127.0.0.1:080/cb?x=1", false},
		{"003 port with a sign", oauth.Native, native, "http://127.0.0.1:+80/cb?x=1", false},
		{"003 userinfo as port", oauth.Native, native, "http://127.0.0.1:80@evil.example/cb?x=1", false},
		{"003 host goes on", oauth.Native, native, "http://127.0.0.1.evil.example/cb?x=1", false},
		{"003 https", oauth.Native, native, "https://127.0.0.1:81/cb?x=1", false},
		{"005 dot is a dot", oauth.Web, web, "https://fooXbar.com/cb", false},
		{"006 prefix", oauth.Web, web, "https://foo.bar.com/cb.evil.example", false},
		{"006 host prefix", oauth.Web, web, "https://foo.bar.com.evil.example/cb", false},
		{"query added", oauth.Web, web, "https://foo.bar.com/cb?x", false},
		{"case", oauth.Web, web, "https://FOO.bar.com/cb", false},
		{"trailing slash", oauth.Web, web, "https://foo.bar.com/cb/", false},
		{"empty", oauth.Web, web, "", false},
		{"private scheme", oauth.Native, native, "com.example.app:/cb", true},
		{"private scheme, other path", oauth.Native, native, "com.example.app:/cb2", false},
	}
	for _, c := range cases {
		t.Run(c.row, func(t *testing.T) {
			got, ok := oauth.MatchRedirect(c.kind, c.registered, c.sent)
			if ok != c.good || ok && string(got) != c.sent {
				t.Errorf("MatchRedirect(%q) = %q, %v", c.sent, got, ok)
			}
		})
	}
}

// Row 4: what is accepted equals a registered URI byte for byte, or follows the port rule.
func FuzzRegress_004_MatchRedirect(f *testing.F) {
	for _, seed := range [][2]string{
		{"https://foo.bar.com/cb", "https://foo.bar.com/cb"}, {"http://127.0.0.1/cb", "http://127.0.0.1:80/cb"},
		{"http://[::1]:1/cb", "http://[::1]:2/cb"}, {"http://127.0.0.1:1", "http://127.0.0.1:1@evil"}, {"com.example:/", "com.example:/x"},
	} {
		f.Add(seed[0], seed[1], true)
	}
	f.Fuzz(func(t *testing.T, registered, sent string, native bool) {
		kind := oauth.Web
		if native {
			kind = oauth.Native
		}
		got, ok := oauth.MatchRedirect(kind, []oauth.RedirectURI{oauth.RedirectURI(registered)}, sent)
		if !ok || registered == sent {
			return
		}
		if !native || string(got) != sent || withoutPort(t, registered) != withoutPort(t, sent) {
			t.Errorf("%q was accepted for %q", sent, registered)
		}
	})
}

// withoutPort takes the port from a loopback URI, by a road of its own.
func withoutPort(t *testing.T, uri string) string {
	rest, ok := strings.CutPrefix(uri, "http://")
	if !ok {
		t.Fatalf("%q is not http", uri)
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	host, tail := rest[:end], rest[end:]
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i+1:]
	}
	if name != "127.0.0.1" && name != "[::1]" || strings.Trim(port, "0123456789") != "" {
		t.Fatalf("%q is not on a loopback literal with a port", uri)
	}
	return name + tail
}

package clients_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// mailing is something that has a link mailed to somebody.
type mailing struct {
	name string // and kind of the link
	// prepare makes whom the mail goes to, and what must be there before.
	prepare func(t *testing.T, s *server, email string)
	// ask causes the mail from a browser, all of whose requests are changed by hostile.
	ask func(t *testing.T, b *browser, hostile func(*http.Request)) answer
}

// mailings are all of them but the invitation, which an administrator causes.
func mailings() []mailing {
	flow := func(kind, step string, values func(b *browser) map[string]string) func(*testing.T, *browser, func(*http.Request)) answer {
		return func(_ *testing.T, b *browser, hostile func(*http.Request)) answer {
			start := b.request(http.MethodPost, "/flows", map[string]string{"kind": kind})
			hostile(start)
			b.do(start)
			r := b.request(http.MethodPost, "/flow/"+step, values(b))
			hostile(r)
			return b.do(r)
		}
	}
	none := func(*testing.T, *server, string) {}
	add := func(t *testing.T, s *server, email string) { s.addUser(t, email) }
	return []mailing{
		{"sign_up", none, flow("sign_up", "sign_up", func(b *browser) map[string]string {
			return map[string]string{"email": b.email, "password": password, "name": "N"}
		})},
		{"recover", add, flow("recover", "recover", func(b *browser) map[string]string { return map[string]string{"email": b.email} })},
		{"verify_email", add, func(t *testing.T, b *browser, hostile func(*http.Request)) answer {
			b.signIn()
			b.get("/session")
			r := b.request(http.MethodPut, "/account/email", map[string]string{"email": "new-" + b.email})
			hostile(r)
			return b.do(r)
		}},
		{"unlock", add, func(t *testing.T, b *browser, hostile func(*http.Request)) (last answer) {
			for range 5 {
				start := b.request(http.MethodPost, "/flows", map[string]string{"kind": "sign_in"})
				hostile(start)
				b.do(start)
				r := b.request(http.MethodPost, "/flow/password", map[string]string{"email": b.email, "password": "not-the-password"})
				hostile(r)
				last = b.do(r)
			}
			return last
		}},
	}
}

// forms are headers by which other systems let themselves be told where they are.
func forms() map[string]func(http.Header) {
	out := map[string]func(http.Header){
		"Forwarded": func(h http.Header) { h.Set("Forwarded", `for=192.0.2.1;host=evil.example;proto=https`) },
		"all":       func(http.Header) {},
	}
	for _, name := range []string{
		"X-Forwarded-Host", "X-Forwarded-Server", "X-Host", "X-Original-Host", "X-HTTP-Host-Override", "X-Forwarded-Prefix",
		"X-Original-URL", "X-Rewrite-URL", "Referer", "X-Forwarded-Proto", "X-Forwarded-Port",
	} {
		value := map[string]string{
			"X-Original-URL": "https://evil.example/link", "X-Rewrite-URL": "https://evil.example/link", "Referer": "https://evil.example/",
			"X-Forwarded-Prefix": "/evil.example", "X-Forwarded-Proto": "evil.example", "X-Forwarded-Port": "6666",
		}[name]
		if value == "" {
			value = "evil.example"
		}
		out[name] = func(h http.Header) { h.Set(name, value) }
	}
	for name, set := range out {
		if all := out["all"]; name != "all" {
			out["all"] = func(h http.Header) { all(h); set(h) }
		}
	}
	return out
}

// TestRegress_012_094_MailedLinksLeadHere: whatever a request says about where it went, the first one of
// a new server too, and from a proxy that is trusted: the link in the mail leads to the issuer.
func TestRegress_012_094_MailedLinksLeadHere(t *testing.T) {
	t.Parallel()
	m := startMailServer(t)
	s := startServer(t, launch{env: append(m.settings(), "CARDEA_SERVER_TRUSTED_PROXIES=127.0.95.0/24")})
	for i, set := range []string{"evil.example", "evil.example:80", s.origin[len("http://"):] + ".evil.example"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.issuer+"/flows", strings.NewReader(`{"kind":"recover"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = set
		r.Header.Set("Content-Type", "application/json")
		if a := s.send(t, r); a.status != http.StatusMisdirectedRequest {
			t.Errorf("host %d: %s", i, a)
		}
	}
	n := 0
	for form, set := range forms() {
		hostile := func(r *http.Request) { set(r.Header) }
		for _, way := range mailings() {
			n++
			email := fmt.Sprintf("%s%d@links.example", strings.ReplaceAll(way.name, "_", ""), n)
			way.prepare(t, s, email)
			// From a proxy that is trusted, and from nobody in particular.
			b := s.browserAt(t, user{email: email}, fmt.Sprintf("127.0.%d.%d", 94+n%2, n))
			if a := way.ask(t, b, hostile); a.status >= 500 {
				t.Fatalf("%s with %s: %s", way.name, form, a)
			}
			leadsHere(t, s, m, email, way.name, form)
		}
	}
	// An invitation comes from an administrator.
	admin := s.admin(t, "admin@links.example")
	var org struct{ ID string }
	s.ask(t, &org, "org", "add", "Links")
	for form, set := range forms() {
		n++
		email := fmt.Sprintf("invited%d@links.example", n)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.issuer+"/api/orgs/"+org.ID+"/invitations", strings.NewReader(`{"email":"`+email+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		set(r.Header)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+admin)
		if a := s.send(t, r); a.status != http.StatusCreated {
			t.Fatalf("inviting with %s: %s", form, a)
		}
		leadsHere(t, s, m, email, "invitation", form)
	}
}

var address = regexp.MustCompile(`https?://[^\s<>"]+`)

// leadsHere checks every address in the next mail with a link to somebody.
func leadsHere(t *testing.T, s *server, m *mailServer, email, kind, form string) {
	t.Helper()
	for {
		got := m.next(t, email)
		all := address.FindAllString(got.text, -1)
		for _, found := range all {
			if !strings.HasPrefix(found, s.issuer+"/link#") {
				t.Errorf("%s with %s: the mail leads to %s", kind, form, found)
			}
		}
		if len(all) > 0 {
			return
		}
	}
}

// TestRegress_095_ScannersUseNothingUp: whatever opens the address in a mail before the person does, and
// whatever it makes of the token in it, the link is as good as before.
func TestRegress_095_ScannersUseNothingUp(t *testing.T) {
	t.Parallel()
	m := startMailServer(t)
	s := startServer(t, launch{env: m.settings()})
	use := map[string]func(b *browser, token string) answer{
		"recover": func(b *browser, token string) answer {
			return b.post("/flow/link", map[string]string{"token": token, "password": "tortoise-lantern-mountain"})
		},
	}
	for i, way := range mailings() {
		email := strings.ReplaceAll(way.name, "_", "") + "@scanned.example"
		way.prepare(t, s, email)
		b := s.browserAt(t, user{email: email}, fmt.Sprintf("127.0.96.%d", i+1))
		way.ask(t, b, func(*http.Request) {})
		token := ""
		for token == "" {
			if got := m.next(t, email); strings.Contains(got.text, "/link#"+way.name+".") {
				token = got.token(t, way.name)
			}
		}
		scan(t, s, way.name, token)
		// The person opens it, on another device.
		p := s.browserAt(t, user{}, fmt.Sprintf("127.0.96.%d", i+100))
		p.begin(map[string]string{"kind": way.name})
		with := use[way.name]
		if with == nil {
			with = func(b *browser, token string) answer {
				return b.post("/flow/link", map[string]string{"token": token})
			}
		}
		if a := with(p, token); a.status != http.StatusOK {
			t.Errorf("%s after the scanner: %s", way.name, a)
		}
		p.begin(map[string]string{"kind": way.name})
		if a := with(p, token); a.status == http.StatusOK {
			t.Errorf("%s a second time: %s", way.name, a)
		}
	}
	invitationAfterScan(t, s, m)
}

func invitationAfterScan(t *testing.T, s *server, m *mailServer) {
	u := s.addUser(t, "invited@scanned.example")
	var org struct{ ID string }
	s.ask(t, &org, "org", "add", "Scanned")
	s.cli(t, "org", "invite", org.ID, u.email)
	token := m.about(t, u.email, "Invitation").token(t, "invitation")
	scan(t, s, "invitation", token)
	b := s.browser(t, u).signIn()
	b.get("/session")
	if a := b.post("/account/invitations", map[string]string{"token": token}); a.status != http.StatusCreated {
		t.Errorf("an invitation after the scanner: %s", a)
	}
	if a := b.post("/account/invitations", map[string]string{"token": token}); a.status == http.StatusCreated {
		t.Errorf("an invitation a second time: %s", a)
	}
}

// scan opens the address as scanners, prefetchers and careless people do.
func scan(t *testing.T, s *server, kind, token string) {
	t.Helper()
	q := url.Values{"token": {token}, kind: {token}}.Encode()
	for _, target := range []string{
		"/link", "/link/", "/link?" + q, "/link/" + token, "/link/" + kind + "." + token, "/link%23" + kind + "." + token,
		"/flow/link?" + q, "/flow?" + q, "/account/invitations?" + q, "/flows?" + q,
	} {
		for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodOptions, http.MethodPost} {
			r, err := http.NewRequestWithContext(t.Context(), method, s.issuer+target, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("User-Agent", "Mail-Scanner/1.0")
			r.Header.Set("Purpose", "prefetch")
			if a := s.send(t, r); a.status >= 500 {
				t.Errorf("%s %s: %s", method, target, a)
			}
		}
	}
}

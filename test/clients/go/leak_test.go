package clients_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// witness remembers what went over the wire.
type witness struct {
	mu        sync.Mutex
	addresses []string          // to which answers lead: Location and its like
	refusals  []string          // bodies of answers that refuse
	secrets   map[string]string // what must never be seen elsewhere, and what it is
}

// RoundTripper makes the witness look at what b sends and gets.
func (w *witness) watch(b *browser) *browser {
	next := b.http.Transport
	b.http.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		res, err := next.RoundTrip(r)
		if err == nil {
			err = w.look(r, res)
		}
		return res, err
	})
	return b
}

func (w *witness) look(r *http.Request, res *http.Response) error {
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	for _, c := range res.Cookies() {
		w.secret(c.Value, "the cookie "+c.Name)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range []string{"Location", "Content-Location", "Refresh", "Link", "Referer"} {
		w.addresses = append(w.addresses, res.Header.Values(name)...)
	}
	w.addresses = append(w.addresses, r.URL.String())
	w.addresses = append(w.addresses, inBody.FindAllString(string(body), -1)...)
	if res.StatusCode >= 400 {
		w.refusals = append(w.refusals, string(body))
	}
	return nil
}

// heard notes an answer that came to somebody without a browser.
func (w *witness) heard(a answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.addresses = append(w.addresses, a.header.Values("Location")...)
	if a.status >= 400 {
		w.refusals = append(w.refusals, string(a.body))
	}
}

// inBody finds addresses to which a JSON answer sends the page that asked.
var inBody = regexp.MustCompile(`"(?:location|return_to|next)":"[^"]*"`)

// secret notes something that only its owner may have.
func (w *witness) secret(text, what string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.secrets == nil {
		w.secrets = map[string]string{}
	}
	if len(text) >= 8 {
		w.secrets[text] = what
	}
	return text
}

// tokenLike finds our tokens by their prefix and JWTs by their header. A code and the sealed handle of a
// request are no tokens: they are made to be carried by the browser, and good for nothing else.
var tokenLike = regexp.MustCompile(`cd[adiklrsx]_[A-Za-z0-9_-]{20,}|eyJ[A-Za-z0-9_-]{8,}\.`)

// journey is what a person, an application, an administrator and a thief do in a day; everything in it
// that is secret is noted. It returns who was there.
func (w *witness) journey(t *testing.T, s *server, m *mailServer) []string {
	const chosen, third = "Zinnia-Quarry-Falcon-9", "pencil-harbour-orchestra"
	w.secret(password, "a password")
	w.secret(chosen, "a chosen password")
	w.secret(third, "a password after recovery")
	b := w.watch(s.browser(t, user{email: "signs-up@leak.example"}))
	b.secret = chosen
	b.begin(map[string]string{"kind": "sign_up"})
	b.post("/flow/sign_up", map[string]string{"email": b.email, "password": chosen, "name": "Journey"})
	b.finish(b.post("/flow/link", map[string]string{"token": w.secret(m.about(t, b.email, "").token(t, "sign_up"), "a mailed link")}))
	if m := b.me(); !m.Authenticated {
		t.Fatal("the journey does not begin")
	}
	for _, c := range []struct{ kind, format string }{{"web", "jwt"}, {"web", "opaque"}, {"spa", "jwt"}} {
		a := s.addApp(t, c.kind, flags(scopes("openid", "email", "offline_access"), []string{"--access-token", c.format, "--post-logout", "http://127.0.0.1:9/goodbye"})...)
		w.secret(a.secret, "a client secret")
		p := s.newParty(t, a, "openid", "email", "offline_access")
		got := p.login(b)
		next := p.mustRefresh(t, got.RefreshToken)
		for _, token := range []string{got.AccessToken, got.RefreshToken, got.rawID, next.AccessToken, next.RefreshToken} {
			w.secret(token, "a token")
		}
		if _, err := p.refresh(t, got.RefreshToken+"x"); err == nil {
			t.Error("a changed refresh token is accepted")
		}
		w.heard(s.with(t, "GET", "/oauth/userinfo?access_token="+url.QueryEscape(next.AccessToken), "", ""))
		w.heard(s.with(t, "GET", "/oauth/userinfo", "Authorization", "Bearer "+next.AccessToken))
		w.heard(s.post(t, a, "/oauth/introspect", "token", next.AccessToken))
		w.heard(s.post(t, a, "/oauth/revoke", "token", next.RefreshToken))
		w.heard(s.post(t, a, "/oauth/token", "grant_type", "refresh_token", "refresh_token", got.RefreshToken))
		b.visitRefused(p.request("redirect_uri", "https://evil.example/"+next.AccessToken))
		b.get(p.request("scope", "unknown", "state", "s"))
		b.get("/oauth/logout?" + url.Values{"id_token_hint": {got.rawID}, "post_logout_redirect_uri": {"https://evil.example"}}.Encode())
	}
	b.get("/session")
	b.finish(b.enter(b.begin(map[string]string{"kind": "step_up"})))
	b.get("/session")
	var key struct{ Secret string }
	b.post("/account/apikeys", map[string]string{"name": "ci"}).read(t, &key)
	w.heard(s.with(t, "GET", "/session", "X-API-Key", w.secret(key.Secret, "an API key")))
	w.heard(s.with(t, "GET", "/session", "Authorization", "Bearer "+key.Secret[:len(key.Secret)-1]))
	admin := w.secret(s.admin(t, "admin@leak.example"), "the administrator's token")
	w.heard(s.change(t, "GET", "/api/users", admin, ""))
	w.heard(s.change(t, "POST", "/api/clients", admin, `{"name":"x","type":"web","redirect_uris":["javascript:`+key.Secret+`"]}`))
	w.heard(s.change(t, "POST", "/api/users", admin, `{"email":"`+key.Secret+`","password":"`+chosen+`"}`))
	var org struct{ ID string }
	s.ask(t, &org, "org", "add", "Leak")
	s.cli(t, "org", "invite", org.ID, b.email)
	w.secret(m.about(t, b.email, "Invitation").token(t, "invitation"), "an invitation")
	thief := w.watch(s.browser(t, user{email: b.email}))
	thief.secret = w.secret("Guess-Of-A-Thief-77", "a wrong password")
	thief.try()
	thief.begin(map[string]string{"kind": "recover"})
	thief.post("/flow/recover", map[string]string{"email": b.email})
	link := w.secret(m.about(t, b.email, "password").token(t, "recover"), "a recovery link")
	thief.post("/flow/link", map[string]string{"token": link, "password": "short"})
	thief.post("/flow/link", map[string]string{"token": link, "password": third})
	b.begin(map[string]string{"kind": "sign_in"})
	b.secret = third
	b.signIn()
	b.get("/session")
	if a := b.do(b.request(http.MethodDelete, "/session", nil)); a.status != http.StatusNoContent {
		t.Errorf("signing out: %s", a)
	}
	return []string{b.email}
}

// visitRefused asks for something that is refused here.
func (b *browser) visitRefused(path string) {
	b.t.Helper()
	if a := b.get(path); a.status < 400 {
		b.t.Errorf("%s: %s", path, a)
	}
}

// TestRegress_014_041_146_NothingSecretIsLeft goes through a whole day and then looks at every address to
// which anybody was sent, at every refusal, and at everything that the server has written: log, metrics,
// events, database. The secrets of the operator are planted, those of people and programs are the real ones.
func TestRegress_014_041_146_NothingSecretIsLeft(t *testing.T) {
	t.Parallel()
	m := startMailServer(t)
	w := &witness{}
	const pepper = "canary-of-the-pepper-0123456789abcdef"
	s := startServer(t, launch{env: append(m.settings(),
		"CARDEA_PASSWORD_PEPPER=p1", "CARDEA_PASSWORD_PEPPERS_0_ID=p1", "CARDEA_PASSWORD_PEPPERS_0_KEY="+w.secret(pepper, "the pepper"),
		"CARDEA_LOG_LEVEL=debug",
	)})
	w.journey(t, s, m)
	master, err := os.ReadFile(filepath.Join(s.dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(master)) {
		w.secret(strings.TrimSpace(line), "the master key")
	}
	left := map[string]string{
		"the metrics": s.operate(t, "/metrics"), "readiness": s.operate(t, "/readyz"),
		"the events": s.cli(t, "audit", "list", "--json"),
		"the export": s.exported(t),
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	left["the log"] = s.Log.String()
	for name, text := range s.files(t) {
		left["the file "+name] = text
	}
	left["a refusal"] = strings.Join(w.refusals, "\n")
	for text, what := range w.secrets {
		for where, all := range left {
			if strings.Contains(all, text) || strings.Contains(all, url.QueryEscape(text)) {
				t.Errorf("%s is in %s", what, where)
			}
		}
	}
	w.checkAddresses(t)
	// What would be found if it were there.
	looked := []string{"the log", "the events", "the metrics"}
	if os.Getenv(engineVariable) != "postgres" {
		looked = append(looked, "the file cardea.db")
	}
	for _, must := range looked {
		if len(left[must]) < 1000 {
			t.Errorf("%s is too short to have been looked at: %d bytes", must, len(left[must]))
		}
	}
	if len(w.secrets) < 40 || len(w.refusals) < 10 || len(w.addresses) < 45 {
		t.Errorf("the journey is too short: %d secrets, %d refusals, %d addresses", len(w.secrets), len(w.refusals), len(w.addresses))
	}
}

// checkAddresses looks at every address of the journey. The test itself has put tokens into some of the
// addresses that it asked for, to see what becomes of them.
func (w *witness) checkAddresses(t *testing.T) {
	t.Helper()
	for _, where := range w.addresses {
		planted := strings.Contains(where, "evil.example") || strings.Contains(where, "id_token_hint=")
		if found := tokenLike.FindString(where); found != "" && !planted {
			t.Errorf("an address holds %.12s…: %.120s", found, where)
		}
		for text, what := range w.secrets {
			carried := strings.HasPrefix(what, "the cookie") && strings.HasPrefix(text, "cdf_")
			if strings.Contains(where, text) && !planted && !carried {
				t.Errorf("an address holds %s: %.120s", what, where)
			}
		}
	}
	if !slices.ContainsFunc(w.addresses, func(a string) bool { return strings.Contains(a, "code=cdc_") }) {
		t.Error("no address with a code was seen, so the right addresses were not looked at")
	}
}

// exported is what an export holds.
func (s *server) exported(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "all.ndjson")
	s.cli(t, "export", path)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// files are the files of the data directory but the master key, as text.
func (s *server) files(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(os.DirFS(s.dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "master.key" {
			return err
		}
		text, err := os.ReadFile(filepath.Join(s.dir, name))
		out[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(fmt.Errorf("looking through the data directory: %w", err))
	}
	return out
}

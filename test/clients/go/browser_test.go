package clients_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// browser is a person with a browser: it keeps cookies as browsers do on loopback, goes on only where
// it is sent, and does what our own pages do with the JSON API of flows.
type browser struct {
	t       testing.TB
	server  *server
	http    *http.Client
	cookies map[string]string
	csrf    string // of the last answer that named one
	email   string // who sits before it
	secret  string // the password that is typed
	allow   []string
	deny    bool
}

func (s *server) browser(t testing.TB, u user) *browser {
	return s.browserAt(t, u, "")
}

// browserAt is a browser at another address of this machine, such as 127.0.0.2.
func (s *server) browserAt(t testing.TB, u user, address string) *browser {
	client := s.http
	if client == nil {
		client = clientAt(address)
	}
	return &browser{t: t, server: s, http: client, cookies: map[string]string{}, email: u.email, secret: password}
}

// clientAt is an HTTP client at an address of this machine that follows no redirects.
func clientAt(address string) *http.Client {
	d := net.Dialer{}
	if address != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(address)}
	}
	return &http.Client{
		Transport:     &http.Transport{DialContext: d.DialContext, MaxIdleConnsPerHost: 8},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) String() string { return fmt.Sprintf("status %d %s", a.status, a.body) }

// read reads the JSON of an answer into out.
func (a answer) read(t testing.TB, out any) {
	t.Helper()
	if err := json.Unmarshal(a.body, out); err != nil {
		t.Fatalf("%s: %v", a, err)
	}
}

// refusal is the code of a problem document or of an OAuth error.
func (a answer) refusal() string {
	var doc struct{ Code, Error string }
	if json.Unmarshal(a.body, &doc) != nil {
		return ""
	}
	return doc.Code + doc.Error
}

func send(c *http.Client, r *http.Request) (answer, error) {
	res, err := c.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, body}, err
}

// request is a request with the browser's cookies.
func (b *browser) request(method, path string, body any) *http.Request {
	b.t.Helper()
	var content io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			b.t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(b.context(), method, b.server.issuer+path, content)
	if err != nil {
		b.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if method != http.MethodGet {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Origin", b.server.origin)
		r.Header.Set("X-CSRF-Token", b.csrf)
	}
	var pairs []string
	for name, value := range b.cookies {
		pairs = append(pairs, name+"="+value)
	}
	if len(pairs) > 0 {
		r.Header.Set("Cookie", strings.Join(pairs, "; "))
	}
	return r
}

func (b *browser) context() context.Context { return b.t.Context() }

// do sends a request and keeps the cookies of the answer.
func (b *browser) do(r *http.Request) answer {
	b.t.Helper()
	a, err := send(b.http, r)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, line := range a.header["Set-Cookie"] {
		b.keep(line)
	}
	var said struct {
		CSRF string `json:"csrf_token"`
	}
	if json.Unmarshal(a.body, &said) == nil && said.CSRF != "" {
		b.csrf = said.CSRF
	}
	return a
}

// keep stores a cookie under the rules of RFC 6265bis for the prefix __Host-.
func (b *browser) keep(line string) {
	b.t.Helper()
	c, err := http.ParseSetCookie(line)
	if err != nil {
		b.t.Fatalf("%s: %v", line, err)
	}
	if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || c.Path != "/" || c.Domain != "" || c.SameSite == http.SameSiteDefaultMode {
		b.t.Fatalf("a browser would not keep this cookie as it is meant: %s", line)
	}
	if c.MaxAge < 0 || c.Value == "" {
		delete(b.cookies, c.Name)
		return
	}
	b.cookies[c.Name] = c.Value
}

// session is the value of the session cookie, or "".
func (b *browser) session() string { return b.cookies[sessionCookie+b.server.tenant] }

// sessionCookie stands before the tenant in the name of its cookie.
const sessionCookie = "__Host-cardea-"

// clone is a second browser with the same cookies: somebody who has stolen them.
func (b *browser) clone() *browser {
	c := *b
	c.cookies = maps.Clone(b.cookies)
	return &c
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	return b.do(b.request(http.MethodGet, path, nil))
}

func (b *browser) post(path string, body any) answer {
	b.t.Helper()
	return b.do(b.request(http.MethodPost, path, body))
}

// flow is what the flow API says.
type flow struct {
	Kind  string
	Steps []struct {
		Step   string
		Fields []struct{ Name, Value string }
	}
	Notice   string
	Done     bool
	ReturnTo string `json:"return_to"`
	User     string
}

// begin starts a flow.
func (b *browser) begin(opening map[string]string) flow {
	b.t.Helper()
	a := b.post("/flows", opening)
	if a.status != http.StatusOK {
		b.t.Fatalf("starting a flow: %s", a)
	}
	var f flow
	a.read(b.t, &f)
	return f
}

// enter fills in the password step of the flow under way, if it asks for it.
func (b *browser) enter(f flow) answer {
	b.t.Helper()
	for _, s := range f.Steps {
		if s.Step != "password" {
			continue
		}
		values := map[string]string{}
		for _, field := range s.Fields {
			values[field.Name] = map[string]string{"email": b.email, "password": b.secret}[field.Name]
		}
		return b.post("/flow/password", values)
	}
	b.t.Fatalf("the flow does not ask for a password: %+v", f)
	return answer{}
}

// try signs in on the sign-in page and returns whatever is answered.
func (b *browser) try() answer {
	b.t.Helper()
	return b.enter(b.begin(map[string]string{"kind": "sign_in"}))
}

// signIn signs in, which must work.
func (b *browser) signIn() *browser {
	b.t.Helper()
	b.finish(b.try())
	return b
}

func (b *browser) finish(a answer) flow {
	b.t.Helper()
	var f flow
	if a.status != http.StatusOK {
		b.t.Fatalf("signing in: %s", a)
	}
	if a.read(b.t, &f); !f.Done {
		b.t.Fatalf("the flow is not over: %+v", f)
	}
	return f
}

// visit opens an address of the server and does what its pages ask for until the browser is sent to
// the application, whose parameters it returns.
func (b *browser) visit(address, redirect string) url.Values {
	b.t.Helper()
	for range 10 {
		a := b.get(strings.TrimPrefix(address, b.server.issuer))
		if a.status != http.StatusSeeOther {
			b.t.Fatalf("%s: %s", address, a)
		}
		address = a.header.Get("Location")
		if strings.HasPrefix(address, redirect+"?") {
			return parameters(b.t, address)
		}
		if next := b.page(address); strings.HasPrefix(next, redirect+"?") {
			return parameters(b.t, next)
		} else if next != "" {
			address = next
		}
	}
	b.t.Fatalf("the browser is sent around in circles; it is at %s", address)
	return nil
}

// page does what a page of ours asks for and says where it goes on; "" for what is no page.
func (b *browser) page(address string) string {
	b.t.Helper()
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, b.server.issuer) {
		b.t.Fatalf("the browser is sent to %s", address)
	}
	request := u.Query().Get("request")
	switch strings.TrimPrefix(address[:len(address)-len(u.RawQuery)], b.server.issuer) {
	case "/sign-in?", "/step-up?":
		done := b.finish(b.enter(b.begin(map[string]string{"request": request})))
		return b.server.issuer + done.ReturnTo
	case "/consent?":
		return b.consent(request)
	}
	return ""
}

// consent is the page that asks whether an application may: it shows what is behind the request and
// sends the answer.
func (b *browser) consent(request string) string {
	b.t.Helper()
	var need struct {
		Kind, Next string
		Client     struct{ ID, Name string }
		Scopes     []struct{ Name string }
	}
	b.get("/session") // for the CSRF token
	b.get("/oauth/authorize/resume/need?request="+url.QueryEscape(request)).read(b.t, &need)
	if need.Next != "" {
		return need.Next
	}
	if need.Kind != "consent" || need.Client.Name == "" {
		b.t.Fatalf("the consent page has nothing to show: %+v", need)
	}
	allowed := []string{}
	for _, s := range need.Scopes {
		allowed = append(allowed, s.Name)
	}
	if b.allow != nil {
		allowed = b.allow
	}
	a := b.post("/oauth/authorize/resume", map[string]any{"request": request, "allow": !b.deny, "scopes": allowed})
	var next struct{ Location string }
	if a.read(b.t, &next); next.Location == "" {
		b.t.Fatalf("answering the consent page: %s", a)
	}
	return next.Location
}

func parameters(t testing.TB, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

package clients_test

import (
	"bufio"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/test/process"
)

// mailServer is a mail server that keeps what it is given (RFC 5321, as far as one client needs it).
type mailServer struct {
	listener net.Listener
	arrived  chan message
}

type message struct{ to, subject, text string }

func startMailServer(t testing.TB) *mailServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailServer{listener: l, arrived: make(chan message, 100)}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go m.serve(c)
		}
	}()
	return m
}

// settings are how an operator tells Cardea to use this server.
func (m *mailServer) settings() []string {
	_, port, _ := net.SplitHostPort(m.listener.Addr().String())
	return []string{
		"CARDEA_MAIL_SMTP_HOST=127.0.0.1", "CARDEA_MAIL_SMTP_PORT=" + port, "CARDEA_MAIL_SMTP_SECURITY=none",
		"CARDEA_MAIL_FROM=Cardea <no-reply@example.com>", "CARDEA_EGRESS_ALLOW=smtp=127.0.0.1/32",
	}
}

// serve speaks to one client.
func (m *mailServer) serve(c net.Conn) {
	defer c.Close()
	lines := textproto.NewReader(bufio.NewReader(c))
	say := func(text string) { fmt.Fprint(c, text+"\r\n") }
	say("220 mail.example")
	for {
		line, err := lines.ReadLine()
		if err != nil {
			return
		}
		switch word, _, _ := strings.Cut(strings.ToUpper(line), " "); word {
		case "EHLO":
			say("250-mail.example\r\n250 8BITMIME")
		case "DATA":
			say("354 go on")
			m.keep(lines.DotReader())
			say("250 kept")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (m *mailServer) keep(r io.Reader) {
	raw, err := mail.ReadMessage(r)
	if err != nil {
		m.arrived <- message{text: "not a mail: " + err.Error()}
		return
	}
	m.arrived <- message{raw.Header.Get("To"), raw.Header.Get("Subject"), plainText(raw)}
}

// plainText is the first part of a mail, which is the plain text of an alternative.
func plainText(m *mail.Message) string {
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return err.Error()
	}
	part, err := multipart.NewReader(m.Body, params["boundary"]).NextPart() // decodes quoted-printable
	if err != nil {
		return err.Error()
	}
	text, _ := io.ReadAll(part)
	return string(text)
}

// next is the next mail to somebody.
func (m *mailServer) next(t testing.TB, to string) message {
	t.Helper()
	deadline := time.After(process.Limit)
	for {
		select {
		case got := <-m.arrived:
			if strings.Contains(got.to, to) {
				return got
			}
		case <-deadline:
			t.Fatalf("no mail to %s has come", to)
		}
	}
}

// about is the next mail to somebody whose subject holds a word.
func (m *mailServer) about(t testing.TB, to, word string) message {
	t.Helper()
	for {
		if got := m.next(t, to); strings.Contains(got.subject, word) {
			return got
		}
	}
}

// token is what stands in the link of a mail behind the kind of flow.
func (m message) token(t testing.TB, kind string) string {
	t.Helper()
	_, rest, ok := strings.Cut(m.text, "/link#"+kind+".")
	if !ok {
		t.Fatalf("the mail %s holds no link to %s:\n%s", strconv.Quote(m.subject), kind, m.text)
	}
	return strings.Fields(rest)[0]
}

// TestMailsReachTheirOwner: the stories whose end is a mail, with a mail server.
func TestMailsReachTheirOwner(t *testing.T) {
	t.Parallel()
	m := startMailServer(t)
	s := startServer(t, launch{env: m.settings()})
	t.Run("E10_theft", func(t *testing.T) { toldOfTheft(t, s, m) })
	t.Run("E19_password", func(t *testing.T) { passwordEndsSessions(t, s, m) })
	t.Run("new device", func(t *testing.T) { toldOfNewDevice(t, s, m) })
	t.Run("sign-up", func(t *testing.T) { signUpByMail(t, s, m) })
}

// toldOfTheft: whoever owns a stolen refresh token hears of it.
func toldOfTheft(t *testing.T, s *server, m *mailServer) {
	u := s.addUser(t, "robbed@mail.example")
	p := s.newParty(t, s.addApp(t, "web", scopes("openid")...), "openid")
	v1 := p.login(s.browser(t, u)).RefreshToken
	v3 := p.mustRefresh(t, p.mustRefresh(t, v1).RefreshToken)
	if _, err := p.refresh(t, v1); !refusedWith(err, "invalid_grant") {
		t.Fatalf("the stolen token: %v", err)
	}
	if _, err := p.refresh(t, v3.RefreshToken); !refusedWith(err, "invalid_grant") {
		t.Errorf("the family: %v", err)
	}
	if told := m.about(t, u.email, "signed out an application"); !strings.Contains(told.text, "App of ") || strings.Contains(told.text, v1) {
		t.Errorf("the mail does not name the application, or holds the token:\n%s", told.text)
	}
}

// passwordEndsSessions: a new password, chosen in the account or by a mailed link, ends all sessions
// that were there before, except the one in which it was chosen, which becomes another one.
func passwordEndsSessions(t *testing.T, s *server, m *mailServer) {
	u := s.addUser(t, "forgets@mail.example")
	laptop, phone := s.browser(t, u).signIn(), s.browser(t, u).signIn()
	before := laptop.clone()
	const second, third = "tortoise-lantern-mountain", "pencil-harbour-orchestra"
	a := laptop.do(laptop.request("PUT", "/account/password", map[string]string{"current": password, "password": second}))
	if a.status >= 300 {
		t.Fatalf("choosing a password: %s", a)
	}
	if !laptop.me().Authenticated || phone.me().Authenticated || before.me().Authenticated || before.session() == laptop.session() {
		t.Error("the session in which it was chosen is gone or the same, or another one lives")
	}
	stranger := s.browser(t, u)
	stranger.begin(map[string]string{"kind": "recover"})
	if a := stranger.post("/flow/recover", map[string]string{"email": u.email}); a.status != 200 {
		t.Fatalf("asking for a link: %s", a)
	}
	var token string
	for token == "" {
		if got := m.next(t, u.email); strings.Contains(got.text, "/link#recover.") {
			token = got.token(t, "recover")
		}
	}
	anew := s.browser(t, u)
	anew.begin(map[string]string{"kind": "recover"})
	if a := anew.post("/flow/link", map[string]string{"token": token, "password": third}); a.status != 200 {
		t.Fatalf("opening the link: %s", a)
	}
	if laptop.me().Authenticated {
		t.Error("a session has survived the recovery")
	}
	anew.secret = third
	anew.signIn()
}

// toldOfNewDevice: the owner hears of a browser that was not there before, once.
func toldOfNewDevice(t *testing.T, s *server, m *mailServer) {
	u := s.addUser(t, "watches@mail.example")
	b := s.browserAt(t, u, "127.0.9.9").signIn()
	if told := m.next(t, u.email); !strings.Contains(told.subject, "New sign-in") || !strings.Contains(told.text, "127.0.9.9") {
		t.Errorf("the mail: %+v", told)
	}
	b.signIn()
	s.browserAt(t, u, "127.0.9.10").signIn()
	if told := m.next(t, u.email); !strings.Contains(told.text, "127.0.9.10") {
		t.Errorf("a known browser is told of, or a new one is not: %+v", told)
	}
}

// signUpByMail: an account exists once the mailed link was opened, and once only.
func signUpByMail(t *testing.T, s *server, m *mailServer) {
	b := s.browser(t, user{email: "new@mail.example"})
	b.begin(map[string]string{"kind": "sign_up"})
	if a := b.post("/flow/sign_up", map[string]string{"email": b.email, "password": password, "name": "Nora New"}); a.status != 200 {
		t.Fatalf("signing up: %s", a)
	}
	if a := s.browser(t, user{email: b.email}).try(); a.status != 401 {
		t.Errorf("before the link was opened: %s", a)
	}
	told := m.next(t, b.email)
	if !strings.Contains(told.text, "for 24 hours") {
		t.Errorf("the mail does not say how long its link is good:\n%s", told.text)
	}
	token := told.token(t, "sign_up")
	if f := b.finish(b.post("/flow/link", map[string]string{"token": token})); f.User == "" || !b.me().Authenticated {
		t.Errorf("after the link: %+v", f)
	}
	again := s.browser(t, user{})
	again.begin(map[string]string{"kind": "sign_up"})
	if a := again.post("/flow/link", map[string]string{"token": token}); a.status < 400 {
		t.Errorf("the link a second time: %s", a)
	}
	s.browser(t, user{email: b.email}).signIn()
}

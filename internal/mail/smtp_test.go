package mail_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/egress"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/mail"
)

func wayOut(t *testing.T) *egress.Client {
	t.Helper()
	c, err := egress.New(egress.Config{Allow: []egress.Rule{{Purpose: egress.SMTP, Network: netip.MustParsePrefix("127.0.0.1/32")}}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sender is one for s, after change has set it up.
func sender(t *testing.T, s *server, change func(*mail.SMTPConfig)) *mail.SMTP {
	t.Helper()
	c := mail.SMTPConfig{
		Host: "127.0.0.1", Port: s.port(), Security: mail.StartTLS, From: "Example & Sons <no-reply@example.com>",
		Hello: "id.example.com", Egress: wayOut(t), RootCAs: s.pool,
	}
	if change != nil {
		change(&c)
	}
	out, err := mail.NewSMTP(c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func rendered(t *testing.T) mail.Mail {
	t.Helper()
	m := message(mail.Invitation)
	m.Data["org"] = "Ünïcode \u202e& Co"
	out, err := templates(t).Render(m, noon)
	if err != nil {
		t.Fatal(err)
	}
	out.ID = "019aa2b3-0000-7000-8000-000000000000"
	return out
}

func TestSMTPDelivers(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(s *server) { s.auth = "PLAIN" })
	m := rendered(t)
	err := sender(t, s, func(c *mail.SMTPConfig) { c.Username, c.Password = "relay", secret.New("correct horse") }).Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	got := s.taken()
	if len(got) != 1 {
		t.Fatalf("%d letters arrived", len(got))
	}
	l := got[0]
	if !l.secure || !l.known || !strings.HasPrefix(l.from, "FROM:<no-reply@example.com>") || l.to != "TO:<ada@example.com>" {
		t.Errorf("envelope: %+v", l)
	}
	parsed, err := netmail.ReadMessage(strings.NewReader(l.data))
	if err != nil {
		t.Fatal(err)
	}
	decoder := new(mime.WordDecoder)
	for name, want := range map[string]string{
		"Subject": m.Subject, "From": `"Example & Sons" <no-reply@example.com>`, "To": "<ada@example.com>",
		"Message-Id": "<019aa2b3-0000-7000-8000-000000000000@example.com>", "Auto-Submitted": "auto-generated",
		"Date": "Fri, 20 Nov 2026 12:00:00 +0000", "Bcc": "", "X-Mailer": "", "User-Agent": "",
	} {
		if got, err := decoder.DecodeHeader(parsed.Header.Get(name)); err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", name, got, want, err)
		}
	}
	checkParts(t, parsed, m)
}

func checkParts(t *testing.T, parsed *netmail.Message, m mail.Mail) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s, %v", kind, err)
	}
	r := multipart.NewReader(parsed.Body, params["boundary"])
	for _, want := range []string{m.Text, m.HTML} {
		part, err := r.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil || strings.ReplaceAll(string(body), "\r\n", "\n") != want {
			t.Errorf("%s, %v:\n%q\nwant\n%q", part.Header.Get("Content-Type"), err, body, want)
		}
	}
	if _, err := r.NextRawPart(); !errors.Is(err, io.EOF) {
		t.Errorf("a third part: %v", err)
	}
}

// A subject that looks as if it were encoded already must arrive as it was written.
func TestSMTPSubjectIsNotDecodedTwice(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	for _, h := range append(hostile(), "=?utf-8?q?=0d=0aBcc:_x=40example.com?=", "a =?utf-8?b?4oCuYWJj?= b") {
		m := message(mail.Invitation)
		m.Data["org"] = h
		out, err := templates(t).Render(m, noon)
		if err != nil {
			continue
		}
		if err := sender(t, s, nil).Send(t.Context(), out); err != nil {
			t.Fatal(err)
		}
		letters := s.taken()
		parsed, err := netmail.ReadMessage(strings.NewReader(letters[len(letters)-1].data))
		if err != nil {
			t.Fatal(err)
		}
		got, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
		if err != nil || got != out.Subject {
			t.Errorf("%q arrives as %q (%v)", out.Subject, got, err)
		}
		if len(parsed.Header) != 9 {
			t.Errorf("with %q there are %d headers: %v", h, len(parsed.Header), parsed.Header)
		}
	}
}

func TestSMTPSecurity(t *testing.T) {
	t.Parallel()
	login := func(c *mail.SMTPConfig) { c.Username, c.Password = "relay", secret.New("correct horse") }
	cases := map[string]struct {
		server func(*server)
		sender func(*mail.SMTPConfig)
		works  bool
	}{
		"STARTTLS":                   {nil, nil, true},
		"STARTTLS taken away":        {func(s *server) { s.startTLS = false }, nil, false},
		"STARTTLS refused":           {func(s *server) { s.answer = replace("STARTTLS", "454 no") }, nil, false},
		"unknown certificate":        {nil, func(c *mail.SMTPConfig) { c.RootCAs = x509.NewCertPool() }, false},
		"implicit TLS":               {func(s *server) { s.implicit = true }, func(c *mail.SMTPConfig) { c.Security = mail.ImplicitTLS }, true},
		"implicit TLS with password": {func(s *server) { s.implicit, s.auth = true, "LOGIN PLAIN" }, func(c *mail.SMTPConfig) { c.Security = mail.ImplicitTLS; login(c) }, true},
		"implicit TLS, clear server": {nil, func(c *mail.SMTPConfig) { c.Security = mail.ImplicitTLS; c.Egress = wayOut(t) }, false},
		"clear":                      {func(s *server) { s.startTLS = false }, func(c *mail.SMTPConfig) { c.Security = mail.Clear }, true},
		"wrong password":             {func(s *server) { s.auth = "PLAIN" }, func(c *mail.SMTPConfig) { c.Username, c.Password = "relay", secret.New("wrong") }, false},
		"password, none asked":       {nil, login, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "implicit TLS, clear server" {
				c.server = func(s *server) { s.answer = replace("greeting", "close") }
			}
			s := newServer(t, c.server)
			err := sender(t, s, c.sender).Send(t.Context(), rendered(t))
			if (err == nil) != c.works {
				t.Errorf("Send: %v", err)
			}
			if _, permanent := errors.AsType[*mail.PermanentError](err); permanent {
				t.Errorf("a fault of the connection loses the mail: %v", err)
			}
			if !c.works && len(s.taken()) > 0 {
				t.Error("the mail has left")
			}
		})
	}
}

// replace answers one verb otherwise.
func replace(verb, with string) func(string, string) string {
	return func(v, _ string) string {
		if v == verb {
			return with
		}
		return ""
	}
}

// What the server says decides between sent, later and never; and no answer of it gets into an error.
func TestSMTPAnswers(t *testing.T) {
	t.Parallel()
	const sent, later, never = "sent", "later", "never"
	for _, c := range []struct{ verb, answer, want string }{
		{"greeting", "554 5.7.1 go away", later}, {"greeting", "421 busy", later}, {"greeting", "close", later},
		{"MAIL", "550 5.7.1 <no-reply@example.com> may not", later}, {"MAIL", "451 4.3.0 later", later},
		{"RCPT", "550 5.1.1 <ada@example.com> unknown", never}, {"RCPT", "450 4.2.1 <ada@example.com> busy", later},
		{"RCPT", "close", later}, {"DATA", "554 5.6.0 no", never}, {"DATA", "452 4.3.1 full", later}, {"DATA", "close", later},
		{".", "552 5.3.4 too large for <ada@example.com>", never}, {".", "451 4.3.0 <ada@example.com> later", later}, {".", "close", later},
		{"QUIT", "500 what", sent}, {"QUIT", "close", sent},
	} {
		t.Run(c.verb+" "+c.answer, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(s *server) { s.answer = replace(c.verb, c.answer) })
			err := sender(t, s, nil).Send(t.Context(), rendered(t))
			got := later
			if err == nil {
				got = sent
			} else if _, permanent := errors.AsType[*mail.PermanentError](err); permanent {
				got = never
			}
			if got != c.want {
				t.Errorf("%s, want %s: %v", got, c.want, err)
			}
			if err != nil && strings.Contains(err.Error(), "ada@") {
				t.Errorf("the error names the recipient: %v", err)
			}
		})
	}
}

// A server that never answers is given up with the context, at every word.
func TestSMTPHangingServer(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"greeting", "STARTTLS", "MAIL", "."} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			released := make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			s := newServer(t, func(s *server) {
				s.answer = func(v, _ string) string {
					if v == verb {
						cancel()
						<-released
						return "close"
					}
					return ""
				}
			})
			t.Cleanup(func() { close(released) })
			done := make(chan error, 1)
			go func() { done <- sender(t, s, nil).Send(ctx, rendered(t)) }()
			select {
			case err := <-done:
				if err == nil {
					t.Error("sent")
				}
			case <-time.After(10 * time.Second):
				t.Error("Send hangs")
			}
		})
	}
}

// The mail server is reached by the one way out: an address that is not allowed is refused.
func TestSMTPUsesEgress(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	closed, err := egress.New(egress.Config{})
	if err != nil {
		t.Fatal(err)
	}
	err = sender(t, s, func(c *mail.SMTPConfig) { c.Egress = closed }).Send(t.Context(), rendered(t))
	if _, refused := errors.AsType[*egress.RefusedError](err); !refused {
		t.Errorf("Send: %v", err)
	}
	err = sender(t, s, func(c *mail.SMTPConfig) { c.Security, c.Host, c.Port = mail.Clear, "93.184.215.14", 25 }).Send(t.Context(), rendered(t))
	if _, refused := errors.AsType[*egress.RefusedError](err); !refused {
		t.Errorf("in the clear to the internet: %v", err)
	}
}

func TestNewSMTPRefuses(t *testing.T) {
	t.Parallel()
	good := mail.SMTPConfig{Host: "mail.example.com", Security: mail.StartTLS, From: "a@example.com", Egress: wayOut(t)}
	if _, err := mail.NewSMTP(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*mail.SMTPConfig){
		"no host":            func(c *mail.SMTPConfig) { c.Host = "" },
		"no way out":         func(c *mail.SMTPConfig) { c.Egress = nil },
		"no security":        func(c *mail.SMTPConfig) { c.Security = "" },
		"opportunistic":      func(c *mail.SMTPConfig) { c.Security = "opportunistic" },
		"port":               func(c *mail.SMTPConfig) { c.Port = 65536 },
		"name only":          func(c *mail.SMTPConfig) { c.Username = "a" },
		"password only":      func(c *mail.SMTPConfig) { c.Password = secret.New("x") },
		"password in clear":  func(c *mail.SMTPConfig) { c.Security, c.Username, c.Password = mail.Clear, "a", secret.New("x") },
		"no sender":          func(c *mail.SMTPConfig) { c.From = "" },
		"sender with break":  func(c *mail.SMTPConfig) { c.From = "A\r\nBcc: b@example.com <a@example.com>" },
		"sender without dot": func(c *mail.SMTPConfig) { c.From = "root@localhost" },
		"two senders":        func(c *mail.SMTPConfig) { c.From = "a@example.com, b@example.com" },
		"encoded control":    func(c *mail.SMTPConfig) { c.From = "=?utf-8?q?=0d=0aBcc:_x?= <a@example.com>" },
	} {
		c := good
		change(&c)
		if _, err := mail.NewSMTP(c); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

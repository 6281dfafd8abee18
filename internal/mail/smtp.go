package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/cardea-auth/cardea/internal/kit/egress"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// Security is how the connection to the mail server is protected.
type Security string

// The securities. There is no opportunistic one: who can read links can also take away the offer of
// encryption.
const (
	StartTLS    Security = "starttls" // begins in the clear and must become TLS (RFC 3207); usually port 587
	ImplicitTLS Security = "tls"      // TLS from the first byte (RFC 8314); usually port 465
	// Clear is for a server on a network that egress.allow names, and without a password.
	Clear Security = "none"
)

// DefaultPort is the usual port of a security, or 0 for an unknown one.
func (s Security) DefaultPort() int {
	switch s {
	case StartTLS:
		return 587
	case ImplicitTLS:
		return 465
	case Clear:
		return 25
	}
	return 0
}

// sendLimit bounds one try, from connecting to the server's last word.
const sendLimit = 30 * time.Second

// SMTPConfig is what SMTP needs. Host, From, Security and Egress are required.
type SMTPConfig struct {
	Host     string // name or address of the server; with TLS its certificate must bear it
	Port     int    // 0 means the usual one
	Security Security
	Username string       // empty: no authentication
	Password secret.Value // needed with Username
	From     string       // sender of all mails: "Name <address>" or an address alone
	Hello    string       // how we introduce ourselves (EHLO); empty means the machine's name

	Egress  *egress.Client
	RootCAs *x509.CertPool // whom to trust; nil means the system's
}

// SMTP is the Sender that speaks to a mail server, one connection for each mail: a fault of one
// cannot reach another. It is safe for concurrent use.
type SMTP struct {
	config SMTPConfig
	from   mail.Address
	domain string // of from, for Message-ID
	dial   egress.Dial
}

// NewSMTP makes a sender. It opens no connection.
func NewSMTP(c SMTPConfig) (*SMTP, error) {
	from, err := ParseSender(c.From)
	if err != nil {
		return nil, err
	}
	if c.Port == 0 {
		c.Port = c.Security.DefaultPort()
	}
	switch {
	case c.Host == "" || c.Egress == nil:
		return nil, errors.New("mail: a mail server needs a host and the way out")
	case c.Security.DefaultPort() == 0 || c.Port < 1 || c.Port > 65535:
		return nil, errors.New("mail: the security of the mail server is not starttls, tls or none, or its port is not a port")
	case (c.Username == "") != c.Password.Empty():
		return nil, errors.New("mail: a user name for the mail server needs a password, and a password a user name")
	case c.Security == Clear && c.Username != "":
		return nil, errors.New("mail: a password is not sent to a mail server without TLS")
	}
	s := &SMTP{config: c, from: from, dial: c.Egress.Dialer(egress.SMTP)}
	s.domain = from.Address[strings.Index(from.Address, "@")+1:]
	if c.Security == Clear {
		s.dial = c.Egress.LocalDialer(egress.SMTP)
	}
	return s, nil
}

// ParseSender reads a sender: "Name <address>" or an address alone.
func ParseSender(text string) (mail.Address, error) {
	a, err := mail.ParseAddress(text)
	if err != nil || checkAddress(a.Address) != nil || visible(a.Name, maxName) != a.Name {
		return mail.Address{}, errors.New(`mail: the sender is not an address like "Example <no-reply@example.com>"`)
	}
	return *a, nil
}

// Send hands m to the server. It is a *PermanentError if the server refuses the recipient or the
// content for good. A refusal of our own name, password or sender address is not: that is for the
// operator to put right, and the mail waits meanwhile.
func (s *SMTP) Send(ctx context.Context, m Mail) error {
	message := s.compose(m)
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	client, leave, err := s.client(ctx)
	if err != nil {
		return err
	}
	defer leave()
	err = client.DialAndSendWithContext(ctx, message)
	if message.IsDelivered() { // what goes wrong after the server's 250, a QUIT for instance, is no failure
		return nil
	}
	if err == nil {
		err = errors.New("mail: the server did not say that it has taken the mail")
	}
	return classify(err)
}

// client makes a go-mail client whose connection dies with ctx, which the library does not see to
// itself, nor does it close the connection if greeting, TLS or password fail.
func (s *SMTP) client(ctx context.Context) (c *gomail.Client, leave func(), err error) {
	var conn net.Conn
	var stop func() bool
	leave = func() {
		if conn != nil {
			stop()
			_ = conn.Close() // usually closed already
		}
	}
	dial := func(dialing context.Context, network, address string) (net.Conn, error) {
		raw, err := s.dial(dialing, network, address)
		if err != nil {
			return nil, err
		}
		conn, stop = raw, context.AfterFunc(ctx, func() { _ = raw.Close() })
		if s.config.Security != ImplicitTLS {
			return raw, nil
		}
		secure := tls.Client(raw, s.tls())
		return secure, secure.HandshakeContext(dialing)
	}
	c, err = gomail.NewClient(s.config.Host, s.options(dial)...)
	return c, leave, err
}

func (s *SMTP) tls() *tls.Config {
	return &tls.Config{ServerName: s.config.Host, MinVersion: tls.VersionTLS12, RootCAs: s.config.RootCAs}
}

func (s *SMTP) options(dial egress.Dial) []gomail.Option {
	o := []gomail.Option{
		gomail.WithPort(s.config.Port), gomail.WithTimeout(sendLimit), gomail.WithTLSConfig(s.tls()),
		gomail.WithoutNoop(), gomail.WithoutRset(), gomail.WithDialContextFunc(gomail.DialContextFunc(dial)),
		gomail.WithTLSPolicy(gomail.TLSMandatory),
	}
	switch s.config.Security {
	case ImplicitTLS:
		o = append(o, gomail.WithSSL()) // no STARTTLS inside; the dialer makes the TLS
	case Clear:
		o = append(o, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.config.Hello != "" {
		o = append(o, gomail.WithHELO(s.config.Hello))
	}
	if s.config.Username != "" {
		o = append(o, gomail.WithUsername(s.config.Username), gomail.WithPassword(s.config.Password.Reveal()),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256PLUS, gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return o
}

// compose puts headers around a mail. Subject and name are encoded by the library (RFC 2047) and
// hold no line break before that; To is a checked address.
func (s *SMTP) compose(m Mail) *gomail.Msg {
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	message.FromMailAddress(&s.from)
	message.ToMailAddress(&mail.Address{Address: m.To})
	message.Subject(m.Subject)
	message.SetMessageIDWithValue(m.ID + "@" + s.domain)
	message.SetDateWithValue(m.At)
	// No answer by a machine (RFC 3834, section 5; the second for Exchange).
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetGenHeader("X-Auto-Response-Suppress", "All")
	message.SetBodyString(gomail.TypeTextPlain, m.Text)
	message.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return message
}

// classify keeps of an error what may be logged, code and stage, and not the server's words, which
// often repeat the recipient.
func classify(err error) error {
	sent, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return err // connecting, TLS or authentication: nothing of a recipient was said
	}
	if sent.ErrorCode() == 0 {
		return fmt.Errorf("mail: the connection broke while %s", sent.Reason)
	}
	out := fmt.Errorf("mail: the server answered %d %s while %s", sent.ErrorCode(), sent.EnhancedStatusCode(), sent.Reason)
	final := sent.Reason == gomail.ErrSMTPRcptTo || sent.Reason == gomail.ErrSMTPData || sent.Reason == gomail.ErrSMTPDataClose
	if final && sent.ErrorCode() >= 500 {
		return &PermanentError{Err: out}
	}
	return out
}

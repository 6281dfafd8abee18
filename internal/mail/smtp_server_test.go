package mail_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// letter is what the server has taken.
type letter struct {
	from, to, data string
	secure, known  bool // over TLS; after a right password
}

// server is a small real mail server (RFC 5321) on loopback.
type server struct {
	listener net.Listener
	cert     tls.Certificate
	pool     *x509.CertPool
	implicit bool
	startTLS bool
	auth     string // mechanisms offered after TLS
	// answer may replace the answer to a verb; "close" drops the connection, "" is the usual answer.
	answer func(verb, args string) string

	mu      sync.Mutex
	letters []letter
	verbs   []string
	open    sync.WaitGroup
}

// newServer starts a server after change has set it up.
func newServer(t *testing.T, change func(*server)) *server {
	t.Helper()
	web := httptest.NewUnstartedServer(nil)
	web.Config.ErrorLog = log.New(io.Discard, "", 0)
	web.StartTLS() // for its certificate of 127.0.0.1
	defer web.Close()
	s := &server{cert: web.TLS.Certificates[0], pool: x509.NewCertPool(), startTLS: true, answer: func(string, string) string { return "" }}
	s.pool.AddCert(web.Certificate())
	if change != nil {
		change(s)
	}
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.open.Go(s.accept)
	t.Cleanup(func() {
		_ = s.listener.Close()
		s.open.Wait()
	})
	return s
}

func (s *server) port() int { return s.listener.Addr().(*net.TCPAddr).Port }

func (s *server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.open.Go(func() {
			defer func() { _ = c.Close() }()
			s.serve(c)
		})
	}
}

func (s *server) serve(c net.Conn) {
	v := &visit{server: s, conn: c}
	if s.implicit {
		v.encrypt()
	}
	v.wire = textproto.NewConn(v.conn)
	if !v.say("greeting", "", "220 test ESMTP") {
		return
	}
	for {
		line, err := v.wire.ReadLine()
		if err != nil {
			return
		}
		verb, args, _ := strings.Cut(line, " ")
		s.mu.Lock()
		s.verbs = append(s.verbs, strings.ToUpper(verb))
		s.mu.Unlock()
		if !v.do(strings.ToUpper(verb), args) {
			return
		}
	}
}

func (s *server) taken() []letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]letter(nil), s.letters...)
}

// visit is one connection.
type visit struct {
	server *server
	conn   net.Conn
	wire   *textproto.Conn
	letter letter
}

func (v *visit) encrypt() {
	v.conn = tls.Server(v.conn, &tls.Config{Certificates: []tls.Certificate{v.server.cert}})
	v.letter.secure = true
}

// say sends an answer, or what the test wants instead of it, and reports whether to go on.
func (v *visit) say(verb, args, usual string) bool {
	if other := v.server.answer(verb, args); other != "" {
		usual = other
	}
	return usual != "close" && v.wire.PrintfLine("%s", usual) == nil
}

func (v *visit) do(verb, args string) bool {
	switch verb {
	case "EHLO":
		return v.hello()
	case "STARTTLS":
		if !v.say(verb, args, "220 go on") {
			return false
		}
		v.encrypt()
		v.wire = textproto.NewConn(v.conn)
		return true
	case "AUTH":
		return v.authenticate(args)
	case "MAIL":
		v.letter.from = args
		return v.say(verb, args, "250 ok")
	case "RCPT":
		v.letter.to = args
		return v.say(verb, args, "250 ok")
	case "DATA":
		return v.data()
	case "QUIT":
		v.say(verb, args, "221 bye")
		return false
	}
	return v.say(verb, args, "502 no")
}

func (v *visit) hello() bool {
	lines := []string{"test", "8BITMIME", "ENHANCEDSTATUSCODES"}
	if v.server.startTLS && !v.letter.secure {
		lines = append(lines, "STARTTLS")
	}
	if v.server.auth != "" && v.letter.secure {
		lines = append(lines, "AUTH "+v.server.auth)
	}
	for i, l := range lines {
		separator := "-"
		if i == len(lines)-1 {
			separator = " "
		}
		if v.wire.PrintfLine("250%s%s", separator, l) != nil {
			return false
		}
	}
	return true
}

func (v *visit) authenticate(args string) bool {
	_, encoded, _ := strings.Cut(args, " ")
	plain, _ := base64.StdEncoding.DecodeString(encoded)
	v.letter.known = string(plain) == "\x00relay\x00correct horse"
	if !v.letter.known {
		return v.say("AUTH", args, "535 5.7.8 no")
	}
	return v.say("AUTH", args, "235 ok")
}

func (v *visit) data() bool {
	if other := v.server.answer("DATA", ""); other != "" {
		return other != "close" && v.wire.PrintfLine("%s", other) == nil
	}
	if v.wire.PrintfLine("354 go on") != nil {
		return false
	}
	text, err := io.ReadAll(bufio.NewReader(v.wire.DotReader()))
	if err != nil {
		return false
	}
	if !strings.HasPrefix(v.server.answer(".", ""), "5") {
		v.letter.data = string(text)
		v.server.mu.Lock()
		v.server.letters = append(v.server.letters, v.letter)
		v.server.mu.Unlock()
	}
	return v.say(".", strconv.Itoa(len(text)), "250 2.0.0 taken")
}

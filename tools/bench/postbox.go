package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"strings"
)

// postbox is a mail server that takes everything and keeps nothing: a server without one would try its mails
// again and again, and that would be measured.
func postbox() (env []string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for { // until this program ends
			c, err := l.Accept()
			if err != nil {
				return
			}
			go take(c)
		}
	}()
	allow := "smtp=127.0.0.1/32"
	if more := os.Getenv("CARDEA_EGRESS_ALLOW"); more != "" {
		allow += "," + more
	}
	return []string{
		"CARDEA_MAIL_FROM=bench@example.com", "CARDEA_MAIL_SMTP_HOST=127.0.0.1", "CARDEA_MAIL_SMTP_SECURITY=none", "CARDEA_EGRESS_ALLOW=" + allow,
		fmt.Sprintf("CARDEA_MAIL_SMTP_PORT=%d", l.Addr().(*net.TCPAddr).Port),
	}, nil
}

// take is the receiving side of SMTP (RFC 5321), as far as it must be there.
func take(c net.Conn) {
	defer func() { _ = c.Close() }()
	in := textproto.NewReader(bufio.NewReader(c))
	say := func(line string) error {
		_, err := io.WriteString(c, line+"\r\n")
		return err
	}
	err := say("220 postbox")
	for err == nil {
		var line string
		if line, err = in.ReadLine(); err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
		case "DATA":
			if err = say("354 go on"); err == nil {
				_, err = io.Copy(io.Discard, in.DotReader())
			}
			if err == nil {
				err = say("250 taken")
			}
		case "QUIT":
			_ = say("221 bye")
			return
		default:
			err = say("250 ok")
		}
	}
}

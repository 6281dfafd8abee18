package mail

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what is put into a mail.
const (
	maxName    = 100  // code points; a longer name is cut
	maxAddress = 254  // bytes (RFC 3696 erratum 1690)
	maxLocal   = 64   // bytes (RFC 5321, section 4.5.3.1.1)
	maxLink    = 2048 // bytes
)

var (
	errAddress = errors.New("mail: the address cannot be mailed to")
	errLink    = errors.New("mail: the link is not an absolute http or https address")
)

// visible is s as it may stand in a line of a mail: each character that would not show, or would
// change how others show, becomes its escape, and what is longer than most code points is cut.
func visible(s string, most int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > most {
			b.WriteRune('…')
			break
		}
		switch {
		case shows(r):
			b.WriteRune(r)
		case unicode.Is(unicode.Zs, r): // spaces of other widths
			b.WriteRune(' ')
		default:
			fmt.Fprintf(&b, "\\u{%x}", r)
		}
	}
	return b.String()
}

// shows reports whether r is harmless in a line of text. Joiners are, though they do not show:
// Persian, Indic scripts and emoji need them. Separators and format characters, the bidirectional
// controls among them, are not, nor is what stands for invalid UTF-8.
func shows(r rune) bool {
	const zwnj, zwj = '\u200c', '\u200d'
	if r == ' ' || r == zwnj || r == zwj {
		return true
	}
	return r != utf8.RuneError && unicode.IsPrint(r)
}

// checkLink accepts an absolute http(s) URL in ASCII without characters that end it in text or HTML.
func checkLink(s string) error {
	if len(s) > maxLink || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"'<>\\^`{|}", r) }) {
		return errLink
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return errLink
	}
	return nil
}

// checkAddress accepts what an address parser of ours lets through. The address was validated when
// it was typed; this is a second wall, so that nothing in a stored message can speak SMTP.
func checkAddress(s string) error {
	local, domain, ok := strings.Cut(s, "@")
	bad := func(r rune) bool {
		return r <= ' ' || r == 0x7f || !shows(r) || unicode.IsSpace(r) || strings.ContainsRune(`<>()[]\,;:"@`, r)
	}
	switch {
	case !ok || local == "" || len(local) > maxLocal || len(s) > maxAddress || !utf8.ValidString(s):
		return errAddress
	case strings.ContainsFunc(local, bad) || local[0] == '.' || local[0] == '-' || local[len(local)-1] == '.':
		return errAddress
	case !strings.Contains(domain, ".") || strings.Contains(domain, "..") || strings.ContainsAny(domain[:1]+domain[len(domain)-1:], ".-"):
		return errAddress
	case strings.Trim(domain, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") != "":
		return errAddress
	}
	return nil
}

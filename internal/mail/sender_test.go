package mail_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/mail"
)

// FuzzParseSender: no sender can bring a second line into a header.
func FuzzParseSender(f *testing.F) {
	for _, seed := range []string{"Example <no-reply@example.com>", "no-reply@example.com", "a\r\nBcc: b@c", `"a@b"@c.example`, "=?utf-8?q?a?= <a@b.example>", "<>", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := mail.ParseSender(text)
		if err != nil {
			return
		}
		if strings.ContainsAny(a.Address+a.Name, "\r\n\x00") || strings.Count(a.Address, "@") != 1 {
			t.Fatalf("%q is read as %q <%q>", text, a.Name, a.Address)
		}
	})
}

package app_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/app"
	"github.com/cardea-auth/cardea/internal/mail"
)

// TestMailboxPage: of a mail only web addresses become links, and nothing of it becomes markup.
func TestMailboxPage(t *testing.T) {
	t.Parallel()
	page := app.MailboxPage([]mail.Mail{{
		Subject: "<script>1</script>", To: `"a"@b.example`,
		Text: "Hello <b>Ada</b>,\nhttps://id.example/link#token=a&b'c\nhttp://x.example/<i>\njavascript:alert(1) https://",
	}})
	for _, want := range []string{
		"<h2>&lt;script&gt;1&lt;/script&gt;</h2>", "to &#34;a&#34;@b.example<", "Hello &lt;b&gt;Ada&lt;/b&gt;,\n",
		`<a href="https://id.example/link#token=a&amp;b&#39;c">https://id.example/link#token=a&amp;b&#39;c</a>`,
		`<a href="http://x.example/">http://x.example/</a>&lt;i&gt;`, "\njavascript:alert(1) https://<",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	if n := strings.Count(page, "<a "); n != 2 {
		t.Errorf("%d links", n)
	}
	if empty := app.MailboxPage(nil); !strings.Contains(empty, "No mail yet.") {
		t.Error(empty)
	}
}

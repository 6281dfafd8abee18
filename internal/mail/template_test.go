package mail_test

import (
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/mail"
	"github.com/cardea-auth/cardea/internal/store"
)

var update = flag.Bool("update", false, "write the golden files")

var noon = time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)

const link = "https://id.example.com/flow/recover#token=cdl_AAAA-_9"

func templates(t testing.TB) *mail.Templates {
	t.Helper()
	all, err := mail.NewTemplates("Example & Sons")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// message is one with every value that any template knows.
func message(template string) store.Message {
	return store.Message{
		Channel: "mail", To: "ada@example.com", Template: template, Expires: noon.Add(30 * time.Minute),
		Data: map[string]string{
			"link": link, "name": "Ada <b>Lovelace</b>", "email": "new@example.com", "org": `"Engines" & Co`,
			"client": "Difference Engine", "device": "Firefox on Linux", "place": "London", "address": "192.0.2.7",
		},
	}
}

func TestTemplatesGolden(t *testing.T) {
	t.Parallel()
	all := templates(t)
	for _, name := range mail.Names() {
		got, err := all.Render(message(name), noon)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := "Subject: " + got.Subject + "\n\n" + got.Text + "\n=====\n" + got.HTML
		path := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), text); diff != "" {
			t.Errorf("%s (run with -update to accept):\n%s", name, diff)
		}
	}
}

// The files and the names are the same set.
func TestTemplateFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("templates/*")
	if err != nil || len(files) != len(mail.Names()) {
		t.Errorf("%d files for %d templates: %v", len(files), len(mail.Names()), err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for n, line := range strings.Split(string(text), "\n") {
			if len(line) > 78 {
				t.Errorf("%s:%d has more than 78 characters", f, n+1)
			}
		}
	}
}

// What a stranger has typed must not travel in a mail to somebody who does not know us.
func TestMailsToStrangersHoldNothingTyped(t *testing.T) {
	t.Parallel()
	for _, name := range []string{mail.SignUp, mail.AccountExists, mail.VerifyEmail} {
		m := message(name)
		for k := range m.Data {
			if k != "link" {
				m.Data[k] = "buy-at-evil.example"
			}
		}
		got, err := templates(t).Render(m, noon)
		if err != nil || strings.Contains(got.Subject+got.Text+got.HTML, "evil") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	all := templates(t)
	cases := map[string]func(*store.Message){
		"unknown template": func(m *store.Message) { m.Template = "../mail" },
		"no link":          func(m *store.Message) { delete(m.Data, "link") },
		"script link":      func(m *store.Message) { m.Data["link"] = "javascript:alert(1)//https://id.example.com" },
		"link with quote":  func(m *store.Message) { m.Data["link"] = link + `"><script>` },
		"link with break":  func(m *store.Message) { m.Data["link"] = link + "\r\nBcc: x@example.com" },
		"relative link":    func(m *store.Message) { m.Data["link"] = "/flow/recover" },
		"no expiry":        func(m *store.Message) { m.Expires = time.Time{} },
		"no address":       func(m *store.Message) { m.To = "" },
		"two addresses":    func(m *store.Message) { m.To = "a@example.com,b@example.com" },
	}
	for name, change := range cases {
		m := message(mail.Recover)
		change(&m)
		if got, err := all.Render(m, noon); err == nil {
			t.Errorf("%s: rendered %+v", name, got)
		} else if strings.Contains(err.Error(), "example") {
			t.Errorf("%s: the error repeats what is secret or personal: %v", name, err)
		}
	}
	m := message(mail.Invitation)
	delete(m.Data, "org")
	if _, err := all.Render(m, noon); err == nil {
		t.Error("an invitation of no organisation is rendered")
	}
	for _, product := range []string{"", "A\nB", "A\u202eB", strings.Repeat("x", 101)} {
		if _, err := mail.NewTemplates(product); err == nil {
			t.Errorf("product %q is accepted", product)
		}
	}
}

func TestGreetingDetailsAndLife(t *testing.T) {
	t.Parallel()
	m := message(mail.NewDevice)
	m.Data = map[string]string{"device": "Firefox"}
	got, err := templates(t).Render(m, noon)
	if err != nil || !strings.HasPrefix(got.Text, "Hello,\n") || !strings.Contains(got.Text, "Device: Firefox") || strings.Contains(got.Text, "Place") {
		t.Errorf("%q, %v", got.Text, err)
	}
	for d, want := range map[time.Duration]string{
		15 * time.Minute: "for 15 minutes", 24 * time.Hour: "for 24 hours", 7 * 24 * time.Hour: "for 7 days",
		time.Hour: "for 60 minutes", 47 * time.Hour: "for 47 hours", time.Second: "for 1 minutes",
		24*time.Hour - 3*time.Millisecond: "for 24 hours", 15*time.Minute - time.Second: "for 15 minutes",
	} {
		m := message(mail.Recover)
		m.Expires = noon.Add(d)
		got, err := templates(t).Render(m, noon)
		if err != nil || !strings.Contains(got.Text, want) {
			t.Errorf("%s: %q, %v", d, got.Text, err)
		}
	}
}

// hostile are names as an attacker would choose them.
func hostile() []string {
	return []string{
		"Ada\r\nBcc: victim@example.com", "Ada\nSubject: x", "Ada\x00", "\u202egnp.exe", "a\u2066b\u2069", "a\u200bb", "a\u2028b\u2029c",
		"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "{{link}}", "{{", "}}", "=> {{product}}", "? x", "--", ".",
		"&lt;b&gt;", "\u0085", "\ufeff", "\U000e0041", "a\u061cb", strings.Repeat("x", 500), "\xff\xfe", "'\"`", "=?utf-8?q?x?=", "Jean\u00a0Paul",
	}
}

func TestRegress_140_MailHTML(t *testing.T) {
	t.Parallel()
	tag := regexp.MustCompile(`<[^>]*>`)
	all := templates(t)
	for _, name := range mail.Names() {
		plain := message(name)
		for k := range plain.Data {
			if k != "link" {
				plain.Data[k] = "x"
			}
		}
		want, err := all.Render(plain, noon)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range hostile() {
			m := message(name)
			for k := range m.Data {
				if k != "link" {
					m.Data[k] = bad
				}
			}
			got, err := all.Render(m, noon)
			if err != nil {
				t.Errorf("%s with %q: %v", name, bad, err)
				continue
			}
			if diff := cmp.Diff(tag.FindAllString(want.HTML, -1), tag.FindAllString(got.HTML, -1)); diff != "" {
				t.Errorf("%s with %q has other tags:\n%s", name, bad, diff)
			}
			checkLines(t, bad, got)
			if strings.Count(got.Text, "\n") != strings.Count(want.Text, "\n") {
				t.Errorf("%s with %q has other lines", name, bad)
			}
		}
	}
}

func checkLines(t *testing.T, bad string, m mail.Mail) {
	t.Helper()
	odd := func(r rune) bool {
		return r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control) || r == '\ufffd')
	}
	if strings.ContainsFunc(m.Subject+m.Text+m.HTML, odd) || strings.Contains(m.Subject, "\n") {
		t.Errorf("with %q there are control characters: %+q", bad, m.Subject+m.Text)
	}
}

func TestVisible(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Ada": "Ada", "Zoë 🧑‍🔬": "Zoë 🧑‍🔬", "a\nb": `a\u{a}b`, "\u202eabc": `\u{202e}abc`, "a\u00a0b": "a b",
		strings.Repeat("é", 101): strings.Repeat("é", 100) + "…", "": "", "a\xffb": `a\u{fffd}b`,
	} {
		if got := mail.Visible(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a@example.com", "first.last+tag@mail.example.co.uk", "ünï@xn--bcher-kva.example", "o'hara@example.com", "a@1.example"} {
		if err := mail.CheckAddress(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "@", "a@", "@b.example", "a@localhost", "a@b@example.com", `"a b"@example.com`, "a b@example.com", "a@exa mple.com",
		"a@example.com\r\nRCPT TO:<b@example.com>", "a\r\n@example.com", "<a@example.com>", "a@example.com>", "a,b@example.com",
		"a;b@example.com", "a@[127.0.0.1]", "a:b@example.com", `a\b@example.com`, "a@.example.com", "a@example.com.", "a@example..com",
		"-a@example.com", ".a@example.com", "a.@example.com", "a\u200b@example.com", "a\u202e@example.com", "a\x00@example.com", "a@bücher.example",
		strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("a.", 130) + "com", "a\u00a0b@example.com", "a\xff@example.com",
	} {
		if err := mail.CheckAddress(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// FuzzRender: whatever a message holds, a rendered mail has one subject line, one link in HTML and no
// tag but ours.
func FuzzRender(f *testing.F) {
	for _, h := range hostile() {
		f.Add(mail.Invitation, h, link, "ada@example.com")
	}
	f.Add(mail.Recover, "Ada", "javascript:alert(1)", "a@b@c")
	all := templates(f)
	tag := regexp.MustCompile(`<[^>]*>`)
	f.Fuzz(func(t *testing.T, template, value, href, to string) {
		m := message(template)
		m.To = to
		for k := range m.Data {
			m.Data[k] = value
		}
		m.Data["link"] = href
		got, err := all.Render(m, noon)
		if err != nil {
			return
		}
		checkLines(t, value, got)
		for _, x := range tag.FindAllString(got.HTML, -1) {
			if strings.Contains(x, "script") || strings.Contains(x, " on") {
				t.Errorf("a tag of others: %s", x)
			}
			if h, found := strings.CutPrefix(x, `<a href="`); found {
				h, _, _ = strings.Cut(h, `"`)
				if u, err := url.Parse(strings.ReplaceAll(h, "&amp;", "&")); err != nil || u.Scheme != "http" && u.Scheme != "https" {
					t.Errorf("a link to %q", h)
				}
			}
		}
	})
}

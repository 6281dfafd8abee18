package markup_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/cardea-auth/cardea/internal/kit/markup"
)

// hostile are values that would like to be more.
func hostile() []string {
	return []string{
		"", "plain", `"><script>alert(1)</script>`, `' onmouseover='alert(1)`, "</p><b>", "</title></textarea></script><img src=x onerror=alert(1)>",
		"&lt;b&gt; &amp; &#34; &copy", "a\x00b<\x00script>", "{}", "{}{}", "javascript:alert(1)", "<!--", "-->", "]]>", "`\\", "日本 \u202etxt", "\xff\xfe<",
	}
}

// TestFill: whatever a value is, a browser's parser reads it back as text and as the attribute's value, and
// finds no further element.
func TestFill(t *testing.T) {
	t.Parallel()
	for _, s := range hostile() {
		check(t, s)
	}
}

func check(t *testing.T, s string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(string(markup.Fill(`<p title="{}" data-x="{}">{}</p>`, s, s, s))))
	if err != nil {
		t.Fatal(err)
	}
	// html > head, body > p > text
	p := doc.FirstChild.FirstChild.NextSibling.FirstChild
	want := strings.NewReplacer("\x00", "\ufffd", "\r\n", "\n", "\r", "\n").Replace(s) // as the standard has lines read
	text := ""
	if p.FirstChild != nil {
		text = p.FirstChild.Data
	}
	switch {
	case p.Data != "p" || p.NextSibling != nil || len(p.Attr) != 2 || p.FirstChild != nil && (p.FirstChild.Type != html.TextNode || p.FirstChild.NextSibling != nil):
		t.Errorf("%q became markup", s)
	case p.Attr[0].Val != want || p.Attr[1].Val != want || text != want:
		t.Errorf("%q is read as %q, %q and %q", s, p.Attr[0].Val, p.Attr[1].Val, text)
	}
}

func FuzzFill(f *testing.F) {
	for _, s := range hostile() {
		f.Add(s)
	}
	f.Fuzz(check)
}

// TestAddresses: what a browser could run stands in no attribute that takes an address.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"https://app.example.com/cb?a=1&b=2", "HTTP://127.0.0.1:9000", "/path", "?q=a:b", "#a:b", "com.example.app:/cb", "a/b:c", "",
	} {
		for _, form := range []markup.HTML{
			markup.Fill(`<a href="{}">`, good), markup.Fill(`<form method="post" action="{}">`, good), markup.Fill(`<img src="{}">`, good), markup.Fill(`<button formaction="{}">`, good),
		} {
			if !strings.Contains(string(form), `="`+string(markup.Text(good))+`"`) {
				t.Errorf("%q: %s", good, form)
			}
		}
	}
	for _, bad := range []string{
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "\x01javascript:alert(1)", "java\nscript:alert(1)", "java\tscript:x", "\x00javascript:x",
		"javascript&colon;alert(1):x", "data:text/html,<script>", "vbscript:x", "blob:https://a.example/x", "file:///etc/passwd", "view-source:x", "javascript\r:x", "javascript\x7f:x", "path:x/",
	} {
		for _, form := range []markup.HTML{markup.Fill(`<a class="x" href="{}">`, bad), markup.Fill(`<form action="{}">`, bad)} {
			if !strings.Contains(string(form), `="about:invalid">`) {
				t.Errorf("%q: %s", bad, form)
			}
		}
	}
}

// TestParts: HTML is put in as it is, between tags only; what is neither text nor HTML, or has no hole, is left out.
func TestParts(t *testing.T) {
	t.Parallel()
	inner := markup.Fill(`<b>{}</b>`, "<")
	for got, want := range map[markup.HTML]string{
		markup.Fill(`<p>{}{}</p>`, inner, ">"):      `<p><b>&lt;</b>&gt;</p>`,
		markup.Fill(`<p title="{}">`, inner):        `<p title="">`,
		markup.Fill(`<p>{}</p>`, 7):                 `<p></p>`,
		markup.Fill(`<p>{}{}</p>`, "a"):             `<p>a</p>`,
		markup.Fill(`<p>{}</p>`, "a", "b"):          `<p>a</p>`,
		markup.Fill(`<p>{}</p><p>{}</p>`, "{}", ""): `<p>{}</p><p></p>`,
	} {
		if string(got) != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

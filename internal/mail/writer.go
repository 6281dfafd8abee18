package mail

import (
	"errors"
	"strings"

	"github.com/cardea-auth/cardea/internal/kit/markup"
)

// writer makes the text and the HTML of a mail side by side. The first error stays.
type writer struct {
	values map[string]string
	link   string
	text   strings.Builder
	html   markup.HTML
	err    error
}

var errValue = errors.New("mail: the message lacks a value that its template needs")

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// fill replaces {{name}} by the value of that name. Values are not looked into again.
func (w *writer) fill(line string) string {
	filled, missing := w.try(line)
	if missing {
		w.fail(errValue)
	}
	return filled
}

func (w *writer) try(line string) (filled string, missing bool) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(line, "{{")
		b.WriteString(before)
		if !found {
			return b.String(), missing
		}
		name, after, closed := strings.Cut(rest, "}}")
		missing = missing || !closed || w.values[name] == ""
		b.WriteString(w.values[name])
		line = after
	}
}

func (w *writer) paragraph(lines []string) {
	if words, ok := strings.CutPrefix(lines[0], "=> "); ok {
		w.button(w.fill(words))
		return
	}
	var plain []string
	brk := markup.HTML("\n")
	for _, line := range lines {
		detail, optional := strings.CutPrefix(line, "? ")
		if !optional {
			plain = append(plain, w.fill(line))
			continue
		}
		brk = "<br>\n"
		if filled, missing := w.try(detail); !missing {
			plain = append(plain, filled)
		}
	}
	if len(plain) == 0 {
		return
	}
	w.text.WriteString(strings.Join(plain, "\n") + "\n\n")
	inside := markup.Text(plain[0])
	for _, line := range plain[1:] {
		inside += brk + markup.Text(line)
	}
	w.html += markup.Fill("<p>{}</p>\n", inside)
}

func (w *writer) button(words string) {
	if err := checkLink(w.link); err != nil {
		w.fail(err)
		return
	}
	w.text.WriteString(words + ":\n" + w.link + "\n\n")
	w.html += markup.Fill(`<p><a href="{}" style="display:inline-block;padding:10px 18px;border-radius:6px;`+
		`background:#1f4ed8;color:#fff;text-decoration:none">{}</a></p>
<p style="font-size:14px">Or copy this address into your browser:<br><span style="word-break:break-all">{}</span></p>
`, w.link, words, w.link)
}

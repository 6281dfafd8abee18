package mail

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/markup"
	"github.com/cardea-auth/cardea/internal/store"
)

//go:embed templates/*.txt
var files embed.FS

// The templates, by the names that messages use.
const (
	SignUp               = "sign_up"                // link
	AccountExists        = "account_exists"         //
	VerifyEmail          = "verify_email"           // link
	Recover              = "recover"                // link, name
	PasswordChanged      = "password_changed"       // name
	AccountLocked        = "account_locked"         // link, name
	EmailChangeRequested = "email_change_requested" // name, email: the new address
	EmailChanged         = "email_changed"          // name, email: the new address
	Invitation           = "invitation"             // link, org
	RefreshReuse         = "refresh_reuse"          // client, address, name: if known
	NewDevice            = "new_device"             // name, device, place, address: if known
)

// Names are all templates.
func Names() []string {
	return []string{
		SignUp, AccountExists, VerifyEmail, Recover, PasswordChanged, AccountLocked, EmailChangeRequested,
		EmailChanged, Invitation, RefreshReuse, NewDevice,
	}
}

// Templates are the parsed texts. A file is made of a line "Subject: …", a blank line, and
// paragraphs, in which
//
//	{{name}}      is a value; a value that is missing is an error
//	=> Words      is the link, with words for the button; such a line stands alone
//	? Words       is a detail, left out if one of its values is missing
//
// Besides the Data of the message there are the values product, greeting (with the name, if there is
// one), time (of the commit) and life (how long the link is good). One file makes the plain text and
// the HTML, so they cannot say different things.
type Templates struct {
	product string
	all     map[string]template
}

type template struct {
	subject    string
	paragraphs [][]string // of lines
}

// NewTemplates reads the built-in texts. product is how the service calls itself in them.
func NewTemplates(product string) (*Templates, error) {
	if product == "" || visible(product, maxName) != product {
		return nil, errors.New("mail: the product name must have 1 to 100 characters that show")
	}
	t := &Templates{product: product, all: map[string]template{}}
	for _, name := range Names() {
		text, err := files.ReadFile("templates/" + name + ".txt")
		if err != nil {
			return nil, fmt.Errorf("reading a mail template: %w", err)
		}
		if t.all[name], err = parseTemplate(string(text)); err != nil {
			return nil, fmt.Errorf("reading the mail template %s: %w", name, err)
		}
	}
	return t, nil
}

func parseTemplate(text string) (template, error) {
	head, body, ok := strings.Cut(strings.TrimSpace(text), "\n\n")
	subject, named := strings.CutPrefix(head, "Subject: ")
	if !ok || !named || strings.Contains(subject, "\n") {
		return template{}, errors.New("it does not begin with a subject and a blank line")
	}
	t := template{subject: subject}
	for p := range strings.SplitSeq(body, "\n\n") {
		lines := strings.Split(p, "\n")
		if len(lines) > 1 && slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "=> ") }) {
			return template{}, errors.New("a link does not stand alone")
		}
		t.paragraphs = append(t.paragraphs, lines)
	}
	return t, nil
}

// Render makes the mail for m, which was committed at the given time. An error means that m can
// never be rendered.
func (t *Templates) Render(m store.Message, at time.Time) (Mail, error) {
	tmpl, ok := t.all[m.Template]
	if !ok {
		return Mail{}, errors.New("mail: there is no template of that name")
	}
	if err := checkAddress(m.To); err != nil {
		return Mail{}, err
	}
	w := writer{link: m.Data["link"], values: t.values(m, at)}
	// Readers decode "=?…?=" wherever it stands in a subject (RFC 2047), a line break in it too.
	subject := strings.ReplaceAll(w.fill(tmpl.subject), "=?", "= ?")
	for _, lines := range tmpl.paragraphs {
		w.paragraph(lines)
	}
	if w.err != nil {
		return Mail{}, w.err
	}
	return Mail{
		Template: m.Template, To: m.To, Subject: subject, At: at,
		Text: w.text.String() + "-- \n" + t.product + "\n", HTML: t.page(subject, w.html),
	}, nil
}

// values are what may stand in the text. The link is not among them: it has a line of its own.
func (t *Templates) values(m store.Message, at time.Time) map[string]string {
	v := make(map[string]string, len(m.Data)+4)
	for name, value := range m.Data {
		switch name {
		case "link":
		case "email":
			v[name] = visible(value, maxAddress)
		default:
			v[name] = visible(value, maxName)
		}
	}
	v["product"], v["time"] = t.product, at.UTC().Format("2 January 2006, 15:04 UTC")
	v["greeting"] = "Hello,"
	if v["name"] != "" {
		v["greeting"] = "Hello " + v["name"] + ","
	}
	if !m.Expires.IsZero() {
		v["life"] = life(m.Expires.Sub(at))
	}
	return v
}

// life is d in words, in the largest unit of which there are at least two. It is rounded to the minute
// first: a mail is committed a moment after its link was made, and a day less a moment is a day.
func life(d time.Duration) string {
	d = d.Round(time.Minute)
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d minutes", max(1, d/time.Minute))
}

// page is the HTML around the paragraphs: nothing is loaded from anywhere, so that opening a mail
// tells nobody.
func (t *Templates) page(subject string, body markup.HTML) string {
	return string(markup.Fill(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{}</title></head>
<body style="margin:0;padding:24px;background:#fff;color:#1a1a1a;font:16px/1.5 system-ui,sans-serif">
<div style="max-width:34em;margin:0 auto">
{}<p style="color:#595959;font-size:14px">{}</p>
</div>
</body>
</html>
`, subject, body, t.product))
}

package app

import (
	"bytes"
	"context"
	"html/template"
	"net/http"
	"regexp"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/page"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
)

// devRoutes are the pages that exist with --dev only.
func (a *App) devRoutes(pages *page.Pages) []edge.Route {
	if !a.Dev {
		return nil
	}
	return append(a.sampleRoutes(), edge.Route{
		Method: "GET", Path: "/dev/mailbox", Name: "dev.mailbox", Handle: a.showMailbox(pages),
		Access: edge.Open("demo mails on a server that listens on loopback only"),
	})
}

// showMailbox shows every mail that would have been sent, newest first.
func (a *App) showMailbox(pages *page.Pages) edge.Handler {
	return func(x *edge.Exchange, _ access.Caller) error {
		var b bytes.Buffer
		content, err := template.New("mailbox").Funcs(template.FuncMap{"linked": linked}).Parse(mailboxContent)
		if err != nil {
			return err
		}
		if err := content.Execute(&b, a.Mailbox.List(x.Site.Tenant)); err != nil {
			return err
		}
		return pages.Plain(x, http.StatusOK, "Mailbox", template.HTML(b.String()))
	}
}

// linked is a text in which addresses can be clicked. It is escaped first: what is no address stays text.
func linked(text string) template.HTML {
	address := regexp.MustCompile(`https?://[^\s<>"]+`)
	return template.HTML(address.ReplaceAllString(template.HTMLEscapeString(text), `<a href="$0">$0</a>`))
}

const mailboxContent = `<h1>Mailbox</h1><p>Every mail of this demo server, newest first. Nothing is sent. Load the page again for newer ones.</p>
{{range .}}<article><h2>{{.Subject}}</h2><p><small>to {{.To}}</small></p><pre>{{linked .Text}}</pre></article>{{else}}<article><p>No mail yet.</p></article>{{end}}
`

// The demo data of --dev. The password is no secret: the server listens on loopback only.
const (
	DemoPassword = "correct horse battery staple"
	DemoAdmin    = "admin@example.com"
	DemoEditor   = "alice@example.com"
	DemoViewer   = "bob@example.com"
)

// Demo fills an empty development server with users and roles. It may be called at each start.
func (a *App) Demo(ctx context.Context) error {
	c := access.Operator(id.Default, "dev", "demo data")
	for name, permissions := range map[string][]string{
		"editor": {"invoice:read", "invoice:create", "invoice:delete"}, "viewer": {"invoice:read"},
	} {
		_, err := a.Decisions.CreateRole(ctx, c, authz.Role{Meta: store.Meta{ID: name}, Permissions: permissions})
		if err != nil && errs.CodeOf(err) != "already_exists" {
			return err
		}
	}
	for address, role := range map[string]string{DemoAdmin: authz.AdminRole, DemoEditor: "editor", DemoViewer: "viewer"} {
		u, err := a.Accounts.Create(ctx, c, identity.NewUser{Email: address, Password: secret.New(DemoPassword), Verified: true})
		if errs.CodeOf(err) == "email_taken" {
			continue
		}
		if err != nil {
			return err
		}
		subject := store.SubjectRef{Type: access.TypeUser, ID: u.ID}
		if _, err := a.Decisions.Assign(ctx, c, authz.Assignment{Role: role, Subject: subject}); err != nil {
			return err
		}
	}
	return nil
}

package app

import (
	"context"
	"net/http"
	"regexp"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/page"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/markup"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/mail"
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
		return pages.Plain(x, http.StatusOK, "Mailbox", mailbox(a.Mailbox.List(x.Site.Tenant)))
	}
}

func mailbox(mails []mail.Mail) markup.HTML {
	content := markup.HTML("<h1>Mailbox</h1><p>Every mail of this demo server, newest first. Nothing is sent. Load the page again for newer ones.</p>\n")
	if len(mails) == 0 {
		content += "<article><p>No mail yet.</p></article>\n"
	}
	for _, m := range mails {
		content += markup.Fill("<article><h2>{}</h2><p><small>to {}</small></p><pre>{}</pre></article>\n", m.Subject, m.To, linked(m.Text))
	}
	return content
}

// linked is a text in which addresses can be clicked.
func linked(text string) (out markup.HTML) {
	end := 0
	for _, at := range regexp.MustCompile(`https?://[^\s<>"]+`).FindAllStringIndex(text, -1) {
		address := text[at[0]:at[1]]
		out += markup.Text(text[end:at[0]]) + markup.Fill(`<a href="{}">{}</a>`, address, address)
		end = at[1]
	}
	return out + markup.Text(text[end:])
}

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

// Package page serves the pages that people see: one shell, one style sheet and one script, embedded
// in the binary. A page knows its name; everything else it asks of the flow and session end points,
// so the server stays the authority and a head-less client can do whatever a page can.
package page

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
)

//go:embed assets
var assets embed.FS

// Pages serves the pages.
type Pages struct {
	shell *template.Template
	files map[string]file
}

type file struct {
	mediaType string
	body      []byte
}

// New reads the embedded files.
func New() (*Pages, error) {
	shell, err := template.ParseFS(assets, "assets/shell.html")
	if err != nil {
		return nil, err
	}
	p := &Pages{shell: shell, files: map[string]file{}}
	for name, mediaType := range map[string]string{
		"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		body, err := assets.ReadFile("assets/" + name)
		if err != nil {
			return nil, err
		}
		p.files[name] = file{mediaType, body}
	}
	return p, nil
}

// names are the pages: path and title.
func names() map[string]string {
	return map[string]string{
		"/": "Cardea", "/sign-in": "Sign in", "/sign-up": "Open an account", "/recover": "Forgotten password",
		"/link": "Go on", "/consent": "Allow access", "/select-account": "Choose an account", "/step-up": "Confirm that it is you",
		"/sign-out": "Sign out", "/set-up": "Set up Cardea", "/account": "Your account",
	}
}

// Routes are the pages as the doorstep must know them.
func (p *Pages) Routes() []edge.Route {
	public := edge.Open("the page is the same for everybody")
	var out []edge.Route
	for path, title := range names() {
		name := "page.home"
		if path != "/" {
			name = "page." + underscored(path[1:])
		}
		out = append(out, edge.Route{Method: "GET", Path: path, Name: name, Access: public, Handle: p.page(path, title)})
	}
	for name := range p.files {
		out = append(out, edge.Route{
			Method: "GET", Path: "/assets/" + name, Name: "asset." + underscored(name), Access: public, Handle: p.asset(name),
		})
	}
	return out
}

func underscored(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c == '-' || c == '.' {
			b[i] = '_'
		}
	}
	return string(b)
}

func (p *Pages) page(path, title string) edge.Handler {
	return func(x *edge.Exchange, _ access.Caller) error {
		base := x.Site.Issuer[len(x.Site.Origin):]
		var b bytes.Buffer
		err := p.shell.Execute(&b, map[string]string{"Title": title, "Page": path, "Base": base})
		if err != nil {
			return err
		}
		x.Page(edge.PagePolicy{})
		return x.Bytes(http.StatusOK, "text/html; charset=utf-8", b.Bytes())
	}
}

func (p *Pages) asset(name string) edge.Handler {
	f := p.files[name]
	return func(x *edge.Exchange, _ access.Caller) error {
		x.Header().Set("Cache-Control", "public, max-age=300")
		return x.Bytes(http.StatusOK, f.mediaType, f.body)
	}
}

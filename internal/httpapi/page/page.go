// Package page serves the pages that people see: two documents, one for signing in and out and one for
// the consoles, the assets that they name, and a plain document for what the server itself writes. A
// document knows where it lives; everything else it asks of the flow and session end points, so the
// server stays the authority and a head-less client can do whatever a page can.
//
//	page.go   documents, their paths, plain pages, robots.txt
//	asset.go  scripts, styles and fonts: immutable, compressed when first asked for
package page

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"net/http"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/markup"
	"github.com/cardea-auth/cardea/web"
)

const html = "text/html; charset=utf-8"

// Pages serves the pages. Without built files it serves plain pages and robots.txt only.
type Pages struct {
	// Accent is the colour that a tenant has chosen for its pages, #rrggbb or empty; nil: none has.
	Accent func(ctx context.Context, t id.Tenant) (string, error)
	// Dev says on the pages that this is a development server, and links what exists there only.
	Dev bool

	auth, app, plain string
	assets           map[string]*asset
}

// bare is the plain document of a program that was built without pages.
const bare = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">` +
	`<meta name="robots" content="noindex"><title>__TITLE__</title><main class="plain">__CONTENT__</main></html>`

// New reads the built files.
func New() (*Pages, error) {
	built, ok, err := web.Files()
	if err != nil || !ok {
		return &Pages{plain: bare}, err
	}
	p := &Pages{}
	for name, text := range map[string]*string{"auth.html": &p.auth, "app.html": &p.app, "plain.html": &p.plain} {
		b, err := fs.ReadFile(built, name)
		if err != nil {
			return nil, err
		}
		*text = string(b)
	}
	p.assets, err = readAssets(built)
	return p, err
}

// authPaths and appPaths are where the two documents live. Below /account the API has paths of its own; it
// wins, and a test in web holds that no page is at one of them.
func authPaths() []string {
	return []string{
		"/", "/sign-in", "/sign-up", "/recover", "/link", "/consent", "/select-account", "/step-up", "/sign-out", "/set-up",
	}
}

func appPaths() []string {
	return []string{"/account", "/account/{section...}", "/admin", "/admin/{section...}"}
}

// Routes are the pages as the doorstep must know them.
func (p *Pages) Routes() []edge.Route {
	public := edge.Open("the page is the same for everybody")
	out := []edge.Route{{Method: "GET", Path: "/robots.txt", Name: "page.robots", Access: public, Handle: robots}}
	if p.assets == nil {
		return out
	}
	serve := func(paths []string, document string) {
		for _, path := range paths {
			out = append(out, edge.Route{Method: "GET", Path: path, Name: routeName(path), Access: public, Handle: p.document(document)})
		}
	}
	serve(authPaths(), p.auth)
	serve(appPaths(), p.app)
	if p.Dev {
		serve([]string{"/dev/sample"}, p.app)
	}
	return append(out, edge.Route{Method: "GET", Path: "/assets/{file}", Name: "asset.get", Access: public, Handle: p.asset})
}

// routeName makes page.sign_in of /sign-in.
func routeName(path string) string {
	name := strings.Trim(strings.NewReplacer("/", "_", "-", "_", "{", "", "}", "", ".", "").Replace(path), "_")
	if name == "" {
		name = "home"
	}
	return "page." + name
}

// document serves a document at its tenant. It is asked for each time and answered by its tag alone while
// it is the same.
func (p *Pages) document(text string) edge.Handler {
	return func(x *edge.Exchange, _ access.Caller) error {
		accent, dev := "", ""
		if p.Accent != nil {
			var err error
			if accent, err = p.Accent(x.R.Context(), x.Site.Tenant); err != nil {
				return err
			}
		}
		if p.Dev {
			dev = "yes"
		}
		body := strings.NewReplacer(
			"__BASE__", escaped(base(x)), "__ACCENT__", escaped(accent), "__DEV__", dev,
			"__CSRF_COOKIE__", escaped(x.Cookies().Full(credential.CSRFCookie, x.Site.Tenant)),
			`="./assets/`, `="`+escaped(base(x))+`/assets/`,
		).Replace(text)
		x.Page(edge.PagePolicy{})
		h := x.Header()
		h.Set("Cache-Control", "no-cache")
		tag := tagOf([]byte(body))
		h.Set("ETag", tag)
		if matches(x.R.Header.Get("If-None-Match"), tag) {
			x.WriteHeader(http.StatusNotModified)
			return nil
		}
		return x.Bytes(http.StatusOK, html, []byte(body))
	}
}

func escaped(s string) string { return string(markup.Text(s)) }

// base is what stands before every path of the site: empty, or /t/NAME.
func base(x *edge.Exchange) string { return strings.TrimPrefix(x.Site.Issuer, x.Site.Origin) }

// Plain answers with a page that the server itself writes, in the dress of all others and without script.
func (p *Pages) Plain(x *edge.Exchange, status int, title string, content markup.HTML) error {
	body := strings.NewReplacer(
		"__TITLE__", escaped(title), "__CONTENT__", string(content),
		`="./assets/`, `="`+escaped(base(x))+`/assets/`,
	).Replace(p.plain)
	x.Page(edge.PagePolicy{})
	return x.Bytes(status, html, []byte(body))
}

// robots lets search engines see where one signs in, and nothing that belongs to somebody (RFC 9309).
func robots(x *edge.Exchange, _ access.Caller) error {
	var b strings.Builder
	b.WriteString("User-agent: *\n")
	for _, path := range []string{"/account", "/admin", "/api/", "/consent", "/dev/", "/flow", "/link", "/oauth/", "/session", "/set-up", "/step-up"} {
		b.WriteString("Disallow: " + base(x) + path + "\n")
	}
	x.Header().Set("Cache-Control", "public, max-age=3600")
	return x.Bytes(http.StatusOK, "text/plain; charset=utf-8", []byte(b.String()))
}

// tagOf is a strong entity tag (RFC 9110, section 8.8.3).
func tagOf(b []byte) string {
	sum := sha256.Sum256(b)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// matches reports whether an If-None-Match names tag (RFC 9110, section 13.1.2), which compares weakly. Our
// tags hold no comma.
func matches(header, tag string) bool {
	for entry := range strings.SplitSeq(header, ",") {
		entry = strings.Trim(entry, " \t")
		if entry == "*" || strings.TrimPrefix(entry, "W/") == tag {
			return true
		}
	}
	return false
}

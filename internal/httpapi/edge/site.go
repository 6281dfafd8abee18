package edge

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/internal/httpapi/problem"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

// Site is a tenant at its address.
type Site struct {
	Tenant id.Tenant
	Origin string // scheme, host and port: https://id.example.com
	Issuer string // Origin, and /t/NAME for a tenant that shares the host; configured, never read from a request
	// Metadata is the address of the protected resource metadata that a 401 names (RFC 9728,
	// section 5.1); empty leaves it out.
	Metadata string
}

// Secure reports whether the site is served over TLS, by us or by a proxy in front.
func (s Site) Secure() bool { return strings.HasPrefix(s.Origin, "https://") }

// locate finds the site by host and path, and takes the tenant out of the path.
func (x *Exchange) locate(d Directory) error {
	named, path, ok := splitTenant(x.R.URL.Path)
	if !ok {
		return noRoute()
	}
	site, err := d.Resolve(x.R.Context(), strings.ToLower(x.R.Host), named)
	if err != nil {
		return err
	}
	x.Site = site
	if named != "" {
		x.R = withPath(x.R, path)
	}
	return nil
}

// splitTenant takes /t/NAME off a path, or out of the middle of /.well-known/WHAT/t/NAME, the form
// in which RFC 8414, section 3.1, asks for the metadata of an issuer with a path.
func splitTenant(path string) (named id.Tenant, rest string, ok bool) {
	before := ""
	if after, found := strings.CutPrefix(path, "/.well-known/"); found {
		what, _, _ := strings.Cut(after, "/")
		before = "/.well-known/" + what
	}
	after, found := strings.CutPrefix(path[len(before):], "/t/")
	if !found {
		return "", path, true
	}
	name, tail, more := strings.Cut(after, "/")
	if !id.ValidTenant(name) {
		return "", "", false
	}
	rest = before
	if more {
		rest += "/" + tail
	}
	if rest == "" {
		rest = "/"
	}
	return id.Tenant(name), rest, true
}

// withPath is r with another path. A path whose encoding was unusual is decoded by then, and its
// number of segments was checked.
func withPath(r *http.Request, path string) *http.Request {
	r2, u := *r, *r.URL
	u.Path, u.RawPath = path, ""
	r2.URL = &u
	return &r2
}

// SharedHost is a Directory with a single host: the default tenant lives at its root, the others
// under /t/NAME.
type SharedHost struct {
	hosts    [2]string // with and without the scheme's own port
	further  []string  // without a port; any port is theirs
	site     Site
	standing func(context.Context, id.Tenant) error
}

// NewSharedHost makes the directory of an issuer such as https://id.example.com. further are names, without
// a port, under which machines may reach it too: the issuer stays the one that it is, and so does the
// origin of our pages. standing refuses a tenant that does not exist or is disabled; it is called for
// each request.
func NewSharedHost(issuer string, further []string, standing func(context.Context, id.Tenant) error) (*SharedHost, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" ||
		(u.Scheme != "https" && u.Scheme != "http") || u.String() != issuer {
		return nil, errs.New(errs.Invalid, "invalid_issuer", "The issuer must be https:// and a host, without path and final slash.")
	}
	site := Site{Tenant: id.Default, Origin: issuer, Issuer: issuer}
	host, port := strings.ToLower(u.Host), ":443"
	if u.Scheme == "http" {
		port = ":80"
	}
	return &SharedHost{hosts: [2]string{host, host + port}, further: further, site: site, standing: standing}, nil
}

// Resolve finds the tenant named in the path, or the default one.
func (s *SharedHost) Resolve(ctx context.Context, host string, named id.Tenant) (Site, error) {
	if host != s.hosts[0] && host != s.hosts[1] && !slices.Contains(s.further, withoutPort(host)) {
		return Site{}, Misdirected()
	}
	site := s.site
	if named == id.Default { // it has one address: two would be two issuers
		return Site{}, noRoute()
	}
	if named != "" {
		site.Tenant, site.Issuer = named, s.site.Origin+"/t/"+string(named)
	}
	return site, s.standing(ctx, site.Tenant)
}

// withoutPort is the name in a Host header; brackets around an IPv6 address go too.
func withoutPort(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

// Misdirected refuses a host at which nobody lives (RFC 9110, section 15.5.20).
func Misdirected() error {
	return errs.New(errs.Invalid, problem.CodeMisdirected, "This server does not answer for that host.")
}

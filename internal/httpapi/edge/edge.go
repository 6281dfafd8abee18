// Package edge is the doorstep: what every request passes before an endpoint sees it, and what
// every answer carries. It is one list, in Door.ServeHTTP and route.serve:
//
//	request id · client address · bounds of headers · one reading of the path · host and tenant
//	  ▸ route: CORS · limits · credential · CSRF · who is it? ▸ endpoint
//	  ◂ refusals as problem documents · security headers · one log line · one measurement
//
// An endpoint is a Route. It says which credentials it reads, what it needs and why, and a Door
// cannot be built from one that does not: what nobody has opened is shut. The package knows no
// domain: who a credential proves, which tenant lives at a host and which origins are listed is
// asked of interfaces that wiring fills.
package edge

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/limit"
)

// Authenticator says whom a credential proves.
type Authenticator interface {
	// Authenticate returns the caller that c proves in tenant t. It is never asked about an empty
	// credential. It refuses with Unauthenticated and one of the codes token_invalid,
	// token_expired, token_revoked and session_expired, or with Unavailable if it cannot know.
	Authenticate(ctx context.Context, t id.Tenant, c credential.Credential, from access.Origin) (access.Caller, error)
}

// Directory knows who lives where.
type Directory interface {
	// Resolve returns the site at a host, in lower case as browsers send it. named is the tenant in
	// the path (/t/NAME), or empty. It refuses an unknown host with Misdirected and an unknown or
	// disabled tenant with NotFound.
	Resolve(ctx context.Context, host string, named id.Tenant) (Site, error)
}

// Origins knows which foreign origins may read answers of a tenant.
type Origins interface {
	// Listed reports whether origin is in the list that by names. An error counts as no.
	Listed(ctx context.Context, t id.Tenant, by CORS, origin string) (bool, error)
}

// Config is what a Door needs. Directory, Authenticator, Origins, Gate, Log, Metrics and Now are required.
type Config struct {
	Directory     Directory
	Authenticator Authenticator
	Origins       Origins
	Gate          *limit.Gate
	Cookies       credential.Jar
	// TrustedProxies may say for whom they speak. Empty, the default, means that nobody may.
	TrustedProxies []netip.Prefix
	// ProxiesSendCertificates says that the trusted proxies end TLS and put the client's certificate
	// into Client-Cert (RFC 9440), after taking out what the client itself has sent by that name.
	ProxiesSendCertificates bool
	Log                     *slog.Logger
	// LogOneIn is of how many successes on hot routes one is logged; default 100, 1 logs all.
	LogOneIn int
	Metrics  prometheus.Registerer
	Now      func() time.Time
	// Serving ends what is followed when the server is told to end: a follower comes back, to another node. Nil
	// does not.
	Serving context.Context
}

// Door serves routes. Make one with New.
type Door struct {
	Config
	mux      *http.ServeMux
	unrouted *route // stands in for the route where there is none, in logs and metrics
	headers  headers
}

// Bounds of a request apart from its body.
const (
	maxHeaderFields = 100
	maxCookieBytes  = 16 << 10
	defaultMaxBody  = 64 << 10
	defaultTimeout  = 30 * time.Second
	defaultLogOneIn = 100
)

// New builds a Door, or says which route is not fit for one.
func New(c Config, routes []Route) (*Door, error) {
	if c.LogOneIn <= 0 {
		c.LogOneIn = defaultLogOneIn
	}
	m, err := newMeter(c.Metrics)
	if err != nil {
		return nil, err
	}
	d := &Door{Config: c, mux: http.NewServeMux(), headers: newHeaders()}
	d.unrouted = &route{door: d, meter: m.route("none")}
	if err := checkRoutes(routes); err != nil {
		return nil, err
	}
	for _, r := range routes {
		if r.MaxBody == 0 {
			r.MaxBody = defaultMaxBody
		}
		if r.Timeout == 0 && !r.Hot {
			r.Timeout = defaultTimeout
		}
		pattern := r.Method + " " + r.Path
		if r.Path == "/" {
			pattern += "{$}" // the root alone: net/http takes a final slash for everything below
		}
		d.mux.Handle(pattern, &route{Route: r, door: d, meter: m.route(pattern)})
	}
	for _, p := range preflights(routes) {
		p.door, p.meter = d, m.route("OPTIONS "+p.Path)
		d.mux.Handle("OPTIONS "+p.Path, p)
	}
	return d, nil
}

// ServeHTTP is the list that every request passes.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &Exchange{R: r, door: d, route: d.unrouted, w: w, started: d.Now()}
	defer x.close()
	x.identify()
	d.headers.always(x)
	if err := d.admit(x); err != nil {
		x.refuse(err)
		return
	}
	d.mux.ServeHTTP(x, x.R)
	x.refuseUnrouted()
}

// admit refuses what no route should have to look at, and finds the tenant.
func (d *Door) admit(x *Exchange) error {
	if err := checkHeaders(x.R.Header); err != nil {
		return err
	}
	if err := checkPath(x.R.URL); err != nil {
		return err
	}
	if err := x.locate(d.Directory); err != nil {
		return err
	}
	d.headers.transport(x)
	return nil
}

// serve is the list that a request passes once its route is known.
func (rt *route) serve(x *Exchange) error {
	x.allowOrigin()
	if err := x.bound(); err != nil {
		return err
	}
	if err := x.limit(); err != nil {
		return err
	}
	caller, err := x.authenticate()
	if err != nil {
		return err
	}
	return rt.Handle(x, caller)
}

// extend lets the answer take as long as the route may: the server's own limit is for ordinary ones.
func (x *Exchange) extend(d time.Duration) {
	// A connection without deadlines, as in tests, needs no other one.
	_ = http.NewResponseController(x.w).SetWriteDeadline(x.door.Now().Add(d))
}

// ServeHTTP is called by the mux, which hands on the Exchange that Door has made.
func (rt *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := w.(*Exchange)
	x.route, x.R = rt, r
	if rt.Timeout > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), rt.Timeout)
		defer cancel()
		x.R = r.WithContext(ctx)
		if rt.Follows && rt.door.Serving != nil {
			defer context.AfterFunc(rt.door.Serving, cancel)()
		}
	}
	if rt.Timeout > defaultTimeout {
		x.extend(rt.Timeout)
	}
	if err := rt.serve(x); err != nil {
		x.refuse(err)
	}
}

package edge

import (
	"net/http"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
)

// CORS says which foreign origins may read the answers of a route. Credentials of the browser are
// never allowed to go along, so none of these can be used to ride on a cookie.
type CORS uint8

// The lists of origins.
const (
	NoCORS        CORS = iota
	AnyOrigin          // public facts: metadata and keys
	ClientOrigins      // origins that some client of the tenant has registered
	TenantOrigins      // ClientOrigins, and those that the tenant's administrators have listed
)

// String is the list's name in the contract.
func (c CORS) String() string { return [...]string{"none", "any", "clients", "tenant"}[c] }

const (
	corsRequestHeaders = "Authorization, Content-Type, DPoP, If-Match, X-API-Key"
	corsExposed        = "DPoP-Nonce, ETag, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-ID"
	corsMaxAge         = "600"
)

// allowOrigin lets the caller's page read the answer, if it may.
func (x *Exchange) allowOrigin() {
	if x.route.CORS == NoCORS {
		return
	}
	if allowed := x.allowedOrigin(); allowed != "" {
		x.Header().Set("Access-Control-Allow-Origin", allowed)
		x.Header().Set("Access-Control-Expose-Headers", corsExposed)
	}
}

func (x *Exchange) allowedOrigin() string {
	if x.route.CORS == AnyOrigin {
		return "*"
	}
	if !isWrite(x.R.Method) { // no cache keeps an answer to anything else
		x.Header().Add("Vary", "Origin")
	}
	origin := x.R.Header["Origin"]
	if len(origin) != 1 || len(origin[0]) > 512 || !strings.Contains(origin[0], "://") {
		return ""
	}
	ok, err := x.door.Origins.Listed(x.R.Context(), x.Site.Tenant, x.route.CORS, origin[0])
	if err != nil || !ok {
		return ""
	}
	return origin[0]
}

// DenyOrigin takes back that the caller's page may read the answer: for an endpoint that has learned
// which client is asking, and that the origin belongs to another one.
func (x *Exchange) DenyOrigin() {
	x.Header().Del("Access-Control-Allow-Origin")
	x.Header().Del("Access-Control-Expose-Headers")
}

// preflight answers the question of a browser whether it may send a request (Fetch, section 4.8).
type preflight struct{ methods string }

// preflights makes one OPTIONS route for each path that is open to other origins.
func preflights(routes []Route) []*route {
	byPath := map[string]*route{}
	var out []*route
	for _, r := range routes {
		if r.CORS == NoCORS {
			continue
		}
		p := byPath[r.Path]
		if p == nil {
			p = &route{Route: Route{Method: http.MethodOptions, Path: r.Path, CORS: r.CORS, Access: Open("a preflight carries no credentials")}}
			p.preflight = &preflight{}
			p.Handle = p.preflight.answer
			byPath[r.Path], out = p, append(out, p)
		}
		// The narrower list wins where methods of one path differ.
		p.CORS = max(p.CORS, r.CORS)
		p.preflight.add(r.Method)
	}
	return out
}

func (p *preflight) add(method string) {
	methods := strings.Split(p.methods, ", ")
	if p.methods == "" {
		methods = nil
	}
	methods = append(methods, method)
	slices.Sort(methods)
	p.methods = strings.Join(methods, ", ")
}

func (p *preflight) answer(x *Exchange, _ access.Caller) error {
	h := x.Header()
	if h.Get("Access-Control-Allow-Origin") != "" {
		h.Set("Access-Control-Allow-Methods", p.methods)
		h.Set("Access-Control-Allow-Headers", corsRequestHeaders)
		h.Set("Access-Control-Max-Age", corsMaxAge)
		h.Del("Access-Control-Expose-Headers")
	}
	x.WriteHeader(http.StatusNoContent)
	return nil
}

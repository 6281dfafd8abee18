package edge

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/problem"
	"github.com/cardea-auth/cardea/internal/limit"
)

// Handler answers a request. A returned error becomes a problem document, unless something was
// written already: then the connection is cut. c is who asks; it is anonymous only where the route's
// Access lets anonymous requests in.
type Handler func(x *Exchange, c access.Caller) error

// Route is an endpoint as the doorstep must know it.
type Route struct {
	Method string
	// Path is a pattern of net/http without method and host, below the tenant's base: a literal
	// path, or one with wildcards {name}. It does not end with a slash.
	Path    string
	Name    string // noun.verb, the operationId of the contract
	Access  Access
	CORS    CORS
	Intent  limit.Intent  // whose limits apply to every call; API if zero
	MaxBody int64         // bytes; default 64 KiB
	Timeout time.Duration // of the request's context; default 30s, and none on hot routes
	Hot     bool          // called thousands of times a second: successes are logged by sample
	Follows bool          // the answer goes on until its time is up, or Config.Serving ends
	Handle  Handler
	// Refuse answers a refusal in the words of another protocol; nil answers a problem document. The
	// headers that belong to the refusal are set.
	Refuse func(w http.ResponseWriter, p problem.Problem)
}

// Access says who may call a route and what is read to find out. The zero value is refused by New.
type Access struct {
	accept    credential.Accept
	anonymous bool
	csrf      csrf
	action    access.Action
	why       string
}

type csrf uint8

const (
	noCSRF     csrf = iota
	byOrigin        // writes must come from our own pages
	bySession       // and repeat the token of the session, if a session cookie proves the caller
	byFlow          // and repeat the token of the flow cookie
	unsafeNone      // cookies are read, and nothing is changed by their power
)

// Open is a route that reads no credential at all. why says what protects it, for the contract: the
// client authenticates in the body, the answer is public, the artefact is the proof.
func Open(why string) Access { return Access{why: why} }

// Needs is a route for machines and consoles: it takes a credential in a header or a client
// certificate and never reads a cookie. The domain decides whether the caller may do a.
func Needs(a access.Action) Access {
	return Access{accept: credential.Header | credential.ClientCert, action: a}
}

// Bearer is a route for programs that takes a credential in a header and decides by itself what it is good
// for; why says how.
func Bearer(why string) Access { return Access{accept: credential.Header, why: why} }

// Own is a route about the caller's own account: it takes every kind of credential, and a request
// with a cookie that changes something must prove that it comes from our own pages.
func Own(a access.Action) Access {
	n := Needs(a)
	n.accept, n.csrf = n.accept|credential.Cookie, bySession
	return n
}

// Optional is Own for a route that answers strangers too.
func Optional(why string) Access {
	return Access{accept: credential.Header | credential.ClientCert | credential.Cookie, anonymous: true, csrf: bySession, why: why}
}

// InSession is a route that takes the session cookie only, such as the one that gives out short tokens.
func InSession(why string) Access {
	return Access{accept: credential.Cookie, csrf: bySession, why: why}
}

// Visitor is a route that looks at the session cookie to see who comes, and changes nothing by its
// power, whatever its method is: the authorization endpoint.
func Visitor(why string) Access {
	return Access{accept: credential.Cookie, anonymous: true, csrf: unsafeNone, why: why}
}

// StartsFlow is a route that begins a flow in a browser: there is no token to repeat yet, so writes
// must come from our own pages.
func StartsFlow(why string) Access {
	return Access{accept: credential.Cookie, anonymous: true, csrf: byOrigin, why: why}
}

// InFlow is a route that goes on with a flow whose handle is in the flow cookie.
func InFlow(why string) Access {
	return Access{accept: credential.Cookie, anonymous: true, csrf: byFlow, why: why}
}

// Action is the permission that the domain will ask for; empty if there is none.
func (a Access) Action() access.Action { return a.action }

// Why says what protects the route, if no permission does.
func (a Access) Why() string { return a.why }

// Accepts reports whether the route reads a kind of credential.
func (a Access) Accepts(c credential.Accept) bool { return a.accept&c != 0 }

// Anonymous reports whether the route answers requests without a credential.
func (a Access) Anonymous() bool { return a.accept == 0 || a.anonymous }

// CSRF reports whether a write must repeat a token.
func (a Access) CSRF() bool { return a.csrf == bySession || a.csrf == byFlow }

// route is a Route in a Door.
type route struct {
	Route
	door      *Door
	meter     *meter
	served    counter // successes since the last logged one
	preflight *preflight
}

// checkRoutes refuses what must not be served, all at once.
func checkRoutes(routes []Route) error {
	var all []error
	seen := map[string]bool{}
	for _, r := range routes {
		if err := r.check(); err != nil {
			all = append(all, fmt.Errorf("route %s %s: %w", r.Method, r.Path, err))
		}
		for _, key := range []string{"name " + r.Name, "pattern " + r.Method + " " + r.Path} {
			if seen[key] {
				all = append(all, fmt.Errorf("route %s %s: its %s is taken", r.Method, r.Path, key))
			}
			seen[key] = true
		}
	}
	return errors.Join(all...)
}

func (r Route) check() error {
	name := regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$`)
	switch {
	case r.Access.action == "" && len(r.Access.why) < 10:
		return errors.New("it names no permission and does not say why none is needed")
	case !slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, r.Method):
		return errors.New("its method is not one of GET, POST, PUT, PATCH, DELETE")
	case !name.MatchString(r.Name):
		return errors.New("its name is not noun.verb")
	case r.Handle == nil:
		return errors.New("it has no handler")
	case !strings.HasPrefix(r.Path, "/") || (r.Path != "/" && strings.HasSuffix(r.Path, "/")):
		return errors.New("its path must begin with a slash and not end with one")
	case strings.HasPrefix(r.Path, "/t/"), strings.HasPrefix(r.Path, "/{"):
		return errors.New("its path would take the place of tenants or of everything")
	case r.CORS != NoCORS && r.Access.Accepts(credential.Cookie):
		return errors.New("a route that reads cookies must not be opened to other origins")
	case r.Follows && r.Timeout <= 0:
		return errors.New("it follows something and does not say for how long")
	}
	return nil
}

func isWrite(method string) bool { return method != http.MethodGet && method != http.MethodHead }

package credential

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// Name says which cookie of a tenant is meant. A tenant's name holds no dot, so the cookie of one
// tenant is never another cookie of another.
type Name string

// The cookies.
const (
	SessionCookie Name = ""        // the session; not readable by scripts
	CSRFCookie    Name = ".csrf"   // the token that writes must repeat; readable by scripts
	FlowCookie    Name = ".flow"   // the handle of a flow under way; not readable by scripts
	DeviceCookie  Name = ".device" // marks a known device; not readable by scripts
)

// Jar names and writes cookies. All are for one host, for all its paths, and sent with top-level
// navigation only: SameSite=Lax, because a sign-in ends with a navigation from another site.
type Jar struct {
	// Insecure leaves out the __Host- prefix and Secure, for browsers that refuse Secure cookies on
	// http://localhost. Wiring allows it on loopback only.
	Insecure bool
}

func (j Jar) prefix() string {
	if j.Insecure {
		return "cardea-"
	}
	return "__Host-cardea-" // RFC 6265bis, section 4.1.3.2: set by this host, over TLS, for all paths
}

// Full is the name of a cookie as browsers see it.
func (j Jar) Full(n Name, t id.Tenant) string { return j.prefix() + string(t) + string(n) }

// Set adds a cookie to an answer. A value that does not belong into a cookie is our fault and is not
// sent. maxAge 0 makes a cookie that ends with the browser.
func (j Jar) Set(h http.Header, n Name, t id.Tenant, v secret.Value, maxAge time.Duration) {
	value := v.Reveal()
	if !token68(value) {
		return
	}
	age := ""
	if maxAge > 0 {
		age = "; Max-Age=" + strconv.FormatInt(int64(maxAge/time.Second), 10)
	}
	h.Add("Set-Cookie", j.Full(n, t)+"="+value+age+j.attributes(n))
}

// Clear tells the browser to forget a cookie.
func (j Jar) Clear(h http.Header, n Name, t id.Tenant) {
	h.Add("Set-Cookie", j.Full(n, t)+"=; Max-Age=0"+j.attributes(n))
}

// SetSession adds the cookies of a session: the session itself and the token that protects its writes.
func (j Jar) SetSession(h http.Header, t id.Tenant, session secret.Value, maxAge time.Duration) {
	j.Set(h, SessionCookie, t, session, maxAge)
	j.Set(h, CSRFCookie, t, secret.New(CSRFToken(session)), maxAge)
}

// ClearSession tells the browser to forget the cookies of a session.
func (j Jar) ClearSession(h http.Header, t id.Tenant) {
	j.Clear(h, SessionCookie, t)
	j.Clear(h, CSRFCookie, t)
}

func (j Jar) attributes(n Name) string {
	a := "; Path=/; SameSite=Lax"
	if !j.Insecure {
		a += "; Secure"
	}
	if n != CSRFCookie {
		a += "; HttpOnly"
	}
	return a
}

// Get reads a cookie. There is none if found is false; two of one name are Invalid, because one of
// them was planted (a sibling host can set cookies for its parent domain, RFC 6265, section 8.6).
func (j Jar) Get(h http.Header, n Name, t id.Tenant) (v secret.Value, found bool, err error) {
	count, value := 0, ""
	for _, line := range h["Cookie"] {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			// Only blank and tab are taken off: browsers send other spaces as part of a name, and
			// a server that trims those can be handed a __Host- cookie by a sibling host.
			name, val, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
			if j.is(name, n, t) {
				count, value = count+1, val
			}
		}
	}
	if count > 1 {
		return secret.Value{}, false, errs.New(errs.Invalid, "malformed_request", "A cookie was sent twice.")
	}
	return secret.New(value), count == 1, nil
}

// is compares without building the name: this runs on every request with a cookie.
func (j Jar) is(name string, n Name, t id.Tenant) bool {
	p := j.prefix()
	return len(name) == len(p)+len(t)+len(n) && name[:len(p)] == p &&
		name[len(p):len(p)+len(t)] == string(t) && name[len(p)+len(t):] == string(n)
}

func fromCookie(h http.Header, j Jar, t id.Tenant) (Credential, error) {
	v, found, err := j.Get(h, SessionCookie, t)
	if err != nil || !found {
		return Credential{}, err
	}
	if !opaque.Valid(opaque.Session, v.Reveal()) {
		return Credential{Broken: true}, nil
	}
	return Credential{Kind: Session, Token: v}, nil
}

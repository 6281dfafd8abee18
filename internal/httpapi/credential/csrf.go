package credential

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// The places of a CSRF token in a request.
const (
	CSRFHeader = "X-CSRF-Token"
	CSRFField  = "csrf_token" // in a form, for pages without script
)

// CSRFToken is the token that a request must repeat when it is authenticated by a cookie with value
// bound: a session or the handle of a flow. It is derived, so nothing is stored and it changes
// whenever the session does; it tells nothing about the cookie, which scripts cannot read.
//
// A hash of the label and the value serves where one would reach for HMAC: nobody can guess the
// value, and what could be appended to it would be another value, which is no cookie of anybody. The label keeps
// the token apart from the hash by which the value is stored.
func CSRFToken(bound secret.Value) string {
	const label = "cardea csrf v2\x00"
	text := append(make([]byte, 0, 128), label...) // room for a session's cookie, without going to the heap
	sum := sha256.Sum256(append(text, bound.Reveal()...))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// CheckCSRF refuses a request that changes something by the power of a cookie unless it comes from
// our own pages and repeats the cookie's token. own is our origin; field is the token from a form,
// or empty.
func CheckCSRF(r *http.Request, own string, bound secret.Value, field string) error {
	if err := SameOrigin(r, own); err != nil {
		return err
	}
	presented := secret.New(field)
	if h := r.Header[http.CanonicalHeaderKey(CSRFHeader)]; len(h) == 1 {
		presented = secret.New(h[0])
	} else if len(h) > 1 {
		return forged("The header X-CSRF-Token was sent twice.")
	}
	if bound.Empty() || !presented.Equal(secret.New(CSRFToken(bound))) {
		return forged("The CSRF token is missing or belongs to another session; reload the page.")
	}
	return nil
}

// SameOrigin refuses a request that was not made by our own pages or typed by the user. A browser
// that says neither Sec-Fetch-Site nor Origin with a write is too old to be protected.
func SameOrigin(r *http.Request, own string) error {
	site, origin := r.Header["Sec-Fetch-Site"], r.Header["Origin"]
	switch {
	case len(site) > 1 || len(origin) > 1:
	case len(site) == 1:
		// The fetch metadata decide, because a page with Referrer-Policy no-referrer posts its
		// forms with Origin: null; but an Origin that names another site is never overruled.
		foreign := len(origin) == 1 && origin[0] != own && origin[0] != "null"
		if (site[0] == "same-origin" || site[0] == "none") && !foreign {
			return nil
		}
	case len(origin) == 1 && origin[0] == own && own != "":
		return nil
	}
	return forged("The request does not come from a page of this server.")
}

func forged(text string) error { return errs.New(errs.Denied, "csrf_failed", "%s", text) }

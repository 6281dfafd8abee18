package edge

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
)

// headers holds the values that many answers share. A header's values are slices: sharing them saves
// an allocation each, and is safe because net/http and Header.Set replace and never change them.
type headers struct {
	noStore, nosniff, deny, noReferrer, sameOrigin, hsts, json []string
}

// strictTransport is a year (RFC 6797, section 6.1). Subdomains are not ours to decide about.
const strictTransport = "max-age=31536000"

// denyAll is the policy of an answer that is no page: it may load, run and be framed nowhere.
const denyAll = "default-src 'none'; frame-ancestors 'none'"

func newHeaders() headers {
	return headers{
		noStore: []string{"no-store"}, nosniff: []string{"nosniff"}, deny: []string{denyAll},
		noReferrer: []string{"no-referrer"}, sameOrigin: []string{"same-origin"}, hsts: []string{strictTransport},
		json: []string{jsonType},
	}
}

// always sets what every answer carries. A handler of something public may replace Cache-Control.
// With these, HSTS and Content-Type a header has eight fields, which is as many as a small map holds:
// a ninth costs half a microsecond.
func (s *headers) always(x *Exchange) {
	h := x.w.Header()
	x.requestID[0] = x.From.RequestID
	h["X-Request-Id"] = x.requestID[:]
	h["Cache-Control"] = s.noStore
	h["X-Content-Type-Options"] = s.nosniff
	h["Content-Security-Policy"] = s.deny
	h["Cross-Origin-Resource-Policy"] = s.sameOrigin
	h["Referrer-Policy"] = s.noReferrer
}

// transport tells browsers to stay with https, once the site is known to be served so.
func (s *headers) transport(x *Exchange) {
	if x.Site.Secure() {
		x.w.Header()["Strict-Transport-Security"] = s.hsts
	}
}

// PagePolicy is what an HTML page may do besides the strict default: load from this server only,
// run no inline script, be framed nowhere.
type PagePolicy struct {
	Nonce      string   // allows the inline scripts that carry it
	FormAction []string // origins that a form may post or be redirected to, besides ours
	Frames     []string // origins that may frame the page: only for the answer to prompt=none
	// KeepOpener lets a page that an application has opened in a popup know its opener. Without it
	// the browser cuts the two apart, which also breaks sign-in by popup.
	KeepOpener bool
}

// NewNonce is a fresh nonce for one page.
func NewNonce() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

// Page sets the headers of an HTML page.
func (x *Exchange) Page(p PagePolicy) {
	script, frames := "'self'", "'none'"
	if p.Nonce != "" {
		script += " 'nonce-" + p.Nonce + "'"
	}
	if len(p.Frames) > 0 {
		frames = strings.Join(p.Frames, " ")
	}
	h := x.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src "+script+
		"; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action "+
		strings.Join(append([]string{"'self'"}, p.FormAction...), " ")+
		"; frame-ancestors "+frames+"; require-trusted-types-for 'script'")
	if !p.KeepOpener {
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
}

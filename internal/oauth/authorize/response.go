package authorize

import (
	"net/url"
	"strings"

	"github.com/cardea-auth/cardea/internal/oauth"
)

// Response is an answer to the client, through the browser.
type Response struct {
	// Redirect is a URI of the client that has been matched with its registration.
	Redirect oauth.RedirectURI
	Mode     Mode
	Params   []Param // in order; code or error, state, iss
}

// Param is one parameter of a Response.
type Param struct{ Name, Value string }

// Location is the address to send the browser to, for Mode Query. The redirect URI itself is not
// rewritten; parameters are added to the query it may have (RFC 6749, section 3.1.2).
func (r Response) Location() string {
	var b strings.Builder
	b.WriteString(string(r.Redirect))
	separator := byte('?')
	if _, query, has := strings.Cut(string(r.Redirect), "?"); has {
		separator = '&'
		if query == "" {
			separator = 0
		}
	}
	for _, p := range r.Params {
		if separator != 0 {
			b.WriteByte(separator)
		}
		b.WriteString(url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value))
		separator = '&'
	}
	return b.String()
}

// Get is the value of a parameter, or "".
func (r Response) Get(name string) string {
	for _, p := range r.Params {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// respond is the answer to q: what is given, then state and iss (RFC 9207), on success and error
// alike.
func (q *Request) respond(issuer string, params ...Param) *Response {
	if q.State != "" {
		params = append(params, Param{"state", q.State})
	}
	params = append(params, Param{"iss", issuer})
	return &Response{Redirect: q.Redirect, Mode: q.Mode, Params: params}
}

// refuse is the answer that says why there is no code.
func (q *Request) refuse(issuer string, e *oauth.Error) *Response {
	return q.respond(issuer, Param{"error", string(e.Code)}, Param{"error_description", e.Description})
}

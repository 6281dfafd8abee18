// Package problem is how every door answers a refusal: RFC 9457 documents, and the one table from
// kinds of error to HTTP statuses.
//
// What a document says was written where the rule lives, by us: neither the cause of an error nor
// anything from the request is repeated in it, apart from the request's id and the places of wrong
// members. The package must not know who asks or what was asked for.
package problem

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// ContentType of a problem document (RFC 9457, section 3).
const ContentType = "application/problem+json"

// Reference is the page that explains every code; with '#' and the code it is the type of a problem.
const Reference = "https://github.com/cardea-auth/cardea/blob/main/api/errors.md"

// Problem is the document (RFC 9457, section 3.1) with our extensions after Detail.
type Problem struct {
	Type      string       `json:"type" doc:"URI that names the kind of problem and leads to its explanation"`
	Title     string       `json:"title" doc:"summary of the kind of problem; the same for all of a status"`
	Status    int          `json:"status" doc:"the HTTP status again"`
	Detail    string       `json:"detail" doc:"what is wrong with this request, for a person"`
	Code      string       `json:"code" doc:"stable and machine-readable, such as token_expired"`
	RequestID string       `json:"request_id,omitzero" doc:"id to name when asking for help"`
	Missing   string       `json:"missing,omitzero" doc:"the permission or scope that would have allowed the request"`
	Errors    []errs.Field `json:"errors,omitzero" doc:"the members of the request that are wrong"`
}

// hidden is what callers read of our own faults, whatever the error says.
const hidden = "Something went wrong on our side."

// From is the document for err, which must not be nil.
func From(err error, requestID string) Problem {
	e := errs.From(err)
	status := Status(e)
	p := Problem{
		Title: Title(status), Status: status, Detail: e.Text, Code: errs.CodeOf(e),
		RequestID: requestID, Missing: e.Missing, Errors: e.Fields,
	}
	if e.Kind == errs.Internal {
		p.Detail, p.Code, p.Missing, p.Errors = hidden, errs.Internal.String(), "", nil
	}
	p.Type = Reference + "#" + p.Code
	return p
}

// Write answers err: status, headers that belong to the refusal, and the document. metadata is the
// address of the protected resource metadata (RFC 9728) that a challenge names; it may be empty.
func Write(w http.ResponseWriter, err error, requestID, metadata string) {
	e := errs.From(err)
	p := From(e, requestID)
	body, failed := json.Marshal(p)
	if failed != nil { // a text that is not UTF-8: then the code must do
		p.Detail, p.Missing, p.Errors = "", "", nil
		body, _ = json.Marshal(p)
	}
	h := w.Header()
	Headers(h, e, metadata)
	h.Set("Content-Type", ContentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Del("ETag")
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the caller has gone: nobody is left to tell
}

// Headers sets those that belong to a refusal, whatever its body looks like.
func Headers(h http.Header, err error, metadata string) {
	e := errs.From(err)
	if c := Challenge(e, metadata); c != "" {
		h.Set("WWW-Authenticate", c)
	}
	if s := RetryAfter(e); s != "" {
		h.Set("Retry-After", s)
	}
}

// RetryAfter is the value of Retry-After (RFC 9110, section 10.2.3) in whole seconds, never less
// than the wait; empty if the error does not say when to come back.
func RetryAfter(e *errs.Error) string {
	if e.RetryAfter <= 0 {
		return ""
	}
	return strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10)
}

// Challenge is the value of WWW-Authenticate for a refusal that a better credential would lift
// (RFC 6750, section 3; RFC 9470, section 3; RFC 9728, section 5.1), or empty.
func Challenge(e *errs.Error, metadata string) string {
	parts := make([]string, 0, 3)
	switch {
	case e.Code == "insufficient_user_authentication":
		parts = append(parts, `error="insufficient_user_authentication"`, "max_age="+strconv.Itoa(int(access.FreshFor/time.Second)))
	case e.Code == "insufficient_scope":
		parts = append(parts, `error="insufficient_scope"`)
		if e.Missing != "" && !strings.ContainsAny(e.Missing, "\"\\\r\n") {
			parts = append(parts, `scope="`+e.Missing+`"`)
		}
	case e.Kind != errs.Unauthenticated:
		return ""
	case !strings.HasSuffix(e.Code, "_missing"): // without any credential there is no error to name
		parts = append(parts, `error="invalid_token"`)
	}
	if metadata != "" {
		parts = append(parts, `resource_metadata="`+metadata+`"`)
	}
	return strings.TrimRight("Bearer "+strings.Join(parts, ", "), " ")
}

package problem

import (
	"net/http"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Status is the HTTP status of a refusal. This file is the only place that knows it.
func Status(e *errs.Error) int {
	if s := byCode(e.Code); s != 0 {
		return s
	}
	return ByKind(e.Kind)
}

// ByKind is the status of a kind of error. A kind that is not known here is our fault.
func ByKind(k errs.Kind) int {
	switch k {
	case errs.Invalid:
		return http.StatusBadRequest
	case errs.Unauthenticated:
		return http.StatusUnauthorized
	case errs.Denied:
		return http.StatusForbidden
	case errs.NotFound:
		return http.StatusNotFound
	case errs.Conflict:
		return http.StatusConflict
	case errs.Precondition:
		return http.StatusPreconditionFailed
	case errs.RateLimited:
		return http.StatusTooManyRequests
	case errs.Unavailable:
		return http.StatusServiceUnavailable
	case errs.Unsupported:
		// Not 501: the server is well, and its operator should not be woken.
		return http.StatusUnprocessableEntity
	}
	return http.StatusInternalServerError
}

// byCode is the status of the few codes for which HTTP has a narrower one than their kind has.
func byCode(code string) int {
	switch code {
	case CodeMethodNotAllowed:
		return http.StatusMethodNotAllowed
	case CodeBodyTooLarge:
		return http.StatusRequestEntityTooLarge
	case CodeMediaType:
		return http.StatusUnsupportedMediaType
	case CodeMisdirected:
		return http.StatusMisdirectedRequest
	case CodeHeadersTooLarge:
		return http.StatusRequestHeaderFieldsTooLarge
	case "insufficient_user_authentication":
		// RFC 9470, section 3: the token is good, and another one would be better.
		return http.StatusUnauthorized
	}
	return 0
}

// The codes of refusals that are made by the door itself.
const (
	CodeMethodNotAllowed = "method_not_allowed"     // the path exists, the method does not
	CodeBodyTooLarge     = "body_too_large"         // as the strict decoder names it
	CodeMediaType        = "media_type_unsupported" // the body is of a kind that the route does not read
	CodeMisdirected      = "misdirected_request"    // nobody lives at that host
	CodeHeadersTooLarge  = "headers_too_large"      // too many or too long header fields
	CodeNoRoute          = "not_found"              // no such path
	CodeCSRF             = "csrf_failed"            // a request with a cookie that may come from another site
	CodeMalformed        = "malformed_request"      // ambiguous: something stands twice that must stand once
)

// Title is the title of all problems with a status.
func Title(status int) string {
	if status == http.StatusInternalServerError {
		return "Internal error"
	}
	return http.StatusText(status)
}

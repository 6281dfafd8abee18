package cardea

import (
	"net/http"
	"strings"
)

// bearerToken reads the one credential of a request. It reports present for everything that claims to
// be a credential, so that a broken one is refused and never taken for none: a scheme without a token,
// another scheme, two headers, an empty header. Only the Authorization header counts; RFC 6750's other
// two places, the form body and the query, are where tokens leak.
func bearerToken(r *http.Request) (token string, present bool, err *Error) {
	values := r.Header["Authorization"]
	switch {
	case len(values) == 0:
		return "", false, nil
	case len(values) > 1:
		e := invalid("The request has more than one Authorization header.")
		e.Status = http.StatusBadRequest
		return "", true, e
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") { // RFC 9110 section 11.1: schemes have no case
		return "", true, invalid("The Authorization header uses a scheme other than Bearer.")
	}
	token = strings.TrimLeft(rest, " ") // RFC 9110 section 11.4: one or more blanks
	if token == "" {
		return "", true, invalid("The Authorization header has no token.")
	}
	if !isToken68(token) {
		return "", true, invalid("The Authorization header does not hold one token.")
	}
	return token, true, nil
}

// isToken68 reports whether s is a b64token of RFC 6750 section 2.1.
func isToken68(s string) bool {
	s = strings.TrimRight(s, "=")
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~+/", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

package edge

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/cardea-auth/cardea/internal/httpapi/problem"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// checkPath refuses with 404 every path that somebody could read in two ways: limits, proxies and
// routes must never disagree about what was asked for, and nothing here needs such a path.
func checkPath(u *url.URL) error {
	p := u.Path
	if p == "/" {
		return nil
	}
	if !strings.HasPrefix(p, "/") || strings.HasSuffix(p, "/") || len(p) > 2048 || !plainPath(p) {
		return noRoute()
	}
	// An encoded slash is one in Path and none in RawPath.
	if u.RawPath != "" && strings.Count(u.RawPath, "/") != strings.Count(p, "/") {
		return noRoute()
	}
	return nil
}

// plainPath reports whether p has neither empty nor dot segments, nor control characters,
// backslashes or bytes that are not UTF-8.
func plainPath(p string) bool {
	ascii := true
	for i := range len(p) {
		switch c := p[i]; {
		case c < ' ', c == 0x7f, c == '\\':
			return false
		case c >= utf8.RuneSelf:
			ascii = false
		case c == '/' && i+1 < len(p) && oddSegment(p[i+1:]):
			return false
		}
	}
	return ascii || utf8.ValidString(p)
}

// oddSegment reports whether what follows a slash is empty, "." or "..".
func oddSegment(s string) bool {
	if s[0] != '/' && s[0] != '.' {
		return false
	}
	segment, _, _ := strings.Cut(s, "/")
	return segment == "" || segment == "." || segment == ".."
}

// checkHeaders bounds what net/http has let in: the number of fields and the size of the cookies.
func checkHeaders(h http.Header) error {
	if len(h) > maxHeaderFields {
		return tooLarge()
	}
	cookies := 0
	for _, line := range h["Cookie"] {
		cookies += len(line)
	}
	if cookies > maxCookieBytes {
		return tooLarge()
	}
	return nil
}

func tooLarge() error {
	return errs.New(errs.Invalid, problem.CodeHeadersTooLarge, "The request has too many or too long header fields.")
}

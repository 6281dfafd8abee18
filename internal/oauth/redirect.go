package oauth

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// RedirectURI is a registered or checked address of a client, compared byte for byte.
type RedirectURI string

// maxURI bounds every URI that a client may register or send.
const maxURI = 2048

// CheckRedirectURI says whether a client of type kind may register uri:
//   - https with a host;
//   - http on a loopback host (127.0.0.1, [::1], localhost), for development and native apps;
//   - for native clients, a private scheme in reverse domain form (RFC 8252, section 7.1).
//
// User information, fragments, wildcards, dot segments and anything that a URL parser would rewrite
// are refused, so that nobody can read the URI in a second way.
func CheckRedirectURI(kind ClientType, uri string) error {
	u, err := plainURI(uri)
	if err != nil {
		return err
	}
	switch {
	case u.Scheme == "https" && u.Host != "" && u.Hostname() != "":
	case u.Scheme == "http" && slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, u.Hostname()):
	case kind == Native && privateScheme(u.Scheme) && u.Host+u.Path+u.Opaque != "":
	default:
		return Refuse(InvalidRedirectURI, "A redirect URI must use https, http on a loopback host, or for native clients a private scheme in reverse domain form.")
	}
	return nil
}

// plainURI parses a URI that has one reading only.
func plainURI(uri string) (*url.URL, error) {
	bad := Refuse(InvalidRedirectURI, "A redirect URI is malformed.")
	if uri == "" || len(uri) > maxURI || strings.ContainsAny(uri, "\\#*\"<>^`{|} ") {
		return nil, bad
	}
	for i := range len(uri) {
		if uri[i] <= ' ' || uri[i] > '~' {
			return nil, bad
		}
	}
	u, err := url.Parse(uri)
	if err != nil || u.User != nil || strings.Contains(uri, "@") || u.String() != uri || u.Host != strings.ToLower(u.Host) {
		return nil, bad
	}
	for part := range strings.SplitSeq(u.Path, "/") {
		if name, _, _ := strings.Cut(part, ";"); name == "." || name == ".." {
			return nil, bad
		}
	}
	return u, nil
}

// privateScheme reports whether s is a reverse domain name, e.g. com.example.app. javascript, data
// and their like have no dot.
func privateScheme(s string) bool {
	labels := strings.Split(s, ".")
	return len(labels) >= 2 && !slices.Contains(labels, "") && s == strings.ToLower(s)
}

// MatchRedirect reports whether a client may be answered at sent: it equals a registered URI byte for
// byte, or, for native clients only, it differs from a registered http://127.0.0.1 or http://[::1]
// URI in the port alone (RFC 8252, section 7.3). No URL parser is asked.
func MatchRedirect(kind ClientType, registered []RedirectURI, sent string) (RedirectURI, bool) {
	if sent == "" || len(sent) > maxURI {
		return "", false
	}
	for _, r := range registered {
		if string(r) == sent {
			return r, true
		}
	}
	if kind != Native {
		return "", false
	}
	host, rest, ok := cutLoopback(sent)
	if !ok {
		return "", false
	}
	for _, r := range registered {
		if h, p, ok := cutLoopback(string(r)); ok && h == host && p == rest {
			return RedirectURI(sent), true
		}
	}
	return "", false
}

// cutLoopback splits http://HOST[:PORT]REST, where HOST is a loopback literal and REST is empty or
// begins with '/' or '?'.
func cutLoopback(uri string) (host, rest string, ok bool) {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]"} {
		rest, found := strings.CutPrefix(uri, host)
		if !found {
			continue
		}
		if after, colon := strings.CutPrefix(rest, ":"); colon {
			end := strings.IndexAny(after, "/?")
			if end < 0 {
				end = len(after)
			}
			if !validPort(after[:end]) {
				return "", "", false
			}
			rest = after[end:]
		}
		if rest == "" || rest[0] == '/' || rest[0] == '?' {
			return host, rest, true
		}
	}
	return "", "", false
}

// validPort accepts 1 to 65535 in plain decimal.
func validPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == s
}

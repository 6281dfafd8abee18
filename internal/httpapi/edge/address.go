package edge

import (
	"net/netip"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

// maxUserAgent is how much of User-Agent is kept.
const maxUserAgent = 512

// identify gives the request an id and finds out where it came from.
func (x *Exchange) identify() {
	peer := peerAddress(x.R.RemoteAddr)
	x.fromProxy = contains(x.door.TrustedProxies, peer)
	from := access.Origin{Address: peer}
	if x.fromProxy {
		from.Address = clientAddress(peer, x.R.Header["X-Forwarded-For"], x.door.TrustedProxies)
		from.RequestID = givenID(x.R.Header["X-Request-Id"])
	}
	if from.RequestID == "" {
		from.RequestID = id.New()
	}
	if ua := x.R.Header["User-Agent"]; len(ua) > 0 {
		from.UserAgent = cut(ua[0], maxUserAgent)
	}
	x.From = from
}

// peerAddress is the address at the other end of the connection; invalid for a Unix socket.
func peerAddress(remote string) netip.Addr {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// clientAddress is the rightmost address in X-Forwarded-For that is not a trusted proxy: each proxy
// appends whom it has seen, so what stands further left may be invented. At an entry that is no
// address the search ends with the proxy that reported it, so garbage never makes a request look as
// if it came from somewhere else than from a proxy. Nothing is ever looked up in DNS.
func clientAddress(peer netip.Addr, lines []string, trusted []netip.Prefix) netip.Addr {
	found := peer
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		for more := true; more; {
			var entry string
			entry, rest, more = cutLast(rest)
			a, ok := forwardedAddress(strings.Trim(entry, " \t"))
			if !ok {
				return found
			}
			found = a
			if !contains(trusted, a) {
				return found
			}
		}
	}
	return found
}

// cutLast splits off what stands after the last comma.
func cutLast(s string) (last, before string, more bool) {
	if i := strings.LastIndexByte(s, ','); i >= 0 {
		return s[i+1:], s[:i], true
	}
	return s, "", false
}

// forwardedAddress reads an address, or an address with a port as some proxies write it.
func forwardedAddress(s string) (netip.Addr, bool) {
	if len(s) > 64 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		a = ap.Addr()
	}
	return a.Unmap().WithZone(""), true
}

func contains(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// givenID is the id that a trusted proxy gave the request, if it is one.
func givenID(values []string) string {
	if len(values) != 1 || len(values[0]) < 8 || len(values[0]) > 64 {
		return ""
	}
	ok := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
	}
	if strings.IndexFunc(values[0], func(r rune) bool { return !ok(r) }) >= 0 {
		return ""
	}
	return values[0]
}

package egress

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// maxURL bounds an address in bytes.
const maxURL = 2048

// errURL is the one refusal of an address by its form. It depends on the text alone.
func errURL(detail string) error {
	return errs.New(errs.Invalid, "url_refused", "The address is not acceptable: %s.", detail)
}

// Check says whether raw could ever be fetched for p: its form is right, and an address literal in
// it is admitted. It resolves nothing; what a name leads to is checked at each connection.
func (c *Client) Check(p Purpose, raw string) error {
	_, err := c.parse(p, raw)
	return err
}

// parse accepts one spelling of each address: an absolute https URL (RFC 3986) with a host that is a
// name in its ASCII form or a canonical IP literal. Whatever two parsers could read differently, a
// user name, a fragment, a backslash, a number that is nearly an IPv4 address, is refused.
func (c *Client) parse(p Purpose, raw string) (*url.URL, error) {
	if len(raw) > maxURL || strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }) {
		return nil, errURL("it has characters that an address cannot have, or is too long")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errURL("it is not a URL")
	}
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !c.config.Dev):
		return nil, errURL("it must begin with https://")
	case u.User != nil || u.Opaque != "" || strings.Contains(raw, "#"):
		return nil, errURL("it must not hold a user name, a password or a fragment")
	case !validPort(u):
		return nil, errURL("its port is not a number from 1 to 65535")
	}
	return u, c.checkHost(p, u)
}

func validPort(u *url.URL) bool {
	port := u.Port()
	if port == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && port[0] != '0'
}

func (c *Client) checkHost(p Purpose, u *url.URL) error {
	host := u.Hostname()
	a, err := netip.ParseAddr(host)
	switch {
	case err != nil && validName(host) && !strings.Contains(u.Host, "["):
		return nil
	case err != nil || a.String() != host || a.Is4In6() || a.Zone() != "" || a.Is4() == strings.Contains(u.Host, "["):
		return errURL("its host is neither a name in ASCII letters nor an IP address in its usual form")
	case !c.guard(p, publicOrAllowed).admits(a):
		return errURL("it points to an address that is not public")
	}
	return nil
}

// validName reports whether host is a name of letters, digits and hyphens (RFC 1123, section 2.1)
// that no resolver could take for a number: the last label is not numeric, as WHATWG's URL standard
// decides it. A dot at the end, which would be a second spelling, is refused.
func validName(host string) bool {
	if len(host) == 0 || len(host) > 253 {
		return false
	}
	labels := strings.Split(host, ".")
	for _, l := range labels {
		if !validLabel(l) {
			return false
		}
	}
	last := strings.ToLower(labels[len(labels)-1])
	_, err := strconv.ParseUint(strings.TrimPrefix(last, "0x"), 16, 64)
	numeric := strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") && (err == nil || last == "0x")
	return !numeric
}

func validLabel(l string) bool {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
	return len(l) >= 1 && len(l) <= 63 && l[0] != '-' && l[len(l)-1] != '-' && strings.Trim(l, alphabet) == ""
}

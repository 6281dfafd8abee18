// Package email turns the text of an e-mail address into one typed value, once. What is validated is
// what is stored, compared and mailed to: nobody parses an address a second time.
//
// Parse normalises first (NFKC), then validates, so that no character becomes an '@', a space or a
// control character after the check. It is stricter than RFC 5321: no quoted local parts, no
// comments, no address literals, no single-label domains; the domain is its ASCII form (IDNA lookup,
// RFC 5891, section 5). Local parts may hold letters of other scripts (RFC 6531) as far as PRECIS
// allows them in identifiers (RFC 8264, section 4.2) and as they do not mix look-alike scripts.
//
// It must not know accounts, tenants, DNS or mail servers. Whether an address is alive, and whether
// its domain tells apart upper and lower case, dots or "+tags", is for mail itself to show: only
// case is folded, in Canonical.
package email

import (
	"log/slog"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Bounds in bytes of UTF-8 (RFC 5321, section 4.5.3.1; RFC 3696 erratum 1690 for the whole).
const (
	MaxLocal  = 64
	MaxLength = 254
)

// Address is one validated address. It is comparable: equal values are the same text to mail to.
// Whether two texts mean the same account is a question for Canonical. The zero value is no address.
type Address struct{ local, domain string }

// Key is an address in the form in which it is unique, looked up and counted: the same for every
// spelling in upper and lower case.
type Key string

// Local is the part before the '@', in the case in which it was typed.
func (a Address) Local() string { return a.local }

// Domain is the part after the '@': ASCII, lower case, with "xn--" for other scripts.
func (a Address) Domain() string { return a.domain }

// IsZero reports whether there is no address.
func (a Address) IsZero() bool { return a == Address{} }

// String is the address as it is mailed to, or "" for the zero value.
func (a Address) String() string {
	if a.IsZero() {
		return ""
	}
	return a.local + "@" + a.domain
}

// Canonical is the key of the address, or "" for the zero value. RFC 5321 lets a host tell apart
// cases in the local part; hosts that do are not known, and telling them apart here would give
// strangers a second account with somebody's address.
func (a Address) Canonical() Key {
	if a.IsZero() {
		return ""
	}
	return Key(lower(a.local) + "@" + a.domain)
}

// lower is s in lower case and still in NFKC. Lower-casing can undo the normal form, so that is
// restored; one round is enough for what Parse lets in, which the fuzz test watches.
func lower(s string) string { return norm.NFKC.String(strings.ToLower(s)) }

// LogValue shows the domain only: an address is personal data.
func (a Address) LogValue() slog.Value { return slog.StringValue("…@" + a.domain) }

// MarshalText is String, for JSON.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText is Parse, for JSON. The empty text is an error: an absent address is an absent
// member (omitzero).
func (a *Address) UnmarshalText(text []byte) (err error) {
	*a, err = Parse(string(text))
	return err
}

// invalid is the one refusal. It says what is wrong in general and repeats nothing.
func invalid(detail string) error {
	e := errs.Bad("/email", "%s", detail).Breaks(errs.MailAddress, nil)
	e.Code = "invalid_email"
	return e
}

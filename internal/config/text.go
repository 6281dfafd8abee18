package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// errText is the one error of all texts here: what was expected is said by form, and the text itself
// is not repeated, because it may be a secret under the wrong key.
var errText = errors.New("config: not of the expected form")

// formed is a type whose values are written in a form of its own.
type formed interface {
	form() string // ends the sentence "must be …"
}

// Duration is a time span, written like 10m, 24h, 30d or 1d12h. It is not negative.
type Duration time.Duration

const day = 24 * time.Hour

// maxDays keeps sums of durations far from overflow.
const maxDays = 36500

func (Duration) form() string { return "a time like 500ms, 10m, 24h or 30d" }

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	days, rest, found := strings.Cut(string(text), "d")
	if !found {
		days, rest = "0", string(text)
	}
	n, err := strconv.ParseUint(days, 10, 32)
	if err != nil || n > maxDays {
		return errText
	}
	var span time.Duration
	if rest != "" {
		if span, err = time.ParseDuration(rest); err != nil || span < 0 || strings.ContainsAny(rest, "+-") || span > maxDays*day {
			return errText
		}
	} else if !found {
		return errText
	}
	if span%time.Millisecond != 0 {
		return errText // nothing here is measured finer
	}
	*d = Duration(span + time.Duration(n)*day)
	return nil
}

// String is the shortest text of d.
func (d Duration) String() string {
	span := time.Duration(d)
	var out string
	if days := span / day; days > 0 {
		out, span = fmt.Sprintf("%dd", days), span%day
		if span == 0 {
			return out
		}
	}
	rest := span.String()
	if strings.HasSuffix(rest, "m0s") {
		rest = strings.TrimSuffix(rest, "0s")
	}
	if strings.HasSuffix(rest, "h0m") {
		rest = strings.TrimSuffix(rest, "0m")
	}
	return out + rest
}

// Span is d as the standard library knows it.
func (d Duration) Span() time.Duration { return time.Duration(d) }

// Size is an amount of memory in bytes, written like 64KiB, 19MiB or 1GiB.
type Size int64

func (Size) form() string { return "an amount like 64KiB, 19MiB or 1GiB" }

// unit is the number of bytes of a unit, or 0.
func unit(name string) int64 {
	switch name {
	case "KiB":
		return 1 << 10
	case "MiB":
		return 1 << 20
	case "GiB":
		return 1 << 30
	}
	return 0
}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	if len(text) < 4 {
		return errText
	}
	number, scale := string(text[:len(text)-3]), unit(string(text[len(text)-3:]))
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || scale == 0 || int64(n) > math.MaxInt64/scale {
		return errText
	}
	*s = Size(int64(n) * scale)
	return nil
}

// String is s in the largest unit that leaves no rest.
func (s Size) String() string {
	for _, name := range []string{"GiB", "MiB"} {
		if u := unit(name); s != 0 && int64(s)%u == 0 {
			return strconv.FormatInt(int64(s)/u, 10) + name
		}
	}
	return strconv.FormatInt(int64(s)>>10, 10) + "KiB"
}

// KiB is s in kibibytes.
func (s Size) KiB() uint32 { return uint32(min(int64(s)>>10, math.MaxUint32)) }

// Rate is a count in a time, written like 5/10m; the zero Rate, off, limits nothing.
type Rate struct {
	Count int
	Per   Duration
}

func (Rate) form() string { return "a count and a time like 5/10m, or off" }

// UnmarshalText reads a rate.
func (r *Rate) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*r = Rate{}
		return nil
	}
	count, per, found := strings.Cut(string(text), "/")
	n, err := strconv.ParseUint(count, 10, 30)
	var d Duration
	if !found || err != nil || n == 0 || d.UnmarshalText([]byte(per)) != nil || d == 0 {
		return errText
	}
	*r = Rate{Count: int(n), Per: d}
	return nil
}

// String is the text of r.
func (r Rate) String() string {
	if r == (Rate{}) {
		return "off"
	}
	return strconv.Itoa(r.Count) + "/" + r.Per.String()
}

// Listen is address:port on this machine, or off.
type Listen string

// Off is a listener that is not opened.
const Off Listen = "off"

func (Listen) form() string {
	return "address:port with an IP address, localhost or nothing before the colon"
}

// UnmarshalText reads an address to listen on.
func (l *Listen) UnmarshalText(text []byte) error {
	*l = Listen(text)
	if *l == Off {
		return nil
	}
	host, port, err := net.SplitHostPort(string(text))
	if err != nil {
		return errText
	}
	_, notIP := netip.ParseAddr(host)
	if _, err := strconv.ParseUint(port, 10, 16); err != nil || notIP != nil && host != "" && host != "localhost" {
		return errText
	}
	return nil
}

// Loopback reports whether only this machine can reach l.
func (l Listen) Loopback() bool {
	host, _, err := net.SplitHostPort(string(l))
	return l == Off || err == nil && loopback(host)
}

// loopback reports whether host is this machine by its name or number. Names below localhost are
// (RFC 6761, section 6.3).
func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// Origin is scheme, host and port of a web server (RFC 6454): https://id.example.com.
type Origin string

func (Origin) form() string {
	return "an address like https://id.example.com: lower case, with no path, no slash at the end and no usual port"
}

// UnmarshalText reads an origin. Only its one canonical spelling is accepted, because issuers are
// compared byte by byte.
func (o *Origin) UnmarshalText(text []byte) error {
	u, err := url.Parse(string(text))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Scheme+"://"+u.Host != string(text) {
		return errText
	}
	host, port := u.Hostname(), u.Port()
	if !validHost(host) || port != "" && !validPort(port) || strings.HasSuffix(u.Host, ":") ||
		port == "443" && u.Scheme == "https" || port == "80" && u.Scheme == "http" {
		return errText
	}
	*o = Origin(text)
	return nil
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && port[0] != '0'
}

// Secure reports whether o is https.
func (o Origin) Secure() bool { return strings.HasPrefix(string(o), "https://") }

// Host is the host of o without its port.
func (o Origin) Host() string {
	u, err := url.Parse(string(o))
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Loopback reports whether o is this machine.
func (o Origin) Loopback() bool { return loopback(o.Host()) }

// Host is the name of a host as it stands in a Host header, without a port.
type Host string

func (Host) form() string { return "a host name in lower case or an IP address, without a port" }

// UnmarshalText reads a host.
func (h *Host) UnmarshalText(text []byte) error {
	if !validHost(string(text)) {
		return errText
	}
	*h = Host(text)
	return nil
}

// validHost accepts canonical IP addresses and names of letters, digits and hyphens whose last label
// is not a number.
func validHost(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.String() == host && a.Zone() == ""
	}
	labels := strings.Split(host, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return len(host) <= 253 && strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

// Profile is a set of defaults.
type Profile string

// The profiles.
const (
	Consumer      Profile = "consumer"
	Business      Profile = "business"
	HighAssurance Profile = "high_assurance"
)

// Profiles are all profiles.
func Profiles() []Profile { return []Profile{Consumer, Business, HighAssurance} }

func (Profile) form() string { return "consumer, business or high_assurance" }

// UnmarshalText reads a profile.
func (p *Profile) UnmarshalText(text []byte) error { return choose(p, text, Profiles()...) }

// Security is how the connection to the mail server is protected.
type Security string

// The securities.
const (
	StartTLS    Security = "starttls"
	ImplicitTLS Security = "tls"
	Clear       Security = "none"
)

func (Security) form() string { return "starttls, tls or none" }

// UnmarshalText reads a security.
func (s *Security) UnmarshalText(text []byte) error {
	return choose(s, text, StartTLS, ImplicitTLS, Clear)
}

// Level is a level of logging.
type Level string

func (Level) form() string { return "debug, info, warn or error" }

// UnmarshalText reads a level.
func (l *Level) UnmarshalText(text []byte) error {
	return choose(l, text, "debug", "info", "warn", "error")
}

// Format is the form of log lines.
type Format string

func (Format) form() string { return "text or json" }

// UnmarshalText reads a format.
func (f *Format) UnmarshalText(text []byte) error { return choose(f, text, "text", "json") }

func choose[S ~string](into *S, text []byte, among ...S) error {
	if !slices.Contains(among, S(text)) {
		return errText
	}
	*into = S(text)
	return nil
}

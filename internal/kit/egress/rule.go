package egress

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
)

// Purpose is what a connection is for. What is allowed for one purpose is not for another.
type Purpose string

// The purposes.
const (
	ClientMetadata Purpose = "client_metadata" // documents that clients point to: metadata, keys, request objects
	Upstream       Purpose = "upstream"        // identity providers that administrators have configured
	Webhook        Purpose = "webhook"         // notifications to applications, back-channel logout among them
	SMTP           Purpose = "smtp"            // the mail server
	LDAP           Purpose = "ldap"            // directories
	Redis          Purpose = "redis"           // the cache
	Decision       Purpose = "decision"        // remote policy decision points
)

// Purposes are all purposes.
func Purposes() []Purpose {
	return []Purpose{ClientMetadata, Upstream, Webhook, SMTP, LDAP, Redis, Decision}
}

// Rule allows connections for one purpose to a network that is not public. Its text is
// purpose=network: smtp=10.1.2.0/24.
type Rule struct {
	Purpose Purpose
	Network netip.Prefix
}

// Rule errors.
var (
	errRuleForm    = errors.New("egress: a rule is written purpose=network, for instance smtp=10.1.2.0/24")
	errRulePurpose = errors.New("egress: the purpose is not known")
	errRuleBroad   = errors.New("egress: the network is too wide; the widest are /8 for IPv4 and /7 for IPv6")
)

// Bounds of a rule: the widest private networks, 10.0.0.0/8 and fc00::/7.
const (
	widest4 = 8
	widest6 = 7
)

// UnmarshalText reads a rule. Its errors do not repeat the text.
func (r *Rule) UnmarshalText(text []byte) error {
	purpose, network, ok := strings.Cut(string(text), "=")
	if !ok {
		return errRuleForm
	}
	n, err := netip.ParsePrefix(network)
	if err != nil || n != n.Masked() {
		return errRuleForm
	}
	*r = Rule{Purpose: Purpose(purpose), Network: n}
	return r.check()
}

// MarshalText is the rule's text.
func (r Rule) MarshalText() ([]byte, error) {
	return []byte(string(r.Purpose) + "=" + r.Network.String()), nil
}

func (r Rule) check() error {
	switch {
	case !slices.Contains(Purposes(), r.Purpose):
		return errRulePurpose
	case !r.Network.IsValid() || r.Network.Addr().Is4In6():
		return errRuleForm
	case r.Network.Addr().Is4() && r.Network.Bits() < widest4, r.Network.Addr().Is6() && r.Network.Bits() < widest6:
		return errRuleBroad
	}
	return nil
}

// admits reports whether r covers a. An IPv4 rule covers the mapped form, which is the same host on
// the wire, but not NAT64 or other forms that leave by another road.
func (r Rule) admits(a netip.Addr) bool { return r.Network.Contains(a.Unmap().WithZone("")) }

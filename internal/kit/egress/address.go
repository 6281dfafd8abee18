package egress

import "net/netip"

// public reports whether a is an address of the public internet: a host that anybody could reach,
// so that our reaching it gives nobody anything. Addresses that carry an IPv4 address inside are
// judged by it, or refused where it could not be told. (IANA special-purpose registries, RFC 6890.)
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return !within(a, reserved4())
	}
	if inner, ok := translated(a); ok {
		return public(inner)
	}
	return netip.MustParsePrefix("2000::/3").Contains(a) && !within(a, reserved6())
}

// translated is the IPv4 address behind one of NAT64's well-known prefix (RFC 6052, section 2.1).
func translated(a netip.Addr) (netip.Addr, bool) {
	if !netip.MustParsePrefix("64:ff9b::/96").Contains(a) {
		return netip.Addr{}, false
	}
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:])), true
}

func within(a netip.Addr, networks []string) bool {
	for _, n := range networks {
		if netip.MustParsePrefix(n).Contains(a) {
			return true
		}
	}
	return false
}

// reserved4 are the IPv4 networks that are not public.
func reserved4() []string {
	return []string{
		"0.0.0.0/8",        // this network; 0.0.0.0 itself reaches the own machine on Linux
		"10.0.0.0/8",       // private
		"100.64.0.0/10",    // carrier-grade NAT; Alibaba's metadata lives at 100.100.100.200
		"127.0.0.0/8",      // loopback
		"168.63.129.16/32", // Azure's wire server: public by number, the own machine's host in fact
		"169.254.0.0/16",   // link-local; metadata of most clouds lives at 169.254.169.254
		"172.16.0.0/12",    // private
		"192.0.0.0/24",     // protocol assignments; Oracle's metadata lives at 192.0.0.192
		"192.0.2.0/24",     // documentation
		"192.88.99.0/24",   // 6to4 relays, deprecated
		"192.168.0.0/16",   // private
		"198.18.0.0/15",    // benchmarks
		"198.51.100.0/24",  // documentation
		"203.0.113.0/24",   // documentation
		"224.0.0.0/4",      // multicast
		"240.0.0.0/4",      // reserved, broadcast
	}
}

// reserved6 are the networks within 2000::/3 that are not public. All outside it are refused anyway:
// ::, ::1, IPv4-compatible and IPv4-translated forms, local-use NAT64 (64:ff9b:1::/48), unique local
// (AWS's metadata lives at fd00:ec2::254), link-local, site-local, multicast.
func reserved6() []string {
	return []string{
		"2001::/23",     // protocol assignments: Teredo, which carries IPv4, benchmarks, ORCHID
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4, which carries IPv4
		"3fff::/20",     // documentation
	}
}

package egress

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// Dial opens a TCP connection, as net.Dialer.DialContext does. Any network but tcp is refused.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// RefusedError says that an address was not connected to, and how an operator could allow it. It is
// for logs: a caller who sees it could map a private network.
type RefusedError struct {
	Purpose Purpose
	Address netip.Addr
}

// Error names the address and the setting.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("egress: %s is not a public address; to allow it for this purpose, add %s=%s to egress.allow",
		e.Address, e.Purpose, netip.PrefixFrom(e.Address, e.Address.BitLen()))
}

// scope is which addresses a dialer admits.
type scope uint8

const (
	publicOrAllowed scope = iota
	allowedOnly           // for protocols in the clear
	loopbackOnly          // for http in development
)

// guard decides about one address, for one purpose.
type guard struct {
	purpose Purpose
	scope   scope
	rules   []Rule // of this purpose
	dev     bool
}

func (g guard) admits(a netip.Addr) bool {
	if !a.IsValid() {
		return false
	}
	if g.dev && a.Unmap().IsLoopback() {
		return true
	}
	if g.scope == loopbackOnly {
		return false
	}
	allowed := slices.ContainsFunc(g.rules, func(r Rule) bool { return r.admits(a) })
	return allowed || g.scope == publicOrAllowed && public(a)
}

// control is called by net.Dialer with each resolved address, before connect(2) and after which no
// resolution follows: what is checked is what is used.
func (g guard) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || (network != "tcp4" && network != "tcp6") || !g.admits(ap.Addr()) {
		return &RefusedError{Purpose: g.purpose, Address: ap.Addr()}
	}
	return nil
}

func (g guard) dial(resolver *net.Resolver, timeout time.Duration) Dial {
	d := net.Dialer{Timeout: timeout, Resolver: resolver, ControlContext: g.control}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if network != "tcp" {
			return nil, &RefusedError{Purpose: g.purpose}
		}
		return d.DialContext(ctx, network, address)
	}
}

// Dialer is for protocols other than HTTP: it connects to public addresses and to what is allowed
// for p. Encryption and the server's name are the caller's business.
func (c *Client) Dialer(p Purpose) Dial { return c.dialer(p, publicOrAllowed) }

// LocalDialer is Dialer for a protocol in the clear: it connects only to what egress.allow names,
// never to the public internet.
func (c *Client) LocalDialer(p Purpose) Dial { return c.dialer(p, allowedOnly) }

func (c *Client) dialer(p Purpose, s scope) Dial {
	return c.guard(p, s).dial(c.config.Resolver, c.config.Timeout)
}

func (c *Client) guard(p Purpose, s scope) guard {
	g := guard{purpose: p, scope: s, dev: c.config.Dev}
	for _, r := range c.config.Allow {
		if r.Purpose == p {
			g.rules = append(g.rules, r)
		}
	}
	return g
}

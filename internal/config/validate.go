package config

import (
	"net/mail"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/egress"
)

// Validate returns everything that is wrong with c as a whole, and what to do about it. It looks at
// the files of the certificate, and opens nothing else.
func (c *Config) Validate() Problems {
	v := &validator{Config: c}
	v.server()
	v.tls()
	v.reach()
	v.redis()
	v.mail()
	v.password()
	v.lockout()
	v.lives()
	return v.problems
}

type validator struct {
	*Config
	problems Problems
}

// bad notes what is wrong with the setting key.
func (v *validator) bad(key, format string, args ...any) {
	v.problems.add(key, v.origins[key], format, args...)
}

func (v *validator) server() {
	s := v.Server
	if s.Listen == Off || s.Listen == "" {
		v.bad("server.listen", "must be an address; without one nobody can reach the server")
	}
	if s.Management == "" {
		v.bad("server.management", "must be an address, or off")
	}
	if s.Listen == s.Management && s.Listen != Off {
		v.bad("server.management", "must be another address than server.listen, or off")
	}
	if v.Data.Dir == "" {
		v.bad("data.dir", "must name a directory")
	}
	if v.Authz.Memory < 16<<20 {
		v.bad("authz.memory", "must be at least 16MiB")
	}
	if !s.Issuer.Secure() && !s.Issuer.Loopback() {
		v.bad("server.issuer", "must be https: over http everybody on the way can read passwords and tokens; only http://localhost is accepted")
	}
	for _, p := range s.TrustedProxies {
		if p.Addr().Is4() && p.Bits() < 8 || p.Addr().Is6() && p.Bits() < 16 {
			v.bad("server.trusted_proxies", "must not hold a network as wide as that: whoever is in it can pretend to be any client; name the proxies")
		}
	}
	if s.ProxiesSendCertificates && len(s.TrustedProxies) == 0 {
		v.bad("server.proxies_send_certificates", "needs server.trusted_proxies: else nobody may send them")
	}
}

func (v *validator) tls() {
	t := v.Server.TLS
	if (t.CertFile == "") != (t.KeyFile == "") {
		v.bad("server.tls", "needs both cert_file and key_file, or neither")
		return
	}
	if t.CertFile == "" {
		// A proxy that is not named is taken for the client of every request, and one failed sign-in
		// too many would lock out all.
		if v.Server.Issuer.Secure() && len(v.Server.TrustedProxies) == 0 {
			v.bad("server.trusted_proxies", "must name the proxy that serves %s, for instance 127.0.0.1/32; "+
				"or set server.tls.cert_file and key_file to serve it without one", "server.issuer")
		}
		return
	}
	if _, err := os.Stat(t.CertFile); err != nil {
		v.bad("server.tls.cert_file", "%s: %v", t.CertFile, without(err))
	}
	f, err := os.Open(t.KeyFile)
	if err != nil {
		v.bad("server.tls.key_file", "%s: %v", t.KeyFile, without(err))
		return
	}
	defer func() { _ = f.Close() }() // it was only looked at
	if err := private(t.KeyFile, f); err != nil {
		v.bad("server.tls.key_file", "%v", err)
	}
	if !v.Server.Issuer.Secure() {
		v.bad("server.issuer", "must be https when the server has a certificate")
	}
}

// reach refuses what others could reach of a server that trusts this machine.
func (v *validator) reach() {
	s := v.Server
	for _, x := range []struct {
		key  string
		safe bool
	}{{"server.listen", s.Listen.Loopback()}, {"server.management", s.Management.Loopback()}, {"server.issuer", s.Issuer.Loopback()}} {
		if v.Dev && !x.safe {
			v.bad(x.key, "must be on this machine (localhost) with --dev, whose mails and accounts are open to everybody who can reach it")
		}
	}
	if s.InsecureCookies && (!s.Issuer.Loopback() || s.Issuer.Secure() || !s.Listen.Loopback()) {
		v.bad("server.insecure_cookies", "is for http://localhost only: elsewhere cookies would travel unprotected")
	}
}

// redis checks what the setting has to do with others; the URL is judged by who connects to it.
func (v *validator) redis() {
	if !v.Redis.URL.Empty() && v.Database.URL.Empty() {
		v.bad("redis.url", "needs database.url: a server whose database is a file has nobody to share with")
	}
}

func (v *validator) mail() {
	m := v.Mail
	if m.Product == "" {
		v.bad("mail.product", "must have a value")
	}
	if _, err := mail.ParseAddress(m.From); err != nil && (m.From != "" || m.SMTP.Host != "") {
		v.bad("mail.from", `must be an address like no-reply@example.com or "Example <no-reply@example.com>"`)
	}
	v.smtp(m.SMTP)
}

func (v *validator) smtp(s SMTP) {
	if s.Host == "" {
		if s.Username != "" || !s.Password.Empty() {
			v.bad("mail.smtp.host", "must be set: there is a name or a password, and no server")
		}
		return
	}
	if !validHost(strings.ToLower(s.Host)) {
		v.bad("mail.smtp.host", "must be a host name or an IP address, without a port")
	}
	if s.Port < 0 || s.Port > 65535 {
		v.bad("mail.smtp.port", "must be 0 for the usual one, or 1 to 65535")
	}
	if (s.Username == "") != s.Password.Empty() {
		v.bad("mail.smtp.username", "and mail.smtp.password_file go together")
	}
	if s.Security == Clear && !s.Password.Empty() {
		v.bad("mail.smtp.security", "must be starttls or tls when there is a password: else it could be read on the way")
	}
	if a, is := address(s.Host); is && !v.allowed(a) {
		v.bad("mail.smtp.host", "is not a public address; allow it by adding smtp=%s to egress.allow", netip.PrefixFrom(a, a.BitLen()))
	}
}

// address is that of a host which is surely not public: a private literal, or localhost.
func address(host string) (netip.Addr, bool) {
	if host == "localhost" {
		host = "127.0.0.1"
	}
	a, err := netip.ParseAddr(host)
	return a.Unmap(), err == nil && (a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast())
}

func (v *validator) allowed(a netip.Addr) bool {
	for _, r := range v.Egress.Allow {
		if r.Purpose == egress.SMTP && r.Network.Contains(a) {
			return true
		}
	}
	return v.Dev && a.IsLoopback()
}

// password checks what is a setting's own; costs and peppers are judged by who computes with them.
func (v *validator) password() {
	p := v.Password
	v.between("password.min_length", p.MinLength, 8, 128)
	v.between("password.min_length_alone", p.MinLengthAlone, p.MinLength, 128)
	v.between("password.slots", p.Slots, 0, 1024)
	v.between("password.queue", p.Queue, 0, 1_000_000)
	v.between("password.argon2.passes", p.Argon2.Passes, 1, 64)
	v.between("password.argon2.threads", p.Argon2.Threads, 1, 64)
	v.span("password.wait", p.Wait, Duration(10*time.Millisecond), Duration(time.Minute))
	if p.Argon2.Memory < 7<<20 || p.Argon2.Memory > 4<<30 {
		v.bad("password.argon2.memory", "must lie between 7MiB and 4GiB")
	}
	if p.MaxMemory < p.Argon2.Memory {
		v.bad("password.max_memory", "must not be less than password.argon2.memory")
	}
	known := p.Pepper == ""
	for _, x := range p.Peppers {
		known = known || x.ID == p.Pepper
		if x.ID == "" || len(x.Key.Reveal()) < 32 {
			v.bad("password.peppers", "needs for each an id and a key of at least 32 bytes")
		}
	}
	if !known {
		v.bad("password.pepper", "must be the id of one of password.peppers")
	}
}

func (v *validator) lockout() {
	l := v.Lockout
	v.between("lockout.free", l.Free, 1, 100) // NIST SP 800-63B-4, section 3.2.2: no more than 100
	v.span("lockout.first", l.First, Duration(time.Second), Duration(day))
	v.span("lockout.longest", l.Longest, l.First, Duration(7*day))
	v.span("lockout.forget", l.Forget, l.Longest, Duration(365*day))
	if l := v.Limits.SignIn; l.Pair == (Rate{}) && l.Account == (Rate{}) {
		v.bad("limits.sign_in", "must limit pair or account: else passwords can be guessed at full speed")
	}
}

// lives checks how long sessions and tokens live.
func (v *validator) lives() {
	const minutes, hours = Duration(time.Minute), Duration(time.Hour)
	s, t := v.Sessions, v.Tokens
	v.span("sessions.idle", s.Idle, 5*minutes, Duration(14*day))
	v.span("sessions.absolute", s.Absolute, max(s.Idle, 5*minutes), Duration(90*day))
	v.between("sessions.limit", s.Limit, 0, 1000)
	v.span("tokens.access_life", t.AccessLife, minutes, hours)
	v.span("tokens.refresh_idle", t.RefreshIdle, hours, Duration(90*day))
	v.span("tokens.refresh_absolute", t.RefreshAbsolute, max(t.RefreshIdle, hours), Duration(365*day))
	v.span("tokens.refresh_grace", t.RefreshGrace, 0, minutes)
}

func (v *validator) between(key string, n, least, most int) {
	if n < least || n > most {
		v.bad(key, "must lie between %d and %d", least, most)
	}
}

func (v *validator) span(key string, d, least, most Duration) {
	if d < least || d > most {
		v.bad(key, "must lie between %s and %s", least, most)
	}
}

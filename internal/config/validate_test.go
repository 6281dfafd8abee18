package config_test

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/config"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/kit/egress"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/limit"
	"github.com/cardea-auth/cardea/internal/tenant"
)

func proxies(text ...string) (out []netip.Prefix) {
	for _, t := range text {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

// public is a server behind a proxy, as it should be.
func public(c *config.Config) {
	c.Server.Issuer, c.Server.TrustedProxies = "https://id.example.com", proxies("127.0.0.1/32")
}

func withMail(c *config.Config) {
	c.Mail.From, c.Mail.SMTP.Host = "Example <no-reply@example.com>", "mail.example.com"
}

func TestValidate(t *testing.T) {
	t.Parallel()
	const span = config.Duration(time.Hour)
	for name, c := range map[string]struct {
		change func(*config.Config)
		keys   string // of the problems, in order
	}{
		"public":         {public, ""},
		"mail":           {withMail, ""},
		"off":            {func(c *config.Config) { c.Server.Management = config.Off }, ""},
		"all interfaces": {func(c *config.Config) { public(c); c.Server.Listen, c.Server.Management = ":8420", "0.0.0.0:8421" }, ""},
		"IPv6": {func(c *config.Config) {
			c.Server.Issuer, c.Server.Listen = "http://[::1]:8420", "[::1]:8420"
			c.Server.InsecureCookies = true
		}, ""},
		"public http":              {func(c *config.Config) { c.Server.Issuer = "http://id.example.com" }, "server.issuer"},
		"public http address":      {func(c *config.Config) { c.Server.Issuer = "http://10.0.0.1:8420" }, "server.issuer"},
		"looks like localhost":     {func(c *config.Config) { c.Server.Issuer = "http://localhost.example.com" }, "server.issuer"},
		"nothing listens":          {func(c *config.Config) { c.Server.Listen = config.Off }, "server.listen"},
		"zero value":               {func(c *config.Config) { c.Server = config.Server{} }, "server.listen server.management server.management server.issuer"},
		"same address":             {func(c *config.Config) { c.Server.Management = c.Server.Listen }, "server.management"},
		"no directory":             {func(c *config.Config) { c.Data.Dir = "" }, "data.dir"},
		"nobody serves https":      {func(c *config.Config) { c.Server.Issuer = "https://id.example.com" }, "server.trusted_proxies"},
		"everybody is a proxy":     {func(c *config.Config) { public(c); c.Server.TrustedProxies = proxies("0.0.0.0/0", "::/0") }, "server.trusted_proxies server.trusted_proxies"},
		"widest proxies":           {func(c *config.Config) { public(c); c.Server.TrustedProxies = proxies("10.0.0.0/8", "fd00::/16") }, ""},
		"certificates of nobody":   {func(c *config.Config) { c.Server.ProxiesSendCertificates = true }, "server.proxies_send_certificates"},
		"half a certificate":       {func(c *config.Config) { c.Server.TLS.CertFile = "a" }, "server.tls"},
		"no such certificate":      {func(c *config.Config) { public(c); c.Server.TLS = config.TLS{CertFile: "/a", KeyFile: "/b"} }, "server.tls.cert_file server.tls.key_file"},
		"open key":                 {func(c *config.Config) { public(c); c.Server.TLS = files(t, 0o644) }, "server.tls.key_file"},
		"certificate, http issuer": {func(c *config.Config) { c.Server.TLS = files(t, 0o600) }, "server.issuer"},
		"certificate":              {func(c *config.Config) { c.Server.TLS = files(t, 0o600); c.Server.Issuer = "https://id.example.com" }, ""},

		"demonstration in public": {func(c *config.Config) {
			*c = config.Defaults(config.Business, true)
			public(c)
			c.Server.Listen = ":8420"
		}, "server.listen server.issuer"},
		"demonstration for metrics":  {func(c *config.Config) { c.Dev = true; c.Server.Management = "10.0.0.1:8421" }, "server.management"},
		"demonstration, any address": {func(c *config.Config) { c.Dev = true; c.Server.Listen = "0.0.0.0:8420" }, "server.listen"},
		"insecure cookies":           {func(c *config.Config) { c.Server.InsecureCookies = true }, ""},
		"insecure cookies, public":   {func(c *config.Config) { public(c); c.Server.InsecureCookies = true }, "server.insecure_cookies"},
		"insecure cookies, listener": {func(c *config.Config) { c.Server.Listen = ":8420"; c.Server.InsecureCookies = true }, "server.insecure_cookies"},
		"insecure cookies, https": {func(c *config.Config) {
			c.Server.Issuer, c.Server.InsecureCookies, c.Server.TLS = "https://localhost:8420", true, files(t, 0o600)
		}, "server.insecure_cookies"},

		"no product":          {func(c *config.Config) { c.Mail.Product = "" }, "mail.product"},
		"no sender":           {func(c *config.Config) { withMail(c); c.Mail.From = "" }, "mail.from"},
		"bad sender":          {func(c *config.Config) { c.Mail.From = "example" }, "mail.from"},
		"password, no server": {func(c *config.Config) { c.Mail.SMTP.Password = secret.New("x") }, "mail.smtp.host"},
		"server with port":    {func(c *config.Config) { withMail(c); c.Mail.SMTP.Host = "mail.example.com:25" }, "mail.smtp.host"},
		"port":                {func(c *config.Config) { withMail(c); c.Mail.SMTP.Port = 65536 }, "mail.smtp.port"},
		"name only":           {func(c *config.Config) { withMail(c); c.Mail.SMTP.Username = "a" }, "mail.smtp.username"},
		"password in clear": {func(c *config.Config) {
			withMail(c)
			c.Mail.SMTP.Username, c.Mail.SMTP.Password, c.Mail.SMTP.Security = "a", secret.New("b"), config.Clear
		}, "mail.smtp.security"},
		"private, not allowed": {func(c *config.Config) { withMail(c); c.Mail.SMTP.Host = "10.1.2.3" }, "mail.smtp.host"},
		"localhost":            {func(c *config.Config) { withMail(c); c.Mail.SMTP.Host = "localhost" }, "mail.smtp.host"},
		"localhost, dev":       {func(c *config.Config) { c.Dev = true; withMail(c); c.Mail.SMTP.Host = "localhost" }, ""},
		"private, allowed": {func(c *config.Config) {
			withMail(c)
			c.Mail.SMTP.Host = "10.1.2.3"
			c.Egress.Allow = []egress.Rule{{Purpose: egress.SMTP, Network: netip.MustParsePrefix("10.0.0.0/8")}}
		}, ""},
		"private, other purpose": {func(c *config.Config) {
			withMail(c)
			c.Mail.SMTP.Host = "10.1.2.3"
			c.Egress.Allow = []egress.Rule{{Purpose: egress.Webhook, Network: netip.MustParsePrefix("10.0.0.0/8")}}
		}, "mail.smtp.host"},

		"short passwords":   {func(c *config.Config) { c.Password.MinLength, c.Password.MinLengthAlone = 7, 129 }, "password.min_length password.min_length_alone"},
		"alone less":        {func(c *config.Config) { c.Password.MinLength, c.Password.MinLengthAlone = 20, 15 }, "password.min_length_alone"},
		"cheap hashes":      {func(c *config.Config) { c.Password.Argon2 = config.Argon2{} }, "password.argon2.passes password.argon2.threads password.argon2.memory"},
		"hash and bound":    {func(c *config.Config) { c.Password.Argon2.Memory = 256 << 20 }, "password.max_memory"},
		"queue":             {func(c *config.Config) { c.Password.Slots, c.Password.Queue, c.Password.Wait = -1, -1, 0 }, "password.slots password.queue password.wait"},
		"unknown pepper":    {func(c *config.Config) { c.Password.Pepper = "a" }, "password.pepper"},
		"short pepper":      {func(c *config.Config) { c.Password.Peppers = []config.Pepper{{ID: "a", Key: secret.New("short")}} }, "password.peppers"},
		"no lockout":        {func(c *config.Config) { c.Lockout = config.Lockout{} }, "lockout.free lockout.first"},
		"lockout backwards": {func(c *config.Config) { c.Lockout.First, c.Lockout.Longest, c.Lockout.Forget = span, span/2, span/4 }, "lockout.longest lockout.forget"},
		"free guesses":      {func(c *config.Config) { c.Lockout.Free = 101 }, "lockout.free"},
		"no limits":         {func(c *config.Config) { c.Limits = config.Limits{} }, "limits.sign_in"},
		"endless sessions":  {func(c *config.Config) { c.Sessions.Idle, c.Sessions.Absolute = 0, 0 }, "sessions.idle sessions.absolute"},
		"idle is longer":    {func(c *config.Config) { c.Sessions.Absolute = span }, "sessions.absolute"},
		"session limit":     {func(c *config.Config) { c.Sessions.Limit = -1 }, "sessions.limit"},
		"endless tokens":    {func(c *config.Config) { c.Tokens = config.Tokens{} }, "tokens.access_life tokens.refresh_idle tokens.refresh_absolute"},
		"long grace":        {func(c *config.Config) { c.Tokens.RefreshGrace = span }, "tokens.refresh_grace"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := config.Defaults(config.Business, false)
			c.change(&config)
			var keys []string
			for _, p := range config.Validate() {
				keys = append(keys, p.Key)
				if strings.Contains(p.Text, "%!") {
					t.Errorf("badly formatted: %s", p)
				}
			}
			if got := strings.Join(keys, " "); got != c.keys {
				t.Errorf("got problems with %q, want %q: %v", got, c.keys, config.Validate())
			}
		})
	}
}

// files are a certificate and a key, which has the given mode.
func files(t *testing.T, mode os.FileMode) config.TLS {
	t.Helper()
	return config.TLS{CertFile: write(t, "cert.pem", "x", 0o644), KeyFile: write(t, "key.pem", "x", mode)}
}

// The defaults here and those of the rooms are the same, so that a room used without configuration
// behaves as the reference says.
func TestDefaultsAreThoseOfTheRooms(t *testing.T) {
	t.Parallel()
	c := config.Defaults(config.Business, false)
	rate := func(r config.Rate) limit.Rule { return limit.Rule{Count: r.Count, Per: r.Per.Span()} }
	rules := func(l config.LimitsOf) limit.Rules {
		return limit.Rules{Pair: rate(l.Pair), Address: rate(l.Address), Account: rate(l.Account), Client: rate(l.Client), Tenant: rate(l.Tenant)}
	}
	l := c.Limits
	got := limit.Policy{
		SignIn: rules(l.SignIn), Credential: rules(l.Credential), SignUp: rules(l.SignUp), Reset: rules(l.Reset),
		SendMail: rules(l.SendMail), Token: rules(l.Token), API: rules(l.API),
	}
	if got != limit.Defaults() {
		t.Errorf("limits: %+v, want %+v", got, limit.Defaults())
	}
	p := c.Password
	params := password.Params{Memory: p.Argon2.Memory.KiB(), Passes: uint32(p.Argon2.Passes), Threads: uint8(p.Argon2.Threads)}
	if params != password.DefaultParams() {
		t.Errorf("argon2: %+v, want %+v", params, password.DefaultParams())
	}
	if p.MinLength != password.MinLength || p.MinLengthAlone != password.MinLengthAlone {
		t.Errorf("least lengths: %d, %d", p.MinLength, p.MinLengthAlone)
	}
	for _, profile := range config.Profiles() {
		p := config.Defaults(profile, false).Password
		_, err := password.New(password.Config{
			Params:    password.Params{Memory: p.Argon2.Memory.KiB(), Passes: uint32(p.Argon2.Passes), Threads: uint8(p.Argon2.Threads)},
			MaxMemory: p.MaxMemory.KiB(), Wait: p.Wait.Span(),
		})
		if err != nil {
			t.Errorf("%s: %v", profile, err)
		}
	}
	if c.Lockout != (config.Lockout{Free: 5, First: config.Duration(time.Minute), Longest: config.Duration(time.Hour), Forget: config.Duration(24 * time.Hour)}) {
		t.Errorf("lockout: %+v", c.Lockout)
	}
	s := tenant.Settings{}.Effective(tenant.Settings{})
	want := []time.Duration{c.Sessions.Idle.Span(), c.Sessions.Absolute.Span(), c.Tokens.AccessLife.Span(), c.Tokens.RefreshIdle.Span(), c.Tokens.RefreshAbsolute.Span(), c.Tokens.RefreshGrace.Span()}
	for i, seconds := range []tenant.Seconds{s.SessionIdle, s.SessionAbsolute, s.AccessTokenLife, s.RefreshIdle, s.RefreshAbsolute, s.RefreshGrace} {
		if time.Duration(seconds)*time.Second != want[i] {
			t.Errorf("tenant default %d: %d s, want %s", i, seconds, want[i])
		}
	}
}

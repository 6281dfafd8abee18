package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/app"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/config"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/limit"
	"github.com/cardea-auth/cardea/internal/mail"
	"github.com/cardea-auth/cardea/internal/store/envelope"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// settings reads the configuration of this call: flags over environment over file over defaults.
func (l *localRun) settings() (*config.Config, error) {
	var g grammar
	if _, err := parse(&g, l.args, io.Discard, io.Discard); err != nil {
		return nil, err
	}
	flags := map[string]string{}
	for key, value := range map[string]string{
		"data.dir": g.Data, "server.listen": g.Serve.Listen, "server.management": g.Serve.Management,
		"server.issuer": g.Serve.Issuer, "server.tls.cert_file": g.Serve.TLSCert, "server.tls.key_file": g.Serve.TLSKey,
	} {
		if value != "" {
			flags[key] = value
		}
	}
	if g.Dev {
		flags["dev"] = "true"
	}
	if g.Database != "" {
		if app.HasPassword(g.Database) {
			return nil, errors.New("--database must be a URL without a password, which others on this machine could see; put one with a password into a file, named by CARDEA_DATABASE_URL_FILE")
		}
		flags["database.url"] = g.Database
	}
	return config.Load(config.Options{File: g.global.Config, Env: l.process.Env, Flags: flags, Open: []string{"database.url"}, Checks: []func(*config.Config) config.Problems{
		check("database.url", func(c *config.Config) error {
			if c.Database.URL.Empty() {
				return nil
			}
			return app.CheckDatabase(c.Database.URL.Reveal())
		}),
		check("redis.url", func(c *config.Config) error {
			if c.Redis.URL.Empty() {
				return nil
			}
			return app.CheckRedis(c.Redis.URL.Reveal(), c.Egress.Allow, c.Dev)
		}),
		check("limits", func(c *config.Config) error { return limits(c.Limits).Check() }),
		check("password", func(c *config.Config) error { return policyOf(c.Password).Validate() }),
		check("password", func(c *config.Config) error { _, err := password.New(hasherOf(c.Password)); return err }),
		check("master_key", func(c *config.Config) error { _, err := masterOf(c); return err }),
	}})
}

// check turns a room's own check of its settings into a problem of the configuration.
func check(key string, f func(*config.Config) error) func(*config.Config) config.Problems {
	return func(c *config.Config) config.Problems {
		if err := f(c); err != nil {
			return config.Problems{{Key: key, Text: strings.TrimSuffix(err.Error(), ".")}}
		}
		return nil
	}
}

// config is what the App needs, made from the settings.
func (l *localRun) config() (app.Config, error) {
	c, err := l.settings()
	if err != nil {
		return app.Config{}, err
	}
	master, err := masterOf(c)
	if err != nil {
		return app.Config{}, err
	}
	out := app.Config{
		Dir: absolute(l.process.Dir, c.Data.Dir), Database: c.Database.URL, Redis: c.Redis.URL, Dev: c.Dev, Issuer: string(c.Server.Issuer),
		Listen: string(c.Server.Listen), Management: string(c.Server.Management),
		TLSCert: c.Server.TLS.CertFile, TLSKey: c.Server.TLS.KeyFile, TrustedProxies: c.Server.TrustedProxies,
		ProxyCerts: c.Server.ProxiesSendCertificates, Hosts: texts(c.Server.Hosts), InsecureCookies: c.Server.InsecureCookies, Drain: time.Duration(c.Server.Drain),
		Master: master, Password: hasherOf(c.Password), Policy: policyOf(c.Password), Lockout: lockoutOf(c.Lockout),
		Limits: limits(c.Limits), Allow: c.Egress.Allow, Product: c.Mail.Product, Defaults: defaultsOf(c),
		GraphBounds: index.Bounds{Memory: int64(c.Authz.Memory)}, InlineConditions: c.Authz.InlineConditions,
		Checkpoints: c.Audit.CheckpointFile, Log: logger(l.process.Stderr, c.Log), Now: l.process.Now, Run: Run, Rego: l.process.Rego, Release: release(),
		Notice: func(text string) { fmt.Fprintln(l.process.Stderr, text) },
	}
	if s := c.Mail.SMTP; s.Host != "" {
		out.SMTP = &mail.SMTPConfig{
			Host: s.Host, Port: s.Port, Security: mail.Security(s.Security), Username: s.Username, Password: s.Password,
			From: c.Mail.From, Hello: s.Hello,
		}
	}
	if l.process.Config != nil {
		l.process.Config(&out)
	}
	return out, nil
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

func masterOf(c *config.Config) (envelope.Master, error) {
	if c.MasterKey.Empty() {
		return envelope.Master{}, nil
	}
	return envelope.ParseMaster(c.MasterKey.Reveal())
}

func policyOf(p config.Password) password.Policy {
	return password.Policy{Length: p.MinLength, LengthAlone: p.MinLengthAlone}
}

func hasherOf(p config.Password) password.Config {
	c := password.Config{
		Params: password.Params{Memory: p.Argon2.Memory.KiB(), Passes: uint32(p.Argon2.Passes), Threads: uint8(p.Argon2.Threads)},
		Pepper: password.PepperID(p.Pepper), Slots: p.Slots, Queue: p.Queue, Wait: p.Wait.Span(), MaxMemory: p.MaxMemory.KiB(),
	}
	if c.Slots == 0 { // one core stays free, so that a flood of sign-ins does not stop everything else
		c.Slots = max(1, runtime.GOMAXPROCS(0)-1)
	}
	for _, x := range p.Peppers {
		c.Peppers = append(c.Peppers, password.Pepper{ID: password.PepperID(x.ID), Key: x.Key})
	}
	return c
}

func lockoutOf(l config.Lockout) identity.Lockout {
	return identity.Lockout{Free: l.Free, First: l.First.Span(), Longest: l.Longest.Span(), Forget: l.Forget.Span()}
}

func limits(l config.Limits) limit.Policy {
	rule := func(r config.Rate) limit.Rule { return limit.Rule{Count: r.Count, Per: r.Per.Span()} }
	rules := func(x config.LimitsOf) limit.Rules {
		return limit.Rules{Pair: rule(x.Pair), Address: rule(x.Address), Account: rule(x.Account), Client: rule(x.Client), Tenant: rule(x.Tenant)}
	}
	return limit.Policy{
		SignIn: rules(l.SignIn), Credential: rules(l.Credential), SignUp: rules(l.SignUp), Reset: rules(l.Reset),
		SendMail: rules(l.SendMail), Token: rules(l.Token), API: rules(l.API),
	}
}

func defaultsOf(c *config.Config) tenant.Settings {
	seconds := func(d config.Duration) tenant.Seconds { return tenant.Seconds(d.Span() / time.Second) }
	s := tenant.Settings{
		SessionIdle: seconds(c.Sessions.Idle), SessionAbsolute: seconds(c.Sessions.Absolute), SessionLimit: c.Sessions.Limit,
		SessionRefuse: c.Sessions.RefuseAtLimit, AccessTokenLife: seconds(c.Tokens.AccessLife), RefreshIdle: seconds(c.Tokens.RefreshIdle),
		RefreshAbsolute: seconds(c.Tokens.RefreshAbsolute), RefreshGrace: seconds(c.Tokens.RefreshGrace),
	}
	if s.RefreshGrace == 0 { // the operator has said none, and zero would mean our own default
		s.RefreshGrace = -1
	}
	return s
}

func logger(w io.Writer, c config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // the configuration has checked it
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

type configCommands struct {
	Check configCheck `cmd:"" help:"Say what is wrong with the configuration."`
	Print configPrint `cmd:"" help:"Print the configuration as it would be used, and where each value comes from."`
	Docs  configDocs  `cmd:"" help:"Print the reference of all settings."`
	Key   configKey   `cmd:"" help:"Print a new master key, for several servers on one database. Keep it where no backup is."`
}

type configKey struct{}

func (configKey) local(l *localRun) error {
	_, err := fmt.Fprintln(l.process.Stdout, envelope.NewMaster().Text().Reveal())
	return err
}

type configCheck struct{}

func (*configCheck) local(l *localRun) error {
	if _, err := l.config(); err != nil {
		return err
	}
	if l.global.JSON {
		_, err := fmt.Fprintln(l.process.Stdout, `{"ok":true}`)
		return err
	}
	_, err := fmt.Fprintln(l.process.Stdout, "The configuration is good.")
	return err
}

type configPrint struct{}

func (*configPrint) local(l *localRun) error {
	c, err := l.settings()
	if err != nil {
		return err
	}
	return c.Print(l.process.Stdout)
}

type configDocs struct{}

func (*configDocs) local(l *localRun) error { return config.Docs(l.process.Stdout) }

// environment is the environment as a look-up.
func environment(list []string, name string) string {
	for _, e := range list {
		if k, v, ok := strings.Cut(e, "="); ok && k == name {
			return v
		}
	}
	return ""
}

// fileIssuer is where a server notes under which issuer it has worked on its data directory, so that
// a command beside it makes the same links and names the same logs without being told.
const fileIssuer = "issuer"

func rememberIssuer(dir, issuer string) error {
	return os.WriteFile(filepath.Join(dir, fileIssuer), []byte(issuer+"\n"), 0o600)
}

// knownIssuer is the issuer of a command: the configured one, or else the server's.
func knownIssuer(dir, configured string) string {
	text, err := os.ReadFile(filepath.Join(dir, fileIssuer))
	if err != nil || configured != string(config.Defaults(config.Consumer, false).Server.Issuer) {
		return configured
	}
	return strings.TrimSpace(string(text))
}

// exists reports whether there is a file or directory.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/tenant"
)

type tenantCommands struct {
	Add           tenantAdd           `cmd:"" help:"Open a tenant at /t/NAME."`
	List          tenantList          `cmd:"" help:"List tenants."`
	Show          tenantShow          `cmd:"" help:"Show a tenant and its settings, as they work now."`
	Set           tenantSet           `cmd:"" help:"Change settings of the tenant that --tenant names. Spans are like 90s, 12h or 720h; 0 is the default again."`
	Disable       tenantDisable       `cmd:"" help:"Refuse all requests to a tenant and end everything in it."`
	Enable        tenantEnable        `cmd:"" help:"Let requests to a tenant in again."`
	EndEverything tenantEndEverything `cmd:"" help:"End every session and token of the tenant that --tenant names, at once."`
}

type tenantAdd struct {
	Name  string `arg:"" help:"Name in URLs: a–z, 0–9 and '-'."`
	Title string `help:"Name that people see." default:""`
}

func (c *tenantAdd) run(e *env) error {
	title := c.Title
	if title == "" {
		title = c.Name
	}
	t, err := e.AddTenant(e.ctx, e.in(id.System), c.Name, title)
	if err != nil {
		return err
	}
	return e.done(map[string]any{"id": t.ID, "issuer": e.IssuerOf(t.TenantID())}, "Tenant %s is at %s.", t.ID, e.IssuerOf(t.TenantID()))
}

type tenantList struct{}

func (*tenantList) run(e *env) error {
	list, err := all(func(r page.Request) (page.Page[*tenant.Tenant], error) {
		return e.Tenants.List(e.ctx, e.in(id.System), r)
	})
	if err != nil {
		return err
	}
	type out struct {
		ID     string `json:"id"`
		Name   string `json:"name"`
		Issuer string `json:"issuer"`
	}
	outs := make([]out, len(list))
	for i, t := range list {
		outs[i] = out{t.ID, t.Name, e.IssuerOf(t.TenantID())}
	}
	return e.print(outs, func(w io.Writer) {
		table(w, "ID NAME ISSUER", func(row func(...any)) {
			for _, t := range outs {
				row(t.ID, t.Name, t.Issuer)
			}
		})
	})
}

type tenantShow struct {
	Name string `arg:"" optional:"" help:"Name of the tenant; left out: the one that --tenant names."`
}

// settingsOut are the settings of a tenant, spans in seconds.
type settingsOut struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Issuer   string          `json:"issuer"`
	Disabled bool            `json:"disabled"`
	Settings tenant.Settings `json:"settings"`
}

func (c *tenantShow) run(e *env) error {
	caller := e.caller()
	if c.Name != "" {
		caller = e.in(id.Tenant(c.Name))
	}
	t, err := e.Tenants.Get(e.ctx, caller)
	if err != nil {
		return err
	}
	out := settingsOut{t.ID, t.Name, e.IssuerOf(t.TenantID()), t.Disabled, e.Tenants.Rules(t)}
	return e.print(out, func(w io.Writer) {
		s := out.Settings
		fmt.Fprintf(w, "%s  %s  %s\n", out.ID, visible(out.Name), out.Issuer)
		if out.Disabled {
			fmt.Fprintln(w, "disabled")
		}
		table(w, "SETTING VALUE", func(row func(...any)) {
			row("sign-up-closed", s.SignUpClosed)
			row("session-idle", s.SessionIdle.Duration())
			row("session-absolute", s.SessionAbsolute.Duration())
			row("session-limit", s.SessionLimit)
			row("session-refuse", s.SessionRefuse)
			row("access-token-life", s.AccessTokenLife.Duration())
			row("refresh-idle", s.RefreshIdle.Duration())
			row("refresh-absolute", s.RefreshAbsolute.Duration())
			row("refresh-grace", s.RefreshGrace.Duration())
			row("accent", s.Accent)
			for _, o := range s.Origins {
				row("origin", o)
			}
		})
	})
}

type tenantSet struct {
	SignUpClosed    *bool          `help:"Only administrators and invitations add users." negatable:""`
	SessionIdle     *time.Duration `help:"A session without activity ends after so long."`
	SessionAbsolute *time.Duration `help:"A session ends after so long whatever happens."`
	SessionLimit    *int           `help:"Sessions of a user at a time; 0: no limit."`
	SessionRefuse   *bool          `help:"At the limit refuse the new session, else end the oldest." negatable:""`
	AccessTokenLife *time.Duration `help:"How long access tokens are good."`
	RefreshIdle     *time.Duration `help:"A refresh token that is not used ends after so long."`
	RefreshAbsolute *time.Duration `help:"A refresh token ends after so long whatever happens."`
	RefreshGrace    *time.Duration `help:"How long a replaced refresh token may be repeated; -1s: never."`
	Accent          *string        `help:"Colour of the pages, like #0e6b5f; empty: that of the product."`
	Origin          []string       `help:"Origin whose pages may read answers of the APIs, in place of those that are listed; may be repeated." sep:"none"`
	NoOrigins       bool           `help:"List no origins."`
}

func (c *tenantSet) run(e *env) error {
	t, err := e.Tenants.Configure(e.ctx, e.caller(), func(s *tenant.Settings) error {
		set(&s.SignUpClosed, c.SignUpClosed)
		set(&s.SessionLimit, c.SessionLimit)
		set(&s.SessionRefuse, c.SessionRefuse)
		set(&s.Accent, c.Accent)
		for to, named := range map[*tenant.Seconds]*time.Duration{
			&s.SessionIdle: c.SessionIdle, &s.SessionAbsolute: c.SessionAbsolute, &s.AccessTokenLife: c.AccessTokenLife,
			&s.RefreshIdle: c.RefreshIdle, &s.RefreshAbsolute: c.RefreshAbsolute, &s.RefreshGrace: c.RefreshGrace,
		} {
			if named != nil {
				*to = tenant.Seconds(*named / time.Second)
			}
		}
		if len(c.Origin) > 0 || c.NoOrigins {
			s.Origins = c.Origin
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.done(map[string]any{"id": t.ID}, "The settings of %s are changed.", t.ID)
}

// tenantName is the argument of commands about one tenant, which an operator of the platform gives.
type tenantName struct {
	Name string `arg:"" help:"Name of the tenant."`
}

type tenantDisable struct{ tenantName }

func (c *tenantDisable) run(e *env) error {
	t, err := e.Tenants.Disable(e.ctx, e.in(id.System), id.Tenant(c.Name))
	if err != nil {
		return err
	}
	return e.done(nil, "Tenant %s is disabled; everything in it has ended.", t.ID)
}

type tenantEnable struct{ tenantName }

func (c *tenantEnable) run(e *env) error {
	t, err := e.Tenants.Enable(e.ctx, e.in(id.System), id.Tenant(c.Name))
	if err != nil {
		return err
	}
	return e.done(nil, "Tenant %s answers again. What was ended stays ended.", t.ID)
}

type tenantEndEverything struct{}

func (*tenantEndEverything) run(e *env) error {
	t, err := e.Tenants.EndEverything(e.ctx, e.caller())
	if err != nil {
		return err
	}
	return e.done(nil, "Every session and token of %s has ended.", t.ID)
}

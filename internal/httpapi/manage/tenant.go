package manage

import (
	"context"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// Tenant is an issuer with its own users, clients and keys.
type Tenant struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Disabled bool      `json:"disabled"`
	Created  time.Time `json:"created"`
	Settings Settings  `json:"settings" doc:"as they work now, defaults included"`
}

// Settings are the tenant's settings. Times are in seconds.
type Settings struct {
	SignUpClosed    bool  `json:"sign_up_closed"`
	SessionIdle     int64 `json:"session_idle"`
	SessionAbsolute int64 `json:"session_absolute"`
	SessionLimit    int   `json:"session_limit"`
	SessionRefuse   bool  `json:"session_refuse"`
	AccessTokenLife int64 `json:"access_token_life"`
	RefreshIdle     int64 `json:"refresh_idle"`
	RefreshAbsolute int64 `json:"refresh_absolute"`
	RefreshGrace    int64 `json:"refresh_grace"`

	Origins []string `json:"origins"`
	Accent  string   `json:"accent,omitzero" doc:"colour of the pages, #rrggbb; left out: that of the product"`
}

// SettingsChange changes settings; what is left out stays as it is, and 0 is the default again.
type SettingsChange struct {
	SignUpClosed    *bool  `json:"sign_up_closed,omitzero" doc:"only administrators and invitations add users"`
	SessionIdle     *int64 `json:"session_idle,omitzero" min:"0" max:"1209600" format:"seconds" doc:"a session without activity ends after so long"`
	SessionAbsolute *int64 `json:"session_absolute,omitzero" min:"0" max:"7776000" format:"seconds" doc:"a session ends after so long whatever happens"`
	SessionLimit    *int   `json:"session_limit,omitzero" min:"0" max:"1000" doc:"sessions of a user at a time; 0: no limit"`
	SessionRefuse   *bool  `json:"session_refuse,omitzero" doc:"at the limit refuse the new one, else end the oldest"`
	AccessTokenLife *int64 `json:"access_token_life,omitzero" min:"0" max:"3600" format:"seconds"`
	RefreshIdle     *int64 `json:"refresh_idle,omitzero" min:"0" max:"7776000" format:"seconds"`
	RefreshAbsolute *int64 `json:"refresh_absolute,omitzero" min:"0" max:"31536000" format:"seconds"`
	RefreshGrace    *int64 `json:"refresh_grace,omitzero" min:"-1" max:"60" format:"seconds" doc:"-1: none"`

	Origins *[]string `json:"origins,omitzero" max:"50" doc:"whose pages may read answers of this API, beside the origins of applications"`
	Accent  *string   `json:"accent,omitzero" max:"7" doc:"colour of the pages, #rrggbb; empty: that of the product"`
}

func (s SettingsChange) onto(t *tenant.Settings) error {
	set(&t.SignUpClosed, s.SignUpClosed)
	set(&t.SessionLimit, s.SessionLimit)
	set(&t.SessionRefuse, s.SessionRefuse)
	set((*int64)(&t.SessionIdle), s.SessionIdle)
	set((*int64)(&t.SessionAbsolute), s.SessionAbsolute)
	set((*int64)(&t.AccessTokenLife), s.AccessTokenLife)
	set((*int64)(&t.RefreshIdle), s.RefreshIdle)
	set((*int64)(&t.RefreshAbsolute), s.RefreshAbsolute)
	set((*int64)(&t.RefreshGrace), s.RefreshGrace)
	set(&t.Origins, s.Origins)
	set(&t.Accent, s.Accent)
	return nil
}

func (a *API) showTenant(t *tenant.Tenant) Tenant {
	s := a.Tenants.Rules(t)
	return Tenant{
		ID: t.ID, Name: t.Name, Disabled: t.Disabled, Created: t.Created,
		Settings: Settings{
			SignUpClosed: s.SignUpClosed, SessionIdle: int64(s.SessionIdle), SessionAbsolute: int64(s.SessionAbsolute),
			SessionLimit: s.SessionLimit, SessionRefuse: s.SessionRefuse, AccessTokenLife: int64(s.AccessTokenLife),
			RefreshIdle: int64(s.RefreshIdle), RefreshAbsolute: int64(s.RefreshAbsolute), RefreshGrace: int64(s.RefreshGrace),
			Origins: append([]string{}, s.Origins...), Accent: s.Accent,
		},
	}
}

// NewTenant is a tenant to be opened.
type NewTenant struct {
	ID   string `json:"id" max:"40" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" doc:"stands in its address: /t/ID"`
	Name string `json:"name" max:"200"`
}

type tenantPath struct {
	Tenant string `path:"tenant" max:"40"`
}

func (p tenantPath) id() id.Tenant { return id.Tenant(p.Tenant) }

const groupTenants = "Tenants"

func (a *API) tenants() []rest.Operation {
	const group = groupTenants
	return append([]rest.Operation{
		endpoint(a, administers("GET /api/tenant", "tenant.get", "tenant.read", group, "Read the tenant of this address"),
			func(ctx context.Context, c access.Caller, _ within) (Tenant, error) {
				t, err := a.Tenants.Get(ctx, c)
				return one(t, err, a.showTenant)
			}),
		endpoint(a, administers("PATCH /api/tenant/settings", "tenant.configure", "tenant.configure", group, "Change the settings of the tenant"),
			func(ctx context.Context, c access.Caller, in struct {
				within
				Body SettingsChange `body:"json"`
			}) (Tenant, error) {
				t, err := a.Tenants.Configure(ctx, c, in.Body.onto)
				return one(t, err, a.showTenant)
			}),
		endpoint(a, administers("POST /api/tenant/end-everything", "tenant.end_everything", "tenant.end_everything", group, "End every session and token of the tenant at once"),
			func(ctx context.Context, c access.Caller, _ within) (Tenant, error) {
				t, err := a.Tenants.EndEverything(ctx, c)
				return one(t, err, a.showTenant)
			}),
	}, a.platform()...)
}

// platform is for administrators of the platform; they call it at the address of the system tenant.
func (a *API) platform() []rest.Operation {
	const group = groupTenants
	created := status(administers("POST /api/tenants", "tenant.create", "tenant.create", group, "Open a tenant; for administrators of the platform"), http.StatusCreated)
	disabled := administers("POST /api/tenants/{tenant}/disable", "tenant.disable", "tenant.disable", group, "Refuse all requests to a tenant and end everything in it; for administrators of the platform")
	enabled := administers("POST /api/tenants/{tenant}/enable", "tenant.enable", "tenant.enable", group, "Let requests to a tenant in again; for administrators of the platform")
	return []rest.Operation{
		rest.Handle(administers("GET /api/tenants", "tenant.list", "tenant.read", group, "List tenants; for administrators of the platform"),
			func(ctx context.Context, c access.Caller, in struct{ paging }) (page.Page[Tenant], error) {
				p, err := a.Tenants.List(ctx, c, in.request())
				return turned(p, err, a.showTenant)
			}),
		rest.Handle(created, func(ctx context.Context, c access.Caller, in struct {
			Body NewTenant `body:"json"`
		}) (Tenant, error) {
			t, err := a.Tenants.Create(ctx, c, in.Body.ID, in.Body.Name)
			if err == nil {
				// If this fails the tenant exists without keys; the next start makes them too.
				err = a.TenantMade(ctx, t.TenantID())
			}
			return one(t, err, a.showTenant)
		}),
		rest.Handle(refusing(disabled, errs.Precondition), func(ctx context.Context, c access.Caller, in tenantPath) (Tenant, error) {
			t, err := a.Tenants.Disable(ctx, c, in.id())
			return one(t, err, a.showTenant)
		}),
		rest.Handle(enabled, func(ctx context.Context, c access.Caller, in tenantPath) (Tenant, error) {
			t, err := a.Tenants.Enable(ctx, c, in.id())
			return one(t, err, a.showTenant)
		}),
	}
}

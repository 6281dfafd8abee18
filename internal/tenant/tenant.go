// Package tenant knows the walls of the house: tenants, each an issuer with its own users, clients,
// keys and policies; organisations, the customers inside a tenant; their members, invitations and
// domains; and the list of what was revoked in a tenant.
//
// It knows no user, session or token: those look here for their issuer, their lifetimes and their
// epoch. Roles inside an organisation are relation tuples, which the decision engine reads.
package tenant

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Tenant is an issuer. Its document lives in the system tenant, under the tenant's name.
type Tenant struct {
	store.Meta
	Name     string    `json:"name"` // shown to people
	Disabled bool      `json:"disabled,omitzero"`
	Created  time.Time `json:"created"`
	// Epoch ends, when it is raised, every session and token of the tenant: after a restore, and
	// when everything may have leaked. It is a time in Unix seconds, so that it grows over a restore.
	Epoch    int64    `json:"epoch,omitzero"`
	Settings Settings `json:"settings,omitzero"`
}

// TenantID is the tenant's id.
func (t *Tenant) TenantID() id.Tenant { return id.Tenant(t.ID) }

// Seconds is a span of time as settings keep it.
type Seconds int64

// Duration is the span as Go knows it.
func (s Seconds) Duration() time.Duration { return time.Duration(s) * time.Second }

const (
	minute Seconds = 60
	hour           = 60 * minute
	day            = 24 * hour

	longestRefresh = 365 * day
)

// LongestRefresh bounds what any tenant may set as the life of refresh tokens.
const LongestRefresh = time.Duration(longestRefresh) * time.Second

// Settings are what an administrator may change. A zero member means the default of its comment.
type Settings struct {
	SignUpClosed bool `json:"sign_up_closed,omitzero"` // only administrators and invitations add users

	SessionIdle     Seconds `json:"session_idle,omitzero"`     // default 1 day, 5 minutes to 14 days
	SessionAbsolute Seconds `json:"session_absolute,omitzero"` // default 30 days, 5 minutes to 90 days
	SessionLimit    int     `json:"session_limit,omitzero"`    // concurrent sessions of a user; 0: no limit
	SessionRefuse   bool    `json:"session_refuse,omitzero"`   // at the limit refuse the new one, else end the oldest

	AccessTokenLife Seconds `json:"access_token_life,omitzero"` // default 10 minutes, 1 to 60 minutes
	RefreshIdle     Seconds `json:"refresh_idle,omitzero"`      // default 7 days, 1 hour to 90 days
	RefreshAbsolute Seconds `json:"refresh_absolute,omitzero"`  // default 30 days, 1 hour to 365 days
	RefreshGrace    Seconds `json:"refresh_grace,omitzero"`     // default 10 seconds, at most 60; -1: none

	// Origins are those whose pages may read answers of the management and decision APIs, beside the
	// origins of clients. At most MaxOrigins.
	Origins []string `json:"origins,omitzero"`

	// Accent is the colour of the tenant's pages, #rrggbb; empty: that of the product. Pages make it
	// readable, in light and in dark.
	Accent string `json:"accent,omitzero"`
}

// MaxOrigins bounds the origins that a tenant lists.
const MaxOrigins = 50

// Effective is s with the operator's defaults, or else our own, in place of zero members.
func (s Settings) Effective(operator Settings) Settings {
	s.SessionIdle = cmp.Or(s.SessionIdle, operator.SessionIdle, day)
	s.SessionAbsolute = cmp.Or(s.SessionAbsolute, operator.SessionAbsolute, 30*day)
	s.SessionLimit = cmp.Or(s.SessionLimit, operator.SessionLimit)
	s.SessionRefuse = s.SessionRefuse || operator.SessionRefuse
	s.AccessTokenLife = cmp.Or(s.AccessTokenLife, operator.AccessTokenLife, 10*minute)
	s.RefreshIdle = cmp.Or(s.RefreshIdle, operator.RefreshIdle, 7*day)
	s.RefreshAbsolute = cmp.Or(s.RefreshAbsolute, operator.RefreshAbsolute, 30*day)
	s.RefreshGrace = max(0, cmp.Or(s.RefreshGrace, operator.RefreshGrace, 10))
	return s
}

// check refuses settings outside their bounds.
func (s Settings) check() error {
	bounds := []struct {
		name            string
		value, min, max Seconds
	}{
		{"session_idle", s.SessionIdle, 5 * minute, 14 * day},
		{"session_absolute", s.SessionAbsolute, 5 * minute, 90 * day},
		{"access_token_life", s.AccessTokenLife, minute, hour},
		{"refresh_idle", s.RefreshIdle, hour, 90 * day},
		{"refresh_absolute", s.RefreshAbsolute, hour, longestRefresh},
		{"refresh_grace", s.RefreshGrace, -1, minute},
	}
	for _, b := range bounds {
		if b.value != 0 && (b.value < b.min || b.value > b.max) {
			return errs.Bad("/"+b.name, "must lie between %d and %d seconds", b.min, b.max).Breaks(errs.Duration, errs.Between(int64(b.min), int64(b.max)))
		}
	}
	if len(s.Origins) > MaxOrigins {
		return errs.Bad("/origins", "must have at most %d entries", MaxOrigins).Breaks(errs.Items, errs.Between(0, MaxOrigins))
	}
	for i, o := range s.Origins {
		if !ValidOrigin(o) {
			return errs.Bad("/origins/"+strconv.Itoa(i), "must be an origin: https and a host, or http on a loopback host").Breaks(errs.Origin, nil)
		}
	}
	if s.Accent != "" && !validColour(s.Accent) {
		return errs.Bad("/accent", "must be a colour like #0e6b5f").Breaks(errs.Colour, nil)
	}
	if s.SessionLimit < 0 || s.SessionLimit > 1000 {
		return errs.Bad("/session_limit", "must lie between 0 and 1000").Breaks(errs.Range, errs.Between(0, 1000))
	}
	return nil
}

// validColour accepts #rrggbb.
func validColour(s string) bool {
	return len(s) == 7 && s[0] == '#' && strings.Trim(s[1:], "0123456789abcdefABCDEF") == ""
}

// ValidOrigin reports whether s is an origin as browsers send it (RFC 6454, section 6.2), of a page that
// nobody on the way can have changed: https, or http on this machine.
func ValidOrigin(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || len(s) > 255 || s != u.Scheme+"://"+strings.ToLower(u.Host) {
		return false
	}
	switch u.Hostname() {
	case "localhost", "127.0.0.1", "::1":
		return u.Scheme == "http" || u.Scheme == "https"
	}
	return u.Scheme == "https" && strings.Trim(u.Hostname(), "abcdefghijklmnopqrstuvwxyz0123456789-.:") == ""
}

func tenantKind() store.Kind[Tenant] {
	return store.Kind[Tenant]{
		Name: "tenant", Noun: "tenant",
		Meta: func(t *Tenant) *store.Meta { return &t.Meta },
	}
}

// Tenants is the directory of tenants.
type Tenants struct {
	db    *store.DB
	guard *access.Guard
	all   *store.Collection[Tenant]
	// Defaults are the operator's, for tenants that have not said otherwise. They are set once by
	// wiring; zero members mean our own.
	Defaults Settings
}

// Rules are the settings that hold for a tenant now.
func (s *Tenants) Rules(t *Tenant) Settings { return t.Settings.Effective(s.Defaults) }

// NewTenants declares the tenants to db.
func NewTenants(db *store.DB, g *access.Guard) *Tenants {
	return &Tenants{db: db, guard: g, all: store.NewCollection(db, tenantKind())}
}

// View reads a tenant through the cache. The result is shared and must not be changed.
func (s *Tenants) View(ctx context.Context, t id.Tenant) (*Tenant, error) {
	return s.all.In(id.System).View(ctx, string(t))
}

// Standing is View for a tenant that must be able to work: NotFound if it is disabled.
func (s *Tenants) Standing(ctx context.Context, t id.Tenant) (*Tenant, error) {
	doc, err := s.View(ctx, t)
	if err == nil && doc.Disabled {
		return nil, errs.Missing("tenant")
	}
	return doc, err
}

// EnsureBuiltIn creates the tenants that always exist. It may be called at each start.
func (s *Tenants) EnsureBuiltIn(ctx context.Context) error {
	for _, t := range []struct {
		id   id.Tenant
		name string
	}{{id.System, "Platform"}, {id.Default, "Default"}} {
		_, err := s.all.In(id.System).Get(ctx, string(t.id))
		if errs.Is(err, errs.NotFound) {
			c := access.System(id.System, "start")
			_, err = s.Create(ctx, c, string(t.id), t.name)
		}
		if err != nil && errs.CodeOf(err) != "already_exists" {
			return err
		}
	}
	return nil
}

// Create opens a tenant. name is the id, see id.ValidTenant; title is shown to people.
func (s *Tenants) Create(ctx context.Context, c access.Caller, name, title string) (*Tenant, error) {
	if !id.ValidTenant(name) {
		return nil, errs.Bad("/id", "must be 1 to 40 of a–z, 0–9 and '-', not '-' at either end").Breaks(errs.Identifier, errs.Between(1, 40))
	}
	title, err := DisplayName("/name", title)
	if err != nil {
		return nil, err
	}
	permit, err := s.guard.Allow(ctx, c.For(id.System), "tenant.create", access.Object{Type: "cardea:tenant", ID: name})
	if err != nil {
		return nil, err
	}
	now := s.db.Now()
	doc := &Tenant{Meta: store.Meta{ID: name}, Name: title, Created: now, Epoch: 1}
	doc.Settings.SignUpClosed = id.Tenant(name) == id.System
	_, err = s.db.Commit(ctx, store.Batch{
		Permit: permit,
		Docs:   []store.DocOp{s.all.In(id.System).Insert(ctx, doc)},
		Events: []store.Event{{Kind: "tenant.created"}},
	})
	return doc, err
}

// List lists tenants by id; for platform administrators.
func (s *Tenants) List(ctx context.Context, c access.Caller, r page.Request) (page.Page[*Tenant], error) {
	_, err := s.guard.Allow(ctx, c.For(id.System), "tenant.read", access.Object{Type: "cardea:tenant"})
	if err != nil {
		return page.Page[*Tenant]{}, err
	}
	return s.all.In(id.System).Find(ctx, store.Query{Request: r})
}

// Every calls f for every tenant, for background tasks.
func (s *Tenants) Every(ctx context.Context, f func(*Tenant) error) error {
	for r := (page.Request{Limit: page.MaxLimit}); ; {
		p, err := s.all.In(id.System).Find(ctx, store.Query{Request: r})
		if err != nil {
			return err
		}
		for _, t := range p.Items {
			if err := f(t); err != nil {
				return err
			}
		}
		if r.Cursor = p.Next; r.Cursor == "" {
			return nil
		}
	}
}

// Get reads a tenant with its settings; for administrators of the tenant or the platform.
func (s *Tenants) Get(ctx context.Context, c access.Caller) (*Tenant, error) {
	if _, err := s.guard.Allow(ctx, c, "tenant.read", s.object(c)); err != nil {
		return nil, err
	}
	return s.all.In(id.System).Get(ctx, string(c.Tenant()))
}

// Configure changes the tenant's settings by change, which may refuse.
func (s *Tenants) Configure(ctx context.Context, c access.Caller, change func(*Settings) error) (*Tenant, error) {
	return s.update(ctx, c, "tenant.configure", "tenant.configured", func(t *Tenant) error {
		if err := change(&t.Settings); err != nil {
			return err
		}
		return t.Settings.check()
	})
}

// EndEverything raises the epoch: every session, refresh token and JWT of the tenant is dead at once.
func (s *Tenants) EndEverything(ctx context.Context, c access.Caller) (*Tenant, error) {
	return s.update(ctx, c, "tenant.end_everything", "tenant.everything_ended", func(t *Tenant) error {
		t.Epoch = max(t.Epoch+1, s.db.Now().Unix())
		return nil
	})
}

// Disable refuses all requests to a tenant and ends everything in it; for platform administrators. A
// built-in tenant cannot be disabled: the platform is administered through them.
func (s *Tenants) Disable(ctx context.Context, c access.Caller, t id.Tenant) (*Tenant, error) {
	if t == id.System || t == id.Default {
		return nil, errs.New(errs.Precondition, "tenant_built_in", "A built-in tenant cannot be disabled.")
	}
	return s.setState(ctx, c, t, "tenant.disable", func(doc *Tenant) (event string) {
		doc.Disabled, doc.Epoch = true, max(doc.Epoch+1, s.db.Now().Unix())
		return "tenant.disabled"
	})
}

// Enable lets requests to a tenant in again. What was ended stays ended.
func (s *Tenants) Enable(ctx context.Context, c access.Caller, t id.Tenant) (*Tenant, error) {
	return s.setState(ctx, c, t, "tenant.enable", func(doc *Tenant) (event string) {
		doc.Disabled = false
		return "tenant.enabled"
	})
}

func (s *Tenants) setState(ctx context.Context, c access.Caller, t id.Tenant, a access.Action, change func(*Tenant) (event string)) (*Tenant, error) {
	permit, err := s.guard.Allow(ctx, c.For(id.System), a, access.Object{Type: "cardea:tenant", ID: string(t)})
	if err != nil {
		return nil, err
	}
	return s.all.In(id.System).Update(ctx, string(t), func(doc *Tenant) (store.Batch, error) {
		return store.Batch{Permit: permit, Events: []store.Event{{Kind: change(doc)}}}, nil
	})
}

func (s *Tenants) update(ctx context.Context, c access.Caller, a access.Action, event string, change func(*Tenant) error) (*Tenant, error) {
	name := string(c.Tenant())
	// The tenant's own administrators are decided about in the tenant, but its document lives in
	// the system tenant, so the write shows a permit of the system's own.
	if _, err := s.guard.Allow(ctx, c, a, s.object(c)); err != nil {
		return nil, err
	}
	permit, err := s.guard.Allow(ctx, access.System(id.System, string(a)).Because(c.Subject().String()), a, s.object(c))
	if err != nil {
		return nil, err
	}
	return s.all.In(id.System).Update(ctx, name, func(t *Tenant) (store.Batch, error) {
		return store.Batch{Permit: permit, Events: []store.Event{{Kind: event, Public: map[string]string{"by": c.Subject().String()}}}}, change(t)
	})
}

func (s *Tenants) object(c access.Caller) access.Object {
	return access.Object{Type: "cardea:tenant", ID: string(c.Tenant())}
}

// DisplayName checks a name for people: 1 to 200 code points without control characters.
func DisplayName(pointer, s string) (string, error) {
	n := 0
	for _, r := range s {
		n++
		if r < ' ' || r == 0x7f || r == '\ufffd' || slices.Contains(bidiControls, r) {
			return "", errs.Bad(pointer, "must not hold control characters").Breaks(errs.Control, nil)
		}
	}
	if n == 0 || n > 200 {
		return "", errs.Bad(pointer, "must have 1 to 200 characters").Breaks(errs.Length, errs.Between(1, 200))
	}
	return s, nil
}

// bidiControls reorder the text around them, so that a name could imitate another.
var bidiControls = []rune{0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069, 0x200e, 0x200f, 0x061c}

package app

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/audit"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/authz/journal"
	"github.com/cardea-auth/cardea/internal/authz/point"
	"github.com/cardea-auth/cardea/internal/authz/policy"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/identity/apikey"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/egress"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/limit"
	"github.com/cardea-auth/cardea/internal/mail"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/session"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// Rooms are the domains besides the OAuth provider, and the engines that they use.
type Rooms struct {
	Tenants       *tenant.Tenants
	Organisations *tenant.Organisations
	Revocations   *tenant.Revocations
	Keys          *keyring.Ring
	Graphs        *index.Index
	Decisions     *authz.Engine
	Policies      *policy.Sets
	Points        *point.Points
	Journal       *journal.Journal
	Stores        *stores.Stores
	Audit         *audit.Log
	Hasher        *password.Hasher
	Accounts      *identity.Accounts
	APIKeys       *apikey.Keys
	Sessions      *session.Sessions
	Flows         *flow.Machine
	Gate          *limit.Gate
	Egress        *egress.Client
	Mailbox       *mail.Mailbox // with --dev only
	Mail          *mail.Relay
}

func (a *App) wireRooms() (err error) {
	db, guard := a.DB, a.Guard
	a.Tenants = tenant.NewTenants(db, guard)
	a.Tenants.Defaults = a.Defaults
	a.Organisations = tenant.NewOrganisations(db, guard)
	a.Revocations = tenant.NewRevocations(db)
	a.Graphs = index.New(db, a.GraphBounds)
	a.Graphs.KeepImages(db, guard, a.house.graphs)
	a.Policies = policy.New(policy.Config{DB: db, Guard: guard, InUse: a.policyInUse})
	if a.Egress, err = egress.New(egress.Config{Allow: a.Allow, Dev: a.Dev}); err != nil {
		return err
	}
	a.Points = point.New(point.Config{
		DB: db, Guard: guard, Egress: a.Egress, Issuer: a.issuerOf, InUse: a.pointInUse, Rego: a.Rego, Bundles: a.bundle,
		Failed: func(t id.Tenant, name string, err error) {
			a.Log.Warn("decision point failed", "tenant", string(t), "point", name, "error", err.Error())
		},
	})
	a.Decisions, err = authz.New(authz.Config{
		DB: db, Graphs: a.Graphs, Guard: guard, Subjects: standing{a}, Attributes: standing{a}, Policies: a.Policies, Stores: answers{a},
		Points: a.Points, ACRs: oauth.ACRs(),
	})
	if err != nil {
		return err
	}
	guard.Use(a.Decisions)
	a.Journal = journal.New(db, guard, a.Decisions)
	a.Decisions.Records(a.Journal)
	a.Stores = stores.New(stores.Config{DB: db, Guard: guard, Graphs: a.Graphs, Inline: a.InlineConditions, Scenario: runScenario})
	if a.Keys, err = keyring.New(keyring.Config{DB: db, Guard: guard, Revocations: a.Revocations}); err != nil {
		return err
	}
	a.Audit = audit.New(audit.Config{
		DB: db, Guard: guard, Notary: a.Keys.Checkpoints(), Issuer: a.Config.Issuer, Publish: a.publishCheckpoint,
		Failed: func(t id.Tenant, err error) { a.report("audit of "+string(t), err) },
	})
	a.Gate = limit.NewGate(limit.NewLimiter(limit.Config{Now: a.Now}), a.house.shared.counters, a.Limits)
	if err := a.wirePeople(); err != nil {
		return err
	}
	return a.wireMail()
}

func (a *App) wirePeople() (err error) {
	if a.Hasher, err = password.New(a.Password); err != nil {
		return err
	}
	a.Accounts = identity.New(identity.Config{
		DB: a.DB, Guard: a.Guard, Hasher: a.Hasher, Policy: a.Policy, Lockout: a.Lockout, Limits: gate{a.Gate},
		Tenants: a.Tenants, Revocations: a.Revocations, LinkTo: a.linkTo, FirstAdmin: authz.AdminTuples, Forget: a.forget,
	})
	a.Sessions = session.New(session.Config{
		DB: a.DB, Guard: a.Guard, Users: a.Accounts, Tenants: a.Tenants, Revocations: a.Revocations, Activity: a.activity,
	})
	a.Accounts.Sessions = a.Sessions
	a.Organisations.Exists = func(ctx context.Context, t id.Tenant, userID string) error {
		_, err := a.Accounts.View(ctx, t, userID)
		return err
	}
	a.Organisations.MayAssign = a.Decisions.MayAssign
	a.APIKeys = apikey.New(apikey.Config{DB: a.DB, Guard: a.Guard, Owners: owners{a}})
	a.Flows = &flow.Machine{
		DB: a.DB, Guard: a.Guard, Handles: flow.NewHandles(a.DB, a.house.sealer),
		Steps: identity.Steps(a.Accounts), Need: a.Accounts.Enough, Finish: a.Accounts.Finishers(a.Sessions.Start),
	}
	return nil
}

// policyInUse tells whether decisions rest on a policy set.
func (a *App) policyInUse(ctx context.Context, t id.Tenant, set string) (bool, error) {
	return a.Decisions.InUse(ctx, t, set)
}

// bundle is a directory of policies beside the database. Nothing outside of it is reached by a link in it.
func (a *App) bundle(t id.Tenant, name string) (fs.FS, error) {
	root, err := os.OpenRoot(filepath.Join(a.Dir, "bundles", string(t), name))
	if err != nil {
		return nil, err
	}
	return root.FS(), nil
}

// pointInUse tells whether decisions rest on a decision point.
func (a *App) pointInUse(ctx context.Context, t id.Tenant, name string) (bool, error) {
	return a.Decisions.PointInUse(ctx, t, name)
}

// forget has every room forget a person whose account was deleted.
func (a *App) forget(ctx context.Context, t id.Tenant, userID string) error {
	for _, room := range []interface {
		Forget(ctx context.Context, t id.Tenant, userID string) error
	}{a.Sessions, a.APIKeys, a.Consents, a.Organisations, a.Journal} {
		if err := room.Forget(ctx, t, userID); err != nil {
			return err
		}
	}
	_, err := a.Audit.Erase(ctx, access.System(t, "user.forget"), userID)
	return err
}

func (a *App) wireMail() error {
	templates, err := mail.NewTemplates(a.Product)
	if err != nil {
		return err
	}
	var sender mail.Sender = mail.Unconfigured{}
	switch {
	case a.Dev:
		a.Mailbox = mail.NewMailbox(200)
		sender = a.Mailbox
	case a.SMTP != nil:
		c := *a.SMTP
		c.Egress = a.Egress
		if sender, err = mail.NewSMTP(c); err != nil {
			return err
		}
	}
	a.Mail, err = mail.NewRelay(mail.RelayConfig{
		DB: a.DB, Guard: a.Guard, Templates: templates, Sender: sender, Tenants: a.eachTenant,
	})
	if err == nil {
		a.DB.OnOutbox(a.Mail.Wake)
	}
	return err
}

// linkTo is the address of the page that redeems a mailed link. The token stands in the fragment.
func (a *App) linkTo(t id.Tenant, purpose flow.Kind, token string) string {
	return a.issuerOf(t) + "/link#" + string(purpose) + "." + token
}

// issuerOf is a tenant's issuer: the default one lives at the root, the others below /t/.
func (a *App) issuerOf(t id.Tenant) string {
	if t == id.Default {
		return a.Config.Issuer
	}
	return strings.TrimSuffix(a.Config.Issuer, "/") + "/t/" + string(t)
}

// eachTenant calls f for every tenant that is not disabled.
func (a *App) eachTenant(ctx context.Context, f func(id.Tenant) error) error {
	return a.Tenants.Every(ctx, func(t *tenant.Tenant) error {
		if t.Disabled {
			return nil
		}
		return f(t.TenantID())
	})
}

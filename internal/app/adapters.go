package app

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/model"
	"github.com/cardea-auth/cardea/internal/authz/scenario"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/kit/egress"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/limit"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/authenticate"
	"github.com/cardea-auth/cardea/internal/store"
)

// standing tells the decision engine who is barred.
type standing struct{ a *App }

// Barred implements authz.Subjects.
func (s standing) Barred(ctx context.Context, t id.Tenant, subjectType, subjectID string) (string, error) {
	var err error
	switch subjectType {
	case access.TypeUser:
		var u *identity.User
		if u, err = s.a.Accounts.View(ctx, t, subjectID); err == nil && !u.Disabled.IsZero() {
			return "user:" + subjectID + " is disabled.", nil
		}
	case access.TypeService:
		var c *oauth.Client
		if c, err = s.a.Clients.Standing(ctx, t, oauth.ClientID(subjectID)); err == nil && c.Disabled {
			return "service:" + subjectID + " is disabled.", nil
		}
	}
	if errs.Is(err, errs.NotFound) {
		err = nil
	}
	return "", err
}

// Attributes implements authz.Attributes.
func (s standing) Attributes(ctx context.Context, t id.Tenant, subjectType, subjectID string) (map[string]any, bool, error) {
	var known map[string]any
	var err error
	switch subjectType {
	case access.TypeUser:
		var u *identity.User
		if u, err = s.a.Accounts.View(ctx, t, subjectID); err == nil {
			known = map[string]any{"email": u.Email, "email_verified": !u.EmailVerified.IsZero(), "disabled": !u.Disabled.IsZero(), "name": u.Name}
		}
	case access.TypeService:
		var c *oauth.Client
		if c, err = s.a.Clients.Standing(ctx, t, oauth.ClientID(subjectID)); err == nil {
			known = map[string]any{"disabled": c.Disabled, "name": c.Name}
		}
	}
	if errs.Is(err, errs.NotFound) {
		err = nil
	}
	return known, known != nil, err
}

// answers lets the decision engine ask stores of applications. Whether somebody may ask them was decided
// when the plan was made, so the stores see the server itself.
type answers struct{ a *App }

func (w answers) at(at authz.StoreAt) (access.Caller, stores.At) {
	return access.System(at.Tenant, "decision"), stores.At{
		Store: at.Store, Model: at.Model, AtLeast: at.AtLeast, Past: at.Past, PastOwn: at.PastOwn, Suppose: at.Suppose, SupposeOwn: at.SupposeOwn, Now: at.Time,
	}
}

// Check implements authz.Stores.
func (w answers) Check(ctx context.Context, at authz.StoreAt, q graph.Query) (authz.StoreAnswer, error) {
	c, where := w.at(at)
	if !q.Explain {
		result, asked, err := w.a.Stores.Check(ctx, c, where, q)
		return authz.StoreAnswer{Allowed: result.Allowed, Model: asked.Model, Revision: asked.Revision, Own: asked.Own, Assumed: asked.Assumed}, err
	}
	e, asked, err := w.a.Stores.Explain(ctx, c, where, q)
	return authz.StoreAnswer{
		Allowed: e.Allowed, Sentence: e.Sentence, Path: e.Path, Model: asked.Model, Revision: asked.Revision, Own: asked.Own, Assumed: asked.Assumed,
	}, err
}

// Objects implements authz.Stores.
func (w answers) Objects(ctx context.Context, at authz.StoreAt, q graph.ObjectsQuery) (graph.List, error) {
	c, where := w.at(at)
	list, _, err := w.a.Stores.Objects(ctx, c, where, q)
	return list, err
}

// Subjects implements authz.Stores.
func (w answers) Subjects(ctx context.Context, at authz.StoreAt, q graph.SubjectsQuery) (graph.List, error) {
	c, where := w.at(at)
	list, _, err := w.a.Stores.Subjects(ctx, c, where, q)
	return list, err
}

// Relations implements authz.Stores.
func (w answers) Relations(ctx context.Context, at authz.StoreAt, q graph.RelationsQuery) (graph.Held, error) {
	c, where := w.at(at)
	held, _, err := w.a.Stores.Relations(ctx, c, where, q)
	return held, err
}

// RelationsOf implements authz.Stores.
func (w answers) RelationsOf(ctx context.Context, at authz.StoreAt, objectType string) ([]string, error) {
	c, where := w.at(at)
	v, err := w.a.Stores.GetModel(ctx, c, where.Store, where.Model)
	if err != nil {
		return nil, err
	}
	var names []string
	if t := v.Model.Type(objectType); t != nil {
		for _, r := range t.Relations {
			names = append(names, r.Name)
		}
	}
	return names, nil
}

// owners tells API keys whether their owner may act.
type owners struct{ a *App }

// Standing implements apikey.Owners.
func (o owners) Standing(ctx context.Context, t id.Tenant, s access.Subject) error {
	if s.Type == access.TypeUser {
		u, err := o.a.Accounts.View(ctx, t, s.ID)
		if err != nil {
			return err
		}
		return u.Standing()
	}
	c, err := o.a.Clients.Standing(ctx, t, oauth.ClientID(s.ID))
	if err == nil && c.Disabled {
		err = errs.New(errs.Denied, "client_disabled", "This service account is disabled.")
	}
	return err
}

// gate applies the limits of addresses to what identity does.
type gate struct{ *limit.Gate }

func asker(c access.Caller, account string) limit.Asker {
	return limit.Asker{Tenant: c.Tenant(), Address: c.Origin().Address, Account: limit.Account(account)}
}

// SignIn implements identity.Limits.
func (g gate) SignIn(c access.Caller, account string) error {
	return g.Look(asker(c, account), limit.SignIn).Err()
}

// SignInFailed implements identity.Limits.
func (g gate) SignInFailed(c access.Caller, account string) { g.Count(asker(c, account), limit.SignIn) }

// Mail implements identity.Limits.
func (g gate) Mail(c access.Caller, kind flow.Kind) error {
	intent := limit.SendMail
	switch kind {
	case flow.SignUp:
		intent = limit.SignUp
	case flow.Recover:
		intent = limit.Reset
	}
	return g.Use(asker(c, ""), intent).Err()
}

// world tells the OAuth provider how tenants, users, sessions and organisations stand.
type world struct{ a *App }

type (
	worldTenants  world
	worldUsers    world
	worldSessions world
	worldOrgs     world
)

// Standing implements oauth.Tenants.
func (w worldTenants) Standing(ctx context.Context, t id.Tenant) (oauth.TenantStanding, error) {
	doc, err := w.a.Tenants.View(ctx, t)
	if err != nil {
		return oauth.TenantStanding{}, err
	}
	s := w.a.Tenants.Rules(doc)
	return oauth.TenantStanding{
		Issuer: w.a.issuerOf(t), Enabled: !doc.Disabled, Epoch: doc.Epoch, AccessLife: s.AccessTokenLife.Duration(),
		RefreshIdle: s.RefreshIdle.Duration(), RefreshAbsolute: s.RefreshAbsolute.Duration(), RefreshGrace: s.RefreshGrace.Duration(),
	}, nil
}

// Standing implements oauth.Users.
func (w worldUsers) Standing(ctx context.Context, t id.Tenant, userID string) (oauth.UserStanding, error) {
	u, err := w.a.Accounts.View(ctx, t, userID)
	if err != nil {
		return oauth.UserStanding{}, err
	}
	out := oauth.UserStanding{Active: true, Epoch: u.Epoch}
	if err := u.Standing(); err != nil {
		out.Active, out.Reason = false, "the user's account is "+string(u.State())
	}
	return out, nil
}

// Profile implements oauth.Users.
func (w worldUsers) Profile(ctx context.Context, t id.Tenant, userID string) (oauth.Profile, error) {
	u, err := w.a.Accounts.View(ctx, t, userID)
	if err != nil {
		return oauth.Profile{}, err
	}
	return oauth.Profile{
		Name: u.Name, Locale: u.Locale, Email: u.Email, EmailVerified: !u.EmailVerified.IsZero(), Updated: u.Created,
	}, nil
}

// Alarm implements refresh.Owners.
func (w worldUsers) Alarm(ctx context.Context, t id.Tenant, userID string) ([]store.DocOp, string, error) {
	return w.a.Accounts.Flag(ctx, t, userID)
}

// Standing implements oauth.Sessions.
func (w worldSessions) Standing(ctx context.Context, t id.Tenant, sid string) (oauth.SessionStanding, error) {
	live, err := w.a.Sessions.Standing(ctx, t, sid)
	if errs.CodeOf(err) == "session_expired" {
		doc, err := w.a.Sessions.View(ctx, t, sid)
		if err != nil {
			return oauth.SessionStanding{}, err
		}
		return oauth.SessionStanding{Epoch: doc.Epoch, UserID: doc.User, Revoked: doc.Revoked()}, nil
	}
	if err != nil {
		return oauth.SessionStanding{}, err
	}
	return oauth.SessionStanding{
		Alive: true, Epoch: live.Session.Epoch, UserID: live.Session.User, AuthTime: live.AuthTime(), Strength: live.Strength,
		Methods: live.Methods(), Until: live.Until,
	}, nil
}

// SignOut implements logout.Sessions.
func (w worldSessions) SignOut(ctx context.Context, c access.Caller, _ string) error {
	return w.a.Sessions.SignOut(ctx, c)
}

// Standing implements oauth.Organisations.
func (w worldOrgs) Standing(ctx context.Context, t id.Tenant, org, userID string) (oauth.OrgStanding, error) {
	enabled, member, err := w.a.Organisations.Standing(ctx, t, org, userID)
	return oauth.OrgStanding{Enabled: enabled, Member: member}, err
}

// found adapts the makers of credentials to the one Authenticate.
type (
	foundSessions struct{ a *App }
	foundKeys     struct{ a *App }
)

// Resolve implements authenticate.Sessions.
func (f foundSessions) Resolve(ctx context.Context, t id.Tenant, cookie secret.Value) (authenticate.Found, error) {
	live, err := f.a.Sessions.Resolve(ctx, t, cookie.Reveal())
	if err != nil {
		return authenticate.Found{}, err
	}
	return authenticate.Found{
		Subject: access.User(live.Session.User),
		Proof: access.Proof{
			Strength: live.Strength, At: live.AuthTime(), Methods: live.Methods(), Session: live.Session.ID, Until: live.Until,
		},
	}, nil
}

// Resolve implements authenticate.APIKeys.
func (f foundKeys) Resolve(ctx context.Context, t id.Tenant, key secret.Value) (authenticate.Found, error) {
	k, err := f.a.APIKeys.Resolve(ctx, t, key.Reveal())
	if err != nil {
		return authenticate.Found{}, err
	}
	return authenticate.Found{
		Subject: k.Owner(),
		Proof:   access.Proof{Strength: access.OneFactor, Key: k.Public, Scoped: true, Scopes: k.Scopes},
	}, nil
}

// keySets fetches the keys of clients through the guarded way out.
type keySets struct{ *egress.Client }

// FetchKeys implements clientauth.KeySets.
func (k keySets) FetchKeys(ctx context.Context, url string) ([]byte, error) {
	r, err := k.ForAnonymous().Get(ctx, egress.ClientMetadata, url)
	if err != nil {
		return nil, err
	}
	return r.Body, nil
}

// publicKeys shows the keys of a tenant to the door.
type publicKeys struct{ a *App }

// JWKS implements oidc.Keys.
func (p publicKeys) JWKS(ctx context.Context, t id.Tenant) ([]byte, error) {
	set, err := p.a.Keys.IssuerKeys(ctx, t)
	return set.Body, err
}

// Algs implements oidc.Keys: a key for each can be had at any time.
func (p publicKeys) Algs(context.Context, id.Tenant) ([]oauth.Alg, error) { return oauth.Algs(), nil }

// runScenario has package scenario run a store file that somebody has sent.
func runScenario(ctx context.Context, file string, m *model.Model, now time.Time) ([]stores.Outcome, error) {
	found, err := scenario.Options{Now: now, Model: m, Most: scenario.MostQuestions}.RunText(ctx, file)
	out := make([]stores.Outcome, len(found))
	for i, o := range found {
		out[i] = stores.Outcome(o)
	}
	return out, err
}

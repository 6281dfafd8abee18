package app

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/browser"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/decision"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/oidc"
	"github.com/cardea-auth/cardea/internal/httpapi/openfga"
	"github.com/cardea-auth/cardea/internal/httpapi/page"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/oauth/authenticate"
	"github.com/cardea-auth/cardea/internal/oauth/authorize"
)

// handler is the public door: every end point of the server, on one screen. What is followed ends with serving.
func (a *App) handler(serving context.Context, metrics prometheus.Registerer) (http.Handler, error) {
	pages, err := page.New()
	if err != nil {
		return nil, err
	}
	pages.Accent, pages.Dev = a.accent, a.Dev
	oauth := &oidc.Door{
		Clients: a.ClientAuth, Issuer: a.OAuth.Issuer, Reader: a.Reader, Codes: a.Codes, Families: a.Families,
		Authorizer: a.Authorizer, Introspector: a.Introspector, Revoker: a.Revoker, Logout: a.Logout, Board: a.Board,
		Scopes: a.Scopes, Keys: publicKeys{a}, Page: needPage, Shell: pages,
	}
	decisions := &decision.Door{Decider: a.Decisions, Searcher: a.Decisions, Activity: a.decided}
	tuples := &openfga.Door{Stores: a.Stores, Models: a.Stores, Tuples: a.Stores, Decider: a.Stores, Activity: a.decided, Checked: a.Decisions.Checked}
	flows := &browser.Flows{Machine: a.Flows, Requests: requests{a}}
	managed, err := rest.Routes(a.management().Operations())
	if err != nil {
		return nil, err
	}
	administrative := actionsOf(slices.Concat(managed, decisions.Routes()))
	sessions := &browser.Session{
		Sessions: a.Sessions, Users: a.Accounts, Token: a.ownToken,
		Permissions: a.Decisions.Holdings(administrative).Of,
	}
	var routes []edge.Route
	for _, part := range [][]edge.Route{
		pages.Routes(), flows.Routes(), sessions.Routes(), oauth.Routes(), decisions.Routes(), tuples.Routes(), a.devRoutes(pages),
	} {
		routes = append(routes, part...)
	}
	return a.door(serving, append(routes, managed...), metrics)
}

func (a *App) door(serving context.Context, routes []edge.Route, metrics prometheus.Registerer) (http.Handler, error) {
	directory, err := edge.NewSharedHost(a.Config.Issuer, a.Hosts, a.standing)
	if err != nil {
		return nil, err
	}
	return edge.New(edge.Config{
		Directory: directory, Authenticator: authenticator{a.Authenticator}, Origins: origins{a}, Gate: a.Gate,
		Cookies: credential.Jar{Insecure: a.InsecureCookies}, TrustedProxies: a.TrustedProxies, ProxiesSendCertificates: a.ProxyCerts, Log: a.Log, Metrics: metrics, Now: a.Now,
		Serving: serving,
	}, routes)
}

// standing refuses a tenant that does not exist or is disabled, and everybody while the clock is wrong.
func (a *App) standing(ctx context.Context, t id.Tenant) error {
	if err := a.clock(); err != nil {
		return errs.Busy(time.Second, err, "clock_wrong", "The clock of this server is wrong; ask another one.")
	}
	_, err := a.Tenants.Standing(ctx, t)
	return err
}

// accent is the colour that a tenant has chosen for its pages.
func (a *App) accent(ctx context.Context, t id.Tenant) (string, error) {
	home, err := a.Tenants.View(ctx, t)
	if err != nil {
		return "", err
	}
	return home.Settings.Accent, nil
}

// needPage is our page for what an authorization request needs.
func needPage(s edge.Site, need authorize.Kind, handle string) string {
	path := map[authorize.Kind]string{
		authorize.SignIn: "/sign-in", authorize.StepUp: "/step-up", authorize.SignUp: "/sign-up",
		authorize.Select: "/select-account", authorize.Consent: "/consent",
	}[need]
	return s.Issuer + path + "?request=" + url.QueryEscape(handle)
}

// decided counts decisions.
func (a *App) decided(c access.Caller, allowed bool) {
	name := "decision.denied"
	if allowed {
		name = "decision.allowed"
	}
	a.activity(c.Tenant(), name)
}

// actionsOf are the actions that routes need, each once.
func actionsOf(routes []edge.Route) []access.Action {
	var out []access.Action
	for _, r := range routes {
		if a := r.Access.Action(); a != "" {
			out = append(out, a)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// authenticator is the one Authenticate in the words of the doorstep.
type authenticator struct{ *authenticate.Authenticator }

// Authenticate implements edge.Authenticator.
func (w authenticator) Authenticate(ctx context.Context, t id.Tenant, c credential.Credential, from access.Origin) (access.Caller, error) {
	kind := authenticate.None
	switch c.Kind {
	case credential.Bearer:
		kind = authenticate.Bearer
	case credential.APIKey:
		kind = authenticate.APIKey
	case credential.Session:
		kind = authenticate.Session
	case credential.DPoP:
		return access.Caller{}, errs.New(errs.Unauthenticated, "token_invalid", "Tokens are not bound by DPoP here; send them as Bearer.")
	case credential.Certificate:
		return access.Caller{}, errs.New(errs.Unauthenticated, "token_invalid", "Nobody is known by a client certificate here.")
	default:
		return access.Caller{}, errs.New(errs.Unauthenticated, "token_invalid", "This kind of credential is not accepted.")
	}
	return w.Authenticator.Authenticate(ctx, t, authenticate.Credential{Kind: kind, Value: c.Token}, from)
}

// origins knows the foreign origins that may read answers.
type origins struct{ a *App }

// Listed implements edge.Origins.
func (o origins) Listed(ctx context.Context, t id.Tenant, by edge.CORS, origin string) (bool, error) {
	switch by {
	case edge.AnyOrigin:
		return true, nil
	case edge.TenantOrigins:
		home, err := o.a.Tenants.Standing(ctx, t)
		if err != nil || slices.Contains(home.Settings.Origins, origin) {
			return err == nil, err
		}
	}
	return o.a.Clients.OriginListed(ctx, t, origin)
}

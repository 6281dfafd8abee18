// Package manage is the door for administrators and for people who look after their own account:
// a typed JSON API over the domains, declared with rest.
//
//	/api/…       users, sessions, organisations, clients, keys, roles, scopes, the audit log, tenants;
//	             takes a token or a key, never a cookie
//	/account/…   the caller's own account; takes the session cookie too
//
// Each endpoint decodes, calls one method of a domain and encodes. Every rule, also who may do what,
// is in the domains; the permission that an endpoint names is the one that its domain asks for, and
// a test compares the two. Types of this package are the contract: a document of a domain is never
// answered as it is.
//
// An endpoint of /api is about the tenant at whose address it is called. An administrator of the
// platform, whose credential belongs to the system tenant, names another one by ?tenant=; for
// everybody else there is no tenant but their own. The name stands in the query because whoever
// drops it on the way must be noticed: a header that a proxy does not pass on would silently turn
// the request to another tenant.
package manage

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/audit"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/journal"
	"github.com/cardea-auth/cardea/internal/authz/point"
	"github.com/cardea-auth/cardea/internal/authz/policy"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/identity/apikey"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/oauth/clients"
	"github.com/cardea-auth/cardea/internal/oauth/consent"
	"github.com/cardea-auth/cardea/internal/oauth/scopes"
	"github.com/cardea-auth/cardea/internal/session"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// API serves the endpoints. All fields are required but Passwords and Heartbeat.
type API struct {
	Tenants       *tenant.Tenants
	Organisations *tenant.Organisations
	Accounts      *identity.Accounts
	Sessions      *session.Sessions
	APIKeys       *apikey.Keys
	Clients       *clients.Clients
	Consents      *consent.Consents
	Scopes        *scopes.Catalogue
	Decisions     *authz.Engine
	Policies      *policy.Sets
	Points        *point.Points
	Journal       *journal.Journal
	Stores        *stores.Stores
	Audit         *audit.Log
	Keys          *keyring.Ring
	Passwords     password.Policy // judges while somebody types
	Heartbeat     time.Duration   // between signs of life of a followed log; default 10 s
	// InvitationLink is the address of the page that accepts an invitation to tenant t.
	InvitationLink func(t id.Tenant, token string) string
	// TenantMade prepares a tenant that was just created: its keys and its own clients.
	TenantMade func(ctx context.Context, t id.Tenant) error
}

// Operations are all endpoints.
func (a *API) Operations() []rest.Operation {
	var all []rest.Operation
	for _, part := range [][]rest.Operation{
		a.users(), a.userSessions(), a.organisations(), a.members(), a.invitations(), a.clients(), a.apiKeys(), a.roles(),
		a.assignments(), a.groups(), a.policies(), a.decisionPoints(), a.decisionPlans(), a.decisions(),
		a.tupleStores(), a.storeModels(), a.tuples(), a.questions(), a.trials(), a.scopes(), a.consents(), a.auditLog(), a.signingKeys(), a.tenants(), a.contract(),
		a.account(), a.accountSessions(), a.accountKeys(), a.accountThings(),
	} {
		all = append(all, part...)
	}
	return all
}

// administers declares an endpoint of /api. pattern is method and path, as in "GET /api/users".
func administers(pattern, name string, action access.Action, group, summary string) rest.Endpoint {
	method, path, _ := strings.Cut(pattern, " ")
	return rest.Endpoint{
		Route: edge.Route{Method: method, Path: path, Name: name, Access: edge.Needs(action), CORS: edge.TenantOrigins},
		Group: group, Summary: summary, Errors: refusals(method),
	}
}

// owns declares an endpoint of /account.
func owns(pattern, name string, action access.Action, summary string) rest.Endpoint {
	method, path, _ := strings.Cut(pattern, " ")
	return rest.Endpoint{
		Route: edge.Route{Method: method, Path: path, Name: name, Access: edge.Own(action)},
		Group: "Own account", Summary: summary, Errors: refusals(method),
	}
}

// refusals are what every endpoint may say: that there is no such account or tenant, that the caller
// may not, and for a change that somebody else was faster.
func refusals(method string) []errs.Kind {
	if method == http.MethodGet {
		return []errs.Kind{errs.NotFound, errs.Denied}
	}
	return []errs.Kind{errs.NotFound, errs.Denied, errs.Conflict}
}

// within names the tenant that a platform administrator means. Every input of /api embeds it.
type within struct {
	Tenant string `query:"tenant" max:"40" pattern:"^[a-z0-9-]+$" doc:"for administrators of the platform: the tenant that is meant; left out: the one of this address"`
}

func (w within) named() id.Tenant { return id.Tenant(w.Tenant) }

// endpoint is an endpoint of /api that is a plain function.
func endpoint[In interface{ named() id.Tenant }, Out any](a *API, e rest.Endpoint, f func(context.Context, access.Caller, In) (Out, error)) rest.Operation {
	return rest.Handle(e, func(ctx context.Context, c access.Caller, in In) (Out, error) {
		c, err := a.about(ctx, c, in.named())
		if err != nil {
			return *new(Out), err
		}
		return f(ctx, c, in)
	})
}

// about turns the caller to the tenant that it has named. Whether it may do anything there is decided
// by the guard, as always; here it is only found out whether there is such a tenant for this caller.
func (a *API) about(ctx context.Context, c access.Caller, named id.Tenant) (access.Caller, error) {
	switch {
	case named == "" || named == c.Tenant():
		return c, nil
	case c.Home() != id.System:
		return c, errs.Missing("tenant")
	}
	if _, err := a.Tenants.View(ctx, named); err != nil {
		return c, err
	}
	return c.For(named), nil
}

// status is e with another status of success.
func status(e rest.Endpoint, code int) rest.Endpoint {
	e.Status = code
	return e
}

// refusing is e with refusals that its declaration does not show.
func refusing(e rest.Endpoint, kinds ...errs.Kind) rest.Endpoint {
	e.Errors = append(slices.Clip(e.Errors), kinds...)
	return e
}

// paging is what every list reads.
type paging struct {
	Limit  int    `query:"limit" min:"1" max:"500" doc:"items on a page; default 50"`
	Cursor string `query:"cursor" max:"4096" doc:"next of the page before"`
}

func (p paging) request() page.Request { return page.Request{Limit: p.Limit, Cursor: p.Cursor} }

// many is a list that is never long enough to be cut.
type many[T any] struct {
	Items []T `json:"items"`
}

func collect[A, B any](in []A, err error, f func(A) B) (many[B], error) {
	if err != nil {
		return many[B]{}, err
	}
	out := many[B]{Items: make([]B, len(in))}
	for i, a := range in {
		out.Items[i] = f(a)
	}
	return out, nil
}

// turned is a page in the words of the contract, with the error that came with it.
func turned[A, B any](p page.Page[A], err error, f func(A) B) (page.Page[B], error) {
	if err != nil {
		return page.Page[B]{}, err
	}
	return page.Map(p, f), nil
}

// one is an answer in the words of the contract, with the error that came with it.
func one[A, B any](a *A, err error, f func(*A) B) (B, error) {
	if err != nil {
		return *new(B), err
	}
	return f(a), nil
}

// done is the answer to what has nothing to say.
func done(err error) (rest.None, error) { return rest.None{}, err }

// seconds is a span of time as the contract counts it.
func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

package app

import (
	"context"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/httpapi/oidc"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/authenticate"
	"github.com/cardea-auth/cardea/internal/oauth/authorize"
	"github.com/cardea-auth/cardea/internal/oauth/clientauth"
	"github.com/cardea-auth/cardea/internal/oauth/clients"
	"github.com/cardea-auth/cardea/internal/oauth/codes"
	"github.com/cardea-auth/cardea/internal/oauth/consent"
	"github.com/cardea-auth/cardea/internal/oauth/grants"
	"github.com/cardea-auth/cardea/internal/oauth/introspect"
	"github.com/cardea-auth/cardea/internal/oauth/logout"
	"github.com/cardea-auth/cardea/internal/oauth/refresh"
	"github.com/cardea-auth/cardea/internal/oauth/revocations"
	"github.com/cardea-auth/cardea/internal/oauth/revoke"
	"github.com/cardea-auth/cardea/internal/oauth/scopes"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
	"github.com/cardea-auth/cardea/internal/store"
)

// OAuth is the provider.
type OAuth struct {
	Clients       *clients.Clients
	Consents      *consent.Consents
	Scopes        *scopes.Catalogue
	Board         *revocations.Board
	Families      *refresh.Families
	Codes         *codes.Codes
	Reader        *tokens.Reader
	Issuer        *tokens.Issuer
	ClientAuth    *clientauth.Authenticator
	Authorizer    *authorize.Authorizer
	Introspector  *introspect.Introspector
	Revoker       *revoke.Revoker
	Logout        *logout.Logout
	Authenticator *authenticate.Authenticator
}

func (a *App) wireOAuth() error {
	db, guard, w := a.DB, a.Guard, world{a}
	o := &a.OAuth
	o.Clients = clients.New(db, guard, a.Revocations)
	o.Consents = consent.New(db, guard, a.Revocations)
	o.Scopes = scopes.New(db, guard, o.Clients, nil)
	o.Board = revocations.NewBoard(a.Revocations, worldTenants(w), a.Now)
	o.Families = refresh.New(refresh.Config{DB: db, Guard: guard, Board: o.Board, Clients: o.Clients, Owners: worldUsers(w)})
	a.Sessions.Offline = o.Families
	o.Codes = codes.New(db, guard, o.Board, o.Families)
	all := tokens.World{
		Tenants: worldTenants(w), Clients: o.Clients, Users: worldUsers(w), Sessions: worldSessions(w),
		Organisations: worldOrgs(w), Consents: o.Consents,
	}
	opaque := tokens.NewOpaque(db)
	o.Reader = tokens.NewReader(tokens.ReaderConfig{World: all, Opaque: opaque, Verifier: a.Keys, Board: o.Board, Now: a.Now})
	o.Issuer = tokens.NewIssuer(tokens.IssuerConfig{
		DB: db, Guard: guard, World: all, Families: o.Families, Opaque: opaque, Signer: a.Keys.Tokens(), Activity: a.activity,
	})
	o.ClientAuth = clientauth.New(clientauth.Config{
		DB: db, Guard: guard, Clients: o.Clients, Tenants: worldTenants(w), KeySets: keySets{a.Egress},
	})
	o.Authorizer = authorize.New(authorize.Config{
		Now: a.Now, Sealer: a.house.sealer, World: all, Reader: o.Reader, Codes: o.Codes, Consents: o.Consents, Scopes: o.Scopes,
		Strongest: flow.Strongest(a.Flows.Steps),
	})
	o.Introspector = introspect.New(introspect.Config{Reader: o.Reader, World: all, Families: o.Families, Now: a.Now, Activity: a.activity})
	o.Revoker = revoke.New(revoke.Config{DB: db, Guard: guard, Reader: o.Reader, Families: o.Families, Board: o.Board})
	o.Logout = logout.New(logout.Config{Reader: o.Reader, Clients: o.Clients, Sessions: worldSessions(w)})
	o.Authenticator = authenticate.New(authenticate.Config{Reader: o.Reader, Sessions: foundSessions{a}, APIKeys: foundKeys{a}})
	return nil
}

// activity counts what happens all the time.
func (a *App) activity(t id.Tenant, name string) {
	a.tally.note(name)
	a.Audit.Count(t, name, 1)
}

// ownClient is the client of our own pages: it exchanges the session cookie for a short token.
const ownClient = "cardea-console"

// ensureOwnClients makes the clients that belong to the product.
func (a *App) ensureOwnClients(ctx context.Context, t id.Tenant) error {
	_, err := a.Clients.Ensure(ctx, access.System(t, "start"), oauth.Client{
		Meta: store.Meta{ID: ownClient}, Name: "Cardea", Type: oauth.SPA, Auth: oauth.AuthNone, FirstParty: true,
		Grants: []oauth.GrantType{oauth.GrantSession}, Scopes: oauth.Scopes{access.ScopeAccount, access.ScopeAdmin},
		AccessLife: 300,
	})
	return err
}

// ownToken exchanges the caller's session for a short token for our own API.
func (a *App) ownToken(ctx context.Context, c access.Caller) (tokens.Minted, error) {
	own, err := a.ClientAuth.Authenticate(ctx, c, clientauth.Attempt{ClientID: ownClient})
	if err != nil {
		return tokens.Minted{}, err
	}
	return a.OAuth.Issuer.Issue(ctx, c, own, grants.Session{}, tokens.Request{})
}

// requests finds the flow that an authorization request needs.
type requests struct{ a *App }

// Opening implements browser.Requests.
func (r requests) Opening(ctx context.Context, c access.Caller, handle string) (flow.Opening, error) {
	next, err := r.a.Authorizer.Resume(ctx, c, handle, authorize.Choice{})
	if err != nil {
		if oauth.CodeOf(err) != "" {
			err = errs.Wrap(errs.NotFound, err, "request_expired", "This request is too old; go back to the application.")
		}
		return flow.Opening{}, err
	}
	o := flow.Opening{Kind: flow.SignIn, ReturnTo: oidc.Resume(handle)}
	if next.Need == nil {
		return o, nil
	}
	o.Want, o.Hint, o.ReturnTo = next.Need.Want, next.Need.Hint, oidc.Resume(next.Need.Handle)
	if next.Need.Client != nil {
		o.Client = next.Need.Client.ID
	}
	switch next.Need.Kind {
	case authorize.StepUp:
		o.Kind = flow.StepUp
	case authorize.SignUp:
		o.Kind = flow.SignUp
	}
	return o, nil
}

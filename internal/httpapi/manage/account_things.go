package manage

import (
	"context"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/consent"
	"github.com/cardea-auth/cardea/internal/oauth/scopes"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// Acceptance accepts an invitation.
type Acceptance struct {
	Token string `json:"token" max:"256" doc:"from the link in the mail"`
}

// OwnConsent is what the caller has allowed an application, in words.
type OwnConsent struct {
	Client string    `json:"client_id"`
	Name   string    `json:"client_name" doc:"empty if the application is gone"`
	URI    string    `json:"client_uri,omitzero"`
	Scopes []Scope   `json:"scopes"`
	Given  time.Time `json:"given" doc:"when you last agreed"`
}

// Membership is an organisation that the caller belongs to.
type Membership struct {
	Org    string    `json:"org"`
	Name   string    `json:"name"`
	Joined time.Time `json:"joined"`
}

// Offer is an invitation to the caller's verified address.
type Offer struct {
	ID      string    `json:"id"`
	Org     string    `json:"org"`
	Name    string    `json:"name" doc:"of the organisation"`
	Role    string    `json:"role,omitzero" doc:"role in the organisation that comes with it"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

func (a *API) accountSessions() []rest.Operation {
	return []rest.Operation{
		own(owns("GET /account/sessions", "account.sessions", "session.read", "List the browsers that are signed in"),
			func(ctx context.Context, c access.Caller, me string, _ rest.None) (many[Session], error) {
				all, err := a.Sessions.List(ctx, c, me)
				return collect(all, err, showSession(c))
			}),
		own(owns("DELETE /account/sessions", "account.end_other_sessions", "session.revoke", "Sign out everywhere else"),
			func(ctx context.Context, c access.Caller, me string, _ rest.None) (Ended, error) {
				n, err := a.Sessions.RevokeAll(ctx, c, me)
				return Ended{n}, err
			}),
		ownWith(owns("DELETE /account/sessions/{session}", "account.end_session", "session.revoke", "Sign out one browser"), a.endSession),
	}
}

// endSession ends a session of the caller's own. An administrator may end those of others too, but not
// here: an id that is looked up below /account belongs to the account, or to nobody.
func (a *API) endSession(x *edge.Exchange, c access.Caller, me string, in sessionPath) (rest.None, error) {
	all, err := a.Sessions.List(x.R.Context(), c, me)
	if err != nil {
		return rest.None{}, err
	}
	for _, s := range all {
		if s.ID != in.Session {
			continue
		}
		if err := a.Sessions.Revoke(x.R.Context(), c, s.ID); err != nil {
			return rest.None{}, err
		}
		if s.ID == c.Proof().Session {
			x.Cookies().ClearSession(x.Header(), x.Site.Tenant)
		}
		return rest.None{}, nil
	}
	return rest.None{}, errs.Missing("session")
}

func (a *API) accountKeys() []rest.Operation {
	return []rest.Operation{
		rest.Handle(owns("GET /account/apikeys", "account.apikeys", "apikey.read", "List API keys"),
			func(ctx context.Context, c access.Caller, in struct{ paging }) (page.Page[APIKey], error) {
				p, err := a.APIKeys.List(ctx, c, c.Subject(), in.request())
				return turned(p, err, showAPIKey)
			}),
		rest.Handle(status(owns("POST /account/apikeys", "account.create_apikey", "apikey.create", "Make an API key"), http.StatusCreated),
			func(ctx context.Context, c access.Caller, in struct {
				Body NewAPIKey `body:"json"`
			}) (CreatedAPIKey, error) {
				return showCreatedAPIKey(a.APIKeys.Create(ctx, c, in.Body.of(c.Subject())))
			}),
		rest.Handle(owns("POST /account/apikeys/{apikey}/rotate", "account.rotate_apikey", "apikey.create", "Make the successor of an API key"),
			func(ctx context.Context, c access.Caller, in struct {
				apiKeyPath
				Body Rotation `body:"json"`
			}) (CreatedAPIKey, error) {
				if err := a.ownKey(ctx, c, in.Key); err != nil {
					return CreatedAPIKey{}, err
				}
				return showCreatedAPIKey(a.APIKeys.Rotate(ctx, c, in.Key, seconds(in.Body.Overlap)))
			}),
		rest.Handle(owns("DELETE /account/apikeys/{apikey}", "account.revoke_apikey", "apikey.revoke", "End an API key at once"),
			func(ctx context.Context, c access.Caller, in apiKeyPath) (rest.None, error) {
				if err := a.ownKey(ctx, c, in.Key); err != nil {
					return rest.None{}, err
				}
				return done(a.APIKeys.Revoke(ctx, c, in.Key))
			}),
		rest.Handle(owns("GET /account/scopes", "account.scopes", "apikey.read", "List the scopes that an API key can have"),
			func(ctx context.Context, c access.Caller, _ rest.None) (many[Scope], error) {
				all, err := a.Scopes.OfKeys(ctx, c)
				return collect(all, err, describedScope)
			}),
	}
}

// ownKey refuses a key that is not the caller's own as if it did not exist.
func (a *API) ownKey(ctx context.Context, c access.Caller, public string) error {
	k, err := a.APIKeys.Get(ctx, c, public)
	if err == nil && k.Owner() != c.Subject() || errs.CodeOf(err) == "permission_missing" {
		return errs.Missing("API key")
	}
	return err
}

// accountThings are what belongs to the account besides.
func (a *API) accountThings() []rest.Operation {
	return []rest.Operation{
		own(owns("GET /account/roles", "account.roles", "role.read", "List the roles given directly to the account"),
			func(ctx context.Context, c access.Caller, me string, _ rest.None) (many[Assignment], error) {
				return a.rolesOf(ctx, c, access.User(me))
			}),
		own(owns("GET /account/events", "account.events", "audit.read", "List what has happened to the account, newest first"),
			func(ctx context.Context, c access.Caller, me string, in struct{ paging }) (page.Page[OwnEvent], error) {
				p, err := a.Audit.OfPerson(ctx, c, me, in.request())
				return turned(p, err, showOwnEvent(me))
			}),
		own(owns("GET /account/consents", "account.consents", "consent.read", "List what applications were allowed"), a.ownConsents),
		own(owns("DELETE /account/consents/{client}", "account.revoke_consent", "consent.revoke", "Take back what an application was allowed"),
			func(ctx context.Context, c access.Caller, me string, in clientPath) (rest.None, error) {
				return done(a.Consents.Take(ctx, c, me, in.id()))
			}),
		own(owns("GET /account/orgs", "account.orgs", "member.read", "List memberships"), a.memberships),
		own(owns("DELETE /account/orgs/{org}", "account.leave_org", "member.leave", "Leave an organisation"),
			func(ctx context.Context, c access.Caller, me string, in orgPath) (rest.None, error) {
				return done(a.leave(ctx, c, in.Org, me))
			}),
		own(owns("GET /account/invitations", "account.invitations", "member.read", "List invitations that can be accepted"), a.offers),
		own(status(owns("POST /account/invitations", "account.accept_invitation", "invitation.accept", "Accept an invitation, by the link in the mail"), http.StatusCreated), a.accept),
		own(status(owns("POST /account/invitations/{invitation}/accept", "account.accept_offer", "invitation.accept", "Accept an invitation of the list"), http.StatusCreated), a.acceptOffer),
		own(owns("POST /account/invitations/{invitation}/decline", "account.decline_offer", "invitation.decline", "Decline an invitation of the list"),
			func(ctx context.Context, c access.Caller, me string, in invitationPath) (rest.None, error) {
				address, err := a.verifiedAddress(ctx, c, me)
				if err != nil {
					return rest.None{}, err
				}
				return done(a.Organisations.Decline(ctx, c, in.Invitation, address))
			}),
	}
}

func (a *API) ownConsents(ctx context.Context, c access.Caller, me string, in struct{ paging }) (page.Page[OwnConsent], error) {
	p, err := a.Consents.List(ctx, c, me, in.request())
	if err != nil {
		return page.Page[OwnConsent]{}, err
	}
	out := page.Page[OwnConsent]{Items: make([]OwnConsent, len(p.Items)), Next: p.Next}
	for i, x := range p.Items {
		if out.Items[i], err = a.showOwnConsent(ctx, c.Tenant(), x); err != nil {
			return page.Page[OwnConsent]{}, err
		}
	}
	return out, nil
}

// showOwnConsent names the application and says what it may do.
func (a *API) showOwnConsent(ctx context.Context, t id.Tenant, x *consent.Consent) (OwnConsent, error) {
	client, err := a.Clients.Standing(ctx, t, x.Client)
	if errs.Is(err, errs.NotFound) {
		client, err = &oauth.Client{}, nil
	}
	if err != nil {
		return OwnConsent{}, err
	}
	words, err := a.Scopes.Describe(ctx, t, x.Scopes)
	all, err := collect(words, err, describedScope)
	return OwnConsent{Client: string(x.Client), Name: client.Name, URI: client.URI, Scopes: all.Items, Given: x.Given}, err
}

func describedScope(d scopes.Described) Scope { return Scope{Name: d.Name, Words: d.Words} }

func (a *API) memberships(ctx context.Context, c access.Caller, me string, in struct{ paging }) (page.Page[Membership], error) {
	p, err := a.Organisations.Of(ctx, c, me, in.request())
	if err != nil {
		return page.Page[Membership]{}, err
	}
	names, err := orgNames(ctx, a, c.Tenant(), p.Items, func(m *tenant.Member) string { return m.Org })
	return turned(p, err, func(m *tenant.Member) Membership { return Membership{Org: m.Org, Name: names[m.Org], Joined: m.Joined} })
}

func (a *API) offers(ctx context.Context, c access.Caller, me string, _ rest.None) (many[Offer], error) {
	address, err := a.verifiedAddress(ctx, c, me)
	if err != nil {
		return many[Offer]{}, err
	}
	all, err := a.Organisations.Offers(ctx, c, address)
	if err != nil {
		return many[Offer]{}, err
	}
	names, err := orgNames(ctx, a, c.Tenant(), all, func(i *tenant.Invitation) string { return i.Org })
	return collect(all, err, func(i *tenant.Invitation) Offer {
		return Offer{ID: i.Public, Org: i.Org, Name: names[i.Org], Role: i.Role, Created: i.Created, Expires: i.Expires}
	})
}

// orgNames are the names of the organisations that items are about; one that is gone meanwhile has none.
func orgNames[T any](ctx context.Context, a *API, t id.Tenant, items []T, org func(T) string) (map[string]string, error) {
	ids := make([]string, len(items))
	for i, item := range items {
		ids[i] = org(item)
	}
	orgs, err := a.Organisations.ByID(ctx, t, ids)
	names := make(map[string]string, len(orgs))
	for key, o := range orgs {
		names[key] = o.Name
	}
	return names, err
}

// acceptOffer takes an invitation without the link: the verified address proves as much.
func (a *API) acceptOffer(ctx context.Context, c access.Caller, me string, in invitationPath) (Member, error) {
	address, err := a.verifiedAddress(ctx, c, me)
	if err != nil {
		return Member{}, err
	}
	m, err := a.Organisations.AcceptOffer(ctx, c, in.Invitation, address, a.roleOfMember(c.Tenant(), me))
	return one(m, err, showMember)
}

// accept takes an invitation to the caller's own verified address. An address that nobody has
// verified is none.
func (a *API) accept(ctx context.Context, c access.Caller, me string, in struct {
	Body Acceptance `body:"json"`
}) (Member, error) {
	address, err := a.verifiedAddress(ctx, c, me)
	if err != nil {
		return Member{}, err
	}
	m, err := a.Organisations.Accept(ctx, c, in.Body.Token, address, a.roleOfMember(c.Tenant(), me))
	return one(m, err, showMember)
}

// verifiedAddress is the caller's own address in its canonical form; empty while nobody has verified it.
func (a *API) verifiedAddress(ctx context.Context, c access.Caller, me string) (string, error) {
	u, err := a.Accounts.Get(ctx, c, me)
	if err != nil || u.EmailVerified.IsZero() {
		return "", err
	}
	return string(u.EmailKey), nil
}

// roleOfMember gives the role that an invitation promised.
func (a *API) roleOfMember(t id.Tenant, me string) tenant.Give {
	return func(ctx context.Context, i *tenant.Invitation) (store.Batch, error) {
		return a.Decisions.Promised(ctx, t, me, authz.Assignment{Role: i.Role, Org: i.Org}, i.Created)
	}
}

package manage

import (
	"context"
	"net/http"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Acceptance accepts an invitation.
type Acceptance struct {
	Token string `json:"token" max:"256" doc:"from the link in the mail"`
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
		own(owns("GET /account/consents", "account.consents", "consent.read", "List what applications were allowed"),
			func(ctx context.Context, c access.Caller, me string, in struct{ paging }) (page.Page[Consent], error) {
				p, err := a.Consents.List(ctx, c, me, in.request())
				return turned(p, err, showConsent)
			}),
		own(owns("DELETE /account/consents/{client}", "account.revoke_consent", "consent.revoke", "Take back what an application was allowed"),
			func(ctx context.Context, c access.Caller, me string, in clientPath) (rest.None, error) {
				return done(a.Consents.Take(ctx, c, me, in.id()))
			}),
		own(owns("GET /account/orgs", "account.orgs", "member.read", "List memberships"),
			func(ctx context.Context, c access.Caller, me string, in struct{ paging }) (page.Page[Member], error) {
				p, err := a.Organisations.Of(ctx, c, me, in.request())
				return turned(p, err, showMember)
			}),
		own(owns("DELETE /account/orgs/{org}", "account.leave_org", "member.leave", "Leave an organisation"),
			func(ctx context.Context, c access.Caller, me string, in orgPath) (rest.None, error) {
				return done(a.leave(ctx, c, in.Org, me))
			}),
		own(status(owns("POST /account/invitations", "account.accept_invitation", "invitation.accept", "Accept an invitation"), http.StatusCreated), a.accept),
	}
}

// accept takes an invitation to the caller's own verified address. An address that nobody has
// verified is none.
func (a *API) accept(ctx context.Context, c access.Caller, me string, in struct {
	Body Acceptance `body:"json"`
}) (Member, error) {
	u, err := a.Accounts.Get(ctx, c, me)
	if err != nil {
		return Member{}, err
	}
	canonical := ""
	if !u.EmailVerified.IsZero() {
		canonical = string(u.EmailKey)
	}
	m, err := a.Organisations.Accept(ctx, c, in.Body.Token, canonical, func(org, role string) []store.TupleOp { return authz.RoleTuples(me, org, role) })
	return one(m, err, showMember)
}

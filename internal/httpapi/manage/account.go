package manage

import (
	"context"
	"net/http"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
)

// NewPassword is a password that its owner has chosen.
type NewPassword struct {
	Password secret.Value `json:"password" max:"1024"`
}

// Acceptance accepts an invitation.
type Acceptance struct {
	Token string `json:"token" max:"256" doc:"from the link in the mail"`
}

// user is whose account an endpoint of /account is about: the caller's own.
func user(c access.Caller) (string, error) {
	if c.UserID() == "" {
		return "", errs.New(errs.Denied, "permission_missing", "Only a person has an account of its own.")
	}
	return c.UserID(), nil
}

// own declares an endpoint that does something to the caller's own account.
func own[In, Out any](e rest.Endpoint, f func(ctx context.Context, c access.Caller, me string, in In) (Out, error)) rest.Operation {
	return rest.Handle(e, func(ctx context.Context, c access.Caller, in In) (Out, error) {
		me, err := user(c)
		if err != nil {
			return *new(Out), err
		}
		return f(ctx, c, me, in)
	})
}

func (a *API) account() []rest.Operation {
	return []rest.Operation{
		own(owns("GET /account/profile", "account.get", "user.read", "Read the account"),
			func(ctx context.Context, c access.Caller, me string, _ rest.None) (User, error) {
				u, err := a.Accounts.Get(ctx, c, me)
				return one(u, err, showUser)
			}),
		own(owns("PATCH /account/profile", "account.update", "user.update", "Change the profile"),
			func(ctx context.Context, c access.Caller, me string, in struct {
				Body Profile `body:"json"`
			}) (User, error) {
				u, err := a.Accounts.Update(ctx, c, me, identity.Profile(in.Body))
				return one(u, err, showUser)
			}),
		own(owns("PUT /account/email", "account.change_email", "user.change_email", "Mail a link that changes the address"),
			func(ctx context.Context, c access.Caller, me string, in struct {
				Body Address `body:"json"`
			}) (rest.None, error) {
				return done(a.Accounts.ChangeEmail(ctx, c, me, in.Body.Email))
			}),
		rest.HandleWith(owns("PUT /account/password", "account.change_password", "user.change_password", "Choose a new password; all other sessions end"), a.changePassword),
		rest.HandleWith(owns("DELETE /account", "account.delete", "user.delete", "Delete the account for good"), a.deleteAccount),
		own(owns("GET /account/sessions", "account.sessions", "session.read", "List the browsers that are signed in"),
			func(ctx context.Context, c access.Caller, me string, _ rest.None) (many[Session], error) {
				all, err := a.Sessions.List(ctx, c, me)
				return collect(all, showSession(c)), err
			}),
		own(owns("DELETE /account/sessions", "account.end_other_sessions", "session.revoke", "Sign out everywhere else"),
			func(ctx context.Context, c access.Caller, me string, _ rest.None) (Ended, error) {
				n, err := a.Sessions.RevokeAll(ctx, c, me)
				return Ended{n}, err
			}),
		own(owns("DELETE /account/sessions/{session}", "account.end_session", "session.revoke", "Sign out one browser"),
			func(ctx context.Context, c access.Caller, _ string, in sessionPath) (rest.None, error) {
				return done(a.Sessions.Revoke(ctx, c, in.Session))
			}),
	}
}

// changePassword gives the browser the session that goes on after all others have ended.
func (a *API) changePassword(x *edge.Exchange, c access.Caller, in struct {
	Body NewPassword `body:"json"`
}) (rest.None, error) {
	me, err := user(c)
	if err != nil {
		return rest.None{}, err
	}
	r, err := a.Accounts.ChangePassword(x.R.Context(), c, me, in.Body.Password)
	if err == nil && x.Credential.Kind == credential.Session {
		renew(x, r)
	}
	return done(err)
}

func renew(x *edge.Exchange, r flow.Result) {
	if !r.Session.Empty() {
		x.Cookies().SetSession(x.Header(), x.Site.Tenant, r.Session, r.Expires.Sub(x.Now()))
	}
}

func (a *API) deleteAccount(x *edge.Exchange, c access.Caller, _ rest.None) (rest.None, error) {
	me, err := user(c)
	if err != nil {
		return rest.None{}, err
	}
	if err := a.Accounts.Delete(x.R.Context(), c, me); err != nil {
		return rest.None{}, err
	}
	x.Cookies().ClearSession(x.Header(), x.Site.Tenant)
	x.Cookies().Clear(x.Header(), credential.DeviceCookie, x.Site.Tenant)
	x.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	return rest.None{}, nil
}

// accountThings are what belongs to the account.
func (a *API) accountThings() []rest.Operation {
	return []rest.Operation{
		own(owns("GET /account/keys", "account.keys", "apikey.read", "List API keys"),
			func(ctx context.Context, c access.Caller, me string, in struct{ paging }) (page.Page[APIKey], error) {
				p, err := a.APIKeys.List(ctx, c, access.User(me), in.request())
				return turned(p, err, showKey)
			}),
		own(status(owns("POST /account/keys", "account.create_key", "apikey.create", "Make an API key"), http.StatusCreated),
			func(ctx context.Context, c access.Caller, me string, in struct {
				Body NewKey `body:"json"`
			}) (CreatedKey, error) {
				return showCreatedKey(a.APIKeys.Create(ctx, c, in.Body.of(access.User(me))))
			}),
		own(owns("DELETE /account/keys/{key}", "account.revoke_key", "apikey.revoke", "End an API key at once"),
			func(ctx context.Context, c access.Caller, _ string, in keyPath) (rest.None, error) {
				return done(a.APIKeys.Revoke(ctx, c, in.Key))
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

package manage

import (
	"context"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/httpapi/browser"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// NewPassword is a password that its owner has chosen.
type NewPassword struct {
	Current  secret.Value `json:"current,omitzero" max:"1024" doc:"needed if the account has a password"`
	Password secret.Value `json:"password" max:"1024"`
}

// Draft is a password while it is being typed.
type Draft struct {
	Password secret.Value `json:"password" max:"1024"`
	Words    []string     `json:"words,omitzero" max:"16" doc:"what a guesser would try first: the address, the name"`
}

// Strength says how good a password would be.
type Strength struct {
	Score    int          `json:"score" doc:"0: guessed at once, to 4: beyond reach"`
	Reason   string       `json:"reason,omitzero" doc:"what makes it weak"`
	Accepted bool         `json:"accepted" doc:"whether it could be set"`
	Problems []errs.Field `json:"problems,omitzero" doc:"the rules that forbid it"`
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
	return ownWith(e, func(x *edge.Exchange, c access.Caller, me string, in In) (Out, error) {
		return f(x.R.Context(), c, me, in)
	})
}

// ownWith is own for a function that also sets cookies.
func ownWith[In, Out any](e rest.Endpoint, f func(x *edge.Exchange, c access.Caller, me string, in In) (Out, error)) rest.Operation {
	return rest.HandleWith(e, func(x *edge.Exchange, c access.Caller, in In) (Out, error) {
		me, err := user(c)
		if err != nil {
			return *new(Out), err
		}
		return f(x, c, me, in)
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
		ownWith(owns("PUT /account/password", "account.change_password", "user.change_password", "Choose a new password; all other sessions end"), a.changePassword),
		a.judge(),
		own(owns("POST /account/export", "account.export", "user.export", "Export all that is stored about the account"),
			func(ctx context.Context, c access.Caller, me string, _ rest.None) (Export, error) {
				return a.Export(ctx, c, me)
			}),
		ownWith(owns("DELETE /account", "account.delete", "user.delete", "Delete the account for good"), a.deleteAccount),
	}
}

// changePassword gives the browser the session that goes on after all others have ended. Whoever came
// with a token gets none: a token with a few scopes must not become a session, which has no limit.
func (a *API) changePassword(x *edge.Exchange, c access.Caller, me string, in struct {
	Body NewPassword `body:"json"`
}) (rest.None, error) {
	inBrowser := x.Credential.Kind == credential.Session
	if !inBrowser {
		c = withoutSession(c)
	}
	r, err := a.Accounts.ChangePassword(x.R.Context(), c, me, in.Body.Current, in.Body.Password)
	if err == nil && inBrowser {
		browser.SetSession(x, flow.Result{Session: r.Session, Expires: r.Expires})
	}
	return done(err)
}

// withoutSession is the same caller, who does not go on in a browser.
func withoutSession(c access.Caller) access.Caller {
	p := c.Proof()
	p.Session = ""
	return access.Authenticated(c.Tenant(), c.Subject(), p, c.Origin())
}

func (a *API) deleteAccount(x *edge.Exchange, c access.Caller, me string, _ rest.None) (rest.None, error) {
	if err := a.Accounts.Delete(x.R.Context(), c, me); err != nil {
		return rest.None{}, err
	}
	forget(x)
	return rest.None{}, nil
}

// forget tells the browser that it knows nobody here any more.
func forget(x *edge.Exchange) {
	x.Cookies().ClearSession(x.Header(), x.Site.Tenant)
	x.Cookies().Clear(x.Header(), credential.DeviceCookie, x.Site.Tenant)
	x.Header().Set("Clear-Site-Data", `"cache", "storage"`)
}

// judge declares the endpoint that tells a page how good a password is while somebody types it. It
// reads no credential, stores nothing and looks nothing up, so who signs up can use it too.
func (a *API) judge() rest.Operation {
	e := owns("POST /account/password/strength", "account.password_strength", "", "Say how good a password would be")
	e.Access = edge.Open("the password is judged and forgotten; nothing is stored or looked up")
	return rest.Handle(e, func(_ context.Context, _ access.Caller, in struct {
		Body Draft `body:"json"`
	}) (Strength, error) {
		estimate := password.Strength(in.Body.Password, in.Body.Words...)
		s := Strength{Score: estimate.Score, Reason: string(estimate.Reason), Accepted: true}
		if err := a.Passwords.Check(in.Body.Password, password.About{Alone: true, Words: in.Body.Words}); err != nil {
			s.Accepted, s.Problems = false, errs.From(err).Fields
		}
		return s, nil
	})
}

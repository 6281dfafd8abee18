package manage

import (
	"context"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// User is an account.
type User struct {
	ID            string    `json:"id" doc:"sub in tokens; never used again"`
	Email         string    `json:"email,omitzero"`
	EmailVerified bool      `json:"email_verified"`
	Name          string    `json:"name,omitzero"`
	Locale        string    `json:"locale,omitzero" doc:"BCP 47 language tag"`
	State         string    `json:"state" enum:"active,unverified,disabled"`
	Created       time.Time `json:"created"`
	Flagged       time.Time `json:"flagged,omitzero" doc:"when a stolen token of the account was last noticed"`
}

func showUser(u *identity.User) User {
	return User{
		ID: u.ID, Email: u.Email, EmailVerified: !u.EmailVerified.IsZero(), Name: u.Name, Locale: u.Locale,
		State: string(u.State()), Created: u.Created, Flagged: u.Flagged,
	}
}

// NewUser is an account to be opened.
type NewUser struct {
	Email    string       `json:"email" format:"email" max:"254"`
	Name     string       `json:"name,omitzero" max:"200"`
	Password secret.Value `json:"password,omitzero" max:"1024" doc:"left out: the person chooses one by recovery"`
	Verified bool         `json:"email_verified,omitzero" doc:"you answer for the address"`
}

// Profile is what may be changed of an account; what is left out stays as it is.
type Profile struct {
	Name   *string `json:"name,omitzero" max:"200"`
	Locale *string `json:"locale,omitzero" max:"35"`
}

// Address is a mail address to change to.
type Address struct {
	Email string `json:"email" format:"email" max:"254"`
}

type userPath struct {
	User string `path:"user" max:"64"`
}

type listUsers struct {
	paging
	Email string `query:"email" max:"254" doc:"how the address begins"`
}

type createUser struct {
	Body NewUser `body:"json"`
}

type updateUser struct {
	userPath
	Body Profile `body:"json"`
}

type changeEmail struct {
	userPath
	Body Address `body:"json"`
}

func (a *API) users() []rest.Operation {
	const group = "Users"
	created := status(administers("POST /api/users", "user.create", "user.create", group, "Open an account"), http.StatusCreated)
	created.Errors = []errs.Kind{errs.Conflict}
	return []rest.Operation{
		rest.Handle(administers("GET /api/users", "user.list", "user.read", group, "List accounts"),
			func(ctx context.Context, c access.Caller, in listUsers) (page.Page[User], error) {
				p, err := a.Accounts.List(ctx, c, in.Email, in.request())
				return turned(p, err, showUser)
			}),
		rest.Handle(created, func(ctx context.Context, c access.Caller, in createUser) (User, error) {
			b := in.Body
			u, err := a.Accounts.Create(ctx, c, identity.NewUser{Email: b.Email, Name: b.Name, Password: b.Password, Verified: b.Verified})
			return one(u, err, showUser)
		}),
		rest.Handle(administers("GET /api/users/{user}", "user.get", "user.read", group, "Read an account"),
			func(ctx context.Context, c access.Caller, in userPath) (User, error) {
				u, err := a.Accounts.Get(ctx, c, in.User)
				return one(u, err, showUser)
			}),
		rest.Handle(administers("PATCH /api/users/{user}", "user.update", "user.update", group, "Change an account's profile"),
			func(ctx context.Context, c access.Caller, in updateUser) (User, error) {
				u, err := a.Accounts.Update(ctx, c, in.User, identity.Profile(in.Body))
				return one(u, err, showUser)
			}),
		rest.Handle(administers("DELETE /api/users/{user}", "user.delete", "user.delete", group, "Delete an account for good"),
			func(ctx context.Context, c access.Caller, in userPath) (rest.None, error) {
				return done(a.Accounts.Delete(ctx, c, in.User))
			}),
		rest.Handle(administers("PUT /api/users/{user}/email", "user.change_email", "user.change_email", group, "Mail a link that changes the address of an account"),
			func(ctx context.Context, c access.Caller, in changeEmail) (rest.None, error) {
				return done(a.Accounts.ChangeEmail(ctx, c, in.User, in.Body.Email))
			}),
		a.userState("disable", "Refuse an account and end all that it was given", a.Accounts.Disable),
		a.userState("enable", "Let a disabled account in again", a.Accounts.Enable),
		a.userState("unlock", "Lift the lock that failed sign-ins have put on an account", a.Accounts.Unlock),
	}
}

// userState is an endpoint that changes the state of an account.
func (a *API) userState(verb, summary string, change func(context.Context, access.Caller, string) (*identity.User, error)) rest.Operation {
	e := administers("POST /api/users/{user}/"+verb, "user."+verb, access.Action("user."+verb), "Users", summary)
	return rest.Handle(e, func(ctx context.Context, c access.Caller, in userPath) (User, error) {
		u, err := change(ctx, c, in.User)
		return one(u, err, showUser)
	})
}

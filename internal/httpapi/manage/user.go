package manage

import (
	"context"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/identity"
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
	PasswordAt    time.Time `json:"password_at,omitzero" doc:"when the person last chose a password; left out: there is none, or it was imported"`
	Flagged       time.Time `json:"flagged,omitzero" doc:"when a stolen token of the account was last noticed"`
}

func showUser(u *identity.User) User {
	return User{
		ID: u.ID, Email: u.Email, EmailVerified: !u.EmailVerified.IsZero(), Name: u.Name, Locale: u.Locale,
		State: string(u.State()), Created: u.Created, PasswordAt: u.PasswordAt, Flagged: u.Flagged,
	}
}

// UserDetail is an account, and how long it is locked.
type UserDetail struct {
	User
	LockedFor int64 `json:"locked_for,omitzero" doc:"seconds for which no sign-in from an unknown device is tried, after failures"`
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

// ofUser is the input of what is about a user and needs nothing else.
type ofUser struct {
	within
	userPath
}

// listOfUser is the input of a list of what belongs to a user.
type listOfUser struct {
	ofUser
	paging
}

type listUsers struct {
	within
	paging
	Email string `query:"email" max:"254" doc:"how the address begins"`
}

type createUser struct {
	within
	Body NewUser `body:"json"`
}

type updateUser struct {
	ofUser
	Body Profile `body:"json"`
}

type changeEmail struct {
	ofUser
	Body Address `body:"json"`
}

func (a *API) users() []rest.Operation {
	const group = "Users"
	created := status(administers("POST /api/users", "user.create", "user.create", group, "Open an account"), http.StatusCreated)
	return []rest.Operation{
		endpoint(a, administers("GET /api/users", "user.list", "user.read", group, "List accounts"),
			func(ctx context.Context, c access.Caller, in listUsers) (page.Page[User], error) {
				p, err := a.Accounts.List(ctx, c, in.Email, in.request())
				return turned(p, err, showUser)
			}),
		endpoint(a, created, func(ctx context.Context, c access.Caller, in createUser) (User, error) {
			b := in.Body
			u, err := a.Accounts.Create(ctx, c, identity.NewUser{Email: b.Email, Name: b.Name, Password: b.Password, Verified: b.Verified})
			return one(u, err, showUser)
		}),
		endpoint(a, administers("GET /api/users/{user}", "user.get", "user.read", group, "Read an account"), a.getUser),
		endpoint(a, administers("PATCH /api/users/{user}", "user.update", "user.update", group, "Change an account's profile"),
			func(ctx context.Context, c access.Caller, in updateUser) (User, error) {
				u, err := a.Accounts.Update(ctx, c, in.User, identity.Profile(in.Body))
				return one(u, err, showUser)
			}),
		endpoint(a, administers("DELETE /api/users/{user}", "user.delete", "user.delete", group, "Delete an account for good"),
			func(ctx context.Context, c access.Caller, in ofUser) (rest.None, error) {
				return done(a.Accounts.Delete(ctx, c, in.User))
			}),
		endpoint(a, administers("PUT /api/users/{user}/email", "user.change_email", "user.change_email", group, "Mail a link that changes the address of an account"),
			func(ctx context.Context, c access.Caller, in changeEmail) (rest.None, error) {
				return done(a.Accounts.ChangeEmail(ctx, c, in.User, in.Body.Email))
			}),
		a.userState("disable", "Refuse an account and end all that it was given", a.Accounts.Disable),
		a.userState("enable", "Let a disabled account in again", a.Accounts.Enable),
		a.userState("unlock", "Lift the lock that failed sign-ins have put on an account", a.Accounts.Unlock),
		endpoint(a, administers("POST /api/users/{user}/export", "user.export", "user.export", group, "Export all that is stored about a person"),
			func(ctx context.Context, c access.Caller, in ofUser) (Export, error) {
				return a.Export(ctx, c, in.User)
			}),
	}
}

func (a *API) getUser(ctx context.Context, c access.Caller, in ofUser) (UserDetail, error) {
	u, err := a.Accounts.Get(ctx, c, in.User)
	if err != nil {
		return UserDetail{}, err
	}
	wait, err := a.Accounts.LockedFor(ctx, c, in.User)
	return UserDetail{User: showUser(u), LockedFor: int64((wait + time.Second - 1) / time.Second)}, err
}

// userState is an endpoint that changes the state of an account.
func (a *API) userState(verb, summary string, change func(context.Context, access.Caller, string) (*identity.User, error)) rest.Operation {
	e := administers("POST /api/users/{user}/"+verb, "user."+verb, access.Action("user."+verb), "Users", summary)
	return endpoint(a, e, func(ctx context.Context, c access.Caller, in ofUser) (User, error) {
		u, err := change(ctx, c, in.User)
		return one(u, err, showUser)
	})
}

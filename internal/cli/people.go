package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/consent"
	"github.com/cardea-auth/cardea/internal/session"
	"github.com/cardea-auth/cardea/internal/store"
)

type setupLinkCommand struct{}

func (*setupLinkCommand) run(e *env) error {
	link, err := e.SetUpLink(e.ctx, e.in(id.System))
	if err != nil {
		return err
	}
	return e.print(map[string]string{"link": link}, func(w io.Writer) { fmt.Fprintln(w, link) })
}

type userCommands struct {
	Add     userAdd     `cmd:"" help:"Open an account."`
	List    userList    `cmd:"" help:"List accounts."`
	Show    userShow    `cmd:"" help:"Show an account."`
	Update  userUpdate  `cmd:"" help:"Change an account's profile, or mail a link that changes its address."`
	Export  userExport  `cmd:"" help:"Write all that is stored about a person, as JSON."`
	Consent userConsent `cmd:"" help:"What a person has allowed applications."`
	Disable userDisable `cmd:"" help:"End everything of an account and refuse what would begin."`
	Enable  userEnable  `cmd:"" help:"Let a disabled account sign in again."`
	Unlock  userUnlock  `cmd:"" help:"Let a locked account try again."`
	Delete  userDelete  `cmd:"" help:"Delete an account."`
}

type userAdd struct {
	Email         string `arg:"" help:"Mail address."`
	Name          string `help:"Name."`
	PasswordStdin bool   `help:"Read the password from standard input; without it the person sets one by recovery." xor:"password"`
	HashStdin     bool   `help:"Read the hash of another system (bcrypt, scrypt, PBKDF2, argon2) from standard input; the next sign-in replaces it." xor:"password"`
	Verified      bool   `help:"You answer for the address: no mail is needed."`
	Admin         bool   `help:"Make a platform administrator, in the tenant system."`
}

func (c *userAdd) readsStdin() bool { return c.PasswordStdin || c.HashStdin }

func (c *userAdd) run(e *env) error {
	n := identity.NewUser{Email: c.Email, Name: c.Name, Verified: c.Verified || c.Admin}
	if c.PasswordStdin {
		n.Password = secret.New(strings.TrimRight(e.stdin, "\r\n"))
		if n.Password.Empty() {
			return errs.Bad("password", "is empty: standard input held none")
		}
	}
	if c.HashStdin {
		if n.Hash = password.Hash(strings.TrimSpace(e.stdin)); n.Hash == "" {
			return errs.Bad("hash", "is empty: standard input held none")
		}
	}
	caller := e.caller()
	if !c.Admin {
		u, err := e.Accounts.Create(e.ctx, caller, n)
		if err != nil {
			return err
		}
		return e.done(map[string]any{"id": u.ID, "email": u.Email}, "%s is the account of %s.", u.ID, u.Email)
	}
	caller = e.in(id.System)
	u, err := e.Accounts.CreateAdministrator(e.ctx, caller, n)
	if err != nil {
		return err
	}
	return e.done(map[string]any{"id": u.ID, "email": u.Email, "tenant": id.System}, "%s is a platform administrator, in the tenant %s: %s.", u.Email, id.System, u.ID)
}

// userOut is an account as programs see it.
type userOut struct {
	ID       string             `json:"id"`
	Email    string             `json:"email"`
	Name     string             `json:"name,omitempty"`
	State    identity.Lifecycle `json:"state"`
	Created  time.Time          `json:"created"`
	Verified *time.Time         `json:"email_verified,omitempty"`
	Locked   int64              `json:"locked_seconds,omitempty"`
	Roles    []authz.Assignment `json:"roles,omitempty"`
	May      []string           `json:"permissions,omitempty"`
}

func outUser(u *identity.User) userOut {
	o := userOut{ID: u.ID, Email: u.Email, Name: u.Name, State: u.State(), Created: u.Created}
	if !u.EmailVerified.IsZero() {
		o.Verified = &u.EmailVerified
	}
	return o
}

type userList struct {
	Prefix string `help:"Only addresses that begin so."`
}

func (c *userList) run(e *env) error {
	users, err := all(func(r page.Request) (page.Page[*identity.User], error) {
		return e.Accounts.List(e.ctx, e.caller(), c.Prefix, r)
	})
	if err != nil {
		return err
	}
	out := make([]userOut, len(users))
	for i, u := range users {
		out[i] = outUser(u)
	}
	return e.print(out, func(w io.Writer) {
		table(w, "ID EMAIL STATE NAME", func(row func(...any)) {
			for _, u := range out {
				row(u.ID, u.Email, u.State, u.Name)
			}
		})
	})
}

type userShow struct {
	User string `arg:"" help:"Address or id."`
}

func (c *userShow) run(e *env) error {
	u, err := e.user(c.User)
	if err != nil {
		return err
	}
	out := outUser(u)
	wait, err := e.Accounts.LockedFor(e.ctx, e.caller(), u.ID)
	if err != nil {
		return err
	}
	out.Locked = int64(wait.Seconds())
	if out.Roles, err = e.Decisions.Assignments(e.ctx, e.caller(), store.SubjectRef{Type: access.TypeUser, ID: u.ID}); err != nil {
		return err
	}
	if out.May, err = all(func(r page.Request) (page.Page[string], error) {
		return e.Decisions.Permissions(e.ctx, e.caller().Tenant(), authz.Subject{Type: access.TypeUser, ID: u.ID}, r)
	}); err != nil {
		return err
	}
	return e.print(out, func(w io.Writer) {
		fmt.Fprintf(w, "%s  %s  %s  %s\n", out.ID, visible(out.Email), out.State, visible(out.Name))
		if out.Locked > 0 {
			fmt.Fprintf(w, "locked for %s\n", wait.Round(time.Second))
		}
		for _, r := range out.Roles {
			fmt.Fprintf(w, "role %s%s\n", r.Role, held(r))
		}
		for _, p := range out.May {
			fmt.Fprintf(w, "may %s\n", p)
		}
	})
}

// held says where a role is held.
func held(a authz.Assignment) string {
	switch {
	case a.Org != "":
		return " in org " + a.Org
	case a.Store != "":
		return " on store " + a.Store
	}
	return ""
}

type userUpdate struct {
	User   string  `arg:"" help:"Address or id."`
	Name   *string `help:"Name."`
	Locale *string `help:"Language tag, like en or pt-BR."`
	Email  string  `help:"New address: a link is mailed there, and the address changes when it is opened."`
}

func (c *userUpdate) run(e *env) error {
	u, err := e.user(c.User)
	if err == nil && (c.Name != nil || c.Locale != nil) {
		_, err = e.Accounts.Update(e.ctx, e.caller(), u.ID, identity.Profile{Name: c.Name, Locale: c.Locale})
	}
	if err == nil && c.Email != "" {
		err = e.Accounts.ChangeEmail(e.ctx, e.caller(), u.ID, c.Email)
	}
	if err != nil {
		return err
	}
	if c.Email != "" {
		return e.done(nil, "A link is on its way to %s; until it is opened the address stays %s.", visible(c.Email), u.Email)
	}
	return e.done(nil, "The profile of %s is changed.", u.Email)
}

type userExport struct {
	User string `arg:"" help:"Address or id."`
}

func (c *userExport) run(e *env) error {
	u, err := e.user(c.User)
	if err != nil {
		return err
	}
	data, err := e.ExportUser(e.ctx, e.caller(), u.ID)
	if err != nil {
		return err
	}
	_, err = e.out.Write(append(data, '\n'))
	return err
}

type userConsent struct {
	List   consentList   `cmd:"" help:"List what a person has allowed applications."`
	Revoke consentRevoke `cmd:"" help:"Take back what a person has allowed an application."`
}

type consentList struct {
	User string `arg:"" help:"Address or id."`
}

type consentOut struct {
	Client string    `json:"client_id"`
	Scopes []string  `json:"scopes"`
	Given  time.Time `json:"given"`
}

func (c *consentList) run(e *env) error {
	u, err := e.user(c.User)
	if err != nil {
		return err
	}
	list, err := all(func(r page.Request) (page.Page[*consent.Consent], error) {
		return e.Consents.List(e.ctx, e.caller(), u.ID, r)
	})
	if err != nil {
		return err
	}
	out := make([]consentOut, len(list))
	for i, x := range list {
		out[i] = consentOut{string(x.Client), append([]string{}, x.Scopes...), x.Given}
	}
	return e.print(out, func(w io.Writer) {
		table(w, "CLIENT_ID GIVEN SCOPES", func(row func(...any)) {
			for _, x := range out {
				row(x.Client, x.Given.Format(time.DateOnly), strings.Join(x.Scopes, " "))
			}
		})
	})
}

type consentRevoke struct {
	User   string `arg:"" help:"Address or id."`
	Client string `arg:"" help:"client_id."`
}

func (c *consentRevoke) run(e *env) error {
	u, err := e.user(c.User)
	if err == nil {
		err = e.Consents.Take(e.ctx, e.caller(), u.ID, oauth.ClientID(c.Client))
	}
	if err != nil {
		return err
	}
	return e.done(nil, "%s has no access to the account of %s any more.", visible(c.Client), u.Email)
}

type userDisable struct {
	User string `arg:"" help:"Address or id."`
}

func (c *userDisable) run(e *env) error {
	u, err := e.user(c.User)
	if err == nil {
		_, err = e.Accounts.Disable(e.ctx, e.caller(), u.ID)
	}
	if err != nil {
		return err
	}
	return e.done(nil, "%s is disabled; its sessions and tokens have ended.", u.Email)
}

type userEnable struct {
	User string `arg:"" help:"Address or id."`
}

func (c *userEnable) run(e *env) error {
	u, err := e.user(c.User)
	if err == nil {
		_, err = e.Accounts.Enable(e.ctx, e.caller(), u.ID)
	}
	if err != nil {
		return err
	}
	return e.done(nil, "%s may sign in again.", u.Email)
}

type userUnlock struct {
	User string `arg:"" help:"Address or id."`
}

func (c *userUnlock) run(e *env) error {
	u, err := e.user(c.User)
	if err == nil {
		_, err = e.Accounts.Unlock(e.ctx, e.caller(), u.ID)
	}
	if err != nil {
		return err
	}
	return e.done(nil, "%s may try again at once.", u.Email)
}

type userDelete struct {
	User string `arg:"" help:"Address or id."`
}

func (c *userDelete) run(e *env) error {
	u, err := e.user(c.User)
	if err == nil {
		err = e.Accounts.Delete(e.ctx, e.caller(), u.ID)
	}
	if err != nil {
		return err
	}
	return e.done(nil, "The account of %s is gone.", u.Email)
}

type sessionCommands struct {
	List   sessionList   `cmd:"" help:"List the sessions of somebody, or of everybody."`
	Revoke sessionRevoke `cmd:"" help:"End a session, or all of somebody."`
}

type sessionList struct {
	User string `arg:"" optional:"" help:"Address or id; left out: of everybody, newest first."`
}

type sessionOut struct {
	ID      string    `json:"id"`
	User    string    `json:"user"`
	Device  string    `json:"device,omitempty"`
	Address string    `json:"address,omitempty"`
	Created time.Time `json:"created"`
	Active  time.Time `json:"active"`
}

func (c *sessionList) run(e *env) error {
	live, err := c.live(e)
	if err != nil {
		return err
	}
	out := make([]sessionOut, len(live))
	for i, s := range live {
		out[i] = outSession(s)
	}
	return e.print(out, func(w io.Writer) {
		table(w, "ID USER DEVICE ADDRESS ACTIVE", func(row func(...any)) {
			for _, s := range out {
				row(s.ID, s.User, s.Device, s.Address, s.Active.Format(time.RFC3339))
			}
		})
	})
}

func (c *sessionList) live(e *env) ([]*session.Session, error) {
	if c.User == "" {
		return all(func(r page.Request) (page.Page[*session.Session], error) {
			return e.Sessions.ListAll(e.ctx, e.caller(), r)
		})
	}
	u, err := e.user(c.User)
	if err != nil {
		return nil, err
	}
	return e.Sessions.List(e.ctx, e.caller(), u.ID)
}

func outSession(s *session.Session) sessionOut {
	return sessionOut{ID: s.ID, User: s.User, Device: s.Device(), Address: s.Address, Created: s.Created, Active: s.Active}
}

type sessionRevoke struct {
	Session string `arg:"" help:"Id of a session, or with --all an address or id of a user."`
	All     bool   `help:"All sessions of the user."`
}

func (c *sessionRevoke) run(e *env) error {
	if !c.All {
		if err := e.Sessions.Revoke(e.ctx, e.caller(), c.Session); err != nil {
			return err
		}
		return e.done(nil, "The session has ended.")
	}
	u, err := e.user(c.Session)
	if err != nil {
		return err
	}
	n, err := e.Sessions.RevokeAll(e.ctx, e.caller(), u.ID)
	if err != nil {
		return err
	}
	return e.done(map[string]any{"ended": n}, "%d sessions of %s have ended.", n, u.Email)
}

package identity

import (
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/identity/email"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// User is an account of a person. Its id is the sub of tokens; it is random and never reused.
type User struct {
	store.Meta
	Email         string        `json:"email,omitzero"`     // as it is to be mailed
	EmailKey      email.Key     `json:"email_key,omitzero"` // its canonical form, unique in the tenant
	EmailVerified time.Time     `json:"email_verified,omitzero"`
	Name          string        `json:"name,omitzero"`
	Locale        string        `json:"locale,omitzero"` // BCP 47
	Password      password.Hash `json:"password,omitzero"`
	PasswordAt    time.Time     `json:"password_at,omitzero"` // when the person last chose it
	Disabled      time.Time     `json:"disabled,omitzero"`
	Flagged       time.Time     `json:"flagged,omitzero"` // when a stolen token was last noticed
	Created       time.Time     `json:"created"`
	// Epoch grows whenever everything that was given out before must end: a new password, a
	// disabled account. Sessions and tokens carry the epoch they were made in.
	Epoch int64 `json:"epoch"`
}

// Lifecycle is the state of an account in words.
type Lifecycle string

// The states of an account. A deleted account is gone; a locked one shows in its Lock.
const (
	Active     Lifecycle = "active"
	Unverified Lifecycle = "unverified"
	Disabled   Lifecycle = "disabled"
)

// State is the account's state.
func (u *User) State() Lifecycle {
	switch {
	case !u.Disabled.IsZero():
		return Disabled
	case u.EmailVerified.IsZero():
		return Unverified
	}
	return Active
}

// Standing is nil for an account that may sign in and be given tokens; otherwise it says why not.
func (u *User) Standing() error {
	switch u.State() {
	case Active:
		return nil
	case Unverified:
		return errs.New(errs.Denied, "email_unverified", "Confirm the mail address first; we have sent a link.")
	}
	return errs.New(errs.Denied, "account_disabled", "This account is disabled.")
}

// Object is the account as the guard names it: it belongs to its user.
func (u *User) Object() access.Object { return userObject(u.ID) }

func userObject(userID string) access.Object {
	return access.Object{Type: "cardea:user", ID: userID, Owner: access.User(userID)}
}

// Indexes of users.
const (
	usersByEmail   = "by_email"
	usersByCreated = "by_created"
)

func userKind() store.Kind[User] {
	return store.Kind[User]{
		Name: "user", Noun: "user",
		Meta: func(u *User) *store.Meta { return &u.Meta },
		// Decisions ask about subjects of applications, most of which have no account.
		KeepAbsence: true,
		Columns: []store.ColumnOf[User]{
			{Name: "email", Kind: store.TextKind, Of: func(u *User) store.Value { return store.TextOrNone(u.EmailKey) }},
			{Name: "created", Kind: store.IntKind, Of: func(u *User) store.Value { return store.Time(u.Created) }},
		},
		Indexes: []store.Index{
			{Name: usersByEmail, Columns: []string{"email"}, Unique: true},
			{Name: usersByCreated, Columns: []string{"created"}},
		},
	}
}

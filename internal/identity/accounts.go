package identity

import (
	"context"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/identity/email"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// Limits slows down those who try often. Nothing of it is durable.
type Limits interface {
	// SignIn refuses, with the time to wait, an attempt at an account from the caller's address.
	SignIn(c access.Caller, account string) error
	// SignInFailed counts a failure for SignIn.
	SignInFailed(c access.Caller, account string)
	// Mail refuses another message that a stranger caused, by address and by tenant.
	Mail(c access.Caller, kind flow.Kind) error
}

// Sessions ends and renews sessions for changes that only identity knows of.
type Sessions interface {
	// Renew is the part of a batch that gives the caller's session a new secret in the user's new
	// epoch. A caller without a session gets nothing.
	Renew(ctx context.Context, c access.Caller, epoch int64) (flow.Contribution, error)
}

// Config is what accounts need. All fields are required but Lockout, FirstAdmin and
// Forget.
type Config struct {
	DB          *store.DB
	Guard       *access.Guard
	Hasher      *password.Hasher
	Policy      password.Policy
	Lockout     Lockout
	Limits      Limits
	Sessions    Sessions
	Tenants     *tenant.Tenants
	Revocations *tenant.Revocations
	// LinkTo is the address of the page that redeems a link; the token goes into the fragment, so
	// that it reaches no server log and no Referer.
	LinkTo func(t id.Tenant, purpose flow.Kind, token string) string
	// FirstAdmin are the tuples that make a user the administrator of the platform.
	FirstAdmin func(userID string) []store.TupleOp
	// Forget has the other rooms forget what they know of a person whose account was deleted. It is
	// called again until it succeeds.
	Forget func(ctx context.Context, t id.Tenant, userID string) error
}

// Accounts are the accounts of all tenants.
type Accounts struct {
	Config
	db      *store.DB
	guard   *access.Guard
	users   *store.Collection[User]
	links   *store.Collection[link]
	devices *store.Collection[device]
	setUps  *store.Collection[setUp]
	ledger  *ledger

	departures *store.Collection[departure]
}

// New declares accounts to the DB.
func New(c Config) *Accounts {
	return &Accounts{
		Config: c, db: c.DB, guard: c.Guard,
		users: store.NewCollection(c.DB, userKind()), links: store.NewCollection(c.DB, linkKind()),
		devices: store.NewCollection(c.DB, deviceKind()), setUps: store.NewCollection(c.DB, setUpKind()),
		ledger: newLedger(c.DB, c.Lockout), departures: store.NewCollection(c.DB, departureKind()),
	}
}

func (s *Accounts) linkTo(t id.Tenant, purpose flow.Kind, token string) string {
	return s.Config.LinkTo(t, purpose, token)
}

// View reads an account through the cache, for the rooms that check its standing and epoch. The
// result is shared and must not be changed.
func (s *Accounts) View(ctx context.Context, t id.Tenant, userID string) (*User, error) {
	return s.users.In(t).View(ctx, userID)
}

// ByEmail finds an account by address; for the command line, which alone resolves addresses.
func (s *Accounts) ByEmail(ctx context.Context, c access.Caller, address string) (*User, error) {
	if _, err := s.guard.Allow(ctx, c, "user.read", access.Object{Type: "cardea:user"}); err != nil {
		return nil, err
	}
	a, err := email.Parse(address)
	if err != nil {
		return nil, err
	}
	return s.byKey(ctx, c.Tenant(), a.Canonical())
}

func (s *Accounts) byKey(ctx context.Context, t id.Tenant, canonical email.Key) (*User, error) {
	u, found, err := s.users.In(t).One(ctx, usersByEmail, store.Text(canonical))
	if err == nil && !found {
		err = errs.Missing("user")
	}
	return u, err
}

// NewUser is an account that an administrator opens.
type NewUser struct {
	Email    string
	Name     string
	Password secret.Value  // may be empty: then the person sets one by recovery
	Hash     password.Hash // or: the hash of another system, replaced at the next sign-in
	Verified bool          // the administrator answers for the address
}

// Create opens an account.
func (s *Accounts) Create(ctx context.Context, c access.Caller, n NewUser, also ...store.TupleOp) (*User, error) {
	u := &User{Meta: store.Meta{ID: id.New()}, Created: s.db.Now(), Epoch: 1}
	permit, err := s.guard.Allow(ctx, c, "user.create", u.adminObject())
	if err != nil {
		return nil, err
	}
	if err := s.fill(ctx, u, n); err != nil {
		return nil, err
	}
	_, err = s.db.Commit(ctx, store.Batch{
		Permit: permit, Docs: []store.DocOp{s.users.In(c.Tenant()).Insert(ctx, u)}, Tuples: also,
		Events: []store.Event{{Kind: "user.created", Person: u.ID, Personal: map[string]string{"email": u.Email}}},
	})
	if store.Exists(err, usersByEmail) {
		return nil, errs.Wrap(errs.Conflict, err, "email_taken", "There is an account with this address already.")
	}
	return u, err
}

// adminObject is the account without its owner: for what an owner may not do to itself.
func (u *User) adminObject() access.Object { return access.Object{Type: "cardea:user", ID: u.ID} }

func (s *Accounts) fill(ctx context.Context, u *User, n NewUser) error {
	a, err := email.Parse(n.Email)
	if err != nil {
		return err
	}
	u.Email, u.EmailKey = a.String(), a.Canonical()
	if n.Verified {
		u.EmailVerified = u.Created
	}
	if u.Name, err = personName(n.Name); err != nil {
		return err
	}
	switch {
	case n.Hash != "":
		if _, err := s.Hasher.Inspect(n.Hash); err != nil {
			return err
		}
		u.Password = n.Hash
	case !n.Password.Empty():
		u.Password, err = s.newPassword(ctx, u, n.Password)
		u.PasswordAt = u.Created
	}
	return err
}

// newPassword judges and hashes a password for u.
func (s *Accounts) newPassword(ctx context.Context, u *User, p secret.Value) (password.Hash, error) {
	// A second factor may lower the least length; until one exists the password stands alone.
	if err := s.Policy.Check(p, password.About{Alone: true, Words: []string{u.Email, u.Name}}); err != nil {
		return "", err
	}
	return s.Hasher.Hash(ctx, p)
}

// Get reads an account; its owner may.
func (s *Accounts) Get(ctx context.Context, c access.Caller, userID string) (*User, error) {
	if _, err := s.guard.Allow(ctx, c, "user.read", userObject(userID)); err != nil {
		return nil, err
	}
	return s.users.In(c.Tenant()).Get(ctx, userID)
}

// List lists accounts whose address begins with prefix, or all by age.
func (s *Accounts) List(ctx context.Context, c access.Caller, prefix string, r page.Request) (page.Page[*User], error) {
	if _, err := s.guard.Allow(ctx, c, "user.read", access.Object{Type: "cardea:user"}); err != nil {
		return page.Page[*User]{}, err
	}
	q := store.Query{Index: usersByCreated, Request: r}
	if prefix != "" {
		q = store.Query{Index: usersByEmail, Prefix: strings.ToLower(prefix), Request: r}
	}
	return s.users.In(c.Tenant()).Find(ctx, q)
}

// Profile is what an owner may change of its account. Nil means unchanged.
type Profile struct {
	Name   *string
	Locale *string
}

// Update changes an account's profile.
func (s *Accounts) Update(ctx context.Context, c access.Caller, userID string, p Profile) (*User, error) {
	permit, err := s.guard.Allow(ctx, c, "user.update", userObject(userID))
	if err != nil {
		return nil, err
	}
	return s.users.In(c.Tenant()).Update(ctx, userID, func(u *User) (store.Batch, error) {
		batch := store.Batch{Permit: permit, Events: []store.Event{{Kind: "user.updated", Person: u.ID}}}
		var err error
		if p.Name != nil {
			if u.Name, err = personName(*p.Name); err != nil {
				return batch, err
			}
		}
		if p.Locale != nil {
			u.Locale, err = locale(*p.Locale)
		}
		return batch, err
	})
}

// Disable ends everything of an account at once and refuses what would begin.
func (s *Accounts) Disable(ctx context.Context, c access.Caller, userID string) (*User, error) {
	return s.change(ctx, c, userID, "user.disable", "user.disabled", func(u *User) (store.Batch, error) {
		if u.Disabled.IsZero() {
			u.Disabled = s.db.Now()
		}
		return s.endEverything(ctx, c.Tenant(), u), nil
	})
}

// Enable lifts Disable. What was ended stays ended.
func (s *Accounts) Enable(ctx context.Context, c access.Caller, userID string) (*User, error) {
	return s.change(ctx, c, userID, "user.enable", "user.enabled", func(u *User) (store.Batch, error) {
		u.Disabled = time.Time{}
		return store.Batch{}, nil
	})
}

// Unlock lets the owner of a locked account try again.
func (s *Accounts) Unlock(ctx context.Context, c access.Caller, userID string) (*User, error) {
	return s.change(ctx, c, userID, "user.unlock", "user.unlocked", func(u *User) (store.Batch, error) {
		op, found, err := s.ledger.reset(ctx, c.Tenant(), knownAccount(u.ID))
		if !found {
			return store.Batch{}, err
		}
		return store.Batch{Docs: []store.DocOp{op}}, nil
	})
}

// LockedFor is how long an account has to wait before its next attempt from an unknown device.
func (s *Accounts) LockedFor(ctx context.Context, c access.Caller, userID string) (time.Duration, error) {
	if _, err := s.guard.Allow(ctx, c, "user.read", userObject(userID)); err != nil {
		return 0, err
	}
	return s.ledger.locked(ctx, c.Tenant(), knownAccount(userID))
}

// Flag is for the room that has noticed a stolen token: the operations that mark the account, and the
// address to warn. A person with no verified address is marked and not written to.
func (s *Accounts) Flag(ctx context.Context, t id.Tenant, userID string) ([]store.DocOp, string, error) {
	u, err := s.users.In(t).Get(ctx, userID)
	if err != nil {
		return nil, "", err
	}
	u.Flagged = s.db.Now()
	address := u.Email
	if u.EmailVerified.IsZero() {
		address = ""
	}
	return []store.DocOp{s.users.In(t).Replace(ctx, u)}, address, nil
}

// endEverything raises the epoch of u: its sessions, tokens, links and known devices are dead.
func (s *Accounts) endEverything(ctx context.Context, t id.Tenant, u *User) store.Batch {
	u.Epoch++
	return store.Batch{Docs: []store.DocOp{s.Revocations.Add(ctx, t, tenant.RevokedUser, u.ID, u.Epoch)}}
}

func (s *Accounts) change(ctx context.Context, c access.Caller, userID string, a access.Action, event string, f func(*User) (store.Batch, error)) (*User, error) {
	permit, err := s.guard.Allow(ctx, c, a, access.Object{Type: "cardea:user", ID: userID})
	if err != nil {
		return nil, err
	}
	return s.users.In(c.Tenant()).Update(ctx, userID, func(u *User) (store.Batch, error) {
		batch, err := f(u)
		batch.Permit = permit
		batch.Events = append(batch.Events, store.Event{Kind: event, Person: u.ID})
		return batch, err
	})
}

// Delete removes an account, what it was granted and its address, which may be used again by an
// account with another id. Sessions and tokens are dead at once because their user is gone. What other
// rooms know of the person, the personal part of audit events above all, is forgotten right after, and so are
// grants that are more than one commit takes; if that fails, the account is deleted all the same and the rest is
// forgotten later.
func (s *Accounts) Delete(ctx context.Context, c access.Caller, userID string) error {
	permit, err := s.guard.Allow(ctx, c, "user.delete", userObject(userID))
	if err != nil {
		return err
	}
	t := c.Tenant()
	u, err := s.users.In(t).Get(ctx, userID)
	if err != nil {
		return err
	}
	granted, err := s.granted(ctx, t, userID)
	if err != nil {
		return errs.Busy(time.Second, err, "store_unavailable", "The database does not answer just now.")
	}
	batch := store.Batch{
		Permit: permit, Tuples: granted,
		Docs: []store.DocOp{
			s.users.In(t).Delete(u), s.Revocations.Add(ctx, t, tenant.RevokedUser, u.ID, u.Epoch+1),
			s.departures.In(t).Insert(ctx, &departure{Meta: store.Meta{ID: u.ID}, At: s.db.Now()}),
		},
		Events: []store.Event{{Kind: "user.deleted", Person: u.ID}},
	}
	if _, err := s.db.Commit(ctx, batch); err != nil {
		return err
	}
	_ = s.forget(ctx, t, userID) // or Forget will
	return nil
}

// ChangePassword sets a new password for the calling owner, who has proved itself a moment ago and
// knows the current one. All sessions and tokens end but the session that asks, which gets a new secret.
func (s *Accounts) ChangePassword(ctx context.Context, c access.Caller, userID string, current, p secret.Value) (flow.Result, error) {
	object := userObject(userID)
	if c.UserID() != userID { // an administrator cannot choose a user's password (ASVS 6.4.6)
		return flow.Result{}, errs.New(errs.Denied, "permission_missing", "Only the owner of an account can choose its password.")
	}
	permit, err := s.guard.Allow(ctx, c, "user.change_password", object)
	if err != nil {
		return flow.Result{}, err
	}
	before, err := s.users.In(c.Tenant()).Get(ctx, userID)
	if err != nil {
		return flow.Result{}, err
	}
	if err := s.proveCurrent(ctx, c, before, current); err != nil {
		return flow.Result{}, err
	}
	hash, err := s.newPassword(ctx, before, p)
	if err != nil {
		return flow.Result{}, err
	}
	var result flow.Result
	_, err = s.users.In(c.Tenant()).Update(ctx, userID, func(u *User) (store.Batch, error) {
		u.Password, u.PasswordAt = hash, s.db.Now()
		batch := s.endEverything(ctx, c.Tenant(), u)
		batch.Permit = permit
		batch.Events = []store.Event{{Kind: "user.password_changed"}}
		batch.Outbox = []store.Message{notice("password_changed", u, nil)}
		renewed, err := s.Sessions.Renew(ctx, c, u.Epoch)
		result = renewed.Result
		return batch.And(renewed.Change.Batch), err
	})
	return result, err
}

// ChangeEmail mails a link to the new address, which becomes the account's when the link is used,
// and tells the old one.
func (s *Accounts) ChangeEmail(ctx context.Context, c access.Caller, userID, address string) error {
	permit, err := s.guard.Allow(ctx, c, "user.change_email", userObject(userID))
	if err != nil {
		return err
	}
	a, err := email.Parse(address)
	if err != nil {
		return err
	}
	if err := s.Limits.Mail(c, flow.VerifyEmail); err != nil {
		return err
	}
	u, err := s.users.In(c.Tenant()).Get(ctx, userID)
	if err != nil {
		return err
	}
	batch, err := s.verification(ctx, c.Tenant(), u, a)
	if err != nil {
		return err
	}
	batch.Permit = permit
	batch.Events = []store.Event{{Kind: "user.email_change_requested", Person: u.ID, Personal: map[string]string{"email": a.String()}}}
	if a.Canonical() != u.EmailKey && u.Email != "" {
		batch.Outbox = append(batch.Outbox, notice("email_change_requested", u, map[string]string{"email": a.String()}))
	}
	_, err = s.db.Commit(ctx, batch)
	return err
}

// verification is the part of a batch that mails a link which proves that a is u's address. If a
// belongs to another account, that account's owner is told instead, and the caller learns nothing.
func (s *Accounts) verification(ctx context.Context, t id.Tenant, u *User, a email.Address) (store.Batch, error) {
	l := &link{Purpose: flow.VerifyEmail, User: u.ID, Epoch: u.Epoch, Email: a.String(), EmailKey: a.Canonical(), Name: u.Name}
	token, ops, err := s.issueLink(ctx, t, l)
	if err != nil {
		return store.Batch{}, err
	}
	message := s.mail(t, "verify_email", l, token)
	other, err := s.byKey(ctx, t, a.Canonical())
	switch {
	case err == nil && other.ID != u.ID:
		message = notice("account_exists", other, nil)
	case err != nil && !errs.Is(err, errs.NotFound):
		return store.Batch{}, err
	}
	return store.Batch{Docs: ops, Outbox: []store.Message{message}}, nil
}

// personName checks a person's name: empty or up to 200 characters that show.
func personName(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	return tenant.DisplayName("/name", s)
}

// locale checks a language tag's form (BCP 47) without looking it up.
func locale(s string) (string, error) {
	if len(s) > 35 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
		return "", errs.Bad("/locale", "must be a language tag like en or pt-BR").Breaks(errs.LanguageTag, nil)
	}
	return s, nil
}

package oauthtest

import (
	"context"
	"sync"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/authenticate"
	"github.com/cardea-auth/cardea/internal/store"
)

// Book is a small table that tests change while the provider reads it.
type Book[V any] struct {
	mu  sync.Mutex
	all map[string]V
	// Err is returned instead of an answer, if set.
	err error
}

func newBook[V any]() *Book[V] { return &Book[V]{all: map[string]V{}} }

// Put sets the entry of key.
func (b *Book[V]) Put(key string, v V) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all[key] = v
}

// Change changes the entry of key.
func (b *Book[V]) Change(key string, f func(*V)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := b.all[key]
	f(&v)
	b.all[key] = v
}

// Remove deletes the entry of key.
func (b *Book[V]) Remove(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.all, key)
}

// Fail makes every look-up fail with err; nil ends that.
func (b *Book[V]) Fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *Book[V]) get(key string) (V, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, ok := b.all[key]
	return v, ok, b.err
}

func (b *Book[V]) find(key, noun string) (V, error) {
	v, ok, err := b.get(key)
	if err == nil && !ok {
		err = errs.Missing(noun)
	}
	return v, err
}

// Tenants are tenants by id.
type Tenants struct{ *Book[oauth.TenantStanding] }

// Standing implements oauth.Tenants.
func (f Tenants) Standing(_ context.Context, t id.Tenant) (oauth.TenantStanding, error) {
	return f.find(string(t), "tenant")
}

// User is a user with its claims and its mail address.
type User struct {
	oauth.UserStanding
	Person oauth.Profile
}

// Users are users by id, of every tenant.
type Users struct{ *Book[User] }

// Standing implements oauth.Users.
func (f Users) Standing(_ context.Context, _ id.Tenant, userID string) (oauth.UserStanding, error) {
	u, err := f.find(userID, "user")
	return u.UserStanding, err
}

// Profile implements oauth.Users.
func (f Users) Profile(_ context.Context, _ id.Tenant, userID string) (oauth.Profile, error) {
	u, err := f.find(userID, "user")
	return u.Person, err
}

// Alarm implements refresh.Owners.
func (f Users) Alarm(_ context.Context, _ id.Tenant, userID string) ([]store.DocOp, string, error) {
	u, err := f.find(userID, "user")
	return nil, u.Person.Email, err
}

// Sessions are browser sessions by sid. The cookie of a session is kept by Cookie.
type Sessions struct {
	*Book[oauth.SessionStanding]
	cookies *Book[string] // cookie → sid
}

// Standing implements oauth.Sessions.
func (f Sessions) Standing(_ context.Context, _ id.Tenant, sid string) (oauth.SessionStanding, error) {
	return f.find(sid, "session")
}

// Cookie makes value the cookie of a session.
func (f Sessions) Cookie(value, sid string) { f.cookies.Put(value, sid) }

// Resolve implements authenticate.Sessions.
func (f Sessions) Resolve(_ context.Context, _ id.Tenant, cookie secret.Value) (authenticate.Found, error) {
	sid, _, err := f.cookies.get(cookie.Reveal())
	if err != nil {
		return authenticate.Found{}, err
	}
	s, ok, err := f.get(sid)
	if err == nil && (!ok || !s.Alive) {
		err = errs.New(errs.Unauthenticated, "session_expired", "over")
	}
	return authenticate.Found{
		Subject: access.User(s.UserID), Proof: access.Proof{Strength: s.Strength, At: s.AuthTime, Session: sid},
	}, err
}

// SignOut implements logout.Sessions.
func (f Sessions) SignOut(_ context.Context, _ access.Caller, sid string) error {
	_, _, err := f.get(sid)
	f.Change(sid, func(s *oauth.SessionStanding) { s.Alive, s.Epoch = false, s.Epoch+1 })
	return err
}

// Organisations are memberships by "org/user", and organisations by "org/".
type Organisations struct{ *Book[oauth.OrgStanding] }

// Standing implements oauth.Organisations.
func (f Organisations) Standing(_ context.Context, _ id.Tenant, org, userID string) (oauth.OrgStanding, error) {
	s, _, err := f.get(org + "/" + userID)
	return s, err
}

// Policy takes scopes away: those by name, from everybody.
type Policy struct{ *Book[bool] }

// Narrow implements oauth.ScopePolicy.
func (f Policy) Narrow(_ context.Context, _ id.Tenant, _ oauth.Holder, asked oauth.Scopes) (oauth.Scopes, error) {
	var out oauth.Scopes
	for _, name := range asked {
		if taken, _, err := f.get(name); err != nil {
			return nil, err
		} else if !taken {
			out = append(out, name)
		}
	}
	return out, nil
}

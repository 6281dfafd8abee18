package oauth

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

// Epochs count how often each thing behind a token had been revoked when the token was minted. A
// token whose epoch of anything is below the present one is dead. Zero means that there is no such
// thing behind the token.
type Epochs struct {
	Session int64 `json:"s,omitzero"`
	User    int64 `json:"u,omitzero"`
	Client  int64 `json:"c,omitzero"`
	Tenant  int64 `json:"t,omitzero"`
	Consent int64 `json:"g,omitzero"` // of the user's consent to a client of somebody else
}

// Tenants says how a tenant stands.
type Tenants interface {
	// Standing is NotFound for a tenant that does not exist. It is read at every token: it must come
	// from a cache that hears of changes.
	Standing(context.Context, id.Tenant) (TenantStanding, error)
}

// TenantStanding is what the provider must know of a tenant.
type TenantStanding struct {
	Issuer          string // URL without a trailing slash, compared byte for byte
	Enabled         bool
	Epoch           int64
	AccessLife      time.Duration // of access tokens, for clients that have none of their own
	RefreshIdle     time.Duration // a refresh token that is not used so long is dead
	RefreshAbsolute time.Duration // a family of refresh tokens that is older is dead
	RefreshGrace    time.Duration // how long the token before the last answers with the last; 0: never
}

// Users says how a user stands, and what may be said about it.
type Users interface {
	// Standing is NotFound for a user that does not exist.
	Standing(ctx context.Context, t id.Tenant, userID string) (UserStanding, error)
	// Profile is NotFound for a user that does not exist.
	Profile(ctx context.Context, t id.Tenant, userID string) (Profile, error)
}

// UserStanding is what the provider must know of a user. The zero value may have nothing.
type UserStanding struct {
	Active bool   // may be given tokens: not disabled, not locked, verified where that is needed
	Reason string // if not Active: why, as a sentence in ASCII for the client's developer
	Epoch  int64
}

// Profile holds the claims about a user (OpenID Connect Core, section 5.1). What is empty is not said.
type Profile struct {
	Name, GivenName, FamilyName, Nickname string
	Username                              string // preferred_username
	Picture, Locale, Zone                 string
	Updated                               time.Time
	Email                                 string
	EmailVerified                         bool
	Phone                                 string
	PhoneVerified                         bool
}

// Sessions says how a browser session stands.
type Sessions interface {
	// Standing is NotFound for a session that does not exist or is no longer kept.
	Standing(ctx context.Context, t id.Tenant, sid string) (SessionStanding, error)
}

// SessionStanding is what the provider must know of a session. Alive is false when it has ended,
// expired or broken a policy, and when the identity provider that vouched for it is disabled. Revoked
// is true when it was ended from elsewhere, by an administrator or from the user's list of devices:
// then even what was meant to outlive it ends. Signing out, or expiry, does not set it.
type SessionStanding struct {
	Alive    bool
	Revoked  bool
	Epoch    int64
	UserID   string
	AuthTime time.Time // of the last proof in person
	Strength access.Strength
	Methods  []string  // amr (RFC 8176)
	Until    time.Time // when it ends if nothing happens
}

// Organisations says how an organisation stands to a user.
type Organisations interface {
	// Standing is the zero value for an organisation that does not exist. userID may be empty.
	Standing(ctx context.Context, t id.Tenant, org, userID string) (OrgStanding, error)
}

// OrgStanding is what the provider must know of an organisation.
type OrgStanding struct {
	Enabled bool
	Member  bool // the user is a member now
}

// Consents says what a user has allowed a client.
type Consents interface {
	// Standing is the zero value if nothing was allowed.
	Standing(ctx context.Context, t id.Tenant, userID string, client ClientID) (ConsentStanding, error)
}

// ConsentStanding is what stands of a user's consent. A withdrawal raises the epoch, so that what was
// given under an earlier consent does not come back with a later one.
type ConsentStanding struct {
	Given  bool
	Epoch  int64
	Scopes Scopes
	At     time.Time // of the last time the user was asked and agreed
}

// Clients finds clients.
type Clients interface {
	// Standing reads a client through the cache, disabled ones too. The client is shared and must not
	// be changed. NotFound if there is none.
	Standing(ctx context.Context, t id.Tenant, client ClientID) (*Client, error)
}

// ScopePolicy decides which scopes somebody may have. A nil policy leaves it to the client's list and
// the user's consent.
type ScopePolicy interface {
	// Narrow returns the part of asked that who may have now.
	Narrow(ctx context.Context, t id.Tenant, who Holder, asked Scopes) (Scopes, error)
}

// Holder is for whom a token is to be: a user through a client, or a client itself (User is empty).
type Holder struct {
	User   string
	Client ClientID
	Org    string
}

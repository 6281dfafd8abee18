package refresh

import (
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/store"
)

// Family is a chain of refresh tokens that began with one code. Its row holds hashes only.
type Family struct {
	store.Meta                 // the id names the family in its tokens; Expires is its latest end
	Client     oauth.ClientID  `json:"client"`
	User       string          `json:"user"`
	Session    string          `json:"session,omitzero"`
	Org        string          `json:"org,omitzero"`
	Scopes     oauth.Scopes    `json:"scopes,omitzero"`
	Audience   []string        `json:"audience"`
	Epochs     oauth.Epochs    `json:"epochs"`
	Offline    bool            `json:"offline,omitzero"` // outlives its session, unless somebody ends that
	AuthTime   time.Time       `json:"auth_time,omitzero"`
	Strength   access.Strength `json:"strength,omitzero"`
	Methods    []string        `json:"methods,omitzero"`
	Created    time.Time       `json:"created"`
	Rotated    time.Time       `json:"rotated"`
	Generation uint32          `json:"generation"`
	Key        uint32          `json:"key"`               // with which the current token was made
	Current    string          `json:"current"`           // SHA-256
	Previous   string          `json:"previous,omitzero"` // SHA-256
	Given      []Access        `json:"given,omitzero"`    // access tokens that may be alive, newest last
	Dead       Reason          `json:"dead,omitzero"`
}

const offlineByUser = "offline_by_user"

func familyKind() store.Kind[Family] {
	return store.Kind[Family]{
		Name: "refresh_family", Noun: "refresh token",
		Meta: func(f *Family) *store.Meta { return &f.Meta },
		Columns: []store.ColumnOf[Family]{{Name: "offline_user", Kind: store.TextKind, Of: func(f *Family) store.Value {
			if !f.Offline { // dies with its session, by which it is found
				return store.Value{}
			}
			return store.Text(f.User)
		}}},
		Indexes: []store.Index{{Name: offlineByUser, Columns: []string{"offline_user"}}},
	}
}

// Access is an access token that came with a refresh token.
type Access struct {
	JTI     string    `json:"jti"`
	Issued  time.Time `json:"iat"`
	Expires time.Time `json:"exp"`
}

// maxGiven is how many access tokens of one family may be alive. Beyond it the oldest is revoked, so
// that the end of a family always reaches all of them.
const maxGiven = 16

// Reason says why a family is dead. The zero Reason means that it lives.
type Reason string

// The reasons.
const (
	Reused     Reason = "reused"      // an old token was presented: somebody has stolen one
	CodeReused Reason = "code_reused" // the code behind it was presented twice
	OtherOwner Reason = "other_owner" // another client presented a token
	Revoked    Reason = "revoked"     // the client gave it back
	SignedOut  Reason = "signed_out"  // its user, or an administrator, ended everything of the user
)

// alarming reports whether the reason means that something was stolen.
func (r Reason) alarming() bool { return r == Reused || r == CodeReused || r == OtherOwner }

// Bounds are how long refresh tokens live, from the settings of the tenant as they are now.
type Bounds struct{ Idle, Absolute, Grace time.Duration }

// BoundsOf are the bounds of a tenant.
func BoundsOf(t oauth.TenantStanding) Bounds {
	return Bounds{Idle: t.RefreshIdle, Absolute: t.RefreshAbsolute, Grace: t.RefreshGrace}
}

// End is when the family ends if it is not used again. It is computed from the bounds of now, so
// that a tightened policy ends what breaks it.
func (f *Family) End(b Bounds) time.Time {
	idle, absolute := f.Rotated.Add(b.Idle), f.Created.Add(b.Absolute)
	if idle.Before(absolute) {
		return idle
	}
	return absolute
}

// give notes an access token and returns the ones that are too many.
func (f *Family) give(a Access, now time.Time) (surplus []Access) {
	var alive []Access
	for _, g := range f.Given {
		if now.Before(g.Expires) {
			alive = append(alive, g)
		}
	}
	alive = append(alive, a)
	cut := max(0, len(alive)-maxGiven)
	f.Given = alive[cut:]
	return alive[:cut]
}

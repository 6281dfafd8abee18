// Package session knows who is signed in where: it starts a session from a completed flow, finds it
// again by the browser's cookie, gives it a new secret whenever its rights change, and ends it.
//
// A session is opaque: the browser holds a token of 256 random bits, the store its SHA-256. Whether
// a session is alive is computed at every use from what holds now: its own end, the tenant's idle
// and absolute lifetimes, its user's standing and epoch, the tenant's epoch. So tightening a policy,
// disabling a user or changing a password ends sessions at once, without touching them.
//
// A flow that has not proved enough is not a session, and nothing here can make it one: Start takes
// a flow.Completed, which only the flow machine makes. The package must not know cookies or HTTP.
package session

import (
	"crypto/rand"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// Session is a browser in which a user is signed in. Its id is public: it is the sid of tokens.
type Session struct {
	store.Meta
	Hash        string          `json:"hash"` // SHA-256 of the token
	User        string          `json:"user"`
	Epoch       int64           `json:"epoch"` // raised when the session ends
	UserEpoch   int64           `json:"user_epoch"`
	TenantEpoch int64           `json:"tenant_epoch"`
	Created     time.Time       `json:"created"`
	Active      time.Time       `json:"active"` // last activity, to the minute
	Ended       time.Time       `json:"ended,omitzero"`
	Why         Ending          `json:"why,omitzero"` // it ended
	Proofs      []flow.Proof    `json:"proofs"`
	Strength    access.Strength `json:"strength"`
	Client      string          `json:"client,omitzero"`  // the application for which it was started
	Address     string          `json:"address,omitzero"` // where it was started
	UserAgent   string          `json:"user_agent,omitzero"`
}

// Ending says why a session has ended.
type Ending string

// The endings.
const (
	SignedOut Ending = "signed_out" // by its user, in it
	Revoked   Ending = "revoked"    // from elsewhere: by its user on another device, or by an administrator
	Replaced  Ending = "replaced"   // by another sign-in in the same browser
	OverLimit Ending = "limit"      // by one session too many
)

// Revoked reports whether the session was ended from elsewhere.
func (s *Session) Revoked() bool { return s.Why == Revoked || s.Why == OverLimit }

const (
	sessionsByUser = "by_user" // (user, created)
	sessionsByTime = "by_time" // (created)
)

func kind() store.Kind[Session] {
	return store.Kind[Session]{
		Name: "session", Noun: "session",
		Meta: func(s *Session) *store.Meta { return &s.Meta },
		Columns: []store.ColumnOf[Session]{
			{Name: "user", Kind: store.TextKind, Of: func(s *Session) store.Value { return store.Text(s.User) }},
			{Name: "created", Kind: store.IntKind, Of: func(s *Session) store.Value { return store.Time(s.Created) }},
		},
		Indexes: []store.Index{
			{Name: sessionsByUser, Columns: []string{"user", "created"}}, {Name: sessionsByTime, Columns: []string{"created"}},
		},
	}
}

// AuthTime is when the user last proved itself in person (OpenID Connect Core, section 2).
func (s *Session) AuthTime() time.Time {
	var last time.Time
	for _, p := range s.Proofs {
		if p.At.After(last) {
			last = p.At
		}
	}
	return last
}

// Methods are the proofs of the session as amr values (RFC 8176), without repetition.
func (s *Session) Methods() []string {
	var out []string
	for _, p := range s.Proofs { // a handful at most
		if !slices.Contains(out, p.Method) {
			out = append(out, p.Method)
		}
	}
	return out
}

// Device is the browser in words, e.g. "Firefox on Linux"; "" if it does not say.
func (s *Session) Device() string { return identity.DeviceWords(s.UserAgent) }

// Object is the session as the guard names it.
func (s *Session) Object() access.Object { return object(s.ID, s.User) }

func object(sid, userID string) access.Object {
	o := access.Object{Type: "cardea:session", ID: sid}
	if userID != "" {
		o.Owner = access.User(userID)
	}
	return o
}

// errExpired is the one answer to a session that is unknown, ended or too old.
func errExpired() error {
	return errs.New(errs.Unauthenticated, "session_expired", "The session has ended; sign in again.")
}

// alive says until when the session is good, given what holds now; an error if it is not.
func (s *Session) alive(now time.Time, rule tenant.Settings, epoch int64, u *identity.User) (time.Time, error) {
	until := s.Created.Add(rule.SessionAbsolute.Duration())
	if idle := s.Active.Add(rule.SessionIdle.Duration()); idle.Before(until) {
		until = idle
	}
	dead := !s.Ended.IsZero() || !now.Before(until) || s.TenantEpoch < epoch || s.UserEpoch < u.Epoch
	if dead || u.Standing() != nil {
		return time.Time{}, errExpired()
	}
	return until, nil
}

// A token is a session's id and a secret: the id finds the document, the hash proves the holder.
const (
	idBytes     = 16
	secretBytes = 32
)

// newToken makes the token of a new session, and its public id.
func newToken() (token, sid string) {
	var public [idBytes]byte
	rand.Read(public[:])
	return tokenOf(public), id.Of(public)
}

// tokenOf is a token with a new secret for the session with this id.
func tokenOf(public [idBytes]byte) string {
	var b [idBytes + secretBytes]byte
	copy(b[:], public[:])
	rand.Read(b[idBytes:])
	return opaque.With(opaque.Session, b[:])
}

func sidOf(payload []byte) string { return id.Of([idBytes]byte(payload)) }

// parseToken returns the id that a token claims.
func parseToken(token string) (sid string, ok bool) {
	payload, ok := opaque.Payload(opaque.Session, token)
	if !ok || len(payload) != idBytes+secretBytes {
		return "", false
	}
	return sidOf(payload), true
}

// holds reports whether token is the session's.
func (s *Session) holds(token string) bool { return opaque.Matches(s.Hash, token) }

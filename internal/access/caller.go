// Package access holds the three words that stand between a request and a change: the Caller who
// asks, the Guard that decides, and the Permit that a write must show.
//
//	door ── Caller ──▶ domain ── Guard.Allow ──▶ Permit ──▶ store.Commit
//
// A domain method takes a Caller as an argument, never from a context, so that a forgotten check
// does not compile. The store refuses a batch without a Permit, so that a forgotten guard does not
// write. The package imports kit only: who decides is handed to the Guard by wiring.
package access

import (
	"net/netip"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
)

// Subject is who acts or is acted upon, as the decision engine names it.
type Subject struct{ Type, ID string }

// The types of subject that Cardea itself knows.
const (
	TypeUser     = "user"
	TypeService  = "service"  // a service account: a client acting for itself
	TypeOperator = "operator" // a person at the machine, through the control socket or offline
	TypeSystem   = "system"   // a background task of this server
)

// User is the subject of the user with the given id.
func User(id string) Subject { return Subject{TypeUser, id} }

// Service is the subject of the client with the given id, acting for itself.
func Service(id string) Subject { return Subject{TypeService, id} }

// String is type:id, for people; nothing parses it.
func (s Subject) String() string {
	if s == (Subject{}) {
		return "anonymous"
	}
	return s.Type + ":" + s.ID
}

// Origin is where a request came from. It is personal data: it goes into the erasable part of events.
type Origin struct {
	Address   netip.Addr // the client's, found through trusted proxies only; invalid if there is none
	UserAgent string     // at most 512 bytes
	RequestID string
}

// Strength orders how well a subject has proved who it is. The zero value is no proof.
type Strength uint8

// The strengths, weakest first.
const (
	NoProof     Strength = iota
	OneFactor            // one factor: a password, a code by mail, a client secret
	TwoFactors           // two different factors
	HardToPhish          // a proof that cannot be relayed to another origin: passkey, hardware key, mTLS
)

// Proof says with what and when a caller was authenticated, as doors found it in the credential.
type Proof struct {
	Strength Strength
	At       time.Time // when the subject last proved itself in person (auth_time); zero for services
	Methods  []string  // how, as amr values (RFC 8176); shared
	Session  string    // public id of the browser session, if any
	Until    time.Time // when that session ends if nothing happens; zero if it is over, or there is none
	Client   string    // the client_id through which the request came, if any
	Key      string    // id of the API key, if one was used
	Scoped   bool      // true if Scopes limit the caller: bearer tokens and API keys
	Scopes   []string
}

// Caller is who asks. The zero Caller is refused everywhere; make one with Anonymous, Authenticated,
// System or Operator.
type Caller struct {
	tenant  id.Tenant // the tenant the request is about
	home    id.Tenant // the tenant that knows the subject: tenant itself, or System
	subject Subject
	proof   Proof
	origin  Origin
	reason  string
}

// Anonymous is a caller who has proved nothing.
func Anonymous(t id.Tenant, o Origin) Caller { return Caller{tenant: t, home: t, origin: o} }

// Authenticated is a caller whom a credential of tenant t has proved to be s.
func Authenticated(t id.Tenant, s Subject, p Proof, o Origin) Caller {
	return Caller{tenant: t, home: t, subject: s, proof: p, origin: o}
}

// System is a background task of this server, named in the audit log.
func System(t id.Tenant, task string) Caller {
	return Caller{tenant: t, home: id.System, subject: Subject{TypeSystem, task}}
}

// Operator is a person at the machine itself: break glass, always audited with the reason.
func Operator(t id.Tenant, who, reason string) Caller {
	return Caller{tenant: t, home: id.System, subject: Subject{TypeOperator, who}, reason: reason}
}

// For is the same caller asking about another tenant. Only the guard decides whether that is allowed.
func (c Caller) For(t id.Tenant) Caller { c.tenant = t; return c }

// Because is the same caller with a reason for the audit log.
func (c Caller) Because(reason string) Caller { c.reason = reason; return c }

// Tenant is the tenant the request is about.
func (c Caller) Tenant() id.Tenant { return c.tenant }

// Home is the tenant in which the subject is known.
func (c Caller) Home() id.Tenant { return c.home }

// Subject is who asks; the zero Subject for an anonymous caller.
func (c Caller) Subject() Subject { return c.subject }

// UserID is the id of the user who asks, or "" if the caller is not a user.
func (c Caller) UserID() string {
	if c.subject.Type == TypeUser {
		return c.subject.ID
	}
	return ""
}

// Proof says how the caller was authenticated.
func (c Caller) Proof() Proof { return c.proof }

// Origin is where the request came from.
func (c Caller) Origin() Origin { return c.origin }

// Reason is why the caller says it acts; for the audit log.
func (c Caller) Reason() string { return c.reason }

// IsAnonymous reports whether nobody has proved who is asking.
func (c Caller) IsAnonymous() bool { return c.subject == Subject{} }

// internal reports whether the caller is this machine: an operator or a background task.
func (c Caller) internal() bool {
	return c.home == id.System && (c.subject.Type == TypeOperator || c.subject.Type == TypeSystem)
}

// HasScope reports whether the caller's credential covers scope. A session cookie and the machine
// itself are not limited by scopes.
func (c Caller) HasScope(scope string) bool {
	return !c.proof.Scoped || slices.Contains(c.proof.Scopes, scope)
}

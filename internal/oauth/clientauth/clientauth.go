// Package clientauth lets a client prove that it is the client it says it is (RFC 6749, section 2.3;
// RFC 7523, section 2.2). A request shows exactly one proof, and a client has exactly one method; any
// other is refused, with the same words as a wrong secret or an unknown client.
//
// What comes out is a Proven, which nothing else can make and which the issuer of tokens asks for.
package clientauth

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/url"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/store"
)

// AssertionType is the only client_assertion_type (RFC 7523, section 2.2).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Attempt is how a request says who it comes from. A door fills in what was sent, empty where a
// parameter was absent or empty.
type Attempt struct {
	Basic         *Basic // Authorization: Basic
	ClientID      string // form parameter client_id
	Secret        secret.Value
	AssertionType string
	Assertion     secret.Value
}

// Basic is a pair of HTTP Basic credentials, decoded.
type Basic struct {
	ID     string
	Secret secret.Value
}

// DecodeBasic undoes the form encoding of both halves (RFC 6749, section 2.3.1). The error is
// invalid_client.
func DecodeBasic(username, password string) (*Basic, error) {
	user, err := url.QueryUnescape(username)
	if err != nil {
		return nil, refuse(errors.New("clientauth: user name is not form-encoded"))
	}
	pass, err := url.QueryUnescape(password)
	if err != nil {
		return nil, refuse(errors.New("clientauth: password is not form-encoded"))
	}
	return &Basic{ID: user, Secret: secret.New(pass)}, nil
}

// Proven is a client that has proved itself, or a public client that cannot. Only Authenticate makes
// one; the zero Proven is refused.
type Proven struct {
	tenant id.Tenant
	client *oauth.Client
	method oauth.AuthMethod
}

// Client is the client as it was read when it proved itself. It is shared and must not be changed.
func (p Proven) Client() *oauth.Client { return p.client }

// Tenant is the tenant in which the client is registered.
func (p Proven) Tenant() id.Tenant { return p.tenant }

// Valid reports whether Authenticate made p.
func (p Proven) Valid() bool { return p.client != nil }

// Confidential reports whether the client has proved itself with something that only it has.
func (p Proven) Confidential() bool { return p.Valid() && p.method != oauth.AuthNone }

// KeySets fetches the key set of a client through the guarded egress client. It bounds time, size and
// addresses and keeps nothing; Authenticator remembers.
type KeySets interface {
	FetchKeys(ctx context.Context, url string) ([]byte, error)
}

// Config is what an Authenticator needs. KeySets may be nil: then clients with a jwks_uri are refused.
type Config struct {
	DB      *store.DB
	Guard   *access.Guard
	Clients oauth.Clients
	Tenants oauth.Tenants
	KeySets KeySets
}

// Authenticator authenticates clients.
type Authenticator struct {
	db      *store.DB
	guard   *access.Guard
	clients oauth.Clients
	tenants oauth.Tenants
	keys    *keyCache
	spent   *store.Collection[spent]
}

// New makes an Authenticator and declares its collection.
func New(c Config) *Authenticator {
	return &Authenticator{
		db: c.DB, guard: c.Guard, clients: c.Clients, tenants: c.Tenants,
		keys: newKeyCache(c.KeySets, c.DB.Now), spent: store.NewCollection(c.DB, spentKind()),
	}
}

// Authenticate checks the one proof of an attempt. Errors: oauth invalid_client for every failed
// proof, invalid_request for none or more than one, Unavailable if a part we need does not answer.
func (a *Authenticator) Authenticate(ctx context.Context, c access.Caller, at Attempt) (Proven, error) {
	clientID, method, err := at.method()
	if err != nil {
		return Proven{}, err
	}
	client, err := a.clients.Standing(ctx, c.Tenant(), clientID)
	if errs.Is(err, errs.NotFound) {
		return Proven{}, refuse(err)
	}
	if err != nil {
		return Proven{}, err
	}
	if client.Disabled || client.Auth != method {
		return Proven{}, refuse(errors.New("clientauth: client is disabled or has another method"))
	}
	if err := a.prove(ctx, c, client, at); err != nil {
		return Proven{}, err
	}
	return Proven{tenant: c.Tenant(), client: client, method: method}, nil
}

// method finds out who the attempt claims to be and by which one method.
func (at Attempt) method() (oauth.ClientID, oauth.AuthMethod, error) {
	var clientID string
	var found []oauth.AuthMethod
	if at.Basic != nil {
		found, clientID = append(found, oauth.AuthBasic), at.Basic.ID
	}
	if !at.Secret.Empty() {
		found, clientID = append(found, oauth.AuthPost), at.ClientID
	}
	if !at.Assertion.Empty() || at.AssertionType != "" {
		if at.AssertionType != AssertionType {
			return "", "", oauth.Refuse(oauth.InvalidRequest, "This client_assertion_type is not supported.")
		}
		claimed, err := ParseAssertion(at.Assertion.Reveal())
		if err != nil {
			return "", "", refuse(err)
		}
		found, clientID = append(found, oauth.AuthPrivateKeyJWT), claimed.Issuer
	}
	switch {
	case len(found) > 1:
		return "", "", oauth.Refuse(oauth.InvalidRequest, "The client authenticates in more than one way.")
	case len(found) == 0:
		found, clientID = append(found, oauth.AuthNone), at.ClientID
	case at.ClientID != "" && at.ClientID != clientID:
		return "", "", oauth.Refuse(oauth.InvalidRequest, "The client_id is not the one that authenticates.")
	}
	if clientID == "" {
		return "", "", oauth.Refuse(oauth.InvalidClient, "The client does not say who it is.")
	}
	return oauth.ClientID(clientID), found[0], nil
}

// prove checks the proof by the client's own method, never by what the request prefers.
func (a *Authenticator) prove(ctx context.Context, c access.Caller, client *oauth.Client, at Attempt) error {
	switch client.Auth {
	case oauth.AuthNone:
		return nil
	case oauth.AuthBasic:
		return checkSecret(client, at.Basic.Secret, a.db.Now())
	case oauth.AuthPost:
		return checkSecret(client, at.Secret, a.db.Now())
	case oauth.AuthPrivateKeyJWT:
		return a.checkAssertion(ctx, c, client, at.Assertion.Reveal())
	}
	return refuse(errors.New("clientauth: unknown method"))
}

// checkSecret compares with every live secret in constant time.
func checkSecret(client *oauth.Client, given secret.Value, now time.Time) error {
	if !opaque.Valid(opaque.ClientSecret, given.Reveal()) {
		return refuse(errors.New("clientauth: not a client secret"))
	}
	hash, match := []byte(opaque.Hash(given.Reveal())), 0
	for _, s := range client.Secrets {
		if s.Live(now) {
			match |= subtle.ConstantTimeCompare(hash, []byte(s.Hash))
		}
	}
	if match != 1 {
		return refuse(errors.New("clientauth: wrong secret"))
	}
	return nil
}

// refuse is the one answer to every failed proof. Only the log learns why.
func refuse(cause error) error {
	e := oauth.Refuse(oauth.InvalidClient, "Client authentication failed.")
	e.Err = cause
	return e
}

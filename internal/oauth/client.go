package oauth

import (
	"slices"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// ClientID is the public name of a client. It never looks like the id of a user, so that neither can
// be taken for the other in a sub claim (RFC 9700, section 4.15).
type ClientID string

// ClientType is what kind of program a client is. It decides what the client can keep secret and
// which redirect URIs it may have.
type ClientType string

// The types of client.
const (
	Web     ClientType = "web"     // runs on a server and keeps a secret
	SPA     ClientType = "spa"     // runs in a browser: public
	Native  ClientType = "native"  // runs on a device of the user: public
	Service ClientType = "service" // acts for itself; no users, no redirect URIs
)

// GrantType is a value of grant_type.
type GrantType string

// The grant types. GrantSession is ours alone and no value of grant_type: one of our own pages
// exchanges its session cookie for a short token.
const (
	GrantCode              GrantType = "authorization_code"
	GrantRefresh           GrantType = "refresh_token"
	GrantClientCredentials GrantType = "client_credentials"
	GrantSession           GrantType = "session"
)

// AuthMethod is how a client proves itself (RFC 7591, section 2: token_endpoint_auth_method). It is
// pinned: a client that has one is refused with any other.
type AuthMethod string

// The methods of client authentication.
const (
	AuthNone          AuthMethod = "none"
	AuthBasic         AuthMethod = "client_secret_basic"
	AuthPost          AuthMethod = "client_secret_post"
	AuthPrivateKeyJWT AuthMethod = "private_key_jwt"
)

// Format is the form of access tokens.
type Format string

// The forms of access token. The zero value is JWT.
const (
	JWT    Format = "jwt"    // RFC 9068
	Opaque Format = "opaque" // a random text that only we can read
)

// Alg is a JWS algorithm. The zero value of a client's means ES256.
type Alg = keyring.Alg

// Algs are the algorithms that clients may choose for their tokens and use for their assertions, the
// default first.
func Algs() []Alg { return keyring.Tokens.Algs() }

// ClientSecret is a secret of a client as it is stored. The secret has 256 random bits, so SHA-256 is
// enough to keep it.
type ClientSecret struct {
	ID      string    `json:"id"`
	Hash    string    `json:"hash"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"` // zero: until it is replaced
}

// Live reports whether the secret still opens anything at now.
func (s ClientSecret) Live(now time.Time) bool { return s.Expires.IsZero() || now.Before(s.Expires) }

// Client is a program that may ask for tokens. Its id is the client_id.
type Client struct {
	store.Meta
	Name     string        `json:"name"`
	Type     ClientType    `json:"type"`
	Disabled bool          `json:"disabled,omitzero"`
	Epoch    int64         `json:"epoch"` // tokens of a lower epoch are dead
	Created  time.Time     `json:"created"`
	Org      string        `json:"org,omitzero"` // the organisation it acts for, when it acts for itself
	Grants   []GrantType   `json:"grants"`
	Redirect []RedirectURI `json:"redirect_uris,omitzero"`
	Logout   []RedirectURI `json:"post_logout_redirect_uris,omitzero"`
	Origins  []string      `json:"origins,omitzero"` // that may call the token endpoint from a browser
	Scopes   Scopes        `json:"scopes,omitzero"`  // what it may ask for
	// Audience lists the resources (RFC 8707) it may ask tokens for; the first is the default. Empty
	// means the issuer itself: no token is without an audience.
	Audience []string `json:"audience,omitzero"`
	// Serves lists the audiences it answers for as a resource server: it may introspect their tokens.
	Serves []string `json:"serves,omitzero"`

	Auth    AuthMethod     `json:"auth"`
	AuthAlg Alg            `json:"auth_alg,omitzero"` // of its assertions, with private_key_jwt
	Secrets []ClientSecret `json:"secrets,omitzero"`  // at most two live ones
	Keys    string         `json:"jwks,omitzero"`     // JSON Web Key Set (RFC 7517), public keys only
	KeysURL string         `json:"jwks_uri,omitzero"`

	Access     Format         `json:"access,omitzero"`
	SigningAlg Alg            `json:"signing_alg,omitzero"`       // of its JWTs
	AccessLife tenant.Seconds `json:"access_token_life,omitzero"` // zero: the tenant's

	FirstParty  bool            `json:"first_party,omitzero"`   // belongs to the operator: no consent
	MinStrength access.Strength `json:"min_strength,omitzero"`  // its users must have proved at least this
	LeanIDToken bool            `json:"lean_id_token,omitzero"` // profile claims only at userinfo
	// UnsafeNoPKCE lets a confidential client ask for codes without PKCE, for libraries that know none.
	UnsafeNoPKCE bool `json:"unsafe_no_pkce,omitzero"`

	URI    string `json:"client_uri,omitzero"` // shown to people, never fetched
	Policy string `json:"policy_uri,omitzero"`
	Terms  string `json:"tos_uri,omitzero"`
}

// ClientID is the client's id.
func (c *Client) ClientID() ClientID { return ClientID(c.ID) }

// Object is the client as the guard names it.
func (c *Client) Object() access.Object { return ClientObject(c.ClientID()) }

// ClientObject names a client to the guard.
func ClientObject(id ClientID) access.Object {
	return access.Object{Type: "cardea:client", ID: string(id)}
}

// Public reports whether the client cannot keep a secret.
func (c *Client) Public() bool { return c.Auth == AuthNone || c.Auth == "" }

// May reports whether the client may use grant g.
func (c *Client) May(g GrantType) bool { return slices.Contains(c.Grants, g) }

// DefaultAudience is what its tokens are for if it does not say.
func (c *Client) DefaultAudience(issuer string) string {
	if len(c.Audience) == 0 {
		return issuer
	}
	return c.Audience[0]
}

// MayTarget reports whether the client may ask for tokens for resource.
func (c *Client) MayTarget(issuer, resource string) bool {
	return resource == c.DefaultAudience(issuer) || slices.Contains(c.Audience, resource)
}

// Alg is the algorithm of the client's tokens.
func (c *Client) Alg() Alg {
	if c.SigningAlg == "" {
		return keyring.ES256
	}
	return c.SigningAlg
}

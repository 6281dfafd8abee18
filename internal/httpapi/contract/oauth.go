package contract

import (
	"net/http"

	"github.com/cardea-auth/cardea/internal/httpapi/oidc"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth/discovery"
	"github.com/cardea-auth/cardea/internal/oauth/revocations"
)

// ClientProof is how a client proves itself in a form, where it does not do so by Basic (RFC 6749,
// section 2.3; RFC 7523, section 2.2).
type ClientProof struct {
	ClientID      string       `json:"client_id,omitzero" max:"200"`
	Secret        secret.Value `json:"client_secret,omitzero" max:"256"`
	AssertionType string       `json:"client_assertion_type,omitzero" enum:"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"`
	Assertion     secret.Value `json:"client_assertion,omitzero" max:"8192"`
}

// TokenRequest exchanges a grant for tokens (RFC 6749, section 3.2; RFC 7636, section 4.5; RFC 8707).
type TokenRequest struct {
	Grant    string       `json:"grant_type" enum:"authorization_code,refresh_token,client_credentials"`
	Code     secret.Value `json:"code,omitzero" max:"4096" doc:"with authorization_code"`
	Redirect string       `json:"redirect_uri,omitzero" max:"2048" format:"uri"`
	Verifier secret.Value `json:"code_verifier,omitzero" max:"128"`
	Refresh  secret.Value `json:"refresh_token,omitzero" max:"4096" doc:"with refresh_token"`
	Scope    string       `json:"scope,omitzero" max:"8256" doc:"names separated by one blank each"`
	Resource []string     `json:"resource,omitzero" format:"uri" doc:"what the access token is for"`
	Audience []string     `json:"audience,omitzero" doc:"the same by another name"`
	ClientProof
}

// Tokens is the answer to a TokenRequest (RFC 6749, section 5.1).
type Tokens struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type" enum:"Bearer"`
	Expires int64  `json:"expires_in" doc:"seconds"`
	Refresh string `json:"refresh_token,omitzero"`
	ID      string `json:"id_token,omitzero"`
	Scope   string `json:"scope" doc:"what was granted; always said"`
}

// TokenQuestion names a token (RFC 7662, section 2.1; RFC 7009, section 2.1).
type TokenQuestion struct {
	Token secret.Value `json:"token" max:"8192"`
	Hint  string       `json:"token_type_hint,omitzero" doc:"is not needed: tokens say what they are"`
	ClientProof
}

// Introspection says what is behind a token (RFC 7662, section 2.2). All but active is left out for a
// token that is not good, or not for the one who asks.
type Introspection struct {
	Active   bool   `json:"active"`
	Type     string `json:"token_type,omitzero" enum:"Bearer,refresh_token"`
	Issuer   string `json:"iss,omitzero"`
	Audience any    `json:"aud,omitzero" doc:"a text, or a list of texts"`
	Subject  string `json:"sub,omitzero"`
	Client   string `json:"client_id,omitzero"`
	Scope    string `json:"scope,omitzero"`
	Issued   int64  `json:"iat,omitzero"`
	Expires  int64  `json:"exp,omitzero"`
	JTI      string `json:"jti,omitzero"`
	Session  string `json:"sid,omitzero"`
	Org      string `json:"org_id,omitzero"`
	Epochs   Epochs `json:"ep,omitzero" doc:"epochs of the session, user, client, tenant and consent; a lower one than the revocation feed names is dead"`
	ACR      string `json:"acr,omitzero"`
	AuthTime int64  `json:"auth_time,omitzero"`
}

// Epochs are those that a token was made in.
type Epochs struct {
	Session int64 `json:"s,omitzero"`
	User    int64 `json:"u,omitzero"`
	Client  int64 `json:"c,omitzero"`
	Tenant  int64 `json:"t,omitzero"`
	Consent int64 `json:"g,omitzero"`
}

// UserInfo is who is behind an access token (OpenID Connect Core, section 5.3.2), as far as its scopes
// open it.
type UserInfo struct {
	Subject       string `json:"sub"`
	Name          string `json:"name,omitzero"`
	GivenName     string `json:"given_name,omitzero"`
	FamilyName    string `json:"family_name,omitzero"`
	Nickname      string `json:"nickname,omitzero"`
	Username      string `json:"preferred_username,omitzero"`
	Picture       string `json:"picture,omitzero"`
	Locale        string `json:"locale,omitzero"`
	Zone          string `json:"zoneinfo,omitzero"`
	Updated       int64  `json:"updated_at,omitzero"`
	Email         string `json:"email,omitzero"`
	EmailVerified bool   `json:"email_verified,omitzero"`
	Phone         string `json:"phone_number,omitzero"`
	PhoneVerified bool   `json:"phone_number_verified,omitzero"`
}

// KeySet is a JSON Web Key Set (RFC 7517, section 5).
type KeySet struct {
	Keys []map[string]any `json:"keys"`
}

// authorization is what an authorization request may hold (RFC 6749, section 4.1.1; OpenID Connect
// Core, section 3.1.2.1; RFC 7636; RFC 8707).
type authorization struct {
	Client    string   `query:"client_id,required" max:"200"`
	Redirect  string   `query:"redirect_uri,required" max:"2048" doc:"compared byte for byte with those of the client"`
	Response  string   `query:"response_type,required" enum:"code"`
	Scope     string   `query:"scope" max:"8256"`
	State     string   `query:"state" max:"2048"`
	Nonce     string   `query:"nonce" max:"2048"`
	Challenge string   `query:"code_challenge" max:"128"`
	Method    string   `query:"code_challenge_method" enum:"S256"`
	Mode      string   `query:"response_mode" enum:"query,form_post"`
	Prompt    string   `query:"prompt"`
	MaxAge    int64    `query:"max_age" min:"0" max:"31536000"`
	ACR       string   `query:"acr_values"`
	Hint      string   `query:"login_hint"`
	IDHint    string   `query:"id_token_hint" max:"8192"`
	Resource  []string `query:"resource"`
}

// AuthorizationForm is an authorization request that was posted.
type AuthorizationForm struct {
	Client    string `json:"client_id" max:"200"`
	Redirect  string `json:"redirect_uri" max:"2048"`
	Response  string `json:"response_type" enum:"code"`
	Scope     string `json:"scope,omitzero" max:"8256"`
	State     string `json:"state,omitzero" max:"2048"`
	Nonce     string `json:"nonce,omitzero" max:"2048"`
	Challenge string `json:"code_challenge,omitzero" max:"128"`
	Method    string `json:"code_challenge_method,omitzero" enum:"S256"`
}

type handle struct {
	Request string `query:"request,required" max:"4096" doc:"sealed handle of an authorization request"`
}

// Decision is what a person has said on the consent page or on the choice of an account.
type Decision struct {
	Request string   `json:"request" max:"4096"`
	Allow   bool     `json:"allow,omitzero"`
	Select  bool     `json:"select,omitzero" doc:"the account that is signed in is the one"`
	Scopes  []string `json:"scopes,omitzero" doc:"what is allowed"`
}

// Next is where the browser goes on.
type Next struct {
	Location string            `json:"location,omitzero" format:"uri"`
	FormPost string            `json:"form_post,omitzero" format:"uri" doc:"instead: where to post params"`
	Params   map[string]string `json:"params,omitzero"`
}

type signOut struct {
	Hint     string `query:"id_token_hint" max:"8192"`
	Client   string `query:"client_id" max:"200"`
	Redirect string `query:"post_logout_redirect_uri" max:"2048"`
	State    string `query:"state" max:"2048"`
}

// SignOut is a request to sign out (OpenID Connect RP-Initiated Logout 1.0, section 2).
type SignOut struct {
	Hint     string `json:"id_token_hint,omitzero" max:"8192"`
	Client   string `json:"client_id,omitzero" max:"200"`
	Redirect string `json:"post_logout_redirect_uri,omitzero" max:"2048"`
	State    string `json:"state,omitzero" max:"2048"`
}

// SignOutConfirmation says that a person has agreed to sign out.
type SignOutConfirmation struct {
	Client   string `json:"client_id,omitzero" max:"200"`
	Redirect string `json:"post_logout_redirect_uri,omitzero" max:"2048"`
	State    string `json:"state,omitzero" max:"2048"`
}

// SuggestedScopes are what an application should ask for.
type SuggestedScopes struct {
	Scopes []oidc.NeedScope `json:"scopes"`
}

const oauthForm = "Refusals have the form of RFC 6749, section 5.2. The client authenticates by Basic, in the form, or by an assertion (RFC 7523)"

func oauthRoutes() map[string]description {
	const group = "OAuth and OpenID Connect"
	type form[T any] struct {
		Body T `body:"form"`
	}
	page := says{group: group, summary: "Begin an authorization request", status: http.StatusSeeOther,
		details: "Leads the browser to the application, or to one of our own pages (RFC 6749, section 4.1.1)"}
	logout := says{group: group, summary: "Sign a user out for an application", status: http.StatusSeeOther,
		details: "Without a valid hint the person is asked first (OpenID Connect RP-Initiated Logout 1.0)"}
	who := says{group: group, summary: "Say who is behind an access token", details: "OpenID Connect Core, section 5.3. Takes Authorization: Bearer"}
	about := says{group: group, summary: "Describe the issuer to programs", details: "OpenID Connect Discovery 1.0, section 4; RFC 8414, section 3"}
	return map[string]description{
		"oauth.token":      endpoint[form[TokenRequest], Tokens](says{group: group, summary: "Exchange a grant for tokens", details: oauthForm, lax: true}),
		"oauth.introspect": endpoint[form[TokenQuestion], Introspection](says{group: group, summary: "Say what is behind a token", details: oauthForm, lax: true}),
		"oauth.revoke": endpoint[form[TokenQuestion], rest.None](says{group: group, summary: "End a token", status: http.StatusOK, lax: true,
			details: oauthForm + ". A token that is not known is as good as revoked (RFC 7009, section 2.2)"}),
		"oauth.userinfo":       endpoint[rest.None, UserInfo](who),
		"oauth.userinfo_post":  endpoint[rest.None, UserInfo](who),
		"oauth.jwks":           endpoint[rest.None, KeySet](says{group: group, summary: "List the public keys that sign tokens", media: "application/jwk-set+json"}),
		"oauth.discovery":      endpoint[rest.None, discovery.Document](about),
		"oauth.metadata":       endpoint[rest.None, discovery.Document](about),
		"oauth.authorize":      endpoint[authorization, rest.None](page),
		"oauth.authorize_post": endpoint[form[AuthorizationForm], rest.None](page),
		"oauth.resume":         endpoint[handle, rest.None](says{group: group, summary: "Go on with an authorization request", status: http.StatusSeeOther}),
		"oauth.need":           endpoint[handle, oidc.Need](says{group: group, summary: "Say what an authorization request needs of the person"}),
		"oauth.answer": endpoint[struct {
			Body Decision `body:"json"`
		}, Next](says{group: group, summary: "Answer an authorization request"}),
		"oauth.logout":      endpoint[signOut, rest.None](logout),
		"oauth.logout_post": endpoint[form[SignOut], rest.None](logout),
		"oauth.logout_confirm": endpoint[struct {
			Body SignOutConfirmation `body:"json"`
		}, Next](says{group: group, summary: "Sign out after the person has agreed"}),
		"oauth.scopes": endpoint[struct {
			Client string `query:"client_id,required" max:"200"`
			Org    string `query:"org_id" max:"64"`
		}, SuggestedScopes](says{group: group, summary: "Say which scopes an application should ask for",
			details: "For whoever is signed in; a stranger learns the application's own list only"}),
		"revocation.follow": endpoint[struct {
			After string `query:"after" max:"256" doc:"cursor of the last line that was read; left out: from nothing"`
		}, revocations.Entry](says{group: group, summary: "Follow what is revoked", media: "application/x-ndjson",
			details: "One object a line: everything in force, then live, then each revocation as it is found, and a heartbeat every second. 410 for a cursor that is too old: start again without one. The client authenticates by Basic"}),
	}
}

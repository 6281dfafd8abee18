// Package discovery describes the provider to programs: OpenID Connect Discovery 1.0, section 3, and
// RFC 8414 in one document. Only what exists is in it: an end point that no door serves is left out.
package discovery

import (
	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/authorize"
)

// Paths are where the doors serve the end points, below the issuer and beginning with '/'. Empty ones
// do not exist.
type Paths struct {
	Authorize, Token, UserInfo, JWKS, Introspect, Revoke, EndSession, Documentation string
}

// Document is the metadata of an issuer.
type Document struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint,omitempty"`
	Token         string `json:"token_endpoint,omitempty"`
	UserInfo      string `json:"userinfo_endpoint,omitempty"`
	JWKS          string `json:"jwks_uri,omitempty"`
	Introspection string `json:"introspection_endpoint,omitempty"`
	Revocation    string `json:"revocation_endpoint,omitempty"`
	EndSession    string `json:"end_session_endpoint,omitempty"`
	Documentation string `json:"service_documentation,omitempty"`

	Scopes        []string `json:"scopes_supported"`
	ResponseTypes []string `json:"response_types_supported"`
	ResponseModes []string `json:"response_modes_supported"`
	Grants        []string `json:"grant_types_supported"`
	ACRs          []string `json:"acr_values_supported"`
	Subjects      []string `json:"subject_types_supported"`
	Prompts       []string `json:"prompt_values_supported"`
	Claims        []string `json:"claims_supported"`
	ClaimTypes    []string `json:"claim_types_supported"`
	Challenges    []string `json:"code_challenge_methods_supported"`

	IDTokenAlgs         []string `json:"id_token_signing_alg_values_supported"`
	TokenAuth           []string `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgs       []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAuth   []string `json:"introspection_endpoint_auth_methods_supported,omitempty"`
	IntrospectionAlgs   []string `json:"introspection_endpoint_auth_signing_alg_values_supported,omitempty"`
	RevocationAuth      []string `json:"revocation_endpoint_auth_methods_supported,omitempty"`
	RevocationAlgs      []string `json:"revocation_endpoint_auth_signing_alg_values_supported,omitempty"`
	IssInResponse       bool     `json:"authorization_response_iss_parameter_supported"`
	ClaimsParameter     bool     `json:"claims_parameter_supported"`
	RequestParameter    bool     `json:"request_parameter_supported"`
	RequestURIParameter bool     `json:"request_uri_parameter_supported"`
	RequireRegistration bool     `json:"require_request_uri_registration"`
}

// Describe makes the document of an issuer. algs are the algorithms with which the tenant's keys sign
// now; strongest is how strongly a person can prove itself here.
func Describe(issuer string, p Paths, algs []oauth.Alg, strongest access.Strength) Document {
	at := func(path string) string {
		if path == "" {
			return ""
		}
		return issuer + path
	}
	secretAuth := []string{string(oauth.AuthBasic), string(oauth.AuthPost), string(oauth.AuthPrivateKeyJWT)}
	anyAuth := append([]string{string(oauth.AuthNone)}, secretAuth...)
	assertions := names(oauth.Algs())
	d := Document{
		Issuer: issuer, Authorization: at(p.Authorize), Token: at(p.Token), UserInfo: at(p.UserInfo), JWKS: at(p.JWKS),
		Introspection: at(p.Introspect), Revocation: at(p.Revoke), EndSession: at(p.EndSession), Documentation: at(p.Documentation),

		Scopes:        []string{oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopePhone, oauth.ScopeOfflineAccess},
		ResponseTypes: []string{"code"},
		ResponseModes: []string{string(authorize.Query), string(authorize.FormPost)},
		Grants:        []string{string(oauth.GrantCode), string(oauth.GrantRefresh), string(oauth.GrantClientCredentials)},
		ACRs:          oauth.ACRs()[:strongest], Subjects: []string{"public"},
		Prompts: []string{"none", "login", "consent", "select_account", "create"},
		Claims: []string{
			"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "org_id", "name", "given_name",
			"family_name", "nickname", "preferred_username", "picture", "locale", "zoneinfo", "updated_at", "email",
			"email_verified", "phone_number", "phone_number_verified",
		},
		ClaimTypes: []string{"normal"}, Challenges: []string{"S256"},
		IDTokenAlgs: names(algs), TokenAuth: anyAuth, TokenAuthAlgs: assertions, IssInResponse: true,
	}
	if d.Introspection != "" {
		d.IntrospectionAuth, d.IntrospectionAlgs = secretAuth, assertions
	}
	if d.Revocation != "" {
		d.RevocationAuth, d.RevocationAlgs = anyAuth, assertions
	}
	return d
}

func names(algs []oauth.Alg) []string {
	out := make([]string, len(algs))
	for i, a := range algs {
		out[i] = string(a)
	}
	return out
}

// Package oidc is the door of the OAuth 2.0 and OpenID Connect provider: it reads what clients and
// browsers send, calls one method of a domain, and writes the answer in the words of the protocol.
//
//	token.go      token, introspection, revocation   authorize.go  authorization and what it needs
//	metadata.go   discovery, keys, user info         logout.go     RP-initiated logout
//	feed.go       the revocation feed                person.go     refusals that stay with the person
//
// The package decides nothing: every rule is in internal/oauth. It must not read cookies itself nor
// know where tokens come from.
package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/problem"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/markup"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/kit/strict"
	"github.com/cardea-auth/cardea/internal/limit"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/authorize"
	"github.com/cardea-auth/cardea/internal/oauth/clientauth"
	"github.com/cardea-auth/cardea/internal/oauth/codes"
	"github.com/cardea-auth/cardea/internal/oauth/introspect"
	"github.com/cardea-auth/cardea/internal/oauth/logout"
	"github.com/cardea-auth/cardea/internal/oauth/refresh"
	"github.com/cardea-auth/cardea/internal/oauth/revocations"
	"github.com/cardea-auth/cardea/internal/oauth/revoke"
	"github.com/cardea-auth/cardea/internal/oauth/scopes"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
)

// The paths of the end points, below the issuer.
const (
	PathAuthorize  = "/oauth/authorize"
	PathResume     = "/oauth/authorize/resume"
	PathToken      = "/oauth/token"
	PathIntrospect = "/oauth/introspect"
	PathRevoke     = "/oauth/revoke"
	PathUserInfo   = "/oauth/userinfo"
	PathKeys       = "/oauth/jwks"
	PathLogout     = "/oauth/logout"
	PathScopes     = "/oauth/scopes"
	PathFeed       = "/revocations"
)

// Keys shows the public keys of a tenant.
type Keys interface {
	// JWKS is the JSON Web Key Set of the keys that sign tokens (RFC 7517, section 5).
	JWKS(ctx context.Context, t id.Tenant) ([]byte, error)
	// Algs are the algorithms with which tokens can be signed now.
	Algs(ctx context.Context, t id.Tenant) ([]oauth.Alg, error)
}

// Door serves the end points. All fields are required.
type Door struct {
	Clients      *clientauth.Authenticator
	Issuer       *tokens.Issuer
	Reader       *tokens.Reader
	Codes        *codes.Codes
	Families     *refresh.Families
	Authorizer   *authorize.Authorizer
	Introspector *introspect.Introspector
	Revoker      *revoke.Revoker
	Logout       *logout.Logout
	Board        *revocations.Board
	Scopes       *scopes.Catalogue
	Keys         Keys
	// Page is the address of one of our own pages, with what it needs to go on.
	Page func(s edge.Site, need authorize.Kind, handle string) string
	// Shell dresses what is told to a person.
	Shell Shell
}

// Shell makes a page that looks like all others.
type Shell interface {
	// Plain answers with content, which must be safe, on a page without script.
	Plain(x *edge.Exchange, status int, title string, content markup.HTML) error
}

// Routes are the end points as the doorstep must know them.
func (d *Door) Routes() []edge.Route {
	client := edge.Open("the client authenticates itself in the request")
	public := edge.Open("the answer is public")
	bearer := edge.Open("the access token is read by the domain")
	return []edge.Route{
		{Method: "POST", Path: PathToken, Name: "oauth.token", Access: client, CORS: edge.ClientOrigins, Intent: limit.Token, Hot: true, Handle: d.token},
		{Method: "POST", Path: PathIntrospect, Name: "oauth.introspect", Access: client, Hot: true, Handle: d.introspect},
		{Method: "POST", Path: PathRevoke, Name: "oauth.revoke", Access: client, CORS: edge.ClientOrigins, Handle: d.revoke},
		{Method: "GET", Path: PathUserInfo, Name: "oauth.userinfo", Access: bearer, CORS: edge.ClientOrigins, Hot: true, Handle: d.userinfo},
		{Method: "POST", Path: PathUserInfo, Name: "oauth.userinfo_post", Access: bearer, CORS: edge.ClientOrigins, Hot: true, Handle: d.userinfo},
		{Method: "GET", Path: PathKeys, Name: "oauth.jwks", Access: public, CORS: edge.AnyOrigin, Hot: true, Handle: d.jwks},
		{Method: "GET", Path: "/.well-known/openid-configuration", Name: "oauth.discovery", Access: public, CORS: edge.AnyOrigin, Handle: d.discovery},
		{Method: "GET", Path: "/.well-known/oauth-authorization-server", Name: "oauth.metadata", Access: public, CORS: edge.AnyOrigin, Handle: d.discovery},
		{Method: "GET", Path: PathAuthorize, Name: "oauth.authorize", Access: edge.Visitor("it reads who is signed in and changes nothing"), Handle: d.authorize},
		{Method: "POST", Path: PathAuthorize, Name: "oauth.authorize_post", Access: edge.Visitor("it reads who is signed in and changes nothing"), Handle: d.authorize},
		{Method: "GET", Path: PathResume, Name: "oauth.resume", Access: edge.Visitor("the sealed handle says what was asked for"), Handle: d.resume},
		{Method: "GET", Path: PathResume + "/need", Name: "oauth.need", Access: edge.Visitor("the sealed handle says what was asked for"), Handle: d.need},
		{Method: "POST", Path: PathResume, Name: "oauth.answer", Access: edge.InSession("the person answers on our own page"), Handle: d.decide},
		{Method: "GET", Path: PathLogout, Name: "oauth.logout", Access: edge.Visitor("without a valid hint the person is asked first"), Handle: d.logout},
		{Method: "POST", Path: PathLogout, Name: "oauth.logout_post", Access: edge.Visitor("without a valid hint the person is asked first"), Handle: d.logout},
		{Method: "POST", Path: PathLogout + "/confirm", Name: "oauth.logout_confirm", Access: edge.InSession("the person agrees on our own page"), Handle: d.confirmLogout},
		{Method: "GET", Path: PathScopes, Name: "oauth.scopes", Access: edge.Optional("a stranger learns the client's own list only"), Handle: d.scopes},
		{Method: "GET", Path: PathFeed, Name: "revocation.follow", Access: client, Timeout: feedLife, Follows: true, Handle: d.feed},
	}
}

// answer writes a refusal in the form of RFC 6749, section 5.2, or leaves it to the doorstep.
func answer(x *edge.Exchange, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*oauth.Error](err); ok {
		return refuse(x, e)
	}
	if e := errs.From(err); e.Kind == errs.Invalid && e.Code != problem.CodeMediaType && e.Code != problem.CodeBodyTooLarge {
		return refuse(x, oauth.Refuse(oauth.InvalidRequest, "the request is malformed"))
	}
	return err
}

// statusOf is the HTTP status of an error of the protocol.
func statusOf(code oauth.Code) int {
	switch code {
	case oauth.InvalidClient, oauth.InvalidToken:
		return http.StatusUnauthorized
	case oauth.InsufficientScope:
		return http.StatusForbidden
	case oauth.ServerError:
		return http.StatusInternalServerError
	case oauth.TemporarilyUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

func refuse(x *edge.Exchange, e *oauth.Error) error {
	if e.Code == oauth.InvalidClient && len(x.R.Header["Authorization"]) > 0 {
		x.Header().Set("WWW-Authenticate", `Basic realm="`+x.Site.Issuer+`", charset="UTF-8"`)
	}
	return x.JSON(statusOf(e.Code), struct {
		Error       oauth.Code `json:"error"`
		Description string     `json:"error_description,omitempty"`
	}{e.Code, e.Description})
}

// client reads the form and says which client sent it.
func (d *Door) client(x *edge.Exchange, c access.Caller) (clientauth.Proven, url.Values, error) {
	if len(x.R.Header["Dpop"]) > 0 { // a client that asks for bound tokens must not get others
		return clientauth.Proven{}, nil, oauth.Refuse(oauth.InvalidRequest, "DPoP is not offered: tokens are bearer tokens here")
	}
	form, err := x.Form("resource", "audience")
	if err != nil {
		return clientauth.Proven{}, nil, err
	}
	attempt, err := attemptOf(x, form)
	if err != nil {
		return clientauth.Proven{}, nil, err
	}
	proven, err := d.Clients.Authenticate(x.R.Context(), c, attempt)
	if err != nil {
		return clientauth.Proven{}, nil, err
	}
	// The list of origins is of all clients; now that we know which one asks, only its own count.
	if origin := x.R.Header.Get("Origin"); origin != "" && !slices.Contains(proven.Client().Origins, origin) {
		x.DenyOrigin()
	}
	return proven, form, nil
}

func attemptOf(x *edge.Exchange, form url.Values) (clientauth.Attempt, error) {
	attempt := clientauth.Attempt{
		ClientID: form.Get("client_id"), Secret: secret.New(form.Get("client_secret")),
		AssertionType: form.Get("client_assertion_type"), Assertion: secret.New(form.Get("client_assertion")),
	}
	headers := x.R.Header["Authorization"]
	switch {
	case len(headers) == 0:
		return attempt, nil
	case len(headers) > 1:
		return attempt, oauth.Refuse(oauth.InvalidRequest, "the Authorization header stands twice")
	}
	username, password, err := parseBasic(headers[0])
	if err != nil {
		return attempt, err
	}
	attempt.Basic, err = clientauth.DecodeBasic(username, password)
	return attempt, err
}

// parseBasic reads the Basic scheme (RFC 7617, section 2) strictly: one reading or none.
func parseBasic(header string) (username, password string, err error) {
	bad := oauth.Refuse(oauth.InvalidClient, "the Authorization header is not Basic credentials")
	scheme, encoded, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Basic") || len(encoded) > 4096 {
		return "", "", bad
	}
	plain, decodeErr := strict.Base64(encoded)
	if decodeErr != nil {
		return "", "", bad
	}
	username, password, ok = strings.Cut(string(plain), ":")
	if !ok {
		return "", "", bad
	}
	return username, password, nil
}

package oidc

import (
	"net/http"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/discovery"
	"github.com/cardea-auth/cardea/internal/oauth/userinfo"
)

// publicFor is how long others may keep metadata and keys. A key is published longer than this
// before it signs.
const publicFor = "public, max-age=300"

// discovery answers with the metadata of the issuer (OpenID Connect Discovery, section 4; RFC 8414).
func (d *Door) discovery(x *edge.Exchange, _ access.Caller) error {
	algs, err := d.Keys.Algs(x.R.Context(), x.Site.Tenant)
	if err != nil {
		return err
	}
	x.Header().Set("Cache-Control", publicFor)
	return x.JSON(http.StatusOK, discovery.Describe(x.Site.Issuer, discovery.Paths{
		Authorize: PathAuthorize, Token: PathToken, UserInfo: PathUserInfo, JWKS: PathKeys,
		Introspect: PathIntrospect, Revoke: PathRevoke, EndSession: PathLogout,
	}, algs, d.Authorizer.Strongest))
}

// jwks answers with the public keys of the tenant.
func (d *Door) jwks(x *edge.Exchange, _ access.Caller) error {
	set, err := d.Keys.JWKS(x.R.Context(), x.Site.Tenant)
	if err != nil {
		return err
	}
	x.Header().Set("Cache-Control", publicFor)
	return x.Bytes(http.StatusOK, "application/jwk-set+json", set)
}

// userinfo says who is behind an access token (OpenID Connect Core, section 5.3).
func (d *Door) userinfo(x *edge.Exchange, _ access.Caller) error {
	sent, err := credential.Read(credential.Source{Header: x.R.Header, Jar: x.Cookies(), Tenant: x.Site.Tenant}, credential.Header)
	if err != nil {
		return err
	}
	if sent.Kind == credential.DPoP {
		return errs.New(errs.Unauthenticated, "token_invalid", "Tokens are not bound by DPoP here; send them as Bearer.")
	}
	if sent.Kind != credential.Bearer {
		return errs.New(errs.Unauthenticated, "token_missing", "Send an access token.")
	}
	person, err := userinfo.Of(x.R.Context(), d.Reader, x.Site.Tenant, sent.Token.Reveal())
	if err != nil {
		return bearerRefusal(err)
	}
	body, err := person.AppendJSON(nil)
	if err != nil {
		return err
	}
	return x.Bytes(http.StatusOK, jsonType, body)
}

// bearerRefusal gives refusals of a bearer token the form that the doorstep answers with a challenge.
func bearerRefusal(err error) error {
	if oauth.CodeOf(err) == oauth.InsufficientScope {
		e := errs.New(errs.Denied, "insufficient_scope", "The token lacks the scope openid.")
		e.Missing = oauth.ScopeOpenID
		return e
	}
	return err
}

// scopes answers which scopes an application should ask for.
func (d *Door) scopes(x *edge.Exchange, c access.Caller) error {
	query, err := x.Query()
	if err != nil {
		return err
	}
	found, err := d.Scopes.Suggest(x.R.Context(), c, oauth.ClientID(query.Get("client_id")), query.Get("org_id"))
	if err != nil {
		return err
	}
	return x.JSON(http.StatusOK, map[string]any{"scopes": found})
}

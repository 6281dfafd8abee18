package oidc

import (
	"net/http"
	"net/url"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/codes"
	"github.com/cardea-auth/cardea/internal/oauth/grants"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
)

const jsonType = "application/json"

// token exchanges a grant for tokens (RFC 6749, section 3.2).
func (d *Door) token(x *edge.Exchange, c access.Caller) error {
	client, form, err := d.client(x, c)
	if err != nil {
		return answer(x, err)
	}
	grant, err := d.grant(form)
	if err != nil {
		return answer(x, err)
	}
	request := tokens.Request{Resources: append(form["resource"], form["audience"]...)}
	if scope := form.Get("scope"); scope != "" {
		if request.Scopes, err = oauth.ParseScopes(scope); err != nil {
			return answer(x, err)
		}
	}
	minted, err := d.Issuer.Issue(x.R.Context(), c, client, grant, request)
	if err != nil {
		return answer(x, err)
	}
	x.Header().Set("Pragma", "no-cache")
	return x.Bytes(http.StatusOK, jsonType, minted.AppendJSON(nil))
}

func (d *Door) grant(form url.Values) (tokens.Grant, error) {
	switch kind := form.Get("grant_type"); oauth.GrantType(kind) {
	case oauth.GrantCode:
		if form.Get("code") == "" {
			return nil, oauth.Refuse(oauth.InvalidRequest, "code is missing")
		}
		return grants.NewCode(d.Codes, codes.Proof{
			Code: secret.New(form.Get("code")), Redirect: form.Get("redirect_uri"), Verifier: secret.New(form.Get("code_verifier")),
		}), nil
	case oauth.GrantRefresh:
		if form.Get("refresh_token") == "" {
			return nil, oauth.Refuse(oauth.InvalidRequest, "refresh_token is missing")
		}
		return grants.NewRefresh(d.Families, secret.New(form.Get("refresh_token"))), nil
	case oauth.GrantClientCredentials:
		return grants.ClientCredentials{}, nil
	case "":
		return nil, oauth.Refuse(oauth.InvalidRequest, "grant_type is missing")
	}
	return nil, oauth.Refuse(oauth.UnsupportedGrantType, "this grant_type is not supported")
}

// introspect says what is behind a token (RFC 7662, section 2).
func (d *Door) introspect(x *edge.Exchange, c access.Caller) error {
	client, form, err := d.client(x, c)
	if err != nil {
		return answer(x, err)
	}
	if form.Get("token") == "" {
		return answer(x, oauth.Refuse(oauth.InvalidRequest, "token is missing"))
	}
	found, err := d.Introspector.Introspect(x.R.Context(), client, form.Get("token"))
	if err != nil {
		return answer(x, err)
	}
	body, err := found.AppendJSON(nil)
	if err != nil {
		return err
	}
	return x.Bytes(http.StatusOK, jsonType, body)
}

// revoke ends a token (RFC 7009, section 2).
func (d *Door) revoke(x *edge.Exchange, c access.Caller) error {
	client, form, err := d.client(x, c)
	if err != nil {
		return answer(x, err)
	}
	if form.Get("token") == "" {
		return answer(x, oauth.Refuse(oauth.InvalidRequest, "token is missing"))
	}
	if err := d.Revoker.Revoke(x.R.Context(), c, client, form.Get("token")); err != nil {
		return answer(x, err)
	}
	x.WriteHeader(http.StatusOK)
	return nil
}

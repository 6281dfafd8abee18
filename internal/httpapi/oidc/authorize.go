package oidc

import (
	"net/http"
	"net/url"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/markup"
	"github.com/cardea-auth/cardea/internal/kit/strict"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/authorize"
)

// authorize begins an authorization request (RFC 6749, section 3.1). What cannot be sent back to the
// client safely is answered here.
func (d *Door) authorize(x *edge.Exchange, c access.Caller) error {
	params, err := d.params(x)
	if err != nil {
		return d.tell(x, err)
	}
	next, err := d.Authorizer.Begin(x.R.Context(), c, params)
	return d.goOn(x, next, err)
}

func (d *Door) params(x *edge.Exchange) (authorize.Params, error) {
	read := x.Query
	if x.R.Method == http.MethodPost {
		read = x.Form
	}
	values, err := read("resource")
	if err != nil {
		return authorize.Params{}, err
	}
	return authorize.NewParams(values)
}

// Resume is the path, below the issuer, that goes on with a request.
func Resume(handle string) string { return PathResume + "?request=" + url.QueryEscape(handle) }

// resume goes on with a request once somebody has signed in or agreed.
func (d *Door) resume(x *edge.Exchange, c access.Caller) error {
	query, err := x.Query()
	if err != nil {
		return d.tell(x, err)
	}
	next, err := d.Authorizer.Resume(x.R.Context(), c, query.Get("request"), authorize.Choice{})
	return d.goOn(x, next, err)
}

// goOn sends the browser to the client, or to one of our own pages.
func (d *Door) goOn(x *edge.Exchange, next authorize.Answer, err error) error {
	switch {
	case err != nil:
		return d.tell(x, err)
	case next.Need != nil:
		x.Redirect(d.Page(x.Site, next.Need.Kind, next.Need.Handle))
		return nil
	}
	return respond(x, *next.Response)
}

// respond sends an authorization response (RFC 6749, section 4.1.2).
func respond(x *edge.Exchange, r authorize.Response) error {
	if r.Mode != authorize.FormPost {
		x.Redirect(r.Location())
		return nil
	}
	nonce := edge.NewNonce()
	x.Page(edge.PagePolicy{Nonce: nonce, FormAction: []string{originOf(string(r.Redirect))}})
	return x.Bytes(http.StatusOK, "text/html; charset=utf-8", []byte(formPost(r, nonce)))
}

// formPost is the page of OAuth 2.0 Form Post Response Mode.
func formPost(r authorize.Response, nonce string) markup.HTML {
	var params markup.HTML
	for _, p := range r.Params {
		params += markup.Fill(`<input type="hidden" name="{}" value="{}">`, p.Name, p.Value)
	}
	return markup.Fill(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Signing in</title>
<form method="post" action="{}">{}
<noscript><button>Continue</button></noscript></form>
<script nonce="{}">document.forms[0].submit()</script></html>
`, string(r.Redirect), params, nonce)
}

func originOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// Need is what one of our pages must know to ask the person.
type Need struct {
	Kind   authorize.Kind `json:"kind,omitempty"` // empty: nothing is needed, go on
	Client *NeedClient    `json:"client,omitempty"`
	Scopes []NeedScope    `json:"scopes,omitempty"`
	Hint   string         `json:"hint,omitempty"`
	Next   string         `json:"next,omitempty"` // where to go on if nothing is needed
}

// NeedClient is the application that asks.
type NeedClient struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	URI    string `json:"uri,omitempty"`
	Policy string `json:"policy_uri,omitempty"`
	Terms  string `json:"tos_uri,omitempty"`
}

// NeedScope is one thing that it asks for.
type NeedScope struct {
	Name  string `json:"name"`
	Words string `json:"words,omitempty"`
}

// need tells a page what is behind a handle. It is asked before the person is: nothing changes.
func (d *Door) need(x *edge.Exchange, c access.Caller) error {
	query, err := x.Query()
	if err != nil {
		return err
	}
	next, err := d.Authorizer.Resume(x.R.Context(), c, query.Get("request"), authorize.Choice{})
	if err != nil {
		return answer(x, err)
	}
	if next.Need == nil {
		return x.JSON(http.StatusOK, Need{Next: x.Site.Issuer + Resume(query.Get("request"))})
	}
	n := next.Need
	out := Need{Kind: n.Kind, Hint: n.Hint}
	if n.Client != nil {
		out.Client = &NeedClient{ID: n.Client.ID, Name: n.Client.Name, URI: n.Client.URI, Policy: n.Client.Policy, Terms: n.Client.Terms}
	}
	for _, s := range n.Scopes {
		out.Scopes = append(out.Scopes, NeedScope(s))
	}
	return x.JSON(http.StatusOK, out)
}

// decision is what the person has said on the consent page or on the choice of an account.
type decision struct {
	Request string   `json:"request"`
	Allow   bool     `json:"allow,omitempty"`
	Select  bool     `json:"select,omitempty"` // the account that is signed in is the one
	Scopes  []string `json:"scopes,omitempty"`
}

// decide takes the person's answer and says where the browser goes on.
func (d *Door) decide(x *edge.Exchange, c access.Caller) error {
	body, err := x.Body()
	if err != nil {
		return err
	}
	var said decision
	if err := strict.Unmarshal(body, &said); err != nil {
		return err
	}
	next, err := d.apply(x, c, said)
	if err != nil {
		return answer(x, err)
	}
	if next.Need != nil {
		return x.JSON(http.StatusOK, map[string]string{"location": d.Page(x.Site, next.Need.Kind, next.Need.Handle)})
	}
	if next.Response.Mode == authorize.FormPost {
		params := map[string]string{}
		for _, p := range next.Response.Params {
			params[p.Name] = p.Value
		}
		return x.JSON(http.StatusOK, map[string]any{"form_post": next.Response.Redirect, "params": params})
	}
	return x.JSON(http.StatusOK, map[string]string{"location": next.Response.Location()})
}

func (d *Door) apply(x *edge.Exchange, c access.Caller, said decision) (authorize.Answer, error) {
	ctx := x.R.Context()
	switch {
	case said.Request == "":
		return authorize.Answer{}, errs.Bad("/request", "is missing")
	case said.Select:
		return d.Authorizer.Resume(ctx, c, said.Request, authorize.Choice{Selected: true})
	case !said.Allow:
		return d.Authorizer.Deny(ctx, c, said.Request)
	}
	allowed := make(oauth.Scopes, 0, len(said.Scopes))
	allowed = append(allowed, said.Scopes...)
	return d.Authorizer.Allow(ctx, c, said.Request, allowed)
}

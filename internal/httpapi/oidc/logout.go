package oidc

import (
	"net/http"
	"net/url"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/strict"
	"github.com/cardea-auth/cardea/internal/oauth/logout"
)

// PathSignOut is our page that asks whether to sign out, and that says goodbye.
const PathSignOut = "/sign-out"

// logout handles a request of an application to sign its user out (OpenID Connect RP-Initiated
// Logout 1.0). Without a valid hint the person is asked first.
func (d *Door) logout(x *edge.Exchange, c access.Caller) error {
	read := x.Query
	if x.R.Method == http.MethodPost {
		read = x.Form
	}
	values, err := read()
	if err != nil {
		return d.tell(x, err)
	}
	done, err := d.Logout.SignOut(x.R.Context(), c, logout.Params{
		IDTokenHint: values.Get("id_token_hint"), ClientID: values.Get("client_id"),
		PostLogoutRedirectURI: values.Get("post_logout_redirect_uri"), State: values.Get("state"),
	})
	if err != nil {
		return d.tell(x, err)
	}
	if done.Ask {
		ask := url.Values{}
		for _, name := range []string{"client_id", "post_logout_redirect_uri", "state"} {
			if v := values.Get(name); v != "" {
				ask.Set(name, v)
			}
		}
		x.Redirect(x.Site.Issuer + PathSignOut + "?" + ask.Encode())
		return nil
	}
	x.Cookies().ClearSession(x.Header(), x.Site.Tenant)
	x.Redirect(goodbye(x, done))
	return nil
}

func goodbye(x *edge.Exchange, done logout.Answer) string {
	if done.Next != nil {
		return done.Next.Location()
	}
	return x.Site.Issuer + PathSignOut + "?done=1"
}

// confirmation is what our page sends when the person agrees.
type confirmation struct {
	ClientID string `json:"client_id,omitempty"`
	Redirect string `json:"post_logout_redirect_uri,omitempty"`
	State    string `json:"state,omitempty"`
}

// confirmLogout ends the session after the person has agreed on our own page.
func (d *Door) confirmLogout(x *edge.Exchange, c access.Caller) error {
	body, err := x.Body()
	if err != nil {
		return err
	}
	var said confirmation
	if err := strict.Unmarshal(body, &said); err != nil {
		return err
	}
	done, err := d.Logout.SignOut(x.R.Context(), c, logout.Params{
		ClientID: said.ClientID, PostLogoutRedirectURI: said.Redirect, State: said.State, Confirmed: true,
	})
	if err != nil {
		return answer(x, err)
	}
	x.Cookies().ClearSession(x.Header(), x.Site.Tenant)
	return x.JSON(http.StatusOK, map[string]string{"location": goodbye(x, done)})
}

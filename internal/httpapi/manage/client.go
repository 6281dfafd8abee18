package manage

import (
	"context"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/clients"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// Client is a program that may ask for tokens.
type Client struct {
	ID       string         `json:"client_id"`
	Type     string         `json:"type" enum:"web,spa,native,service"`
	Disabled bool           `json:"disabled"`
	Created  time.Time      `json:"created"`
	Secrets  []SecretStatus `json:"secrets" doc:"what is known of its secrets; they cannot be read"`
	ClientSettings
}

// SecretStatus is what can be told of a secret.
type SecretStatus struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero" doc:"left out: until it is replaced"`
}

// ClientSettings are what an administrator decides about a client.
type ClientSettings struct {
	Name         string   `json:"name" max:"200"`
	Org          string   `json:"org,omitzero" max:"64" doc:"the organisation it acts for, when it acts for itself"`
	Grants       []string `json:"grants,omitzero" max:"10" enum:"authorization_code,refresh_token,client_credentials" doc:"left out: those of its type"`
	Redirects    []string `json:"redirect_uris,omitzero" max:"50"`
	LogoutURIs   []string `json:"post_logout_redirect_uris,omitzero" max:"50"`
	Origins      []string `json:"origins,omitzero" max:"50" doc:"that may call the token endpoint from a browser"`
	Scopes       []string `json:"scopes,omitzero" max:"100" doc:"what it may ask for"`
	Audience     []string `json:"audience,omitzero" max:"50" doc:"resources it may ask tokens for (RFC 8707); the first is the default"`
	Serves       []string `json:"serves,omitzero" max:"50" doc:"audiences it answers for: it may introspect their tokens"`
	Auth         string   `json:"token_endpoint_auth_method,omitzero" enum:"none,client_secret_basic,client_secret_post,private_key_jwt"`
	AuthAlg      string   `json:"token_endpoint_auth_signing_alg,omitzero" enum:"ES256,EdDSA,RS256,PS256"`
	JWKS         string   `json:"jwks,omitzero" max:"32768" format:"text" doc:"public keys (RFC 7517), as text"`
	JWKSURI      string   `json:"jwks_uri,omitzero" format:"uri" max:"2048"`
	Access       string   `json:"access_token_format,omitzero" enum:"jwt,opaque"`
	SigningAlg   string   `json:"signing_alg,omitzero" enum:"ES256,EdDSA,RS256,PS256" doc:"of its JWTs"`
	AccessLife   int64    `json:"access_token_life,omitzero" min:"0" max:"3600" format:"seconds" doc:"seconds; left out: the tenant's"`
	FirstParty   bool     `json:"first_party,omitzero" doc:"belongs to the operator: people are not asked for consent"`
	MinACR       string   `json:"min_acr,omitzero" enum:"urn:cardea:acr:one-factor,urn:cardea:acr:two-factors,urn:cardea:acr:phishing-resistant"`
	LeanID       bool     `json:"lean_id_tokens,omitzero" doc:"profile claims only at userinfo"`
	UnsafeNoPKCE bool     `json:"unsafe_no_pkce,omitzero" doc:"lets a confidential client do without PKCE; for libraries that know none"`
	URI          string   `json:"client_uri,omitzero" format:"uri" max:"2048"`
	Policy       string   `json:"policy_uri,omitzero" format:"uri" max:"2048"`
	Terms        string   `json:"tos_uri,omitzero" format:"uri" max:"2048"`
}

// NewClient is a client to be registered.
type NewClient struct {
	Type string `json:"type" enum:"web,spa,native,service"`
	ID   string `json:"client_id,omitzero" max:"64" doc:"left out: one is made up"`
	ClientSettings
}

// CreatedClient is a client with its secret, which cannot be read again.
type CreatedClient struct {
	Client Client `json:"client"`
	Secret string `json:"client_secret,omitzero" secret:"once"`
}

// Rotation says how long what is replaced stays good.
type Rotation struct {
	Overlap int64 `json:"overlap,omitzero" min:"0" max:"2592000" format:"seconds" doc:"seconds for which the old one works too; left out: it ends at once"`
}

func texts[S ~string](in []S) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = string(s)
	}
	return out
}

func words[S ~string](in []string) []S {
	if len(in) == 0 {
		return nil
	}
	out := make([]S, len(in))
	for i, s := range in {
		out[i] = S(s)
	}
	return out
}

func showClient(x *oauth.Client) Client {
	c := Client{
		ID: x.ID, Type: string(x.Type), Disabled: x.Disabled, Created: x.Created, Secrets: []SecretStatus{},
		ClientSettings: ClientSettings{
			Name: x.Name, Org: x.Org, Grants: texts(x.Grants), Redirects: texts(x.Redirect), LogoutURIs: texts(x.Logout), Origins: x.Origins,
			Scopes: x.Scopes, Audience: x.Audience, Serves: x.Serves, Auth: string(x.Auth), AuthAlg: string(x.AuthAlg), JWKS: x.Keys,
			JWKSURI: x.KeysURL, Access: string(x.Access), SigningAlg: string(x.SigningAlg), AccessLife: int64(x.AccessLife),
			FirstParty: x.FirstParty, MinACR: oauth.ACR(x.MinStrength), LeanID: x.LeanIDToken, UnsafeNoPKCE: x.UnsafeNoPKCE,
			URI: x.URI, Policy: x.Policy, Terms: x.Terms,
		},
	}
	for _, s := range x.Secrets {
		c.Secrets = append(c.Secrets, SecretStatus{ID: s.ID, Created: s.Created, Expires: s.Expires})
	}
	return c
}

// onto puts the settings onto a client; create and update take the same road.
func (s ClientSettings) onto(x *oauth.Client) {
	x.Name, x.Org, x.Grants, x.Redirect, x.Logout = s.Name, s.Org, words[oauth.GrantType](s.Grants), words[oauth.RedirectURI](s.Redirects), words[oauth.RedirectURI](s.LogoutURIs)
	x.Origins, x.Scopes, x.Audience, x.Serves = s.Origins, s.Scopes, s.Audience, s.Serves
	x.Auth, x.AuthAlg, x.Keys, x.KeysURL = oauth.AuthMethod(s.Auth), oauth.Alg(s.AuthAlg), s.JWKS, s.JWKSURI
	x.Access, x.SigningAlg, x.AccessLife = oauth.Format(s.Access), oauth.Alg(s.SigningAlg), tenant.Seconds(s.AccessLife)
	x.FirstParty, x.MinStrength, x.LeanIDToken, x.UnsafeNoPKCE = s.FirstParty, oauth.StrengthOf(s.MinACR), s.LeanID, s.UnsafeNoPKCE
	x.URI, x.Policy, x.Terms = s.URI, s.Policy, s.Terms
}

func showCreated(made clients.Created, err error) (CreatedClient, error) {
	if err != nil {
		return CreatedClient{}, err
	}
	return CreatedClient{Client: showClient(made.Client), Secret: made.Secret.Reveal()}, nil
}

type clientPath struct {
	Client string `path:"client" max:"200"`
}

func (p clientPath) id() oauth.ClientID { return oauth.ClientID(p.Client) }

// ofClient is the input of what is about a client and needs nothing else.
type ofClient struct {
	within
	clientPath
}

type listClients struct {
	within
	paging
	Name string `query:"name" max:"200" doc:"how the name begins"`
}

type createClient struct {
	within
	Body NewClient `body:"json"`
}

type updateClient struct {
	ofClient
	Body ClientSettings `body:"json"`
}

type rotateClientSecret struct {
	ofClient
	Body Rotation `body:"json"`
}

const groupClients = "Clients"

func (a *API) clients() []rest.Operation {
	const group = groupClients
	created := status(administers("POST /api/clients", "client.create", "client.create", group, "Register a client"), http.StatusCreated)
	rotated := administers("POST /api/clients/{client}/rotate-secret", "client.rotate_secret", "client.rotate_secret", group, "Give a client a new secret")
	return []rest.Operation{
		endpoint(a, administers("GET /api/clients", "client.list", "client.read", group, "List clients by name"),
			func(ctx context.Context, c access.Caller, in listClients) (page.Page[Client], error) {
				p, err := a.Clients.List(ctx, c, in.Name, in.request())
				return turned(p, err, showClient)
			}),
		endpoint(a, refusing(created, errs.Precondition), func(ctx context.Context, c access.Caller, in createClient) (CreatedClient, error) {
			var draft oauth.Client
			in.Body.onto(&draft)
			draft.ID, draft.Type = in.Body.ID, oauth.ClientType(in.Body.Type)
			return showCreated(a.Clients.Create(ctx, c, draft))
		}),
		endpoint(a, administers("GET /api/clients/{client}", "client.get", "client.read", group, "Read a client"),
			func(ctx context.Context, c access.Caller, in ofClient) (Client, error) {
				x, err := a.Clients.Get(ctx, c, in.id())
				return one(x, err, showClient)
			}),
		endpoint(a, administers("PUT /api/clients/{client}", "client.update", "client.update", group, "Replace the settings of a client"),
			func(ctx context.Context, c access.Caller, in updateClient) (Client, error) {
				x, err := a.Clients.Update(ctx, c, in.id(), func(x *oauth.Client) error {
					in.Body.onto(x)
					return nil
				})
				return one(x, err, showClient)
			}),
		endpoint(a, administers("DELETE /api/clients/{client}", "client.delete", "client.delete", group, "Delete a client and end all that it was given"),
			func(ctx context.Context, c access.Caller, in ofClient) (rest.None, error) {
				return done(a.Clients.Delete(ctx, c, in.id()))
			}),
		endpoint(a, refusing(rotated, errs.Precondition), func(ctx context.Context, c access.Caller, in rotateClientSecret) (CreatedClient, error) {
			return showCreated(a.Clients.RotateSecret(ctx, c, in.id(), seconds(in.Body.Overlap)))
		}),
		a.clientState("disable", "client.disable", "Refuse a client and end all that it was given", a.Clients.Disable),
		a.clientState("enable", "client.enable", "Let a disabled client ask again", a.Clients.Enable),
		a.clientState("end-tokens", "client.end_tokens", "End all tokens of a client", a.Clients.EndTokens),
	}
}

// clientState is an endpoint that changes the state of a client.
func (a *API) clientState(verb string, action access.Action, summary string, change func(context.Context, access.Caller, oauth.ClientID) (*oauth.Client, error)) rest.Operation {
	e := administers("POST /api/clients/{client}/"+verb, string(action), action, groupClients, summary)
	return endpoint(a, e, func(ctx context.Context, c access.Caller, in ofClient) (Client, error) {
		x, err := change(ctx, c, in.id())
		return one(x, err, showClient)
	})
}

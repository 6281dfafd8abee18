package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/identity/apikey"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/clients"
	"github.com/cardea-auth/cardea/internal/oauth/scopes"
)

type appCommands struct {
	Create    appCreate    `cmd:"" help:"Register an application. Prints its client_id, and its client_secret this once."`
	List      appList      `cmd:"" help:"List applications."`
	Show      appShow      `cmd:"" help:"Show an application."`
	Update    appUpdate    `cmd:"" help:"Change the settings of an application. Lists take the place of those that it has."`
	EndTokens appEndTokens `cmd:"" help:"End all tokens of an application; it may ask for new ones."`
	Disable   appDisable   `cmd:"" help:"End everything of an application and refuse it."`
	Enable    appEnable    `cmd:"" help:"Let a disabled application ask again."`
	Secret    appSecret    `cmd:"" help:"Give an application a new secret."`
	Delete    appDelete    `cmd:"" help:"Remove an application."`
}

type appCreate struct {
	Name        string   `arg:"" help:"Name that people see."`
	ID          string   `name:"id" help:"client_id to use; by default a random one."`
	Type        string   `help:"web, spa, native or service." enum:"web,spa,native,service" default:"web"`
	Redirect    []string `help:"Redirect URI; may be repeated." sep:"none" placeholder:"URL"`
	Logout      []string `name:"post-logout" help:"URI to go to after signing out; may be repeated." sep:"none" placeholder:"URL"`
	Origin      []string `help:"Origin whose pages may call the token endpoint; may be repeated." sep:"none" placeholder:"ORIGIN"`
	Scope       []string `help:"Scope that it may ask for; may be repeated." sep:"none"`
	Audience    []string `help:"Resource that it may ask tokens for; may be repeated." sep:"none" placeholder:"URI"`
	Serves      []string `help:"Audience that it answers for as an API; may be repeated." sep:"none" placeholder:"URI"`
	AccessToken string   `help:"jwt or opaque." enum:"jwt,opaque" default:"jwt"`
	AuthMethod  string   `help:"client_secret_basic, client_secret_post, private_key_jwt or none."`
	JWKS        string   `name:"jwks" help:"File or URL with its public keys, for private_key_jwt." placeholder:"FILE|URL"`
	Grant       []string `help:"Grant type; may be repeated. By default those of its type." sep:"none"`
	Alg         string   `help:"Algorithm of its tokens: ES256, EdDSA, RS256 or PS256."`
	FirstParty  bool     `help:"It belongs to you: people are not asked for consent."`
	NoPKCE      bool     `name:"unsafe-no-pkce" help:"Let a confidential client ask for codes without PKCE."`
}

func (c *appCreate) run(e *env) error {
	draft := oauth.Client{
		Name: c.Name, Type: oauth.ClientType(c.Type), Logout: convert[oauth.RedirectURI](c.Logout), Redirect: convert[oauth.RedirectURI](c.Redirect),
		Origins: c.Origin, Scopes: oauth.Scopes(c.Scope), Audience: c.Audience, Serves: c.Serves, Grants: convert[oauth.GrantType](c.Grant),
		Auth: oauth.AuthMethod(c.AuthMethod), Access: oauth.Format(c.AccessToken), SigningAlg: keyring.Alg(c.Alg),
		FirstParty: c.FirstParty, UnsafeNoPKCE: c.NoPKCE,
	}
	draft.ID = c.ID
	if strings.HasPrefix(c.JWKS, "https://") || strings.HasPrefix(c.JWKS, "http://") {
		draft.KeysURL = c.JWKS
	} else if c.JWKS != "" {
		text, err := os.ReadFile(absolute(e.dir, c.JWKS))
		if err != nil {
			return fmt.Errorf("reading the keys: %w", err)
		}
		draft.Keys = string(text)
	}
	if err := e.Keys.Prepare(e.ctx, e.caller().Tenant(), draft.Alg()); err != nil {
		return err
	}
	made, err := e.Clients.Create(e.ctx, e.caller(), draft)
	if err != nil {
		return err
	}
	return e.printCreated(made)
}

// convert turns texts into a narrower kind of text.
func convert[T ~string](list []string) []T {
	out := make([]T, len(list))
	for i, s := range list {
		out[i] = T(s)
	}
	return out
}

func (e *env) printCreated(made clients.Created) error {
	out := map[string]any{"client_id": made.Client.ID}
	if !made.Secret.Empty() {
		out["client_secret"] = made.Secret.Reveal()
	}
	return e.print(out, func(w io.Writer) {
		fmt.Fprintf(w, "client_id %s\n", made.Client.ID)
		if !made.Secret.Empty() {
			fmt.Fprintf(w, "client_secret %s\n", made.Secret.Reveal())
		}
	})
}

type clientOut struct {
	ID       string              `json:"client_id"`
	Name     string              `json:"name"`
	Type     oauth.ClientType    `json:"type"`
	Disabled bool                `json:"disabled"`
	Auth     oauth.AuthMethod    `json:"auth_method"`
	Grants   []oauth.GrantType   `json:"grants"`
	Redirect []oauth.RedirectURI `json:"redirect_uris,omitempty"`
	Scopes   oauth.Scopes        `json:"scopes,omitempty"`
	Audience []string            `json:"audience,omitempty"`
	Access   oauth.Format        `json:"access_token"`
}

func outClient(c *oauth.Client) clientOut {
	return clientOut{c.ID, c.Name, c.Type, c.Disabled, c.Auth, c.Grants, c.Redirect, c.Scopes, c.Audience, c.Access}
}

type appList struct{}

func (*appList) run(e *env) error {
	list, err := all(func(r page.Request) (page.Page[*oauth.Client], error) {
		return e.Clients.List(e.ctx, e.caller(), "", r)
	})
	if err != nil {
		return err
	}
	out := make([]clientOut, len(list))
	for i, c := range list {
		out[i] = outClient(c)
	}
	return e.print(out, func(w io.Writer) {
		table(w, "CLIENT_ID TYPE DISABLED NAME", func(row func(...any)) {
			for _, c := range out {
				row(c.ID, c.Type, c.Disabled, c.Name)
			}
		})
	})
}

// client is the argument of commands about one application.
type client struct {
	Client string `arg:"" help:"client_id."`
}

func (c client) id() oauth.ClientID { return oauth.ClientID(c.Client) }

type appShow struct{ client }

func (c *appShow) run(e *env) error {
	found, err := e.Clients.Get(e.ctx, e.caller(), c.id())
	if err != nil {
		return err
	}
	out := outClient(found)
	return e.print(out, func(w io.Writer) {
		fmt.Fprintf(w, "%s  %s  %s\ngrants %v\nscopes %v\n", out.ID, out.Type, visible(out.Name), out.Grants, out.Scopes)
		for _, r := range out.Redirect {
			fmt.Fprintf(w, "redirect %s\n", visible(string(r)))
		}
	})
}

type appUpdate struct {
	client
	Name        *string  `help:"Name that people see."`
	Redirect    []string `help:"Redirect URI; may be repeated." sep:"none" placeholder:"URL"`
	Logout      []string `name:"post-logout" help:"URI to go to after signing out; may be repeated." sep:"none" placeholder:"URL"`
	Origin      []string `help:"Origin whose pages may call the token endpoint; may be repeated." sep:"none" placeholder:"ORIGIN"`
	Scope       []string `help:"Scope that it may ask for; may be repeated." sep:"none"`
	Audience    []string `help:"Resource that it may ask tokens for; may be repeated." sep:"none" placeholder:"URI"`
	Serves      []string `help:"Audience that it answers for as an API; may be repeated." sep:"none" placeholder:"URI"`
	Grant       []string `help:"Grant type; may be repeated." sep:"none"`
	AccessToken *string  `help:"jwt or opaque."`
	AuthMethod  *string  `help:"client_secret_basic, client_secret_post, private_key_jwt or none."`
	Alg         *string  `help:"Algorithm of its tokens: ES256, EdDSA, RS256 or PS256."`
	FirstParty  *bool    `help:"It belongs to you: people are not asked for consent." negatable:""`
}

func (c *appUpdate) run(e *env) error {
	if c.Alg != nil {
		if err := e.Keys.Prepare(e.ctx, e.caller().Tenant(), keyring.Alg(*c.Alg)); err != nil {
			return err
		}
	}
	x, err := e.Clients.Update(e.ctx, e.caller(), c.id(), c.onto)
	if err != nil {
		return err
	}
	return e.done(map[string]any{"client_id": x.ID}, "%s is changed.", visible(x.Name))
}

func (c *appUpdate) onto(x *oauth.Client) error {
	set(&x.Name, c.Name)
	set(&x.FirstParty, c.FirstParty)
	set((*string)(&x.Access), c.AccessToken)
	set((*string)(&x.Auth), c.AuthMethod)
	set((*string)(&x.SigningAlg), c.Alg)
	replace(&x.Redirect, convert[oauth.RedirectURI](c.Redirect))
	replace(&x.Logout, convert[oauth.RedirectURI](c.Logout))
	replace(&x.Grants, convert[oauth.GrantType](c.Grant))
	replace((*[]string)(&x.Scopes), c.Scope)
	replace(&x.Origins, c.Origin)
	replace(&x.Audience, c.Audience)
	replace(&x.Serves, c.Serves)
	return nil
}

// replace changes a list that was named on the command line.
func replace[T any](to *[]T, named []T) {
	if len(named) > 0 {
		*to = named
	}
}

type appEndTokens struct{ client }

func (c *appEndTokens) run(e *env) error {
	if _, err := e.Clients.EndTokens(e.ctx, e.caller(), c.id()); err != nil {
		return err
	}
	return e.done(nil, "The tokens of %s have ended.", c.Client)
}

type appDisable struct{ client }

func (c *appDisable) run(e *env) error {
	if _, err := e.Clients.Disable(e.ctx, e.caller(), c.id()); err != nil {
		return err
	}
	return e.done(nil, "%s is disabled; its tokens have ended.", c.Client)
}

type appEnable struct{ client }

func (c *appEnable) run(e *env) error {
	if _, err := e.Clients.Enable(e.ctx, e.caller(), c.id()); err != nil {
		return err
	}
	return e.done(nil, "%s may ask again.", c.Client)
}

type appSecret struct {
	client
	Overlap time.Duration `help:"How long the old secret stays alive." default:"0s"`
}

func (c *appSecret) run(e *env) error {
	made, err := e.Clients.RotateSecret(e.ctx, e.caller(), c.id(), c.Overlap)
	if err != nil {
		return err
	}
	return e.printCreated(made)
}

type appDelete struct{ client }

func (c *appDelete) run(e *env) error {
	if err := e.Clients.Delete(e.ctx, e.caller(), c.id()); err != nil {
		return err
	}
	return e.done(nil, "%s is gone.", c.Client)
}

type scopeCommands struct {
	List    scopeList    `cmd:"" help:"List declared scopes."`
	Declare scopeDeclare `cmd:"" help:"Declare a scope, or say it in other words."`
	Remove  scopeRemove  `cmd:"" help:"Forget the words of a scope; nobody loses it."`
}

type scopeList struct{}

type scopeOut struct {
	Name  string `json:"name"`
	Words string `json:"words"`
}

func (*scopeList) run(e *env) error {
	list, err := all(func(r page.Request) (page.Page[*scopes.Scope], error) { return e.Scopes.List(e.ctx, e.caller(), r) })
	if err != nil {
		return err
	}
	out := make([]scopeOut, len(list))
	for i, s := range list {
		out[i] = scopeOut{s.Name(), s.Words}
	}
	return e.print(out, func(w io.Writer) {
		table(w, "SCOPE WORDS", func(row func(...any)) {
			for _, s := range out {
				row(s.Name, s.Words)
			}
		})
	})
}

type scopeDeclare struct {
	Name  string `arg:"" help:"The scope, like invoices:read."`
	Words string `arg:"" help:"Completes: the application wants to …"`
}

func (c *scopeDeclare) run(e *env) error {
	if _, err := e.Scopes.Declare(e.ctx, e.caller(), c.Name, c.Words); err != nil {
		return err
	}
	return e.done(nil, "People read that the application wants to %s.", visible(c.Words))
}

type scopeRemove struct {
	Name string `arg:"" help:"The scope."`
}

func (c *scopeRemove) run(e *env) error {
	if err := e.Scopes.Remove(e.ctx, e.caller(), c.Name); err != nil {
		return err
	}
	return e.done(nil, "The words of %s are forgotten.", visible(c.Name))
}

type apikeyCommands struct {
	Create apikeyCreate `cmd:"" help:"Make an API key. Prints it this once."`
	List   apikeyList   `cmd:"" help:"List the API keys of somebody."`
	Revoke apikeyRevoke `cmd:"" help:"End an API key."`
	Rotate apikeyRotate `cmd:"" help:"Make a successor of an API key."`
}

type apikeyCreate struct {
	Owner string        `arg:"" help:"Address or id of a user, or service:CLIENT_ID."`
	Name  string        `arg:"" help:"What it is for."`
	Scope []string      `help:"Scope that it has; may be repeated." sep:"none"`
	Life  time.Duration `help:"How long it is good; by default a year." default:"0s"`
}

func (c *apikeyCreate) run(e *env) error {
	s, err := e.subject(c.Owner)
	if err != nil {
		return err
	}
	k, token, err := e.APIKeys.Create(e.ctx, e.caller(), apikey.NewKey{
		Owner: access.Subject{Type: s.Type, ID: s.ID}, Name: c.Name, Scopes: c.Scope, Life: c.Life,
	})
	if err != nil {
		return err
	}
	return e.printKey(k, token)
}

func (e *env) printKey(k *apikey.Key, token secret.Value) error {
	return e.print(map[string]any{"id": k.Public, "key": token.Reveal(), "expires": k.Expires}, func(w io.Writer) {
		fmt.Fprintf(w, "id %s\nkey %s\n", k.Public, token.Reveal())
	})
}

type apikeyList struct {
	Owner string `arg:"" help:"Address or id of a user, or service:CLIENT_ID."`
}

type keyOut struct {
	ID       string     `json:"id"`
	Hint     string     `json:"hint"`
	Name     string     `json:"name"`
	Scopes   []string   `json:"scopes,omitempty"`
	Expires  time.Time  `json:"expires"`
	LastUsed *time.Time `json:"last_used,omitempty"`
	Revoked  bool       `json:"revoked"`
}

func (c *apikeyList) run(e *env) error {
	s, err := e.subject(c.Owner)
	if err != nil {
		return err
	}
	keys, err := all(func(r page.Request) (page.Page[*apikey.Key], error) {
		return e.APIKeys.List(e.ctx, e.caller(), access.Subject{Type: s.Type, ID: s.ID}, r)
	})
	if err != nil {
		return err
	}
	out := make([]keyOut, len(keys))
	for i, k := range keys {
		out[i] = keyOut{ID: k.Public, Hint: k.Hint, Name: k.Name, Scopes: k.Scopes, Expires: k.Expires, Revoked: !k.Revoked.IsZero()}
		if !k.LastUsed.IsZero() {
			out[i].LastUsed = &k.LastUsed
		}
	}
	return e.print(out, func(w io.Writer) {
		table(w, "ID HINT REVOKED EXPIRES NAME", func(row func(...any)) {
			for _, k := range out {
				row(k.ID, k.Hint+"…", k.Revoked, k.Expires.Format(time.DateOnly), k.Name)
			}
		})
	})
}

type apikeyRevoke struct {
	Key string `arg:"" help:"Id of the key."`
}

func (c *apikeyRevoke) run(e *env) error {
	if err := e.APIKeys.Revoke(e.ctx, e.caller(), c.Key); err != nil {
		return err
	}
	return e.done(nil, "The key has ended.")
}

type apikeyRotate struct {
	Key     string        `arg:"" help:"Id of the key."`
	Overlap time.Duration `help:"How long the old key stays alive." default:"0s"`
}

func (c *apikeyRotate) run(e *env) error {
	k, token, err := e.APIKeys.Rotate(e.ctx, e.caller(), c.Key, c.Overlap)
	if err != nil {
		return err
	}
	return e.printKey(k, token)
}

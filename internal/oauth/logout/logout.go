// Package logout ends a session because an application asks for it through the browser (OpenID
// Connect RP-Initiated Logout 1.0).
//
// A link on any page can send a browser here, so a session ends without a question only when a valid
// id_token_hint names that very session. In every other case the person is asked first. The browser
// goes on to the application only at an address that the application has registered, byte for byte.
package logout

import (
	"context"
	"errors"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/authorize"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
)

// Sessions ends sessions.
type Sessions interface {
	// SignOut ends the caller's own session; nil if it is over already.
	SignOut(ctx context.Context, c access.Caller, sid string) error
}

// Config is what a Logout needs. All of it is required.
type Config struct {
	Reader   *tokens.Reader
	Clients  oauth.Clients
	Sessions Sessions
}

// Logout answers requests to sign out.
type Logout struct{ Config }

// New makes a Logout.
func New(c Config) *Logout { return &Logout{Config: c} }

// Params are the parameters of a request as they were sent.
type Params struct {
	IDTokenHint, ClientID, PostLogoutRedirectURI, State string
	// Confirmed says that the person has agreed on our own page; the door has checked CSRF.
	Confirmed bool
}

// Answer is what happens now.
type Answer struct {
	Ask    bool                // ask the person, and send the same parameters again with Confirmed
	Client *oauth.Client       // who asks, if known; shared
	Next   *authorize.Response // where the browser goes on; nil: our own page that says goodbye
}

// Bounds of a request, in bytes.
const maxState = 1024

// SignOut handles one request from the caller, who is whoever the session cookie says, or anonymous.
// An error is for the person; nothing in the request is followed then.
func (l *Logout) SignOut(ctx context.Context, c access.Caller, p Params) (Answer, error) {
	hint, err := l.hint(ctx, c, p)
	if err != nil {
		return Answer{}, err
	}
	client, err := l.client(ctx, c, hint, p)
	if err != nil {
		return Answer{}, err
	}
	next, err := follow(client, p)
	if err != nil {
		return Answer{}, err
	}
	sid := c.Proof().Session
	mine := hint.User != "" && hint.Session == sid && hint.User == c.UserID()
	switch {
	case sid == "" || c.UserID() == "":
		return Answer{Client: client, Next: next}, nil
	case !mine && !p.Confirmed:
		return Answer{Ask: true, Client: client}, nil
	}
	if err := l.Sessions.SignOut(ctx, c, sid); err != nil {
		return Answer{}, err
	}
	return Answer{Client: client, Next: next}, nil
}

// hint reads the id token that may come along; expired ones count (section 2).
func (l *Logout) hint(ctx context.Context, c access.Caller, p Params) (tokens.IDToken, error) {
	if p.IDTokenHint == "" {
		return tokens.IDToken{}, nil
	}
	hint, err := l.Reader.ReadHint(ctx, c.Tenant(), p.IDTokenHint)
	if errs.Is(err, errs.Unauthenticated) {
		return tokens.IDToken{}, oauth.Refuse(oauth.InvalidRequest, "The id_token_hint is not an id token of this issuer.")
	}
	if err == nil && p.ClientID != "" && oauth.ClientID(p.ClientID) != hint.Audience {
		return tokens.IDToken{}, oauth.Refuse(oauth.InvalidRequest, "The id_token_hint was made for another client.")
	}
	return hint, err
}

// client is who asks, by the hint or by client_id; nil if the request does not say.
func (l *Logout) client(ctx context.Context, c access.Caller, hint tokens.IDToken, p Params) (*oauth.Client, error) {
	name := hint.Audience
	if name == "" {
		name = oauth.ClientID(p.ClientID)
	}
	if name == "" {
		return nil, nil
	}
	client, err := l.Clients.Standing(ctx, c.Tenant(), name)
	if err == nil && client.Disabled {
		err = errs.Wrap(errs.NotFound, errors.New("logout: client is disabled"), "not_found", "There is no such client.")
	}
	return client, oauth.Refusal(err, oauth.InvalidRequest, "The client is not known here.")
}

// follow is the address to go on to. Without a client nobody has registered one.
func follow(client *oauth.Client, p Params) (*authorize.Response, error) {
	if p.PostLogoutRedirectURI == "" {
		return nil, nil
	}
	bad := oauth.Refuse(oauth.InvalidRequest, "The post_logout_redirect_uri is not registered for this client.")
	if client == nil {
		return nil, bad
	}
	uri, ok := oauth.MatchRedirect(client.Type, client.Logout, p.PostLogoutRedirectURI)
	if !ok {
		return nil, bad
	}
	if len(p.State) > maxState || strings.ContainsFunc(p.State, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, oauth.Refuse(oauth.InvalidRequest, "The state is longer than %d bytes, or not printable.", maxState)
	}
	next := &authorize.Response{Redirect: uri, Mode: authorize.Query}
	if p.State != "" {
		next.Params = []authorize.Param{{Name: "state", Value: p.State}}
	}
	return next, nil
}

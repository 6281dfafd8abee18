// Package authorize takes an application's request for a code through the browser (RFC 6749, section
// 4.1; OpenID Connect Core, section 3.1.2) and ends in a code or an error for the application.
//
//	Begin ─▶ client and redirect URI good?   no: an error for the person, never a redirect
//	         the rest good?                  no: an error for the application
//	         what is still needed?           ─▶ Need, with a handle to come back with
//	Resume ─▶ the same questions again, from the handle ─▶ Need, or a code
//
// The request is checked once and then lives in a sealed handle; nothing is taken from the browser a
// second time, and nothing is stored before a code is made for somebody who is signed in. Who the user
// is, whether fresh and strong enough, and what it has consented to is read again at every step, and
// again by the issuer of tokens when the code is exchanged.
package authorize

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/strict"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/codes"
	"github.com/cardea-auth/cardea/internal/oauth/consent"
	"github.com/cardea-auth/cardea/internal/oauth/scopes"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
	"github.com/cardea-auth/cardea/internal/store"
)

// Life is how long a request may take from its beginning to the code.
const Life = time.Hour

// Config is what an Authorizer needs. All of it is required.
type Config struct {
	Now      func() time.Time
	Sealer   store.Sealer
	World    tokens.World
	Reader   *tokens.Reader
	Codes    *codes.Codes
	Consents *consent.Consents
	Scopes   *scopes.Catalogue
	// Strongest is how strongly a person can prove itself here at all.
	Strongest access.Strength
}

// Authorizer answers authorization requests.
type Authorizer struct{ Config }

// New makes an Authorizer.
func New(c Config) *Authorizer { return &Authorizer{Config: c} }

// Answer is either what goes back to the application, or what must happen first.
type Answer struct {
	Response *Response
	Need     *Need
}

// Kind is what must happen before there can be a code.
type Kind string

// The kinds of Need.
const (
	SignIn  Kind = "sign_in"        // nobody suitable is signed in, or not freshly enough
	StepUp  Kind = "step_up"        // a stronger proof is needed
	SignUp  Kind = "sign_up"        // the application asks for a new account
	Select  Kind = "select_account" // the person must say which account is meant
	Consent Kind = "consent"        // the person must allow it
)

// Need is what must happen first. Come back to Resume with the Handle.
type Need struct {
	Kind    Kind
	Handle  string
	Client  *oauth.Client // shared; show its name and links
	Want    flow.Want     // for the flow that signs in or steps up
	Hint    string        // login_hint
	Locales string        // ui_locales
	Scopes  []scopes.Described
}

// Begin answers a new request from the caller, who is whoever the session cookie says, or anonymous.
// An error is for the person: it must be shown here and never sent to the redirect URI.
func (a *Authorizer) Begin(ctx context.Context, c access.Caller, p Params) (Answer, error) {
	app, err := a.find(ctx, c.Tenant(), oauth.ClientID(p.get("client_id")))
	if err != nil {
		return Answer{}, err
	}
	client := app.Client
	redirect, ok := oauth.MatchRedirect(client.Type, client.Redirect, p.get("redirect_uri"))
	if !ok {
		return Answer{}, oauth.Refuse(oauth.InvalidRequest, "The redirect_uri is not registered for this client.")
	}
	q := &Request{Client: client.ClientID(), Redirect: redirect, Mode: Query, Started: a.now()}
	if state := p.get("state"); len(state) <= maxState && plain(state) {
		q.State = state
	} else {
		return q.refused(app, oauth.Refuse(oauth.InvalidRequest, "The state is longer than %d bytes, or not printable.", maxState))
	}
	switch m := Mode(p.get("response_mode")); m {
	case "", Query:
	case FormPost:
		q.Mode = FormPost
	default:
		return q.refused(app, oauth.Refuse(oauth.InvalidRequest, "The response_mode is not supported."))
	}
	if err := q.parse(p, client, app.Tenant.Issuer); err != nil {
		return q.refused(app, err)
	}
	if q.Strength > a.Strongest { // asking the person again and again would not help
		return q.refused(app, oauth.Refuse(oauth.UnmetAuthentication, "Nobody can prove themselves as strongly as this asks for."))
	}
	if err := a.readHint(ctx, c.Tenant(), q, p.get("id_token_hint")); err != nil {
		return q.refused(app, err)
	}
	return a.decide(ctx, c, q, choice{})
}

// refused is the answer to the application if err is a refusal of the protocol, else err itself.
func (q *Request) refused(app tokens.Standing, err error) (Answer, error) {
	e, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		return Answer{}, err
	}
	return Answer{Response: q.refuse(app.Tenant.Issuer, e)}, nil
}

// readHint takes the user from an id_token_hint (OpenID Connect Core, section 3.1.2.1).
func (a *Authorizer) readHint(ctx context.Context, t id.Tenant, q *Request, hint string) error {
	if hint == "" {
		return nil
	}
	said, err := a.Reader.ReadHint(ctx, t, hint)
	if errs.Is(err, errs.Unauthenticated) {
		return oauth.Refuse(oauth.InvalidRequest, "The id_token_hint is not an id token of this issuer.")
	}
	q.User = said.User
	return err
}

// find finds the client and its tenant, both in use.
func (a *Authorizer) find(ctx context.Context, t id.Tenant, clientID oauth.ClientID) (tokens.Standing, error) {
	now, err := a.World.Stand(ctx, t, tokens.Who{Client: clientID})
	if tokens.IsGone(err) {
		err = &oauth.Error{Code: oauth.InvalidRequest, Description: "The client is not known here.", Err: err}
	}
	return now, err
}

// Choice is what the person has done on our pages since the last step, besides signing in.
type Choice struct{ Selected bool } // the person has said that the account signed in is the one

type choice = Choice

// Resume goes on with a request after something that was needed has happened. Errors are as of Begin.
func (a *Authorizer) Resume(ctx context.Context, c access.Caller, handle string, made Choice) (Answer, error) {
	q, _, err := a.open(ctx, c.Tenant(), handle)
	if err != nil {
		return Answer{}, err
	}
	return a.decide(ctx, c, q, made)
}

// Allow notes that the signed-in caller allows the application the given part of what it asked for,
// and goes on. The door has checked that the caller itself has sent this.
func (a *Authorizer) Allow(ctx context.Context, c access.Caller, handle string, allowed oauth.Scopes) (Answer, error) {
	q, _, err := a.open(ctx, c.Tenant(), handle)
	if err != nil {
		return Answer{}, err
	}
	if !allowed.Within(q.Scopes) {
		return Answer{}, errs.Bad("/scopes", "must be among those that were asked for")
	}
	if _, err := a.Consents.Allow(ctx, c, q.Client, allowed); err != nil {
		return Answer{}, err
	}
	return a.decide(ctx, c, q, Choice{Selected: true})
}

// Deny ends a request because the person does not want it.
func (a *Authorizer) Deny(ctx context.Context, c access.Caller, handle string) (Answer, error) {
	q, app, err := a.open(ctx, c.Tenant(), handle)
	if err != nil {
		return Answer{}, err
	}
	return q.refused(app, oauth.Refuse(oauth.AccessDenied, "The user did not allow it."))
}

func (a *Authorizer) now() time.Time { return a.Now().UTC().Truncate(time.Millisecond) }

// place binds a handle to its purpose and tenant.
func place(t id.Tenant) []byte { return []byte("cardea authorization request\x00" + string(t)) }

func (a *Authorizer) seal(ctx context.Context, t id.Tenant, q *Request) (string, error) {
	plain, err := json.Marshal(q)
	if err != nil {
		return "", oauth.Refuse(oauth.InvalidRequest, "A parameter is not valid UTF-8.")
	}
	box, err := a.Sealer.Seal(ctx, t, place(t), plain)
	if err != nil {
		return "", errs.Busy(time.Second, err, "sealing_unavailable", "Secrets could not be sealed just now.")
	}
	return base64.RawURLEncoding.EncodeToString(box), nil
}

// maxHandle bounds a handle before anything looks at it.
const maxHandle = 16 << 10

// open finds the request in a handle and checks again what may have changed since: the client and its
// redirect URI. A handle that is forged, foreign or too old has one answer.
func (a *Authorizer) open(ctx context.Context, t id.Tenant, handle string) (*Request, tokens.Standing, error) {
	none, over := tokens.Standing{}, errs.New(errs.NotFound, "flow_expired", "This page is too old; start again.")
	box, err := strict.Base64URL(handle)
	if err != nil || len(handle) > maxHandle {
		return nil, none, over
	}
	plain, err := a.Sealer.Open(ctx, t, place(t), box)
	if err != nil {
		return nil, none, over
	}
	q := new(Request)
	if json.Unmarshal(plain, q) != nil || !a.now().Before(q.Started.Add(Life)) {
		return nil, none, over
	}
	app, err := a.find(ctx, t, q.Client)
	if err != nil {
		return nil, none, err
	}
	if _, ok := oauth.MatchRedirect(app.Client.Type, app.Client.Redirect, string(q.Redirect)); !ok {
		return nil, none, over
	}
	return q, app, nil
}

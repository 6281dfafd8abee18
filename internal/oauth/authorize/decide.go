package authorize

import (
	"context"
	"errors"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/codes"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
)

// decide asks what a code for q still needs from the caller, and makes it if that is nothing.
func (a *Authorizer) decide(ctx context.Context, c access.Caller, q *Request, made choice) (Answer, error) {
	app, err := a.find(ctx, c.Tenant(), q.Client)
	if err != nil {
		return Answer{}, err
	}
	if made.Selected {
		q.Selected = c.UserID() // what is needed next must not ask again
	}
	kind, err := a.person(ctx, c, q)
	if err != nil {
		return Answer{}, err
	}
	if kind != "" {
		return a.need(ctx, c.Tenant(), q, app, kind)
	}
	who := tokens.Who{Client: q.Client, User: c.UserID(), Session: c.Proof().Session, Org: q.Org}
	now, err := a.World.Stand(ctx, c.Tenant(), who)
	if gone, ok := errors.AsType[*tokens.Gone](err); ok {
		switch gone.What {
		case "consent":
			return a.need(ctx, c.Tenant(), q, app, Consent)
		case "session":
			return a.need(ctx, c.Tenant(), q, app, SignIn)
		}
		return q.refused(app, &oauth.Error{Code: oauth.AccessDenied, Description: gone.Why, Err: gone})
	}
	if err != nil {
		return Answer{}, err
	}
	granted, ok, err := a.consented(ctx, c, q, app.Client)
	if err != nil {
		return Answer{}, err
	}
	if !ok {
		return a.need(ctx, c.Tenant(), q, app, Consent)
	}
	return a.code(ctx, c, q, now, granted)
}

// person asks whether somebody suitable is signed in, freshly and strongly enough.
func (a *Authorizer) person(ctx context.Context, c access.Caller, q *Request) (Kind, error) {
	none := SignIn
	if q.Prompt.Create {
		none = SignUp
	}
	// Only a session of this tenant counts: no bearer token, no administrator of the platform.
	if c.UserID() == "" || c.Proof().Session == "" || c.Proof().Scoped || c.Home() != c.Tenant() {
		return none, nil
	}
	s, err := a.World.Sessions.Standing(ctx, c.Tenant(), c.Proof().Session)
	if errs.Is(err, errs.NotFound) {
		return none, nil
	}
	if err != nil {
		return "", err
	}
	before := s.AuthTime.Before(q.Started)
	old := q.HasMaxAge && a.now().Unix()-s.AuthTime.Unix() > q.MaxAge
	switch {
	case !s.Alive || s.UserID != c.UserID():
		return none, nil
	case q.Prompt.Create && before:
		return SignUp, nil
	case q.User != "" && q.User != s.UserID:
		return SignIn, nil
	case before && (q.Prompt.Login || old || q.HasMaxAge && q.MaxAge == 0):
		return SignIn, nil
	case q.Prompt.Select && before && q.Selected != s.UserID:
		return Select, nil
	case s.Strength < q.Strength:
		return StepUp, nil
	}
	return "", nil
}

// consented says which scopes the user allows, and whether it need not be asked.
func (a *Authorizer) consented(ctx context.Context, c access.Caller, q *Request, client *oauth.Client) (oauth.Scopes, bool, error) {
	if client.FirstParty && !q.Prompt.Consent && !impersonable(client, q) {
		return q.Scopes, true, nil
	}
	s, err := a.World.Consents.Standing(ctx, c.Tenant(), c.UserID(), q.Client)
	if err != nil || !s.Given {
		return nil, false, err
	}
	if !s.At.Before(q.Started) { // the person was asked for this request, and may have allowed a part
		return q.Scopes.And(s.Scopes), true, nil
	}
	return q.Scopes, q.Scopes.Within(s.Scopes) && !q.Prompt.Consent && !impersonable(client, q), nil
}

// impersonable reports whether another program on the user's device could have started the request:
// then the person is asked each time (RFC 8252, section 8.6).
func impersonable(client *oauth.Client, q *Request) bool {
	return client.Type == oauth.Native && !strings.HasPrefix(string(q.Redirect), "https://")
}

// need is the answer that asks for something, or, with prompt=none, the error that nothing may be
// asked (OpenID Connect Core, section 3.1.2.6).
func (a *Authorizer) need(ctx context.Context, t id.Tenant, q *Request, app tokens.Standing, kind Kind) (Answer, error) {
	if q.Prompt.None {
		code := map[Kind]oauth.Code{
			SignIn: oauth.LoginRequired, SignUp: oauth.LoginRequired, StepUp: oauth.InteractionRequired,
			Select: oauth.AccountSelection, Consent: oauth.ConsentRequired,
		}[kind]
		return q.refused(app, oauth.Refuse(code, "The user would have to be asked."))
	}
	handle, err := a.seal(ctx, t, q)
	if err != nil {
		return q.refused(app, err)
	}
	n := &Need{Kind: kind, Handle: handle, Client: app.Client, Hint: q.Hint, Locales: q.Locales}
	n.Want = flow.Want{Strength: q.Strength, MaxAge: q.MaxAge, Fresh: q.Prompt.Login || q.HasMaxAge}
	if kind == Consent {
		n.Scopes, err = a.Scopes.Describe(ctx, t, q.Scopes)
	}
	return Answer{Need: n}, err
}

// code makes the code and the answer that carries it.
func (a *Authorizer) code(ctx context.Context, c access.Caller, q *Request, now tokens.Standing, granted oauth.Scopes) (Answer, error) {
	text, err := a.Codes.Make(ctx, c, codes.Code{
		Client: q.Client, Redirect: q.Redirect, Challenge: q.Challenge, Nonce: q.Nonce, Scopes: granted, Audience: q.Audience,
		User: c.UserID(), Session: c.Proof().Session, Org: q.Org, Epochs: now.Epochs,
	})
	if err != nil {
		return Answer{}, err
	}
	return Answer{Response: q.respond(now.Tenant.Issuer, Param{"code", text.Reveal()})}, nil
}

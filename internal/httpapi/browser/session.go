package browser

import (
	"context"
	"net/http"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
)

// Sessions ends sessions.
type Sessions interface {
	SignOut(ctx context.Context, c access.Caller) error
}

// Users tells what holds of a user now.
type Users interface {
	View(ctx context.Context, t id.Tenant, userID string) (*identity.User, error)
}

// Session serves what a page must know of its session.
type Session struct {
	Sessions Sessions
	Users    Users
	// Permissions lists what the caller may do in the whole tenant.
	Permissions func(ctx context.Context, c access.Caller) ([]string, error)
	// Token exchanges the caller's session for a short access token for our own API.
	Token func(ctx context.Context, c access.Caller) (tokens.Minted, error)
}

// Routes are the end points as the doorstep must know them.
func (d *Session) Routes() []edge.Route {
	return []edge.Route{
		{Method: "GET", Path: "/session", Name: "session.show", Access: edge.Optional("a stranger is told that nobody is signed in"), Hot: true, Handle: d.show},
		{Method: "POST", Path: "/session/token", Name: "session.token", Access: edge.InSession("the session cookie is exchanged for a short token"), Handle: d.token},
		{Method: "DELETE", Path: "/session", Name: "session.end", Access: edge.InSession("whoever is signed in may sign out"), Handle: d.end},
	}
}

func (d *Session) show(x *edge.Exchange, c access.Caller) error {
	if c.IsAnonymous() {
		return x.JSON(http.StatusOK, Me{})
	}
	me, p := Me{Authenticated: true, User: &Person{ID: c.Subject().ID}, Scopes: c.Proof().Scopes}, c.Proof()
	if c.UserID() != "" {
		u, err := d.Users.View(x.R.Context(), c.Tenant(), c.UserID())
		if err != nil {
			return err
		}
		me.User = person(u, p)
	}
	if !p.Until.IsZero() {
		me.Session = &SessionStatus{ID: p.Session, Expires: p.Until, AuthTime: p.At, ACR: oauth.ACR(p.Strength), AMR: p.Methods}
	}
	if x.Credential.Kind == credential.Session {
		me.CSRF = credential.CSRFToken(x.Credential.Token)
	}
	var err error
	if me.Permissions, err = d.Permissions(x.R.Context(), c); err != nil {
		return err
	}
	b, err := me.AppendJSON(make([]byte, 0, 640))
	if err != nil {
		return errs.Wrap(errs.Internal, err, "", "Something went wrong on our side.")
	}
	return x.Bytes(http.StatusOK, "application/json", b)
}

func (d *Session) token(x *edge.Exchange, c access.Caller) error {
	minted, err := d.Token(x.R.Context(), c)
	if err != nil {
		return err
	}
	return x.Bytes(http.StatusOK, "application/json", minted.AppendJSON(nil))
}

func (d *Session) end(x *edge.Exchange, c access.Caller) error {
	if err := d.Sessions.SignOut(x.R.Context(), c); err != nil {
		return err
	}
	x.Cookies().ClearSession(x.Header(), x.Site.Tenant)
	x.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	x.WriteHeader(http.StatusNoContent)
	return nil
}

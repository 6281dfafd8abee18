package browser

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
	"github.com/cardea-auth/cardea/internal/session"
)

// Sessions knows sessions.
type Sessions interface {
	Standing(ctx context.Context, t id.Tenant, sid string) (session.Live, error)
	SignOut(ctx context.Context, c access.Caller) error
}

// Session serves what a page must know of its session.
type Session struct {
	Sessions Sessions
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

// Me says who is signed in.
type Me struct {
	Authenticated bool           `json:"authenticated"`
	User          *Person        `json:"user,omitempty"`
	Session       *SessionStatus `json:"session,omitempty"`
	Scopes        []string       `json:"scopes,omitempty"` // of a token or a key; a cookie is not limited
	Permissions   []string       `json:"permissions,omitempty"`
	CSRF          string         `json:"csrf_token,omitempty"`
}

// Person is the account behind the session.
type Person struct {
	ID            string `json:"id"`
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified"`
	Name          string `json:"name,omitempty"`
	Locale        string `json:"locale,omitempty"`
}

// SessionStatus is how the session stands.
type SessionStatus struct {
	ID       string    `json:"id"`
	Expires  time.Time `json:"expires"`
	AuthTime time.Time `json:"auth_time"`
	ACR      string    `json:"acr"`
	AMR      []string  `json:"amr"`
}

func (d *Session) show(x *edge.Exchange, c access.Caller) error {
	if c.IsAnonymous() {
		return x.JSON(http.StatusOK, Me{})
	}
	me := Me{Authenticated: true, User: &Person{ID: c.Subject().ID}, Scopes: c.Proof().Scopes}
	if sid := c.Proof().Session; sid != "" {
		live, err := d.Sessions.Standing(x.R.Context(), c.Tenant(), sid)
		if err != nil {
			return err
		}
		me.User = person(live.User, c.Proof())
		me.Session = &SessionStatus{
			ID: live.Session.ID, Expires: live.Until, AuthTime: live.AuthTime(), ACR: oauth.ACR(live.Strength), AMR: live.Methods(),
		}
	}
	if x.Credential.Kind == credential.Session {
		me.CSRF = credential.CSRFToken(x.Credential.Token)
	}
	var err error
	if me.Permissions, err = d.Permissions(x.R.Context(), c); err != nil {
		return err
	}
	return x.JSON(http.StatusOK, me)
}

// person is what the caller may see of its own account: everything by the session itself, with a token
// or key no more than its scopes open at user info (OpenID Connect Core, section 5.4).
func person(u *identity.User, p access.Proof) *Person {
	opens := func(scope string) bool {
		return !p.Scoped || slices.Contains(p.Scopes, scope) || slices.Contains(p.Scopes, access.ScopeAccount)
	}
	out := &Person{ID: u.ID}
	if opens(oauth.ScopeEmail) {
		out.Email, out.EmailVerified = u.Email, !u.EmailVerified.IsZero()
	}
	if opens(oauth.ScopeProfile) {
		out.Name, out.Locale = u.Name, u.Locale
	}
	return out
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

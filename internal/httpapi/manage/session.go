package manage

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/session"
)

// Session is a browser in which somebody is signed in.
type Session struct {
	ID       string    `json:"id" doc:"public name of the session; opens nothing"`
	User     string    `json:"user"`
	Current  bool      `json:"current,omitzero" doc:"the session that asks"`
	Created  time.Time `json:"created"`
	Active   time.Time `json:"active" doc:"last activity, to the minute"`
	Expires  time.Time `json:"expires" doc:"when it ends at the latest"`
	AuthTime time.Time `json:"auth_time" doc:"when the user last proved itself"`
	ACR      string    `json:"acr" doc:"how strongly"`
	AMR      []string  `json:"amr" doc:"by what (RFC 8176)"`
	Client   string    `json:"client,omitzero" doc:"the application for which it was started"`
	Device   string    `json:"device,omitzero" doc:"the browser in words"`
	Address  string    `json:"address,omitzero" doc:"where it was started"`
}

func showSession(c access.Caller) func(*session.Session) Session {
	return func(s *session.Session) Session {
		return Session{
			ID: s.ID, User: s.User, Current: s.ID == c.Proof().Session && s.ID != "", Created: s.Created, Active: s.Active,
			Expires: s.Expires, AuthTime: s.AuthTime(), ACR: oauth.ACR(s.Strength), AMR: append([]string{}, s.Methods()...),
			Client: s.Client, Device: s.Device(), Address: s.Address,
		}
	}
}

// Ended says how many sessions were ended.
type Ended struct {
	Count int `json:"ended"`
}

type sessionPath struct {
	Session string `path:"session" max:"64"`
}

func (a *API) userSessions() []rest.Operation {
	const group = "Sessions"
	return []rest.Operation{
		endpoint(a, administers("GET /api/users/{user}/sessions", "session.list", "session.read", group, "List the sessions of an account"),
			func(ctx context.Context, c access.Caller, in ofUser) (many[Session], error) {
				all, err := a.Sessions.List(ctx, c, in.User)
				return collect(all, err, showSession(c))
			}),
		endpoint(a, administers("GET /api/sessions", "session.list_all", "session.read", group, "List the sessions of all accounts, newest first; a page may be short"),
			func(ctx context.Context, c access.Caller, in struct {
				within
				paging
			}) (page.Page[Session], error) {
				p, err := a.Sessions.ListAll(ctx, c, in.request())
				return turned(p, err, showSession(c))
			}),
		endpoint(a, administers("DELETE /api/users/{user}/sessions", "session.revoke_all", "session.revoke", group, "End the sessions of an account, except the one that asks"),
			func(ctx context.Context, c access.Caller, in ofUser) (Ended, error) {
				n, err := a.Sessions.RevokeAll(ctx, c, in.User)
				return Ended{n}, err
			}),
		endpoint(a, administers("DELETE /api/sessions/{session}", "session.revoke", "session.revoke", group, "End a session"),
			func(ctx context.Context, c access.Caller, in struct {
				within
				sessionPath
			}) (rest.None, error) {
				return done(a.Sessions.Revoke(ctx, c, in.Session))
			}),
	}
}

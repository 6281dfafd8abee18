package tokens

import (
	"context"
	"errors"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/oauth"
)

// World is everything that stands behind a token and may change under it. All fields but Policy are
// required.
type World struct {
	Tenants       oauth.Tenants
	Clients       oauth.Clients
	Users         oauth.Users
	Sessions      oauth.Sessions
	Organisations oauth.Organisations
	Consents      oauth.Consents
	Policy        oauth.ScopePolicy // nil: the client's list and the user's consent decide
}

// Who is what an artefact or a token says is behind it. Empty members are not behind it.
type Who struct {
	Client  oauth.ClientID
	User    string
	Session string
	Org     string
	Offline bool // outlives its session, unless that was revoked
	// Remembered are the epochs of when the artefact was made. Nil means that it is being made now.
	Remembered *oauth.Epochs
	// AuthTime, Strength and Methods serve when Offline has outlived the session that knew them.
	AuthTime time.Time
	Strength access.Strength
	Methods  []string
}

// Standing is what holds now of everything that is behind a Who.
type Standing struct {
	Tenant      oauth.TenantStanding
	Client      *oauth.Client
	Session     oauth.SessionStanding
	SessionOver bool // the session is gone, and Offline outlives it
	Consent     oauth.ConsentStanding
	Epochs      oauth.Epochs
}

// Gone says that something behind an artefact is not good any more.
type Gone struct {
	What string // tenant | client | user | session | org | consent
	Why  string // a sentence in ASCII for the client's developer
}

// Error is the text for logs.
func (g *Gone) Error() string { return g.What + ": " + g.Why }

// IsGone reports whether err says that something is not good any more.
func IsGone(err error) bool {
	_, ok := errors.AsType[*Gone](err)
	return ok
}

func gone(what, why string) error { return &Gone{What: what, Why: why} }

// Stand reads again all that is behind who. The error is a *Gone if something is not good any more;
// any other error means that it could not be found out, and nothing may be given.
func (w World) Stand(ctx context.Context, t id.Tenant, who Who) (Standing, error) {
	var s Standing
	err := w.checkTenant(ctx, t, &who, &s)
	if err == nil {
		err = w.checkClient(ctx, t, &who, &s)
	}
	if err == nil && who.User != "" {
		err = w.checkPerson(ctx, t, &who, &s)
	}
	if err == nil && who.Org != "" {
		err = w.checkOrg(ctx, t, &who)
	}
	return s, err
}

// checkPerson checks what is behind a token of a user.
func (w World) checkPerson(ctx context.Context, t id.Tenant, who *Who, s *Standing) error {
	err := w.checkUser(ctx, t, who, s)
	if err == nil {
		err = w.checkSession(ctx, t, who, s)
	}
	if err == nil && s.Session.Strength < s.Client.MinStrength {
		err = gone("session", "The client asks for a stronger proof of the user.")
	}
	if err == nil && !s.Client.FirstParty {
		err = w.checkConsent(ctx, t, who, s)
	}
	return err
}

func (w World) checkTenant(ctx context.Context, t id.Tenant, who *Who, s *Standing) (err error) {
	s.Tenant, err = w.Tenants.Standing(ctx, t)
	if errs.Is(err, errs.NotFound) || err == nil && !s.Tenant.Enabled {
		return gone("tenant", "The tenant is not in use.")
	}
	s.Epochs.Tenant = s.Tenant.Epoch
	if err == nil && who.Remembered != nil && who.Remembered.Tenant < s.Epochs.Tenant {
		return gone("tenant", "Everything of the tenant was ended.")
	}
	return err
}

func (w World) checkClient(ctx context.Context, t id.Tenant, who *Who, s *Standing) (err error) {
	s.Client, err = w.Clients.Standing(ctx, t, who.Client)
	if errs.Is(err, errs.NotFound) || err == nil && s.Client.Disabled {
		return gone("client", "The client is not in use.")
	}
	if err != nil {
		return err
	}
	s.Epochs.Client = s.Client.Epoch
	if who.Remembered != nil && who.Remembered.Client < s.Epochs.Client {
		return gone("client", "Everything that the client had was ended.")
	}
	return nil
}

func (w World) checkUser(ctx context.Context, t id.Tenant, who *Who, s *Standing) error {
	u, err := w.Users.Standing(ctx, t, who.User)
	if errs.Is(err, errs.NotFound) {
		return gone("user", "The account does not exist.")
	}
	if err != nil {
		return err
	}
	if !u.Active {
		return gone("user", "The account is not active.")
	}
	s.Epochs.User = u.Epoch
	if who.Remembered != nil && who.Remembered.User < s.Epochs.User {
		return gone("user", "Everything that the account had given was ended.")
	}
	return nil
}

func (w World) checkSession(ctx context.Context, t id.Tenant, who *Who, s *Standing) error {
	var now oauth.SessionStanding
	if who.Session != "" {
		var err error
		now, err = w.Sessions.Standing(ctx, t, who.Session)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return err
		}
	}
	if !now.Alive {
		if !who.Offline || now.Revoked {
			return gone("session", "The session has ended.")
		}
		s.SessionOver = true
		s.Session = oauth.SessionStanding{AuthTime: who.AuthTime, Strength: who.Strength, Methods: who.Methods}
		return nil
	}
	if now.UserID != who.User {
		return gone("session", "The session belongs to somebody else.")
	}
	s.Session, s.Epochs.Session = now, now.Epoch
	if who.Remembered != nil && who.Remembered.Session < s.Epochs.Session {
		return gone("session", "The session has ended.")
	}
	return nil
}

func (w World) checkConsent(ctx context.Context, t id.Tenant, who *Who, s *Standing) (err error) {
	s.Consent, err = w.Consents.Standing(ctx, t, who.User, who.Client)
	if err != nil {
		return err
	}
	if !s.Consent.Given {
		return gone("consent", "The user does not allow this.")
	}
	s.Epochs.Consent = s.Consent.Epoch
	if who.Remembered != nil && who.Remembered.Consent < s.Epochs.Consent {
		return gone("consent", "The user took the consent back.")
	}
	return nil
}

func (w World) checkOrg(ctx context.Context, t id.Tenant, who *Who) error {
	o, err := w.Organisations.Standing(ctx, t, who.Org, who.User)
	if err != nil {
		return err
	}
	if !o.Enabled || who.User != "" && !o.Member {
		return gone("org", "The organisation is not in use, or the user does not belong to it.")
	}
	return nil
}

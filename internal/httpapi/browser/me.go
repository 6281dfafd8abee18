package browser

import (
	"slices"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/kit/jsonobject"
	"github.com/cardea-auth/cardea/internal/oauth"
)

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

// AppendJSON appends what encoding/json makes of m, in a third of the time: pages and services ask
// with each of their own requests. The error is of a text that is not UTF-8.
func (m Me) AppendJSON(b []byte) ([]byte, error) {
	w := jsonobject.Open(b)
	w.Flag("authenticated", m.Authenticated)
	if u := m.User; u != nil {
		w.Begin("user")
		w.AlwaysText("id", u.ID)
		w.Text("email", u.Email)
		w.Flag("email_verified", u.EmailVerified)
		w.Text("name", u.Name)
		w.Text("locale", u.Locale)
		w.End()
	}
	if s := m.Session; s != nil {
		w.Begin("session")
		w.AlwaysText("id", s.ID)
		w.Time("expires", s.Expires)
		w.Time("auth_time", s.AuthTime)
		w.AlwaysText("acr", s.ACR)
		w.Texts("amr", s.AMR)
		w.End()
	}
	w.Texts("scopes", m.Scopes)
	w.Texts("permissions", m.Permissions)
	w.Text("csrf_token", m.CSRF)
	return w.Close()
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

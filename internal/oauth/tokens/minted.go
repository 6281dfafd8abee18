package tokens

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/jsonobject"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// Minted is a set of tokens on its way to its client. Only Issue makes one.
type Minted struct {
	access, refresh, id string
	scope               string
	expires             time.Time
	life                int64
}

// Access is the access token, for one of our own pages.
func (m Minted) Access() secret.Value { return secret.New(m.access) }

// Refresh is the refresh token; empty if there is none.
func (m Minted) Refresh() secret.Value { return secret.New(m.refresh) }

// ID is the id token; empty if there is none.
func (m Minted) ID() secret.Value { return secret.New(m.id) }

// Scope is the scope that was granted.
func (m Minted) Scope() string { return m.scope }

// Expires is when the access token ends.
func (m Minted) Expires() time.Time { return m.expires }

// AppendJSON appends the answer of the token end point (RFC 6749, section 5.1). The scope is always
// said.
func (m Minted) AppendJSON(b []byte) []byte {
	w := jsonobject.Open(b)
	w.Text("access_token", m.access)
	w.Text("token_type", "Bearer")
	w.Number("expires_in", m.life)
	w.Text("refresh_token", m.refresh)
	w.Text("id_token", m.id)
	w.AlwaysText("scope", m.scope)
	b, _ = w.Close() // tokens and scopes are printable ASCII, which always quotes
	return b
}

// Format shows no token.
func (m Minted) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte("[tokens]")) }

// LogValue shows no token.
func (m Minted) LogValue() slog.Value { return slog.StringValue("[tokens]") }

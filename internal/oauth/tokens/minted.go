package tokens

import (
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

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
	b = append(b, `{"access_token":"`...)
	b = append(b, m.access...) // all tokens are base64url, '.', '_' and '-'
	b = append(b, `","token_type":"Bearer","expires_in":`...)
	b = strconv.AppendInt(b, m.life, 10)
	if m.refresh != "" {
		b = append(b, `,"refresh_token":"`...)
		b = append(append(b, m.refresh...), '"')
	}
	if m.id != "" {
		b = append(b, `,"id_token":"`...)
		b = append(append(b, m.id...), '"')
	}
	b = append(b, `,"scope":`...)
	// Scopes are printable ASCII, which always quotes.
	b, _ = jsontext.AppendQuote(b, m.scope)
	return append(b, '}')
}

// Format shows no token.
func (m Minted) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte("[tokens]")) }

// LogValue shows no token.
func (m Minted) LogValue() slog.Value { return slog.StringValue("[tokens]") }

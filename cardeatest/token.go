package cardeatest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"time"
)

// Claims say what a token holds. The zero Claims make a valid token of the user "alice" without scopes.
type Claims struct {
	Subject   string        // sub; "" means alice, or the client itself if Service
	Service   bool          // a token of client credentials: no user, no session
	ClientID  string        // "" means UserClient
	Audience  string        // "" means the constant Audience
	Scope     string        // separated by blanks
	Roles     []string      // what the token says, which no guard of package cardea believes
	SessionID string        // sid; "" means one session per subject
	ACR       string        // "" leaves it out
	Age       time.Duration // how long ago the user signed in (auth_time)
	Life      time.Duration // 0 means 10 minutes; negative makes a token that has expired
	// Header and Extra replace members of the header and the claims, or add to them; nil removes one.
	Header, Extra map[string]any
}

// Token mints an access token (RFC 9068) of the current epochs.
func (s *Server) Token(c Claims) string {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	header := map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": s.key.kid}
	return s.sign(replace(header, c.Header), replace(s.claims(c), c.Extra))
}

// Sign signs any header and payload with the server's current key, byte for byte, to make tokens that
// no issuer would.
func (s *Server) Sign(header, payload []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signBytes(header, payload)
}

// KeyID is the kid of the current key.
func (s *Server) KeyID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key.kid
}

// claims fills in the defaults. The caller holds mu.
func (s *Server) claims(c Claims) map[string]any {
	now := s.now()
	life := or(c.Life, 10*time.Minute)
	issued := now
	if life < 0 {
		issued = now.Add(2 * life)
	}
	client := or(c.ClientID, UserClient)
	claims := map[string]any{
		"iss": s.URL, "aud": or(c.Audience, Audience), "client_id": client, "scope": c.Scope,
		"jti": rand.Text(), "iat": issued.Unix(), "exp": now.Add(life).Unix(),
	}
	epochs := map[string]any{"c": s.epochs[ref{"client", client}], "t": s.epochs[wholeTenant()]}
	if c.Service {
		claims["sub"] = or(c.Subject, client)
	} else {
		user := or(c.Subject, "alice")
		session := or(c.SessionID, "session-of-"+user)
		claims["sub"], claims["sid"] = user, session
		claims["auth_time"] = issued.Add(-c.Age).Unix()
		epochs["u"] = s.epochs[ref{"user", user}]
		epochs["s"] = s.epochs[ref{"session", session}]
		epochs["g"] = s.epochs[ref{"consent", user + "/" + client}] + 1
	}
	claims["ep"] = epochs
	if c.ACR != "" {
		claims["acr"] = c.ACR
	}
	if c.Roles != nil {
		claims["roles"] = c.Roles
	}
	return claims
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

func replace(members, with map[string]any) map[string]any {
	maps.Copy(members, with)
	maps.DeleteFunc(members, func(_ string, v any) bool { return v == nil })
	return members
}

func (s *Server) sign(header, claims map[string]any) string {
	s.t.Helper()
	h, err := json.Marshal(header)
	if err != nil {
		s.t.Fatalf("cardeatest: encoding the header: %v", err)
	}
	p, err := json.Marshal(claims)
	if err != nil {
		s.t.Fatalf("cardeatest: encoding the claims: %v", err)
	}
	return s.signBytes(h, p)
}

func (s *Server) signBytes(header, payload []byte) string {
	s.t.Helper()
	input := encode(header) + "." + encode(payload)
	digest := sha256.Sum256([]byte(input))
	r, v, err := ecdsa.Sign(rand.Reader, s.key.private, digest[:])
	if err != nil {
		s.t.Fatalf("cardeatest: signing: %v", err)
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	return input + "." + encode(signature[:])
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

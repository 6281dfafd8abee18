package cardeatest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// ref names something that has epochs.
type ref struct{ kind, id string }

// wholeTenant is everything that the issuer has given out.
func wholeTenant() ref { return ref{"tenant", "test"} }

// line is one line of the feed.
type line struct {
	Kind     string `json:"kind"`
	ID       string `json:"id,omitempty"`
	MinEpoch uint64 `json:"min_epoch,omitempty"`
	Until    int64  `json:"until,omitempty"`
	Cursor   string `json:"cursor"`
}

// heartbeat is how often an idle feed says that it is there.
const heartbeat = time.Second

// remember is how long a revocation stays in the feed.
const remember = time.Hour

// RevokeSession revokes every token of the session so far.
func (s *Server) RevokeSession(id string) { s.raise("session", id) }

// RevokeUser revokes every token of the user so far.
func (s *Server) RevokeUser(id string) { s.raise("user", id) }

// RevokeClient revokes every token given to the client so far.
func (s *Server) RevokeClient(id string) { s.raise("client", id) }

// RevokeConsent revokes every token given to the client so far in the user's name.
func (s *Server) RevokeConsent(user, client string) { s.raise("consent", user+"/"+client) }

// RevokeAll revokes every token of the issuer so far.
func (s *Server) RevokeAll() { s.raise(wholeTenant().kind, wholeTenant().id) }

// RevokeToken revokes one token by its jti.
func (s *Server) RevokeToken(token string) {
	jti, _ := s.read(token)["jti"].(string)
	s.spend("jti", jti)
}

// RevokeKey revokes every token signed by the key with this kid.
func (s *Server) RevokeKey(kid string) { s.spend("key", kid) }

// RevokeUnknown sends a kind of revocation that no client knows, in force for d.
func (s *Server) RevokeUnknown(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publish(line{Kind: "planet", ID: "x", Until: s.now().Add(d).Unix()})
}

// ForgetCursors makes the feed answer 410 to every cursor so far, as a restored issuer would. It keeps
// what is in force.
func (s *Server) ForgetCursors() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.era++
}

func (s *Server) raise(kind, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epochs[ref{kind, id}]++
	least := s.epochs[ref{kind, id}]
	if kind == "consent" {
		least++ // consents begin with 1: 0 is a token that needed none
	}
	s.publish(line{Kind: kind, ID: id, MinEpoch: least, Until: s.now().Add(remember).Unix()})
}

func (s *Server) spend(kind, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spent[kind+":"+id] = true
	s.publish(line{Kind: kind, ID: id, Until: s.now().Add(remember).Unix()})
}

// publish appends to the feed. The caller holds mu.
func (s *Server) publish(l line) {
	s.log = append(s.log, l)
	s.announce()
}

// revoked reports whether the claims of a token are revoked. The caller holds mu.
func (s *Server) revoked(header, claims map[string]any) bool {
	epochs, _ := claims["ep"].(map[string]any)
	for kind, names := range map[string][2]string{"session": {"sid", "s"}, "user": {"sub", "u"}, "client": {"client_id", "c"}} {
		id, _ := claims[names[0]].(string)
		minted, _ := epochs[names[1]].(float64)
		if uint64(minted) < s.epochs[ref{kind, id}] {
			return true
		}
	}
	consent := fmt.Sprint(claims["sub"], "/", claims["client_id"])
	if g, ok := epochs["g"].(float64); ok && uint64(g) <= s.epochs[ref{"consent", consent}] {
		return true
	}
	if all, _ := epochs["t"].(float64); uint64(all) < s.epochs[wholeTenant()] {
		return true
	}
	return s.spent[fmt.Sprint("jti:", claims["jti"])] || s.spent[fmt.Sprint("key:", header["kid"])]
}

// read decodes the claims of a token that the server made, without looking at anything.
func (s *Server) read(token string) map[string]any {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	return decodePart(parts[1])
}

func decodePart(part string) map[string]any {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil
	}
	var members map[string]any
	if json.Unmarshal(raw, &members) != nil {
		return nil
	}
	return members
}

// feed serves the revocations as the package comment of cardea describes them.
func (s *Server) feed(w http.ResponseWriter, r *http.Request) {
	if !authentic(r) {
		w.Header().Set("WWW-Authenticate", "Basic")
		http.Error(w, "", http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	at, known := s.position(r.URL.Query().Get("after"))
	s.mu.Unlock()
	if !known {
		http.Error(w, "", http.StatusGone)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := http.NewResponseController(w)
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	kind := "live"
	for {
		s.mu.Lock()
		lines, changed, broken := s.log[at:], s.changed, s.broken[Feed]
		at = len(s.log)
		text := s.render(lines, at, kind)
		s.mu.Unlock()
		if broken {
			return
		}
		if _, err := io.WriteString(w, text); err != nil || out.Flush() != nil {
			return
		}
		kind = ""
		select {
		case <-changed:
		case <-ticker.C:
			kind = "heartbeat"
		case <-r.Context().Done():
			return
		case <-s.closed:
			return
		}
	}
}

// render writes the lines that end at position at, and then one of the given kind, if any. The caller
// holds mu.
func (s *Server) render(lines []line, at int, kind string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	for i, l := range lines {
		l.Cursor = s.cursor(at - len(lines) + i + 1)
		_ = enc.Encode(l) // strings and numbers into memory
	}
	if kind != "" {
		_ = enc.Encode(line{Kind: kind, Cursor: s.cursor(at)})
	}
	return b.String()
}

func (s *Server) cursor(at int) string { return fmt.Sprintf("%d-%d", s.era, at) }

// position is where the feed resumes after the cursor. The caller holds mu.
func (s *Server) position(cursor string) (at int, known bool) {
	if cursor == "" {
		return 0, true
	}
	var era int
	if _, err := fmt.Sscanf(cursor, "%d-%d", &era, &at); err != nil {
		return 0, false
	}
	return at, era == s.era && at >= 0 && at <= len(s.log)
}

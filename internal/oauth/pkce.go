package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"github.com/cardea-auth/cardea/internal/kit/strict"
)

// Challenge is a PKCE code challenge of method S256 (RFC 7636, section 4.2). Empty means that the
// request had none, which only an exempted confidential client may do.
type Challenge string

// unreserved are the characters of a code verifier (RFC 7636, section 4.1).
const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

// ParseChallenge reads code_challenge and code_challenge_method. The method must be named: its
// absence would mean plain, which is refused.
func ParseChallenge(challenge, method string) (Challenge, error) {
	if challenge == "" && method == "" {
		return "", nil
	}
	if method != "S256" {
		return "", Refuse(InvalidRequest, "The code_challenge_method must be S256.")
	}
	if raw, err := strict.Base64URL(challenge); err != nil || len(raw) != sha256.Size {
		return "", Refuse(InvalidRequest, "The code_challenge is not the base64url of a SHA-256.")
	}
	return Challenge(challenge), nil
}

// Meets reports whether verifier is the one behind c. A verifier without a challenge does not meet
// it either: somebody stripped the challenge from the request (RFC 9700, section 2.1.1).
func (c Challenge) Meets(verifier string) bool {
	if c == "" || verifier == "" {
		return c == "" && verifier == ""
	}
	if len(verifier) < 43 || len(verifier) > 128 || strings.Trim(verifier, unreserved) != "" {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	made := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(made), []byte(c)) == 1
}

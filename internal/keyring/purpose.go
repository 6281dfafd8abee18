package keyring

import (
	"slices"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Purpose is what a key is for. A key never serves two.
type Purpose string

// The purposes.
const (
	Tokens      Purpose = "token"      // access and id tokens
	Logout      Purpose = "logout"     // logout tokens (OpenID Connect Back-Channel Logout 1.0)
	Context     Purpose = "context"    // the gateway's word to the services behind it
	Checkpoints Purpose = "checkpoint" // the audit log
)

// Alg is a JWS algorithm (RFC 7518, section 3.1; RFC 8037, section 3.1). It is pinned to the key.
type Alg string

// The algorithms. ES256 is the default: one signature costs 25 µs, with RS256 or PS256 700 µs.
const (
	ES256 Alg = "ES256"
	EdDSA Alg = "EdDSA" // Ed25519 only
	RS256 Alg = "RS256" // keys of 2048 bits
	PS256 Alg = "PS256" // keys of 2048 bits
)

// Algs are the algorithms that p may use, its default first; none for an unknown purpose.
func (p Purpose) Algs() []Alg {
	switch p {
	case Tokens, Logout:
		return []Alg{ES256, EdDSA, RS256, PS256}
	case Context:
		return []Alg{ES256}
	case Checkpoints:
		return []Alg{EdDSA}
	}
	return nil
}

// slot is a place for one active and one next key.
type slot struct {
	purpose Purpose
	alg     Alg
}

// check refuses an algorithm that the purpose does not have.
func (s slot) check() error {
	if slices.Contains(s.purpose.Algs(), s.alg) {
		return nil
	}
	return errs.New(errs.Unsupported, "algorithm_unsupported", "There are no keys of that purpose and algorithm.")
}

// State is where a key is in its life.
type State string

// The states.
const (
	Next     State = "next"     // published, and does not sign yet
	Active   State = "active"   // signs
	Retiring State = "retiring" // has signed; its signatures still count
	Revoked  State = "revoked"  // its signatures do not count any more
)

// Kind is a kind of signed token. It fixes the purpose of the key and the typ of the header, so that
// no token is taken for one of another kind (RFC 8725, section 3.11).
type Kind uint8

// The kinds of token.
const (
	AccessToken  Kind = iota + 1 // typ at+jwt (RFC 9068, section 2.1)
	IDToken                      // typ JWT
	LogoutToken                  // typ logout+jwt (OpenID Connect Back-Channel Logout 1.0, section 2.4)
	ContextToken                 // typ context+jwt, our own
)

// kindsOf are the kinds of token that keys of p sign.
func kindsOf(p Purpose) []Kind {
	switch p {
	case Tokens:
		return []Kind{AccessToken, IDToken}
	case Logout:
		return []Kind{LogoutToken}
	case Context:
		return []Kind{ContextToken}
	}
	return nil // checkpoints are no tokens
}

// typ is the type in the header.
func (k Kind) typ() string {
	switch k {
	case AccessToken:
		return "at+jwt"
	case IDToken:
		return "JWT"
	case LogoutToken:
		return "logout+jwt"
	case ContextToken:
		return "context+jwt"
	}
	return ""
}

// Package credential reads from a request what its sender wants to be known by, and nothing else:
// a bearer token, an API key, a session cookie or a client certificate, never two of them.
//
//	Authorization or X-API-Key ▸ wins, and if it is bad it is refused, not replaced by the cookie
//	session cookie             ▸ only on routes that say so, with CSRF protection on writes
//	client certificate         ▸ where nothing else was sent; else it goes along with a bound token
//	query string               ▸ never
//
// The package proves nothing: whether a credential is good is asked of the domain that made it.
package credential

import (
	"crypto/x509"
	"net/http"
	"strings"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// Kind is what kind of credential was sent.
type Kind uint8

// The kinds. The zero value is no credential.
const (
	None        Kind = iota
	Bearer           // Authorization: Bearer (RFC 6750): a JWT or an opaque access token
	DPoP             // Authorization: DPoP (RFC 9449), with its proof
	APIKey           // X-API-Key, or an API key sent as bearer
	Session          // the session cookie
	Certificate      // a TLS client certificate alone (RFC 8705)
)

// String is the kind in logs.
func (k Kind) String() string {
	return [...]string{"none", "bearer", "dpop", "api_key", "session", "certificate"}[k]
}

// Accept says which credentials a route reads. What is not accepted is not looked at, except that a
// route that reads any refuses a header which it does not take.
type Accept uint8

// The credentials that a route may accept.
const (
	Header     Accept = 1 << iota // Authorization with Bearer or DPoP, X-API-Key
	Cookie                        // the session cookie
	ClientCert                    // a client certificate without anything else
)

// Credential is what was sent. The zero value is an anonymous request.
type Credential struct {
	Kind        Kind
	Token       secret.Value      // of Bearer, DPoP, APIKey and Session
	Proof       string            // with DPoP: the proof (RFC 9449, section 4)
	Method, URI string            // with DPoP: what the proof must be about; filled in by the door
	Certificate *x509.Certificate // of the connection, whatever Kind is; nil if there is none
	// Broken says that a session cookie was sent which no server of ours made. The request is
	// anonymous and the cookie is to be cleared.
	Broken bool
}

// maxToken is the longest credential that is looked at. Longer ones are refused before any parser.
const maxToken = 8 << 10

// Source is where a credential may stand in a request.
type Source struct {
	Header      http.Header
	Jar         Jar
	Tenant      id.Tenant         // whose cookies are looked for
	Certificate *x509.Certificate // of the client, if it has shown one
}

// Read finds the credential in a request. Its errors are Invalid for what is ambiguous and
// Unauthenticated with code token_invalid for what is no credential of ours.
func Read(s Source, a Accept) (Credential, error) {
	if a == 0 {
		return Credential{}, nil
	}
	c, err := fromHeaders(s.Header)
	if err != nil {
		return Credential{}, err
	}
	if c.Kind != None && a&Header == 0 {
		return Credential{}, bad("This route does not take a credential in a header.")
	}
	if c.Kind == None && a&Cookie != 0 {
		if c, err = fromCookie(s.Header, s.Jar, s.Tenant); err != nil {
			return Credential{}, err
		}
	}
	c.Certificate = s.Certificate
	if c.Kind == None && c.Certificate != nil && a&ClientCert != 0 {
		c.Kind = Certificate
	}
	return c, nil
}

func fromHeaders(h http.Header) (Credential, error) {
	auth, keys, proofs := h["Authorization"], h["X-Api-Key"], h["Dpop"]
	if len(auth)+len(keys) > 1 || len(proofs) > 1 {
		return Credential{}, errs.New(errs.Invalid, "malformed_request", "Send one credential, once.")
	}
	switch {
	case len(proofs) == 1 && len(auth) == 0:
		return Credential{}, bad("A DPoP proof goes with Authorization: DPoP.")
	case len(auth) == 1:
		return authorization(auth[0], proofs)
	case len(keys) == 1:
		if !token68(keys[0]) {
			return Credential{}, bad("X-API-Key does not hold an API key.")
		}
		return Credential{Kind: APIKey, Token: secret.New(keys[0])}, nil
	}
	return Credential{}, nil
}

// authorization reads Authorization (RFC 9110, section 11.4): a scheme in any case, one space, token68.
func authorization(v string, proofs []string) (Credential, error) {
	scheme, token, _ := strings.Cut(v, " ")
	if !token68(token) {
		return Credential{}, bad("Authorization does not hold a token.")
	}
	c := Credential{Kind: Bearer, Token: secret.New(token)}
	switch {
	case strings.EqualFold(scheme, "Bearer") && len(proofs) == 0: // nobody believes in a binding that is not checked
		if strings.HasPrefix(token, string(opaque.APIKey)+"_") {
			c.Kind = APIKey
		}
	case strings.EqualFold(scheme, "DPoP") && len(proofs) == 1 && len(proofs[0]) <= maxToken:
		c.Kind, c.Proof = DPoP, proofs[0]
	default:
		return Credential{}, bad("Authorization must be Bearer alone, or DPoP with its proof.")
	}
	return c, nil
}

// token68 reports whether s has the form of RFC 9110, section 11.2.
func token68(s string) bool {
	body := strings.TrimRight(s, "=")
	if body == "" || len(s) > maxToken {
		return false
	}
	for i := range len(body) {
		if !tokenByte(body[i]) {
			return false
		}
	}
	return true
}

// The bytes of token68 as two sets of 64 bits: a bearer token has a thousand bytes, and a search for
// each of them was a twentieth of a request.
const (
	digits    = (1<<10 - 1) << '0'
	letters   = (1<<26-1)<<('A'-64) | (1<<26-1)<<('a'-64)
	lowToken  = uint64(digits | 1<<'-' | 1<<'.' | 1<<'+' | 1<<'/')
	highToken = uint64(letters | 1<<('_'-64) | 1<<('~'-64))
)

func tokenByte(c byte) bool {
	if c < 64 {
		return lowToken>>c&1 != 0
	}
	return c < 128 && highToken>>(c-64)&1 != 0
}

func bad(text string) error { return errs.New(errs.Unauthenticated, "token_invalid", "%s", text) }

// Package opaque makes the bearer secrets that Cardea hands out: sessions, codes, refresh tokens,
// API keys, links. Each has a prefix that names its kind and a checksum, so that scanners recognise
// a leaked one and a mistyped one is refused before any look-up.
//
// Form: prefix '_' body, where body is unpadded base64url and its last six characters are the
// checksum of all that stands before. Only the SHA-256 of a token is ever stored.
package opaque

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strings"

	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/kit/strict"
)

// Kind is the prefix of a token. A token of one kind is never accepted as another.
type Kind string

// The kinds of token.
const (
	Session      Kind = "cds" // browser session
	AccessToken  Kind = "cda" // opaque access token
	RefreshToken Kind = "cdr" // refresh token
	Code         Kind = "cdc" // authorization code
	APIKey       Kind = "cdk" // API key
	ClientSecret Kind = "cdx" // client secret
	Link         Kind = "cdl" // mailed link: verification, reset, invitation
	Setup        Kind = "cdi" // first administrator's set-up link
	Flow         Kind = "cdf" // handle of a flow
	Device       Kind = "cdd" // device that is known
	Feed         Kind = "cdp" // position in the revocation feed
)

const (
	secretBytes = 32 // 256 bits
	sumLength   = 6
	maxLength   = 4096 // the largest is a sealed flow handle, which must fit a cookie
)

// New returns a fresh token of kind k with 256 random bits.
func New(k Kind) string {
	var b [secretBytes]byte
	rand.Read(b[:])
	return With(k, b[:])
}

// With returns the token of kind k that carries payload. The payload must be unguessable or
// authenticated by itself: the checksum protects against typing errors, not against forgery.
func With(k Kind, payload []byte) string {
	head := string(k) + "_" + base64.RawURLEncoding.EncodeToString(payload)
	sum := checksum(head)
	return head + string(sum[:])
}

// Payload returns what With was given, or false if text is not a well-formed token of kind k.
func Payload(k Kind, text string) ([]byte, bool) {
	rest, ok := strings.CutPrefix(text, string(k))
	if !ok || len(text) > maxLength || len(rest) <= 1+sumLength || rest[0] != '_' {
		return nil, false
	}
	cut := len(text) - sumLength
	if sum := checksum(text[:cut]); text[cut:] != string(sum[:]) {
		return nil, false
	}
	b, err := strict.Base64URL(rest[1 : len(rest)-sumLength])
	return b, err == nil
}

// Valid reports whether text is a well-formed token of kind k. It says nothing about who holds it.
func Valid(k Kind, text string) bool {
	_, ok := Payload(k, text)
	return ok
}

// Hash is the form in which a token is stored and looked up.
func Hash(token string) string { return secret.Hash(token) }

// Matches reports whether hash is that of token, in a time that tells nothing about it. An empty hash is
// nobody's.
func Matches(hash, token string) bool {
	sum := sha256.Sum256([]byte(token))
	var text [2 * sha256.Size]byte
	hex.Encode(text[:], sum[:])
	return subtle.ConstantTimeCompare([]byte(hash), text[:]) == 1
}

// checksum is the CRC-32 of head in base64url: six characters.
func checksum(head string) (text [sumLength]byte) {
	var sum [crc32.Size]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE([]byte(head)))
	base64.RawURLEncoding.Encode(text[:], sum[:])
	return text
}

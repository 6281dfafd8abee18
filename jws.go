package cardea

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"
)

// MaxToken is the length in bytes above which a token is refused before anything looks at it.
const MaxToken = 8 << 10

// The one text for everything that is wrong with a token before its signature is known to be good:
// whoever made it is a stranger and learns nothing more.
const notAToken = "The credential is not an access token of this issuer."

// strictBase64 refuses padding and stray bits. Line breaks, which encoding/base64 skips, are refused
// by onlyBase64 before.
var strictBase64 = base64.RawURLEncoding.Strict()

// jws is a signed token in compact form (RFC 7515 section 7.1), taken apart and not yet verified.
type jws struct {
	alg, kid  string
	input     string // the signing input: header and payload as they were sent
	payload   string // still encoded, so that nothing can read it before the signature is verified
	signature []byte
}

// parseJWS takes a token apart. It never allocates more than a small multiple of MaxToken. JSON
// serialisation, encryption (five parts), and every header that changes what the signature means are
// refused; headers that only suggest a key (jku, jwk, x5u, x5c) are ignored, because keys come from
// the issuer's set alone.
func parseJWS(token string) (jws, *Error) {
	if len(token) > MaxToken {
		return jws{}, invalid(notAToken)
	}
	header, rest, ok1 := strings.Cut(token, ".")
	payload, signature, ok2 := strings.Cut(rest, ".")
	if !ok1 || !ok2 || !onlyBase64(header) || !onlyBase64(payload) || !onlyBase64(signature) {
		return jws{}, invalid(notAToken)
	}
	sig, err := strictBase64.DecodeString(signature)
	if err != nil {
		return jws{}, invalid(notAToken)
	}
	t := jws{input: token[:len(header)+1+len(payload)], payload: payload, signature: sig}
	if !t.readHeader(header) {
		return jws{}, invalid(notAToken)
	}
	return t, nil
}

// onlyBase64 reports whether s is not empty and holds characters of base64url only: no dot, no
// padding, no white space.
func onlyBase64(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return s != ""
}

func (t *jws) readHeader(encoded string) bool {
	raw, err := strictBase64.DecodeString(encoded)
	if err != nil {
		return false
	}
	header, err := decodeObject(raw)
	if err != nil {
		return false
	}
	// RFC 9068 section 4: the type is what tells an access token from an id token of the same issuer.
	if typ := header["typ"]; typ != "at+jwt" && typ != "application/at+jwt" {
		return false
	}
	// crit and b64 change what is signed (RFC 7515 section 4.1.11, RFC 7797); zip, enc and p2c belong
	// to encryption. Cardea uses none of them.
	for _, name := range [...]string{"crit", "b64", "zip", "enc", "epk", "p2s", "p2c"} {
		if _, present := header[name]; present {
			return false
		}
	}
	var okAlg, okKid bool
	t.alg, okAlg = stringOf(header, "alg")
	t.kid, okKid = stringOf(header, "kid")
	return okAlg && okKid
}

// Algorithms that a key may be pinned to (RFC 7518 section 3.1, RFC 8037).
const (
	algES256 = "ES256"
	algEdDSA = "EdDSA"
	algRS256 = "RS256"
	algPS256 = "PS256"
)

// signingKey is one verified entry of the issuer's key set. Its algorithm is its own: the header of a
// token can only agree with it.
type signingKey struct {
	kid, alg string
	key      crypto.PublicKey // *ecdsa.PublicKey on P-256, ed25519.PublicKey or *rsa.PublicKey of at least 2048 bits
}

// verify reports whether t was signed by k.
func (k *signingKey) verify(t jws) bool {
	return t.alg == k.alg && verifySignature(k.alg, k.key, []byte(t.input), t.signature)
}

// verifySignature checks one signature. A key of another type than alg needs verifies nothing.
func verifySignature(alg string, key crypto.PublicKey, input, signature []byte) bool {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return alg == algES256 && verifyES256(key, input, signature)
	case ed25519.PublicKey:
		return alg == algEdDSA && len(key) == ed25519.PublicKeySize && ed25519.Verify(key, input, signature)
	case *rsa.PublicKey:
		return verifyRSA(alg, key, input, signature)
	}
	return false
}

// verifyES256 checks r‖s, each exactly 32 bytes, left padded (RFC 7518 section 3.4). Any other length,
// and so every ASN.1 form, is refused; ecdsa.Verify refuses r and s outside 1 … n−1.
func verifyES256(key *ecdsa.PublicKey, input, signature []byte) bool {
	if len(signature) != 64 {
		return false
	}
	digest := sha256.Sum256(input)
	r := new(big.Int).SetBytes(signature[:32])
	s := new(big.Int).SetBytes(signature[32:])
	return ecdsa.Verify(key, digest[:], r, s)
}

func verifyRSA(alg string, key *rsa.PublicKey, input, signature []byte) bool {
	digest := sha256.Sum256(input)
	switch alg {
	case algRS256:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	case algPS256: // RFC 7518 section 3.5: the salt is as long as the hash
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
		return rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, options) == nil
	}
	return false
}

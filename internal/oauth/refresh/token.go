package refresh

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// Sizes of the parts of a token.
const (
	keySize    = 4 // number of the key
	familySize = 16
	countSize  = 4 // generation
	secretSize = 32
	tagSize    = sha256.Size
	bodySize   = keySize + familySize + countSize + secretSize
)

// token is a refresh token taken apart:
//
//	cdr_ base64url( key ‖ family ‖ generation ‖ secret ‖ tag ) checksum
//	tag       = HMAC(K1 of key, all before it)
//	secret 0  = random;  secret n+1 = HMAC(K2 of key, family ‖ n+1 ‖ secret n)
//
// A family therefore has one chain of tokens: whoever computes the successor of a token computes the
// same one, and neither the store (which has hashes) nor the keys alone yield a token.
type token struct {
	key        uint32
	family     [familySize]byte
	generation uint32
	secret     [secretSize]byte
}

// first is the first token of a new family.
func first(k key) token {
	t := token{key: k.id}
	rand.Read(t.family[:])
	rand.Read(t.secret[:])
	return t
}

// next is the successor of t under key k. The number is new, so a family moves to the newest key when
// it rotates.
func (t token) next(k key) token {
	n := token{key: k.id, family: t.family, generation: t.generation + 1}
	mac := hmac.New(sha256.New, k.derive)
	mac.Write(t.family[:])
	mac.Write(binary.BigEndian.AppendUint32(nil, n.generation))
	mac.Write(t.secret[:])
	copy(n.secret[:], mac.Sum(nil))
	return n
}

func (t token) body() []byte {
	b := make([]byte, 0, bodySize+tagSize)
	b = binary.BigEndian.AppendUint32(b, t.key)
	b = append(b, t.family[:]...)
	b = binary.BigEndian.AppendUint32(b, t.generation)
	return append(b, t.secret[:]...)
}

// text is the token as its client gets it.
func (t token) text(k key) secret.Value {
	body := t.body()
	return secret.New(opaque.With(opaque.RefreshToken, append(body, tag(k, body)...)))
}

// familyID is the id of the family's document.
func (t token) familyID() string { return base64.RawURLEncoding.EncodeToString(t.family[:]) }

func tag(k key, body []byte) []byte {
	mac := hmac.New(sha256.New, k.tag)
	mac.Write(body)
	return mac.Sum(nil)
}

// presented is a token as it came in, before its tag was checked.
type presented struct {
	token
	tag []byte
}

// parse takes a token apart. It says nothing about who made it.
func parse(text string) (presented, bool) {
	payload, ok := opaque.Payload(opaque.RefreshToken, text)
	if !ok || len(payload) != bodySize+tagSize {
		return presented{}, false
	}
	p := presented{tag: payload[bodySize:]}
	p.key = binary.BigEndian.Uint32(payload)
	rest := payload[keySize:]
	copy(p.family[:], rest)
	p.generation = binary.BigEndian.Uint32(rest[familySize:])
	copy(p.secret[:], rest[familySize+countSize:])
	return p, true
}

// madeWith reports whether k made the token. Without that nothing is looked up and nothing is
// written, so a guessed token cannot end anybody's family.
func (p presented) madeWith(k key) bool { return hmac.Equal(tag(k, p.body()), p.tag) }

package redis

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/cardea-auth/cardea/internal/kit/id"
)

// vault makes the names under which things are kept, and seals them. Redis learns from a name whose
// tenant it is and nothing else.
type vault struct {
	prefix string // of all names: one for each database
	names  []byte
	aead   cipher.AEAD // with nonces so long that they may be drawn for ever
}

func newVault(secret [32]byte) (vault, error) {
	parts := make([][]byte, 0, 3)
	for _, label := range []string{"prefix", "names", "seal"} {
		key, err := hkdf.Expand(sha256.New, secret[:], "cardea redis 1 "+label, 32)
		if err != nil {
			return vault{}, err
		}
		parts = append(parts, key)
	}
	aead, err := chacha20poly1305.NewX(parts[2])
	return vault{prefix: "cardea:" + base64.RawURLEncoding.EncodeToString(parts[0][:6]) + ":", names: parts[1], aead: aead}, err
}

// name is a name that all nodes know.
func (v vault) name(what string) string { return v.prefix + what }

// hidden is the name of something of a tenant that must not be read from it.
func (v vault) hidden(kind string, t id.Tenant, parts ...string) string {
	mac := hmac.New(sha256.New, v.names)
	var size [4]byte
	for _, p := range append([]string{kind, string(t)}, parts...) {
		binary.BigEndian.PutUint32(size[:], uint32(len(p)))
		mac.Write(size[:])
		mac.Write([]byte(p))
	}
	return v.prefix + kind + ":" + string(t) + ":" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// seal encrypts plain after head, which stays readable, for the place of that name.
func (v vault) seal(name string, head, plain []byte) []byte {
	out := make([]byte, 0, len(head)+chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	out = append(out, head...)
	var nonce [chacha20poly1305.NonceSizeX]byte
	rand.Read(nonce[:]) // cannot fail
	out = append(out, nonce[:]...)
	return v.aead.Seal(out, nonce[:], plain, append([]byte(name+"\x00"), head...))
}

// open is the other way; false for what seal has not made for that place.
func (v vault) open(name string, head, box []byte) ([]byte, bool) {
	if len(box) < chacha20poly1305.NonceSizeX+chacha20poly1305.Overhead {
		return nil, false
	}
	nonce, rest := box[:chacha20poly1305.NonceSizeX], box[chacha20poly1305.NonceSizeX:]
	plain, err := v.aead.Open(nil, nonce, rest, append([]byte(name+"\x00"), head...))
	return plain, err == nil
}

// random is a name for this process.
func (vault) random() string { return rand.Text() }

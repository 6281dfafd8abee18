package envelope

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// MasterID names a master key without revealing it: 16 hexadecimal characters of a hash of the key.
// It may be logged, and it is stored beside everything that the key wrapped.
type MasterID string

// Master is the key outside the database that wraps all data keys. The zero Master is refused
// everywhere. No road by which Go prints a value shows the key.
type Master struct {
	key *[keySize]byte // a pointer: fmt prints an unexported array inside a struct without asking us
	id  MasterID       // "" only in the zero Master
}

const keySize = 32

// masterText is the prefix of a master key's text. It is in no list of bearer tokens: no door reads it.
const masterText opaque.Kind = "cdm"

// NewMaster makes a random master key.
func NewMaster() Master {
	var key [keySize]byte
	rand.Read(key[:]) // cannot fail: crypto/rand crashes the program rather than return an error
	return masterOf(key)
}

func masterOf(key [keySize]byte) Master {
	sum := sha256.Sum256(append([]byte("cardea master key id\x00"), key[:]...))
	return Master{key: &key, id: MasterID(hex.EncodeToString(sum[:8]))}
}

// ParseMaster reads the text of a master key, as Text writes it. Space around it is ignored. The
// error never repeats the text; a mistyped character is noticed by the checksum.
func ParseMaster(text string) (Master, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Master{}, errors.New("envelope: the master key is empty")
	}
	payload, ok := opaque.Payload(masterText, text)
	if !ok || len(payload) != keySize {
		return Master{}, fmt.Errorf("envelope: this is not a master key: it must be %q followed by 49 characters, and its checksum must fit", string(masterText)+"_")
	}
	return masterOf([keySize]byte(payload)), nil
}

// Text is the key as a person keeps it: prefix, base64url and checksum, 53 characters.
// The zero Master has none.
func (m Master) Text() secret.Value {
	if !m.Valid() {
		return secret.Value{}
	}
	return secret.New(opaque.With(masterText, m.key[:]))
}

// ID names the key; "" for the zero Master.
func (m Master) ID() MasterID { return m.id }

// Valid reports whether m holds a key.
func (m Master) Valid() bool { return m.id != "" }

// String names the key by its id.
func (m Master) String() string { return "[master key " + string(m.id) + "]" }

// Format hides the key from every verb.
func (m Master) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(m.String())) }

// LogValue hides the key from slog.
func (m Master) LogValue() slog.Value { return slog.StringValue(m.String()) }

// MarshalText hides the key from JSON, YAML and XML.
func (m Master) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Derive is a key of its own for another purpose, from which this one cannot be found. The error is of
// the zero Master.
func (m Master) Derive(purpose string) ([keySize]byte, error) {
	if !m.Valid() {
		return [keySize]byte{}, errors.New("envelope: no master key")
	}
	key, err := hkdf.Key(sha256.New, m.key[:], nil, "cardea derived key\x00"+purpose, keySize)
	if err != nil {
		return [keySize]byte{}, err
	}
	return [keySize]byte(key), nil
}

// wrap encrypts a data key or the canary: nonce ‖ box.
func (m Master) wrap(plain, additional []byte) ([]byte, error) {
	if !m.Valid() {
		return nil, errors.New("envelope: no master key")
	}
	aead, err := newAEAD(m.key[:])
	if err != nil {
		return nil, err
	}
	out := make([]byte, nonceSize, nonceSize+len(plain)+tagSize)
	rand.Read(out)
	return aead.Seal(out, out[:nonceSize], plain, additional), nil
}

// unwrap opens what wrap made with the same additional data.
func (m Master) unwrap(box, additional []byte) ([]byte, error) {
	if !m.Valid() || len(box) < nonceSize+tagSize {
		return nil, ErrSealed
	}
	aead, err := newAEAD(m.key[:])
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, box[:nonceSize], box[nonceSize:], additional)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

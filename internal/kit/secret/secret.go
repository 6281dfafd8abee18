// Package secret carries values that must not be seen: passwords, keys, tokens on their way to
// their owner. Every road by which Go prints a value shows a placeholder instead.
package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"log/slog"
)

// placeholder is what a secret looks like everywhere but in Reveal.
const placeholder = "[secret]"

// Value is a secret text. The zero value is the empty secret, which never equals anything.
type Value struct{ text string }

// New wraps text.
func New(text string) Value { return Value{text} }

// Reveal returns the text. Each call site is a place to review.
func (v Value) Reveal() string { return v.text }

// Empty reports whether there is no secret.
func (v Value) Empty() bool { return v.text == "" }

// Equal compares in constant time. An empty secret equals nothing, not even another empty one.
func (v Value) Equal(o Value) bool {
	return v.text != "" && subtle.ConstantTimeCompare([]byte(v.text), []byte(o.text)) == 1
}

// String hides the text.
func (v Value) String() string { return placeholder }

// GoString hides the text from %#v.
func (v Value) GoString() string { return placeholder }

// Format hides the text from every verb.
func (v Value) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(placeholder)) }

// LogValue hides the text from slog.
func (v Value) LogValue() slog.Value { return slog.StringValue(placeholder) }

// MarshalText hides the text from JSON, YAML and XML.
func (v Value) MarshalText() ([]byte, error) { return []byte(placeholder), nil }

// UnmarshalText reads the secret from input.
func (v *Value) UnmarshalText(b []byte) error { v.text = string(b); return nil }

// Hash is the lower-case hexadecimal SHA-256 of text: the form in which a server-made secret of at
// least 128 bits is stored and looked up. Passwords are never hashed with it.
func Hash(text string) string {
	var room [128]byte // a token that is not longer stays off the heap
	sum := sha256.Sum256(append(room[:0], text...))
	var out [2 * sha256.Size]byte
	hex.Encode(out[:], sum[:])
	return string(out[:])
}

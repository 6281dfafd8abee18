// Package id makes identifiers and names those that every room needs.
//
// Public ids (a user's sub, a client_id) are random, so that they say nothing about order or number;
// ids of rows that nobody sees are UUIDv7 (RFC 9562), so that rows written together lie together.
// An id is never reused.
package id

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Tenant names a tenant: an issuer with its own users, clients, keys and policies.
type Tenant string

// The tenants that always exist.
const (
	Default Tenant = "default" // lives at the root URL
	System  Tenant = "system"  // holds the authority over the platform; no sign-up, no foreign clients
)

// alphabet is lower case only, so that ids survive being read aloud and typed.
const alphabet = "0123456789bcdfghjkmnpqrstvwxyzae"

var encoding = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// New returns a random public id of 26 characters (130 bits, of which 128 are random).
func New() string {
	var b [16]byte
	rand.Read(b[:]) // cannot fail: crypto/rand crashes the program rather than return an error
	return Of(b)
}

// Of is the id that spells b, for ids that are part of something else. Like every id it begins with a
// letter or a digit: a command line takes what begins with '-' for a flag.
func Of(b [16]byte) string { return encoding.EncodeToString(b[:]) }

// Bytes is what Of spelled as s; false if s is no such id.
func Bytes(s string) (b [16]byte, ok bool) {
	raw, err := encoding.DecodeString(s)
	if err != nil || len(raw) != len(b) {
		return b, false
	}
	return [16]byte(raw), Of([16]byte(raw)) == s // the last character has bits to spare
}

// NewRow returns a UUIDv7 (RFC 9562, section 5.7) for a row that nobody outside sees.
func NewRow(now time.Time) string {
	var b [16]byte
	rand.Read(b[:])
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(b[:6], ms[2:])
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	var out [36]byte
	hex.Encode(out[:8], b[:4])
	hex.Encode(out[9:13], b[4:6])
	hex.Encode(out[14:18], b[6:8])
	hex.Encode(out[19:23], b[8:10])
	hex.Encode(out[24:], b[10:])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

// FirstRow is not greater than any row of now or later, and greater than those of the millisecond before.
func FirstRow(now time.Time) string {
	ms := max(0, min(now.UnixMilli(), 1<<48-1))
	return fmt.Sprintf("%08x-%04x-7", ms>>16, ms&0xffff)
}

// ValidTenant reports whether s may name a tenant: 1 to 40 of a–z, 0–9 and '-', not at either end.
// The name stands in URLs, cookie names and lock names, so nothing else is allowed.
func ValidTenant(s string) bool {
	if len(s) == 0 || len(s) > 40 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

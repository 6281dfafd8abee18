package id

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"time"
)

// The alphabet of ULIDs is Crockford's.
var ulids = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// ulidBits are the 128 bits behind two empty ones, so that they fill 26 characters of five.
type ulidBits [17]byte

// NewULID returns an id in the form of https://github.com/ulid/spec that sorts behind after, which is
// such an id or empty: 48 bits of milliseconds and 80 random ones. It is for what clients of others
// expect to be named so.
func NewULID(now time.Time, after string) string {
	var raw [16]byte
	rand.Read(raw[:])
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(raw[:6], ms[2:])
	if s := spellULID(raw); s > after {
		return s
	}
	raw, _ = ulidBytes(after)
	for i := len(raw) - 1; i >= 0; i-- { // the clock stands still or went back: one more than the last
		raw[i]++
		if raw[i] != 0 {
			break
		}
	}
	return spellULID(raw)
}

// ValidULID reports whether s is an id in the one spelling that NewULID gives.
func ValidULID(s string) bool {
	raw, ok := ulidBytes(s)
	return ok && spellULID(raw) == s
}

// spellULID writes 128 bits as 130, two zeros first.
func spellULID(raw [16]byte) string {
	var b ulidBits
	carry := byte(0)
	for i, v := range raw {
		b[i] = carry<<6 | v>>2
		carry = v & 3
	}
	b[16] = carry << 6
	return ulids.EncodeToString(b[:])[:26]
}

func ulidBytes(s string) (raw [16]byte, ok bool) {
	if len(s) != 26 || s[0] > '7' {
		return raw, false
	}
	var b ulidBits
	if n, err := ulids.Decode(b[:], []byte(s+"00")); err != nil || n != len(b) {
		return raw, false
	}
	for i := range raw {
		raw[i] = b[i]<<2 | b[i+1]>>6
	}
	return raw, true
}

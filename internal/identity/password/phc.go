package password

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Algorithm names a way of hashing passwords.
type Algorithm string

// The algorithms that verify. New hashes are always Argon2id.
const (
	Argon2id Algorithm = "argon2id"
	Argon2i  Algorithm = "argon2i"
	Bcrypt   Algorithm = "bcrypt"
	Scrypt   Algorithm = "scrypt"
	PBKDF2   Algorithm = "pbkdf2"
)

// Bounds of a stored hash. A tag shorter than 16 bytes would match by chance or by design of
// whoever imported it; a salt may be short, because a weak hash is better replaced than refused.
const (
	maxHashLength = 512
	minTag        = 16
	maxTag        = 128
	maxSalt       = 128
)

// demand is what computing a hash takes.
type demand struct {
	memory  uint32 // KiB
	lanes   int    // cores at once
	written uint64 // argon2: KiB written in all passes; the others bound their work when parsed
}

// scheme is one parsed hash.
type scheme interface {
	algorithm() Algorithm
	// demand is what matches will take; it is read before any of it is spent.
	demand() demand
	// matches computes the hash of key and compares in constant time.
	matches(key []byte) (bool, error)
}

// record is a stored hash, read.
type record struct {
	scheme
	pepper PepperID // "" without
	bare   Hash     // the text without the pepper
}

// parse reads any hash that verifies. It fails with Unsupported for an unknown form or a cost above
// the bounds, with Invalid for a known form that is not well written. No error repeats the text.
func parse(h Hash) (record, error) {
	text := string(h)
	if len(text) > maxHashLength || !printable(text) {
		return record{}, malformed()
	}
	rest, peppered := strings.CutPrefix(text, pepperMark)
	if !peppered {
		s, err := parseScheme(text)
		return record{scheme: s, bare: h}, err
	}
	id, rest, ok := strings.Cut(rest, "$")
	if !ok || !PepperID(id).valid() || !strings.HasPrefix(rest, string(Argon2id)+"$") {
		return record{}, malformed()
	}
	s, err := parseScheme("$" + rest)
	return record{scheme: s, pepper: PepperID(id), bare: Hash("$" + rest)}, err
}

// parseScheme chooses by the leading name. Names with a dollar in front are PHC or crypt(3) forms,
// those without are Django's.
func parseScheme(text string) (scheme, error) {
	rest, dollar := strings.CutPrefix(text, "$")
	if !dollar {
		return parseDjango(text)
	}
	name, rest, _ := strings.Cut(rest, "$")
	switch name {
	case "argon2id", "argon2i":
		return parseArgon2(Algorithm(name), rest)
	case "2a", "2b", "2y":
		return parseBcrypt(text)
	case "scrypt":
		return parseScrypt(rest)
	case "pbkdf2", "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512":
		return parsePBKDF2(name, rest)
	}
	return nil, unsupported()
}

// parseDjango reads the forms of django.contrib.auth: its own for PBKDF2, and two others that wear
// its name in front.
func parseDjango(text string) (scheme, error) {
	name, rest, _ := strings.Cut(text, "$")
	switch {
	case name == "argon2" && strings.HasPrefix(rest, "argon2"):
		return parseScheme("$" + rest)
	case name == "bcrypt" && strings.HasPrefix(rest, "$2"):
		return parseBcrypt(rest)
	case name == "pbkdf2_sha1", name == "pbkdf2_sha256", name == "pbkdf2_sha512":
		return parseDjangoPBKDF2(name, rest)
	}
	return nil, unsupported()
}

func unsupported() error {
	return errs.New(errs.Unsupported, "hash_unsupported", "This form of password hash is not supported.")
}

func malformed() error {
	return errs.New(errs.Invalid, "hash_malformed", "The password hash is not well formed.")
}

func tooCostly() error {
	return errs.New(errs.Unsupported, "hash_too_costly", "The password hash asks for more work or memory than is allowed.")
}

// printable reports whether s is visible ASCII only. The base64 decoder skips line breaks, so they
// must be gone before it is asked.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// number reads a positive decimal without sign or leading zeros: one number has one spelling.
func number(s string) (uint32, bool) {
	if s == "" || s[0] < '1' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil
}

// numbers reads "a=1,b=2" with exactly the given names in exactly that order.
func numbers(s string, names ...string) ([]uint32, bool) {
	parts := strings.Split(s, ",")
	if len(parts) != len(names) {
		return nil, false
	}
	out := make([]uint32, len(names))
	for i, part := range parts {
		value, ok := strings.CutPrefix(part, names[i]+"=")
		if !ok {
			return nil, false
		}
		if out[i], ok = number(value); !ok {
			return nil, false
		}
	}
	return out, true
}

// saltAndTag reads the two last fields of a PHC string: unpadded base64 whose spare bits are zero.
func saltAndTag(salt, tag string) (s, t []byte, ok bool) {
	s, err1 := b64().DecodeString(salt)
	t, err2 := b64().DecodeString(tag)
	if err1 != nil || err2 != nil || len(s) == 0 {
		return nil, nil, false
	}
	return s, t, len(s) <= maxSalt && len(t) >= minTag && len(t) <= maxTag
}

func b64() *base64.Encoding { return base64.RawStdEncoding.Strict() }

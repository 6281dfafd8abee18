package password

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"strings"
)

// pbkdf2MaxWork bounds iterations times blocks of output: between one and three seconds. Django's
// default of 2026 is a quarter of it.
const pbkdf2MaxWork = 4_000_000

// pbkdf2Hash is a hash by PBKDF2 with HMAC (RFC 8018, section 5.2).
type pbkdf2Hash struct {
	digest     func() hash.Hash
	iterations int
	salt, tag  []byte
}

// digestOf is the hash function that a name ends with; "pbkdf2" alone is passlib's SHA-1.
func digestOf(name string) func() hash.Hash {
	switch {
	case strings.HasSuffix(name, "sha512"):
		return sha512.New
	case strings.HasSuffix(name, "sha256"):
		return sha256.New
	}
	return sha1.New
}

// parsePBKDF2 reads passlib's "iterations$salt$tag", whose base64 has '.' for '+', and the PHC form
// "i=iterations$salt$tag" in ordinary base64; ",l=" with the length of the tag may follow.
func parsePBKDF2(name, text string) (scheme, error) {
	f := strings.Split(text, "$")
	if len(f) != 3 {
		return nil, malformed()
	}
	count, phc := strings.CutPrefix(f[0], "i=")
	if !phc {
		if strings.Contains(text, "+") {
			return nil, malformed()
		}
		f[1], f[2] = strings.ReplaceAll(f[1], ".", "+"), strings.ReplaceAll(f[2], ".", "+")
	}
	salt, tag, ok := saltAndTag(f[1], f[2])
	if !ok {
		return nil, malformed()
	}
	count, length, stated := strings.Cut(count, ",l=")
	if n, ok := number(length); stated && (!ok || !phc || int(n) != len(tag)) {
		return nil, malformed()
	}
	return newPBKDF2(name, count, salt, tag)
}

// parseDjangoPBKDF2 reads Django's "iterations$salt$tag": the salt is its own text, the tag is
// padded base64.
func parseDjangoPBKDF2(name, text string) (scheme, error) {
	f := strings.Split(text, "$")
	if len(f) != 3 || f[1] == "" || len(f[1]) > maxSalt {
		return nil, malformed()
	}
	tag, err := base64.StdEncoding.Strict().DecodeString(f[2])
	if err != nil || len(tag) < minTag || len(tag) > maxTag {
		return nil, malformed()
	}
	return newPBKDF2(name, f[0], []byte(f[1]), tag)
}

func newPBKDF2(name, count string, salt, tag []byte) (scheme, error) {
	iterations, ok := number(count)
	if !ok {
		return nil, malformed()
	}
	digest := digestOf(name)
	size := digest().Size()
	blocks := (len(tag) + size - 1) / size
	if uint64(iterations)*uint64(blocks) > pbkdf2MaxWork {
		return nil, tooCostly()
	}
	return pbkdf2Hash{digest: digest, iterations: int(iterations), salt: salt, tag: tag}, nil
}

func (pbkdf2Hash) algorithm() Algorithm { return PBKDF2 }

func (pbkdf2Hash) demand() demand { return demand{memory: 1, lanes: 1} }

func (h pbkdf2Hash) matches(key []byte) (bool, error) {
	tag, err := pbkdf2.Key(h.digest, string(key), h.salt, h.iterations, len(h.tag))
	return err == nil && subtle.ConstantTimeCompare(tag, h.tag) == 1, err
}

package password

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Sizes of what we make ourselves (RFC 9106, section 4).
const (
	saltBytes = 16
	tagBytes  = 32
)

// argon2MaxWritten bounds an argon2 hash that costs more than ours: KiB written in all passes.
// 2 GiB take about a second. Its memory is bounded by Config.MaxMemory.
const argon2MaxWritten = 2 << 20

// argon2Hash is the PHC string of argon2id or argon2i, version 1.3.
type argon2Hash struct {
	kind   Algorithm
	params Params
	salt   []byte
	tag    []byte
}

// parseArgon2 reads "v=19$m=…,t=…,p=…$salt$tag". Version 1.0 (no v=, or v=16), keyid and data do
// not verify: the library computes version 1.3 only.
func parseArgon2(kind Algorithm, text string) (scheme, error) {
	f := strings.Split(text, "$")
	if len(f) != 4 || f[0] != "v=19" {
		return nil, malformed()
	}
	n, ok := numbers(f[1], "m", "t", "p")
	if !ok {
		return nil, malformed()
	}
	salt, tag, ok := saltAndTag(f[2], f[3])
	if !ok || n[2] > 255 || n[0] < 8*n[2] {
		return nil, malformed()
	}
	if n[1] > maxPasses || n[2] > maxThreads || n[0] > maxMemory {
		return nil, tooCostly()
	}
	p := Params{Memory: n[0], Passes: n[1], Threads: uint8(n[2])}
	return argon2Hash{kind: kind, params: p, salt: salt, tag: tag}, nil
}

// newArgon2 hashes key with fresh salt.
func newArgon2(p Params, key []byte) argon2Hash {
	h := argon2Hash{kind: Argon2id, params: p, salt: make([]byte, saltBytes), tag: make([]byte, tagBytes)}
	rand.Read(h.salt)
	h.tag = h.compute(key)
	return h
}

func (h argon2Hash) algorithm() Algorithm { return h.kind }

func (h argon2Hash) demand() demand {
	return demand{memory: h.params.Memory, lanes: int(h.params.Threads), written: h.params.written()}
}

func (h argon2Hash) compute(key []byte) []byte {
	derive := argon2.IDKey
	if h.kind == Argon2i {
		derive = argon2.Key
	}
	return derive(key, h.salt, h.params.Passes, h.params.Memory, h.params.Threads, uint32(len(h.tag)))
}

func (h argon2Hash) matches(key []byte) (bool, error) {
	return subtle.ConstantTimeCompare(h.compute(key), h.tag) == 1, nil
}

// weakerThan reports whether the hash is worth replacing by one with the costs p. Lanes do not
// count: they change how long the defender waits, not what the attacker pays.
func (h argon2Hash) weakerThan(p Params) bool {
	return h.kind != Argon2id || h.params.Memory < p.Memory || h.params.Passes < p.Passes ||
		len(h.salt) < saltBytes || len(h.tag) < tagBytes
}

// encode is the PHC string.
func (h argon2Hash) encode() string {
	return fmt.Sprintf("$%s$v=%d$m=%d,t=%d,p=%d$%s$%s", h.kind, argon2.Version,
		h.params.Memory, h.params.Passes, h.params.Threads, b64().EncodeToString(h.salt), b64().EncodeToString(h.tag))
}

package password

import (
	"crypto/subtle"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// Bounds of scrypt (RFC 7914, section 2); memory is bounded by Config.MaxMemory besides. The work
// N·r·p is twice what OWASP's largest setting asks for: about a second.
const (
	scryptMaxLogN  = 20
	scryptMaxBlock = 32
	scryptMaxLanes = 64
	scryptMaxWork  = 2 << 20
)

// scryptHash is the PHC string of scrypt, which is also passlib's.
type scryptHash struct {
	n, r, p   int
	salt, tag []byte
}

// parseScrypt reads "ln=…,r=…,p=…$salt$tag", where ln is the binary logarithm of N.
func parseScrypt(text string) (scheme, error) {
	f := strings.Split(text, "$")
	if len(f) != 3 {
		return nil, malformed()
	}
	v, ok := numbers(f[0], "ln", "r", "p")
	if !ok {
		return nil, malformed()
	}
	salt, tag, ok := saltAndTag(f[1], f[2])
	if !ok {
		return nil, malformed()
	}
	if v[0] > scryptMaxLogN || v[1] > scryptMaxBlock || v[2] > scryptMaxLanes || uint64(v[1])*uint64(v[2])<<v[0] > scryptMaxWork {
		return nil, tooCostly()
	}
	return scryptHash{n: 1 << v[0], r: int(v[1]), p: int(v[2]), salt: salt, tag: tag}, nil
}

func (scryptHash) algorithm() Algorithm { return Scrypt }

// demand counts the big array of 128·N·r bytes and the p blocks that fill it. The library computes
// the lanes one after the other in the same array.
func (h scryptHash) demand() demand {
	return demand{memory: uint32((128*h.r*(h.n+h.p))>>10) + 1, lanes: 1}
}

func (h scryptHash) matches(key []byte) (bool, error) {
	tag, err := scrypt.Key(key, h.salt, h.n, h.r, h.p, len(h.tag))
	return err == nil && subtle.ConstantTimeCompare(tag, h.tag) == 1, err
}

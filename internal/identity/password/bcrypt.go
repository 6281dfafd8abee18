package password

import (
	"errors"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// Bounds of bcrypt. Cost 15 takes about a second and a half.
const (
	bcryptLength  = 60
	bcryptMinCost = 4
	bcryptMaxCost = 15
	bcryptMaxKey  = 72
	bcryptDigits  = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// bcryptHash is a crypt(3) string of version 2a, 2b or 2y. 2x is not taken: it marks hashes made by
// a faulty implementation.
type bcryptHash struct{ text string }

// parseBcrypt reads "$2b$12$" and 53 digits of bcrypt's own base64.
func parseBcrypt(text string) (scheme, error) {
	if len(text) != bcryptLength || text[0] != '$' || text[1] != '2' || text[3] != '$' || text[6] != '$' ||
		!strings.Contains("aby", text[2:3]) || strings.Trim(text[7:], bcryptDigits) != "" {
		return nil, malformed()
	}
	tens, ones := text[4], text[5]
	if tens < '0' || tens > '9' || ones < '0' || ones > '9' {
		return nil, malformed()
	}
	switch cost := int(tens-'0')*10 + int(ones-'0'); {
	case cost < bcryptMinCost:
		return nil, malformed()
	case cost > bcryptMaxCost:
		return nil, tooCostly()
	}
	return bcryptHash{text}, nil
}

func (bcryptHash) algorithm() Algorithm { return Bcrypt }

func (bcryptHash) demand() demand { return demand{memory: 8, lanes: 1} }

// matches refuses what bcrypt cannot tell apart. bcrypt reads 72 bytes and ignores the rest, and C
// implementations stop at NUL: taking such a password would let any ending in, and the ending would
// then be hashed as if it had been proved. Its owner must reset it. The work is done all the same,
// so that the refusal cannot be told from a wrong password.
func (h bcryptHash) matches(key []byte) (bool, error) {
	distinct := len(key) <= bcryptMaxKey && strings.IndexByte(string(key), 0) < 0
	err := bcrypt.CompareHashAndPassword([]byte(h.text), key[:min(len(key), bcryptMaxKey)])
	if err != nil && !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, err
	}
	return distinct && err == nil, nil
}

package password

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// pepperMark begins a hash into which a pepper was mixed. It is not a PHC name on purpose: other
// software must not take such a hash for a plain argon2id one and report a wrong password.
const pepperMark = "$cardea-pepper$"

// peppers are the keys at hand. The entry for "" does not exist: no pepper is not a pepper.
type peppers map[PepperID][]byte

func newPeppers(current PepperID, list []Pepper) (peppers, error) {
	out := make(peppers, len(list))
	for _, p := range list {
		switch _, twice := out[p.ID]; {
		case !p.ID.valid():
			return nil, errs.New(errs.Invalid, "pepper_id", "A pepper's id has 1 to 32 of a–z, 0–9 and '-'.")
		case twice:
			return nil, errs.New(errs.Invalid, "pepper_id", "Two peppers are called %q; an id names one key for ever.", p.ID)
		case len(p.Key.Reveal()) < minPepperBytes:
			return nil, errs.New(errs.Invalid, "pepper_key", "The pepper %q is shorter than %d bytes and could be guessed.", p.ID, minPepperBytes)
		}
		out[p.ID] = []byte(p.Key.Reveal())
	}
	if _, known := out[current]; current != "" && !known {
		return nil, errs.New(errs.Invalid, "pepper_id", "The current pepper %q has no key.", current)
	}
	return out, nil
}

// mix returns what is given to argon2id in place of the password: the text itself without a pepper,
// HMAC-SHA-256 of it with one. A pepper that is not at hand is Unavailable: it is an operator's
// mistake, and answering "wrong password" would hide it and lock everybody out in silence.
func (p peppers) mix(id PepperID, text string) ([]byte, error) {
	if id == "" {
		return []byte(text), nil
	}
	key, ok := p[id]
	if !ok {
		return nil, errs.New(errs.Unavailable, "pepper_missing", "Passwords cannot be checked at the moment.")
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil), nil
}

func (id PepperID) valid() bool {
	return len(id) >= 1 && len(id) <= 32 && strings.Trim(string(id), "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

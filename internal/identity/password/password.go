// Package password keeps, checks and judges passwords: hashing with argon2id (RFC 9106) behind a
// bounded queue, verifying the hashes of other systems, an optional pepper kept outside the
// database, the rules a new password must meet, and an estimate of how hard it is to guess.
//
//	sign-in    Hasher.Verify ─ or Hasher.Decoy for an unknown account ─ then, if asked, Hasher.Hash
//	new one    Policy.Check → Hasher.Hash → the caller stores the Hash
//	typing     Strength
//	import     Hasher.Inspect, before a foreign hash is stored
//
// # Which text is hashed
//
// A password is prepared as the OpaqueString profile asks (RFC 8265, section 4.2): other spaces
// become U+0020, the text becomes NFC, and control, private-use, unassigned and ignorable characters
// are refused. Case is kept, nothing is ever cut off. Foreign systems hashed the bytes they were
// sent, so their hashes are compared with the bytes as typed.
//
// # What it must not know
//
// Accounts, tenants, storage, callers and HTTP. It counts no attempts and locks nobody out; it does
// not log. Passwords arrive as secret.Value and leave no trace in any error.
package password

import (
	"log/slog"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// MaxBytes is the longest password, in bytes of UTF-8 as typed and as prepared. It bounds the work
// of preparing; it is far above what anybody types and is never reached by cutting.
const MaxBytes = 1024

// Hash is the stored form of a password. It is text without secrets of ours, but it lets its reader
// guess at leisure: it belongs in the store and nowhere else.
//
// Ours is the PHC string of argon2id, with the pepper's id in front when one was mixed in:
//
//	$argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>
//	$cardea-pepper$<pepper id>$argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>
type Hash string

// LogValue hides the hash from slog.
func (Hash) LogValue() slog.Value { return slog.StringValue("[password hash]") }

// prepare turns a password into the text that is hashed. It fails with Invalid if the text is empty,
// too long or holds a character that the profile refuses; the error does not repeat the password.
func prepare(password secret.Value) (string, error) {
	raw := password.Reveal()
	switch {
	case raw == "":
		return "", refuse(ReasonTooShort, "is empty")
	case len(raw) > MaxBytes:
		return "", refuse(ReasonTooLong, "is longer than %d bytes", MaxBytes)
	case !utf8.ValidString(raw):
		return "", refuse(ReasonCharacter, "holds a character that cannot be used")
	}
	text, err := precis.OpaqueString.String(raw)
	if err != nil {
		// The library's error names no character, but it is not ours to promise that.
		return "", refuse(ReasonCharacter, "holds a character that cannot be used")
	}
	if len(text) > MaxBytes {
		return "", refuse(ReasonTooLong, "is longer than %d bytes", MaxBytes)
	}
	return text, nil
}

// attempt is what verifying compares with a hash of ours. A text that prepare refuses can match no
// hash of ours, yet it costs the same work as any other, so it stands for itself.
func attempt(password secret.Value) string {
	text, err := prepare(password)
	if err != nil {
		return password.Reveal()
	}
	return text
}

// hopeless reports whether no account can have this password.
func hopeless(password secret.Value) bool {
	return password.Empty() || len(password.Reveal()) > MaxBytes
}

// refuse is one violated rule, as an Invalid error about the member "password".
func refuse(r Reason, format string, args ...any) *errs.Error {
	e := errs.Bad("/password", format, args...)
	e.Code = "password_" + string(r)
	return e.Breaks(errs.Rule(e.Code), nil)
}

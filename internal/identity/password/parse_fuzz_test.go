package password

import (
	"strings"
	"testing"
)

// FuzzParse: whatever is accepted is within the bounds that keep a hostile import harmless, and has
// one spelling.
func FuzzParse(f *testing.F) {
	const salt, tag = "c29tZXNhbHRzb21lc2FsdA", "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	for _, s := range []string{
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + tag, "$cardea-pepper$k1$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + tag,
		"argon2$argon2i$v=19$m=19456,t=2,p=1$" + salt + "$" + tag, "$2y$10$" + strings.Repeat("a", 53), "bcrypt$$2b$12$" + strings.Repeat(".", 53),
		"$scrypt$ln=14,r=8,p=1$" + salt + "$" + tag, "$pbkdf2$1212$" + salt + "$" + tag, "$pbkdf2-sha512$i=1212,l=32$" + salt + "$" + tag,
		"pbkdf2_sha256$10000$seasalt$CWWFdHOWwPnki7HvkcqN9iA2T3KLW1cf2uZ5kvArtVY=", "$", "$argon2id$$$$", "$scrypt$ln=4294967295,r=1,p=1$a$b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rec, err := parse(Hash(text))
		if err != nil {
			return
		}
		if len(text) > maxHashLength || rec.algorithm() == "" {
			t.Fatalf("accepted %q", text)
		}
		switch s := rec.scheme.(type) {
		case argon2Hash:
			again := s.encode()
			if rec.pepper != "" {
				again = pepperMark + string(rec.pepper) + again
			}
			if again != strings.Replace(text, "argon2$", "$", 1) && again != text {
				t.Errorf("%q is also %q", text, again)
			}
			if s.params.Passes < 1 || s.params.Threads < 1 || len(s.tag) < minTag { // the library panics on the first two
				t.Errorf("accepted %q", text)
			}
		case scryptHash:
			if s.n < 2 || s.n > 1<<scryptMaxLogN || s.n*s.r*s.p > scryptMaxWork || s.r < 1 || s.p < 1 || len(s.tag) < minTag {
				t.Errorf("accepted %q", text)
			}
		case pbkdf2Hash:
			if s.iterations < 1 || s.iterations > pbkdf2MaxWork || len(s.tag) < minTag {
				t.Errorf("accepted %q", text)
			}
		}
	})
}

package clients_test

import (
	"net/http"
	"strings"
	"testing"
)

// fromElsewhere are the hashes of password that other systems have made.
var fromElsewhere = map[string]string{
	"bcrypt of cost 12": "$2a$12$.h1eyPolHCeDFyIHWBhl6OJp56oTnXqgr3bdeZIECt7TkpLZ1a63.",
	"Django's PBKDF2":   "pbkdf2_sha256$600000$seasalt2seasalt2$qsLm2aNZZF8EN1JN5DnBC2AInCudaUda4a0LHdy12Po=",
}

// TestE15_OldHashesOverHTTP: people come with the hashes of another system, sign in with the passwords that
// they know, and their hashes are argon2id afterwards. A hash that nobody can check is not taken.
func TestE15_OldHashesOverHTTP(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	kept := func(id string) string {
		for line := range strings.Lines(s.exported(t)) {
			if strings.Contains(line, `"id":"`+id+`"`) && strings.Contains(line, `"collection":"user"`) {
				return line
			}
		}
		t.Fatalf("no account %s is kept", id)
		return ""
	}
	for what, hash := range fromElsewhere {
		email := strings.ToLower(strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
				return r
			}
			return -1
		}, what)) + "@e15.example"
		u := s.open(t, email, hash, "--hash-stdin")
		if !strings.Contains(kept(u.id), hash[:20]) {
			t.Errorf("%s: the hash is not kept as it came: %s", what, kept(u.id))
		}
		wrong := s.browser(t, u)
		wrong.secret = "not-the-password"
		if a := wrong.try(); a.status != http.StatusUnauthorized {
			t.Errorf("%s, a wrong password: %s", what, a)
		}
		s.browser(t, u).signIn()
		if after := kept(u.id); !strings.Contains(after, "$argon2id$") || strings.Contains(after, hash[:20]) {
			t.Errorf("%s, after signing in: %s", what, after)
		}
		s.browser(t, u).signIn()
	}
	for what, hash := range map[string]string{"a plain password": password, "an MD5": "$1$abc$def", "a cost beyond all bounds": "$2b$31$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz01234", "nothing": ""} {
		r, err := s.command(t.Context(), hash+"\n", "user", "add", "refused@e15.example", "--verified", "--hash-stdin")
		if err != nil || r.code == 0 {
			t.Errorf("%s is taken: %v, %s", what, err, r)
		}
		if hash != "" && strings.Contains(r.stdout+r.stderr, hash) {
			t.Errorf("%s is repeated: %s", what, r)
		}
	}
}

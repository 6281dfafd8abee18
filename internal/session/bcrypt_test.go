package session_test

import (
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// mustBcrypt is the hash that another system would hand over, at cost 12.
func mustBcrypt(t *testing.T, pass string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(pass), 12)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

package id_test

import (
	"regexp"
	"testing"

	"github.com/cardea-auth/cardea/internal/kit/id"
)

// TestIDsCanBeTyped: an id is a word for people and for command lines, whatever its bytes are.
func TestIDsCanBeTyped(t *testing.T) {
	word := regexp.MustCompile(`^[0-9a-z]{26}$`)
	seen := map[string]bool{}
	for i := range 256 {
		var b [16]byte
		for j := range b {
			b[j] = byte(i)
		}
		for _, s := range []string{id.Of(b), id.New()} {
			if !word.MatchString(s) || seen[s] {
				t.Errorf("%d: %q", i, s)
			}
			seen[s] = true
		}
	}
}

// TestBytesUndoesOf: and nothing but what Of has spelled is read.
func TestBytesUndoesOf(t *testing.T) {
	b := [16]byte{1, 2, 3, 0xff}
	s := id.Of(b)
	if got, ok := id.Bytes(s); !ok || got != b {
		t.Errorf("%q: %v, %v", s, got, ok)
	}
	for _, odd := range []string{"", s[:25], s + "0", s[:25] + "1", "i" + s[1:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ"} {
		if _, ok := id.Bytes(odd); ok {
			t.Errorf("%q was read", odd)
		}
	}
}

var tenantName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// FuzzBytes: no two texts are the same id.
func FuzzBytes(f *testing.F) {
	for _, seed := range []string{id.New(), id.Of([16]byte{}), "", "zzzzzzzzzzzzzzzzzzzzzzzzzz", "0000000000000000000000000A", "000000000000000000000000001"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if b, ok := id.Bytes(text); ok && id.Of(b) != text {
			t.Fatalf("%q is read as the bytes of %q", text, id.Of(b))
		}
		if id.ValidTenant(text) && !tenantName.MatchString(text) {
			t.Fatalf("%q names a tenant", text)
		}
	})
}

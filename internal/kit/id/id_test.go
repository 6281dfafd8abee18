package id_test

import (
	"regexp"
	"testing"
	"time"

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

// TestFirstRow: rows of a millisecond stand behind its first, and before the first of the next.
func TestFirstRow(t *testing.T) {
	now := time.Date(2026, 11, 29, 15, 0, 0, 255_000_000, time.UTC)
	for range 100 {
		row := id.NewRow(now)
		if row < id.FirstRow(now) || row >= id.FirstRow(now.Add(time.Millisecond)) {
			t.Errorf("%s is not between %s and %s", row, id.FirstRow(now), id.FirstRow(now.Add(time.Millisecond)))
		}
		now = now.Add(9999 * time.Millisecond)
	}
	if before, after := id.FirstRow(time.Unix(-1, 0)), id.FirstRow(time.Date(20_000, 1, 1, 0, 0, 0, 0, time.UTC)); before != id.FirstRow(time.Unix(0, 0)) || len(after) != len(before) {
		t.Errorf("%s, %s", before, after)
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

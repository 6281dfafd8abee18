package password

import (
	"strings"
	"testing"
)

// The list is read here as the program reads it: every entry is found, no neighbour of one is, and
// it is as large and as small as promised.
func TestCommonPasswords(t *testing.T) {
	if len(commonFile) > 300<<10 {
		t.Errorf("the list takes %d bytes", len(commonFile))
	}
	if head, _, _ := strings.Cut(commonFile, "\x00"); !strings.Contains(head, "Licence of the source: MIT") || !strings.Contains(head, "Source: ") {
		t.Errorf("the head does not name source and licence: %q", head)
	}
	l := commonPasswords()
	entries := map[string]int{}
	before, usable := "", 0
	for c := l.block(0); c.next(); {
		word := string(c.word())
		if word <= before || fold(word) != word || word == "" {
			t.Fatalf("%q after %q: not sorted, not folded or empty", word, before)
		}
		if before, entries[word] = word, c.band; len(word) >= MinLength {
			usable++
		}
	}
	if usable < 3000 {
		t.Errorf("only %d entries of at least %d characters", usable, MinLength)
	}
	for word, band := range entries {
		if got, found := l.find(word); !found || got != band {
			t.Errorf("%q is in the list and not found", word)
		}
		for _, other := range []string{word + "\x00", word + "~", word[:len(word)-1], "\x00" + word, word[1:], strings.ToUpper(word) + "A"} {
			if _, listed := entries[other]; listed {
				continue
			}
			if _, found := l.find(other); found {
				t.Errorf("%q is found and not in the list", other)
			}
		}
	}
}

func TestCommonPasswordsRank(t *testing.T) {
	for word, band := range map[string]int{"123456": 0, "password": 1, "qwerty": 2} {
		if got, found := commonPasswords().find(word); !found || got != band {
			t.Errorf("%q: band %d, %v; want %d", word, got, found, band)
		}
	}
}

func FuzzCommonPasswords(f *testing.F) {
	for _, s := range []string{"", "password", "passwore", "\xff\xff", "zzzzzzzz", strings.Repeat("a", 100)} {
		f.Add(s)
	}
	all := map[string]bool{}
	for c := commonPasswords().block(0); c.next(); {
		all[string(c.word())] = true
	}
	f.Fuzz(func(t *testing.T, word string) {
		if _, found := commonPasswords().find(word); found != all[word] {
			t.Errorf("%q: found %v, listed %v", word, found, all[word])
		}
	})
}

func BenchmarkCommonPasswords(b *testing.B) {
	for b.Loop() {
		commonPasswords().find("correct horse battery")
	}
}

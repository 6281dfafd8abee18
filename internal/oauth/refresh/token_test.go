package refresh

import (
	"bytes"
	"testing"
)

func testKey(id uint32) key {
	return key{id: id, tag: bytes.Repeat([]byte{byte(id)}, keyBytes), derive: bytes.Repeat([]byte{byte(id) + 100}, keyBytes)}
}

func TestSuccessorsAreDerivedFromTokenAndKey(t *testing.T) {
	k1, k2 := testKey(1), testKey(2)
	a, b := first(k1), first(k1)
	if once, again := a.next(k1), a.next(k1); once != again {
		t.Errorf("one token has two successors")
	}
	if a.next(k1).secret == a.next(k2).secret || a.next(k1).secret == b.next(k1).secret || a.next(k1).secret == a.secret {
		t.Errorf("a successor does not depend on token and key")
	}
	if n := a.next(k2); n.key != 2 || n.family != a.family || n.generation != 1 {
		t.Errorf("successor = %+v", n)
	}
}

// The parser accepts exactly what it writes, and no key but the maker's recognises a token.
func FuzzParse(f *testing.F) {
	k, other := testKey(1), testKey(2)
	f.Add(first(k).text(k).Reveal())
	f.Add("cdr_AAAA")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		p, ok := parse(text)
		if !ok || !p.madeWith(k) {
			return
		}
		if again := p.text(k).Reveal(); again != text {
			t.Fatalf("%q is read as %q", text, again)
		}
		if p.madeWith(other) {
			t.Fatalf("%q is recognised by another key", text)
		}
	})
}

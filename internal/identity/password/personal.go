package password

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// minPersonal is the length from which a part of a name counts, in code points. Shorter ones occur
// in good passwords by accident.
const minPersonal = 3

// Bounds of the owner's words, which a stranger types at sign-up: what lies beyond is ignored.
const (
	maxWords     = 16
	maxWordBytes = 256
	maxParts     = 64
)

// personal reports whether at least half of a folded password are the owner's own words: the whole
// name or address, its parts, or the same without what separates them. Only letters and digits
// count, so "alice.smith!" is as personal as "alicesmith".
func personal(folded string, words []string) bool {
	plain := letters(folded)
	rest := plain
	for _, part := range ownParts(words) {
		rest = strings.ReplaceAll(rest, part, "")
	}
	return plain != "" && 2*utf8.RuneCountInString(rest) <= utf8.RuneCountInString(plain)
}

// ownParts are the parts of words that count, folded, longest first.
func ownParts(words []string) []string {
	var parts []string
	add := func(part string) {
		if utf8.RuneCountInString(part) >= minPersonal {
			parts = append(parts, part)
		}
	}
	for _, word := range words[:min(len(words), maxWords)] {
		word = fold(word[:min(len(word), maxWordBytes)])
		local, domain, isMail := strings.Cut(word, "@")
		add(letters(local))
		if isMail {
			add(letters(local + domain))
			domain = domain[:max(0, strings.LastIndexByte(domain, '.'))] // "com" belongs to nobody
		}
		for _, part := range strings.FieldsFunc(local+" "+domain, separates) {
			add(part)
		}
	}
	slices.SortFunc(parts, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	parts = slices.Compact(parts)
	return parts[:min(len(parts), maxParts)]
}

// letters is s without what is neither letter nor digit.
func letters(s string) string { return strings.Join(strings.FieldsFunc(s, separates), "") }

func separates(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }

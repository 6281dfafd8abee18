package policy

import (
	"strconv"
	"strings"

	"github.com/cedar-policy/cedar-go/types"
)

// A type of ours that is written in snake case, patient_record, is PatientRecord in policies. A type
// in Cedar's own words is written with :: in front: ::Shop::Item is Shop::Item. Every other one is
// spelled out behind an underscore, with two hexadecimal digits for each byte that no name may hold:
// doc-1 is _doc_2d1. The three forms do not overlap, so each type has one name and each name one type.

const verbatim = "::"

// CedarType is the name in policies of a type of ours.
func CedarType(ours string) types.EntityType {
	if isSnake(ours) {
		var b strings.Builder
		for word := range strings.SplitSeq(ours, "_") {
			b.WriteByte(word[0] - 'a' + 'A')
			b.WriteString(word[1:])
		}
		return types.EntityType(b.String())
	}
	if rest, ok := strings.CutPrefix(ours, verbatim); ok && isFree(rest) {
		return types.EntityType(rest)
	}
	return types.EntityType(escape(ours))
}

// OurType is the type of ours that a name in policies means.
func OurType(name types.EntityType) string {
	if ours, ok := snake(string(name)); ok {
		return ours
	}
	if ours, ok := unescape(string(name)); ok {
		return ours
	}
	return verbatim + string(name)
}

// isSnake reports whether a type is words of lower-case letters and digits, each beginning with a
// letter, with single underscores between.
func isSnake(s string) bool {
	if s == "" {
		return false
	}
	start := true
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z':
			start = false
		case start:
			return false
		case c == '_':
			start = true
		case c < '0' || c > '9':
			return false
		}
	}
	return !start
}

// snake is PatientRecord as patient_record; false for what is not a row of capitalised words.
func snake(s string) (string, bool) {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'A' && c <= 'Z':
			if i > 0 {
				b.WriteByte('_')
			}
			b.WriteByte(c - 'A' + 'a')
		case i > 0 && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9'):
			b.WriteByte(c)
		default:
			return "", false
		}
	}
	return b.String(), s != ""
}

// isFree reports whether a name of Cedar's is one that no other form takes.
func isFree(name string) bool {
	if _, taken := snake(name); taken {
		return false
	}
	if _, taken := unescape(name); taken {
		return false
	}
	for part := range strings.SplitSeq(name, verbatim) {
		if !isIdent(part) {
			return false
		}
	}
	return true
}

func isIdent(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return s != ""
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

const hexDigits = "0123456789abcdef"

func escape(ours string) string {
	b := []byte{'_'}
	for i := range len(ours) {
		if c := ours[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '_', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(b)
}

// unescape is the inverse of escape; false for what escape does not make.
func unescape(name string) (string, bool) {
	rest, ok := strings.CutPrefix(name, "_")
	if !ok {
		return "", false
	}
	var b []byte
	for i := 0; i < len(rest); i++ {
		if rest[i] != '_' {
			b = append(b, rest[i])
			continue
		}
		if i+2 >= len(rest) {
			return "", false
		}
		n, err := strconv.ParseUint(rest[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b = append(b, byte(n))
		i += 2
	}
	ours := string(b)
	return ours, escape(ours) == name && !isSnake(ours) && !(strings.HasPrefix(ours, verbatim) && isFree(ours[len(verbatim):]))
}

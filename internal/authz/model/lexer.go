package model

import (
	"strings"
	"unicode/utf8"
)

// kind is the kind of a token.
type kind uint8

const (
	end       kind = iota
	newline        // a run of white space with a line break in it
	space          // a run of white space without one
	word           // a name of letters, digits, _ and -
	path           // a name with / or . in it
	version        // 1.1
	inline         // $expression
	sign           // punctuation
	text           // string, number, anything else that only an expression holds
	keyword        // a word that may not be a name
	soft           // a word that may also be a name
	simple         // in the parameters of a condition: a type
	container      // in the parameters of a condition: list or map
)

// token is a piece of the text. Its text is a slice of the source.
type token struct {
	kind   kind
	text   string
	offset int
}

func (t token) is(text string) bool {
	return t.text == text && (t.kind == sign || t.kind == keyword || t.kind == soft)
}

// hard are the words that cannot be names: those of the language and those of expressions.
var hard = map[string]bool{
	"and": true, "or": true, "from": true, "condition": true, "relations": true, "define": true, "with": true,
	"in": true, "true": true, "false": true, "null": true,
}

// gentle are the words that have a meaning in one place and are names everywhere else.
var gentle = map[string]bool{
	"module": true, "model": true, "schema": true, "extend": true, "type": true, "relation": true,
}

// exclude is one token, with exactly one space.
const exclude = "but not"

// lexer cuts a text into tokens: always the longest that fits. Between "condition" and the closing
// parenthesis of its parameters other words are reserved than elsewhere.
type lexer struct {
	source     string
	at         int
	parameters bool
	bad        []int // offsets of characters that begin no token
}

// lex cuts the whole source, without comments of expressions. The last token is end.
func (l *lexer) lex() []token {
	out := make([]token, 0, len(l.source)/4)
	for l.at < len(l.source) {
		start := l.at
		k, n := l.next(l.source[start:])
		if n == 0 {
			if len(l.bad) < maxDiagnostics {
				l.bad = append(l.bad, start)
			}
			_, n = utf8.DecodeRuneInString(l.source[start:])
			l.at += n
			continue
		}
		l.at += n
		if k == end { // a comment
			continue
		}
		t := token{k, l.source[start:l.at], start}
		out = append(out, t)
		switch {
		case t.is("condition"):
			l.parameters = true
		case t.is(")"):
			l.parameters = false
		}
	}
	return append(out, token{kind: end, offset: len(l.source)})
}

// next returns kind and length of the token that s begins with, or length 0.
func (l *lexer) next(s string) (kind, int) {
	if l.parameters {
		return nextParameter(s)
	}
	switch c := s[0]; {
	case isBlank(c) || c == '\n' || c == '\r':
		return nextBlank(s)
	case isLetter(c):
		return nextWord(s)
	case isDigit(c) || c == '.' && len(s) > 1 && isDigit(s[1]):
		return nextNumber(s)
	case c == '"' || c == '\'':
		return text, stringLength(s, false)
	case strings.HasPrefix(s, "//"):
		if i := strings.IndexByte(s, '\n'); i >= 0 {
			return end, i
		}
		return end, len(s)
	case strings.HasPrefix(s, Inline):
		return inline, len(Inline)
	}
	return sign, signLength(s)
}

// nextParameter is next between "condition" and ")". A line break is no token there.
func nextParameter(s string) (kind, int) {
	switch c := s[0]; {
	case isBlank(c):
		return space, span(s, isBlank)
	case isLetter(c):
		n := span(s, isDashed)
		switch s[:n] {
		case "list", "map":
			return container, n
		case "bool", "string", "int", "uint", "double", "duration", "timestamp", "ipaddress":
			return simple, n
		}
		return word, n
	case strings.IndexByte("()<>:,", c) >= 0:
		return sign, 1
	}
	return end, 0
}

func nextBlank(s string) (kind, int) {
	n := span(s, func(c byte) bool { return isBlank(c) || c == '\n' || c == '\r' })
	if strings.ContainsAny(s[:n], "\r\n") {
		return newline, n
	}
	return space, n
}

func nextWord(s string) (kind, int) {
	if n := prefixedString(s); n > 0 {
		return text, n
	}
	if strings.HasPrefix(s, exclude) {
		return keyword, len(exclude)
	}
	dashed, extended := span(s, isDashed), pathLength(s)
	w := s[:max(dashed, extended)]
	switch {
	case hard[w]:
		return keyword, len(w)
	case gentle[w]:
		return soft, len(w)
	case extended > dashed:
		return path, extended
	}
	return word, dashed
}

// pathLength is the length of words joined by single / . or -.
func pathLength(s string) int {
	n := 0
	for {
		step := 0
		if n > 0 && n < len(s) && strings.IndexByte("/.-", s[n]) >= 0 {
			step = 1
		}
		w := span(s[n+step:], isAlphanumeric)
		if w == 0 {
			return n
		}
		n += step + w
	}
}

func nextNumber(s string) (kind, int) {
	if len(s) > 2 && s[0] == '0' && s[1] == 'x' {
		if hex := span(s[2:], isHex); hex > 0 {
			return text, 2 + hex + suffix(s[2+hex:])
		}
	}
	whole := span(s, isDigit)
	fraction := 0
	if whole < len(s) && s[whole] == '.' {
		if f := span(s[whole+1:], isDigit); f > 0 {
			fraction = 1 + f
		}
	}
	n := whole + fraction
	switch e := exponent(s[n:]); {
	case e > 0:
		return text, n + e
	case whole > 0 && fraction > 0:
		return version, n
	case fraction > 0:
		return text, n
	}
	return text, whole + suffix(s[whole:])
}

// suffix is the length of the mark of an unsigned number.
func suffix(s string) int {
	if s != "" && (s[0] == 'u' || s[0] == 'U') {
		return 1
	}
	return 0
}

func exponent(s string) int {
	if s == "" || s[0] != 'e' && s[0] != 'E' {
		return 0
	}
	n := 1
	if n < len(s) && (s[n] == '+' || s[n] == '-') {
		n++
	}
	digits := span(s[n:], isDigit)
	if digits == 0 {
		return 0
	}
	return n + digits
}

// prefixedString is the length of r"..", b".." and br"..".
func prefixedString(s string) int {
	n, raw := 0, false
	if s[0] == 'b' || s[0] == 'B' {
		n = 1
	}
	if n < len(s) && (s[n] == 'r' || s[n] == 'R') {
		n, raw = n+1, true
	}
	if n == 0 || n == len(s) || s[n] != '"' && s[n] != '\'' {
		return 0
	}
	if quoted := stringLength(s[n:], raw); quoted > 0 {
		return n + quoted
	}
	return 0
}

// stringLength is the length of the string that s begins with, or 0 if it does not end.
func stringLength(s string, raw bool) int {
	if triple := strings.Repeat(s[:1], 3); strings.HasPrefix(s, triple) {
		if n := closing(s[3:], triple, raw, true); n > 0 {
			return 3 + n
		}
	}
	if n := closing(s[1:], s[:1], raw, false); n > 0 {
		return 1 + n
	}
	return 0
}

// closing is the length up to and with the closing mark, or 0.
func closing(s, mark string, raw, lines bool) int {
	for n := 0; n < len(s); {
		switch {
		case strings.HasPrefix(s[n:], mark):
			return n + len(mark)
		case !lines && (s[n] == '\n' || s[n] == '\r'):
			return 0
		case s[n] == '\\' && !raw:
			e := escape(s[n+1:])
			if e == 0 {
				return 0
			}
			n += 1 + e
		default:
			n++
		}
	}
	return 0
}

// escape is the length of what follows a backslash, or 0 if it may not.
func escape(s string) int {
	if s == "" {
		return 0
	}
	digits, ok, n := 0, isHex, 1
	switch c := s[0]; {
	case strings.IndexByte("abfnrtv\"'\\?`", c) >= 0:
		return 1
	case c >= '0' && c <= '3':
		digits, ok = 2, func(c byte) bool { return c >= '0' && c <= '7' }
	case c == 'x' || c == 'X':
		digits = 2
	case c == 'u':
		digits = 4
	case c == 'U':
		digits = 8
	default:
		return 0
	}
	if len(s) < n+digits || span(s[n:n+digits], ok) < digits {
		return 0
	}
	return n + digits
}

func signLength(s string) int {
	for _, two := range []string{"==", "!=", "<=", ">=", "&&", "||"} {
		if strings.HasPrefix(s, two) {
			return 2
		}
	}
	if strings.IndexByte("#:,<>[]{}().-!?+*/%", s[0]) >= 0 {
		return 1
	}
	return 0
}

// span is how many bytes s begins with that are ok.
func span(s string, ok func(byte) bool) int {
	n := 0
	for n < len(s) && ok(s[n]) {
		n++
	}
	return n
}

func isBlank(c byte) bool        { return c == ' ' || c == '\t' || c == '\f' }
func isDigit(c byte) bool        { return c >= '0' && c <= '9' }
func isLetter(c byte) bool       { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func isAlphanumeric(c byte) bool { return isLetter(c) || isDigit(c) }
func isDashed(c byte) bool       { return isAlphanumeric(c) || c == '-' }
func isHex(c byte) bool          { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

package model

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// parser walks the tokens of one text. A method that reads something reports whether it could; if
// not, it has said why.
type parser struct {
	tokens []token
	at     int
	lines  []int // offsets at which lines begin
	source string
	name   string // of the file

	file     *file
	inType   bool // a type is open, so that relations have a place
	subjects []Subject
	found    findings
}

func (p *parser) peek(n int) token {
	return p.tokens[min(p.at+n, len(p.tokens)-1)]
}

func (p *parser) advance() {
	if p.at < len(p.tokens)-1 {
		p.at++
	}
}

// accept skips a token of that kind, if there is one.
func (p *parser) accept(k kind) bool {
	if p.peek(0).kind != k {
		return false
	}
	p.advance()
	return true
}

// need is accept for what must be there.
func (p *parser) need(k kind, expected string) bool {
	if p.accept(k) {
		return true
	}
	p.fail(expected, "")
	return false
}

func (p *parser) needWord(w string) bool { return p.needSign(w) }

func (p *parser) needSign(s string) bool {
	if p.peek(0).is(s) {
		p.advance()
		return true
	}
	p.fail(s, "")
	return false
}

// read reads a name. Extended names may hold / and dots.
func (p *parser) read(expected string, extended bool) (token, bool) {
	t := p.peek(0)
	if t.kind == word || t.kind == soft || t.kind == path && extended {
		p.advance()
		return t, true
	}
	hint := ""
	if t.kind == keyword {
		hint = "The word has a meaning in the language and cannot be a name."
	}
	p.fail(expected, hint)
	return t, false
}

// fail reports that something else was expected at the next token.
func (p *parser) fail(expected, hint string) {
	t := p.peek(0)
	p.failAt(t, CodeSyntax, fmt.Sprintf("Expected %s, found %s.", expected, t.describe()), hint)
}

func (p *parser) failAt(t token, code Code, text, hint string) {
	p.found.add(Diagnostic{At: p.position(t.offset), Code: code, Text: text, Hint: hint})
}

// strange reports a character that begins no token.
func (p *parser) strange(offset int) Diagnostic {
	d := Diagnostic{At: p.position(offset), Code: CodeSyntax, Text: "This character has no meaning here."}
	switch p.source[offset] {
	case '"', '\'':
		d.Text, d.Hint = "This string does not end, or has an escape that there is not.", "A string ends on its line unless it begins with three quotes."
	case '\n', '\r':
		d.Text, d.Hint = "The parameters of a condition stand on one line.", "Close them with ) before the line ends."
	case '=':
		d.Hint = "To compare, write ==."
	case '&':
		d.Hint = "Write && in an expression, and between relations."
	case '|':
		d.Hint = "Write || in an expression, or between relations."
	case '$':
		d.Hint = "The only name with $ is $expression, as a condition."
	}
	return d
}

// position is the place of an offset.
func (p *parser) position(offset int) Position {
	line, exact := slices.BinarySearch(p.lines, offset)
	if !exact {
		line--
	}
	return Position{File: p.name, Line: line + 1, Column: utf8.RuneCountInString(p.source[p.lines[line]:offset]) + 1}
}

// describe is the token in an error. Only what has the form of a name or a sign is repeated.
func (t token) describe() string {
	switch t.kind {
	case end:
		return "the end"
	case newline:
		return "the end of the line"
	case space:
		return "a space"
	case text:
		return "a string or number"
	}
	if len(t.text) > maxName {
		return "a very long name"
	}
	return t.text
}

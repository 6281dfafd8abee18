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

	file       *file
	inType     bool            // a type is open, so that relations have a place
	defined    map[string]bool // relations of that type
	subjects   []Subject       // of the rule that is being read
	conditions map[string]bool // of the file
	found      findings
	last       struct { // the place that was asked for last
		offset int
		place  Position
	}
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

// fail reports that something else was expected at the next token, unless a character without
// meaning on the same line has been reported, which is why.
func (p *parser) fail(expected, hint string) {
	t := p.peek(0)
	line := p.position(t.offset).Line
	if slices.ContainsFunc(p.found.list, func(d Diagnostic) bool { return d.At.Line == line && d.Text == meaningless }) {
		return
	}
	p.failAt(t, CodeSyntax, fmt.Sprintf("Expected %s, found %s.", expected, t.describe()), hint)
}

func (p *parser) failAt(t token, code Code, text, hint string) {
	p.found.add(Diagnostic{At: p.position(t.offset), Code: code, Text: text, Hint: hint})
}

const meaningless = "This character has no meaning here."

// strange reports a character that begins no token.
func (p *parser) strange(offset int) Diagnostic {
	d := Diagnostic{At: p.position(offset), Code: CodeSyntax, Text: meaningless}
	switch p.source[offset] {
	case '"', '\'':
		d.Text, d.Hint = "This string does not end, or has an escape that there is not.", "A string ends on its line unless it begins with three quotes."
	case '\n', '\r':
		d.Text, d.Hint = "The parameters of a condition stand on one line.", "Close them with ) before the line ends."
	case '=':
		d.Hint = "To compare, write ==."
	case '&':
		d.Hint = "In an expression write &&, between relations write and."
	case '|':
		d.Hint = "In an expression write ||, between relations write or."
	case '$':
		d.Hint = "The only name with $ is $expression, as a condition."
	}
	return d
}

// position is the place of an offset. It counts from the last place asked for where it can, so that
// a long line costs no more than many short ones.
func (p *parser) position(offset int) Position {
	line, exact := slices.BinarySearch(p.lines, offset)
	if !exact {
		line--
	}
	from, column := p.lines[line], 1
	if p.last.place.Line == line+1 && p.last.offset <= offset {
		from, column = p.last.offset, p.last.place.Column
	}
	p.last.offset = offset
	p.last.place = Position{File: p.name, Line: line + 1, Column: column + utf8.RuneCountInString(p.source[from:offset])}
	return p.last.place
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

package model

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds of a model. Those of names, conditions and expressions are the ones of the OpenFGA API.
const (
	MaxBytes      = 256 << 10 // of a text, of all modules together, and of the JSON form
	MaxTypes      = 500
	MaxConditions = 25
	MaxParameters = 25  // of one condition
	MaxExpression = 512 // bytes of one condition
	MaxNesting    = 25  // of parentheses in one rule
	maxTypeName   = 254 // bytes
	maxName       = 50  // bytes, of everything else
)

// Parse reads a model in the OpenFGA modelling language, schema 1.1 or 1.2, in time linear in its
// length. It refuses with an *Error what does not have the form of the language; whether what it
// says makes sense is for Check.
func Parse(source string) (*Model, error) {
	f, err := parseFile("", source)
	if err != nil {
		return nil, err
	}
	if f.module != "" {
		return nil, &Error{[]Diagnostic{{At: f.at, Code: CodeModule, Text: "The text is a module, which is a part of a model.",
			Hint: "Join it with its other modules by their fga.mod, or begin with model and schema."}}}
	}
	return &Model{Schema: f.schema, Types: f.types, Conditions: f.conditions}, nil
}

// file is one text, a model or a module of one.
type file struct {
	module     string // empty for a model
	schema     Schema // empty for a module
	types      []Type // extensions of types have their names here too
	extends    []bool // by type
	conditions []Condition
	at         Position // of the header
}

// parseFile reads one text. The name goes into positions.
func parseFile(name, source string) (*file, error) {
	if d, ok := unreadable(name, source); ok {
		return nil, &Error{[]Diagnostic{d}}
	}
	p := newParser(name, source)
	p.main()
	if err := p.found.err(); err != nil {
		return nil, err
	}
	return p.file, nil
}

func newParser(name, source string) *parser {
	clean := uncomment(source)
	l := lexer{source: clean}
	p := &parser{tokens: l.lex(), lines: lineStarts(clean), source: clean, name: name, file: &file{}, conditions: map[string]bool{}}
	for _, at := range l.bad {
		p.found.add(p.strange(at))
	}
	return p
}

// ModuleName is the name of the module that a text is, or false if it is a model or nothing.
func ModuleName(source string) (string, bool) {
	if _, ok := unreadable("", source); ok {
		return "", false
	}
	p := newParser("", source)
	p.begin()
	return p.file.module, p.file.module != ""
}

// unreadable says why a text is not even looked at.
func unreadable(name, source string) (Diagnostic, bool) {
	d := Diagnostic{At: Position{File: name, Line: 1, Column: 1}}
	switch {
	case len(source) > MaxBytes:
		d.Code, d.Text = CodeLimit, fmt.Sprintf("The text is longer than %d bytes.", MaxBytes)
	case !utf8.ValidString(source):
		d.Code, d.Text = CodeSyntax, "The text is not UTF-8."
	default:
		return d, false
	}
	return d, true
}

// uncomment cuts comments off and keeps lines and columns. A comment is a line that begins with #,
// or what follows a space and # on any line, be it in a string of an expression.
func uncomment(source string) string {
	var b strings.Builder
	b.Grow(len(source))
	for line := range strings.Lines(source) {
		content, ended := strings.CutSuffix(line, "\n")
		if !strings.HasPrefix(strings.TrimLeft(content, " \t"), "#") {
			before, _, _ := strings.Cut(content, " #")
			b.WriteString(strings.TrimRight(before, " "))
		}
		if ended {
			b.WriteByte('\n')
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

func lineStarts(source string) []int {
	out := []int{0}
	for i := range len(source) {
		if source[i] == '\n' {
			out = append(out, i+1)
		}
	}
	return out
}

// main reads header, types and conditions.
func (p *parser) main() {
	if !p.begin() {
		return
	}
	p.slack()
	for p.declares("type", "extend") {
		p.recover(p.typeDef())
	}
	p.slack()
	for p.declares("condition") {
		p.recover(p.condition())
	}
	if p.accept(newline); p.peek(0).kind != end {
		p.rest()
		p.recover(false)
	}
}

// begin reads the header.
func (p *parser) begin() bool {
	p.accept(space)
	p.accept(newline)
	return p.header()
}

// rest says what is wrong with what follows the last declaration that could be read.
func (p *parser) rest() {
	switch t := p.peek(0); {
	case t.is("type") || t.is("extend"):
		p.failAt(t, CodeSyntax, "Types come before conditions.", "Move the type up.")
		p.typeDef()
	case t.is("define"):
		p.fail("type or condition", "A relation stands under the line \"relations\" of its type.")
	case t.is("relations"):
		p.fail("type or condition", "The line \"relations\" directly follows that of its type, and stands there once.")
	case t.is("relation"):
		p.fail("type or condition", "Perhaps relations is meant.")
	default:
		p.fail("type or condition", perhaps(t.text, []string{"type", "extend", "condition", "define", "relations"}))
	}
}

// recover reads all that follows a declaration that could not be read, so that all mistakes are found
// at once. By then the text is refused, so the order of what follows does not count.
func (p *parser) recover(read bool) {
	for !read {
		p.skip()
		switch {
		case p.inType && p.declares("define"):
			p.relation()
		case p.declares("type", "extend"):
			p.typeDef()
		case p.declares("condition"):
			p.condition()
		default:
			return
		}
	}
}

// skip goes to the line break before the next declaration, or to the end.
func (p *parser) skip() {
	for ; p.peek(0).kind != end; p.advance() {
		if t := p.peek(1); p.peek(0).kind == newline && (t.is("type") || t.is("extend") || t.is("condition") || p.inType && t.is("define")) {
			return
		}
	}
}

// header reads "model / schema 1.1" or "module name". Without one nothing else can be understood.
func (p *parser) header() bool {
	p.remarks()
	p.file.at = p.position(p.peek(0).offset)
	switch t := p.peek(0); {
	case t.is("model"):
		p.advance()
		return p.need(newline, "a new line and schema") && p.needWord("schema") && p.need(space, "a space and the version") && p.version()
	case t.is("module"):
		p.advance()
		name, ok := token{}, p.need(space, "a space and the name of the module")
		if ok {
			name, ok = p.read("the name of the module", false)
		}
		p.file.module = name.text
		p.accept(space)
		return ok
	}
	p.fail("model or module", "A model begins with the lines \"model\" and \"schema 1.1\".")
	return false
}

func (p *parser) version() bool {
	t := p.peek(0)
	if !p.need(version, "a version like 1.1") {
		return false
	}
	p.file.schema = Schema(t.text)
	p.accept(space)
	return true
}

// remarks skips comments that uncomment has not, and the line break after them.
func (p *parser) remarks() {
	for p.peek(0).is("#") {
		for p.peek(0).kind != newline && p.peek(0).kind != end {
			p.advance()
		}
		p.accept(newline)
	}
}

// slack skips a line break that a comment of an expression has cut in two.
func (p *parser) slack() {
	if p.peek(0).kind == newline && p.peek(1).kind == newline {
		p.advance()
	}
}

// declares reports whether one of the words begins the next line, and goes there.
func (p *parser) declares(words ...string) bool {
	start := p.at
	if !p.accept(newline) {
		return false
	}
	p.remarks()
	for _, w := range words {
		if p.peek(0).is(w) {
			return true
		}
	}
	p.at = start
	return false
}

// typeDef reads "type name" and its relations.
func (p *parser) typeDef() bool {
	first := p.peek(0)
	extends := first.is("extend")
	p.inType = false
	p.advance()
	if extends && (!p.need(space, "a space and type") || !p.needWord("type")) {
		return false
	}
	if !p.need(space, "a space and the name of the type") {
		return false
	}
	name, ok := p.read("the name of the type", true)
	if !ok {
		return false
	}
	if len(p.file.types) == MaxTypes {
		p.failAt(name, CodeLimit, fmt.Sprintf("A model has at most %d types.", MaxTypes), "")
		p.at = len(p.tokens) - 1
		return false
	}
	p.inType, p.defined = true, map[string]bool{}
	p.file.types = append(p.file.types, Type{Name: name.text, Origin: p.origin(), At: p.position(name.offset)})
	p.file.extends = append(p.file.extends, extends)
	if extends {
		p.checkExtension(first, name.text)
	}
	if p.peek(0).kind != newline || !p.peek(1).is("relations") {
		return p.lineEnds("the relations of the type in a new line")
	}
	p.advance()
	relations := p.peek(0)
	p.advance()
	if !p.declares("define") {
		p.failAt(relations, CodeSyntax, "Expected define in a new line.", "A type without relations has no line \"relations\".")
		return false
	}
	for ok := true; ok; ok = p.declares("define") {
		if !p.relation() {
			return false
		}
	}
	return true
}

// lineEnds refuses anything else on this line.
func (p *parser) lineEnds(expected string) bool {
	if k := p.peek(0).kind; k == newline || k == end {
		return true
	}
	p.accept(space)
	p.fail(expected, perhaps(p.peek(0).text, []string{"or", "and", "from"}))
	return false
}

func (p *parser) checkExtension(extend token, name string) {
	if p.file.module == "" {
		p.failAt(extend, CodeModule, "Only a module can extend a type.", "Begin the file with \"module\" and a name, or write the relations where the type is.")
		return
	}
	for i, t := range p.file.types[:len(p.file.types)-1] {
		if t.Name == name && p.file.extends[i] {
			p.failAt(extend, CodeDuplicate, "The type "+name+" is already extended in this file.", "Put the relations together.")
			return
		}
	}
}

// origin is where the declarations of this file come from.
func (p *parser) origin() Origin {
	if p.file.module == "" {
		return Origin{}
	}
	return Origin{Module: p.file.module, File: p.name}
}

package model

import "fmt"

// relation reads "define name: rule".
func (p *parser) relation() bool {
	p.advance()
	if !p.need(space, "a space and the name of the relation") {
		return false
	}
	name, ok := p.read("the name of the relation", true)
	if !ok {
		return false
	}
	p.accept(space)
	if !p.needSign(":") {
		return false
	}
	p.accept(space)
	p.subjects = nil
	rule, ok := p.rule(true, 1)
	if !ok || !p.lineEnds("or, and, but not, or a new line") {
		return false
	}
	t := &p.file.types[len(p.file.types)-1]
	if p.defined[name.text] {
		p.failAt(name, CodeDuplicate, fmt.Sprintf("The relation %s is already defined in the type %s.", name.text, t.Name), "")
		return true
	}
	r := Relation{Name: name.text, Subjects: p.subjects, Rewrite: rule, At: p.position(name.offset)}
	if p.file.extends[len(p.file.extends)-1] {
		r.Origin = p.origin()
	}
	t.Relations = append(t.Relations, r)
	p.defined[name.text] = true
	return true
}

// rule reads operands joined by one operator. First says that nothing but parentheses stands before
// it in the relation, so that [..] may.
func (p *parser) rule(first bool, depth int) (Rewrite, bool) {
	if depth > MaxNesting {
		p.failAt(p.peek(0), CodeLimit, fmt.Sprintf("The rule is nested deeper than %d.", MaxNesting), "Give a part of it a name, as a relation of its own.")
		return Rewrite{}, false
	}
	part, ok := p.operand(first, depth)
	if !ok {
		return Rewrite{}, false
	}
	out := Rewrite{At: part.At, Parts: []Rewrite{part}}
	joined := ""
	for p.peek(0).kind == space && isOperator(p.peek(1)) {
		p.advance()
		operator := p.peek(0)
		if joined != "" && (operator.text != joined || joined == exclude) {
			p.failAt(operator, CodeSyntax, fmt.Sprintf("After %s there cannot be %s on the same level.", joined, operator.text), "Use parentheses to say what belongs together.")
			return Rewrite{}, false
		}
		joined = operator.text
		p.advance()
		if !p.need(space, "a space and a relation") {
			return Rewrite{}, false
		}
		if part, ok = p.operand(false, depth); !ok {
			return Rewrite{}, false
		}
		out.Parts = append(out.Parts, part)
	}
	switch joined {
	case "":
		return part, true
	case "or":
		out.Operator = Union
	case "and":
		out.Operator = Intersection
	default:
		out.Operator = Exclusion
	}
	return out, true
}

func isOperator(t token) bool { return t.is("or") || t.is("and") || t.is(exclude) }

// operand reads [..], a rule in parentheses, "relation" or "relation from tupleset".
func (p *parser) operand(first bool, depth int) (Rewrite, bool) {
	t := p.peek(0)
	switch {
	case t.is("[") && first:
		return Rewrite{Operator: Direct, At: p.position(t.offset)}, p.direct()
	case t.is("["):
		p.failAt(t, CodeSyntax, "The subjects in [..] come first in a rule.", "Write [..] once, before everything else.")
		return Rewrite{}, false
	case t.is("("):
		p.advance()
		p.accept(space)
		inner, ok := p.rule(first, depth+1)
		if !ok {
			return Rewrite{}, false
		}
		p.accept(space)
		return inner, p.needSign(")")
	}
	name, ok := p.read("a relation, [..] or (", true)
	if !ok {
		return Rewrite{}, false
	}
	out := Rewrite{Operator: Computed, Relation: name.text, At: p.position(name.offset)}
	if p.peek(0).kind != space || !p.peek(1).is("from") {
		return out, true
	}
	p.advance()
	p.advance()
	if !p.need(space, "a space and the relation to go along") {
		return Rewrite{}, false
	}
	road, ok := p.read("the relation to go along", true)
	out.Operator, out.Tupleset = From, road.text
	return out, ok
}

// direct reads [subject, subject].
func (p *parser) direct() bool {
	p.advance()
	for {
		p.accept(space)
		p.accept(newline)
		s, ok := p.subject()
		if !ok {
			return false
		}
		p.subjects = append(p.subjects, s)
		p.accept(newline)
		p.accept(space)
		if p.peek(0).is("]") {
			p.advance()
			return true
		}
		if !p.peek(0).is(",") {
			p.fail(", or ]", "")
			return false
		}
		p.advance()
	}
}

// subject reads user, user:* or group#member, perhaps "with condition".
func (p *parser) subject() (Subject, bool) {
	t, ok := p.read("a type", true)
	if !ok {
		return Subject{}, false
	}
	s := Subject{Type: t.text, At: p.position(t.offset)}
	switch {
	case p.peek(0).is(":"):
		p.advance()
		s.Wildcard = true
		if ok = p.needSign("*"); !ok {
			return s, false
		}
	case p.peek(0).is("#"):
		p.advance()
		r, named := p.read("a relation of the type", true)
		if s.Relation = r.text; !named {
			return s, false
		}
	}
	if p.peek(0).kind != space || !p.peek(1).is("with") {
		return s, true
	}
	p.advance()
	p.advance()
	if !p.need(space, "a space and the name of a condition") {
		return s, false
	}
	c := p.peek(0)
	if c.kind != word && c.kind != inline {
		p.fail("the name of a condition", "")
		return s, false
	}
	p.advance()
	s.Condition = c.text
	return s, true
}

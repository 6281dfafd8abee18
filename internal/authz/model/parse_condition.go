package model

import (
	"fmt"
	"strings"
)

// condition reads "condition name(parameter: type, ...) { expression }".
func (p *parser) condition() bool {
	p.inType = false
	p.advance()
	if !p.need(space, "a space and the name of the condition") {
		return false
	}
	name := p.peek(0)
	if !p.need(word, "the name of the condition") {
		return false
	}
	c := Condition{Name: name.text, Origin: p.origin(), At: p.position(name.offset)}
	p.accept(space)
	if !p.needSign("(") || !p.parameters(&c) {
		return false
	}
	p.accept(space)
	if !p.needSign("{") {
		return false
	}
	p.accept(newline)
	p.accept(space)
	c.Body = p.position(p.peek(0).offset)
	if !p.expression(&c) {
		return false
	}
	if p.conditions[c.Name] {
		p.failAt(name, CodeDuplicate, "The condition "+c.Name+" is already defined.", "")
		return p.lineEnds("a new line")
	}
	p.conditions[c.Name] = true
	p.file.conditions = append(p.file.conditions, c)
	return p.lineEnds("a new line")
}

// parameters reads "name: type, name: type)".
func (p *parser) parameters(c *Condition) bool {
	defined := map[string]bool{}
	for {
		p.accept(space)
		name := p.peek(0)
		if !p.need(word, "the name of a parameter") {
			return false
		}
		p.accept(space)
		if !p.needSign(":") {
			return false
		}
		p.accept(space)
		kind, ok := p.parameterType()
		if !ok {
			return false
		}
		if defined[name.text] {
			p.failAt(name, CodeDuplicate, fmt.Sprintf("The parameter %s is already defined in the condition %s.", name.text, c.Name), "")
		}
		defined[name.text] = true
		c.Parameters = append(c.Parameters, Parameter{Name: name.text, Type: kind, At: p.position(name.offset)})
		p.accept(space)
		if p.peek(0).is(")") {
			p.advance()
			return true
		}
		if !p.peek(0).is(",") {
			p.fail(", or )", "")
			return false
		}
		p.advance()
	}
}

func (p *parser) parameterType() (ParameterType, bool) {
	t := p.peek(0)
	switch t.kind {
	case simple:
		p.advance()
		return ParameterType{Name: t.text}, true
	case container:
		p.advance()
		if !p.needSign("<") {
			return ParameterType{}, false
		}
		element := p.peek(0)
		if !p.need(simple, "the type of the elements") || !p.needSign(">") {
			return ParameterType{}, false
		}
		return ParameterType{Name: t.text, Element: &ParameterType{Name: element.text}}, true
	}
	p.fail("a type", "The types are "+strings.Join(simpleTypes, ", ")+", list<type> and map<type>.")
	return ParameterType{}, false
}

// simpleTypes are the types of parameters that the language can write by themselves. The JSON form
// has any too.
var simpleTypes = []string{"bool", "string", "int", "uint", "double", "duration", "timestamp", "ipaddress"}

// expression takes everything up to the first closing brace that is in no string. Comments of the
// expression are left out, line breaks before the brace too.
func (p *parser) expression(c *Condition) bool {
	var b strings.Builder
	for !p.peek(0).is("}") {
		if p.peek(0).kind == end {
			p.fail("}", "The expression of a condition ends at the first } that is in no string.")
			return false
		}
		b.WriteString(p.peek(0).text)
		p.advance()
	}
	p.advance()
	c.Expression = strings.TrimRight(b.String(), "\n")
	return true
}

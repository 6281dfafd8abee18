package rest

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// tree is a YAML mapping whose keys stay in the order in which they were set.
type tree struct {
	keys   []string
	values map[string]any
}

func mapping(pairs ...any) *tree {
	t := &tree{values: map[string]any{}}
	for i := 0; i < len(pairs); i += 2 {
		t.set(pairs[i].(string), pairs[i+1])
	}
	return t
}

// set adds or replaces a key. Empty texts and nil are left out.
func (t *tree) set(key string, v any) *tree {
	if v == nil || v == "" {
		return t
	}
	if _, ok := t.values[key]; !ok {
		t.keys = append(t.keys, key)
	}
	t.values[key] = v
	return t
}

func (t *tree) get(key string) *tree {
	sub, ok := t.values[key].(*tree)
	if !ok {
		sub = mapping()
		t.set(key, sub)
	}
	return sub
}

// MarshalYAML keeps the order.
func (t *tree) MarshalYAML() (any, error) {
	out := &yaml.Node{Kind: yaml.MappingNode}
	for _, k := range t.keys {
		var key, value yaml.Node
		if err := key.Encode(k); err != nil {
			return nil, err
		}
		if err := value.Encode(t.values[k]); err != nil {
			return nil, err
		}
		out.Content = append(out.Content, &key, &value)
	}
	return out, nil
}

func (t *tree) bytes() ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(t); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// schemas collects the named schemas of a document.
type schemas struct {
	out      *tree
	nodes    map[string]*node
	answered map[string]bool // names of structs that some answer holds
	lax      bool            // the operation being described ignores unknown members
	err      error
}

func newSchemas(ops []Operation) *schemas {
	s := &schemas{out: mapping(), nodes: map[string]*node{}, answered: map[string]bool{}}
	for _, o := range ops {
		s.collect(o.out)
	}
	return s
}

func (s *schemas) collect(n *node) {
	if n == nil || n.shape == object && n.name != "" && s.answered[n.name] {
		return
	}
	if n.shape == object {
		s.answered[n.name] = true
	}
	for _, m := range n.fields {
		s.collect(m.node)
	}
	s.collect(n.elem)
}

// of is the schema of a node: a reference for a named struct, else in place. Input schemas are closed
// (additionalProperties: false), because unknown members are refused; answers may grow. A struct that
// is read and answered has two schemas.
func (s *schemas) of(n *node, input bool) *tree {
	if n.shape != object {
		return s.inPlace(n, input)
	}
	if n.name == "" {
		return s.object(n, input)
	}
	name := n.name
	if input && s.answered[name] {
		name += "Input"
	}
	old, ok := s.nodes[name]
	if ok && !old.same(n) {
		s.err = fmt.Errorf("two different types are called %s", name)
	}
	if !ok {
		s.nodes[name] = n
		s.out.set(name, mapping()) // keeps its place, and ends the recursion of types that hold themselves
		s.out.set(name, s.object(n, input))
	}
	return mapping("$ref", "#/components/schemas/"+name)
}

// same reports whether two nodes come from declarations that read alike. Each endpoint compiles its
// own nodes, so the pointers differ for the same Go type.
func (n *node) same(o *node) bool {
	if len(n.fields) != len(o.fields) {
		return false
	}
	for i, m := range n.fields {
		w := o.fields[i]
		if m.name != w.name || m.doc != w.doc || m.node.shape != w.node.shape || m.node.name != w.node.name {
			return false
		}
	}
	return true
}

func (s *schemas) object(n *node, input bool) *tree {
	out := mapping("type", "object")
	props := mapping()
	var required []string
	for _, m := range n.fields {
		p := s.of(m.node, input)
		if m.doc != "" {
			p.set("description", m.doc)
		}
		if m.once {
			p.set("description", strings.TrimSpace(m.doc+" Shown this one time."))
		}
		if input && m.required && !m.pointer && m.node.shape == text && m.node.limits.min == 0 && m.node.limits.enum == nil {
			p.set("minLength", 1) // empty is missing
		}
		props.set(m.name, p)
		if m.required {
			required = append(required, m.name)
		}
	}
	if len(props.keys) > 0 {
		out.set("properties", props)
	}
	if required != nil {
		out.set("required", required)
	}
	if input && !s.lax {
		out.set("additionalProperties", false)
	}
	return out
}

func (s *schemas) inPlace(n *node, input bool) *tree {
	switch n.shape {
	case text:
		return n.limits.describeText(n.secret, input)
	case integer, number:
		t := mapping("type", map[shape]string{integer: "integer", number: "number"}[n.shape])
		if n.limits.bounded && input {
			t.set("minimum", n.limits.min).set("maximum", n.limits.max)
		}
		return t
	case boolean:
		return mapping("type", "boolean")
	case moment:
		return mapping("type", "string", "format", "date-time")
	case list:
		t := mapping("type", "array", "items", s.of(n.elem, input))
		return n.limits.describeSize(t, "minItems", "maxItems", input)
	case dict:
		t := mapping("type", "object", "additionalProperties", s.of(n.elem, input))
		return n.limits.describeSize(t, "minProperties", "maxProperties", input)
	}
	return mapping()
}

// describeText says for answers only what helps a reader of values: the enum and the format.
func (l *limits) describeText(secret, input bool) *tree {
	t := mapping("type", "string")
	if len(l.enum) > 0 {
		t.set("enum", l.enum)
	}
	if l.format == "email" || l.format == "uri" {
		t.set("format", l.format)
	}
	if secret {
		t.set("format", "password").set("writeOnly", true)
	}
	if !input || len(l.enum) > 0 {
		return t
	}
	if l.min > 0 {
		t.set("minLength", l.min)
	}
	t.set("maxLength", l.max)
	if l.pattern != nil {
		t.set("pattern", l.pattern.String())
	}
	return t
}

func (l *limits) describeSize(t *tree, min, max string, input bool) *tree {
	if input && l.min > 0 {
		t.set(min, l.min)
	}
	if input {
		t.set(max, l.max)
	}
	return t
}

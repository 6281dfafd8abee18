package rest

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// shape is what a value looks like in JSON.
type shape uint8

const (
	anyValue shape = iota // whatever JSON can say; its domain reads it strictly
	text
	integer
	number
	boolean
	moment // a time, as RFC 3339 writes it
	list
	dict
	object
)

// node is a type as it is checked and described. Nodes of named structs are shared.
type node struct {
	shape  shape
	name   string // of a named struct
	fields []field
	elem   *node // of list and dict
	limits limits
	secret bool // the type hides its value
}

// field is a member of an object.
type field struct {
	name     string
	index    []int
	node     *node
	required bool
	pointer  bool
	once     bool // a secret that is shown one time
	doc      string
}

// limits are the constraints of a value.
type limits struct {
	min, max int64
	bounded  bool // min and max are to be checked
	pattern  *regexp.Regexp
	enum     []string
	format   string
}

// Defaults for inputs whose declaration does not say how large they may be.
const (
	maxText  = 1024
	maxItems = 100
)

// compiler turns types into nodes.
type compiler struct{ seen map[reflect.Type]*node }

func (c *compiler) compile(t reflect.Type, tag reflect.StructTag) (*node, error) {
	if t.Kind() == reflect.Pointer {
		return c.compile(t.Elem(), tag)
	}
	n, err := c.build(t, tag)
	if err != nil {
		return nil, err
	}
	return n, n.setLimits(tag)
}

func (c *compiler) build(t reflect.Type, tag reflect.StructTag) (*node, error) {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return &node{shape: moment}, nil
	case t == reflect.TypeFor[secret.Value]():
		return &node{shape: text, secret: true}, nil
	case t == reflect.TypeFor[jsontext.Value]() || t.Kind() == reflect.Interface:
		return &node{shape: anyValue}, nil
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return &node{shape: text}, nil
	}
	switch t.Kind() {
	case reflect.String:
		return &node{shape: text}, nil
	case reflect.Bool:
		return &node{shape: boolean}, nil
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint32, reflect.Uint64:
		return &node{shape: integer}, nil
	case reflect.Float64:
		return &node{shape: number}, nil
	case reflect.Slice:
		return c.container(list, t, tag)
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return nil, fmt.Errorf("%s: only texts can be keys", t)
		}
		return c.container(dict, t, tag)
	case reflect.Struct:
		return c.object(t)
	}
	return nil, fmt.Errorf("%s has no form in JSON that we describe", t)
}

// container compiles a list or map. Constraints on texts belong to the elements, sizes to the whole.
func (c *compiler) container(s shape, t reflect.Type, tag reflect.StructTag) (*node, error) {
	var inner []string
	for _, name := range []string{"pattern", "enum", "format"} {
		if v, ok := tag.Lookup(name); ok {
			inner = append(inner, name+":"+strconv.Quote(v))
		}
	}
	elem, err := c.compile(t.Elem(), reflect.StructTag(strings.Join(inner, " ")))
	return &node{shape: s, elem: elem}, err
}

func (c *compiler) object(t reflect.Type) (*node, error) {
	if n, ok := c.seen[t]; ok {
		return n, nil
	}
	n := &node{shape: object, name: typeName(t)}
	c.seen[t] = n
	err := c.members(n, t, nil)
	return n, err
}

// members adds the fields of a struct, those of embedded structs too.
func (c *compiler) members(n *node, t reflect.Type, at []int) error {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int{}, at...), i)
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
			continue
		case f.Anonymous && name == "":
			if err := c.members(n, f.Type, index); err != nil {
				return err
			}
			continue
		case name == "" || !f.IsExported():
			return fmt.Errorf("%s.%s has no name in JSON", t, f.Name)
		}
		m, err := c.member(f, rest)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
		m.name, m.index = name, index
		n.fields = append(n.fields, m)
	}
	return nil
}

func (c *compiler) member(f reflect.StructField, options string) (field, error) {
	n, err := c.compile(f.Type, f.Tag)
	if err != nil {
		return field{}, err
	}
	pointer := f.Type.Kind() == reflect.Pointer
	optional := strings.Contains(options, "omitzero") || strings.Contains(options, "omitempty")
	return field{node: n, required: !optional, pointer: pointer, doc: f.Tag.Get("doc"), once: f.Tag.Get("secret") == "once"}, nil
}

// setLimits reads the constraints of a tag. Nodes of structs are shared and take none.
func (n *node) setLimits(tag reflect.StructTag) error {
	min, hasMin := tag.Lookup("min")
	max, hasMax := tag.Lookup("max")
	if n.shape == object || n.shape == anyValue || n.shape == boolean || n.shape == moment {
		if hasMin || hasMax || tag.Get("pattern")+tag.Get("enum") != "" {
			return errors.New("it has a constraint that its type cannot have")
		}
		return nil
	}
	l := limits{format: tag.Get("format")}
	switch {
	case hasMax:
	case n.shape == text:
		l.max, l.bounded = maxText, true
	case n.shape == list || n.shape == dict:
		l.max, l.bounded = maxItems, true
	case hasMin:
		return errors.New("a number with min needs max")
	}
	var errMin, errMax, errPattern error
	if hasMin {
		l.min, errMin = strconv.ParseInt(min, 10, 64)
	}
	if hasMax {
		l.max, errMax = strconv.ParseInt(max, 10, 64)
		l.bounded = true
	}
	switch {
	case n.shape == text:
		errPattern = l.setWords(tag)
	case n.shape == integer && l.format != "" && l.format != "seconds":
		errPattern = fmt.Errorf("the format %q is not known for a number", l.format)
	}
	n.limits = l
	return errors.Join(errMin, errMax, errPattern)
}

func (l *limits) setWords(tag reflect.StructTag) (err error) {
	if p := tag.Get("pattern"); p != "" {
		if !strings.HasPrefix(p, "^") || !strings.HasSuffix(p, "$") {
			return errors.New("a pattern must say where it begins and ends")
		}
		l.pattern, err = regexp.Compile(p)
	}
	if e := tag.Get("enum"); e != "" {
		l.enum = strings.Split(e, ",")
	}
	switch l.format {
	case "", "email", "uri", "text":
		return err
	}
	return errors.Join(err, fmt.Errorf("the format %q is not known", l.format))
}

// typeName is the name of a type in the contract: Page[…/httpapi.User] is UserPage.
func typeName(t reflect.Type) string {
	outer, inner, generic := strings.Cut(t.Name(), "[")
	if !generic {
		return outer
	}
	inner = strings.TrimSuffix(inner, "]")
	return strings.TrimLeft(inner[strings.LastIndexAny(inner, "./*")+1:], "*") + outer
}

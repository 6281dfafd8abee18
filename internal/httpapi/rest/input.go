package rest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/problem"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/strict"
)

// place says where a parameter stands.
type place string

const (
	inPath   place = "path"
	inQuery  place = "query"
	inHeader place = "header"
)

// param is a parameter outside the body.
type param struct {
	place place
	field
}

// input is how an In is read.
type input struct {
	params []param
	body   *field
	form   bool
	max    int64 // bytes of the body; 0: strict.MaxBytes
}

// wildcard finds the names in a path pattern.
func wildcards(path string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`\{([a-z_]+)(?:\.\.\.)?\}`).FindAllStringSubmatch(path, -1) {
		out = append(out, m[1])
	}
	return out
}

// compileInput compiles the struct In of an endpoint at path.
func compileInput[In any](path string) (*input, error) {
	t := reflect.TypeFor[In]()
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s is not a struct", t)
	}
	in := &input{}
	if err := in.addFields(&compiler{seen: map[reflect.Type]*node{}}, t, nil); err != nil {
		return nil, err
	}
	var named []string
	for _, p := range in.params {
		if p.place == inPath {
			named = append(named, p.name)
		}
	}
	want := wildcards(path)
	slices.Sort(named)
	slices.Sort(want)
	if !slices.Equal(named, want) {
		return nil, fmt.Errorf("%s reads the path parameters %v, the path has %v", t, named, want)
	}
	return in, nil
}

func (in *input) addFields(c *compiler, t reflect.Type, at []int) error {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int{}, at...), i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			if err := in.addFields(c, f.Type, index); err != nil {
				return err
			}
			continue
		}
		n, err := c.compile(f.Type, f.Tag)
		if err == nil {
			err = in.addField(f, index, n)
		}
		if err != nil {
			return fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
	}
	return nil
}

func (in *input) addField(f reflect.StructField, index []int, n *node) error {
	m := field{index: index, node: n, pointer: f.Type.Kind() == reflect.Pointer, doc: f.Tag.Get("doc")}
	if kind, ok := f.Tag.Lookup("body"); ok {
		if in.body != nil || (kind != "json" && kind != "form") {
			return errors.New("there is one body, json or form")
		}
		in.body, in.form = &m, kind == "form"
		return checkRequired(n, map[*node]bool{})
	}
	for _, p := range []place{inPath, inQuery, inHeader} {
		name, ok := f.Tag.Lookup(string(p))
		if !ok {
			continue
		}
		name, option, _ := strings.Cut(name, ",")
		if n.shape == object || n.shape == dict || n.shape == anyValue || name == "" {
			return errors.New("a parameter is a text, a number, a time or a list of texts")
		}
		m.name, m.required = name, p == inPath || option == "required"
		in.params = append(in.params, param{place: p, field: m})
		return nil
	}
	return errors.New("it does not say where it stands: path, query, header or body")
}

// checkRequired refuses a declaration in which a required member could be absent unseen.
func checkRequired(n *node, seen map[*node]bool) error {
	if n == nil || seen[n] {
		return nil
	}
	seen[n] = true
	for _, m := range n.fields {
		zeroIsFine := (m.node.shape == boolean || m.node.shape == number || m.node.shape == integer) && m.node.limits.min < 1
		if m.required && zeroIsFine && !m.pointer {
			return fmt.Errorf("%s: a required number or boolean must be a pointer, or nobody sees that it is missing", m.name)
		}
		if err := checkRequired(m.node, seen); err != nil {
			return err
		}
	}
	return checkRequired(n.elem, seen)
}

// read fills v, a pointer to an In, from the request and checks it.
func (in *input) read(x *edge.Exchange, v any) error {
	into, found := reflect.ValueOf(v).Elem(), &findings{}
	if err := in.readParams(x, into, found); err != nil {
		return err
	}
	if err := in.readBody(x, into, found); err != nil {
		return err
	}
	return found.err()
}

func (in *input) readParams(x *edge.Exchange, into reflect.Value, found *findings) error {
	query, err := x.Query()
	if err != nil {
		return err
	}
	known := 0
	for _, p := range in.params {
		s, there, err := p.find(x.R, query)
		if err != nil {
			return err
		}
		if there && p.place == inQuery {
			known++
		}
		switch {
		case there:
			p.set(into, s, found)
		case p.required:
			found.add(p.name, rule{name: errs.Required}, "is missing")
		}
	}
	if known != len(query) {
		return errs.Bad("query", "holds a parameter that is not known here; known are: %s", in.names(inQuery))
	}
	return nil
}

// find is the text of a parameter, and whether it was sent at all.
func (p *param) find(r *http.Request, query url.Values) (string, bool, error) {
	switch p.place {
	case inPath:
		return r.PathValue(p.name), true, nil
	case inQuery:
		return query.Get(p.name), query.Has(p.name), nil
	}
	v := r.Header[http.CanonicalHeaderKey(p.name)]
	if len(v) > 1 {
		return "", false, errs.New(errs.Invalid, problem.CodeMalformed, "A header was sent twice.")
	}
	if len(v) == 0 {
		return "", false, nil
	}
	return v[0], true, nil
}

// set parses s into the field and checks what it has become.
func (p *param) set(into reflect.Value, s string, found *findings) {
	v := into.FieldByIndex(p.index)
	if p.pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if !parseInto(v, p.node, s) {
		found.add(p.name, rule{name: errs.Unnamed}, "has the wrong type")
		return
	}
	p.node.check(v, p.name, found)
}

func parseInto(v reflect.Value, n *node, s string) bool {
	switch n.shape {
	case text:
		v.SetString(s)
	case boolean:
		v.SetBool(s == "true")
		return s == "true" || s == "false"
	case integer:
		i, err := strconv.ParseInt(s, 10, 64)
		if err != nil || v.CanUint() || v.OverflowInt(i) {
			return false
		}
		v.SetInt(i)
	case moment:
		t, err := time.Parse(time.RFC3339, s)
		v.Set(reflect.ValueOf(t.UTC().Truncate(time.Millisecond)))
		return err == nil
	case list:
		for _, one := range strings.Split(s, ",") {
			v.Set(reflect.Append(v, reflect.ValueOf(one).Convert(v.Type().Elem())))
		}
	default:
		return false
	}
	return true
}

func (in *input) names(at place) string {
	var out []string
	for _, p := range in.params {
		if p.place == at {
			out = append(out, p.name)
		}
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

func (in *input) readBody(x *edge.Exchange, into reflect.Value, found *findings) error {
	if in.body == nil {
		if x.R.ContentLength != 0 {
			return errs.Bad("body", "must be empty: nothing is read from it here")
		}
		return nil
	}
	if x.MediaType() != "application/json" {
		return errs.New(errs.Invalid, problem.CodeMediaType, "Send JSON (Content-Type: application/json).")
	}
	b, err := x.Body()
	if err != nil {
		return err
	}
	if err := refuseNulls(b, in.body.node); err != nil {
		return err
	}
	v := into.FieldByIndex(in.body.index)
	if err := strict.UnmarshalUpTo(b, v.Addr().Interface(), int(cmp.Or(in.max, strict.MaxBytes))); err != nil {
		return in.body.node.explain(err)
	}
	in.body.node.check(v, "", found)
	return nil
}

// refuseNulls refuses null wherever the contract does not allow it: for the decoder it would be the
// same as a missing member, for a reader of the contract it would not.
func refuseNulls(b []byte, n *node) error {
	if !bytes.Contains(b, []byte("null")) {
		return nil
	}
	d := jsontext.NewDecoder(bytes.NewReader(b))
	for {
		tok, err := d.ReadToken()
		if err != nil {
			return nil // the strict decoder tells what is wrong
		}
		if tok.Kind() != 'n' {
			continue
		}
		if known, free := n.known(string(d.StackPointer())); !free {
			return errs.Bad(orBody(known), "must not be null; leave it out instead")
		}
	}
}

// known is the longest part of a JSON pointer that this node describes, and whether the rest lies in
// a part that may hold anything.
func (n *node) known(pointer string) (known string, free bool) {
	for _, token := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		switch n.shape {
		case anyValue:
			return known, true
		case list:
			known, n = known+"/"+token, n.elem
			continue
		case dict:
			n = n.elem // keys come from the request and are not repeated
			continue
		}
		i := slices.IndexFunc(n.fields, func(m field) bool { return m.name == token })
		if i < 0 {
			return known, false
		}
		known, n = known+"/"+token, n.fields[i].node
	}
	return known, n.shape == anyValue
}

// at is the node that a pointer made by known leads to.
func (n *node) at(known string) *node {
	for _, token := range strings.Split(strings.TrimPrefix(known, "/"), "/") {
		for n.shape == dict {
			n = n.elem
		}
		if n.shape == list {
			n = n.elem
			continue
		}
		for _, m := range n.fields {
			if m.name == token {
				n = m.node
			}
		}
	}
	for n.shape == dict {
		n = n.elem
	}
	return n
}

// explain makes an error of the strict decoder safe and useful: names that came from the request are
// taken out, and the known ones are listed instead.
func (n *node) explain(err error) error {
	e := errs.From(err)
	if e.Kind != errs.Invalid || len(e.Fields) != 1 || e.Fields[0].Pointer == "body" {
		return err
	}
	sent, detail := e.Fields[0].Pointer, e.Fields[0].Detail
	known, _ := n.known(sent)
	if detail != "is not known here" {
		return errs.Bad(orBody(known), "%s", detail)
	}
	return errs.Bad(orBody(known), "holds a member that is not known here; known are: %s", n.at(known).memberNames())
}

func (n *node) memberNames() string {
	names := make([]string, len(n.fields))
	for i, m := range n.fields {
		names[i] = m.name
	}
	return strings.Join(names, ", ")
}

func orBody(pointer string) string {
	if pointer == "" {
		return "body"
	}
	return pointer
}

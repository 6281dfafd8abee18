package config

import (
	"encoding"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cardea-auth/cardea/internal/kit/egress"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// fileSuffix turns the key of a secret into that of the path of a file with it.
const fileSuffix = "_file"

// field is one field of a struct of the tree.
type field struct {
	name  string // in YAML
	index int
	kind  reflect.Type
}

// fields are those of t, in their order.
func fields(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" {
			out = append(out, field{name: name, index: i, kind: t.Field(i).Type})
		}
	}
	return out
}

// isSecret, isList and isSection say what a type of the tree is; the rest are single values.
func isSecret(t reflect.Type) bool { return t == reflect.TypeFor[secret.Value]() }

func isList(t reflect.Type) bool { return t.Kind() == reflect.Slice }

func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// join is the key of name below key.
func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// variable is the name of the environment variable for key.
func variable(key string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// form says how a value of type t is written: the end of "must be …".
func form(t reflect.Type) string {
	if f, ok := reflect.Zero(t).Interface().(formed); ok {
		return f.form()
	}
	switch {
	case isList(t):
		return "a list; each entry " + form(t.Elem())
	case t == reflect.TypeFor[netip.Prefix]():
		return "a network like 10.0.3.0/24, with zeros after its prefix"
	case t == reflect.TypeFor[egress.Rule]():
		return "purpose=network like smtp=10.1.2.0/24, with a known purpose and no wider than /8 or, for IPv6, /7"
	case isSection(t):
		return "a section with " + strings.Join(names(t), ", ")
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int:
		return "a whole number"
	}
	return "text (a number or a date in quotes) in one line"
}

// names are the keys that may stand in a section of type t.
func names(t reflect.Type) []string {
	var out []string
	for _, f := range fields(t) {
		if isSecret(f.kind) {
			out = append(out, f.name+fileSuffix)
		} else {
			out = append(out, f.name)
		}
	}
	return out
}

// setText gives v the value that text writes, and reports whether it is of the right form. An empty
// text never is.
func setText(v reflect.Value, text string) bool {
	if text == "" || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return false
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return setForm(v, u, text)
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(text == "true")
		return text == "true" || text == "false"
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 32)
		v.SetInt(n)
		return err == nil && strconv.FormatInt(n, 10) == text
	case reflect.String:
		v.SetString(text)
		return true
	case reflect.Slice:
		return setList(v, text)
	}
	return false
}

func setForm(v reflect.Value, u encoding.TextUnmarshaler, text string) bool {
	if u.UnmarshalText([]byte(text)) != nil {
		return false
	}
	p, network := v.Interface().(netip.Prefix)
	return !network || p == p.Masked()
}

// setList reads a list from one text: its entries stand between commas.
func setList(v reflect.Value, text string) bool {
	var out []reflect.Value
	for entry := range strings.SplitSeq(text, ",") {
		e := reflect.New(v.Type().Elem()).Elem()
		if isSection(e.Type()) || !setText(e, strings.TrimSpace(entry)) {
			return false
		}
		out = append(out, e)
	}
	v.Set(reflect.Append(reflect.MakeSlice(v.Type(), 0, len(out)), out...))
	return true
}

// text is the value of v as setText reads it; "" if it is not set.
func text(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case interface{ String() string }:
		return x.String()
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		if err != nil {
			return ""
		}
		return string(b)
	}
	switch v.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Slice:
		var out []string
		for i := range v.Len() {
			out = append(out, text(v.Index(i)))
		}
		return strings.Join(slices.Clip(out), ", ")
	}
	return v.String()
}

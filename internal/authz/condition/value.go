package condition

import (
	"errors"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/kit/strict"
)

// Number is a JSON number as it was written, so that an int keeps all its digits.
type Number string

// maxDepth bounds the nesting of a value.
const maxDepth = strict.MaxDepth

// ParseContext reads a JSON object of at most 64 kB and 32 levels (a name twice is an error) into
// what Evaluate takes. Numbers become Number.
func ParseContext(text []byte) (map[string]any, error) {
	numbers := json.WithUnmarshalers(json.UnmarshalFromFunc(func(d *jsontext.Decoder, out *any) error {
		if d.PeekKind() != '0' {
			return errors.ErrUnsupported
		}
		v, err := d.ReadValue()
		*out = Number(v)
		return err
	}))
	var raw jsontext.Value
	if err := strict.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out, numbers); err != nil || out == nil {
		return nil, refuse("The context must be a JSON object.")
	}
	return out, nil
}

// convert turns a value of JSON, or the Go value that it stands for, into one of the type. What it
// returns besides is what the value must be, and never the value; empty if all is well.
func (t Type) convert(v any, depth int) (ref.Val, string) {
	if depth > maxDepth {
		return nil, "is nested too deeply"
	}
	switch t.name {
	case "any":
		return anything(v, depth)
	case "list":
		return t.list(v, depth)
	case "map":
		return t.dictionary(v, depth)
	case "int", "uint", "double":
		return t.number(v)
	}
	return t.text(v)
}

// text converts what is a string in JSON, and bool.
func (t Type) text(v any) (ref.Val, string) {
	s, isText := v.(string)
	switch t.name {
	case "bool":
		if b, ok := v.(bool); ok {
			return types.Bool(b), ""
		}
		return nil, "must be true or false"
	case "string":
		if isText {
			return types.String(s), ""
		}
		return nil, "must be a string"
	case "duration":
		d, err := time.ParseDuration(s)
		if own, ok := v.(time.Duration); ok {
			return types.Duration{Duration: own}, ""
		}
		if isText && err == nil {
			return types.Duration{Duration: d}, ""
		}
		return nil, "must be a duration, as in 1h30m"
	case "timestamp":
		at, err := time.Parse(time.RFC3339Nano, s)
		if own, ok := v.(time.Time); ok {
			at, err, isText = own, nil, true
		}
		if isText && err == nil && at.UTC().Year() >= 1 && at.UTC().Year() <= 9999 {
			return types.Timestamp{Time: at.UTC()}, ""
		}
		return nil, "must be a time as in RFC 3339, with its zone"
	case "ipaddress":
		if own, ok := v.(netip.Addr); ok {
			s, isText = own.String(), true
		}
		if a, err := parseAddress(s); isText && err == nil {
			return a, ""
		}
		return nil, "must be an IP address without a zone"
	}
	return nil, "has no type"
}

func (t Type) list(v any, depth int) (ref.Val, string) {
	items, ok := v.([]any)
	if !ok {
		return nil, "must be a list"
	}
	out := make([]ref.Val, len(items))
	for i, item := range items {
		c, wrong := t.of.convert(item, depth+1)
		if wrong != "" {
			return nil, "has an element that " + wrong
		}
		out[i] = c
	}
	return types.NewRefValList(types.DefaultTypeAdapter, out), ""
}

func (t Type) dictionary(v any, depth int) (ref.Val, string) {
	items, ok := v.(map[string]any)
	if !ok {
		return nil, "must be an object"
	}
	out := make(map[ref.Val]ref.Val, len(items))
	for name, item := range items {
		c, wrong := t.of.convert(item, depth+1)
		if wrong != "" {
			return nil, "has a member that " + wrong
		}
		out[types.String(name)] = c
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, out), ""
}

// number converts what must be a number. Since JSON has only one kind, a string of digits will do as
// well, and 3.0 is an int; nothing is rounded.
func (t Type) number(v any) (ref.Val, string) {
	switch n := v.(type) {
	case Number:
		return t.digits(string(n))
	case string:
		return t.digits(n)
	case float64:
		return t.digits(strconv.FormatFloat(n, 'g', -1, 64))
	case int:
		return t.digits(strconv.Itoa(n))
	case int64:
		return t.digits(strconv.FormatInt(n, 10))
	case uint64:
		return t.digits(strconv.FormatUint(n, 10))
	}
	return nil, "must be a number"
}

// exact is the largest whole number up to which a float64 holds every one.
const exact = 1 << 53

func (t Type) digits(text string) (ref.Val, string) {
	raw := jsontext.Value(text)
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || raw.Kind() != '0' || !raw.IsValid() {
		return nil, "must be a number that a " + t.name + " can hold"
	}
	whole := f == math.Trunc(f) && math.Abs(f) <= exact
	switch t.name {
	case "int":
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return types.Int(i), ""
		} else if whole && strings.ContainsAny(text, ".eE") {
			return types.Int(f), ""
		}
		return nil, "must be a whole number of 64 bits"
	case "uint":
		if u, err := strconv.ParseUint(text, 10, 64); err == nil {
			return types.Uint(u), ""
		} else if whole && f >= 0 && strings.ContainsAny(text, ".eE-") {
			return types.Uint(f), ""
		}
		return nil, "must be a whole number of 64 bits, not below zero"
	}
	return types.Double(f), ""
}

// anything converts a value without a type: what it is in JSON, with numbers as double.
func anything(v any, depth int) (ref.Val, string) {
	switch v := v.(type) {
	case nil:
		return types.NullValue, ""
	case bool:
		return types.Bool(v), ""
	case string:
		return types.String(v), ""
	case []any:
		return Type{name: "list", of: &Type{name: "any"}}.list(v, depth)
	case map[string]any:
		return Type{name: "map", of: &Type{name: "any"}}.dictionary(v, depth)
	case time.Time:
		return Type{name: "timestamp"}.text(v)
	case time.Duration:
		return Type{name: "duration"}.text(v)
	case netip.Addr:
		return Type{name: "ipaddress"}.text(v)
	}
	return Type{name: "double"}.number(v)
}

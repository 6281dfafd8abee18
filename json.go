package cardea

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"unicode/utf8"
)

// maxDepth is how deep the JSON of a token or of the issuer may be nested.
const maxDepth = 16

// errJSON is the one answer to JSON that breaks a rule; nothing of the input is repeated.
var errJSON = errors.New("not a JSON object, or not a strict one")

// decodeObject reads one JSON object. encoding/json alone would take the last of two members with the
// same name, repair invalid UTF-8 and match names in any case; here the first two are errors, and
// members are looked up by their exact name in the result, so what was checked is what is used.
// Numbers stay json.Number. What follows the object, a byte order mark before it, and more than
// maxDepth levels are errors.
func decodeObject(data []byte) (map[string]any, error) {
	// Depth comes first: json.Valid keeps a stack, which a stranger could make grow.
	if tooDeep(data) || !utf8.Valid(data) || !json.Valid(data) || !wholeSurrogates(data) {
		return nil, errJSON
	}
	r := reader{data: data}
	value, err := r.value()
	if err != nil {
		return nil, errJSON
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errJSON
	}
	return object, nil
}

// reader builds values from text that json.Valid has accepted and that is not too deep, so it looks
// for nothing but what valid JSON can hold. (A json.Decoder does the same with 250 allocations more
// for a token.)
type reader struct {
	data []byte
	at   int
}

// next is the next byte that is not white space.
func (r *reader) next() byte {
	for {
		switch c := r.data[r.at]; c {
		case ' ', '\t', '\r', '\n':
			r.at++
		default:
			return c
		}
	}
}

// take consumes the next byte that is not white space if it is c.
func (r *reader) take(c byte) bool {
	if r.next() != c {
		return false
	}
	r.at++
	return true
}

func (r *reader) value() (any, error) {
	switch r.next() {
	case '{':
		return r.object()
	case '[':
		return r.list()
	case '"':
		return r.text()
	case 't':
		r.at += len("true")
		return true, nil
	case 'f':
		r.at += len("false")
		return false, nil
	case 'n':
		r.at += len("null")
		return nil, nil
	}
	start := r.at
	for r.at < len(r.data) && isNumeric(r.data[r.at]) {
		r.at++
	}
	return json.Number(r.data[start:r.at]), nil
}

func isNumeric(c byte) bool {
	return '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

func (r *reader) object() (any, error) {
	r.at++ // the opening brace
	object := make(map[string]any)
	for !r.take('}') {
		r.take(',')
		r.next()
		name, err := r.text()
		if err != nil {
			return nil, err
		}
		if _, twice := object[name]; twice {
			return nil, errJSON
		}
		r.take(':')
		if object[name], err = r.value(); err != nil {
			return nil, err
		}
	}
	return object, nil
}

func (r *reader) list() (any, error) {
	r.at++ // the opening bracket
	list := []any{}
	for !r.take(']') {
		r.take(',')
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// text reads a string. encoding/json undoes the escapes, if there are any.
func (r *reader) text() (string, error) {
	start, escaped := r.at, false
	for r.at++; r.data[r.at] != '"'; r.at++ {
		if r.data[r.at] == '\\' {
			escaped = true
			r.at++
		}
	}
	r.at++ // the closing quote
	if !escaped {
		return string(r.data[start+1 : r.at-1]), nil
	}
	var s string
	err := json.Unmarshal(r.data[start:r.at], &s)
	return s, err
}

// tooDeep reports whether data opens more than maxDepth objects and lists at a time. It is exact for
// as far as data is JSON.
func tooDeep(data []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// wholeSurrogates reports whether every \u escape of a surrogate is half of a pair. encoding/json
// replaces a lone one by U+FFFD, which would make two different names equal.
func wholeSurrogates(data []byte) bool {
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		i++ // what is escaped; the syntax is known to be right
		if data[i] != 'u' {
			continue
		}
		switch hex4(data, i+1) >> 10 {
		case 0xD800 >> 10: // a high half: the low half must follow
			if i+10 >= len(data) || data[i+5] != '\\' || data[i+6] != 'u' || hex4(data, i+7)>>10 != 0xDC00>>10 {
				return false
			}
			i += 10
		case 0xDC00 >> 10:
			return false
		default:
			i += 4
		}
	}
	return true
}

func hex4(data []byte, at int) uint64 {
	if at+4 > len(data) {
		return 0
	}
	n, err := strconv.ParseUint(string(data[at:at+4]), 16, 16)
	if err != nil {
		return 0
	}
	return n
}

// stringOf is the member as a string; ok is false if it is absent, empty or of another type.
func stringOf(object map[string]any, name string) (string, bool) {
	s, _ := object[name].(string)
	return s, s != ""
}

// optionalString is the member as a string, "" if it is absent; ok is false for another type.
func optionalString(object map[string]any, name string) (s string, ok bool) {
	v, present := object[name]
	if !present {
		return "", true
	}
	s, ok = v.(string)
	return s, ok
}

// optionalStrings is the member as a list of strings, nil if it is absent; ok is false for anything else.
func optionalStrings(object map[string]any, name string) (list []string, ok bool) {
	v, present := object[name]
	if !present {
		return nil, true
	}
	values, ok := v.([]any)
	if !ok {
		return nil, false
	}
	for _, v := range values {
		s, ok := v.(string)
		if !ok {
			return nil, false
		}
		list = append(list, s)
	}
	return list, true
}

// uintOf is a JSON number as a whole number from 0 to 2⁵³, the range that every JSON library keeps.
func uintOf(v any) (uint64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	u, err := strconv.ParseUint(string(n), 10, 64)
	return u, err == nil && u <= 1<<53
}

// secondsOf is a NumericDate (RFC 7519 section 2) in whole seconds, rounded down: a fraction is
// allowed there, a sign, an exponent beyond the year 9999 or a string is not.
func secondsOf(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil || !(f >= 0 && f <= 253402300799) {
		return 0, false
	}
	return int64(math.Floor(f)), true
}

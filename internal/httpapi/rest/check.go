package rest

import (
	"encoding"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// maxFindings is how many wrong members one answer names.
const maxFindings = 20

// findings collects what is wrong with an input. Details are made of our own words only.
type findings struct{ all []errs.Field }

func (f *findings) add(at string, r rule, format string, args ...any) {
	if len(f.all) < maxFindings {
		f.all = append(f.all, errs.Field{Pointer: at, Rule: r.name, Params: r.params, Detail: fmt.Sprintf(format, args...)})
	}
}

// rule is what a finding breaks.
type rule struct {
	name   errs.Rule
	params errs.Params
}

// of is a rule about the bounds of l.
func (l *limits) of(r errs.Rule) rule { return rule{r, errs.Between(l.min, l.max)} }

// err is one refusal about all findings, or nil.
func (f *findings) err() error {
	if len(f.all) == 0 {
		return nil
	}
	e := errs.Bad(f.all[0].Pointer, "%s", f.all[0].Detail)
	if len(f.all) > 1 {
		e.Text = fmt.Sprintf("The request is not valid in %d places.", len(f.all))
	}
	e.Fields = f.all
	return e
}

// check looks at the very value that the handler will get.
func (n *node) check(v reflect.Value, at string, f *findings) {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch n.shape {
	case text:
		n.limits.checkText(textOf(v), at, f)
	case integer:
		n.limits.checkNumber(v, at, f)
	case number:
		if x := v.Float(); n.limits.bounded && (x < float64(n.limits.min) || x > float64(n.limits.max)) {
			f.add(at, n.limits.of(errs.Range), "must lie between %d and %d", n.limits.min, n.limits.max)
		}
	case list:
		n.limits.checkSize(v.Len(), at, f)
		for i := range min(v.Len(), int(n.limits.max)) {
			n.elem.check(v.Index(i), at+"/"+strconv.Itoa(i), f)
		}
	case dict:
		n.limits.checkSize(v.Len(), at, f)
		n.checkDict(v, at, f)
	case object:
		n.checkFields(v, at, f)
	}
}

// checkDict checks the values of a map. Its keys come from the request, so they are not named.
func (n *node) checkDict(v reflect.Value, at string, f *findings) {
	for it := v.MapRange(); it.Next(); {
		(&limits{min: 1, max: 128, bounded: true}).checkText(it.Key().String(), at, f)
		n.elem.check(it.Value(), at, f)
	}
}

// checkFields checks the members of a struct. An empty value is a missing one: the two look the same
// in Go, so a required member must not be empty, and where empty is meant the declaration uses a
// pointer.
func (n *node) checkFields(v reflect.Value, at string, f *findings) {
	for _, m := range n.fields {
		fv := v.FieldByIndex(m.index)
		switch inner := m.node.shape == object && !m.pointer; {
		case fv.IsZero() && !m.required:
		case fv.IsZero() && !inner: // of a struct it is better to say which member is missing
			f.add(at+"/"+m.name, rule{name: errs.Required}, "is missing")
		default:
			m.node.check(fv, at+"/"+m.name, f)
		}
	}
}

// textOf is the text that a value stands for.
func textOf(v reflect.Value) string {
	if v.Kind() == reflect.String {
		return v.String()
	}
	switch x := v.Interface().(type) {
	case secret.Value:
		return x.Reveal()
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		if err == nil {
			return string(b)
		}
	}
	return ""
}

func (l *limits) checkNumber(v reflect.Value, at string, f *findings) {
	var x int64
	if v.CanUint() {
		x = int64(min(v.Uint(), 1<<63-1))
	} else {
		x = v.Int()
	}
	if l.bounded && (x < l.min || x > l.max) {
		if l.format == "seconds" {
			f.add(at, l.of(errs.Duration), "must lie between %d and %d seconds", l.min, l.max)
			return
		}
		f.add(at, l.of(errs.Range), "must lie between %d and %d", l.min, l.max)
	}
}

func (l *limits) checkSize(n int, at string, f *findings) {
	if int64(n) < l.min || int64(n) > l.max {
		f.add(at, l.of(errs.Items), "must have %d to %d items", l.min, l.max)
	}
}

func (l *limits) checkText(s, at string, f *findings) {
	n := int64(utf8.RuneCountInString(s))
	switch {
	case !utf8.ValidString(s):
		f.add(at, rule{name: errs.Unnamed}, "must be UTF-8")
	case l.bounded && (n < l.min || n > l.max):
		f.add(at, l.of(errs.Length), "must have %d to %d characters", l.min, l.max)
	case l.format != "text" && strings.ContainsFunc(s, isControl):
		f.add(at, rule{name: errs.Control}, "must not hold control characters")
	case len(l.enum) > 0 && !slices.Contains(l.enum, s):
		f.add(at, rule{name: errs.OneOf}, "must be one of %s", strings.Join(l.enum, ", "))
	case l.pattern != nil && !l.pattern.MatchString(s):
		f.add(at, rule{name: errs.Pattern}, "must match %s", l.pattern)
	case !l.fitsFormat(s):
		f.add(at, formatRule(l.format), "must be of the form %s", l.format)
	}
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// formatRule is the rule that a text breaks which is not of a format; see fitsFormat.
func formatRule(format string) rule {
	if format == "email" {
		return rule{name: errs.MailAddress}
	}
	return rule{name: errs.URI}
}

// fitsFormat is a first look; the domain parses what it needs in full.
func (l *limits) fitsFormat(s string) bool {
	switch l.format {
	case "email":
		return strings.Count(s, "@") >= 1 && !strings.ContainsAny(s, " <>")
	case "uri":
		u, err := url.Parse(s)
		return err == nil && u.Scheme != "" && (u.Host != "" || u.Opaque != "" || u.Path != "")
	}
	return true
}

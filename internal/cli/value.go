package cli

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value is a field of the grammar that the command line sets. It is a pflag.Value.
type value struct {
	to          reflect.Value
	enum        []string // nil: anything
	placeholder string
	byDefault   string
	negated     bool // the flag says that it is not so
}

// Set takes a text from the command line. A list grows by it; of anything else the last one counts.
func (v *value) Set(text string) error {
	if v.enum != nil && !slices.Contains(v.enum, text) {
		return errors.New("must be one of " + strings.ReplaceAll(v.Type(), "|", ", "))
	}
	if !v.negated {
		return assign(v.to, text)
	}
	no, err := strconv.ParseBool(text)
	if err != nil {
		return errYesNo
	}
	return assign(v.to, strconv.FormatBool(!no))
}

// String is the default, for help.
func (v *value) String() string { return v.byDefault }

func (v *value) isBool() bool {
	t := v.to.Type()
	return t.Kind() == reflect.Bool || t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Bool
}

// Type is what help calls a value; empty for what takes none.
func (v *value) Type() string {
	if v.placeholder != "" || v.isBool() {
		return v.placeholder
	}
	t := v.to.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "SPAN"
	case t == reflect.TypeFor[time.Time]():
		return "TIME"
	case t.Kind() == reflect.Int || t.Kind() == reflect.Float64:
		return "NUMBER"
	}
	return "TEXT"
}

var (
	errYesNo  = errors.New("must be true or false")
	errWhole  = errors.New("must be a whole number")
	errNumber = errors.New("must be a number")
	errSpan   = errors.New("must be a span of time like 90s, 15m or 12h")
	errTime   = errors.New("must be a time like 2026-01-31T12:00:00Z")
	errPair   = errors.New("must be like NAME=VALUE")
	errType   = errors.New("is of a type that no command line can set")
)

// assign reads text as what to is.
func assign(to reflect.Value, text string) error {
	switch to := to.Addr().Interface().(type) {
	case *string:
		*to = text
	case *[]string:
		*to = append(*to, text)
	case *bool:
		return read(to, text, strconv.ParseBool, errYesNo)
	case *int:
		return read(to, text, strconv.Atoi, errWhole)
	case *float64:
		return read(to, text, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) }, errNumber)
	case *time.Duration:
		return read(to, text, time.ParseDuration, errSpan)
	case *time.Time:
		return read(to, text, func(s string) (time.Time, error) { return time.Parse(time.RFC3339, s) }, errTime)
	case *map[string]string:
		name, is, found := strings.Cut(text, "=")
		if !found || name == "" {
			return errPair
		}
		if *to == nil {
			*to = map[string]string{}
		}
		(*to)[name] = is
	default:
		return assignNew(reflect.ValueOf(to).Elem(), text)
	}
	return nil
}

// assignNew sets a pointer, which is nil as long as nothing was given.
func assignNew(to reflect.Value, text string) error {
	if to.Kind() != reflect.Pointer {
		return errType
	}
	made := reflect.New(to.Type().Elem())
	if err := assign(made.Elem(), text); err != nil {
		return err
	}
	to.Set(made)
	return nil
}

func read[T any](to *T, text string, parse func(string) (T, error), bad error) error {
	got, err := parse(text)
	if err != nil {
		return bad
	}
	*to = got
	return nil
}

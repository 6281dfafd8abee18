// Package strict reads JSON and base64 from strangers. What is validated is what is used: a duplicate name, a
// name in another case, an unknown name, trailing text, invalid UTF-8, too much depth or too many
// bytes are all errors, and no error repeats the input.
package strict

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Bounds of a JSON body.
const (
	MaxBytes = 64 << 10
	MaxDepth = 32
)

// Unmarshal reads data, at most MaxBytes long and MaxDepth deep, into out. An unknown member is an error.
func Unmarshal(data []byte, out any) error { return decode(data, out, true, MaxBytes) }

// UnmarshalUpTo is Unmarshal for bodies that may be longer: max bytes.
func UnmarshalUpTo(data []byte, out any, max int) error { return decode(data, out, true, max) }

// UnmarshalOpen is Unmarshal for formats whose specification says that unknown members are ignored.
func UnmarshalOpen(data []byte, out any) error { return decode(data, out, false, MaxBytes) }

func decode(data []byte, out any, closed bool, max int) error {
	if len(data) > max {
		return errs.New(errs.Invalid, "body_too_large", "The body is larger than %d bytes.", max)
	}
	if bytes.Count(data, []byte{'{'})+bytes.Count(data, []byte{'['}) > MaxDepth { // few open no more than that
		if err := checkDepth(data); err != nil {
			return err
		}
	}
	err := json.Unmarshal(data, out, json.RejectUnknownMembers(closed))
	if err == nil {
		return nil
	}
	pointer, detail := "body", "is not valid JSON"
	if s, ok := errors.AsType[*json.SemanticError](err); ok {
		pointer, detail = string(s.JSONPointer), "has the wrong type"
		if errors.Is(err, json.ErrUnknownName) {
			detail = "is not known here"
		}
	} else if errors.Is(err, jsontext.ErrDuplicateName) {
		detail = "names a member twice"
	}
	e := errs.Bad(pointer, "%s", detail)
	// The decoder's own text quotes the input, so it is not kept even for the log.
	return e
}

// checkDepth walks the tokens once.
func checkDepth(data []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(data))
	for {
		_, err := d.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, jsontext.ErrDuplicateName):
			return errs.Bad("body", "names a member twice")
		case err != nil:
			return errs.Bad("body", "is not valid JSON")
		}
		if d.StackDepth() > MaxDepth {
			return errs.Bad("body", "is nested more than %d levels deep", MaxDepth)
		}
	}
}

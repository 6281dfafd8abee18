// Package errs is the one error of the product: what kind of refusal it is, the stable code a
// program may test, the sentence a person may read, and the cause that only the log may see.
//
// A domain writes the sentence where the rule lives; a door turns the kind into a status and never
// shows the cause. An error that is not an *Error is Internal and its text stays hidden.
package errs

import (
	"errors"
	"fmt"
	"time"
)

// Kind is the class of a failure. Kinds are append-only: they decide HTTP statuses and exit codes.
type Kind uint8

// The kinds. The zero value is Internal, so an error somebody forgot to classify reveals nothing.
const (
	Internal        Kind = iota // our fault; the text is hidden
	Invalid                     // the request is malformed or breaks a rule of form
	Unauthenticated             // nobody has proved who is asking
	Denied                      // known, and not allowed
	NotFound                    // no such object, or none that the caller may know of
	Conflict                    // it exists already, or changed meanwhile
	Precondition                // a stated condition does not hold (ETag, state of the object)
	RateLimited                 // too often; RetryAfter says when to come back
	Unavailable                 // a part we need does not answer; RetryAfter says when to come back
	Unsupported                 // well-formed, but this server does not do it
)

var names = [...]string{
	"internal", "invalid", "unauthenticated", "denied", "not_found", "conflict", "precondition_failed",
	"rate_limited", "unavailable", "unsupported",
}

// String is the kind's name and the code of an error that has no narrower one.
func (k Kind) String() string {
	if int(k) >= len(names) {
		return names[Internal]
	}
	return names[k]
}

// Field says what is wrong with one member of the input. It never repeats the offending value.
type Field struct {
	Pointer string `json:"pointer"` // JSON pointer (RFC 6901) into the body, or the parameter's name
	Rule    Rule   `json:"rule" doc:"the rule that is broken; stable"`
	Params  Params `json:"params,omitzero" doc:"the numbers in the rule, such as min and max"`
	Detail  string `json:"detail" doc:"the rule in a sentence, in English"`
}

// Error is a refusal. Text is for the caller; Err is for the log and never leaves the process.
type Error struct {
	Kind       Kind
	Code       string // stable and machine-readable, e.g. token_expired; empty means Kind.String()
	Text       string
	RetryAfter time.Duration // with RateLimited and Unavailable: how long to wait, at least
	Fields     []Field       // with Invalid: which members are wrong
	Missing    string        // with Denied: the permission or scope that would have allowed it
	Err        error
}

// Error is the text for logs: it includes the cause, so it must not be sent to a caller.
func (e *Error) Error() string {
	text := e.Text
	if text == "" {
		text = e.code()
	}
	if e.Err != nil {
		return text + ": " + e.Err.Error()
	}
	return text
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) code() string {
	if e.Code != "" {
		return e.Code
	}
	return e.Kind.String()
}

// New makes an error of kind k with a stable code and a sentence for the caller.
func New(k Kind, code, format string, args ...any) *Error {
	return &Error{Kind: k, Code: code, Text: fmt.Sprintf(format, args...)}
}

// Wrap hides cause behind a sentence for the caller. A nil cause is allowed.
func Wrap(k Kind, cause error, code, format string, args ...any) *Error {
	e := New(k, code, format, args...)
	e.Err = cause
	return e
}

// Bad is an Invalid error about one member of the input; Breaks names the rule that it breaks.
func Bad(pointer, format string, args ...any) *Error {
	detail := fmt.Sprintf(format, args...)
	return &Error{
		Kind: Invalid, Code: "invalid_input", Text: "The request is not valid: " + pointer + " " + detail + ".",
		Fields: []Field{{Pointer: pointer, Rule: Unnamed, Detail: detail}},
	}
}

// Missing is NotFound for the named noun. Which id was asked for is not repeated.
func Missing(noun string) *Error {
	return &Error{Kind: NotFound, Code: "not_found", Text: "There is no such " + noun + "."} // often asked for: no formatting
}

// Busy is Unavailable with a time to come back.
func Busy(after time.Duration, cause error, code, format string, args ...any) *Error {
	e := Wrap(Unavailable, cause, code, format, args...)
	e.RetryAfter = after
	return e
}

// TooMany is RateLimited with a time to come back.
func TooMany(after time.Duration, code, format string, args ...any) *Error {
	e := New(RateLimited, code, format, args...)
	e.RetryAfter = after
	return e
}

// From returns err as *Error. Anything unknown becomes Internal with its text hidden; nil stays nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Internal, Code: Internal.String(), Text: "Something went wrong on our side.", Err: err}
}

// KindOf is the kind of err; Internal for an unknown error. Do not call it with nil.
func KindOf(err error) Kind { return From(err).Kind }

// CodeOf is the stable code of err, or "" for nil.
func CodeOf(err error) string {
	if err == nil {
		return ""
	}
	return From(err).code()
}

// Is reports whether err is a refusal of kind k. Nil is of no kind.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// Package jsonobject writes JSON objects member by member, for the answers and tokens that are made too
// often for reflection. What it writes is what encoding/json would, without what is empty.
package jsonobject

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Writer writes one object. Make it with Open, add members, take the bytes with Close. It does not look
// for members of the same name.
type Writer struct {
	buf []byte
	err error
}

// Open begins an object behind b.
func Open(b []byte) Writer { return Writer{buf: append(b, '{')} }

// Close ends the object. The error is that of the first text that was not UTF-8.
func (w *Writer) Close() ([]byte, error) { return append(w.buf, '}'), w.err }

func (w *Writer) name(n string) {
	if w.buf[len(w.buf)-1] != '{' {
		w.buf = append(w.buf, ',')
	}
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, n...)
	w.buf = append(w.buf, '"', ':')
}

func (w *Writer) quote(s string) {
	buf, err := jsontext.AppendQuote(w.buf, s)
	w.buf = buf
	if w.err == nil {
		w.err = err
	}
}

// Text adds a text, unless it is empty. The name must not need quoting, as in all methods.
func (w *Writer) Text(name, value string) {
	if value != "" {
		w.name(name)
		w.quote(value)
	}
}

// AlwaysText adds a text, also an empty one.
func (w *Writer) AlwaysText(name, value string) {
	w.name(name)
	w.quote(value)
}

// Number adds a number, unless it is 0.
func (w *Writer) Number(name string, value int64) {
	if value != 0 {
		w.name(name)
		w.buf = strconv.AppendInt(w.buf, value, 10)
	}
}

// Flag adds true or false.
func (w *Writer) Flag(name string, value bool) {
	w.name(name)
	w.buf = strconv.AppendBool(w.buf, value)
}

// Time adds a time as RFC 3339 writes it, with as many digits as it needs.
func (w *Writer) Time(name string, at time.Time) {
	w.name(name)
	w.buf = append(w.buf, '"')
	w.buf = at.AppendFormat(w.buf, time.RFC3339Nano)
	w.buf = append(w.buf, '"')
}

// Texts adds a list of texts, unless it is empty.
func (w *Writer) Texts(name string, values []string) {
	if len(values) == 0 {
		return
	}
	w.name(name)
	w.buf = append(w.buf, '[')
	for i, v := range values {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.quote(v)
	}
	w.buf = append(w.buf, ']')
}

// Begin begins an object as a member: what is added up to End belongs to it.
func (w *Writer) Begin(name string) {
	w.name(name)
	w.buf = append(w.buf, '{')
}

// End ends the object that the last Begin began.
func (w *Writer) End() { w.buf = append(w.buf, '}') }

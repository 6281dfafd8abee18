package graph

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Wildcard as the ID of a Subject stands for every object of its type. It is stored only where the
// model allows it, and it is never the ID of an Object.
const Wildcard = "*"

// Object is a thing that relations hold on. The ID may contain any bytes, delimiters, NUL and
// invalid UTF-8 included; it is compared byte by byte. Neither part may be empty.
type Object struct{ Type, ID string }

// Subject is whom a relation is given to: an object (Relation empty), everyone who has a relation
// to an object ("group:eng#member"), or every object of a type (ID is Wildcard).
type Subject struct{ Type, ID, Relation string }

// Tuple says that Subject has Relation to Object until Expires, while Condition holds.
type Tuple struct {
	Object   Object
	Relation string
	Subject  Subject
	// Expires is the first instant at which the tuple no longer counts, cut down to a millisecond.
	// Zero means never.
	Expires time.Time
	// Condition must hold for the tuple to count. The model says which may stand where.
	Condition Condition
}

// bare is the tuple without expiry and condition: what makes it the one that it is.
func (t Tuple) bare() Tuple {
	return Tuple{Object: t.Object, Relation: t.Relation, Subject: t.Subject}
}

// Change is a step from one revision to the next. Writing a tuple that exists replaces its expiry
// and condition; deleting one that does not exist does nothing, and neither plays a part in a deletion.
type Change struct {
	Tuple  Tuple
	Delete bool
}

// String is "type:id" for people, not for keys: see Tuple.String about the escapes.
func (o Object) String() string { return o.Type + ":" + escape(o.ID) }

// String is "type:id" or "type:id#relation" for people, not for keys.
func (s Subject) String() string {
	text := s.Type + ":" + escape(s.ID)
	if s.Relation != "" {
		text += "#" + s.Relation
	}
	return text
}

// String is "type:id#relation@type:id#relation" for people, not for keys. In an id '#', '%' and
// whatever cannot be printed are written as '%' and two hexadecimal digits, so ParseTuple gives the
// same tuple back. Expiry and condition are not shown.
func (t Tuple) String() string {
	return t.Object.String() + "#" + t.Relation + "@" + t.Subject.String()
}

// ParseTuple reads what Tuple.String writes. The first ':' ends a type, the first '#' ends the
// object's id, the next '@' ends the relation.
func ParseTuple(text string) (Tuple, error) {
	left, right, ok := strings.Cut(text, "#")
	relation, subject, found := strings.Cut(right, "@")
	if !ok || !found || !isName(relation) {
		return Tuple{}, errTuple()
	}
	o, err := ParseObject(left)
	if err != nil {
		return Tuple{}, err
	}
	s, err := ParseSubject(subject)
	if err != nil {
		return Tuple{}, err
	}
	return Tuple{Object: o, Relation: relation, Subject: s}, nil
}

// ParseObject reads "type:id". An id that contains '#' must write it as "%23".
func ParseObject(text string) (Object, error) {
	s, err := ParseSubject(text)
	if err != nil || s.Relation != "" || s.ID == Wildcard {
		return Object{}, errTuple()
	}
	return Object{Type: s.Type, ID: s.ID}, nil
}

// ParseSubject reads "type:id", "type:id#relation" or "type:*".
func ParseSubject(text string) (Subject, error) {
	kind, rest, ok := strings.Cut(text, ":")
	raw, relation, userset := strings.Cut(rest, "#")
	id, valid := unescape(raw)
	if !ok || !valid || id == "" || !isName(kind) || userset && !isName(relation) {
		return Subject{}, errTuple()
	}
	if userset && id == Wildcard {
		return Subject{}, errTuple()
	}
	return Subject{Type: kind, ID: id, Relation: relation}, nil
}

func errTuple() error {
	return errs.New(errs.Invalid, "invalid_tuple",
		"A tuple is written type:id#relation@type:id or type:id#relation@type:id#relation; in an id, # is written %%23 and %% is written %%25.")
}

// isName reports whether text may name a type or a relation: 1 to 254 bytes of printable UTF-8
// without the delimiters of the text form. Ids are not bound by this.
func isName(text string) bool {
	if text == "" || len(text) > 254 || !utf8.ValidString(text) {
		return false
	}
	for _, r := range text {
		if !unicode.IsPrint(r) || strings.ContainsRune(" :#@*|,%", r) {
			return false
		}
	}
	return true
}

const hexDigits = "0123456789ABCDEF"

func escape(id string) string {
	var b strings.Builder
	for i, r := range id {
		size := utf8.RuneLen(r)
		if r == utf8.RuneError && !strings.HasPrefix(id[i:], string(utf8.RuneError)) {
			size = 1 // a byte that is not UTF-8
		} else if r != '#' && r != '%' && unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		for _, c := range []byte(id[i : i+size]) {
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}

func unescape(text string) (string, bool) {
	if !strings.Contains(text, "%") {
		return text, true
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		if i+2 >= len(text) {
			return "", false
		}
		high, low := strings.IndexByte(hexDigits, text[i+1]), strings.IndexByte(hexDigits, text[i+2])
		if high < 0 || low < 0 {
			return "", false
		}
		b.WriteByte(byte(high<<4 | low))
		i += 2
	}
	return b.String(), true
}

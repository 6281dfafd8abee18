package store

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Form is how documents of a Kind are written from a data format on. Data formats are numbered from 1
// for the whole program; a Kind has a Form only where its documents became others.
//
//	read     {name}           ── Up ──▶ {first, last}    a document that is older than the node
//	written  {first, last}    ── Down ─▶ {name}          while older nodes may still have to read it
//
// A member that is merely new needs no Form: older nodes keep what they do not know.
type Form struct {
	Format int // from which on documents are written so
	// Up makes the members of the form before into those of this one; Down takes that back and loses
	// nothing that the older form could say. Either may be nil where there is nothing to do: a Form of
	// nothing but a Format has documents written anew, which fills a column that is new. They cannot
	// move what is sealed: it is bound to its name.
	Up, Down func(Members) error
}

// Members are the members of a document as they are stored. Those that a Form does not touch stay as
// they are, unknown ones too.
type Members map[string]jsontext.Value

// formMember is the member that says in which form a document is written.
const formMember = "_v"

// errNewer says that a document was written by a program that knows more than this one. To guess what
// it means could grant what was not meant.
var errNewer = errors.New("store: the document is in a newer form than this version knows")

// formIn is the form in which a document is written in a data format: the Format of the last Form up to
// it, or 0 before there was any.
func formIn(forms []Form, format int) int {
	last := 0
	for _, f := range forms {
		if f.Format <= format {
			last = f.Format
		}
	}
	return last
}

// reform brings the body of a document from its form into the one of a data format, up or down.
func reform(forms []Form, body []byte, format int) (out []byte, changed bool, err error) {
	var is struct {
		Form int `json:"_v"`
	}
	if err := json.Unmarshal(body, &is); err != nil {
		return nil, false, err
	}
	want := formIn(forms, format)
	switch {
	case is.Form == want:
		return body, false, nil
	case is.Form != formIn(forms, is.Form):
		return nil, false, errNewer
	}
	var m Members
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, false, err
	}
	if err := m.walk(forms, is.Form, want); err != nil {
		return nil, false, err
	}
	delete(m, formMember)
	if want > 0 {
		if m[formMember], err = json.Marshal(want); err != nil {
			return nil, false, err
		}
	}
	out, err = json.Marshal(m, json.Deterministic(true))
	return out, true, err
}

// walk goes from one form to another, through each between them.
func (m Members) walk(forms []Form, from, to int) error {
	for _, f := range forms {
		if f.Format > from && f.Format <= to && f.Up != nil {
			if err := f.Up(m); err != nil {
				return err
			}
		}
	}
	for i := len(forms) - 1; i >= 0; i-- {
		if f := forms[i]; f.Format <= from && f.Format > to && f.Down != nil {
			if err := f.Down(m); err != nil {
				return err
			}
		}
	}
	return nil
}

package store

import (
	"context"
	"encoding/binary"
	"maps"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// Meta is embedded by every document. ID, Version and Expires live beside the document, not in it.
type Meta struct {
	ID      string    `json:"-"`
	Version int64     `json:"-"` // of the record as it was read; 0 before the first insert
	Expires time.Time `json:"-"` // zero: never

	// Form is the data format from which on documents are written like this one, 0 for the first form;
	// only the store reads and writes it.
	Form int `json:"_v,omitzero"`
	// Sealed holds the sealed fields by name; only the store reads and writes it.
	Sealed map[string][]byte `json:"_sealed,omitzero"`
	// Unknown keeps the members that a newer node wrote and this one does not know, so that a
	// rolling upgrade loses nothing.
	Unknown jsontext.Value `json:",embed"`
}

// Kind declares a type of document: how it is called, found and protected.
type Kind[T any] struct {
	Name    string // of the collection: a singular noun in snake case
	Noun    string // for sentences: "There is no such user."
	Meta    func(*T) *Meta
	Columns []ColumnOf[T]
	Indexes []Index
	Sealed  []SealedField[T]
	Forms   []Form // ascending; none where documents have always been written as they are
	// KeepAbsence has View remember also which ids there are none of. It is for documents that are asked
	// for by names that others chose; each insert then costs a row for the other nodes.
	KeepAbsence bool
}

// ColumnOf computes an indexed value of a document.
type ColumnOf[T any] struct {
	Name string
	Kind ValueKind
	Of   func(*T) Value
}

// SealedField is a member that is encrypted at rest. Its Go field must be tagged json:"-".
type SealedField[T any] struct {
	Name string
	Of   func(*T) *secret.Value
}

// Sealer encrypts with the tenant's data key. The additional data binds the ciphertext to its place.
type Sealer interface {
	Seal(ctx context.Context, t id.Tenant, additional, plain []byte) ([]byte, error)
	Open(ctx context.Context, t id.Tenant, additional, sealed []byte) ([]byte, error)
}

func (k Kind[T]) schema() Schema {
	s := Schema{Name: k.Name, Indexes: k.Indexes, Derive: k.derive, Forms: k.Forms}
	for _, c := range k.Columns {
		s.Columns = append(s.Columns, Column{Name: c.Name, Kind: c.Kind})
	}
	return s
}

// encode turns a document into the body and the columns of a record, as they are in a data format.
func (k Kind[T]) encode(ctx context.Context, s Sealer, t id.Tenant, format int, doc *T) ([]byte, []Value, error) {
	meta := k.Meta(doc)
	if err := k.seal(ctx, s, t, doc, meta); err != nil {
		return nil, nil, err
	}
	meta.Form = formIn(k.Forms, newestFormat)
	body, err := json.Marshal(doc)
	if err == nil && len(k.Forms) > 0 {
		body, _, err = reform(k.Forms, body, format)
	}
	if err != nil {
		return nil, nil, errs.Wrap(errs.Internal, err, "", "Something went wrong on our side.")
	}
	return body, k.values(doc), nil
}

func (k Kind[T]) values(doc *T) []Value {
	values := make([]Value, len(k.Columns))
	for i, c := range k.Columns {
		values[i] = c.Of(doc)
	}
	return values
}

// derive is the columns of a stored record. Sealed fields stay sealed.
func (k Kind[T]) derive(r Record) ([]Value, error) {
	doc, err := k.parse(r)
	if err != nil {
		return nil, err
	}
	return k.values(doc), nil
}

func (k Kind[T]) seal(ctx context.Context, s Sealer, t id.Tenant, doc *T, meta *Meta) error {
	if len(k.Sealed) == 0 {
		return nil
	}
	sealed := make(map[string][]byte, len(k.Sealed))
	maps.Copy(sealed, meta.Sealed) // what a newer node sealed and this one does not know
	for _, f := range k.Sealed {
		delete(sealed, f.Name)
		v := f.Of(doc)
		if v.Empty() {
			continue
		}
		box, err := s.Seal(ctx, t, place(t, k.Name, meta.ID, f.Name), []byte(v.Reveal()))
		if err != nil {
			return errs.Busy(time.Second, err, "sealing_unavailable", "Secrets could not be sealed just now.")
		}
		sealed[f.Name] = box
	}
	meta.Sealed = sealed
	return nil
}

// decode turns a record into a document. A sealed field that does not open is an error: the record
// was moved or tampered with, or the key is not ours.
func (k Kind[T]) decode(ctx context.Context, s Sealer, r Record) (*T, error) {
	doc, err := k.parse(r)
	if err != nil {
		return nil, err
	}
	meta := k.Meta(doc)
	for _, f := range k.Sealed {
		box, ok := meta.Sealed[f.Name]
		if !ok {
			continue
		}
		plain, err := s.Open(ctx, r.Tenant, place(r.Tenant, k.Name, r.ID, f.Name), box)
		if err != nil {
			return nil, errs.Wrap(errs.Internal, err, "", "A stored %s could not be opened.", k.Noun)
		}
		*f.Of(doc) = secret.New(string(plain))
	}
	return doc, nil
}

// parse reads the record, in whatever form it is, but opens nothing.
func (k Kind[T]) parse(r Record) (*T, error) {
	doc, body, err := new(T), r.Body, error(nil)
	if len(k.Forms) > 0 {
		body, _, err = reform(k.Forms, body, newestFormat)
	}
	if err == nil {
		err = json.Unmarshal(body, doc)
	}
	meta := k.Meta(doc)
	if err == nil && meta.Form != formIn(k.Forms, newestFormat) {
		err = errNewer
	}
	if err != nil {
		return nil, errs.Wrap(errs.Internal, err, "", "A stored %s could not be read.", k.Noun)
	}
	meta.ID, meta.Version, meta.Expires = r.ID, r.Version, r.Expires
	return doc, nil
}

// place is the additional data of a sealed field: each part preceded by its length, so that no two
// places share a spelling.
func place(t id.Tenant, parts ...string) []byte {
	out := []byte{1} // version of this form
	for _, p := range append([]string{string(t)}, parts...) {
		out = binary.BigEndian.AppendUint32(out, uint32(len(p)))
		out = append(out, p...)
	}
	return out
}

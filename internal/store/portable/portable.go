// Package portable moves everything that a store holds from one engine to another: as a file of
// lines that any engine can write and read, which is also the road from SQLite to PostgreSQL.
//
//	{"cardea":{"format":3,"at":"2026-11-20T12:00:00Z","data":[1,1],"collections":["event","user"]}}
//	{"doc":{"collection":"user","tenant":"default","id":"u1","version":3,"body":{…}}}     by collection, tenant, id
//	{"tuple":{"tenant":"default","object":["doc","1"],"relation":"viewer",…}}             by tenant, object, …
//	{"end":{"docs":1,"tuples":1,"parts":[…],"sha256":"…"}}                                of all bytes before it
//
// Sealed fields stay sealed: without the master key the file reveals what the database file reveals.
// The outbox is left out. The digest tells a damaged file from a whole one; it proves nothing about
// who wrote it. Column values are computed anew when the file is read, so the file holds no index.
//
// Each collection, and the tuples, have a count and a digest of their own as well, which does not depend
// on versions or on the engine: the same data has the same digests wherever it is. An import compares them
// with what then lies in the store.
//
// What does not move: versions of documents and revisions of tuples start anew, so after an import
// caches shared between nodes are to be emptied, and revision tokens handed out before mean nothing.
//
// The package knows records and tuples; it must not know any noun of the product, nor any engine.
package portable

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// Bounds and names of the format.
const (
	// MaxLine is the length of the longest line, in bytes: a document with its key.
	MaxLine = 16 << 20
	// Format is the version that is written, and the earlier ones are read too: 2 has no times at which tuples
	// were written, and 1 has neither data formats nor parts.
	Format = 3
	// Untimed is the format before, for files that an older version of the program may have to read.
	Untimed = 2
	// TuplesPart is the name of the part that holds all tuples. No collection may have it.
	TuplesPart = "tuples"
	// Marker is the collection in which an import under way remembers how far it has come. No other
	// collection may have this name.
	Marker = "import_marker"
)

// Summary says what a file holds.
type Summary struct {
	At          time.Time // when it was written
	Collections []string
	Data        Formats
	Docs        int64
	Tuples      int64
	Parts       []Part // one for each collection, in order, and one for the tuples
	SHA256      string // of the file; lower-case hexadecimal
	Kept        int64  // documents that Exported.Earlier had already
}

// Formats are the data formats in which the documents are: the oldest and the newest.
type Formats [2]int

// Part is how much there is of something, and a digest of it.
type Part struct {
	Name   string `json:"name"`
	Count  int64  `json:"count"`
	SHA256 string `json:"sha256"`
}

// Progress hears how much has been done; total is 0 where nobody knows. It must not block for long.
type Progress func(step string, done, total int64)

// line is one line: exactly one member is set.
type line struct {
	Header *header `json:"cardea,omitzero"`
	Doc    *doc    `json:"doc,omitzero"`
	Tuple  *tuple  `json:"tuple,omitzero"`
	End    *end    `json:"end,omitzero"`
}

type header struct {
	Format      int       `json:"format"`
	At          time.Time `json:"at"`
	Data        Formats   `json:"data,omitzero"`
	Collections []string  `json:"collections"`
}

type doc struct {
	Collection string         `json:"collection"`
	Tenant     id.Tenant      `json:"tenant"`
	ID         string         `json:"id"`
	Version    int64          `json:"version"`
	Expires    time.Time      `json:"expires,omitzero"`
	Body       jsontext.Value `json:"body"`
}

type tuple struct {
	Tenant    id.Tenant `json:"tenant"`
	Store     string    `json:"store,omitzero"`
	Object    [2]string `json:"object"`
	Relation  string    `json:"relation"`
	Subject   [3]string `json:"subject"`            // type, id, relation
	Condition [2]string `json:"condition,omitzero"` // name, context
	Expires   time.Time `json:"expires,omitzero"`
	Written   time.Time `json:"written,omitzero"`
}

func (t *tuple) store() store.TupleStore { return store.TupleStore{Tenant: t.Tenant, ID: t.Store} }

type end struct {
	Docs   int64  `json:"docs"`
	Tuples int64  `json:"tuples"`
	Parts  []Part `json:"parts,omitzero"`
	SHA256 string `json:"sha256"` // the last member
}

func (d *doc) record() store.Record {
	return store.Record{
		Key:     store.Key{Tenant: d.Tenant, Collection: d.Collection, ID: d.ID},
		Version: d.Version, Expires: d.Expires, Body: d.Body,
	}
}

func (t *tuple) tuple() store.Tuple {
	return store.Tuple{
		Object: store.ObjectRef{Type: t.Object[0], ID: t.Object[1]}, Relation: t.Relation,
		Subject:   store.SubjectRef{Type: t.Subject[0], ID: t.Subject[1], Relation: t.Subject[2]},
		Condition: store.TupleCondition{Name: t.Condition[0], Context: t.Condition[1]}, Expires: t.Expires, Written: t.Written,
	}
}

// key is by what the lines of a file are ordered; texts compare by their bytes.
type key [8]string

func (d *doc) key() key { return key{d.Collection, string(d.Tenant), d.ID} }

func (t *tuple) key() key {
	return key{string(t.Tenant), t.Store, t.Object[0], t.Object[1], t.Relation, t.Subject[0], t.Subject[1], t.Subject[2]}
}

// bad is the error about a file. It never repeats what stands in the file.
func bad(line int64, format string, args ...any) error {
	e := errs.New(errs.Invalid, "invalid_export", format, args...)
	e.Text = "The file cannot be used, line " + number(line) + ": " + e.Text + "."
	return e
}

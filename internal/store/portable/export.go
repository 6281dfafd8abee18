package portable

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/store"
)

// Source is what Export reads: any engine.
type Source interface {
	Export(ctx context.Context, collection string, yield func(store.Record) error) error
	TupleStores(ctx context.Context) ([]store.TupleStore, error)
	Snapshot(ctx context.Context, s store.TupleStore, yield func(store.Tuple) error) (uint64, error)
}

// Exported says what is exported and how. Schemas and At are required.
type Exported struct {
	Schemas  []store.Schema
	At       time.Time
	Data     Formats  // of the documents; zero is the first
	Format   int      // of the file: Format, which is 0 too, or Untimed, which leaves the times of tuples out
	Progress Progress // nil: nobody looks
	// Earlier is what an Export that was interrupted has written, as far as it has come; nil if nothing. An
	// Outliner is not asked again for what stands there and is still so. Other sources give everything anew.
	Earlier io.Reader
}

// Export writes everything in src to w, of one moment if src is. A file without its last line counts as
// nothing but Earlier of another Export.
func Export(ctx context.Context, src Source, e Exported, w io.Writer) (Summary, error) {
	x := newWriter(w, e.Progress)
	if e.Earlier != nil {
		x.earlier = newEarlier(e.Earlier, e.Schemas)
	}
	if x.format = e.Format; x.format == 0 {
		x.format = Format
	}
	s := Summary{At: e.At.UTC().Truncate(time.Millisecond), Data: e.Data}
	if s.Data == (Formats{}) {
		s.Data = Formats{1, 1}
	}
	for _, c := range e.Schemas {
		if c.Name != store.OutboxCollection && c.Name != Marker {
			s.Collections = append(s.Collections, c.Name)
		}
	}
	slices.Sort(s.Collections)
	if err := x.write(line{Header: &header{Format: x.format, At: s.At, Data: s.Data, Collections: s.Collections}}); err != nil {
		return Summary{}, err
	}
	for _, c := range s.Collections {
		x.parts.begin(c)
		if err := x.collection(ctx, src, c); err != nil {
			return Summary{}, fmt.Errorf("exporting collection %s: %w", c, err)
		}
	}
	for _, p := range x.parts.all {
		s.Docs += p.Count
	}
	s.Kept = x.kept
	n, err := x.tuples(ctx, src)
	if err != nil {
		return Summary{}, fmt.Errorf("exporting tuples: %w", err)
	}
	x.parts.close()
	s.Tuples, s.Parts, s.SHA256 = n, x.parts.all, x.digest()
	err = x.write(line{End: &end{Docs: s.Docs, Tuples: s.Tuples, Parts: s.Parts, SHA256: s.SHA256}})
	return s, errors.Join(err, x.flush())
}

// tuples writes the tuples of all stores and returns how many there are.
func (x *writer) tuples(ctx context.Context, src Source) (n int64, err error) {
	stores, err := orderedStores(ctx, src)
	if err != nil {
		return 0, err
	}
	x.parts.begin(TuplesPart)
	for _, t := range stores {
		if _, err := src.Snapshot(ctx, t, func(u store.Tuple) error { n++; return x.tuple(t, u) }); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func orderedStores(ctx context.Context, src Source) ([]store.TupleStore, error) {
	stores, err := src.TupleStores(ctx)
	slices.SortFunc(stores, func(a, b store.TupleStore) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID))
	})
	return stores, err
}

// writer writes lines and takes their digest.
type writer struct {
	out    *bufio.Writer
	sum    hash.Hash
	format int
	parts  parts
	show   Progress

	earlier *earlier // nil: there was none
	kept    int64    // documents that came from there
}

func newWriter(w io.Writer, show Progress) *writer {
	if show == nil {
		show = func(string, int64, int64) {}
	}
	return &writer{out: bufio.NewWriterSize(w, 1<<16), sum: sha256.New(), show: show}
}

// collection writes the documents of one collection.
func (x *writer) collection(ctx context.Context, src Source, name string) error {
	if o, ok := src.(Outliner); ok && x.earlier != nil {
		return x.goOn(ctx, o, name)
	}
	return src.Export(ctx, name, x.doc)
}

func (x *writer) doc(r store.Record) error {
	d := docOf(r)
	x.parts.doc(d)
	x.tell()
	return x.write(line{Doc: d})
}

func docOf(r store.Record) *doc {
	return &doc{
		Collection: r.Collection, Tenant: r.Tenant, ID: r.ID, Version: r.Version, Expires: r.Expires, Body: jsontext.Value(r.Body),
	}
}

func (x *writer) tuple(t store.TupleStore, u store.Tuple) error {
	l := tupleOf(t, u)
	if x.format < Format {
		l.Written = time.Time{}
	}
	x.parts.tuple(l)
	x.tell()
	return x.write(line{Tuple: l})
}

func tupleOf(t store.TupleStore, u store.Tuple) *tuple {
	return &tuple{
		Tenant: t.Tenant, Store: t.ID, Object: [2]string{u.Object.Type, u.Object.ID}, Relation: u.Relation,
		Subject:   [3]string{u.Subject.Type, u.Subject.ID, u.Subject.Relation},
		Condition: [2]string{u.Condition.Name, u.Condition.Context}, Expires: u.Expires, Written: u.Written,
	}
}

// tellEvery is after how many lines somebody hears of it.
const tellEvery = 500

func (x *writer) tell() {
	if now := x.parts.all[len(x.parts.all)-1]; now.Count%tellEvery == 1 {
		x.show("exporting "+now.Name, now.Count, 0)
	}
}

func (x *writer) write(l line) error {
	b, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("writing a line: %w", err)
	}
	if b = append(b, '\n'); len(b) > MaxLine {
		return errors.New("portable: a document is longer than a line may be")
	}
	x.sum.Write(b)
	if _, err := x.out.Write(b); err != nil {
		return fmt.Errorf("writing a line: %w", err)
	}
	return nil
}

func (x *writer) digest() string { return hex.EncodeToString(x.sum.Sum(nil)) }

func (x *writer) flush() error { return x.out.Flush() }

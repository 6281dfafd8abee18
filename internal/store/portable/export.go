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

// Export writes everything in src to w. Each collection is of one moment, but not all of the same
// one: for a file that is consistent as a whole, export from an engine that nobody writes to, such
// as one opened on a Backup. A file without its last line is worthless, so w must be kept only if
// Export succeeds.
func Export(ctx context.Context, src Source, schemas []store.Schema, at time.Time, w io.Writer) (Summary, error) {
	x := newWriter(w)
	s := Summary{At: at.UTC().Truncate(time.Millisecond)}
	for _, c := range schemas {
		if c.Name != store.OutboxCollection && c.Name != Marker {
			s.Collections = append(s.Collections, c.Name)
		}
	}
	slices.Sort(s.Collections)
	if err := x.write(line{Header: &header{Format: Format, At: s.At, Collections: s.Collections}}); err != nil {
		return Summary{}, err
	}
	for _, c := range s.Collections {
		if err := src.Export(ctx, c, func(r store.Record) error { s.Docs++; return x.doc(r) }); err != nil {
			return Summary{}, fmt.Errorf("exporting collection %s: %w", c, err)
		}
	}
	stores, err := src.TupleStores(ctx)
	if err != nil {
		return Summary{}, fmt.Errorf("exporting tuples: %w", err)
	}
	slices.SortFunc(stores, func(a, b store.TupleStore) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID))
	})
	for _, t := range stores {
		if _, err := src.Snapshot(ctx, t, func(u store.Tuple) error { s.Tuples++; return x.tuple(t, u) }); err != nil {
			return Summary{}, fmt.Errorf("exporting tuples: %w", err)
		}
	}
	s.SHA256 = x.digest()
	err = x.write(line{End: &end{Docs: s.Docs, Tuples: s.Tuples, SHA256: s.SHA256}})
	return s, errors.Join(err, x.flush())
}

// writer writes lines and takes their digest.
type writer struct {
	out *bufio.Writer
	sum hash.Hash
}

func newWriter(w io.Writer) *writer {
	return &writer{out: bufio.NewWriterSize(w, 1<<16), sum: sha256.New()}
}

func (x *writer) doc(r store.Record) error {
	return x.write(line{Doc: &doc{
		Collection: r.Collection, Tenant: r.Tenant, ID: r.ID, Version: r.Version, Expires: r.Expires, Body: jsontext.Value(r.Body),
	}})
}

func (x *writer) tuple(t store.TupleStore, u store.Tuple) error {
	return x.write(line{Tuple: &tuple{
		Tenant: t.Tenant, Store: t.ID, Object: [2]string{u.Object.Type, u.Object.ID}, Relation: u.Relation,
		Subject:   [3]string{u.Subject.Type, u.Subject.ID, u.Subject.Relation},
		Condition: [2]string{u.Condition.Name, u.Condition.Context}, Expires: u.Expires,
	}})
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

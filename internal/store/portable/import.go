package portable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// Target is where Import writes: any engine.
type Target interface {
	Source
	Ensure(ctx context.Context, schemas []store.Schema) error
	Get(ctx context.Context, k store.Key) (store.Record, error)
	Commit(ctx context.Context, w store.Write) (store.Receipt, error)
}

// Bounds of one commit of an import: one document is the marker.
const (
	maxDocs  = store.MaxDocs - 1
	maxBytes = 4 << 20
)

// marker is the document that says how far an import has come. It is written in the same batch as
// the lines that it counts, and removed by Finish.
type marker struct {
	Lines int64  `json:"lines"` // read and written
	File  string `json:"file"`  // digest of the whole file
}

func markerKey() store.Key {
	return store.Key{Tenant: id.System, Collection: Marker, ID: "current"}
}

func markerSchema() []store.Schema { return []store.Schema{{Name: Marker}} }

// Unfinished reports whether an import into dst was begun and not finished. Such a store must not be
// served: half of its data is missing, or what should have ended has not. Importing the same file again finishes it.
func Unfinished(ctx context.Context, dst Target) (bool, error) {
	if err := dst.Ensure(ctx, markerSchema()); err != nil {
		return false, err
	}
	_, err := dst.Get(ctx, markerKey())
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Finish has dst be finished: whatever had to be done to what was imported is done.
func Finish(ctx context.Context, dst Target, now time.Time) error {
	r, err := dst.Get(ctx, markerKey())
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	at := now.UTC().Truncate(time.Millisecond)
	_, err = dst.Commit(ctx, store.Write{
		ID: id.NewRow(at), At: at, Tenant: id.System, Docs: []store.Op{{Kind: store.DeleteOp, Key: markerKey(), Version: r.Version}},
	})
	return err
}

// Intake says how a file is imported. Schemas and Now are required.
type Intake struct {
	Schemas  []store.Schema
	Now      func() time.Time
	Fits     func(Formats) error // refuses data formats that cannot be read; nil accepts all
	Progress Progress            // nil: nobody looks
}

// Import reads a file that Export wrote into dst, which must be empty. The file is read twice before it counts: a
// file that is not right from the first line to the last changes nothing. Then what lies in dst is
// compared with it. Killed half-way, the store is Unfinished, and Import of the same file goes on where it
// stopped. It stays Unfinished until Finish is called.
func Import(ctx context.Context, dst Target, i Intake, file io.ReadSeeker) (Summary, error) {
	if i.Progress == nil {
		i.Progress = func(string, int64, int64) {}
	}
	i.Progress("reading the file", 0, 1)
	summary, err := i.verify(file)
	if err != nil {
		return Summary{}, err
	}
	if err := rewind(file); err != nil {
		return Summary{}, err
	}
	if err := dst.Ensure(ctx, append(markerSchema(), i.Schemas...)); err != nil {
		return Summary{}, fmt.Errorf("preparing the store: %w", err)
	}
	l := &loader{dst: dst, intake: i, reader: newReader(file, i.Schemas), total: summary.Docs + summary.Tuples, mark: marker{File: summary.SHA256}}
	if err := l.prepare(ctx); err != nil {
		return Summary{}, err
	}
	if err := l.load(ctx); err != nil {
		return Summary{}, err
	}
	return summary, i.compare(ctx, dst, file)
}

func (i Intake) verify(file io.ReadSeeker) (Summary, error) {
	if err := rewind(file); err != nil {
		return Summary{}, err
	}
	summary, err := Verify(file, i.Schemas)
	if err == nil && i.Fits != nil {
		err = i.Fits(summary.Data)
	}
	return summary, err
}

func rewind(file io.Seeker) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("reading the file: %w", err)
	}
	return nil
}

// compareWithin is longer than a comparison takes: what expires within it may be gone at its end.
const compareWithin = time.Hour

// compare reads from dst all that the file holds, and finds each part the same. What expires meanwhile is
// left out on both sides.
func (i Intake) compare(ctx context.Context, dst Target, file io.ReadSeeker) error {
	until := i.Now().Add(compareWithin)
	if err := rewind(file); err != nil {
		return err
	}
	x := newReader(file, i.Schemas)
	x.parts.until = until
	for {
		if _, err := x.next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	there := parts{until: until}
	for n, c := range x.summary.Collections {
		i.Progress("comparing", int64(n), int64(len(x.summary.Collections)+1))
		there.begin(c)
		if err := dst.Export(ctx, c, func(r store.Record) error { there.doc(docOf(r)); return nil }); err != nil {
			return fmt.Errorf("comparing collection %s: %w", c, err)
		}
	}
	stores, err := orderedStores(ctx, dst)
	there.begin(TuplesPart)
	for _, t := range stores {
		if err == nil {
			_, err = dst.Snapshot(ctx, t, func(u store.Tuple) error { there.tuple(tupleOf(t, u)); return nil })
		}
	}
	if err != nil {
		return fmt.Errorf("comparing tuples: %w", err)
	}
	there.close()
	for n, want := range x.summary.Parts {
		if there.all[n] != want {
			return fmt.Errorf("the import is not what the file holds: %s has %d of %d records, or others; start with an empty store", want.Name, there.all[n].Count, want.Count)
		}
	}
	return nil
}

// loader writes lines in batches of one tenant.
type loader struct {
	dst    Target
	intake Intake
	reader *reader
	total  int64  // lines with something in them
	mark   marker // as of the last line that is pending

	version int64 // of the stored marker; 0 before it is inserted
	pending store.Write
	bytes   int
}

// prepare finds out whether the store is empty, or an import of this file is to go on.
func (l *loader) prepare(ctx context.Context) error {
	r, err := l.dst.Get(ctx, markerKey())
	if errors.Is(err, store.ErrNotFound) {
		return l.mustBeEmpty(ctx)
	}
	if err != nil {
		return fmt.Errorf("looking for an import under way: %w", err)
	}
	var m marker
	if err := json.Unmarshal(r.Body, &m); err != nil {
		return fmt.Errorf("looking for an import under way: %w", err)
	}
	if m.File != l.mark.File {
		return errs.New(errs.Precondition, "import_unfinished", "Another file was being imported; finish that or start with an empty store.")
	}
	l.version = r.Version
	for l.reader.lines < m.Lines {
		if _, err := l.reader.next(); err != nil {
			return err
		}
	}
	return nil
}

var errFull = errors.New("portable: something is there")

func (l *loader) mustBeEmpty(ctx context.Context) error {
	for _, s := range l.intake.Schemas {
		if err := l.dst.Export(ctx, s.Name, func(store.Record) error { return errFull }); err != nil {
			return notEmpty(err)
		}
	}
	stores, err := l.dst.TupleStores(ctx)
	if err == nil && len(stores) > 0 {
		err = errFull
	}
	return notEmpty(err)
}

func notEmpty(err error) error {
	if errors.Is(err, errFull) {
		return errs.New(errs.Precondition, "store_not_empty", "Only an empty store can be imported into.")
	}
	if err != nil {
		return fmt.Errorf("looking whether the store is empty: %w", err)
	}
	return nil
}

func (l *loader) load(ctx context.Context) error {
	for {
		next, err := l.reader.next()
		if errors.Is(err, io.EOF) {
			return l.flush(ctx)
		}
		if err == nil && !l.fits(next) {
			err = l.flush(ctx)
		}
		if err == nil {
			err = l.add(next)
		}
		if err != nil {
			return err
		}
	}
}

// fits reports whether a line may join what is pending.
func (l *loader) fits(next line) bool {
	docs, tuples := len(l.pending.Docs), len(l.pending.Tuples)
	if docs+tuples == 0 {
		return true
	}
	if next.Doc != nil {
		return tuples == 0 && docs < maxDocs && next.Doc.Tenant == l.pending.Tenant && l.bytes+len(next.Doc.Body) <= maxBytes
	}
	return docs == 0 && tuples < store.MaxTuples && next.Tuple.store() == l.pending.InTuples()
}

func (l *loader) add(next line) error {
	l.mark.Lines = l.reader.lines
	if next.Tuple != nil {
		l.pending.Tenant, l.pending.TupleStore = next.Tuple.Tenant, next.Tuple.Store
		l.pending.Tuples = append(l.pending.Tuples, store.WriteTuple(next.Tuple.tuple()))
		return nil
	}
	r := next.Doc.record()
	op := store.Op{Kind: store.InsertOp, Key: r.Key, Expires: r.Expires, Body: r.Body}
	if derive := l.reader.schema(r.Collection).Derive; derive != nil {
		var err error
		if op.Columns, err = derive(r); err != nil {
			return fmt.Errorf("reading line %d: %w", l.reader.lines, err)
		}
	}
	l.pending.Tenant = r.Tenant
	l.pending.Docs = append(l.pending.Docs, op)
	l.bytes += len(r.Body)
	return nil
}

// flush writes what is pending together with the marker.
func (l *loader) flush(ctx context.Context) error {
	if len(l.pending.Docs)+len(l.pending.Tuples) == 0 && l.version > 0 {
		return nil
	}
	op := store.Op{Kind: store.ReplaceOp, Key: markerKey(), Version: l.version}
	if l.version == 0 {
		op.Kind = store.InsertOp
	}
	var err error
	if op.Body, err = json.Marshal(l.mark); err != nil {
		return err
	}
	l.pending.Docs = append(l.pending.Docs, op)
	l.pending.At = l.intake.Now().UTC().Truncate(time.Millisecond)
	l.pending.ID = id.NewRow(l.pending.At)
	// Where the outcome is unknown, so is whether the marker moved: importing again finds out.
	if _, err := l.dst.Commit(ctx, l.pending); err != nil {
		return fmt.Errorf("writing up to line %d: %w", l.mark.Lines, err)
	}
	l.version++
	l.pending, l.bytes = store.Write{}, 0
	l.intake.Progress("importing", min(l.mark.Lines, l.total), l.total)
	return nil
}

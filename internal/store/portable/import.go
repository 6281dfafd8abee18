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
	Ensure(ctx context.Context, schemas []store.Schema) error
	Export(ctx context.Context, collection string, yield func(store.Record) error) error
	TupleStores(ctx context.Context) ([]store.TupleStore, error)
	Get(ctx context.Context, k store.Key) (store.Record, error)
	Commit(ctx context.Context, w store.Write) (store.Receipt, error)
}

// Bounds of one commit of an import: one document is the marker.
const (
	maxDocs  = store.MaxDocs - 1
	maxBytes = 4 << 20
)

// marker is the document that says how far an import has come. It is written in the same batch as
// the lines that it counts, and removed with the last ones.
type marker struct {
	Lines int64  `json:"lines"` // read and written
	File  string `json:"file"`  // digest of the whole file
}

func markerKey() store.Key {
	return store.Key{Tenant: id.System, Collection: Marker, ID: "current"}
}

func markerSchema() []store.Schema { return []store.Schema{{Name: Marker}} }

// Unfinished reports whether an import into dst was begun and not finished. Such a store must not be
// served: half of its data is missing. Importing the same file again finishes it.
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

// Import reads a file that Export wrote into dst, which must be empty. The file is read twice: a
// file that is not right from the first line to the last changes nothing. Killed half-way, the store
// is Unfinished, and Import of the same file goes on where it stopped.
func Import(ctx context.Context, dst Target, schemas []store.Schema, now func() time.Time, file io.ReadSeeker) (Summary, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return Summary{}, fmt.Errorf("reading the file: %w", err)
	}
	summary, err := Verify(file, schemas)
	if err != nil {
		return Summary{}, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return Summary{}, fmt.Errorf("reading the file: %w", err)
	}
	if err := dst.Ensure(ctx, append(markerSchema(), schemas...)); err != nil {
		return Summary{}, fmt.Errorf("preparing the store: %w", err)
	}
	l := &loader{dst: dst, now: now, reader: newReader(file, schemas), schemas: schemas, mark: marker{File: summary.SHA256}}
	if err := l.prepare(ctx); err != nil {
		return Summary{}, err
	}
	return summary, l.load(ctx)
}

// loader writes lines in batches of one tenant.
type loader struct {
	dst     Target
	now     func() time.Time
	reader  *reader
	schemas []store.Schema
	mark    marker // as of the last line that is pending

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
	for _, s := range l.schemas {
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
			return l.flush(ctx, true)
		}
		if err == nil && !l.fits(next) {
			err = l.flush(ctx, false)
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

// flush writes what is pending together with the marker; the last flush removes the marker. A file
// that fits into one batch never has one.
func (l *loader) flush(ctx context.Context, last bool) error {
	op, err := l.markerOp(last)
	if err != nil {
		return err
	}
	if op.Kind != 0 {
		l.pending.Docs = append(l.pending.Docs, op)
	}
	if len(l.pending.Docs)+len(l.pending.Tuples) == 0 {
		return nil
	}
	l.pending.At = l.now().UTC().Truncate(time.Millisecond)
	l.pending.ID = id.NewRow(l.pending.At)
	// Where the outcome is unknown, so is whether the marker moved: importing again finds out.
	if _, err := l.dst.Commit(ctx, l.pending); err != nil {
		return fmt.Errorf("writing up to line %d: %w", l.mark.Lines, err)
	}
	l.version++
	l.pending, l.bytes = store.Write{}, 0
	return nil
}

// markerOp is the zero Op where no marker is needed.
func (l *loader) markerOp(last bool) (store.Op, error) {
	op := store.Op{Key: markerKey(), Version: l.version}
	switch {
	case last && l.version == 0:
		return store.Op{}, nil
	case last:
		op.Kind = store.DeleteOp
		return op, nil
	case l.version == 0:
		op.Kind = store.InsertOp
	default:
		op.Kind = store.ReplaceOp
	}
	var err error
	op.Body, err = json.Marshal(l.mark)
	return op, err
}

package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/pause"
)

// Collection is all documents of one Kind, of all tenants. It can only be used through In.
type Collection[T any] struct {
	db   *DB
	kind Kind[T]
}

// NewCollection declares a kind to the DB.
func NewCollection[T any](db *DB, k Kind[T]) *Collection[T] {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.schemas = append(db.schemas, k.schema())
	return &Collection[T]{db: db, kind: k}
}

// In is the collection of one tenant.
func (c *Collection[T]) In(t id.Tenant) Scope[T] { return Scope[T]{c: c, tenant: t} }

// Scope is a collection inside a tenant: the second wall between tenants.
type Scope[T any] struct {
	c      *Collection[T]
	tenant id.Tenant
}

func (s Scope[T]) key(docID string) Key {
	return Key{Tenant: s.tenant, Collection: s.c.kind.Name, ID: docID}
}

// Get reads one document from the engine. NotFound if there is none or it has expired.
func (s Scope[T]) Get(ctx context.Context, docID string) (*T, error) {
	if docID == "" || !utf8.ValidString(docID) { // no engine keeps such an id
		return nil, errs.Missing(s.c.kind.Noun)
	}
	return s.got(ctx, docID, s.c.db.engine.Get)
}

// got reads a document in some way.
func (s Scope[T]) got(ctx context.Context, docID string, read func(context.Context, Key) (Record, error)) (*T, error) {
	r, err := read(ctx, s.key(docID))
	if err != nil {
		return nil, wrapEngine(err, s.c.kind.Noun)
	}
	if !r.Expires.IsZero() && !s.c.db.now().Before(r.Expires) {
		return nil, errs.Missing(s.c.kind.Noun)
	}
	return s.c.kind.decode(ctx, s.c.db.sealer, r)
}

// View reads one document through the cache. The document is shared: it must not be changed, and it
// may be as old as the last change that this node has heard of. A node that hears nothing of the
// others reads the engine.
func (s Scope[T]) View(ctx context.Context, docID string) (*T, error) {
	doc, err := s.ViewIf(ctx, docID)
	if doc == nil && err == nil {
		err = errs.Missing(s.c.kind.Noun)
	}
	return doc, err
}

// ViewIf is View, with nil where there is none. If the Kind keeps absence that is remembered too.
func (s Scope[T]) ViewIf(ctx context.Context, docID string) (*T, error) {
	if s.c.db.cache == nil || !s.c.db.Current() {
		return s.getIf(ctx, docID)
	}
	v, ok := s.c.db.cache.Peek(s.key(docID)) // what is nearly always so costs no closure
	if !ok {
		var err error
		if v, err = s.load(ctx, docID); err != nil {
			return nil, noneIfMissing(err)
		}
	}
	doc := v.(*T)
	if doc == nil {
		return nil, nil
	}
	if e := s.c.kind.Meta(doc).Expires; !e.IsZero() && !s.c.db.now().Before(e) {
		return nil, nil
	}
	return doc, nil
}

// getIf is Get, with nil where there is none.
func (s Scope[T]) getIf(ctx context.Context, docID string) (*T, error) {
	doc, err := s.Get(ctx, docID)
	return doc, noneIfMissing(err)
}

func noneIfMissing(err error) error {
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	return err
}

// maxAbsentID bounds the ids that are remembered to belong to nobody, in bytes: whoever asks chooses them.
const maxAbsentID = 256

func (s Scope[T]) load(ctx context.Context, docID string) (any, error) {
	return s.c.db.cache.Get(ctx, s.key(docID), func(ctx context.Context) (any, error) {
		doc, err := s.fetch(ctx, docID)
		if s.c.kind.KeepAbsence && len(docID) <= maxAbsentID {
			err = noneIfMissing(err)
		}
		return doc, err // an error is not kept
	})
}

// fetch is Get for the cache.
func (s Scope[T]) fetch(ctx context.Context, docID string) (*T, error) {
	if docID == "" || !utf8.ValidString(docID) {
		return nil, errs.Missing(s.c.kind.Noun)
	}
	return s.got(ctx, docID, s.c.db.record)
}

// GetMany reads the documents with the given ids; those that do not exist are left out.
func (s Scope[T]) GetMany(ctx context.Context, ids []string) (map[string]*T, error) {
	keys := make([]Key, 0, len(ids))
	for _, docID := range ids {
		if docID != "" && utf8.ValidString(docID) {
			keys = append(keys, s.key(docID))
		}
	}
	records, err := s.c.db.engine.GetMany(ctx, keys)
	if err != nil {
		return nil, wrapEngine(err, s.c.kind.Noun)
	}
	out := make(map[string]*T, len(records))
	for _, r := range records {
		if out[r.ID], err = s.c.kind.decode(ctx, s.c.db.sealer, r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Insert is the operation that adds doc. Meta.ID must be set; Meta.Expires may be.
func (s Scope[T]) Insert(ctx context.Context, doc *T) DocOp { return s.insert(ctx, doc) }

func (s Scope[T]) insert(ctx context.Context, doc *T) DocOp { return s.write(ctx, InsertOp, doc) }

// Replace is the operation that replaces doc, if it still has the version in which it was read.
func (s Scope[T]) Replace(ctx context.Context, doc *T) DocOp { return s.write(ctx, ReplaceOp, doc) }

// Delete is the operation that deletes doc, if it still has the version in which it was read.
func (s Scope[T]) Delete(doc *T) DocOp { return s.bare(DeleteOp, doc) }

// Check is the operation that changes nothing but fails if doc has another version than was read.
// It must not be used on documents that many requests share.
func (s Scope[T]) Check(doc *T) DocOp { return s.bare(CheckOp, doc) }

func (s Scope[T]) bare(kind OpKind, doc *T) DocOp {
	meta := s.c.kind.Meta(doc)
	return DocOp{op: Op{Kind: kind, Key: s.key(meta.ID), Version: meta.Version}}
}

func (s Scope[T]) write(ctx context.Context, kind OpKind, doc *T) DocOp {
	meta := s.c.kind.Meta(doc)
	if meta.ID == "" {
		return DocOp{err: errs.Wrap(errs.Internal, errors.New("store: "+s.c.kind.Name+" without an id"), "", "Something went wrong on our side.")}
	}
	format, err := s.c.db.format(ctx)
	if err != nil {
		return DocOp{err: err}
	}
	body, columns, err := s.c.kind.encode(ctx, s.c.db.sealer, s.tenant, format, doc)
	if err == nil && !(utf8.ValidString(meta.ID) && validTexts(columns)) {
		err = errs.Wrap(errs.Internal, errors.New("store: "+s.c.kind.Name+" with text that is not UTF-8"), "", "Something went wrong on our side.")
	}
	return DocOp{err: err, op: Op{
		Kind: kind, Key: s.key(meta.ID), Version: meta.Version,
		Expires: meta.Expires.UTC().Truncate(time.Millisecond), Body: body, Columns: columns,
		Tell: kind == InsertOp && s.c.kind.KeepAbsence,
	}}
}

// How often Update tries, and between which bounds its random pauses grow. Together they are about
// a second, in which a few hundred writers of one document get their turn.
const (
	updateTries   = 10
	firstPause    = 4 * time.Millisecond
	greatestPause = 512 * time.Millisecond
)

// Update reads a document, lets change alter it and say what else belongs to the batch, and commits
// both; when the document was changed meanwhile it starts again, up to ten times. change may be
// called more than once and must not keep anything.
func (s Scope[T]) Update(ctx context.Context, docID string, change func(*T) (Batch, error)) (*T, error) {
	for try := 1; ; try++ {
		doc, err := s.Get(ctx, docID)
		if err != nil {
			return nil, err
		}
		batch, err := change(doc)
		if err != nil {
			return nil, err
		}
		batch.Docs = append([]DocOp{s.Replace(ctx, doc)}, batch.Docs...)
		_, err = s.c.db.Commit(ctx, batch)
		if err == nil {
			s.c.kind.Meta(doc).Version++
			return doc, nil
		}
		if errs.CodeOf(err) != "changed_meanwhile" || try == updateTries {
			return nil, err
		}
		if err := pause.For(ctx, rand.N(min(firstPause<<try, greatestPause))); err != nil {
			return nil, wrapEngine(err, s.c.kind.Noun)
		}
	}
}

// validTexts reports whether all texts are UTF-8: other engines than SQLite keep nothing else.
func validTexts(values []Value) bool {
	return !slices.ContainsFunc(values, func(v Value) bool { return !utf8.ValidString(v.Text) })
}

// index is a declared index, or false.
func (k Kind[T]) index(name string) (Index, bool) {
	if name == PrimaryIndex {
		return Index{Name: PrimaryIndex}, true
	}
	i := slices.IndexFunc(k.Indexes, func(x Index) bool { return x.Name == name })
	if i < 0 {
		return Index{}, false
	}
	return k.Indexes[i], true
}

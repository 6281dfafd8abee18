package store

import (
	"context"
	"errors"
	"math"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

// Formats says in which data format this node writes.
type Formats interface {
	// Writes is that format. An error means that the node does not know it for certain and must write
	// nothing, or that there is one that it cannot write.
	Writes(ctx context.Context) (int, error)
	// Complete is the format in which all documents are, or a newer one.
	Complete() int
}

// newestFormat is above all formats.
const newestFormat = math.MaxInt

// WriteIn has documents written in the format that f says. Without it they are written in the newest
// that this program knows.
func (db *DB) WriteIn(f Formats) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.formats = f
}

// format is in what this node writes.
func (db *DB) format(ctx context.Context) (int, error) {
	db.mu.Lock()
	f := db.formats
	db.mu.Unlock()
	if f == nil {
		return newestFormat, nil
	}
	n, err := f.Writes(ctx)
	if err != nil {
		return 0, errs.Busy(retryAfter, err, "store_unavailable", "The database does not answer just now.")
	}
	return n, nil
}

// askable refuses an index that some documents may not be in, or not as they are.
func (db *DB) askable(x Index) error {
	db.mu.Lock()
	f := db.formats
	db.mu.Unlock()
	if x.Since == 0 || f == nil || x.Since <= f.Complete() {
		return nil
	}
	return errs.Busy(retryAfter, nil, "upgrade_unfinished", "This cannot be asked until the upgrade of the database is finalised.")
}

// Outdated yields the keys of all live documents of a collection that are not written as they are in a
// data format.
func Outdated(ctx context.Context, k Keeper, s Schema, format int, yield func(Key) error) error {
	if len(s.Forms) == 0 {
		return nil
	}
	return k.Export(ctx, s.Name, func(r Record) error {
		_, changed, err := reform(s.Forms, r.Body, format)
		if err != nil || !changed {
			return err
		}
		return yield(r.Key)
	})
}

// Upgrade writes up to MaxDocs documents of a collection anew, as they are in a data format, and fills
// their columns. What they say stays the same, so it needs no permit and leaves no event. A document
// that somebody changes meanwhile is passed over.
func (db *DB) Upgrade(ctx context.Context, s Schema, format int, keys []Key) error {
	records, err := db.engine.GetMany(ctx, keys)
	if err != nil {
		return err
	}
	var ops []Op
	for _, r := range records {
		op, changed, err := upgrade(s, format, r)
		if err != nil {
			return err
		}
		if changed {
			ops = append(ops, op)
		}
	}
	err = db.rewrite(ctx, ops)
	if !errors.Is(err, ErrChanged) {
		return err
	}
	for i := range ops {
		if err := db.rewrite(ctx, ops[i:i+1]); err != nil && !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return nil
}

// upgrade is the operation that writes r anew, unless it is as it should be.
func upgrade(s Schema, format int, r Record) (op Op, changed bool, err error) {
	body, changed, err := reform(s.Forms, r.Body, format)
	if err != nil || !changed {
		return Op{}, false, err
	}
	op = Op{Kind: ReplaceOp, Key: r.Key, Version: r.Version, Expires: r.Expires, Body: body}
	r.Body = body
	op.Columns, err = s.Derive(r)
	return op, true, err
}

func (db *DB) rewrite(ctx context.Context, ops []Op) error {
	if len(ops) == 0 {
		return nil
	}
	w := Write{At: db.Now(), Tenant: ops[0].Key.Tenant, Docs: ops}
	w.ID = id.NewRow(w.At)
	if _, err := db.engine.Commit(ctx, w); err != nil {
		return err
	}
	db.changedHere(w)
	db.dropAll(w)
	db.tell(w)
	return nil
}

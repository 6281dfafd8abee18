package portable

import (
	"bytes"
	"context"
	"io"
	"slices"

	"github.com/cardea-auth/cardea/internal/store"
)

// Outliner is a Source that can say what its documents are for less than it costs to give them.
type Outliner interface {
	Source
	// Outline yields every record that Export would yield, in the same order, without its body.
	Outline(ctx context.Context, collection string, yield func(store.Outline) error) error
	// GetMany returns those among keys that are there, in no particular order.
	GetMany(ctx context.Context, keys []store.Key) ([]store.Record, error)
}

// earlier is what an interrupted export has written, as far as it can be read. Nothing in it is believed that
// the source does not confirm, so it may be old, damaged, or of another database.
type earlier struct {
	in   *reader
	next *doc // the first that was not asked for yet; nil after the last
}

func newEarlier(r io.Reader, schemas []store.Schema) *earlier {
	e := &earlier{in: newReader(r, schemas)}
	e.advance()
	return e
}

func (e *earlier) advance() {
	l, err := e.in.next()
	if e.next = l.Doc; err != nil { // whether it ends there or is wrong from there on
		e.next = nil
	}
}

// body is that of a record, or nil if it is not there as the source has it now. It must be called in key order.
func (e *earlier) body(o store.Outline) []byte {
	want := docOf(o.Record).key()
	for e.next != nil {
		have := e.next.key()
		switch order := slices.Compare(have[:], want[:]); {
		case order > 0:
			return nil
		case order < 0:
			e.advance()
			continue
		}
		d := e.next
		if d.Version == o.Version && d.Expires.Equal(o.Expires) && len(o.Sum) > 0 && bytes.Equal(store.Sum(d.Version, d.Body), o.Sum) {
			return d.Body
		}
		return nil
	}
	return nil
}

// outlinePage is how many documents are held in memory at a time.
const outlinePage = 500

// goOn writes one collection: from what is there already what the source says is still so, and the rest from
// the source.
func (x *writer) goOn(ctx context.Context, src Outliner, collection string) error {
	page := make([]store.Record, 0, outlinePage)
	err := src.Outline(ctx, collection, func(o store.Outline) error {
		o.Body = x.earlier.body(o)
		if page = append(page, o.Record); len(page) < outlinePage {
			return nil
		}
		err := x.page(ctx, src, page)
		page = page[:0]
		return err
	})
	if err != nil {
		return err
	}
	return x.page(ctx, src, page)
}

// page writes documents in their order, those without a body as the source has them.
func (x *writer) page(ctx context.Context, src Outliner, page []store.Record) error {
	var lacking []store.Key
	for _, r := range page {
		if r.Body == nil {
			lacking = append(lacking, r.Key)
		}
	}
	found := map[store.Key]store.Record{}
	if len(lacking) > 0 {
		records, err := src.GetMany(ctx, lacking)
		if err != nil {
			return err
		}
		for _, r := range records {
			found[r.Key] = r
		}
	}
	for _, r := range page {
		if r.Body == nil {
			var there bool
			if r, there = found[r.Key]; !there {
				continue // it has expired since
			}
		} else {
			x.kept++
		}
		if err := x.doc(r); err != nil {
			return err
		}
	}
	return nil
}

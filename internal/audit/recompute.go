package audit

import (
	"context"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// events walks over the sealed events in the order of their numbers, until the size of the head.
func (v *verification) events(ctx context.Context) error {
	from, until := store.Int(1), store.Int(v.head.Size+1)
	q := store.Query{Index: store.EventsBySeq, From: &from, Until: &until, Request: page.Request{Limit: page.MaxLimit}}
	for {
		p, err := v.log.events.In(v.tenant).Find(ctx, q)
		if errs.Is(err, errs.Internal) { // a document that cannot be read was tampered with: find out which
			if q.Limit == 1 {
				v.wrong(v.tree.size+1, "Event "+number(v.tree.size+1)+" cannot be read.")
				return nil
			}
			q.Limit = 1
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range p.Items {
			ok, err := v.event(e)
			if err != nil || !ok {
				return err
			}
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			return nil
		}
	}
}

// event checks the next event and adds it to the tree; false ends the verification.
func (v *verification) event(e *store.EventRecord) (bool, error) {
	seq := v.tree.size + 1
	switch {
	case e.Seq != seq:
		v.wrong(seq, "Event "+number(seq)+" is missing, or another stands in its place.")
	case !e.Expires.IsZero() || len(e.Sealed) > 0 || !plainTime(e.At):
		v.wrong(seq, "Event "+number(seq)+" has members that no event has.")
	case erased(e):
		v.report.Erased++
		v.forgotten[e.Person] = seq
	case digest(e) != e.Digest:
		v.wrong(seq, "The personal part of event "+number(seq)+" was changed.")
	}
	if v.report.Problem != "" {
		return false, nil
	}
	v.explain(e)
	v.scratch = v.tree.add(leafHash(e), v.scratch[:0])
	v.report.Sealed = seq
	return v.compareStored(seq, v.scratch)
}

// plainTime reports whether t is as the store writes times. The leaf holds no more of a time.
func plainTime(t time.Time) bool {
	_, offset := t.Zone()
	return offset == 0 && t.Equal(t.Truncate(time.Millisecond))
}

// explain notes that everything of a person up to here may be gone, if e says so.
func (v *verification) explain(e *store.EventRecord) {
	if e.Kind == eventErased {
		delete(v.forgotten, e.ObjectID)
	}
}

// compareStored compares the hashes that event seq has completed with those that are stored, and the
// root with those that were signed for this size. A leaf that differs is an event that was changed,
// or its hash; the next root that was signed tells which.
func (v *verification) compareStored(seq int64, hashes []tlog.Hash) (bool, error) {
	ok, err := v.stored.match(hashes)
	if err != nil {
		return false, err
	}
	if !ok && v.stored.bad == 0 {
		v.stored.bad = seq
	}
	for _, m := range v.roots[seq] {
		if m.root == v.tree.root() {
			continue
		}
		if v.stored.bad != 0 {
			v.wrong(v.stored.bad, "Event "+number(v.stored.bad)+" was changed: the log differs from "+m.what+" of "+number(seq)+" events.")
		} else {
			v.wrong(v.lastGood()+1, "An event from "+number(v.lastGood()+1)+" to "+number(seq)+" was changed: the log differs from "+m.what+".")
		}
		return false, nil
	}
	if v.stored.bad != 0 && len(v.roots[seq]) > 0 {
		v.wrong(v.stored.bad, "A stored hash of the tree was changed at event "+number(v.stored.bad)+"; the events are as they were signed.")
		return false, nil
	}
	return true, nil
}

// lastGood is the size of the last signed root that the log agreed with.
func (v *verification) lastGood() int64 {
	last := int64(0)
	for size := range v.roots {
		if size < v.tree.size {
			last = max(last, size)
		}
	}
	return last
}

// storedHashes reads the stored hashes of the tree one after the other.
type storedHashes struct {
	ctx    context.Context // of one verification
	chunks store.Scope[chunk]
	next   int64 // index of the first hash that was not read
	now    []byte
	bad    int64 // number of the first event whose hashes differ
}

// match compares the next stored hashes.
func (s *storedHashes) match(hashes []tlog.Hash) (bool, error) {
	same := true
	for _, h := range hashes {
		at := int(s.next % chunkSize)
		if at == 0 || s.now == nil {
			c, err := s.chunks.Get(s.ctx, chunkID(s.next/chunkSize))
			switch {
			case errs.Is(err, errs.NotFound), errs.Is(err, errs.Internal):
				s.now = []byte{}
			case err != nil:
				return false, err
			default:
				s.now = c.Hashes
			}
		}
		s.next++
		at *= tlog.HashSize
		if at+tlog.HashSize > len(s.now) || tlog.Hash(s.now[at:at+tlog.HashSize]) != h {
			same = false
		}
	}
	return same, nil
}

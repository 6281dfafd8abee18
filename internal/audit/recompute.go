package audit

import (
	"context"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Reading ahead: most of the time of a verification goes into reading and decoding, which several
// cores can do at a time.
const (
	rangeSize = page.MaxLimit // how many numbers are read at once
	readAhead = 4             // how many ranges are read at the same time
)

// reading is a range of events on its way.
type reading struct {
	until  int64 // the number behind the last one
	events []*store.EventRecord
	err    error
	done   chan struct{}
}

// events walks over the sealed events in the order of their numbers, until the size of the head.
func (v *verification) events(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	var ahead []*reading
	for next := int64(1); next <= v.head.Size || len(ahead) > 0; {
		for ; len(ahead) < readAhead && next <= v.head.Size; next += rangeSize {
			r, from := &reading{until: min(next+rangeSize, v.head.Size+1), done: make(chan struct{})}, next
			ahead = append(ahead, r)
			all.Go(func() {
				defer close(r.done)
				r.events, r.err = v.read(ctx, from, r.until)
			})
		}
		<-ahead[0].done
		if ok, err := v.walk(ctx, ahead[0]); err != nil || !ok {
			return err
		}
		ahead = ahead[1:]
	}
	return nil
}

// read reads the events numbered from to until, without the latter. One too many shows as one that is
// missing in the next range.
func (v *verification) read(ctx context.Context, from, until int64) ([]*store.EventRecord, error) {
	low, high := store.Int(from), store.Int(until)
	p, err := v.log.events.In(v.tenant).Find(ctx, store.Query{
		Index: store.EventsBySeq, From: &low, Until: &high, Request: page.Request{Limit: rangeSize},
	})
	return p.Items, err
}

// walk checks a range; false ends the verification.
func (v *verification) walk(ctx context.Context, r *reading) (bool, error) {
	if errs.Is(r.err, errs.Internal) { // a document that cannot be read was tampered with: find out which
		return v.oneByOne(ctx, r.until)
	}
	if r.err != nil {
		return false, r.err
	}
	for _, e := range r.events {
		if ok, err := v.event(e); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// oneByOne checks the rest of a range, to find the event that cannot be read.
func (v *verification) oneByOne(ctx context.Context, until int64) (bool, error) {
	for seq := v.tree.size + 1; seq < until; seq++ {
		found, err := v.read(ctx, seq, seq+1)
		switch {
		case errs.Is(err, errs.Internal):
			v.wrong(seq, "Event "+number(seq)+" cannot be read.")
			return false, nil
		case err != nil:
			return false, err
		case len(found) == 0:
			v.wrong(seq, "Event "+number(seq)+" is missing.")
			return false, nil
		}
		if ok, err := v.event(found[0]); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
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

package index

import (
	"context"
	"errors"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// maxPast bounds how many changes are read to look back.
const maxPast = 100_000

// Past is the state at a revision that is over: the newest one with what was changed since taken back. A
// revision of before the log that is kept is Invalid, history_not_kept, and so is one that lies so far
// back that too much was changed since.
//
// The log says what was written, not what stood there before. A tuple that was written since is looked
// for in the log of before; where that does not reach back to the beginning and does not name it, it is
// taken to have been absent, and one that was deleted since to have had no condition. assumed counts those.
//
// Where the rules have foreign relations, own is the revision of the tenant's own store at that time, without which
// the past cannot be told (past_of_both).
func (x *Index) Past(ctx context.Context, s store.TupleStore, r Rules, revision, own uint64) (v graph.View, assumed int, err error) {
	foreign := r.Model.HasForeign()
	if foreign && own == 0 {
		return graph.View{}, 0, errs.New(errs.Unsupported, "past_of_both", "What a store that uses the built-in module answered in the past can only be told with the revision of the tenant's own tuples.")
	}
	view, err := x.Full(ctx, s, r)
	if err != nil {
		return view, 0, err
	}
	if view.Revision() < revision || foreign && view.Foreign() < own {
		return graph.View{}, 0, notKept()
	}
	if view.Revision() > revision {
		if x.of(s, r).graph().Partial() { // it may learn of what happened after the revision that was looked at
			return graph.View{}, 0, errLarge()
		}
		h := history{Index: x, store: s, accepts: r.Model.Accepts, with: graph.View.With}
		if view, assumed, err = h.takeBack(ctx, view, revision, view.Revision()); err != nil {
			return graph.View{}, 0, err
		}
	}
	if foreign && view.Foreign() > own {
		h := history{Index: x, store: store.OwnTuples(s.Tenant), accepts: r.Model.AcceptsForeign, with: graph.View.WithForeign}
		h.counts = func(t store.Tuple) bool { return r.Model.Foreign(t.Object.Type, t.Relation) }
		back := 0
		view, back, err = h.takeBack(ctx, view, own, view.Foreign())
		assumed += back
	}
	if err != nil {
		return graph.View{}, 0, err
	}
	return view, assumed, nil
}

// takeBack takes from a view what was changed after a revision, up to the one that it knows.
func (h history) takeBack(ctx context.Context, view graph.View, revision, until uint64) (v graph.View, assumed int, err error) {
	h.first = map[store.Tuple]store.TupleOp{}
	if err := h.read(ctx, revision, until); err != nil {
		return view, 0, err
	}
	whole, err := h.lookBack(ctx, revision)
	if err != nil {
		return view, 0, err
	}
	changes := make([]graph.Change, 0, len(h.first))
	for key, op := range h.first {
		before, known := h.before[key]
		switch {
		case known:
			op = before
		case op.Delete: // it was there; under which condition, nobody can say
			op.Delete = false
		default:
			op = store.TupleOp{Delete: true, Tuple: key}
		}
		if !known && !whole {
			assumed++
		}
		t := Tuple(op.Tuple)
		changes = append(changes, graph.Change{Tuple: t, Delete: op.Delete || h.accepts(t) != nil})
	}
	view, err = h.with(view, changes...)
	if errs.CodeOf(err) == "too_many_changes" {
		err = notKept()
	}
	return view, assumed, err
}

func notKept() error {
	return errs.New(errs.Invalid, "history_not_kept", "The tuples of that revision can no longer be told: it is too long ago, or too much was changed since.")
}

// history is what the log says of tuples that were changed since a revision.
type history struct {
	*Index
	store   store.TupleStore
	accepts func(graph.Tuple) error
	with    func(graph.View, ...graph.Change) (graph.View, error)
	counts  func(store.Tuple) bool // nil: all of them

	first  map[store.Tuple]store.TupleOp // the first change since
	before map[store.Tuple]store.TupleOp // the last change until then
}

func identity(t store.Tuple) store.Tuple {
	return store.Tuple{Object: t.Object, Relation: t.Relation, Subject: t.Subject}
}

// read notes the first changes after a revision, up to another.
func (h *history) read(ctx context.Context, since, until uint64) error {
	return h.walk(ctx, since, until, func(op store.TupleOp) {
		if key := identity(op.Tuple); h.first[key] == (store.TupleOp{}) {
			h.first[key] = op
		}
	})
}

// lookBack looks for the last changes up to a revision, as far as the log is kept. It reports whether that
// is from the beginning.
func (h *history) lookBack(ctx context.Context, revision uint64) (whole bool, err error) {
	h.before = map[store.Tuple]store.TupleOp{}
	err = h.walk(ctx, 0, revision, func(op store.TupleOp) {
		if key := identity(op.Tuple); h.first[key] != (store.TupleOp{}) {
			h.before[key] = op
		}
	})
	if errs.CodeOf(err) == "history_not_kept" {
		return false, nil
	}
	return err == nil, err
}

func (h *history) walk(ctx context.Context, since, until uint64, f func(store.TupleOp)) error {
	for read := 0; since < until; {
		changes, err := h.tuples.Changes(ctx, h.store, since, changesPage)
		if errors.Is(err, store.ErrTrimmed) {
			return notKept()
		}
		if err != nil {
			return Unavailable(err)
		}
		if read += len(changes); len(changes) == 0 {
			return nil
		} else if read > maxPast {
			return notKept()
		}
		for _, c := range changes {
			if since = c.Revision; since > until {
				return nil
			}
			if h.counts == nil || h.counts(c.Tuple) {
				f(c.TupleOp)
			}
		}
	}
	return nil
}

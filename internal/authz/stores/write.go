package stores

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/tuplekey"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// Write is tuples to be deleted and written, all or none.
type Write struct {
	Model   string // the version that judges what is written; empty: the one that is used
	Deletes []graph.Tuple
	Writes  []graph.Tuple
	// Without these a tuple that is to be written and is there already, or is to be deleted and is not
	// there, is refused (Conflict: tuple_exists, tuple_missing). With IgnoreDuplicates one that is there
	// under another condition or expiry still is (tuple_differs).
	IgnoreDuplicates bool
	IgnoreMissing    bool
	// Key makes the write happen once, however often it is sent within a day; empty for none. Another
	// write under the same key is refused (idempotency_key_reused).
	Key string
}

// MaxTuples bounds the tuples of one Write.
const MaxTuples = store.MaxTuples

// keepKeys is how long an idempotency key is remembered, maxKey how long it may be.
const (
	keepKeys = 24 * time.Hour
	maxKey   = 255
)

// done remembers a write by its key.
type done struct {
	store.Meta
	Digest string `json:"digest"` // of what was written
}

func doneKind() store.Kind[done] {
	return store.Kind[done]{
		Name: "authz_write", Noun: "write",
		Meta: func(d *done) *store.Meta { return &d.Meta },
	}
}

// WriteTuples deletes and writes tuples, all or none, and returns the revision that they made. When it
// returns, every question that is asked here knows of them.
func (s *Stores) WriteTuples(ctx context.Context, c access.Caller, storeID string, w Write) (uint64, error) {
	permit, err := s.guard.Allow(ctx, c, "authz.tuple.write", objectOf(storeID))
	if err != nil {
		return 0, err
	}
	doc, err := s.stores.In(c.Tenant()).View(ctx, storeID)
	if err != nil {
		return 0, missing(err, noStore())
	}
	if err := s.judge(ctx, c, doc, w); err != nil {
		return 0, err
	}
	p := pending{Stores: s, Write: w, permit: permit, in: tuplesOf(c.Tenant(), doc)}
	if p.once, err = w.once(storeID, s.db.Now()); err != nil {
		return 0, err
	}
	revision, err := p.commit(ctx)
	if err != nil {
		return 0, err
	}
	return revision, p.stillThere(ctx)
}

// judge refuses what must not be written.
func (s *Stores) judge(ctx context.Context, c access.Caller, doc *Store, w Write) error {
	if n := len(w.Deletes) + len(w.Writes); n == 0 {
		return errs.New(errs.Invalid, "nothing_to_write", "There is nothing to write and nothing to delete.")
	} else if n > MaxTuples {
		return errs.New(errs.Invalid, "too_many_tuples", "At most %d tuples can be written and deleted at once.", MaxTuples)
	}
	if err := w.distinct(); err != nil {
		return err
	}
	if len(w.Writes) == 0 {
		return nil // what an earlier model accepted can always be deleted
	}
	modelID, err := doc.choose(w.Model)
	if err != nil {
		return err
	}
	v, err := s.ready(ctx, c.Tenant(), doc.ID, modelID)
	if err != nil {
		return err
	}
	for i, t := range w.Writes {
		if err := accepts(v.rules.Model, t); err != nil {
			return at("writes", i, err)
		}
	}
	return nil
}

// at says which tuple is meant.
func at(list string, i int, err error) error {
	e := *errs.From(err)
	place := "/" + list + "/tuple_keys/" + strconv.Itoa(i)
	e.Text = place + ": " + e.Text
	if len(e.Fields) == 0 {
		e.Fields = []errs.Field{{Pointer: place, Rule: errs.Unnamed, Detail: "is refused"}}
	}
	return &e
}

func accepts(m *graph.Model, t graph.Tuple) error {
	if err := m.Accepts(t); err != nil {
		return err
	}
	if t.Subject.Relation == t.Relation && t.Subject.Type == t.Object.Type && t.Subject.ID == t.Object.ID {
		return errs.New(errs.Invalid, "implicit_tuple", "What the tuple says is so without it.")
	}
	return nil
}

// identity is what makes a tuple the one that it is.
func identity(t graph.Tuple) graph.Tuple {
	return graph.Tuple{Object: t.Object, Relation: t.Relation, Subject: t.Subject}
}

// distinct refuses a tuple that is named twice, and one that nobody could have written.
func (w Write) distinct() error {
	seen := make(map[graph.Tuple]bool, len(w.Deletes)+len(w.Writes))
	for _, part := range []struct {
		list string
		all  []graph.Tuple
	}{{"deletes", w.Deletes}, {"writes", w.Writes}} {
		for i, t := range part.all {
			if seen[identity(t)] {
				return at(part.list, i, errs.New(errs.Invalid, "duplicate_tuple", "A tuple is named twice in one request."))
			}
			seen[identity(t)] = true
			for _, name := range []string{t.Object.Type, t.Object.ID, t.Relation, t.Subject.Type, t.Subject.ID, t.Subject.Relation} {
				if len(name) > tuplekey.MaxID || !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
					return at(part.list, i, errs.New(errs.Invalid, "invalid_id", "A name or id is longer than %d bytes, or no text.", tuplekey.MaxID))
				}
			}
		}
	}
	return nil
}

// once is the document that makes a write with a key happen once, or nil without one.
func (w Write) once(storeID string, now time.Time) (*done, error) {
	if w.Key == "" {
		return nil, nil
	}
	if len(w.Key) > maxKey {
		return nil, errs.Bad("Idempotency-Key", "must not be longer than %d bytes", maxKey)
	}
	text, err := json.Marshal(w, json.Deterministic(true))
	if err != nil {
		return nil, errs.Wrap(errs.Internal, err, "", "Something went wrong on our side.")
	}
	name, digest := sha256.Sum256([]byte(storeID+" "+w.Key)), sha256.Sum256(text) // the store's id has a fixed length
	return &done{Meta: store.Meta{ID: hex.EncodeToString(name[:]), Expires: now.Add(keepKeys)}, Digest: hex.EncodeToString(digest[:])}, nil
}

// pending is a write that was judged.
type pending struct {
	*Stores
	Write
	permit access.Permit
	in     store.TupleStore
	once   *done
}

// writeTries is how often a write is tried that leaves out what is there already, while others write
// the same tuples.
const writeTries = 5

func (p pending) commit(ctx context.Context) (uint64, error) {
	batch := store.Batch{Permit: p.permit, TupleStore: p.in.ID, Events: []store.Event{{
		Kind: "authz_tuple.written", Public: map[string]string{"writes": strconv.Itoa(len(p.Writes)), "deletes": strconv.Itoa(len(p.Deletes))},
	}}}
	if p.once != nil {
		if repeated, err := p.repeated(ctx); repeated || err != nil {
			return p.newest(ctx, err)
		}
		batch.Docs = []store.DocOp{p.writes.In(p.in.Tenant).Insert(ctx, p.once)}
	}
	batch.Tuples = p.ops(p.Writes)
	for try := 1; ; try++ {
		receipt, err := p.db.Commit(ctx, batch)
		switch {
		case err == nil:
			return receipt.Revision, nil
		case p.once != nil && errs.CodeOf(err) == "already_exists": // sent twice at the same time
			if repeated, err := p.repeated(ctx); repeated || err != nil {
				return p.newest(ctx, err)
			}
		case p.IgnoreDuplicates && errs.CodeOf(err) == "tuple_exists" && try < writeTries:
			left, err := p.withoutDuplicates(ctx)
			if err != nil {
				return 0, err
			}
			if batch.Tuples = p.ops(left); len(batch.Tuples) == 0 {
				return p.newest(ctx, nil)
			}
			continue
		}
		return 0, p.placed(err)
	}
}

// ops are the operations; deletions come first.
func (p pending) ops(writes []graph.Tuple) []store.TupleOp {
	out := make([]store.TupleOp, 0, len(p.Deletes)+len(writes))
	for _, t := range p.Deletes {
		out = append(out, store.TupleOp{Delete: true, Strict: !p.IgnoreMissing, Tuple: stored(identity(t))})
	}
	for _, t := range writes {
		out = append(out, store.TupleOp{Strict: true, Tuple: stored(t)})
	}
	return out
}

// stored is a tuple in the words of the store, which keeps milliseconds.
func stored(t graph.Tuple) store.Tuple {
	return store.Tuple{
		Object: store.ObjectRef(t.Object), Relation: t.Relation, Subject: store.SubjectRef(t.Subject),
		Condition: store.TupleCondition(t.Condition), Expires: t.Expires.UTC().Truncate(time.Millisecond),
	}
}

// placed says which of the tuples was there already, or was not there.
func (p pending) placed(err error) error {
	e, ok := errors.AsType[*store.TupleError](err)
	if !ok {
		return err
	}
	list, all := "writes", p.Writes
	if e.Op.Delete {
		list, all = "deletes", p.Deletes
	}
	for i, t := range all {
		if stored(identity(t)) == (store.Tuple{Object: e.Op.Tuple.Object, Relation: e.Op.Tuple.Relation, Subject: e.Op.Tuple.Subject}) {
			return at(list, i, err)
		}
	}
	return err
}

// withoutDuplicates are the writes that are not there yet.
func (p pending) withoutDuplicates(ctx context.Context) ([]graph.Tuple, error) {
	deleted := map[graph.Tuple]bool{}
	for _, t := range p.Deletes {
		deleted[identity(t)] = true
	}
	var left []graph.Tuple
	for i, t := range p.Writes {
		want := stored(t)
		found, err := p.db.Tuples().ListTuples(ctx, p.in, store.TupleFilter{Object: want.Object, Relation: want.Relation, Subject: want.Subject}, store.TuplePage{Limit: 1})
		switch {
		case err != nil:
			return nil, unavailable(err)
		case len(found) == 0:
			left = append(left, t)
		case found[0].Condition != want.Condition || !found[0].Expires.Equal(want.Expires):
			return nil, at("writes", i, errs.New(errs.Conflict, "tuple_differs", "The tuple is there already, under another condition or until another time."))
		}
	}
	return left, nil
}

// repeated reports whether the write has happened before.
func (p pending) repeated(ctx context.Context) (bool, error) {
	before, err := p.writes.In(p.in.Tenant).Get(ctx, p.once.ID)
	switch {
	case errs.Is(err, errs.NotFound):
		return false, nil
	case err != nil:
		return false, err
	case before.Digest != p.once.Digest:
		return false, errs.New(errs.Conflict, "idempotency_key_reused", "Another write was sent under this key.")
	}
	return true, nil
}

// newest is the revision of the store, unless something went wrong.
func (p pending) newest(ctx context.Context, err error) (uint64, error) {
	if err != nil {
		return 0, err
	}
	revision, err := p.db.Tuples().Revision(ctx, p.in)
	if err != nil {
		return 0, unavailable(err)
	}
	return revision, nil
}

// stillThere refuses a write into a store that was deleted while it was written, and takes it back.
func (p pending) stillThere(ctx context.Context) error {
	_, err := p.stores.In(p.in.Tenant).View(ctx, p.in.ID)
	if !errs.Is(err, errs.NotFound) {
		return nil // it was there after the write, as far as anybody knows
	}
	_, err = p.db.Commit(ctx, store.Batch{
		Permit: p.permit, TupleStore: p.in.ID, DropTuples: true, Events: []store.Event{{Kind: "authz_store.deleted"}},
	})
	p.graphs.Forget(p.in)
	return errors.Join(noStore(), err)
}

package sqlite_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// plainly is what the contract says of a batch of tuples, one operation after the other.
type plainly map[store.Tuple]store.Tuple // by what names them

// named is a tuple without what may change of it.
func named(t store.Tuple) store.Tuple {
	return store.Tuple{Object: t.Object, Relation: t.Relation, Subject: t.Subject}
}

func (p plainly) apply(ops []store.TupleOp, now time.Time) (plainly, []store.TupleOp, error) {
	next := maps.Clone(p)
	var changed []store.TupleOp
	for _, op := range ops {
		have, is := next[named(op.Tuple)]
		live := is && (have.Expires.IsZero() || have.Expires.After(now))
		if op.Strict && live != op.Delete {
			return p, nil, &store.TupleError{Op: op}
		}
		same := have
		same.Written = op.Tuple.Written
		switch {
		case op.Delete && !is, !op.Delete && !op.Strict && is && cmp.Equal(same, op.Tuple):
			continue
		case op.Delete:
			delete(next, named(op.Tuple))
		default:
			next[named(op.Tuple)] = op.Tuple
		}
		changed = append(changed, op)
	}
	return next, changed, nil
}

// TestSeveral: batches of all sizes and mixtures, most of which are written many tuples at once, do what their
// operations would do one after the other, and so does what they say of themselves.
func TestSeveral(t *testing.T) {
	t.Parallel()
	o := openForSuite(t)
	e, clock := o.Engine, o.Clock
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	at := store.TupleStore{Tenant: id.Default, ID: "s"}
	p := plainly{}
	revision := uint64(0)
	for round := range 100 {
		clock.Advance(time.Millisecond)
		now := clock.Now().UTC().Truncate(time.Millisecond)
		ops := batchOf(r, p, now)
		next, changed, want := p.apply(ops, now)
		receipt, err := e.Commit(t.Context(), store.Write{At: now, Tenant: at.Tenant, TupleStore: at.ID, Tuples: ops})
		var got, wanted *store.TupleError
		if errors.As(want, &wanted); (err != nil) != (want != nil) || err != nil && (!errors.As(err, &got) || !cmp.Equal(got.Op, wanted.Op)) {
			t.Fatalf("round %d, %d operations: %v, want %v", round, len(ops), err, want)
		}
		if p = next; len(changed) > 0 {
			revision++
		}
		if err == nil && receipt.Revision != revision {
			t.Fatalf("round %d: revision %d, want %d", round, receipt.Revision, revision)
		}
		if round%10 == 9 {
			compare(t, e, at, p, now)
		}
		log, err := e.Changes(t.Context(), at, revision-min(revision, 1), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(changed) > 0 && !slices.EqualFunc(log, changed, func(a store.TupleChange, b store.TupleOp) bool {
			b.Tuple.Written = time.Time{}
			return a.Revision == revision && a.At.Equal(now) && a.Delete == b.Delete && cmp.Equal(a.Tuple, b.Tuple)
		}) {
			t.Fatalf("round %d: the log has %d changes of %d: %s", round, len(log), len(changed), cmp.Diff(log, changed))
		}
	}
}

// batchOf makes operations of which many are new, and some are on what is there, twice in the batch, or dead.
func batchOf(r *rand.Rand, p plainly, now time.Time) []store.TupleOp {
	strict, mixed, fresh := r.IntN(2) == 0, r.IntN(3) == 0, r.IntN(3) > 0
	most := 400
	if fresh {
		most = 1_000_000
	}
	var ops []store.TupleOp
	for left := 1 + r.IntN(130); left > 0; left-- {
		op := store.WriteTuple(store.Tuple{
			Object: store.ObjectRef{Type: "doc", ID: fmt.Sprint(r.IntN(most))}, Relation: "viewer", Subject: store.SubjectRef{Type: "user", ID: "u"}, Written: now,
		})
		op.Strict = strict
		if mixed {
			op.Strict, op.Delete = r.IntN(8) == 0, r.IntN(8) == 0
		}
		if r.IntN(4) == 0 {
			op.Tuple.Condition = store.TupleCondition{Name: "c", Context: fmt.Sprint(r.IntN(2))}
		}
		if r.IntN(6) == 0 {
			op.Tuple.Expires = now.Add(time.Duration(r.IntN(60)-5) * time.Millisecond)
		}
		if _, is := p[named(op.Tuple)]; is && strict && !mixed && r.IntN(100) > 0 && left > 1 {
			continue // else hardly a strict batch would succeed
		}
		ops = append(ops, op)
	}
	return ops
}

func compare(t *testing.T, e store.Engine, at store.TupleStore, p plainly, now time.Time) {
	t.Helper()
	got := plainly{}
	if _, err := e.Snapshot(t.Context(), at, func(x store.Tuple) error { got[named(x)] = x; return nil }); err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(p)
	maps.DeleteFunc(want, func(_, x store.Tuple) bool { return !x.Expires.IsZero() && !x.Expires.After(now) })
	if !maps.EqualFunc(got, want, func(a, b store.Tuple) bool { return cmp.Equal(a, b) }) {
		t.Fatalf("%d tuples, want %d", len(got), len(want))
	}
}

package index_test

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

const acme = id.Tenant("acme")

type house struct {
	t      *testing.T
	clock  *storetest.Clock
	db     *store.DB
	keeper store.Keeper
	permit access.Permit
	index  *index.Index
	rules  index.Rules
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, clock: storetest.NewClock()}
	h.db = storetest.NewDB(t, storetest.WithClock(h.clock), storetest.WithEngine(func(e store.Engine) store.Engine {
		h.keeper = e.(store.Keeper)
		return e
	}))
	storetest.Ensure(t, h.db)
	h.permit = access.NewGuard(nil, h.clock.Now).Task(acme, "store.sweep")
	h.index = index.New(h.db, index.Bounds{})
	model, err := graph.NewModel(graph.Type{Name: "user"}, graph.Type{Name: "doc", Relations: []graph.Relation{{Name: "viewer", Rewrite: graph.This("user")}}})
	if err != nil {
		t.Fatal(err)
	}
	h.rules = index.Rules{Digest: "test", Model: model}
	return h
}

func tuple(n int) store.Tuple {
	return store.Tuple{
		Object: store.ObjectRef{Type: "doc", ID: "1"}, Relation: "viewer", Subject: store.SubjectRef{Type: "user", ID: strconv.Itoa(n)},
	}
}

// write writes or deletes a tuple and returns the revision.
func (h *house) write(n int, remove bool, expires time.Time) uint64 {
	h.t.Helper()
	t := tuple(n)
	t.Expires = expires
	r, err := h.db.Commit(h.t.Context(), store.Batch{Permit: h.permit, Tuples: []store.TupleOp{{Delete: remove, Tuple: t}}})
	if err != nil {
		h.t.Fatal(err)
	}
	return r.Revision
}

// viewers are who could view at a revision.
func (h *house) viewers(revision uint64) (string, int) {
	h.t.Helper()
	view, assumed, err := h.index.Past(h.t.Context(), store.OwnTuples(acme), h.rules, revision, 0)
	if err != nil {
		h.t.Fatalf("revision %d: %v", revision, err)
	}
	return h.list(view), assumed
}

func (h *house) list(view graph.View) string {
	h.t.Helper()
	list, err := view.Subjects(h.t.Context(), h.clock.Now(), graph.SubjectsQuery{Object: graph.Object{Type: "doc", ID: "1"}, Relation: "viewer", Type: "user", Limit: 1000})
	if err != nil {
		h.t.Fatal(err)
	}
	out := ""
	for _, one := range list.IDs {
		out += one + " "
	}
	return out
}

// TestPast: the state at every revision is told as it was seen then, over many random changes.
func TestPast(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	seen := map[uint64]string{}
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		expires := time.Time{}
		if r.IntN(4) == 0 {
			expires = h.clock.Now().Add(time.Hour)
		}
		revision := h.write(r.IntN(12), r.IntN(2) == 0, expires)
		view, err := h.index.View(t.Context(), store.OwnTuples(acme), h.rules)
		if err != nil {
			t.Fatal(err)
		}
		seen[revision] = h.list(view)
	}
	for revision, want := range seen {
		if got, assumed := h.viewers(revision); got != want || assumed != 0 {
			t.Errorf("revision %d: %q (%d assumed), want %q", revision, got, assumed, want)
		}
	}
	if _, _, err := h.index.Past(t.Context(), store.OwnTuples(acme), h.rules, 10_000, 0); errs.CodeOf(err) != "history_not_kept" {
		t.Errorf("the future: %v", err)
	}
}

// TestPastOfATrimmedLog: what lies before the log is refused; what the log cannot say for certain is told.
func TestPastOfATrimmedLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.write(1, false, time.Time{})
	h.clock.Advance(8 * 24 * time.Hour)
	if _, err := h.keeper.Sweep(t.Context(), h.clock.Now(), 100); err != nil {
		t.Fatal(err)
	}
	second := h.write(2, false, time.Time{})
	h.write(3, false, time.Time{})
	if got, assumed := h.viewers(second); got != "1 2 " || assumed != 1 {
		t.Errorf("%q, %d assumed", got, assumed)
	}
	h.clock.Advance(8 * 24 * time.Hour)
	if _, err := h.keeper.Sweep(t.Context(), h.clock.Now(), 100); err != nil {
		t.Fatal(err)
	}
	h.write(4, false, time.Time{})
	if _, _, err := h.index.Past(t.Context(), store.OwnTuples(acme), h.rules, first, 0); errs.CodeOf(err) != "history_not_kept" {
		t.Errorf("before the log: %v", err)
	}
}

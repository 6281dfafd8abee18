package postgres_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/postgres"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// TestRoundTrips: a batch of documents is one, one with tuples is two, whatever is in it; reading a document is one.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	e, err := postgres.Open(t.Context(), postgres.Config{URL: secret.New(pgtest.URL(t)), Now: storetest.NewClock().Now, Connections: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	db := store.New(store.Config{Engine: e, Sealer: storetest.NewSealer(), Now: storetest.NewClock().Now})
	notes := store.NewCollection(db, noteKind()).In(here)
	storetest.Ensure(t, db)
	commit := func(name string, tuples int) func(int) error {
		return func(n int) error {
			batch := store.Batch{Permit: storetest.Permit(here, "note.write"), Events: []store.Event{{Kind: "note.written"}}}
			for i := range 2 {
				docID := fmt.Sprintf("%s-%d-%d", name, n, i)
				batch.Docs = append(batch.Docs, notes.Insert(t.Context(), &note{Meta: store.Meta{ID: docID}, Text: docID}))
			}
			for i := range tuples {
				batch.Tuples = append(batch.Tuples, store.WriteTuple(store.Tuple{
					Object: store.ObjectRef{Type: "doc", ID: fmt.Sprintf("%d-%d", n, i)}, Relation: "viewer", Subject: store.SubjectRef{Type: "user", ID: "1"},
				}))
			}
			_, err := db.Commit(t.Context(), batch)
			return err
		}
	}
	for _, step := range []struct {
		name string
		do   func(int) error
		want int64
	}{
		{"documents", commit("a", 0), 1},
		{"documents and tuples", commit("b", 3), 2},
		{"a document", func(int) error {
			_, err := notes.Get(t.Context(), "a-0-0")
			return err
		}, 1},
	} {
		least := int64(math.MaxInt64) // the first time statements are prepared, and the engine has work of its own
		for n := range 6 {
			before := e.RoundTrips()
			if err := step.do(n); err != nil {
				t.Fatal(err)
			}
			least = min(least, e.RoundTrips()-before)
		}
		if least != step.want {
			t.Errorf("%s: %d round trips, want %d", step.name, least, step.want)
		}
	}
}

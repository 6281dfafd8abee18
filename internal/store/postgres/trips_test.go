package postgres_test

import (
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
	commit := func(docID string, tuples ...store.TupleOp) func() error {
		return func() error {
			batch := store.Batch{Permit: storetest.Permit(here, "note.write"), Events: []store.Event{{Kind: "note.written"}}, Tuples: tuples}
			for _, more := range []string{"", "x"} {
				batch.Docs = append(batch.Docs, notes.Insert(t.Context(), &note{Meta: store.Meta{ID: docID + more}, Text: docID + more}))
			}
			_, err := db.Commit(t.Context(), batch)
			return err
		}
	}
	tuple := func(docID string) store.TupleOp {
		return store.WriteTuple(store.Tuple{Object: store.ObjectRef{Type: "doc", ID: docID}, Relation: "viewer", Subject: store.SubjectRef{Type: "user", ID: "1"}})
	}
	read := func() error {
		_, err := notes.Get(t.Context(), "1")
		return err
	}
	for _, step := range []struct {
		name        string
		first, then func() error // the first prepares its statements
		want        int64
	}{
		{"documents", commit("1"), commit("2"), 1},
		{"documents and tuples", commit("3", tuple("3")), commit("4", tuple("4"), tuple("5")), 2},
		{"a document", read, read, 1},
	} {
		if err := step.first(); err != nil {
			t.Fatal(err)
		}
		before := e.RoundTrips()
		if err := step.then(); err != nil {
			t.Fatal(err)
		}
		if n := e.RoundTrips() - before; n != step.want {
			t.Errorf("%s: %d round trips, want %d", step.name, n, step.want)
		}
	}
}

package index_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/graph/w1"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// BenchmarkReady is how long the first question after a start waits for a store in a file of SQLite, from its
// tuples and from an image. CARDEA_SCALE says of how many tuples; by default 100,000.
func BenchmarkReady(b *testing.B) {
	n := 100_000
	if text := os.Getenv("CARDEA_SCALE"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal("CARDEA_SCALE: ", err)
		}
	}
	db := storetest.NewDB(b, storetest.WithPath(filepath.Join(b.TempDir(), "store.db")))
	storetest.Ensure(b, db)
	permit := access.NewGuard(nil, time.Now).Task(acme, "store.sweep")
	batch := store.Batch{Permit: permit, TupleStore: "shop"}
	for i := range n {
		batch.Tuples = append(batch.Tuples, store.WriteTuple(store.Tuple{
			Object: store.ObjectRef{Type: "doc", ID: "d" + strconv.Itoa(i/5)}, Relation: "owner", Subject: store.SubjectRef{Type: "user", ID: "u" + strconv.Itoa(w1.Mix(1, i, n/10+5))},
		}))
		if len(batch.Tuples) == store.MaxTuples || i == n-1 {
			if _, err := db.Commit(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
			batch.Tuples = nil
		}
	}
	model, err := graph.NewModel(graph.Type{Name: "user"}, graph.Type{Name: "doc", Relations: []graph.Relation{{Name: "owner", Rewrite: graph.This("user")}}})
	if err != nil {
		b.Fatal(err)
	}
	shop, rules := store.TupleStore{Tenant: acme, ID: "shop"}, index.Rules{Digest: "bench", Model: model}
	ask := func(b *testing.B, x *index.Index) {
		view, err := x.View(b.Context(), shop, rules)
		if err != nil || view.Revision() == 0 {
			b.Fatal(view.Revision(), err)
		}
	}
	root, err := os.OpenRoot(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = root.Close() })
	guard := access.NewGuard(nil, time.Now)
	start := func(b *testing.B) *index.Index {
		x := index.New(db, index.Bounds{})
		x.KeepImages(db, guard, root)
		storetest.Ensure(b, db)
		return x
	}
	b.Run("tuples", func(b *testing.B) {
		for b.Loop() {
			ask(b, index.New(db, index.Bounds{}))
		}
		b.ReportMetric(float64(n), "tuples")
	})
	b.Run("image", func(b *testing.B) {
		x := start(b)
		ask(b, x)
		if err := x.WriteImages(b.Context()); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			ask(b, start(b))
		}
		b.ReportMetric(float64(n), "tuples")
	})
}

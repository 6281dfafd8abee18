package postgres_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/postgres"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/internal/store/sqlite"
)

// The same work on both engines, each durable, so that one run compares them.

type engine interface {
	store.Engine
	store.Keeper
	Commits() int64
}

func benchSchemas() []store.Schema {
	return []store.Schema{
		{
			Name:    "token",
			Columns: []store.Column{{Name: "family", Kind: store.TextKind}, {Name: "user", Kind: store.TextKind}},
			Indexes: []store.Index{{Name: "by_family", Columns: []string{"family"}}, {Name: "by_user", Columns: []string{"user"}}},
		},
		{
			Name:    "event",
			Columns: []store.Column{{Name: "seq", Kind: store.IntKind}, {Name: "at", Kind: store.IntKind}},
			Indexes: []store.Index{{Name: "by_seq", Columns: []string{"seq"}}, {Name: "by_time", Columns: []string{"at"}}},
		},
	}
}

var benchBody = []byte(`{"client":"0k3v9w2m1q8s7t6r5p4n3b2c1d","scopes":["openid","profile","email","offline_access"],"hash":"` +
	`9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","session":"g7h2k9s4v1w8q3n6","created":"2026-11-20T12:00:00Z",` +
	`"auth_time":"2026-11-20T11:58:31Z","amr":["pwd","otp"],"acr":"2","origin":{"address":"203.0.113.9","agent":"Mozilla/5.0 (X11; Linux x86_64)"}}`)

// engines calls f for each, over an empty database that writes to its disk for good.
func engines(b *testing.B, f func(b *testing.B, e engine)) {
	b.Run("engine=sqlite", func(b *testing.B) {
		e, err := sqlite.Open(b.Context(), sqlite.Config{Path: filepath.Join(b.TempDir(), "bench.db"), Now: time.Now})
		if err != nil {
			b.Fatal(err)
		}
		run(b, e, f)
	})
	b.Run("engine=postgres", func(b *testing.B) {
		e, err := postgres.Open(b.Context(), postgres.Config{URL: secret.New(pgtest.Private(b).URL()), Now: time.Now})
		if err != nil {
			b.Fatal(err)
		}
		run(b, e, f)
	})
}

func run(b *testing.B, e engine, f func(b *testing.B, e engine)) {
	b.Helper()
	defer func() { _ = e.Close() }()
	if err := e.Ensure(b.Context(), benchSchemas()); err != nil {
		b.Fatal(err)
	}
	f(b, e)
}

// work is done by so many clients at once until b has had enough.
func work(b *testing.B, clients int, f func() error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	var all sync.WaitGroup
	b.ResetTimer()
	for range clients {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := f(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

func benchWrite() store.Write {
	now := time.Now()
	batch, token := id.NewRow(now), id.New()
	return store.Write{ID: batch, At: now, Tenant: id.Default, Docs: []store.Op{
		{
			Kind: store.InsertOp, Key: store.Key{Tenant: id.Default, Collection: "event", ID: batch + "-0"}, Body: benchBody,
			Columns: []store.Value{store.Int(0), store.Time(now)},
		},
		{
			Kind: store.InsertOp, Key: store.Key{Tenant: id.Default, Collection: "token", ID: token}, Body: benchBody,
			Expires: now.Add(time.Hour), Columns: []store.Value{store.Text(batch), store.Text(token[:8])},
		},
	}}
}

// BenchmarkEngineCommit writes a token and its event.
func BenchmarkEngineCommit(b *testing.B) {
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			engines(b, func(b *testing.B, e engine) {
				work(b, clients, func() error { _, err := e.Commit(context.Background(), benchWrite()); return err })
			})
		})
	}
}

// BenchmarkEngineGet reads a document by its key.
func BenchmarkEngineGet(b *testing.B) {
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			engines(b, func(b *testing.B, e engine) {
				w := benchWrite()
				if _, err := e.Commit(b.Context(), w); err != nil {
					b.Fatal(err)
				}
				work(b, clients, func() error { _, err := e.Get(context.Background(), w.Docs[1].Key); return err })
			})
		})
	}
}

// BenchmarkEngineTuples writes batches of so many new tuples into one store.
func BenchmarkEngineTuples(b *testing.B) {
	for _, shape := range []struct{ clients, tuples int }{{1, 1}, {64, 1}, {1, 100}, {16, 100}} {
		b.Run(fmt.Sprintf("clients=%d/tuples=%d", shape.clients, shape.tuples), func(b *testing.B) {
			engines(b, func(b *testing.B, e engine) {
				var n atomic.Int64
				work(b, shape.clients, func() error {
					ops := make([]store.TupleOp, shape.tuples)
					for i := range ops {
						k := n.Add(1)
						ops[i] = store.WriteTuple(store.Tuple{
							Object: store.ObjectRef{Type: "doc", ID: fmt.Sprintf("d%08d", k*7919%100_000_000)}, Relation: "viewer",
							Subject: store.SubjectRef{Type: "user", ID: fmt.Sprintf("u%05d", k%10_000)},
						})
					}
					_, err := e.Commit(context.Background(), store.Write{At: time.Now(), Tenant: id.Default, Tuples: ops})
					return err
				})
				b.ReportMetric(float64(n.Load())/b.Elapsed().Seconds(), "tuples/s")
				b.ReportMetric(float64(e.Commits())/float64(b.N), "commits/op")
			})
		})
	}
}

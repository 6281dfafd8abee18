//go:build unix

package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/sqlite"
)

// benchSchemas are two collections as the product has them: a document with two indexes, and the
// event row of the same batch.
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

func openBench(b testing.TB, d sqlite.Durability) *sqlite.Engine {
	b.Helper()
	e, err := sqlite.Open(b.Context(), sqlite.Config{Path: filepath.Join(b.TempDir(), "bench.db"), Now: time.Now, Durability: d})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = e.Close() })
	if err := e.Ensure(b.Context(), benchSchemas()); err != nil {
		b.Fatal(err)
	}
	return e
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

func BenchmarkCommit(b *testing.B) {
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			e := openBench(b, sqlite.Full)
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			before := cpuTime(b)
			b.ResetTimer()
			for range clients {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := e.Commit(context.Background(), benchWrite()); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
		})
	}
}

// cpuTime is what the process has used up, in user and system mode: unlike the time on the wall it
// says little about the other programs of the machine.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkGet(b *testing.B) {
	e := openBench(b, sqlite.Off)
	keys := make([]store.Key, 0, 10_000)
	for range cap(keys) {
		w := benchWrite()
		if _, err := e.Commit(b.Context(), w); err != nil {
			b.Fatal(err)
		}
		keys = append(keys, w.Docs[1].Key)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Get(ctx, keys[i*7919%len(keys)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkFindPage(b *testing.B) {
	e := openBench(b, sqlite.Off)
	for range 10_000 {
		if _, err := e.Commit(b.Context(), benchWrite()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		records, err := e.Find(b.Context(), store.Scan{Tenant: id.Default, Collection: "event", Index: "by_time", Limit: 51, Now: time.Now()})
		if err != nil || len(records) != 51 {
			b.Fatal(len(records), err)
		}
	}
}

// BenchmarkGetDuringCommits reports how long point reads take while 16 writers commit durably.
func BenchmarkGetDuringCommits(b *testing.B) {
	e := openBench(b, sqlite.Full)
	w := benchWrite()
	if _, err := e.Commit(b.Context(), w); err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for ctx.Err() == nil {
				_, _ = e.Commit(ctx, benchWrite())
			}
		})
	}
	took := make([]time.Duration, 0, 1<<20)
	for b.Loop() {
		begin := time.Now()
		if _, err := e.Get(b.Context(), w.Docs[1].Key); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	stop()
	wg.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkTuples writes batches of 100 tuples, each batch durable, and reports tuples per second.
func BenchmarkTuples(b *testing.B) {
	e := openBench(b, sqlite.Full)
	n := 0
	for b.Loop() {
		ops := make([]store.TupleOp, 100)
		for i := range ops {
			n++
			ops[i] = store.WriteTuple(store.Tuple{
				Object: store.ObjectRef{Type: "doc", ID: fmt.Sprintf("d%07d", n*7919%10_000_000)}, Relation: "viewer",
				Subject: store.SubjectRef{Type: "user", ID: fmt.Sprintf("u%05d", n%10_000)},
			})
		}
		if _, err := e.Commit(b.Context(), store.Write{At: time.Now(), Tenant: id.Default, Tuples: ops}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tuples/s")
}

package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/sqlite"
)

// A writer's n-th batch replaces its counter, inserts note n, a log entry and a tuple, and removes
// note and tuple n-3. So the whole state follows from how many batches each writer has committed,
// and a batch that was applied by half is seen as a state that follows from no number.
const (
	crashWriters = 8
	crashKeeps   = 3
)

func crashBatch(writer string, n int64) store.Write {
	name := func(n int64) string { return fmt.Sprintf("%s-%06d", writer, n) }
	key := func(collection, docID string) store.Key {
		return store.Key{Tenant: id.Default, Collection: collection, ID: docID}
	}
	tuple := func(n int64) store.Tuple {
		return store.Tuple{Object: store.ObjectRef{Type: "doc", ID: name(n)}, Relation: "writer", Subject: store.SubjectRef{Type: "user", ID: writer}}
	}
	w := store.Write{ID: name(n), At: time.Now(), Tenant: id.Default, Tuples: []store.TupleOp{store.WriteTuple(tuple(n))}}
	counter := store.Op{Kind: store.ReplaceOp, Key: key("counter", writer), Version: n - 1, Body: fmt.Appendf(nil, `{"n":%d}`, n), Columns: []store.Value{store.Int(n)}}
	if n == 1 {
		counter.Kind = store.InsertOp
	}
	w.Docs = []store.Op{
		counter,
		{Kind: store.InsertOp, Key: key("note", name(n)), Body: fmt.Appendf(nil, `{"text":"%0*d"}`, 50+n*131%5000, n)},
		{Kind: store.InsertOp, Key: key("log", name(n)), Body: []byte(`{}`), Columns: []store.Value{store.Text(writer), store.Int(n)}},
	}
	if n > crashKeeps {
		w.Docs = append(w.Docs, store.Op{Kind: store.DeleteOp, Key: key("note", name(n-crashKeeps)), Version: 1})
		w.Tuples = append(w.Tuples, store.DeleteTuple(tuple(n-crashKeeps)))
	}
	return w
}

// crashChild goes on where the writers stand and journals each batch after its acknowledgement, until
// it is killed.
func crashChild(ctx context.Context, dir string) error {
	e, err := openIn(ctx, dir, sqlite.Full)
	if err != nil {
		return err
	}
	journal, err := os.OpenFile(filepath.Join(dir, "journal"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	var writers sync.WaitGroup
	for i := range crashWriters {
		writers.Go(func() {
			writer := fmt.Sprint("w", i)
			r, err := e.Get(ctx, store.Key{Tenant: id.Default, Collection: "counter", ID: writer})
			for n := r.Version + 1; err == nil || errors.Is(err, store.ErrNotFound); n++ {
				if _, err = e.Commit(ctx, crashBatch(writer, n)); err == nil {
					_, err = fmt.Fprintf(journal, "%s %d\n", writer, n) // one write(2), appended
				}
			}
			fmt.Fprintln(os.Stderr, writer, err)
			os.Exit(1)
		})
	}
	writers.Wait()
	return nil
}

// TestRegress_R1_Crash kills a writing process at random moments, in the middle of opening too, and finds each
// time that every acknowledged batch is there and no batch is there by half. The number of rounds
// is 20, or what CARDEA_TEST_CRASH_ROUNDS says.
func TestRegress_R1_Crash(t *testing.T) {
	t.Parallel()
	rounds := 20
	if s := os.Getenv("CARDEA_TEST_CRASH_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		rounds = n
	}
	dir := t.TempDir()
	before := map[string]int64{}
	for round := range rounds {
		crash(t, dir, round%5 == 0)
		after := checkCrash(t, dir, before)
		if round%5 != 0 && cmp.Equal(before, after) {
			t.Errorf("round %d has written nothing", round)
		}
		before = after
	}
	t.Logf("%d rounds; batches by writer: %v", rounds, before)
}

// crash starts a child and kills it; early means perhaps before it has opened the database.
func crash(t *testing.T, dir string, early bool) {
	t.Helper()
	size := func() int64 {
		info, err := os.Stat(filepath.Join(dir, "journal"))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	begin := size()
	cmd := child(t, "crash", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); !early && size() == begin; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the child does not write")
		}
	}
	time.Sleep(rand.N(60 * time.Millisecond))
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // says that it was killed
}

// checkCrash opens what the child has left and returns how many batches each writer has committed. It
// may be one more than was acknowledged, and one more than there was before this child began: the
// batch under way when it was killed.
func checkCrash(t *testing.T, dir string, before map[string]int64) map[string]int64 {
	t.Helper()
	e, err := openIn(t.Context(), dir, sqlite.Full)
	if err != nil {
		t.Fatal(err)
	}
	committed, total := map[string]int64{}, int64(0)
	err = e.Export(t.Context(), "counter", func(r store.Record) error {
		committed[r.ID] = r.Version
		total += r.Version
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for writer, acknowledged := range readJournal(t, dir) {
		if n := committed[writer]; n < acknowledged || n > max(acknowledged, before[writer])+1 {
			t.Errorf("%s: batch %d was acknowledged, %d are there", writer, acknowledged, n)
		}
	}
	checkState(t, e, committed)
	if r, err := e.Revision(t.Context(), store.OwnTuples(id.Default)); err != nil || int64(r) != total {
		t.Errorf("revision %d after %d batches, %v", r, total, err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	checkIntegrity(t, filepath.Join(dir, "test.db"))
	return committed
}

// checkState compares everything that is stored with what follows from the numbers of batches.
func checkState(t *testing.T, e *sqlite.Engine, committed map[string]int64) {
	t.Helper()
	var want, got []string
	for writer, n := range committed {
		for i := int64(1); i <= n; i++ {
			want = append(want, fmt.Sprintf("log %s-%06d", writer, i))
			if i > n-crashKeeps {
				want = append(want, fmt.Sprintf("note %s-%06d", writer, i), fmt.Sprintf("tuple %s-%06d", writer, i))
			}
		}
	}
	for _, collection := range []string{"log", "note"} {
		if err := e.Export(t.Context(), collection, func(r store.Record) error { got = append(got, collection+" "+r.ID); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.Snapshot(t.Context(), store.OwnTuples(id.Default), func(x store.Tuple) error { got = append(got, "tuple "+x.Object.ID); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("half a batch:\n%s", diff)
	}
}

func readJournal(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "journal"))
	if errors.Is(err, os.ErrNotExist) {
		return nil // killed before the first acknowledgement
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]int64{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		writer, number, _ := strings.Cut(lines.Text(), " ")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		out[writer] = max(out[writer], n)
	}
	return out
}

func checkIntegrity(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var answer string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&answer); err != nil || answer != "ok" {
		t.Fatalf("integrity: %s, %v", answer, err)
	}
}

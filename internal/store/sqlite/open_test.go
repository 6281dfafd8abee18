package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/sqlite"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

func open(t *testing.T, c sqlite.Config) *sqlite.Engine {
	t.Helper()
	if c.Now == nil {
		c.Now = time.Now
	}
	e, err := sqlite.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// noteSchema is a collection without indexes; put and get use it.
var noteSchema = []store.Schema{{Name: "note"}}

func note(docID string) store.Key {
	return store.Key{Tenant: id.Default, Collection: "note", ID: docID}
}

func put(t *testing.T, e *sqlite.Engine, docID, body string) error {
	t.Helper()
	_, err := e.Commit(t.Context(), store.Write{ID: docID, At: time.Now(), Docs: []store.Op{
		{Kind: store.InsertOp, Key: note(docID), Body: []byte(body)},
	}})
	return err
}

func ensure(t *testing.T, e *sqlite.Engine, schemas []store.Schema) {
	t.Helper()
	if err := e.Ensure(t.Context(), schemas); err != nil {
		t.Fatal(err)
	}
}

func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "test.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil { // made by somebody less careful
		t.Fatal(err)
	}
	e := open(t, sqlite.Config{Path: path})
	ensure(t, e, noteSchema)
	if err := put(t, e, "1", `{}`); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Get(t.Context(), note("1")); err != nil {
		t.Fatal(err)
	}
	if err := e.Backup(t.Context(), filepath.Join(dir, "copy.db")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"test.db", "test.db-wal", "test.db-shm", "copy.db"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

func TestOddPaths(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b.db", "q?x=1.db", "h#sh.db", "p%20c.db", "é\U0001f600.db", "a&_pragma=x.db", ":memory:", "file:x.db"} {
		path := filepath.Join(t.TempDir(), name)
		e := open(t, sqlite.Config{Path: path})
		ensure(t, e, noteSchema)
		if err := put(t, e, "1", `{}`); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := e.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		again := open(t, sqlite.Config{Path: path})
		ensure(t, again, noteSchema)
		if _, err := again.Get(t.Context(), note("1")); err != nil {
			t.Errorf("%s again: %v", name, err)
		}
	}
}

func TestOpenRefusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ours := filepath.Join(dir, "ours.db")
	if err := open(t, sqlite.Config{Path: ours}).Close(); err != nil {
		t.Fatal(err)
	}
	header, err := os.ReadFile(ours)
	if err != nil {
		t.Fatal(err)
	}
	// Offsets in the header of the file format: 60 user_version, 68 application_id.
	write := func(name string, at int, bytes ...byte) string {
		changed := append([]byte{}, header...)
		copy(changed[at:], bytes)
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]sqlite.Config{
		"no path":                {Now: time.Now},
		"no clock":               {Path: filepath.Join(dir, "x.db")},
		"a missing directory":    {Path: filepath.Join(dir, "missing", "x.db"), Now: time.Now},
		"a directory":            {Path: dir, Now: time.Now},
		"a newer version":        {Path: write("newer.db", 60, 0, 0, 0, 99), Now: time.Now},
		"another program's":      {Path: write("other.db", 68, 1, 2, 3, 4), Now: time.Now},
		"no program's":           {Path: write("none.db", 68, 0, 0, 0, 0), Now: time.Now},
		"not a database":         {Path: write("text.db", 0, []byte("Dear diary, today")...), Now: time.Now},
		"missing and read-only":  {Path: filepath.Join(dir, "absent.db"), Now: time.Now, ReadOnly: true},
		"another's and readonly": {Path: write("other2.db", 68, 1, 2, 3, 4), Now: time.Now, ReadOnly: true},
	} {
		e, err := sqlite.Open(t.Context(), c)
		if err == nil {
			t.Errorf("%s: opened, closing: %v", name, e.Close())
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "absent.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a read-only engine made a file: %v", err)
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	e := open(t, sqlite.Config{Path: path})
	ensure(t, e, noteSchema)
	if err := put(t, e, "1", `{"a":1}`); err != nil {
		t.Fatal(err)
	}
	r := open(t, sqlite.Config{Path: path, ReadOnly: true})
	ensure(t, r, noteSchema)
	if got, err := r.Get(t.Context(), note("1")); err != nil || string(got.Body) != `{"a":1}` {
		t.Errorf("%s, %v", got.Body, err)
	}
	for name, err := range map[string]error{"commit": put(t, r, "2", `{}`), "ping": r.Ping(t.Context())} {
		if !errors.Is(err, sqlite.ErrReadOnly) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBackupUnderLoad takes a copy while others write. The copy holds everything that was
// acknowledged before it began and no half of a batch, and no trace of the outbox.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	const secretText = "a message that must not be in a backup"
	dir := t.TempDir()
	e := open(t, sqlite.Config{Path: filepath.Join(dir, "test.db"), Durability: sqlite.Off})
	schemas := append([]store.Schema{{Name: store.OutboxCollection}}, noteSchema...)
	ensure(t, e, schemas)
	pair := func(n int) error {
		_, err := e.Commit(t.Context(), store.Write{ID: fmt.Sprint(n), At: time.Now(), Docs: []store.Op{
			{Kind: store.InsertOp, Key: note(fmt.Sprintf("%09d-a", n)), Body: []byte(`{}`)},
			{Kind: store.InsertOp, Key: store.Key{Tenant: id.Default, Collection: store.OutboxCollection, ID: fmt.Sprint(n)}, Body: fmt.Appendf(nil, "%q", secretText)},
			{Kind: store.InsertOp, Key: note(fmt.Sprintf("%09d-b", n)), Body: []byte(`{}`)},
		}})
		return err
	}
	for n := range 300 {
		if err := pair(n); err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for n := 1_000_000 * (i + 1); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := pair(n); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	path := filepath.Join(dir, "copy.db")
	undeclared := open(t, sqlite.Config{Path: filepath.Join(dir, "test.db")}) // another process, that has declared nothing
	err := undeclared.Backup(t.Context(), path)
	close(stop)
	writers.Wait()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil || bytes.Contains(raw, []byte(secretText)) {
		t.Errorf("the outbox is in the backup, %v", err)
	}
	copied := open(t, sqlite.Config{Path: path, ReadOnly: true})
	ensure(t, copied, schemas)
	seen := map[string]int{}
	if err := copied.Export(t.Context(), "note", func(r store.Record) error { seen[strings.TrimRight(r.ID, "-ab")]++; return nil }); err != nil {
		t.Fatal(err)
	}
	for n, parts := range seen {
		if parts != 2 {
			t.Errorf("batch %s is there by half", n)
		}
	}
	for n := range 300 {
		if seen[fmt.Sprintf("%09d", n)] != 2 {
			t.Fatalf("batch %d is missing", n)
		}
	}
	if err := e.Backup(t.Context(), path); err == nil {
		t.Error("a backup was overwritten")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 4 { // the database with its two companions, and the copy
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestSweepTrimsTheLog keeps a week of changes and says where they begin.
func TestSweepTrimsTheLog(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock()
	e := open(t, sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db"), Now: clock.Now, KeepLog: time.Hour})
	for i := range 5 {
		_, err := e.Commit(t.Context(), store.Write{At: clock.Now(), Tenant: id.Default, Tuples: []store.TupleOp{
			store.WriteTuple(store.Tuple{Object: store.ObjectRef{Type: "doc", ID: fmt.Sprint(i)}, Relation: "viewer"}),
			store.WriteTuple(store.Tuple{Object: store.ObjectRef{Type: "doc", ID: fmt.Sprint(i)}, Relation: "owner"}),
		}})
		if err != nil {
			t.Fatal(err)
		}
		clock.Advance(30 * time.Minute)
	}
	// It is half past two; the revisions are of 0:00, 0:30, 1:00, 1:30 and 2:00.
	if n, err := e.Sweep(t.Context(), clock.Now(), 100); n != 0 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if got, err := e.Changes(t.Context(), store.OwnTuples(id.Default), 4, 100); err != nil || len(got) != 2 {
		t.Errorf("since 4: %d changes, %v", len(got), err)
	}
	for since := range uint64(4) {
		if _, err := e.Changes(t.Context(), store.OwnTuples(id.Default), since, 100); !errors.Is(err, store.ErrTrimmed) {
			t.Errorf("since %d: %v", since, err)
		}
	}
	if n, err := e.Revision(t.Context(), store.OwnTuples(id.Default)); n != 5 || err != nil {
		t.Errorf("revision %d, %v", n, err)
	}
	if got, err := e.Changes(t.Context(), store.OwnTuples(id.Default), 5, 100); len(got) != 0 || err != nil {
		t.Errorf("since the newest: %v, %v", got, err)
	}
}

// TestFileOfVersion1 keeps what a file held whose tenants had one tuple store each.
func TestFileOfVersion1(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "old.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	const names = "object_type TEXT NOT NULL, object_id TEXT NOT NULL, relation TEXT NOT NULL, subject_type TEXT NOT NULL, subject_id TEXT NOT NULL, subject_relation TEXT NOT NULL"
	const columns = "object_type, object_id, relation, subject_type, subject_id, subject_relation"
	for _, statement := range []string{
		"CREATE TABLE tuple_store (tenant TEXT NOT NULL PRIMARY KEY, revision INTEGER NOT NULL, trimmed INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID",
		"CREATE TABLE tuple (tenant TEXT NOT NULL, " + names + ", expires INTEGER, PRIMARY KEY (tenant, " + columns + ")) STRICT, WITHOUT ROWID",
		"CREATE INDEX tuple_reverse ON tuple(tenant, subject_type, subject_id, subject_relation, object_type, object_id, relation)",
		"CREATE INDEX tuple_expires ON tuple(expires) WHERE expires IS NOT NULL",
		"CREATE TABLE tuple_log (tenant TEXT NOT NULL, revision INTEGER NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL, removed INTEGER NOT NULL, " + names + ", expires INTEGER, PRIMARY KEY (tenant, revision, n)) STRICT, WITHOUT ROWID",
		"INSERT INTO tuple_store VALUES ('default', 7, 6)",
		"INSERT INTO tuple VALUES ('default', 'doc', '1', 'viewer', 'user', '1', '', NULL)",
		"INSERT INTO tuple_log VALUES ('default', 7, 0, 1000, 0, 'doc', '1', 'viewer', 'user', '1', '', NULL)",
		"PRAGMA application_id = 0x43415244", "PRAGMA user_version = 1",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	own := store.OwnTuples(id.Default)
	for range 2 { // the second time there is nothing to move
		e, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		revision, err := e.Revision(t.Context(), own)
		if err != nil || revision != 7 {
			t.Errorf("revision %d, %v", revision, err)
		}
		all, err := e.ListTuples(t.Context(), own, store.TupleFilter{Subject: store.SubjectRef{Type: "user", ID: "1"}}, store.TuplePage{})
		if err != nil || len(all) != 1 || all[0].Relation != "viewer" {
			t.Errorf("tuples %+v, %v", all, err)
		}
		if changes, err := e.Changes(t.Context(), own, 6, 10); err != nil || len(changes) != 1 {
			t.Errorf("changes %+v, %v", changes, err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTuplesFromBefore opens a file whose tuples have no time of writing: it is read as it is, whoever asks is told
// that a column is lacking, and Ensure adds it.
func TestTuplesFromBefore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cardea.db")
	times := func(e *sqlite.Engine) (got []time.Time) {
		_, err := e.Snapshot(t.Context(), store.OwnTuples(id.Default), func(u store.Tuple) error { got = append(got, u.Written); return nil })
		if err != nil {
			t.Error(err)
		}
		return got
	}
	write := func(docID string, old bool) {
		e, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Now: storetest.NewClock().Now})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = e.Close() }()
		lacking, err := e.Missing(t.Context(), nil)
		if err != nil || slices.Contains(lacking, store.Work{Collection: "tuple", Column: "written"}) != old {
			t.Errorf("it lacks %+v, %v", lacking, err)
		}
		if old {
			if got := times(e); !slices.Equal(got, []time.Time{{}}) {
				t.Errorf("before anything is made: %v", got)
			}
		}
		if err := e.Ensure(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		_, err = e.Commit(t.Context(), store.Write{Tenant: id.Default, Tuples: []store.TupleOp{store.WriteTuple(store.Tuple{
			Object: store.ObjectRef{Type: "doc", ID: docID}, Relation: "viewer", Subject: store.SubjectRef{Type: "user", ID: "1"}, Written: storetest.Epoch,
		})}})
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func(want ...time.Time) {
		t.Helper()
		e, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Now: storetest.NewClock().Now, ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = e.Close() }()
		if diff := cmp.Diff(want, times(e)); diff != "" {
			t.Error(diff)
		}
	}
	write("1", false)
	read(storetest.Epoch)
	db, err := sql.Open("sqlite", path)
	if err == nil {
		_, err = db.Exec("ALTER TABLE tuple DROP COLUMN written")
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	read(time.Time{})
	write("2", true)
	read(time.Time{}, storetest.Epoch)
}

package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/postgres"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// site is a collection with three notes that is in use while it is extended.
type site struct {
	*testing.T
	uri    string
	engine *postgres.Engine
	notes  *store.Collection[note]
	db     *store.DB
	raw    *pgx.Conn // looks on
	held   pgx.Tx    // is older than what is built, and has written to the collection
}

func newSite(t *testing.T, texts ...string) *site {
	t.Helper()
	s := &site{T: t, uri: pgtest.URL(t)}
	s.engine = s.open()
	s.db = store.New(store.Config{Engine: s.engine, Sealer: storetest.NewSealer(), Now: storetest.NewClock().Now})
	s.notes = store.NewCollection(s.db, noteKind())
	storetest.Ensure(t, s.db)
	for i, text := range texts {
		s.write(fmt.Sprint(i), text)
	}
	s.raw = s.connect()
	var err error
	if s.held, err = s.connect().Begin(t.Context()); err == nil {
		_, err = s.held.Exec(t.Context(), "UPDATE c_note SET version = version WHERE id = '0'")
	}
	s.must(err)
	return s
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) open() *postgres.Engine {
	s.Helper()
	e, err := postgres.Open(s.Context(), postgres.Config{URL: secret.New(s.uri), Now: storetest.NewClock().Now, Connections: 2})
	s.must(err)
	s.Cleanup(func() { _ = e.Close() })
	return e
}

func (s *site) connect() *pgx.Conn {
	s.Helper()
	c, err := pgx.Connect(s.Context(), s.uri)
	s.must(err)
	s.Cleanup(func() { _ = c.Close(context.WithoutCancel(s.Context())) })
	return c
}

func (s *site) write(docID, text string) {
	s.Helper()
	_, err := s.db.Commit(s.Context(), store.Batch{
		Permit: storetest.Permit(here, "note.write"), Events: []store.Event{{Kind: "note.written"}},
		Docs: []store.DocOp{s.notes.In(here).Insert(s.Context(), &note{Meta: store.Meta{ID: docID}, Text: text})},
	})
	s.must(err)
}

// extend has another node declare one more index, and says how that ended.
func (s *site) extend(x store.Index, columns ...store.ColumnOf[note]) (*postgres.Engine, <-chan error) {
	s.Helper()
	e := s.open()
	kind := noteKind()
	kind.Indexes = append(kind.Indexes, x)
	kind.Columns = append(kind.Columns, columns...)
	db := store.New(store.Config{Engine: e, Sealer: storetest.NewSealer(), Now: storetest.NewClock().Now})
	store.NewCollection(db, kind)
	done := make(chan error, 1)
	go func() { done <- db.Ensure(s.Context()) }()
	return e, done
}

// building waits until an index is being built and waits for who is older, and returns who builds it.
func (s *site) building(index string) (pid int) {
	s.Helper()
	return s.waiting("query LIKE 'CREATE %INDEX CONCURRENTLY%" + index + "%' AND wait_event_type = 'Lock'")
}

// waiting waits until one connection is as the condition says, and returns whose it is.
func (s *site) waiting(condition string) (pid int) {
	s.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		rows, err := s.raw.Query(s.Context(), "SELECT pid FROM pg_stat_activity WHERE "+condition)
		s.must(err)
		pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
		s.must(err)
		if len(pids) == 1 {
			return pids[0]
		}
		if len(pids) > 1 || time.Now().After(deadline) {
			s.Fatalf("%d of them: %s", len(pids), condition)
		}
	}
}

// valid is whether the index is there, and whether it is good for anything.
func (s *site) valid(index string) (valid, there bool) {
	s.Helper()
	rows, err := s.raw.Query(s.Context(), "SELECT indisvalid FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE c.relnamespace = current_schema()::regnamespace AND relname = 'note/' || $1", index)
	s.must(err)
	all, err := pgx.CollectRows(rows, pgx.RowTo[bool])
	s.must(err)
	return len(all) == 1 && all[0], len(all) > 0
}

// release ends what is older.
func (s *site) release() {
	s.Helper()
	s.must(s.held.Rollback(s.Context()))
}

// TestIndexBesideWriters: while an index is built, others write to the collection.
func TestIndexBesideWriters(t *testing.T) {
	t.Parallel()
	s := newSite(t, "a", "b", "c")
	e, done := s.extend(store.Index{Name: "by_beside", Columns: []string{"text"}})
	s.building("by_beside")
	s.write("late", "d")
	select {
	case err := <-done:
		t.Fatalf("it did not wait for who is older: %v", err)
	default:
	}
	s.release()
	s.must(<-done)
	for _, text := range []string{"a", "d"} {
		got, err := e.Find(t.Context(), store.Scan{Tenant: here, Collection: "note", Index: "by_beside", Eq: []store.Value{store.Text(text)}, Now: storetest.Epoch})
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %d, %v", text, len(got), err)
		}
	}
}

// TestColumnBesideWriters: a column that has to wait for somebody has nobody wait.
func TestColumnBesideWriters(t *testing.T) {
	t.Parallel()
	s := newSite(t, "a", "bb", "ccc")
	length := store.ColumnOf[note]{Name: "length", Kind: store.IntKind, Of: func(n *note) store.Value { return store.Int(int64(len(n.Text))) }}
	e, done := s.extend(store.Index{Name: "by_length", Columns: []string{"length"}}, length)
	for i := range 20 {
		s.write(fmt.Sprint("late-", i), "dddd")
	}
	s.release()
	s.must(<-done)
	got, err := e.Find(t.Context(), store.Scan{Tenant: here, Collection: "note", Index: "by_length", Eq: []store.Value{store.Int(4)}, Now: storetest.Epoch})
	if err != nil || len(got) != 20 {
		t.Errorf("%d, %v", len(got), err)
	}
}

// TestFilledBesideWriters: what is changed between the moment at which the values of a new column are computed
// and that at which they are written has the value of what it is now.
func TestFilledBesideWriters(t *testing.T) {
	t.Parallel()
	s := newSite(t, "a", "bb", "ccc")
	s.release()
	// Who fills the column waits before the first write for a lock that this test has.
	const gate = "12"
	for _, statement := range []string{
		"CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(" + gate + "); RETURN NULL; END'",
		"CREATE TRIGGER wait BEFORE UPDATE ON c_note FOR EACH STATEMENT WHEN (current_setting('application_name') = 'filler') EXECUTE FUNCTION wait()",
		"SELECT pg_advisory_lock(" + gate + ")",
	} {
		_, err := s.raw.Exec(t.Context(), statement)
		s.must(err)
	}
	length := store.ColumnOf[note]{Name: "length", Kind: store.IntKind, Of: func(n *note) store.Value { return store.Int(int64(len(n.Text))) }}
	s.uri += "&application_name=filler"
	e, done := s.extend(store.Index{Name: "by_length", Columns: []string{"length"}}, length)
	s.waiting("application_name = 'filler' AND wait_event = 'advisory'")
	_, err := s.notes.In(here).Update(t.Context(), "0", func(n *note) (store.Batch, error) {
		n.Text = "dddd"
		return store.Batch{Permit: storetest.Permit(here, "note.write"), Events: []store.Event{{Kind: "note.written"}}}, nil
	})
	s.must(err)
	one, err := s.notes.In(here).Get(t.Context(), "1")
	s.must(err)
	_, err = s.db.Commit(t.Context(), store.Batch{
		Permit: storetest.Permit(here, "note.write"), Events: []store.Event{{Kind: "note.written"}},
		Docs: []store.DocOp{s.notes.In(here).Delete(one)},
	})
	s.must(err)
	_, err = s.raw.Exec(t.Context(), "SELECT pg_advisory_unlock("+gate+")")
	s.must(err)
	s.must(<-done)
	for n, want := range []string{1: "", 2: "", 3: "2", 4: "0"} {
		got, err := e.Find(t.Context(), store.Scan{Tenant: here, Collection: "note", Index: "by_length", Eq: []store.Value{store.Int(int64(n))}, Now: storetest.Epoch})
		if err != nil || len(got) > 1 || len(got) == 1 != (want != "") || want != "" && got[0].ID != want {
			t.Errorf("length %d: %v, %v; want %q", n, got, err, want)
		}
	}
}

// TestKilledBuild: what a build has left that was killed serves nobody, and the next makes it anew.
func TestKilledBuild(t *testing.T) {
	t.Parallel()
	s := newSite(t, "a", "b", "c")
	_, done := s.extend(store.Index{Name: "by_killed", Columns: []string{"text"}})
	_, err := s.raw.Exec(t.Context(), "SELECT pg_terminate_backend($1)", s.building("by_killed"))
	s.must(err)
	if err := <-done; err == nil {
		t.Error("a build that was killed has succeeded")
	}
	if valid, there := s.valid("by_killed"); valid || !there {
		t.Errorf("it was not killed half-way: valid %v, there %v", valid, there)
	}
	s.release()
	_, done = s.extend(store.Index{Name: "by_killed", Columns: []string{"text"}})
	s.must(<-done)
	if valid, _ := s.valid("by_killed"); !valid {
		t.Error("the index is still what the killed build has left")
	}
}

// TestTwoBuild: of two nodes that want the same index one builds it.
func TestTwoBuild(t *testing.T) {
	t.Parallel()
	s := newSite(t, "a", "b", "c")
	x := store.Index{Name: "by_two", Columns: []string{"text"}, Unique: true}
	_, one := s.extend(x)
	_, two := s.extend(x)
	s.building("by_two")
	s.release()
	s.must(<-one)
	s.must(<-two)
	if valid, _ := s.valid("by_two"); !valid {
		t.Error("there is no such index")
	}
}

// TestNotUnique: an index that cannot be made is not half there.
func TestNotUnique(t *testing.T) {
	t.Parallel()
	s := newSite(t, "same", "same")
	s.release()
	_, done := s.extend(store.Index{Name: "by_unlike", Columns: []string{"text"}, Unique: true})
	if err := <-done; err == nil || !strings.Contains(err.Error(), "by_unlike, which must be unique") {
		t.Errorf("it ended with %v", err)
	}
	if _, there := s.valid("by_unlike"); there {
		t.Error("something is left of it")
	}
}

// TestTuplesFromBefore: the plan names the column that the table of tuples lacks, what is there can be read
// meanwhile, and has no time when the table has got it.
func TestTuplesFromBefore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.release()
	relate := func(tuples ...store.Tuple) {
		var ops []store.TupleOp
		for _, u := range tuples {
			ops = append(ops, store.WriteTuple(u))
		}
		_, err := s.db.Commit(t.Context(), store.Batch{Permit: storetest.Permit(here, "tuple.write"), Events: []store.Event{{Kind: "tuple.written"}}, Tuples: ops})
		s.must(err)
	}
	relate(viewer("old"))
	for _, statement := range []string{"ALTER TABLE tuple DROP COLUMN written", "DELETE FROM cardea WHERE name = 'tuple.written'"} {
		_, err := s.raw.Exec(t.Context(), statement)
		s.must(err)
	}
	e := s.open()
	list := func() ([]store.Tuple, error) {
		return e.ListTuples(t.Context(), store.OwnTuples(here), store.TupleFilter{}, store.TuplePage{})
	}
	want := []store.Work{{Collection: "tuple", Column: "written"}}
	for range 2 { // a plan changes nothing
		if work, err := e.Missing(t.Context(), s.db.Schemas()); err != nil || !cmp.Equal(work, want) {
			t.Errorf("the plan is %v, %v", work, err)
		}
	}
	if got, err := list(); err != nil || len(got) != 1 || !got[0].Written.IsZero() {
		t.Errorf("before: %+v, %v", got, err)
	}
	s.must(e.Ensure(t.Context(), s.db.Schemas()))
	if work, err := e.Missing(t.Context(), s.db.Schemas()); err != nil || len(work) > 0 {
		t.Errorf("afterwards the plan is %v, %v", work, err)
	}
	relate(viewer("new"), viewer("old"))
	got, err := list()
	if err != nil || len(got) != 2 || !got[0].Written.Equal(storetest.Epoch) || !got[1].Written.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
}

package postgres_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/postgres"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// TestAnswersOfDistributedEngines has the database answer as those do that speak its protocol on several machines:
// a transaction that must be tried again (40001), in a statement or at its end, and one of which the server does
// not know what became (40003). Whoever is told of success finds everything, whoever is told of failure nothing.
func TestAnswersOfDistributedEngines(t *testing.T) {
	t.Parallel()
	const inStatement, atEnd = "TRIGGER faults BEFORE INSERT ON c_note", "CONSTRAINT TRIGGER faults AFTER INSERT ON c_note DEFERRABLE INITIALLY DEFERRED"
	for name, c := range map[string]struct {
		state, when string
		succeeds    bool
	}{
		"to be tried again, in a statement": {"40001", inStatement, true},
		"to be tried again, at the end":     {"40001", atEnd, true},
		"unknown, at the end":               {"40003", atEnd, false},
	} {
		for _, tuples := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", tuples ", tuples), func(t *testing.T) {
				t.Parallel()
				w := newWriter(t, pgtest.URL(t))
				raw, err := pgx.Connect(t.Context(), w.uri)
				if err != nil {
					t.Fatal(err)
				}
				for _, statement := range []string{ // a sequence is not rolled back: the first two fail
					"CREATE SEQUENCE attempts",
					"CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF nextval(''attempts'') <= 2 THEN RAISE SQLSTATE ''" + c.state + "''; END IF; RETURN NEW; END'",
					"CREATE " + c.when + " FOR EACH ROW EXECUTE FUNCTION fault()",
				} {
					if _, err := raw.Exec(t.Context(), statement); err != nil {
						t.Fatal(err)
					}
				}
				if err := w.commit("1", tuples); (err == nil) != c.succeeds {
					t.Errorf("told %v", err)
				}
				var attempts int
				if err := raw.QueryRow(t.Context(), "SELECT last_value FROM attempts").Scan(&attempts); err != nil || c.succeeds && attempts != 3 {
					t.Errorf("%d attempts, %v", attempts, err)
				}
				_ = raw.Close(t.Context())
				w.look("1", tuples, c.succeeds)
			})
		}
	}
}

// TestUnknownButCommitted: the server says that it does not know, and has committed.
func TestUnknownButCommitted(t *testing.T) {
	t.Parallel()
	for _, tuples := range []bool{false, true} {
		t.Run(fmt.Sprint("tuples ", tuples), func(t *testing.T) {
			t.Parallel()
			p, uri := startProxy(t, pgtest.URL(t))
			w := newWriter(t, pgtest.With(t, uri, "pgbouncer", "true"))
			if err := w.commit("warm", tuples); err != nil {
				t.Fatal(err)
			}
			said := 0
			for burst := range 3 {
				docID := fmt.Sprint(burst)
				p.plan(unknown, burst)
				err := w.commit(docID, tuples)
				said += p.cuts
				p.plan(never, 0)
				w.look(docID, tuples, err == nil)
				if err != nil && errs.CodeOf(err) != "store_unavailable" {
					t.Errorf("burst %d: %v", burst, err)
				}
			}
			if said == 0 {
				t.Error("the proxy has said nothing")
			}
		})
	}
}

// writer writes notes, with a tuple about each where a test wants that.
type writer struct {
	*testing.T
	uri    string
	engine *postgres.Engine
	db     *store.DB
	notes  *store.Collection[note]
}

func newWriter(t *testing.T, uri string) *writer {
	t.Helper()
	clock := storetest.NewClock()
	e, err := postgres.Open(t.Context(), postgres.Config{URL: secret.New(uri), Now: clock.Now, Connections: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	w := &writer{T: t, uri: uri, engine: e, db: store.New(store.Config{Engine: e, Sealer: storetest.NewSealer(), Now: clock.Now})}
	w.notes = store.NewCollection(w.db, noteKind())
	storetest.Ensure(t, w.db)
	return w
}

func (w *writer) commit(docID string, tuples bool) error {
	b := store.Batch{
		Permit: storetest.Permit(here, "note.write"), Events: []store.Event{{Kind: "note.written"}},
		Docs: []store.DocOp{w.notes.In(here).Insert(w.Context(), &note{Meta: store.Meta{ID: docID}})},
	}
	if tuples {
		b.Tuples = []store.TupleOp{store.WriteTuple(viewer(docID))}
	}
	_, err := w.db.Commit(w.Context(), b)
	return err
}

// look compares what is there of a note with whether it was written.
func (w *writer) look(docID string, tuples, written bool) {
	w.Helper()
	_, missing := w.notes.In(here).Get(w.Context(), docID)
	related, err := w.engine.ListTuples(w.Context(), store.OwnTuples(here), store.TupleFilter{Object: viewer(docID).Object}, store.TuplePage{})
	if err != nil || missing != nil && !errs.Is(missing, errs.NotFound) {
		w.Fatal(err, missing)
	}
	if (missing == nil) != written || (len(related) == 1) != (written && tuples) {
		w.Errorf("%s: written is %v, and there is: %v, %d tuples", docID, written, missing, len(related))
	}
}

package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// baseTables are the tables that every database has: what is related to what now, in both
// directions; what changed in which revision; and one counter row per tuple store, changed in the
// transaction of the change, so that revisions are dense and in commit order.
//
// Names are not interned: a number for a type saves a few bytes per row, which SQLite would spend on
// two look-ups for each tuple that is written or read.
func baseTables() []string {
	const names = "object_type TEXT NOT NULL, object_id TEXT NOT NULL, relation TEXT NOT NULL, subject_type TEXT NOT NULL, subject_id TEXT NOT NULL, subject_relation TEXT NOT NULL"
	const extra = "condition TEXT NOT NULL DEFAULT '', context TEXT NOT NULL DEFAULT '', expires INTEGER"
	return []string{
		"CREATE TABLE IF NOT EXISTS tuple_store (tenant TEXT NOT NULL, store TEXT NOT NULL, revision INTEGER NOT NULL, trimmed INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (tenant, store)) STRICT, WITHOUT ROWID",
		"CREATE TABLE IF NOT EXISTS tuple (tenant TEXT NOT NULL, store TEXT NOT NULL, " + names + ", " + extra + ", written INTEGER, PRIMARY KEY (tenant, store, " + tupleColumns + ")) STRICT, WITHOUT ROWID",
		"CREATE INDEX IF NOT EXISTS tuple_reverse ON tuple(tenant, store, subject_type, subject_id, subject_relation, object_type, object_id, relation)",
		"CREATE INDEX IF NOT EXISTS tuple_expires ON tuple(expires) WHERE expires IS NOT NULL",
		"CREATE TABLE IF NOT EXISTS tuple_log (tenant TEXT NOT NULL, store TEXT NOT NULL, revision INTEGER NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL, removed INTEGER NOT NULL, " + names + ", " + extra + ", PRIMARY KEY (tenant, store, revision, n)) STRICT, WITHOUT ROWID",
		"CREATE TABLE IF NOT EXISTS pulse (id INTEGER PRIMARY KEY CHECK (id = 1), beats INTEGER NOT NULL) STRICT",
		"INSERT OR IGNORE INTO pulse (id, beats) VALUES (1, 0)",
	}
}

// addWritten makes the column in a file from before tuples had it, which Ensure does. What is there has no time.
const addWritten = "ALTER TABLE tuple ADD COLUMN written INTEGER"

// hasWritten is 0 where there is no such column.
const hasWritten = "SELECT count(*) FROM pragma_table_info('tuple') WHERE name = 'written'"

// row are the columns of a tuple, as the file has them.
func (e *Engine) row() string {
	if e.timed.Load() {
		return tupleRow
	}
	return tupleFields + ", NULL"
}

// fromVersion1 moves the tuples of a file whose tenants had one tuple store each into the tables of
// today. It stands before baseTables in the transaction that marks the file as new; afterVersion1
// stands behind.
func fromVersion1() []string {
	return []string{
		"DROP INDEX tuple_reverse", "DROP INDEX tuple_expires",
		"ALTER TABLE tuple RENAME TO tuple_1", "ALTER TABLE tuple_log RENAME TO tuple_log_1", "ALTER TABLE tuple_store RENAME TO tuple_store_1",
	}
}

func afterVersion1() []string {
	return []string{
		"INSERT INTO tuple_store (tenant, store, revision, trimmed) SELECT tenant, '', revision, trimmed FROM tuple_store_1",
		"INSERT INTO tuple (tenant, store, " + tupleColumns + ", expires) SELECT tenant, '', " + tupleColumns + ", expires FROM tuple_1",
		"INSERT INTO tuple_log (tenant, store, revision, n, at, removed, " + tupleColumns + ", expires)" +
			" SELECT tenant, '', revision, n, at, removed, " + tupleColumns + ", expires FROM tuple_log_1",
		"DROP TABLE tuple_1", "DROP TABLE tuple_log_1", "DROP TABLE tuple_store_1",
	}
}

// The statements about tuples.
const (
	tupleColumns = "object_type, object_id, relation, subject_type, subject_id, subject_relation"
	tupleLive    = " AND (+expires IS NULL OR +expires > ?)"

	tupleFields = tupleColumns + ", condition, context, expires"
	tupleRow    = tupleFields + ", written"
	inStore     = " WHERE tenant = ? AND store = ?"

	writeTuple = insertOrFail + "tuple (tenant, store, " + tupleRow + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" +
		orRenewed
	orRenewed  = " ON CONFLICT DO UPDATE SET condition = excluded.condition, context = excluded.context, expires = excluded.expires, written = excluded.written"
	looseTuple = writeTuple + ifOther
	ifOther    = " WHERE (condition, context) <> (excluded.condition, excluded.context) OR expires IS NOT excluded.expires"
	// An expired tuple is not there, although its row may be.
	strictTuple = writeTuple + ifExpired
	ifExpired   = " WHERE tuple.expires <= ?"
	deleteTuple = "DELETE FROM tuple" + inStore + " AND object_type = ? AND object_id = ? AND relation = ?" +
		" AND subject_type = ? AND subject_id = ? AND subject_relation = ?"
	strictDelete = deleteTuple + tupleLive
	logTuple     = insertOrFail + "tuple_log (tenant, store, " + tupleFields + ", revision, n, at, removed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	nextTuple    = "INSERT INTO tuple_store (tenant, store, revision) VALUES (?, ?, 1)" +
		" ON CONFLICT DO UPDATE SET revision = revision + 1 RETURNING revision"
	lastTuple = "SELECT revision FROM tuple_store" + inStore
)

// writeTuples applies the tuple operations of w and returns the revision that they made, or the one
// that was there if nothing changed.
func writeTuples(ctx context.Context, c *conn, w store.Write) (uint64, error) {
	key := storeArgs(w.InTuples())
	if w.DropTuples {
		for _, table := range []string{"tuple", "tuple_log", "tuple_store"} {
			if _, err := c.exec(ctx, "DELETE FROM "+table+inStore, key...); err != nil {
				return 0, err
			}
		}
	}
	effective, err := writeTupleOps(ctx, c, w)
	if err != nil {
		return 0, err
	}
	if len(effective) == 0 {
		n, err := c.number(ctx, lastTuple, key...)
		return uint64(n), err
	}
	revision, err := c.number(ctx, nextTuple, key...)
	if err != nil {
		return 0, err
	}
	return uint64(revision), logTuples(ctx, c, w, revision, effective)
}

// writeTupleOps applies operations in their order and returns those that changed something.
func writeTupleOps(ctx context.Context, c *conn, w store.Write) ([]store.TupleOp, error) {
	effective := make([]store.TupleOp, 0, len(w.Tuples))
	fresh := true // so far each tuple that was written with others was not there before
	for rest := w.Tuples; len(rest) > 0; {
		if many := several(rest); fresh && many != nil {
			var err error
			if fresh, err = writeSeveralTuples(ctx, c, w, many); err != nil {
				return nil, err
			}
			if fresh {
				effective, rest = append(effective, many...), rest[len(many):]
				continue
			}
		}
		changed, err := writeTupleOp(ctx, c, w, rest[0])
		if err != nil {
			return nil, err
		}
		if changed {
			effective = append(effective, rest[0])
		}
		rest = rest[1:]
	}
	return effective, nil
}

func writeTupleOp(ctx context.Context, c *conn, w store.Write, op store.TupleOp) (changed bool, err error) {
	statement, args := looseTuple, append(tupleArgs(w.InTuples(), op.Tuple), millis(op.Tuple.Written))
	switch {
	case op.Delete && op.Strict:
		statement, args = strictDelete, append(args[:8], w.At.UnixMilli())
	case op.Delete:
		statement, args = deleteTuple, args[:8]
	case op.Strict:
		statement, args = strictTuple, append(args, w.At.UnixMilli())
	}
	n, err := c.exec(ctx, statement, args...)
	if err == nil && n == 0 && op.Strict {
		err = &store.TupleError{Op: op}
	}
	return n > 0, err
}

func storeArgs(s store.TupleStore) []driver.Value {
	return append(make([]driver.Value, 0, 16), string(s.Tenant), s.ID)
}

func tupleArgs(s store.TupleStore, t store.Tuple) []driver.Value {
	return append(storeArgs(s), fieldsOf(t)...)
}

// fieldsOf are the columns of tupleFields.
func fieldsOf(t store.Tuple) []driver.Value {
	return []driver.Value{
		t.Object.Type, t.Object.ID, t.Relation, t.Subject.Type, t.Subject.ID, t.Subject.Relation,
		t.Condition.Name, t.Condition.Context, millis(t.Expires),
	}
}

func flag(b bool) driver.Value {
	if b {
		return int64(1)
	}
	return int64(0)
}

// tupleOf reads the nine columns from v[0] on.
func tupleOf(v []driver.Value) store.Tuple {
	return store.Tuple{
		Object: store.ObjectRef{Type: text(v[0]), ID: text(v[1])}, Relation: text(v[2]),
		Subject:   store.SubjectRef{Type: text(v[3]), ID: text(v[4]), Relation: text(v[5])},
		Condition: store.TupleCondition{Name: text(v[6]), Context: text(v[7])},
		Expires:   moment(v[8]),
	}
}

// writtenOf reads the columns of tupleRow.
func writtenOf(v []driver.Value) store.Tuple {
	t := tupleOf(v)
	t.Written = moment(v[9])
	return t
}

func tenantOf(v driver.Value) id.Tenant { return id.Tenant(text(v)) }

// Revision implements store.Tuples.
func (e *Engine) Revision(ctx context.Context, s store.TupleStore) (uint64, error) {
	var n int64
	err := e.readers.with(ctx, func(c *conn) (err error) {
		n, err = c.number(context.WithoutCancel(ctx), lastTuple, storeArgs(s)...)
		return err
	})
	return uint64(n), err
}

// Snapshot implements store.Tuples.
func (e *Engine) Snapshot(ctx context.Context, s store.TupleStore, yield func(store.Tuple) error) (revision uint64, err error) {
	err = e.Freeze(ctx, func(ctx context.Context, f Frozen) (err error) {
		revision, err = f.Snapshot(ctx, s, yield)
		return err
	})
	return revision, err
}

// still calls f with a connection on which all reads see one state.
func (e *Engine) still(ctx context.Context, f func(context.Context, *conn) error) error {
	return e.readers.with(ctx, func(c *conn) (err error) {
		quiet := context.WithoutCancel(ctx)
		if _, err := c.exec(quiet, "BEGIN"); err != nil {
			return err
		}
		defer func() {
			_, end := c.exec(quiet, "ROLLBACK")
			err = errors.Join(err, end)
		}()
		return f(quiet, c)
	})
}

// ListTuples implements store.Tuples.
func (e *Engine) ListTuples(ctx context.Context, s store.TupleStore, f store.TupleFilter, p store.TuplePage) ([]store.Tuple, error) {
	if p.Limit <= 0 {
		p.Limit = defaultLimit
	}
	where, args := tupleList(s, f, p.After)
	var out []store.Tuple
	err := e.readers.with(ctx, func(c *conn) error {
		row := func(v []driver.Value) error {
			out = append(out, writtenOf(v))
			return nil
		}
		return c.query(context.WithoutCancel(ctx), row, "SELECT "+e.row()+where,
			append(args, e.config.Now().UnixMilli(), int64(p.Limit))...)
	})
	return out, err
}

// tupleList is what follows the columns in a list of tuples, and its arguments but the last two: the
// time, and the limit. What f fixes from the left of the order is compared and left out of the order,
// so that one index gives both; a relation of no object in particular is compared row by row.
func tupleList(s store.TupleStore, f store.TupleFilter, after *store.Tuple) (string, []driver.Value) {
	source, where, args := " FROM tuple INDEXED BY sqlite_autoindex_tuple_1", inStore, storeArgs(s) // by its key
	rest := []string{"object_type", "object_id", "relation", "subject_type", "subject_id", "subject_relation"}
	if f.Subject.Type != "" {
		if f.Object.ID == "" {
			source = " FROM tuple INDEXED BY tuple_reverse"
		}
		where += " AND subject_type = ? AND subject_id = ? AND subject_relation = ?"
		args = append(args, f.Subject.Type, f.Subject.ID, f.Subject.Relation)
		rest = rest[:3]
	}
	fixed := 0
	for i, v := range []string{f.Object.Type, f.Object.ID, f.Relation} {
		if v == "" {
			continue
		}
		if fixed == i {
			where += " AND " + rest[i] + " = ?"
			fixed++
		} else {
			where += " AND +" + rest[i] + " = ?" // else the planner takes it out of the order, and sorts
		}
		args = append(args, v)
	}
	rest = rest[fixed:]
	if len(rest) == 0 { // one tuple is meant
		if after != nil {
			where += " AND FALSE"
		}
		return source + where + tupleLive + upTo, args
	}
	if after != nil {
		where += " AND (" + strings.Join(rest, ", ") + ") > (?" + strings.Repeat(", ?", len(rest)-1) + ")"
		all := tupleArgs(s, *after)[2:]
		args = append(args, all[fixed:fixed+len(rest)]...)
	}
	return source + where + tupleLive + " ORDER BY " + strings.Join(rest, ", ") + upTo, args
}

// changeOf reads a row of the changelog.
func changeOf(v []driver.Value) store.TupleChange {
	return store.TupleChange{
		Revision: uint64(integer(v[9])), At: time.UnixMilli(integer(v[10])).UTC(),
		TupleOp: store.TupleOp{Delete: integer(v[11]) != 0, Tuple: tupleOf(v)},
	}
}

// errEnough ends a query that has delivered what was asked for.
var errEnough = errors.New("sqlite: enough")

// Changes implements store.Tuples. A revision that lies ahead, as after a restore, is answered like
// one that was trimmed: whoever asks must start from a Snapshot.
func (e *Engine) Changes(ctx context.Context, s store.TupleStore, since uint64, limit int) ([]store.TupleChange, error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	var out []store.TupleChange
	err := e.still(ctx, func(quiet context.Context, c *conn) error {
		var revision, trimmed uint64
		state := func(v []driver.Value) error {
			revision, trimmed = uint64(integer(v[0])), uint64(integer(v[1]))
			return nil
		}
		if err := c.query(quiet, state, "SELECT revision, trimmed FROM tuple_store"+inStore, storeArgs(s)...); err != nil {
			return err
		}
		if since < trimmed || since > revision {
			return store.ErrTrimmed
		}
		collect := func(v []driver.Value) error {
			var more bool
			if out, more = relational.Collect(out, limit, changeOf(v)); !more {
				return errEnough
			}
			return nil
		}
		return c.query(quiet, collect, "SELECT "+tupleFields+", revision, at, removed FROM tuple_log"+
			inStore+" AND revision > ? ORDER BY revision, n", append(storeArgs(s), int64(since))...)
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, err
}

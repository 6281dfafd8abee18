package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// baseTables are the tables that every database has: what is related to what now, in both
// directions; what changed in which revision; and one counter row per tenant, changed in the
// transaction of the change, so that revisions are dense and in commit order.
//
// Names are not interned: a number for a type saves a few bytes per row, which SQLite would spend on
// two look-ups for each tuple that is written or read.
func baseTables() []string {
	const names = "object_type TEXT NOT NULL, object_id TEXT NOT NULL, relation TEXT NOT NULL, subject_type TEXT NOT NULL, subject_id TEXT NOT NULL, subject_relation TEXT NOT NULL"
	return []string{
		"CREATE TABLE IF NOT EXISTS tuple_store (tenant TEXT NOT NULL PRIMARY KEY, revision INTEGER NOT NULL, trimmed INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID",
		"CREATE TABLE IF NOT EXISTS tuple (tenant TEXT NOT NULL, " + names + ", expires INTEGER, PRIMARY KEY (tenant, " + tupleColumns + ")) STRICT, WITHOUT ROWID",
		"CREATE INDEX IF NOT EXISTS tuple_reverse ON tuple(tenant, subject_type, subject_id, subject_relation, object_type, object_id, relation)",
		"CREATE INDEX IF NOT EXISTS tuple_expires ON tuple(expires) WHERE expires IS NOT NULL",
		"CREATE TABLE IF NOT EXISTS tuple_log (tenant TEXT NOT NULL, revision INTEGER NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL, removed INTEGER NOT NULL, " + names + ", expires INTEGER, PRIMARY KEY (tenant, revision, n)) STRICT, WITHOUT ROWID",
		"CREATE TABLE IF NOT EXISTS pulse (id INTEGER PRIMARY KEY CHECK (id = 1), beats INTEGER NOT NULL) STRICT",
		"INSERT OR IGNORE INTO pulse (id, beats) VALUES (1, 0)",
	}
}

// The statements about tuples.
const (
	tupleColumns = "object_type, object_id, relation, subject_type, subject_id, subject_relation"
	tupleLive    = " AND (+expires IS NULL OR +expires > ?)"

	writeTuple = "INSERT INTO tuple (tenant, " + tupleColumns + ", expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)" +
		" ON CONFLICT DO UPDATE SET expires = excluded.expires WHERE expires IS NOT excluded.expires"
	deleteTuple = "DELETE FROM tuple WHERE tenant = ? AND object_type = ? AND object_id = ? AND relation = ?" +
		" AND subject_type = ? AND subject_id = ? AND subject_relation = ?"
	logTuple  = "INSERT INTO tuple_log (tenant, " + tupleColumns + ", expires, revision, n, at, removed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	nextTuple = "INSERT INTO tuple_store (tenant, revision) VALUES (?, 1)" +
		" ON CONFLICT DO UPDATE SET revision = revision + 1 RETURNING revision"
	lastTuple = "SELECT revision FROM tuple_store WHERE tenant = ?"
)

// writeTuples applies the tuple operations of w and returns the revision that they made, or the one
// that was there if nothing changed.
func writeTuples(ctx context.Context, c *conn, w store.Write) (uint64, error) {
	effective := make([]store.TupleOp, 0, len(w.Tuples))
	for _, op := range w.Tuples {
		statement, args := writeTuple, tupleArgs(w.Tenant, op.Tuple)
		if op.Delete {
			statement, args = deleteTuple, args[:7]
		}
		n, err := c.exec(ctx, statement, args...)
		if err != nil {
			return 0, err
		}
		if n > 0 {
			effective = append(effective, op)
		}
	}
	if len(effective) == 0 {
		n, err := c.number(ctx, lastTuple, string(w.Tenant))
		return uint64(n), err
	}
	revision, err := c.number(ctx, nextTuple, string(w.Tenant))
	if err != nil {
		return 0, err
	}
	for n, op := range effective {
		args := append(tupleArgs(w.Tenant, op.Tuple), revision, int64(n), w.At.UnixMilli(), flag(op.Delete))
		if _, err := c.exec(ctx, logTuple, args...); err != nil {
			return 0, err
		}
	}
	return uint64(revision), nil
}

func tupleArgs(tenant id.Tenant, t store.Tuple) []driver.Value {
	return append(make([]driver.Value, 0, 12), string(tenant), t.Object.Type, t.Object.ID, t.Relation,
		t.Subject.Type, t.Subject.ID, t.Subject.Relation, millis(t.Expires))
}

func flag(b bool) driver.Value {
	if b {
		return int64(1)
	}
	return int64(0)
}

// tupleOf reads the seven columns from v[0] on.
func tupleOf(v []driver.Value) store.Tuple {
	return store.Tuple{
		Object: store.ObjectRef{Type: text(v[0]), ID: text(v[1])}, Relation: text(v[2]),
		Subject: store.SubjectRef{Type: text(v[3]), ID: text(v[4]), Relation: text(v[5])},
		Expires: moment(v[6]),
	}
}

func tenantOf(v driver.Value) id.Tenant { return id.Tenant(text(v)) }

// Revision implements store.Tuples.
func (e *Engine) Revision(ctx context.Context, t id.Tenant) (uint64, error) {
	var n int64
	err := e.readers.with(ctx, func(c *conn) (err error) {
		n, err = c.number(context.WithoutCancel(ctx), lastTuple, string(t))
		return err
	})
	return uint64(n), err
}

// Snapshot implements store.Tuples.
func (e *Engine) Snapshot(ctx context.Context, t id.Tenant, yield func(store.Tuple) error) (uint64, error) {
	var revision int64
	err := e.still(ctx, func(quiet context.Context, c *conn) (err error) {
		if revision, err = c.number(quiet, lastTuple, string(t)); err != nil {
			return err
		}
		row := func(v []driver.Value) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return yield(tupleOf(v))
		}
		return c.query(quiet, row, "SELECT "+tupleColumns+", expires FROM tuple WHERE tenant = ?"+tupleLive+
			" ORDER BY "+tupleColumns, string(t), e.config.Now().UnixMilli())
	})
	return uint64(revision), err
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

// Forward implements store.Tuples.
func (e *Engine) Forward(ctx context.Context, t id.Tenant, object store.ObjectRef, relation string, p store.TuplePage) ([]store.Tuple, error) {
	where := " WHERE tenant = ? AND object_type = ? AND object_id = ?"
	args := []driver.Value{string(t), object.Type, object.ID}
	rest := "relation, subject_type, subject_id, subject_relation"
	if relation != "" {
		where, rest = where+" AND relation = ?", "subject_type, subject_id, subject_relation"
		args = append(args, relation)
	}
	if a := p.After; a != nil {
		if relation != "" {
			where += " AND (" + rest + ") > (?, ?, ?)"
			args = append(args, a.Subject.Type, a.Subject.ID, a.Subject.Relation)
		} else {
			where += " AND (" + rest + ") > (?, ?, ?, ?)"
			args = append(args, a.Relation, a.Subject.Type, a.Subject.ID, a.Subject.Relation)
		}
	}
	return e.listTuples(ctx, p.Limit, where, " ORDER BY "+rest, args)
}

// Reverse implements store.Tuples.
func (e *Engine) Reverse(ctx context.Context, t id.Tenant, subject store.SubjectRef, p store.TuplePage) ([]store.Tuple, error) {
	where := " INDEXED BY tuple_reverse WHERE tenant = ? AND subject_type = ? AND subject_id = ? AND subject_relation = ?"
	args := []driver.Value{string(t), subject.Type, subject.ID, subject.Relation}
	if a := p.After; a != nil {
		where += " AND (object_type, object_id, relation) > (?, ?, ?)"
		args = append(args, a.Object.Type, a.Object.ID, a.Relation)
	}
	return e.listTuples(ctx, p.Limit, where, " ORDER BY object_type, object_id, relation", args)
}

func (e *Engine) listTuples(ctx context.Context, limit int, where, order string, args []driver.Value) ([]store.Tuple, error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	var out []store.Tuple
	err := e.readers.with(ctx, func(c *conn) error {
		row := func(v []driver.Value) error {
			out = append(out, tupleOf(v))
			return nil
		}
		return c.query(context.WithoutCancel(ctx), row, "SELECT "+tupleColumns+", expires FROM tuple"+where+tupleLive+order+" LIMIT ?",
			append(args, e.config.Now().UnixMilli(), int64(limit))...)
	})
	return out, err
}

// errEnough ends a query that has delivered what was asked for.
var errEnough = errors.New("sqlite: enough")

// Changes implements store.Tuples. A revision that lies ahead, as after a restore, is answered like
// one that was trimmed: whoever asks must start from a Snapshot.
func (e *Engine) Changes(ctx context.Context, t id.Tenant, since uint64, limit int) ([]store.TupleChange, error) {
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
		if err := c.query(quiet, state, "SELECT revision, trimmed FROM tuple_store WHERE tenant = ?", string(t)); err != nil {
			return err
		}
		if since < trimmed || since > revision {
			return store.ErrTrimmed
		}
		collect := func(v []driver.Value) error { return collectChange(&out, limit, v) }
		return c.query(quiet, collect, "SELECT "+tupleColumns+", expires, revision, at, removed FROM tuple_log"+
			" WHERE tenant = ? AND revision > ? ORDER BY revision, n", string(t), int64(since))
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, err
}

// collectChange appends a row. When the limit is passed it cuts back to the last whole revision, or
// goes on to the end of the first one, which is delivered however long it is.
func collectChange(out *[]store.TupleChange, limit int, v []driver.Value) error {
	change := store.TupleChange{
		Revision: uint64(integer(v[7])), At: time.UnixMilli(integer(v[8])).UTC(),
		TupleOp: store.TupleOp{Delete: integer(v[9]) != 0, Tuple: tupleOf(v)},
	}
	n := len(*out)
	if n >= limit && (*out)[0].Revision != change.Revision {
		if (*out)[n-1].Revision == change.Revision { // it does not fit whole
			for n > 0 && (*out)[n-1].Revision == change.Revision {
				n--
			}
			*out = (*out)[:n]
		}
		return errEnough
	}
	*out = append(*out, change)
	return nil
}

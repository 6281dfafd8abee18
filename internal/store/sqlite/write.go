package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// Commit implements store.Engine.
func (e *Engine) Commit(ctx context.Context, w store.Write) (store.Receipt, error) {
	if err := e.admit(w); err != nil {
		return store.Receipt{}, err
	}
	if w.At.IsZero() {
		w.At = e.config.Now()
	}
	var r store.Receipt
	err := e.do(ctx, func(ctx context.Context, c *conn) error {
		var err error
		r, err = e.write(ctx, c, w)
		return err
	})
	if err != nil {
		return store.Receipt{}, err
	}
	return r, nil
}

func (e *Engine) do(ctx context.Context, work func(context.Context, *conn) error) error {
	if e.committer == nil {
		return ErrReadOnly
	}
	return e.committer.do(ctx, work)
}

// admit refuses what no transaction should be opened for.
func (e *Engine) admit(w store.Write) error {
	for _, op := range w.Docs {
		t, err := e.table(op.Key.Collection)
		if err != nil {
			return err
		}
		if err := t.Admit(op); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) table(collection string) (*table, error) {
	t, ok := (*e.tables.Load())[collection]
	if !ok {
		return nil, fmt.Errorf("sqlite: collection %q is not known; Ensure has not been told of it", collection)
	}
	return t, nil
}

// write runs the operations of w in order, inside the transaction of the committer.
func (e *Engine) write(ctx context.Context, c *conn, w store.Write) (store.Receipt, error) {
	mark := w.Mark()
	for i, op := range w.Docs {
		t, err := e.table(op.Key.Collection)
		if err != nil {
			return store.Receipt{}, err
		}
		s := stamp{now: w.At}
		if i == mark {
			s.batch = w.ID
		}
		if err := t.apply(ctx, c, op, s); err != nil {
			return store.Receipt{}, err
		}
	}
	if !w.TouchesTuples() {
		return store.Receipt{}, nil
	}
	revision, err := writeTuples(ctx, c, w)
	return store.Receipt{Revision: revision}, err
}

// stamp is what the rows of a batch have in common.
type stamp struct {
	batch string // "" for all rows but the one of the mark
	now   time.Time
}

func (t *table) apply(ctx context.Context, c *conn, op store.Op, s stamp) error {
	switch op.Kind {
	case store.InsertOp:
		return t.retry(ctx, c, op, s, t.doInsert)
	case store.ReplaceOp:
		return t.retry(ctx, c, op, s, t.doReplace)
	case store.DeleteOp:
		n, err := c.exec(ctx, t.remove, string(op.Key.Tenant), op.Key.ID, op.Version, s.now.UnixMilli())
		return changed(n, err)
	case store.CheckOp:
		n, err := c.number(ctx, t.check, string(op.Key.Tenant), op.Key.ID, op.Version, s.now.UnixMilli())
		return changed(n, err)
	}
	return fmt.Errorf("sqlite: collection %s: unknown operation %d", t.Schema.Name, op.Kind)
}

func (t *table) doInsert(ctx context.Context, c *conn, op store.Op, s stamp) error {
	args := append(make([]driver.Value, 0, 5+len(op.Columns)),
		string(op.Key.Tenant), op.Key.ID, millis(op.Expires), nullable(s.batch), string(op.Body))
	_, err := c.exec(ctx, t.insert, appendValues(args, op.Columns)...)
	return err
}

func (t *table) doReplace(ctx context.Context, c *conn, op store.Op, s stamp) error {
	args := append(make([]driver.Value, 0, 7+len(op.Columns)), millis(op.Expires), nullable(s.batch), string(op.Body))
	args = append(appendValues(args, op.Columns), string(op.Key.Tenant), op.Key.ID, op.Version, s.now.UnixMilli())
	n, err := c.exec(ctx, t.replace, args...)
	return changed(n, err)
}

// changed turns a statement that met no row into ErrChanged.
func changed(n int64, err error) error {
	if err == nil && n == 0 {
		return store.ErrChanged
	}
	return err
}

// retry runs write; when a row stands in the way that has expired, it is removed and write tried
// once more. All of it happens in the savepoint of the batch.
func (t *table) retry(ctx context.Context, c *conn, op store.Op, s stamp, write func(context.Context, *conn, store.Op, stamp) error) error {
	err := write(ctx, c, op, s)
	if t.exists(err) == nil {
		return err
	}
	n, clearErr := t.clearExpired(ctx, c, op, s.now)
	if clearErr != nil {
		return clearErr
	}
	if n > 0 {
		err = write(ctx, c, op, s)
	}
	exists := t.exists(err)
	if exists == nil {
		return err
	}
	if op.Kind == store.InsertOp {
		// SQLite looks at the other indexes first; the contract names the key before them.
		n, err := c.number(ctx, "SELECT count(*) FROM "+t.name+" WHERE tenant = ? AND id = ?", string(op.Key.Tenant), op.Key.ID)
		if err != nil {
			return err
		}
		if n > 0 {
			return &store.ExistsError{Collection: t.Schema.Name, Index: store.PrimaryIndex}
		}
	}
	return exists
}

// clearExpired removes the expired rows that share the key or a unique value with op.
func (t *table) clearExpired(ctx context.Context, c *conn, op store.Op, now time.Time) (int64, error) {
	gone := " AND expires <= ?"
	total, err := c.exec(ctx, "DELETE FROM "+t.name+" WHERE tenant = ? AND id = ?"+gone,
		string(op.Key.Tenant), op.Key.ID, now.UnixMilli())
	if err != nil {
		return 0, err
	}
	for _, x := range t.Schema.Indexes {
		if !x.Unique {
			continue
		}
		where, args := " WHERE tenant = ?", []driver.Value{string(op.Key.Tenant)}
		for _, name := range x.Columns {
			where += " AND x_" + name + " = ?" // a NULL equals nothing, and nothing was in its way
			args = append(args, value(op.Columns[relational.ColumnAt(t.Schema, name)]))
		}
		n, err := c.exec(ctx, "DELETE FROM "+t.name+where+gone, append(args, now.UnixMilli())...)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// exists is the ExistsError that err stands for, or nil. SQLite names the columns, never the values:
//
//	constraint failed: UNIQUE constraint failed: c_user.tenant, c_user.x_email (2067)
func (t *table) exists(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok || (e.Code() != sqlite3.SQLITE_CONSTRAINT_UNIQUE && e.Code() != sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY) {
		return nil
	}
	_, columns, _ := strings.Cut(e.Error(), "UNIQUE constraint failed: ")
	columns, _, _ = strings.Cut(columns, " (")
	return &store.ExistsError{Collection: t.Schema.Name, Index: t.unique[columns]}
}

// value is what the driver binds for v.
func value(v store.Value) driver.Value {
	switch v.Kind {
	case store.TextKind:
		return v.Text
	case store.IntKind:
		return v.Int
	}
	return nil
}

func appendValues(args []driver.Value, values []store.Value) []driver.Value {
	for _, v := range values {
		args = append(args, value(v))
	}
	return args
}

func nullable(s string) driver.Value {
	if s == "" {
		return nil
	}
	return s
}

// millis is a time as it is stored; the zero time is NULL.
func millis(t time.Time) driver.Value {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// moment is a stored time; NULL is the zero time.
func moment(v driver.Value) time.Time {
	ms, ok := v.(int64)
	if !ok {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// statement is what the driver's prepared statements can do.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// conn is one connection with its prepared statements. It speaks to the driver directly: the pool
// of database/sql would cost another 4 µs per point read and hide which connection is used. Only
// one goroutine uses a conn at a time.
//
// The set of statements is bounded, because their text holds no values: it depends only on the
// declared collections, their indexes and the shape of a query.
type conn struct {
	raw        driver.Conn
	statements map[string]statement
	named      []driver.NamedValue // reused between calls
	args       []driver.Value      // for whoever has many
}

// upTo ends a statement whose last argument is how many rows it returns at most. Without its plus SQLite plans for
// that number, and compiles the statement again whenever another number comes: 12 µs for a query of 5.
const upTo = " LIMIT +?"

func (c *conn) prepare(text string) (statement, error) {
	if s, ok := c.statements[text]; ok {
		return s, nil
	}
	raw, err := c.raw.Prepare(text)
	if err != nil {
		return nil, err
	}
	s, ok := raw.(statement)
	if !ok {
		return nil, errors.Join(errors.New("sqlite: the driver lacks contexts"), raw.Close())
	}
	c.statements[text] = s
	return s, nil
}

// exec runs a statement and returns how many rows it changed. The context must not be cancellable:
// an interrupted statement rolls back the whole transaction of a writer, and watching a context
// costs a reader more than a point read takes.
func (c *conn) exec(ctx context.Context, text string, args ...driver.Value) (int64, error) {
	s, err := c.prepare(text)
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(ctx, c.bind(args))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query calls row for each row of the result. The values are only good during the call. An error of
// row ends the query and is returned.
func (c *conn) query(ctx context.Context, row func([]driver.Value) error, text string, args ...driver.Value) (err error) {
	s, err := c.prepare(text)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, c.bind(args))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	values := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(values); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := row(values); err != nil {
			return err
		}
	}
}

// number is the one number that a query returns.
func (c *conn) number(ctx context.Context, text string, args ...driver.Value) (int64, error) {
	var n int64
	err := c.query(ctx, func(v []driver.Value) error {
		var ok bool
		if n, ok = v[0].(int64); !ok {
			return fmt.Errorf("sqlite: a number was expected, not %T", v[0])
		}
		return nil
	}, text, args...)
	return n, err
}

func (c *conn) bind(args []driver.Value) []driver.NamedValue {
	c.named = c.named[:0]
	for i, a := range args {
		c.named = append(c.named, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.named
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.raw.Close())...)
}

// text and integer read a value of a row; a NULL becomes the zero value.
func text(v driver.Value) string {
	s, _ := v.(string)
	return s
}

func integer(v driver.Value) int64 {
	n, _ := v.(int64)
	return n
}

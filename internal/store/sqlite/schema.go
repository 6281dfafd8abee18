package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"
	"maps"
	"strings"

	"github.com/cardea-auth/cardea/internal/store"
)

// Ensure implements store.Keeper. All of it is one transaction: killed half-way, nothing happened.
func (e *Engine) Ensure(ctx context.Context, schemas []store.Schema) error {
	tables := maps.Clone(*e.tables.Load())
	for _, s := range schemas {
		t, err := newTable(s)
		if err != nil {
			return err
		}
		tables[s.Name] = t
	}
	if e.committer != nil {
		err := e.do(ctx, func(ctx context.Context, c *conn) error {
			if !e.timed.Load() {
				if _, err := c.exec(ctx, addWritten); err != nil {
					return err
				}
			}
			return ensure(ctx, c, tables, schemas)
		})
		if err != nil {
			return err
		}
		e.timed.Store(true)
	}
	e.tables.Store(&tables)
	return nil
}

func ensure(ctx context.Context, c *conn, tables map[string]*table, schemas []store.Schema) error {
	for _, s := range schemas {
		if err := tables[s.Name].ensure(ctx, c); err != nil {
			return fmt.Errorf("preparing collection %s: %w", s.Name, err)
		}
	}
	return dropStatistics(ctx, c)
}

// dropStatistics removes what earlier versions had the planner gather. Each statement says by which index it
// reads, so statistics decide nothing; but with them SQLite compiles a query again for each value that it compares
// a column with, which doubled what it costs.
func dropStatistics(ctx context.Context, c *conn) error {
	for _, table := range []string{"sqlite_stat1", "sqlite_stat4"} {
		if _, err := c.exec(ctx, "DROP TABLE IF EXISTS "+table); err != nil {
			return err
		}
	}
	return nil
}

// ensure creates or extends the table. What was declared once and is no longer stays.
func (t *table) ensure(ctx context.Context, c *conn) error {
	have, err := t.existing(ctx, c)
	if err != nil {
		return err
	}
	if len(have) == 0 {
		if _, err := c.exec(ctx, t.create()); err != nil {
			return err
		}
	} else if err := t.extend(ctx, c, have); err != nil {
		return err
	}
	return t.ensureIndexes(ctx, c)
}

// existing are the columns that the table has, with their types.
func (t *table) existing(ctx context.Context, c *conn) (map[string]string, error) {
	have := map[string]string{}
	err := c.query(ctx, func(v []driver.Value) error {
		have[text(v[0])] = text(v[1])
		return nil
	}, "SELECT name, type FROM pragma_table_info(?)", t.Name)
	return have, err
}

func (t *table) create() string {
	var b strings.Builder
	b.WriteString("CREATE TABLE " + t.name + " (tenant TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, expires INTEGER, batch TEXT")
	for i, c := range t.Columns {
		b.WriteString(", " + c + " " + columnType(t.Schema.Columns[i].Kind))
	}
	b.WriteString(", body TEXT NOT NULL, PRIMARY KEY (tenant, id)) STRICT, WITHOUT ROWID")
	return b.String()
}

// extend adds the columns that are new and fills them from the bodies.
func (t *table) extend(ctx context.Context, c *conn, have map[string]string) error {
	added := false
	for i, name := range t.Columns {
		want := columnType(t.Schema.Columns[i].Kind)
		if kind, ok := have[name]; ok {
			if kind != want {
				return fmt.Errorf("sqlite: column %s was of another kind; give the new one another name", t.Schema.Columns[i].Name)
			}
			continue
		}
		if _, err := c.exec(ctx, "ALTER TABLE "+t.name+" ADD COLUMN "+name+" "+want); err != nil {
			return err
		}
		added = true
	}
	if !added {
		return nil
	}
	return t.backfill(ctx, c)
}

// backfillPage is how many rows are held in memory at a time.
const backfillPage = 500

// backfill computes the columns of every row anew.
func (t *table) backfill(ctx context.Context, c *conn) error {
	var set strings.Builder
	for i, name := range t.Columns {
		if i > 0 {
			set.WriteString(", ")
		}
		set.WriteString(name + " = ?")
	}
	update := "UPDATE " + t.name + " SET " + set.String() + " WHERE tenant = ? AND id = ?"
	for after := (store.Key{}); ; {
		records, err := t.page(ctx, c, after, backfillPage)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, r := range records {
			values, err := t.Derive(r)
			if err != nil {
				return err
			}
			args := appendValues(make([]driver.Value, 0, len(values)+2), values)
			if _, err := c.exec(ctx, update, append(args, string(r.Tenant), r.ID)...); err != nil {
				return err
			}
		}
		after = records[len(records)-1].Key
	}
}

// ensureIndexes creates what is missing. An index that exists under the same name with another
// definition is an error: whoever wrote it meant something else.
func (t *table) ensureIndexes(ctx context.Context, c *conn) error {
	expiries := t.Schema.Name + ":expires"
	err := ensureIndex(ctx, c, expiries, "CREATE INDEX "+quote(expiries)+" ON "+t.name+"(expires) WHERE expires IS NOT NULL")
	if err != nil {
		return err
	}
	for _, d := range t.Schema.Indexes {
		if err := ensureIndex(ctx, c, t.Schema.Name+"/"+d.Name, t.createIndex(d)); err != nil {
			return err
		}
	}
	return nil
}

func ensureIndex(ctx context.Context, c *conn, name, statement string) error {
	have := ""
	err := c.query(ctx, func(v []driver.Value) error {
		have = text(v[0])
		return nil
	}, "SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?", name)
	switch {
	case err != nil:
		return err
	case have == statement:
		return nil
	case have != "":
		return fmt.Errorf("sqlite: index %s was declared otherwise; give the new one another name", name)
	}
	_, err = c.exec(ctx, statement)
	return err
}

func (t *table) createIndex(d store.Index) string {
	x := t.Indexes[d.Name]
	if d.Unique {
		// The table's key, and so the id, is part of every index of a table WITHOUT ROWID.
		columns := x.Columns[:len(x.Columns)-1]
		return "CREATE UNIQUE INDEX " + quote(x.Name) + " ON " + t.name + "(tenant, " + strings.Join(columns, ", ") + ")"
	}
	return "CREATE INDEX " + quote(x.Name) + " ON " + t.name + "(tenant, " + strings.Join(x.Columns, ", ") + ")"
}

// page reads rows in key order, expired ones included.
func (t *table) page(ctx context.Context, c *conn, after store.Key, limit int) ([]store.Record, error) {
	out := make([]store.Record, 0, limit)
	err := c.query(ctx, func(v []driver.Value) error {
		out = append(out, store.Record{
			Key:     store.Key{Tenant: tenantOf(v[0]), Collection: t.Schema.Name, ID: text(v[1])},
			Version: integer(v[2]), Expires: moment(v[3]), Body: []byte(text(v[4])),
		})
		return nil
	}, "SELECT tenant, id, version, expires, body FROM "+t.name+" WHERE (tenant, id) > (?, ?) ORDER BY tenant, id"+upTo,
		string(after.Tenant), after.ID, int64(limit))
	return out, err
}

package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cardea-auth/cardea/internal/kit/pause"
	"github.com/cardea-auth/cardea/internal/store"
)

// beside calls f with a connection of its own, on which a statement may take as long as it takes.
// Behind a pooler it may take as long as the pooler's user is allowed to.
func (e *Engine) beside(ctx context.Context, f func(context.Context, *pgx.Conn) error) error {
	config := e.pool.Config().ConnConfig
	if !e.pooled {
		config.RuntimeParams["statement_timeout"] = "0"
	}
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }() // there is nothing to lose
	return f(ctx, c)
}

// extend adds columns and indexes to a table while others write to it. It is no transaction: each step
// may be done twice, and is noted when it is done, so whoever comes after one that was killed does again
// what was not noted.
func (e *Engine) extend(ctx context.Context, c *pgx.Conn, t *table, l lack) error {
	for _, column := range l.columns {
		if err := addColumn(ctx, c, t.name, "x_"+column.Name, columnType(column.Kind)); err != nil {
			return err
		}
	}
	if len(l.columns) > 0 {
		if err := t.backfill(ctx, c); err != nil {
			return err
		}
	}
	for _, column := range l.columns {
		if err := note(ctx, c, t.noted("", column.Name), kindName(column.Kind)); err != nil {
			return err
		}
	}
	for _, d := range l.indexes {
		if err := e.build(ctx, c, t, d); err != nil {
			return err
		}
		if err := note(ctx, c, t.noted(d.Name, ""), t.definition(d)); err != nil {
			return err
		}
	}
	return nil
}

// How long a new column waits for whoever reads the table, while everybody else waits behind it, and how
// often it tries.
const (
	columnWait  = "200ms"
	columnTries = 60
)

// addColumn adds a column in which nothing is yet, which touches no row.
func addColumn(ctx context.Context, c *pgx.Conn, table, column, kind string) error {
	for try := 1; ; try++ {
		err := pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '"+columnWait+"'"); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "ALTER TABLE "+table+" ADD COLUMN IF NOT EXISTS "+column+" "+kind)
			return err
		})
		if stateOf(err) != codeLocked {
			return err
		}
		if try == columnTries {
			return sentence("something reads a table for longer than a minute that has to get a column, such as an export; try again when that has ended")
		}
		if err := pause.For(ctx, time.Second); err != nil {
			return err
		}
	}
}

// build makes an index while others write. It waits for every transaction in the database that is older,
// which nobody else has to. What a build leaves that was ended is an index which serves nobody and
// slows writers: it is not in the registry, and goes before the next try.
func (e *Engine) build(ctx context.Context, c *pgx.Conn, t *table, d store.Index) error {
	if e.pooled { // a pooler's user may have too little time for one statement, and here that can be lifted
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, t.createIndex(d, ""))
			return built(d, err)
		})
	}
	clear := "DROP INDEX CONCURRENTLY IF EXISTS " + t.quoted(d)
	for try := 1; ; try++ {
		if _, err := c.Exec(ctx, clear); err != nil {
			return err
		}
		_, err := c.Exec(ctx, t.createIndex(d, "CONCURRENTLY "))
		if again(err) && try < tries {
			continue
		}
		if err != nil && !c.IsClosed() {
			quiet, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
			defer cancel()
			_, _ = c.Exec(quiet, clear) // or whoever tries next does it
		}
		return built(d, err)
	}
}

// built is what went wrong in words for people, where they can do something about it.
func built(d store.Index, err error) error {
	if stateOf(err) == codeExists {
		return sentence("documents that are there have the same values in index " + d.Name + ", which must be unique")
	}
	return err
}

// backfillPage is how many rows are held in memory, and locked, at a time.
const backfillPage = 500

// backfill computes the columns of every row anew, expired ones included.
func (t *table) backfill(ctx context.Context, c *pgx.Conn) error {
	page := "SELECT tenant, id, version, expires, body FROM " + t.name + " WHERE (tenant, id) > ($1, $2) ORDER BY tenant, id LIMIT $3"
	for after := (store.Key{}); ; {
		rows, err := c.Query(ctx, page, tenantText(after.Tenant), toText(after.ID), backfillPage)
		if err != nil {
			return err
		}
		records, err := pgx.CollectRows(rows, t.whole)
		if err != nil || len(records) == 0 {
			return err
		}
		if err := t.fill(ctx, c, records); err != nil {
			return err
		}
		after = records[len(records)-1].Key
	}
}

// fill computes the columns of records. One that is changed at the same moment is computed again.
func (t *table) fill(ctx context.Context, c *pgx.Conn, records []store.Record) error {
	for try := 1; len(records) > 0; try++ {
		missed, err := t.fillOnce(ctx, c, records)
		if again(err) && try < tries {
			missed, err = records, backOff(ctx, try)
		}
		if err != nil {
			return err
		}
		records = nil
		for _, r := range missed {
			rows, err := c.Query(ctx, "SELECT tenant, id, version, expires, body FROM "+t.name+" WHERE tenant = $1 AND id = $2", tenantText(r.Tenant), toText(r.ID))
			if err != nil {
				return err
			}
			found, err := pgx.CollectRows(rows, t.whole)
			if err != nil {
				return err
			}
			records = append(records, found...)
		}
	}
	return nil
}

// fillOnce returns the records that are there no more as they were.
func (t *table) fillOnce(ctx context.Context, c *pgx.Conn, records []store.Record) (missed []store.Record, err error) {
	set := make([]string, len(t.Columns))
	for i, name := range t.Columns {
		set[i] = fmt.Sprintf("%s = $%d", name, i+4)
	}
	update := "UPDATE " + t.name + " SET " + strings.Join(set, ", ") + " WHERE tenant = $1 AND id = $2 AND version = $3"
	var b pgx.Batch
	for _, r := range records {
		columns, err := t.Derive(r)
		if err != nil {
			return nil, err
		}
		args := append([]any{tenantText(r.Tenant), toText(r.ID), r.Version}, values(columns)...)
		b.Queue(update, args...).Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() == 0 {
				missed = append(missed, r)
			}
			return nil
		})
	}
	err = c.SendBatch(ctx, &b).Close()
	return missed, err
}

package postgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// The table "cardea" says what of ours is in the schema, in rows that are written in the transaction
// of what they tell of: it marks the schema as ours, and nobody has to read a catalogue that each
// database words otherwise.
//
//	format                        version of the tables that every database has
//	lock                          locked by whoever changes tables; given back by the end of the connection
//	pulse                         changed by Ping
//	life                          names the database; drawn when it was made
//	table:user                    the collection has its table
//	column:user.email = text      and its column
//	index:user/by_email = …       and its index, as it was declared
const registry = "CREATE TABLE IF NOT EXISTS cardea (name " + textType + " NOT NULL PRIMARY KEY, value text NOT NULL)"

const names = "object_type " + textType + " NOT NULL, object_id " + textType + " NOT NULL, relation " + textType + " NOT NULL, subject_type " +
	textType + " NOT NULL, subject_id " + textType + " NOT NULL, subject_relation " + textType + " NOT NULL"

// baseTables are the tables that every database has: what is related to what now, in both directions;
// what changed in which revision; one counter row per tuple store; and what other nodes must forget.
func baseTables() []string {
	const in = "tenant " + textType + " NOT NULL, store " + textType + " NOT NULL"
	const extra = `condition ` + textType + ` NOT NULL DEFAULT '', context text NOT NULL DEFAULT '', expires bigint`
	return []string{
		"CREATE TABLE tuple_store (" + in + ", revision bigint NOT NULL, trimmed bigint NOT NULL DEFAULT 0, PRIMARY KEY (tenant, store))",
		"CREATE TABLE tuple (" + in + ", " + names + ", " + extra + ", PRIMARY KEY (tenant, store, " + tupleColumns + "))",
		"CREATE INDEX tuple_reverse ON tuple (tenant, store, subject_type, subject_id, subject_relation, object_type, object_id, relation)",
		"CREATE INDEX tuple_expires ON tuple (expires) WHERE expires IS NOT NULL",
		"CREATE TABLE tuple_log (" + in + ", revision bigint NOT NULL, n bigint NOT NULL, at bigint NOT NULL, removed boolean NOT NULL, " +
			names + ", " + extra + ", PRIMARY KEY (tenant, store, revision, n))",
		"CREATE TABLE change (at bigint NOT NULL, tenant " + textType + " NOT NULL, collection " + textType + " NOT NULL, id " + textType +
			" NOT NULL, revision bigint NOT NULL)",
		"CREATE INDEX change_at ON change (at)",
		"INSERT INTO cardea (name, value) VALUES ('pulse', '0'), ('format', '" + strconv.Itoa(formatVersion) + "')",
	}
}

// ensureBase makes what every database has. Several nodes may start at once: whoever loses a race for
// the first table looks again.
func (e *Engine) ensureBase(ctx context.Context) error {
	for try := 1; ; try++ {
		err := e.read(ctx, func(ctx context.Context, c *pgx.Conn) error {
			if _, err := c.Exec(ctx, registry); err != nil {
				return err
			}
			_, err := c.Exec(ctx, "INSERT INTO cardea (name, value) VALUES ('lock', '') ON CONFLICT (name) DO NOTHING")
			return err
		})
		if err == nil {
			break
		}
		if code := stateOf(err); code != codeExists && code != codeDuplicate && code != codeSameName || try == tries {
			return err
		}
	}
	return e.alone(ctx, func(ctx context.Context, tx pgx.Tx, have map[string]string) error {
		format, ok := have["format"]
		if ok {
			if n, err := strconv.Atoi(format); err != nil || n > formatVersion {
				return sentence("the database was written by a newer version of Cardea; start that version")
			}
			return e.name(ctx, tx, have)
		}
		for _, statement := range baseTables() {
			if _, err := tx.Exec(ctx, statement); stateOf(err) == codeDuplicate {
				return sentence("the schema holds tables of another program; give Cardea a database or schema of its own")
			} else if err != nil {
				return err
			}
		}
		return e.name(ctx, tx, have)
	})
}

// name draws a name for a database that has none.
func (e *Engine) name(ctx context.Context, tx pgx.Tx, have map[string]string) (err error) {
	if e.life = have["life"]; e.life == "" {
		e.life = rand.Text()
		_, err = tx.Exec(ctx, "INSERT INTO cardea (name, value) VALUES ('life', $1)", e.life)
	}
	return err
}

// alone runs f in a transaction in which nobody else changes tables, with what the registry says. The
// row lock ends with the connection, however this process ends, and takes all of f back with it.
func (e *Engine) alone(ctx context.Context, f func(context.Context, pgx.Tx, map[string]string) error) error {
	c, err := e.acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil { // filling a large table takes its time
			return err
		}
		if _, err := tx.Exec(ctx, "SELECT value FROM cardea WHERE name = 'lock' FOR UPDATE"); err != nil {
			return err
		}
		have, err := registered(ctx, tx)
		if err != nil {
			return err
		}
		return f(ctx, tx, have)
	})
}

// registered is what the registry says.
func registered(ctx context.Context, c interface {
	Query(context.Context, string, ...any) (pgx.Rows, error)
},
) (map[string]string, error) {
	have := map[string]string{}
	rows, err := c.Query(ctx, "SELECT name, value FROM cardea")
	if err != nil {
		return nil, err
	}
	name, value := "", ""
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error { have[name] = value; return nil })
	return have, err
}

// Ensure implements store.Keeper. All of it is one transaction: killed half-way, nothing happened.
// While an index is added to a collection that is in use, writes to the collection wait.
func (e *Engine) Ensure(ctx context.Context, schemas []store.Schema) error {
	tables := maps.Clone(*e.tables.Load())
	var declared []*table
	for _, s := range schemas {
		t, err := newTable(s)
		if err != nil {
			return err
		}
		tables[s.Name] = t
		declared = append(declared, t)
	}
	err := e.alone(ctx, func(ctx context.Context, tx pgx.Tx, have map[string]string) error {
		for _, t := range declared {
			if err := t.ensure(ctx, tx, have); err != nil {
				return fmt.Errorf("preparing collection %s: %w", t.Schema.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	e.tables.Store(&tables)
	return nil
}

// ensure creates or extends the table. What was declared once and is no longer stays.
func (t *table) ensure(ctx context.Context, tx pgx.Tx, have map[string]string) error {
	var work []string
	note := func(name, value string) {
		work = append(work, "INSERT INTO cardea (name, value) VALUES ('"+name+"', '"+value+"')")
	}
	_, exists := have["table:"+t.Schema.Name]
	if !exists {
		work = append(work, t.create(),
			"CREATE INDEX "+relational.Quote(indexName(t.Schema.Name+":expires"))+" ON "+t.name+" (expires) WHERE expires IS NOT NULL")
		note("table:"+t.Schema.Name, "")
	}
	added := false
	for i, c := range t.Schema.Columns {
		kind, ok := have["column:"+t.Schema.Name+"."+c.Name]
		switch {
		case ok && kind != kindName(c.Kind):
			return fmt.Errorf("postgres: column %s was of another kind; give the new one another name", c.Name)
		case ok:
			continue
		case exists:
			work = append(work, "ALTER TABLE "+t.name+" ADD COLUMN "+t.Columns[i]+" "+columnType(c.Kind))
			added = true
		}
		note("column:"+t.Schema.Name+"."+c.Name, kindName(c.Kind))
	}
	if err := execAll(ctx, tx, work); err != nil {
		return err
	}
	if added {
		if err := t.backfill(ctx, tx); err != nil {
			return err
		}
	}
	return t.ensureIndexes(ctx, tx, have)
}

// ensureIndexes creates what is missing. An index that exists under the same name with another
// definition is an error: whoever wrote it meant something else.
func (t *table) ensureIndexes(ctx context.Context, tx pgx.Tx, have map[string]string) error {
	var work []string
	for _, d := range t.Schema.Indexes {
		x := t.Indexes[d.Name]
		columns, unique := x.Columns, ""
		if d.Unique {
			columns, unique = x.Columns[:len(x.Columns)-1], "UNIQUE "
		}
		definition := unique + "(tenant, " + ordered(columns, false) + ")"
		was, ok := have["index:"+x.Name]
		if ok && was != definition {
			return fmt.Errorf("postgres: index %s was declared otherwise; give the new one another name", x.Name)
		}
		if !ok {
			work = append(work, "CREATE "+unique+"INDEX "+relational.Quote(indexName(x.Name))+" ON "+t.name+" "+strings.TrimPrefix(definition, unique),
				"INSERT INTO cardea (name, value) VALUES ('index:"+x.Name+"', '"+definition+"')")
		}
	}
	return execAll(ctx, tx, work)
}

func execAll(ctx context.Context, tx pgx.Tx, statements []string) error {
	for _, s := range statements {
		if _, err := tx.Exec(ctx, s, pgx.QueryExecModeExec); err != nil {
			return err
		}
	}
	return nil
}

func kindName(k store.ValueKind) string {
	if k == store.IntKind {
		return "bigint"
	}
	return "text"
}

func (t *table) create() string {
	var b strings.Builder
	b.WriteString("CREATE TABLE " + t.name + " (tenant " + textType + " NOT NULL, id " + textType +
		" NOT NULL, version bigint NOT NULL, expires bigint, batch " + textType)
	for i, c := range t.Columns {
		b.WriteString(", " + c + " " + columnType(t.Schema.Columns[i].Kind))
	}
	b.WriteString(", body text NOT NULL, CONSTRAINT " + relational.Quote(primaryName(t.Schema.Name)) + " PRIMARY KEY (tenant, id))")
	return b.String()
}

// backfillPage is how many rows are held in memory at a time.
const backfillPage = 500

// backfill computes the columns of every row anew, expired ones included.
func (t *table) backfill(ctx context.Context, tx pgx.Tx) error {
	set := make([]string, len(t.Columns))
	for i, name := range t.Columns {
		set[i] = fmt.Sprintf("%s = $%d", name, i+3)
	}
	update := "UPDATE " + t.name + " SET " + strings.Join(set, ", ") + " WHERE tenant = $1 AND id = $2"
	page := "SELECT tenant, id, version, expires, body FROM " + t.name + " WHERE (tenant, id) > ($1, $2) ORDER BY tenant, id LIMIT $3"
	for after := (store.Key{}); ; {
		rows, err := tx.Query(ctx, page, tenantText(after.Tenant), toText(after.ID), backfillPage)
		if err != nil {
			return err
		}
		records, err := pgx.CollectRows(rows, t.whole)
		if err != nil || len(records) == 0 {
			return err
		}
		var b pgx.Batch
		for _, r := range records {
			columns, err := t.Derive(r)
			if err != nil {
				return err
			}
			b.Queue(update, append([]any{tenantText(r.Tenant), toText(r.ID)}, values(columns)...)...)
		}
		if err := tx.SendBatch(ctx, &b).Close(); err != nil {
			return err
		}
		after = records[len(records)-1].Key
	}
}

// whole reads (tenant, id, version, expires, body).
func (t *table) whole(row pgx.CollectableRow) (store.Record, error) {
	r := store.Record{Key: store.Key{Collection: t.Schema.Name}}
	var tenant string
	var expires *int64
	err := row.Scan(&tenant, &r.ID, &r.Version, &expires, &r.Body)
	r.Tenant, r.ID, r.Expires = id.Tenant(fromText(tenant)), fromText(r.ID), moment(expires)
	return r, err
}

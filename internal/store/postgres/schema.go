package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/pause"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// The table "cardea" says what of ours is in the schema, in rows that are written once it is there: it
// marks the schema as ours, and nobody has to read a catalogue that each database words otherwise.
//
//	format                        version of the tables that every database has
//	lock                          locked by whoever changes tables; given back by the end of the connection
//	pulse                         changed by Ping
//	life                          names the database; drawn when it was made
//	tuple.written                 the table of tuples has that column, which is younger than the format
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
		"CREATE TABLE tuple (" + in + ", " + names + ", " + extra + ", written bigint, PRIMARY KEY (tenant, store, " + tupleColumns + "))",
		"CREATE INDEX tuple_reverse ON tuple (tenant, store, subject_type, subject_id, subject_relation, object_type, object_id, relation)",
		"CREATE INDEX tuple_expires ON tuple (expires) WHERE expires IS NOT NULL",
		"CREATE TABLE tuple_log (" + in + ", revision bigint NOT NULL, n bigint NOT NULL, at bigint NOT NULL, removed boolean NOT NULL, " +
			names + ", " + extra + ", PRIMARY KEY (tenant, store, revision, n))",
		"CREATE TABLE change (at bigint NOT NULL, tenant " + textType + " NOT NULL, collection " + textType + " NOT NULL, id " + textType +
			" NOT NULL, revision bigint NOT NULL)",
		"CREATE INDEX change_at ON change (at)",
		"INSERT INTO cardea (name, value) VALUES ('pulse', '0'), ('format', '" + strconv.Itoa(formatVersion) + "'), ('" + tupleWritten + "', 'bigint')",
	}
}

// tupleWritten is in the registry where the table of tuples has the column.
const tupleWritten = "tuple.written"

// ensureBase makes what every database has. Several nodes may start at once: whoever loses a race for
// the first table looks again. Where all is there nobody waits for who changes tables just now.
func (e *Engine) ensureBase(ctx context.Context) error {
	var have map[string]string
	for try := 1; ; try++ {
		err := e.read(ctx, func(ctx context.Context, c *pgx.Conn) (err error) {
			if _, err := c.Exec(ctx, registry); err != nil {
				return err
			}
			if _, err := c.Exec(ctx, "INSERT INTO cardea (name, value) VALUES ('lock', '') ON CONFLICT (name) DO NOTHING"); err != nil {
				return err
			}
			have, err = registered(ctx, c)
			return err
		})
		if err == nil {
			break
		}
		if code := stateOf(err); code != codeExists && code != codeDuplicate && code != codeSameName || try == tries {
			return err
		}
	}
	if have["format"] != "" && have["life"] != "" {
		e.life = have["life"]
		e.timed.Store(have[tupleWritten] != "")
		return readable(have)
	}
	return e.alone(ctx, e.makeBase)
}

// readable refuses what a newer version has made.
func readable(have map[string]string) error {
	if n, err := strconv.Atoi(have["format"]); err != nil || n > formatVersion {
		return sentence("the database was written by a newer version of Cardea; start that version")
	}
	return nil
}

func (e *Engine) makeBase(ctx context.Context, tx pgx.Tx, have map[string]string) error {
	if _, ok := have["format"]; !ok {
		for _, statement := range baseTables() {
			if _, err := tx.Exec(ctx, statement); stateOf(err) == codeDuplicate {
				return sentence("the schema holds tables of another program; give Cardea a database or schema of its own")
			} else if err != nil {
				return err
			}
		}
		e.timed.Store(true)
		return e.name(ctx, tx, have)
	}
	if err := readable(have); err != nil {
		return err
	}
	e.timed.Store(have[tupleWritten] != "")
	return e.name(ctx, tx, have)
}

// timeTuples adds to the table of tuples the column that is younger than it.
func (e *Engine) timeTuples(ctx context.Context, tx pgx.Tx, have map[string]string) error {
	if have[tupleWritten] != "" {
		return nil
	}
	err := e.beside(ctx, func(ctx context.Context, c *pgx.Conn) error { return addColumn(ctx, c, "tuple", "written", "bigint") })
	if err == nil {
		err = note(ctx, tx, tupleWritten, "bigint")
	}
	return err
}

// name draws a name for a database that has none.
func (e *Engine) name(ctx context.Context, tx pgx.Tx, have map[string]string) (err error) {
	if e.life = have["life"]; e.life == "" {
		e.life = rand.Text()
		_, err = tx.Exec(ctx, "INSERT INTO cardea (name, value) VALUES ('life', $1)", e.life)
	}
	return err
}

// askAgain is the pause before the next look whether somebody else has changed all tables.
const askAgain = 50 * time.Millisecond

var errTaken = errors.New("postgres: somebody else changes tables")

// alone runs f in a transaction in which nobody else changes tables, with what the registry says. The
// row lock ends with the connection, however this process ends, and takes all of f back with it that was
// done in the transaction.
//
// Nobody waits in a statement for the lock: an index that is built beside its writers waits for all
// statements that were begun before, and they would wait for each other.
func (e *Engine) alone(ctx context.Context, f func(context.Context, pgx.Tx, map[string]string) error) error {
	for {
		err := e.tryAlone(ctx, f)
		if !errors.Is(err, errTaken) {
			return err
		}
		if err := pause.For(ctx, askAgain); err != nil {
			return err
		}
	}
}

func (e *Engine) tryAlone(ctx context.Context, f func(context.Context, pgx.Tx, map[string]string) error) error {
	c, err := e.acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	// Read committed, whatever the database does otherwise: a transaction that keeps its view of the data
	// to its end would be waited for too.
	return pgx.BeginTxFunc(ctx, c, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
		value := ""
		err := tx.QueryRow(ctx, "SELECT value FROM cardea WHERE name = 'lock' FOR UPDATE SKIP LOCKED").Scan(&value)
		if errors.Is(err, pgx.ErrNoRows) {
			return errTaken
		}
		if err != nil {
			return err
		}
		have, err := registered(ctx, tx)
		if err != nil {
			return err
		}
		// What is done beside the transaction takes its time, and the transaction is idle meanwhile. These come
		// last, because a reading keeps its view of the data until the next statement.
		for _, setting := range []string{"statement_timeout", "idle_in_transaction_session_timeout"} {
			if _, err := tx.Exec(ctx, "SET LOCAL "+setting+" = 0"); err != nil {
				return err
			}
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

// Ensure implements store.Keeper. What contradicts what is there is refused before anything is done. New
// tables are one transaction; those that are there are extended while others write to them, see extend.
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
	var have map[string]string
	err := e.read(ctx, func(ctx context.Context, c *pgx.Conn) (err error) {
		have, err = registered(ctx, c)
		return err
	})
	if err == nil {
		err = fit(declared, have)
	}
	// Where nothing is lacking nobody waits for who changes other tables just now.
	if err == nil && (have[tupleWritten] == "" || slices.ContainsFunc(declared, func(t *table) bool { return !t.lacks(have).nothing() })) {
		err = e.alone(ctx, func(ctx context.Context, tx pgx.Tx, have map[string]string) error {
			if err := fit(declared, have); err != nil {
				return err
			}
			if err := e.timeTuples(ctx, tx, have); err != nil {
				return err
			}
			for _, t := range declared {
				if err := e.ensure(ctx, tx, t, have); err != nil {
					return preparing(t, err)
				}
			}
			return nil
		})
	}
	if err != nil {
		return err
	}
	e.timed.Store(true)
	e.tables.Store(&tables)
	return nil
}

// fit refuses what was declared otherwise: whoever wrote it meant something else.
func fit(declared []*table, have map[string]string) error {
	for _, t := range declared {
		if err := t.fits(have); err != nil {
			return preparing(t, err)
		}
	}
	return nil
}

func preparing(t *table, err error) error {
	return fmt.Errorf("preparing collection %s: %w", t.Schema.Name, err)
}

func (t *table) fits(have map[string]string) error {
	for _, c := range t.Schema.Columns {
		if kind, ok := have[t.noted("", c.Name)]; ok && kind != kindName(c.Kind) {
			return fmt.Errorf("postgres: column %s was of another kind; give the new one another name", c.Name)
		}
	}
	for _, d := range t.Schema.Indexes {
		if was, ok := have[t.noted(d.Name, "")]; ok && was != t.definition(d) {
			return fmt.Errorf("postgres: index %s was declared otherwise; give the new one another name", t.Indexes[d.Name].Name)
		}
	}
	return nil
}

// noted is the name in the registry of an index, a column, or the collection.
func (t *table) noted(index, column string) string {
	return relational.Noted(store.Work{Collection: t.Schema.Name, Index: index, Column: column})
}

// lack is what of a table is not there: all of it, or some columns and indexes.
type lack struct {
	all     bool
	columns []store.Column
	indexes []store.Index
}

func (l lack) nothing() bool { return !l.all && len(l.columns)+len(l.indexes) == 0 }

func (t *table) lacks(have map[string]string) (l lack) {
	if _, ok := have[t.noted("", "")]; !ok {
		return lack{all: true}
	}
	for _, c := range t.Schema.Columns {
		if _, ok := have[t.noted("", c.Name)]; !ok {
			l.columns = append(l.columns, c)
		}
	}
	for _, d := range t.Schema.Indexes {
		if _, ok := have[t.noted(d.Name, "")]; !ok {
			l.indexes = append(l.indexes, d)
		}
	}
	return l
}

// ensure creates or extends the table. What was declared once and is no longer stays.
func (e *Engine) ensure(ctx context.Context, tx pgx.Tx, t *table, have map[string]string) error {
	switch l := t.lacks(have); {
	case l.nothing():
		return nil
	case l.all:
		return t.make(ctx, tx)
	default:
		return e.beside(ctx, func(ctx context.Context, c *pgx.Conn) error { return e.extend(ctx, c, t, l) })
	}
}

// make creates the table with all that belongs to it.
func (t *table) make(ctx context.Context, tx pgx.Tx) error {
	work := []string{
		t.create(),
		"CREATE INDEX " + relational.Quote(indexName(t.Schema.Name+":expires")) + " ON " + t.name + " (expires) WHERE expires IS NOT NULL",
	}
	for _, d := range t.Schema.Indexes {
		work = append(work, t.createIndex(d, ""))
	}
	for _, statement := range work {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	if err := note(ctx, tx, t.noted("", ""), ""); err != nil {
		return err
	}
	for _, c := range t.Schema.Columns {
		if err := note(ctx, tx, t.noted("", c.Name), kindName(c.Kind)); err != nil {
			return err
		}
	}
	for _, d := range t.Schema.Indexes {
		if err := note(ctx, tx, t.noted(d.Name, ""), t.definition(d)); err != nil {
			return err
		}
	}
	return nil
}

// note writes into the registry what is there now.
func note(ctx context.Context, c interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
}, name, value string,
) error {
	_, err := c.Exec(ctx, "INSERT INTO cardea (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", name, value)
	return err
}

// definition is what an index is, as it stands in the registry.
func (t *table) definition(d store.Index) string {
	columns := t.Indexes[d.Name].Columns
	if d.Unique {
		return "UNIQUE (tenant, " + ordered(columns[:len(columns)-1], false) + ")"
	}
	return "(tenant, " + ordered(columns, false) + ")"
}

// createIndex is the statement that makes an index; how comes before its name.
func (t *table) createIndex(d store.Index, how string) string {
	unique, columns := "", t.definition(d)
	if d.Unique {
		unique, columns = "UNIQUE ", strings.TrimPrefix(columns, "UNIQUE ")
	}
	return "CREATE " + unique + "INDEX " + how + t.quoted(d) + " ON " + t.name + " " + columns
}

// quoted is the name of an index in statements.
func (t *table) quoted(d store.Index) string {
	return relational.Quote(indexName(t.Indexes[d.Name].Name))
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

// whole reads (tenant, id, version, expires, body).
func (t *table) whole(row pgx.CollectableRow) (store.Record, error) {
	r := store.Record{Key: store.Key{Collection: t.Schema.Name}}
	var tenant string
	var expires *int64
	err := row.Scan(&tenant, &r.ID, &r.Version, &expires, &r.Body)
	r.Tenant, r.ID, r.Expires = id.Tenant(fromText(tenant)), fromText(r.ID), moment(expires)
	return r, err
}

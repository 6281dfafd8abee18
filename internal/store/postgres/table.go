package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// table is what the engine knows of a collection: its declaration and the statements made from it.
//
//	c_<collection>(tenant, id, version, expires, batch, body, x_<column>…)
//
// version counts from 1; expires is in milliseconds or NULL; batch is the Write.ID of the last
// batch whose mark was this row. The body is text and not jsonb: what a document says must come back
// as it was, \u0000 and the members that we do not know included.
type table struct {
	relational.Table
	name    string            // quoted
	indexes map[string]string // name of the constraint or index → declared name

	insert, replace, remove, check, get, many, state string
}

// live is the condition that a row has not expired; the time is parameter n.
func live(n int) string { return "(expires IS NULL OR expires > $" + strconv.Itoa(n) + ")" }

// sure makes a statement fail, with division_by_zero, if the one inside changes or finds no row.
const sureFrom = "SELECT 1 / count(*) FROM "

func newTable(s store.Schema) (*table, error) {
	declared, err := relational.NewTable(s)
	if err != nil {
		return nil, err
	}
	t := &table{Table: declared, name: relational.Quote(declared.Name), indexes: map[string]string{primaryName(s.Name): store.PrimaryIndex}}
	for name, x := range t.Indexes {
		if x.Name != "" {
			t.indexes[indexName(x.Name)] = name
		}
	}
	t.write()
	return t, nil
}

// write makes the statements of which every collection has one.
func (t *table) write() {
	names := append([]string{"tenant", "id", "version", "expires", "batch", "body"}, t.Columns...)
	t.insert = "INSERT INTO " + t.name + " (" + strings.Join(names, ", ") + ") VALUES ($1, $2, 1, $3, $4, $5"
	var set strings.Builder
	for i, c := range t.Columns {
		t.insert += ", $" + strconv.Itoa(6+i)
		fmt.Fprintf(&set, ", %s = $%d", c, 8+i)
	}
	t.insert += ")"
	at := " WHERE tenant = $1 AND id = $2 AND version = $3 AND " + live(4)
	t.replace = "WITH done AS (UPDATE " + t.name + " SET version = version + 1, expires = $5, batch = coalesce($6, batch), body = $7" +
		set.String() + at + " RETURNING 1) " + sureFrom + "done"
	t.remove = "WITH done AS (DELETE FROM " + t.name + at + " RETURNING 1) " + sureFrom + "done"
	t.check = sureFrom + "(SELECT 1 FROM " + t.name + at + " FOR SHARE) AS done"
	t.get = "SELECT version, expires, body FROM " + t.name + " WHERE tenant = $1 AND id = $2 AND " + live(3)
	t.many = "SELECT id, version, expires, body FROM " + t.name + " WHERE tenant = $1 AND id = ANY($2) AND " + live(3)
	t.state = "SELECT version, coalesce(batch, '') FROM " + t.name + " WHERE tenant = $1 AND id = $2"
}

// maxName is the length at which PostgreSQL cuts names off.
const maxName = 63

// indexName is the name of an index. Where PostgreSQL would cut it off, a hash takes the place of the end.
func indexName(name string) string {
	if len(name) <= maxName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:maxName-17] + "~" + hex.EncodeToString(sum[:8])
}

func primaryName(collection string) string { return indexName(collection + "/" + store.PrimaryIndex) }

func columnType(k store.ValueKind) string {
	if k == store.IntKind {
		return "bigint"
	}
	return textType
}

// textType orders texts by their bytes, whatever the database does otherwise.
const textType = `text COLLATE "C"`

// segment is the FROM and WHERE of a statement, its ORDER BY and its arguments.
type segment struct {
	text  string
	order string
	args  []any
}

func (t *table) segments(q store.Scan) ([]segment, error) {
	plan, err := t.Segments(q)
	if err != nil {
		return nil, err
	}
	out := make([]segment, len(plan))
	for i, s := range plan {
		out[i] = t.segment(s, q)
	}
	return out, nil
}

func (t *table) segment(s relational.Segment, q store.Scan) segment {
	var b strings.Builder
	args := []any{tenantText(q.Tenant), q.Now.UnixMilli()}
	b.WriteString(" FROM " + t.name + " WHERE tenant = $1 AND " + live(2))
	compare := func(column, sign string, v store.Value) {
		args = append(args, value(v))
		fmt.Fprintf(&b, " AND %s %s $%d", column, sign, len(args))
	}
	for i, v := range s.Equal {
		if v.Kind == store.None {
			b.WriteString(" AND " + s.Index.Columns[i] + " IS NULL")
			continue
		}
		compare(s.Index.Columns[i], "=", v)
	}
	column := s.Index.Columns[s.At]
	if s.None {
		b.WriteString(" AND " + column + " IS NULL")
	}
	if s.Low.Set {
		compare(column, sign(s.Low, ">"), s.Low.Value)
	}
	if s.High.Set {
		compare(column, sign(s.High, "<"), s.High.Value)
	}
	return segment{text: b.String(), order: " ORDER BY " + ordered(s.Order(), q.Desc), args: args}
}

// ordered is columns in the order of their index, or against it. The id is never NULL and has the
// place of NULLs that the primary key gives it, or PostgreSQL would sort anew.
func ordered(columns []string, desc bool) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		switch {
		case c == "id" && desc:
			out[i] = "id DESC"
		case c == "id":
			out[i] = "id"
		case desc:
			out[i] = c + " DESC NULLS LAST"
		default:
			out[i] = c + " NULLS FIRST"
		}
	}
	return strings.Join(out, ", ")
}

func sign(e relational.Edge, s string) string {
	if e.Inclusive {
		return s + "="
	}
	return s
}

// limited is the segment as a statement that begins with head and ends after n rows.
func (s segment) limited(head, order string, n int) (string, []any) {
	return head + s.text + order + " LIMIT $" + strconv.Itoa(len(s.args)+1), append(s.args, int64(n))
}

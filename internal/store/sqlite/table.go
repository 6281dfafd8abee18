package sqlite

import (
	"fmt"
	"strings"

	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// table is what the engine knows of a collection: its declaration and the statements made from it.
//
//	c_<collection>(tenant, id, version, expires, batch, body, x_<column>…)
//
// version counts from 1; expires is in milliseconds or NULL; batch is the Write.ID of the last
// batch whose mark was this row.
type table struct {
	relational.Table
	name   string            // quoted
	unique map[string]string // columns as SQLite reports them → name of the index

	insert, replace, remove, check, get, state string
}

// live is the condition that a row has not expired. The + keeps the planner from using the index of
// expiries for it.
const live = "(+expires IS NULL OR +expires > ?)"

func newTable(s store.Schema) (*table, error) {
	declared, err := relational.NewTable(s)
	if err != nil {
		return nil, err
	}
	t := &table{Table: declared, name: quote(declared.Name), unique: map[string]string{}}
	for name, x := range t.Indexes {
		switch {
		case name == store.PrimaryIndex:
			t.unique[t.reported(x.Columns)] = name
		case x.Unique:
			t.unique[t.reported(x.Columns[:len(x.Columns)-1])] = name
		}
	}
	t.write()
	return t, nil
}

// write makes the statements of which every collection has one.
func (t *table) write() {
	names := append([]string{"tenant", "id", "version", "expires", "batch", "body"}, t.Columns...)
	t.insert = fmt.Sprintf("INSERT INTO %s (%s) VALUES (?, ?, 1, ?, ?, ?%s)",
		t.name, strings.Join(names, ", "), strings.Repeat(", ?", len(t.Columns)))
	var set strings.Builder
	for _, c := range t.Columns {
		set.WriteString(", " + c + " = ?")
	}
	at := " WHERE tenant = ? AND id = ? AND version = ? AND " + live
	t.replace = "UPDATE " + t.name + " SET version = version + 1, expires = ?, batch = coalesce(?, batch), body = ?" + set.String() + at
	t.remove = "DELETE FROM " + t.name + at
	t.check = "SELECT 1 FROM " + t.name + at
	t.get = "SELECT version, expires, body FROM " + t.name + " WHERE tenant = ? AND id = ? AND " + live
	t.state = "SELECT version, batch FROM " + t.name + " WHERE tenant = ? AND id = ?"
}

// reported is how SQLite names the columns of a unique index in the text of a violation.
func (t *table) reported(columns []string) string {
	table := t.Name + "."
	out := table + "tenant"
	for _, c := range columns {
		out += ", " + table + c
	}
	return out
}

// quote makes an identifier of a checked name.
func quote(name string) string { return relational.Quote(name) }

func columnType(k store.ValueKind) string {
	if k == store.IntKind {
		return "INTEGER"
	}
	return "TEXT"
}

package sqlite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/internal/store"
)

// table is what the engine knows of a collection: its declaration and the statements made from it.
//
//	c_<collection>(tenant, id, version, expires, batch, body, x_<column>…)
//
// version counts from 1; expires is in milliseconds or NULL; batch is the Write.ID of the last
// batch whose mark was this row.
type table struct {
	schema  store.Schema
	name    string // quoted
	columns []string
	indexes map[string]index
	unique  map[string]string // columns as SQLite reports them → name of the index

	insert, replace, remove, check, get, state string
}

// index is a declared index. Its columns are followed by the id, which breaks ties.
type index struct {
	name    string // quoted; "" for the primary key
	columns []string
	kinds   []store.ValueKind
}

func (x index) from() string {
	if x.name == "" {
		return ""
	}
	return " INDEXED BY " + x.name // a statement that cannot use it fails, rather than scan
}

// live is the condition that a row has not expired. The + keeps the planner from using the index of
// expiries for it.
const live = "(+expires IS NULL OR +expires > ?)"

func newTable(s store.Schema) (*table, error) {
	if err := checkSchema(s); err != nil {
		return nil, err
	}
	t := &table{schema: s, name: quote("c_" + s.Name), indexes: map[string]index{}, unique: map[string]string{}}
	for _, c := range s.Columns {
		t.columns = append(t.columns, "x_"+c.Name)
	}
	t.indexes[store.PrimaryIndex] = index{columns: []string{"id"}, kinds: []store.ValueKind{store.TextKind}}
	t.unique[t.reported([]string{"id"})] = store.PrimaryIndex
	for _, d := range s.Indexes {
		x := index{name: quote(s.Name + "/" + d.Name)}
		for _, name := range d.Columns {
			x.columns = append(x.columns, "x_"+name)
			x.kinds = append(x.kinds, s.Columns[columnAt(s, name)].Kind)
		}
		if d.Unique {
			t.unique[t.reported(x.columns)] = d.Name
		}
		x.columns, x.kinds = append(x.columns, "id"), append(x.kinds, store.TextKind)
		t.indexes[d.Name] = x
	}
	t.write()
	return t, nil
}

// write makes the statements of which every collection has one.
func (t *table) write() {
	names := append([]string{"tenant", "id", "version", "expires", "batch", "body"}, t.columns...)
	t.insert = fmt.Sprintf("INSERT INTO %s (%s) VALUES (?, ?, 1, ?, ?, ?%s)",
		t.name, strings.Join(names, ", "), strings.Repeat(", ?", len(t.columns)))
	var set strings.Builder
	for _, c := range t.columns {
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
	table := "c_" + t.schema.Name + "."
	out := table + "tenant"
	for _, c := range columns {
		out += ", " + table + c
	}
	return out
}

func checkSchema(s store.Schema) error {
	if !validName(s.Name) {
		return fmt.Errorf("sqlite: %q cannot be the name of a collection", s.Name)
	}
	for i, c := range s.Columns {
		if !validName(c.Name) || columnAt(s, c.Name) != i || (c.Kind != store.TextKind && c.Kind != store.IntKind) {
			return fmt.Errorf("sqlite: collection %s: bad or repeated column %q", s.Name, c.Name)
		}
	}
	for i, x := range s.Indexes {
		same := func(o store.Index) bool { return o.Name == x.Name }
		if !validName(x.Name) || x.Name == store.PrimaryIndex || slices.IndexFunc(s.Indexes, same) != i || len(x.Columns) == 0 {
			return fmt.Errorf("sqlite: collection %s: bad or repeated index %q", s.Name, x.Name)
		}
		for _, name := range x.Columns {
			if columnAt(s, name) < 0 {
				return fmt.Errorf("sqlite: collection %s: index %s has no column %q", s.Name, x.Name, name)
			}
		}
	}
	return nil
}

func columnAt(s store.Schema, name string) int {
	return slices.IndexFunc(s.Columns, func(c store.Column) bool { return c.Name == name })
}

// validName accepts snake case of at most 48 characters: what may stand in a statement.
func validName(s string) bool {
	return s != "" && len(s) <= 48 && s[0] >= 'a' && s[0] <= 'z' &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// quote makes an identifier of a checked name.
func quote(name string) string { return `"` + name + `"` }

func columnType(k store.ValueKind) string {
	if k == store.IntKind {
		return "INTEGER"
	}
	return "TEXT"
}

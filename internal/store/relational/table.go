package relational

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/internal/store"
)

// Table is a collection as a table: the row's own columns, one for each declared column, the body.
type Table struct {
	Schema  store.Schema
	Name    string   // c_<collection>, not quoted
	Columns []string // x_<column>, in the order of Schema.Columns
	Indexes map[string]Index
}

// Index is a declared index. Its columns are followed by the id, which breaks ties.
type Index struct {
	Name    string // collection/index, not quoted; "" for the primary key
	Columns []string
	Kinds   []store.ValueKind
	Unique  bool
}

// NewTable checks a declaration: what passes may become part of a statement.
func NewTable(s store.Schema) (Table, error) {
	if err := check(s); err != nil {
		return Table{}, err
	}
	t := Table{Schema: s, Name: "c_" + s.Name, Indexes: map[string]Index{}}
	for _, c := range s.Columns {
		t.Columns = append(t.Columns, "x_"+c.Name)
	}
	t.Indexes[store.PrimaryIndex] = Index{Columns: []string{"id"}, Kinds: []store.ValueKind{store.TextKind}, Unique: true}
	for _, d := range s.Indexes {
		x := Index{Name: s.Name + "/" + d.Name, Unique: d.Unique}
		for _, name := range d.Columns {
			x.Columns = append(x.Columns, "x_"+name)
			x.Kinds = append(x.Kinds, s.Columns[ColumnAt(s, name)].Kind)
		}
		x.Columns, x.Kinds = append(x.Columns, "id"), append(x.Kinds, store.TextKind)
		t.Indexes[d.Name] = x
	}
	return t, nil
}

func check(s store.Schema) error {
	if !validName(s.Name) {
		return fmt.Errorf("store: %q cannot be the name of a collection", s.Name)
	}
	for i, c := range s.Columns {
		if !validName(c.Name) || ColumnAt(s, c.Name) != i || (c.Kind != store.TextKind && c.Kind != store.IntKind) {
			return fmt.Errorf("store: collection %s: bad or repeated column %q", s.Name, c.Name)
		}
	}
	for i, x := range s.Indexes {
		same := func(o store.Index) bool { return o.Name == x.Name }
		if !validName(x.Name) || x.Name == store.PrimaryIndex || slices.IndexFunc(s.Indexes, same) != i || len(x.Columns) == 0 {
			return fmt.Errorf("store: collection %s: bad or repeated index %q", s.Name, x.Name)
		}
		for _, name := range x.Columns {
			if ColumnAt(s, name) < 0 {
				return fmt.Errorf("store: collection %s: index %s has no column %q", s.Name, x.Name, name)
			}
		}
	}
	return nil
}

// ColumnAt is the place of a declared column; -1 if there is none of that name.
func ColumnAt(s store.Schema, name string) int {
	return slices.IndexFunc(s.Columns, func(c store.Column) bool { return c.Name == name })
}

// validName accepts snake case of at most 48 characters: what may stand in a statement.
func validName(s string) bool {
	return s != "" && len(s) <= 48 && s[0] >= 'a' && s[0] <= 'z' &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// Quote makes an identifier of a checked name.
func Quote(name string) string { return `"` + name + `"` }

// Derive computes the columns of a stored record, for filling a column that is new.
func (t Table) Derive(r store.Record) ([]store.Value, error) {
	if t.Schema.Derive == nil {
		return nil, fmt.Errorf("store: a new column cannot be filled: the schema does not say how")
	}
	values, err := t.Schema.Derive(r)
	if err == nil && len(values) != len(t.Columns) {
		err = fmt.Errorf("store: %d columns were declared, not %d", len(t.Columns), len(values))
	}
	return values, err
}

package sqlite

import (
	"database/sql/driver"
	"strings"

	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// segment is one contiguous piece of an index: the FROM and WHERE of a statement, its arguments and
// its ORDER BY.
type segment struct {
	text  string
	order string
	args  []driver.Value
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
	b.WriteString(" FROM " + t.name + from(s.Index) + " WHERE tenant = ?")
	args := []driver.Value{string(q.Tenant)}
	for i, v := range s.Equal {
		if v.Kind == store.None {
			b.WriteString(" AND " + s.Index.Columns[i] + " IS NULL")
			continue
		}
		b.WriteString(" AND " + s.Index.Columns[i] + " = ?")
		args = append(args, value(v))
	}
	column := s.Index.Columns[s.At]
	if s.None {
		b.WriteString(" AND " + column + " IS NULL")
	}
	if s.Low.Set {
		b.WriteString(" AND " + column + operator(s.Low, ">"))
		args = append(args, value(s.Low.Value))
	}
	if s.High.Set {
		b.WriteString(" AND " + column + operator(s.High, "<"))
		args = append(args, value(s.High.Value))
	}
	b.WriteString(" AND " + live)
	args = append(args, q.Now.UnixMilli())
	direction := ""
	if q.Desc {
		direction = " DESC"
	}
	order := " ORDER BY " + strings.Join(s.Order(), direction+", ") + direction
	return segment{text: b.String(), order: order, args: args}
}

// from has a statement that cannot use its index fail, rather than scan.
func from(x relational.Index) string {
	if x.Name == "" {
		return ""
	}
	return " INDEXED BY " + quote(x.Name)
}

func operator(e relational.Edge, sign string) string {
	if e.Inclusive {
		return " " + sign + "= ?"
	}
	return " " + sign + " ?"
}

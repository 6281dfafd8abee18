package sqlite

import (
	"database/sql/driver"
	"strings"

	"github.com/cardea-auth/cardea/internal/store"
)

// segment is one contiguous piece of an index: the FROM and WHERE of a statement, its arguments and
// its ORDER BY.
type segment struct {
	text  string
	order string
	args  []driver.Value
}

// plan turns a Scan into segments. What follows a position in an index on (a, b, id) is, in order,
//
//	a = ? AND b = ? AND id > ?   then   a = ? AND b > ?   then   a > ?
//
// each one seek in the index. One comparison of row values would say the same in one statement, but
// not where a column is None (NULL), which sorts before every value: descending, the rows without a
// value come last, and a row value comparison loses them.
type plan struct {
	t     *table
	x     index
	q     store.Scan
	lower edge
	upper edge
	out   []segment
}

// edge bounds the first column after Eq.
type edge struct {
	value     store.Value
	set       bool
	inclusive bool
}

func (t *table) segments(q store.Scan) ([]segment, error) {
	x, ok := t.indexes[q.Index]
	if !ok || len(q.Eq) >= len(x.columns) {
		return nil, store.ErrNoIndex
	}
	p := &plan{t: t, x: x, q: q}
	for i, v := range q.Eq {
		if v.Kind == store.None {
			return nil, nil // None equals nothing
		}
		if v.Kind != x.kinds[i] {
			return nil, store.ErrNoIndex
		}
	}
	if !p.bounds() {
		return nil, store.ErrNoIndex
	}
	if q.After == nil {
		p.add(len(q.Eq), p.lower, p.upper, false)
		return p.out, nil
	}
	if !p.fits(*q.After) {
		return nil, store.ErrNoIndex
	}
	p.after()
	return p.out, nil
}

// bounds finds the edges that From, Until and Prefix set; false if one is of another kind.
func (p *plan) bounds() bool {
	kind := p.x.kinds[len(p.q.Eq)]
	if p.q.From != nil {
		p.lower = edge{value: *p.q.From, set: true, inclusive: true}
	}
	if p.q.Until != nil {
		p.upper = edge{value: *p.q.Until, set: true}
	}
	if p.q.Prefix != "" {
		p.lower = higher(p.lower, edge{value: store.Text(p.q.Prefix), set: true, inclusive: true})
		if end, ok := prefixEnd(p.q.Prefix); ok {
			p.upper = lower(p.upper, edge{value: store.Text(end), set: true})
		}
	}
	return (!p.lower.set || p.lower.value.Kind == kind) && (!p.upper.set || p.upper.value.Kind == kind)
}

// fits reports whether a position can be one of this index.
func (p *plan) fits(after store.Position) bool {
	rest := p.x.kinds[len(p.q.Eq):]
	if len(after.Values) != len(rest)-1 {
		return false
	}
	for i, v := range after.Values {
		if v.Kind != store.None && v.Kind != rest[i] {
			return false
		}
	}
	return true
}

// after adds the segments behind the position, nearest first.
func (p *plan) after() {
	for at := len(p.x.columns) - 1; at >= len(p.q.Eq); at-- {
		low, high := edge{}, edge{}
		if at == len(p.q.Eq) {
			low, high = p.lower, p.upper
		} else if !p.holds(p.position(len(p.q.Eq))) {
			continue
		}
		v := p.position(at)
		switch {
		case p.q.Desc && v.Kind == store.None: // the last: nothing is behind it
		case p.q.Desc:
			p.add(at, low, lower(high, edge{value: v, set: true}), false)
			if at < len(p.x.columns)-1 && !low.set && !high.set {
				p.add(at, edge{}, edge{}, true)
			}
		case v.Kind == store.None:
			p.add(at, notNone(low, p.x.kinds[at]), high, false)
		default:
			p.add(at, higher(low, edge{value: v, set: true}), high, false)
		}
	}
}

// position is the value of column at where the page before ended.
func (p *plan) position(at int) store.Value {
	if at == len(p.x.columns)-1 {
		return store.Text(p.q.After.ID)
	}
	return p.q.After.Values[at-len(p.q.Eq)]
}

// holds reports whether v lies between the edges.
func (p *plan) holds(v store.Value) bool {
	if v.Kind == store.None {
		return !p.lower.set && !p.upper.set
	}
	if p.lower.set && compare(v, p.lower.value) < 0 {
		return false
	}
	return !p.upper.set || compare(v, p.upper.value) < 0
}

// add appends the segment in which the columns before at equal Eq and the position, and column at
// lies between low and high, or is None.
func (p *plan) add(at int, low, high edge, none bool) {
	var b strings.Builder
	b.WriteString(" FROM " + p.t.name + p.x.from() + " WHERE tenant = ?")
	args := []driver.Value{string(p.q.Tenant)}
	for i := range at {
		v := store.Value{}
		if i < len(p.q.Eq) {
			v = p.q.Eq[i]
		} else {
			v = p.position(i)
		}
		if v.Kind == store.None {
			b.WriteString(" AND " + p.x.columns[i] + " IS NULL")
			continue
		}
		b.WriteString(" AND " + p.x.columns[i] + " = ?")
		args = append(args, value(v))
	}
	column := p.x.columns[at]
	if none {
		b.WriteString(" AND " + column + " IS NULL")
	}
	if low.set {
		b.WriteString(" AND " + column + low.operator(">"))
		args = append(args, value(low.value))
	}
	if high.set {
		b.WriteString(" AND " + column + high.operator("<"))
		args = append(args, value(high.value))
	}
	b.WriteString(" AND " + live)
	args = append(args, p.q.Now.UnixMilli())
	p.out = append(p.out, segment{text: b.String(), order: p.order(at), args: args})
}

func (p *plan) order(at int) string {
	direction := ""
	if p.q.Desc {
		direction = " DESC"
	}
	return " ORDER BY " + strings.Join(p.x.columns[at:], direction+", ") + direction
}

func (e edge) operator(sign string) string {
	if e.inclusive {
		return " " + sign + "= ?"
	}
	return " " + sign + " ?"
}

// higher and lower choose the tighter of two lower or two upper edges.
func higher(a, b edge) edge {
	switch {
	case !a.set:
		return b
	case !b.set:
		return a
	}
	if c := compare(a.value, b.value); c > 0 || (c == 0 && !a.inclusive) {
		return a
	}
	return b
}

func lower(a, b edge) edge {
	switch {
	case !a.set:
		return b
	case !b.set:
		return a
	}
	if c := compare(a.value, b.value); c < 0 || (c == 0 && !a.inclusive) {
		return a
	}
	return b
}

// notNone is the edge that only None lies below.
func notNone(e edge, kind store.ValueKind) edge {
	if e.set {
		return e
	}
	least := store.Text("")
	if kind == store.IntKind {
		least = store.Int(-1 << 63)
	}
	return edge{value: least, set: true, inclusive: true}
}

// compare orders two values of one kind as SQLite does: texts by their bytes.
func compare(a, b store.Value) int {
	if a.Kind == store.IntKind && b.Kind == store.IntKind {
		switch {
		case a.Int < b.Int:
			return -1
		case a.Int > b.Int:
			return 1
		}
		return 0
	}
	return strings.Compare(a.Text, b.Text)
}

// prefixEnd is the least text behind all that begin with prefix; false if there is none.
func prefixEnd(prefix string) (string, bool) {
	b := []byte(prefix)
	for len(b) > 0 {
		if b[len(b)-1]++; b[len(b)-1] != 0 {
			return string(b), true
		}
		b = b[:len(b)-1]
	}
	return "", false
}

package relational

import (
	"cmp"
	"strings"
	"unicode/utf8"

	"github.com/cardea-auth/cardea/internal/store"
)

// Segment is one contiguous piece of an index, which one seek finds: the columns before At equal Equal,
// column At lies between Low and High, or is None.
type Segment struct {
	Index     Index
	Equal     []store.Value // one for each column before At; None means that the column is None
	At        int
	Low, High Edge
	None      bool // column At is None
}

// Edge bounds a column.
type Edge struct {
	Value     store.Value
	Set       bool
	Inclusive bool
}

// Order are the columns by which the segment is still to be ordered.
func (s Segment) Order() []string { return s.Index.Columns[s.At:] }

// plan turns a Scan into segments. What follows a position in an index on (a, b, id) is, in order,
//
//	a = ? AND b = ? AND id > ?   then   a = ? AND b > ?   then   a > ?
//
// each one seek in the index. One comparison of row values would say the same in one statement, but
// not where a column is None (NULL), which sorts before every value: descending, the rows without a
// value come last, and a row value comparison loses them.
type plan struct {
	x     Index
	q     store.Scan
	lower Edge
	upper Edge
	out   []Segment
}

// Segments are the pieces that answer q, nearest first. None of them: nothing can match.
func (t Table) Segments(q store.Scan) ([]Segment, error) {
	x, ok := t.Indexes[q.Index]
	if !ok || len(q.Eq) >= len(x.Columns) {
		return nil, store.ErrNoIndex
	}
	p := &plan{x: x, q: q}
	for i, v := range q.Eq {
		if v.Kind == store.None {
			return nil, nil // None equals nothing
		}
		if v.Kind != x.Kinds[i] {
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
	kind := p.x.Kinds[len(p.q.Eq)]
	if p.q.From != nil {
		p.lower = Edge{Value: *p.q.From, Set: true, Inclusive: true}
	}
	if p.q.Until != nil {
		p.upper = Edge{Value: *p.q.Until, Set: true}
	}
	if p.q.Prefix != "" {
		p.lower = higher(p.lower, Edge{Value: store.Text(p.q.Prefix), Set: true, Inclusive: true})
		if end, ok := prefixEnd(p.q.Prefix); ok {
			p.upper = lower(p.upper, Edge{Value: store.Text(end), Set: true})
		}
	}
	return (!p.lower.Set || p.lower.Value.Kind == kind) && (!p.upper.Set || p.upper.Value.Kind == kind)
}

// fits reports whether a position can be one of this index.
func (p *plan) fits(after store.Position) bool {
	rest := p.x.Kinds[len(p.q.Eq):]
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
	for at := len(p.x.Columns) - 1; at >= len(p.q.Eq); at-- {
		low, high := Edge{}, Edge{}
		if at == len(p.q.Eq) {
			low, high = p.lower, p.upper
		} else if !p.holds(p.position(len(p.q.Eq))) {
			continue
		}
		v := p.position(at)
		switch {
		case p.q.Desc && v.Kind == store.None: // the last: nothing is behind it
		case p.q.Desc:
			p.add(at, low, lower(high, Edge{Value: v, Set: true}), false)
			if at < len(p.x.Columns)-1 && !low.Set && !high.Set {
				p.add(at, Edge{}, Edge{}, true)
			}
		case v.Kind == store.None:
			p.add(at, notNone(low, p.x.Kinds[at]), high, false)
		default:
			p.add(at, higher(low, Edge{Value: v, Set: true}), high, false)
		}
	}
}

// position is the value of column at where the page before ended.
func (p *plan) position(at int) store.Value {
	if at == len(p.x.Columns)-1 {
		return store.Text(p.q.After.ID)
	}
	return p.q.After.Values[at-len(p.q.Eq)]
}

// holds reports whether v lies between the edges.
func (p *plan) holds(v store.Value) bool {
	if v.Kind == store.None {
		return !p.lower.Set && !p.upper.Set
	}
	if p.lower.Set && compare(v, p.lower.Value) < 0 {
		return false
	}
	return !p.upper.Set || compare(v, p.upper.Value) < 0
}

// add appends the segment in which the columns before at equal Eq and the position, and column at
// lies between low and high, or is None.
func (p *plan) add(at int, low, high Edge, none bool) {
	s := Segment{Index: p.x, At: at, Low: low, High: high, None: none}
	for i := range at {
		if i < len(p.q.Eq) {
			s.Equal = append(s.Equal, p.q.Eq[i])
		} else {
			s.Equal = append(s.Equal, p.position(i))
		}
	}
	p.out = append(p.out, s)
}

// higher and lower choose the tighter of two lower or two upper edges.
func higher(a, b Edge) Edge {
	switch {
	case !a.Set:
		return b
	case !b.Set:
		return a
	}
	if c := compare(a.Value, b.Value); c > 0 || (c == 0 && !a.Inclusive) {
		return a
	}
	return b
}

func lower(a, b Edge) Edge {
	switch {
	case !a.Set:
		return b
	case !b.Set:
		return a
	}
	if c := compare(a.Value, b.Value); c < 0 || (c == 0 && !a.Inclusive) {
		return a
	}
	return b
}

// notNone is the edge that only None lies below.
func notNone(e Edge, kind store.ValueKind) Edge {
	if e.Set {
		return e
	}
	least := store.Text("")
	if kind == store.IntKind {
		least = store.Int(-1 << 63)
	}
	return Edge{Value: least, Set: true, Inclusive: true}
}

// compare orders two values of one kind as engines do: texts by their bytes.
func compare(a, b store.Value) int {
	if a.Kind == store.IntKind && b.Kind == store.IntKind {
		return cmp.Compare(a.Int, b.Int)
	}
	return strings.Compare(a.Text, b.Text)
}

// prefixEnd is the least text behind all that begin with prefix; false if there is none. It is UTF-8
// like all texts, whose order by code points is that of their bytes.
func prefixEnd(prefix string) (string, bool) {
	for prefix != "" {
		r, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch {
		case r == utf8.MaxRune:
		case r == 0xD7FF: // what follows are halves of UTF-16 pairs, which are no text
			return prefix + "\ue000", true
		default:
			return prefix + string(r+1), true
		}
	}
	return "", false
}

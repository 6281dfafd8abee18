// Package page is how every list is cut into pages: a limit, an opaque cursor, and the items.
package page

// Bounds of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// Request asks for a page. The zero value asks for the first page of DefaultLimit items.
type Request struct {
	Limit  int    // 0 means DefaultLimit; more than MaxLimit means MaxLimit
	Cursor string // Next of the page before; empty means from the start
}

// Size is the number of items to read.
func (r Request) Size() int {
	switch {
	case r.Limit <= 0:
		return DefaultLimit
	case r.Limit > MaxLimit:
		return MaxLimit
	}
	return r.Limit
}

// Page is a part of a list. Next is empty on the last page.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// Map turns a page of A into a page of B, keeping the cursor.
func Map[A, B any](p Page[A], f func(A) B) Page[B] {
	out := Page[B]{Items: make([]B, len(p.Items)), Next: p.Next}
	for i, a := range p.Items {
		out.Items[i] = f(a)
	}
	return out
}

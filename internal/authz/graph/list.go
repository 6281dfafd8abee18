package graph

import (
	"container/heap"
	"context"
	"math"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/page"
)

// List is one page of ids in the order of their bytes.
type List struct {
	IDs []string
	// Everyone says, when plain subjects are listed, that every id of the type which stands in no
	// tuple is allowed as well (through a wildcard). Ids that do stand in one are in the list if
	// and only if they are allowed, so a wildcard with exceptions is told exactly.
	Everyone bool
	// Next is the After of the next page. It is empty if and only if this page is the last.
	Next string
	// Revision is the one that was read. Pages of different revisions neither repeat nor miss an
	// id whose answer did not change between them.
	Revision uint64
}

// ObjectsQuery asks to which objects of a type the subject has a relation.
type ObjectsQuery struct {
	Type       string
	Relation   string
	Subject    Subject
	Contextual []Tuple // as in Query
	After      string  // only ids after this one
	Limit      int     // size of the page; page.DefaultLimit if not positive, no upper bound
}

// Objects lists exactly the objects that Check allows, in pages. The cost is that of walking all the
// subject can reach, for every page, and for a relation with intersections or exclusions on its way
// a check for each object found until the page is full. Errors are those of Check; there is never
// a partial answer.
func (v View) Objects(ctx context.Context, now time.Time, q ObjectsQuery) (List, error) {
	e, err := v.open(ctx, now, q.Contextual)
	if err != nil {
		return List{}, err
	}
	defer v.close(e)
	e.budget = v.graph.limits.List
	r, err := e.model.relation(q.Type, q.Relation)
	if err != nil {
		return List{}, err
	}
	if err := e.about(q.Subject); err != nil {
		return List{}, err
	}
	e.found.start(e, e.model.below(r.id), math.MaxInt)
	if !e.found.finish() {
		return List{}, e.err
	}
	l := lister{e: e, after: q.After}
	for _, a := range e.found.atoms {
		if low(a.key) == r.id {
			l.offer(high(a.key))
		}
	}
	return l.page(v, q.Limit, func(node uint32) (bool, error) {
		if r.exact {
			return true, nil
		}
		return e.run(node, r)
	})
}

// lister sorts candidates only as far as the page needs.
type lister struct {
	e     *evaluator
	after string
	heap  candidates
}

type candidate struct {
	id   string
	node uint32
}

func (l *lister) offer(node uint32) {
	if id := l.e.nameOf(node).id; id > l.after {
		l.heap = append(l.heap, candidate{id, node})
	}
}

// page takes candidates in order until the page is full and one more has passed.
func (l *lister) page(v View, limit int, accept func(uint32) (bool, error)) (List, error) {
	if limit <= 0 {
		limit = page.DefaultLimit
	}
	list := List{Revision: v.state.revision}
	heap.Init(&l.heap)
	for len(l.heap) > 0 {
		c := l.heap[0]
		heap.Pop(&l.heap)
		ok, err := accept(c.node)
		switch {
		case err != nil:
			return List{}, err
		case !ok:
		case len(list.IDs) == limit:
			list.Next = list.IDs[limit-1]
			return list, nil
		default:
			list.IDs = append(list.IDs, c.id)
		}
	}
	return list, nil
}

// candidates is a heap.Interface by id.
type candidates []candidate

func (c candidates) Len() int           { return len(c) }
func (c candidates) Less(i, j int) bool { return c[i].id < c[j].id }
func (c candidates) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *candidates) Push(x any)        { *c = append(*c, x.(candidate)) }

// Pop drops the last one. The caller has read it, so nothing is boxed.
func (c *candidates) Pop() any {
	*c = (*c)[:len(*c)-1]
	return nil
}

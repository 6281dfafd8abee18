package graph

import (
	"cmp"
	"container/heap"
	"context"
	"encoding/binary"
	"iter"
	"math"
	"slices"
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
	// Except are, with SubjectsQuery.Named and Everyone, ids that are not allowed all the same. They
	// count for the size of a page.
	Except []string
	// Missing are parameters of conditions without a value, sorted: some ids of this page's range
	// are allowed or not depending on them, and are not in it.
	Missing []string
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
	Contextual []Tuple        // as in Query
	Context    map[string]any // as in Query
	After      string         // only ids after this one
	Limit      int            // size of the page; page.DefaultLimit if not positive, no upper bound
}

// Objects lists exactly the objects that Check allows, in pages. The cost is that of walking all the
// subject can reach, for every page, and for a relation with intersections or exclusions on its way
// a check for each object found until the page is full. Errors are those of Check; there is never
// a partial answer.
func (v View) Objects(ctx context.Context, now time.Time, q ObjectsQuery) (List, error) {
	if v.graph.Partial() {
		return whole(ctx, v, func(v View) (List, error) { return v.objectsOnce(ctx, now, q) })
	}
	return v.objectsOnce(ctx, now, q)
}

func (v View) objectsOnce(ctx context.Context, now time.Time, q ObjectsQuery) (List, error) {
	e, err := v.open(ctx, now, q.Contextual, q.Context)
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
	e.listing = true
	l := lister{e: e, after: q.After}
	for i, a := range e.found.atoms {
		if low(a.key) == r.id {
			l.offer(high(a.key), r.exact && i < e.found.sure)
		}
	}
	return l.page(v, q.Limit, func(node uint32) (verdict, error) { return l.decide(node, r) })
}

// lister sorts candidates only as far as the page needs.
type lister struct {
	e       *evaluator
	after   string
	found   []candidate
	missing []string
	except  bool // tell who is not allowed
}

// candidate is a node that may be in the list. It holds no pointer, so that to move it costs little.
type candidate struct {
	begins uint64 // the first eight bytes of its id: few comparisons have to look at more
	node   uint32
	sure   bool // allowed, without a check
}

func (l *lister) offer(node uint32, sure bool) {
	id := l.e.nameOf(node).id
	if id <= l.after {
		return
	}
	var first [8]byte
	copy(first[:], id)
	l.found = append(l.found, candidate{binary.BigEndian.Uint64(first[:]), node, sure})
}

// compare orders candidates by the bytes of their ids.
func (l *lister) compare(a, b candidate) int {
	if a.begins != b.begins {
		return cmp.Compare(a.begins, b.begins)
	}
	return cmp.Compare(l.e.nameOf(a.node).id, l.e.nameOf(b.node).id)
}

// inOrder are all candidates. Where about so many are taken that sorting all costs less than a heap, they are sorted.
func (l *lister) inOrder(taken int) iter.Seq[candidate] {
	if taken >= len(l.found)/8 {
		slices.SortFunc(l.found, l.compare)
		return slices.Values(l.found)
	}
	return func(yield func(candidate) bool) {
		heap.Init((*queue)(l))
		for len(l.found) > 0 && yield(l.found[0]) {
			heap.Pop((*queue)(l))
		}
	}
}

// queue is a lister as a heap.Interface.
type queue lister

func (q *queue) Len() int           { return len(q.found) }
func (q *queue) Less(i, j int) bool { return (*lister)(q).compare(q.found[i], q.found[j]) < 0 }
func (q *queue) Swap(i, j int)      { q.found[i], q.found[j] = q.found[j], q.found[i] }
func (q *queue) Push(x any)         { q.found = append(q.found, x.(candidate)) }

// Pop drops the last one, which was read as the first before, so that nothing is boxed.
func (q *queue) Pop() any {
	q.found = q.found[:len(q.found)-1]
	return nil
}

// decide checks (obj, r) and, if it comes to unknown, notes what is missing.
func (l *lister) decide(obj uint32, r *relation) (verdict, error) {
	v, err := l.e.run(obj, r)
	if err != nil || v != unknown {
		return v, err
	}
	missing, err := l.e.doubts(obj, r.id)
	l.missing = append(l.missing, missing...)
	return v, err
}

// page takes candidates in order until the page is full and one more has passed.
func (l *lister) page(v View, limit int, decide func(uint32) (verdict, error)) (List, error) {
	if limit <= 0 {
		limit = page.DefaultLimit
	}
	list, last := List{Revision: v.state.revision}, ""
	for c := range l.inOrder(limit) {
		allowed := yes
		if !c.sure {
			var err error
			if allowed, err = decide(c.node); err != nil {
				return List{}, err
			}
		}
		if allowed != yes && !(l.except && allowed == no) {
			continue
		}
		if len(list.IDs)+len(list.Except) == limit {
			list.Next = last
			break
		}
		last = l.e.nameOf(c.node).id
		if allowed == no {
			list.Except = append(list.Except, last)
		} else {
			list.IDs = append(list.IDs, last)
		}
	}
	slices.Sort(l.missing)
	list.Missing = slices.Compact(l.missing)
	return list, nil
}
